//! What an order to scale would write, and what a person should know before confirming it.

use std::sync::Arc;

use crate::domain::action::Action;
use crate::domain::command::{Command, Order};
use crate::domain::observed::Observed;
use crate::domain::release::Track;
use crate::domain::rollout::{ComponentTarget, Rollout};

use super::super::preview::Preview;
use super::super::{auto_sync, room};
use super::writes;

/// What follows from an order that was taken: `next` is the state with it.
pub(in crate::engine) fn preview(next: &Rollout, observed: Option<&Observed>, order: &Order) -> Preview {
    let Some(observed) = observed else { return Preview::default() };
    let writes = writes(next, observed, order);
    // Who would put it back is stopped first.
    let before = if writes.is_empty() || next.is_back() { Vec::new() } else { auto_sync::due(next, observed) };
    let (actions, preconditions): (Vec<_>, Vec<_>) = before.into_iter().chain(writes).unzip();
    let mut remarks: Vec<String> = actions.iter().flat_map(|a| about(next, observed, a)).collect();
    remarks.extend(of_the_run(next, order));
    if !next.is_back() {
        remarks.extend(auto_sync::remarks(next, observed));
    }
    let room = room::preview_scale(observed, &actions);
    remarks.extend(room.iter().cloned());
    let changes = actions.iter().flat_map(Action::changes).collect();
    Preview { changes, actions, preconditions, remarks, room, ..Preview::default() }
}

/// Who else writes to the Deployment, and whether its pods get anything.
fn about(next: &Rollout, observed: &Observed, action: &Action) -> Vec<String> {
    let Action::Scale { component, target, .. } = action else { return Vec::new() };
    let Some(seen) = observed.components.get(component) else { return Vec::new() };
    let mut lines: Vec<String> = seen.owners.iter().filter(|o| o.object == target.object).map(|o| format!("also managed: {o}")).collect();
    let workload = observed.workload(component, target.track);
    if workload.is_some_and(|w| w.hpa_unknown) {
        lines.push(format!("{component}: whether an autoscaler owns these replicas cannot be told; one would set its own again"));
    }
    if let Some(hpa) = workload.and_then(|w| w.hpa.as_ref()) {
        lines.push(format!(
            "{component}: HPA {} rests while there is no pod, and takes over ({}–{} pods) once there is one",
            hpa.name, hpa.min, hpa.max
        ));
    }
    let percent = seen.route.as_ref().map_or(0, |facts| facts.percent());
    if target.track == Track::Stable && percent == 100 && !next.is_back() {
        lines.push(format!("{component}: the candidate gets all of the traffic now: more pods for that one are {component}/candidate"));
    }
    lines
}

/// What becomes of it in the run under way.
fn of_the_run(next: &Rollout, order: &Order) -> Vec<String> {
    let Command::Scale { component, track, replicas } = &order.command else { return Vec::new() };
    let chosen = next.targets.iter().filter(|(name, _)| component.as_ref().is_none_or(|c| c == *name)).filter(|_| !next.is_over());
    let line = |(name, target): (&String, &Arc<ComponentTarget>)| {
        let whole = target.stable.replicas;
        if *track == Track::Candidate && target.sized.is_none() {
            return None;
        }
        Some(match target.sized.is_some_and(|base| base < whole) {
            true if whole == *replicas => {
                format!("{name}: the rollout counts on {whole} pods of stable from now on, the way back included")
            }
            true => format!("{name}: the weight stays {}: both sides have {whole} pods together from now on", next.asked),
            false => format!("{name}: the rollout goes on counting on {whole} pods for all of the traffic"),
        })
    };
    chosen.filter_map(line).collect()
}
