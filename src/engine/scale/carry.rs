//! Carrying it out: the write is planned anew in every turn until the Deployment has the replicas, or the server refuses.

use std::sync::Arc;

use crate::domain::action::{Action, Precondition};
use crate::domain::command::{Command, Order};
use crate::domain::observed::{Observed, Workload};
use crate::domain::release::Track;
use crate::domain::rollout::{Answer, ComponentTarget, ORDERS_KEPT, Rollout, Scaling};
use crate::domain::time::Now;

use super::super::decide::Decision;
use super::super::{auto_sync, ratio};
use super::{Ask, answers, bears, is_by_ratio, to_scale};

/// The writes that people's orders still lack, and those that lack none are answered. What the plan writes to the same
/// Deployment in this turn, `planned`, comes first.
pub(in crate::engine) fn due(r: &mut Rollout, observed: &Observed, planned: &[(Action, Precondition)]) -> Vec<(Action, Precondition)> {
    let mut writes = Vec::new();
    for scaling in std::mem::take(&mut r.scalings) {
        let Some(side) = side(observed, &scaling) else {
            answer(r, &scaling.order, Some(format!("{}: Deployment {} is gone", scaling.component, scaling.deployment)));
            continue;
        };
        if side.1.replicas == scaling.to {
            answer(r, &scaling.order, None);
            continue;
        }
        if let Some(hpa) = side.1.hpa.as_ref().filter(|_| side.1.replicas > 0) {
            answer(r, &scaling.order, Some(format!("{}: HPA {} owns the replicas of {} by now", scaling.component, hpa.name, side.1.name)));
            continue;
        }
        if let Some(why) = no_longer_borne(r, observed, &scaling, side) {
            answer(r, &scaling.order, Some(why));
            continue;
        }
        let action = to_scale(&r.release.namespace, &scaling.component, side, scaling.to);
        if !planned.iter().any(|(other, _)| other.object() == action.object()) {
            writes.push((action, Precondition::Value));
        }
        r.scalings.push(scaling);
    }
    writes
}

/// Why fewer pods can no longer be, where the traffic has moved since they were asked for.
fn no_longer_borne(r: &Rollout, observed: &Observed, scaling: &Scaling, (track, workload): (Track, &Workload)) -> Option<String> {
    let (component, seen) = (r.release.component(&scaling.component)?, observed.components.get(&scaling.component)?);
    let ask = Ask { component, track, replicas: scaling.to, seen, workload };
    if scaling.to >= workload.replicas || is_by_ratio(&ask) {
        return None;
    }
    let borne = if r.is_over() { answers(&ask) } else { bears(r, &ask) };
    borne.err().map(|refusal| refusal.to_string())
}

/// The same where a run is over whose objects are not those that are looked at any more: of its record nothing else is touched.
pub fn alone(r: &Rollout, observed: &Observed, now: Now) -> Option<Decision> {
    if !r.is_over() || r.scalings.is_empty() {
        return None;
    }
    let mut rollout = r.clone();
    let asked = due(&mut rollout, observed, &[]);
    let actions = auto_sync::first(&mut rollout, observed, asked, now);
    Some(Decision { rollout, actions })
}

/// What the order alone would write now: for a dialog, and to weigh the room for it.
pub(in crate::engine) fn writes(next: &Rollout, observed: &Observed, order: &Order) -> Vec<(Action, Precondition)> {
    if next.scalings.iter().any(|s| s.order == order.id) {
        let mut only = next.clone();
        only.scalings.retain(|s| s.order == order.id);
        return due(&mut only, observed, &[]);
    }
    let Command::Scale { component, .. } = &order.command else { return Vec::new() };
    let chosen = next.targets.iter().filter(|(name, _)| component.as_ref().is_none_or(|c| c == *name));
    let sides = |(name, target): (&String, &Arc<ComponentTarget>)| {
        let weight =
            if next.is_back() || matches!(next.step(), Some(crate::domain::step::Step::Promote)) { Default::default() } else { next.asked };
        let (stable, candidate) = ratio::split(target.stable.replicas, weight);
        let grows = [(Track::Candidate, candidate), (Track::Stable, stable)].into_iter().filter_map(|(track, to)| {
            let workload = observed.workload(name, track)?;
            (workload.replicas != to).then(|| (to_scale(&next.release.namespace, name, (track, workload), to), Precondition::Value))
        });
        grows.collect::<Vec<_>>()
    };
    if next.is_over() { Vec::new() } else { chosen.flat_map(sides).collect() }
}

/// The Deployment, whichever side it is by now.
fn side<'a>(observed: &'a Observed, scaling: &Scaling) -> Option<(Track, &'a Workload)> {
    let found = |track| Some((track, observed.workload(&scaling.component, track)?));
    [Track::Stable, Track::Candidate].into_iter().filter_map(found).find(|(_, w)| w.name == scaling.deployment)
}

fn ordered(r: &Rollout, action: &Action) -> Option<usize> {
    let Action::Scale { target, to, .. } = action else { return None };
    r.scalings.iter().position(|s| s.deployment == target.object.name && s.to == *to)
}

/// A write landed: if a person had asked for it, that is the answer.
pub fn landed(r: &mut Rollout, action: &Action) {
    if let Some(at) = ordered(r, action) {
        let scaling = r.scalings.remove(at);
        answer(r, &scaling.order, None);
    }
}

/// A write was refused: if a person had asked for it, they are told, and nothing else follows. Answers whether that was so.
pub fn refused(r: &mut Rollout, action: &Action, why: &str) -> bool {
    let Some(at) = ordered(r, action) else { return false };
    let scaling = r.scalings.remove(at);
    answer(r, &scaling.order, Some(format!("{}: {why}", scaling.component)));
    true
}

pub(in crate::engine) fn answer(r: &mut Rollout, order: &str, refused: Option<String>) {
    r.orders.push_back(Answer { order: order.to_owned(), refused });
    while r.orders.len() > ORDERS_KEPT {
        r.orders.pop_front();
    }
}
