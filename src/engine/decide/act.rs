//! The writes of the earliest stage that is not reached, as far as nothing speaks against them.

use crate::domain::action::{Action, Precondition};
use crate::domain::mutant::{Mutant, mutant};
use crate::domain::observed::Observed;
use crate::domain::rollout::{Phase, Rollout};
use crate::domain::step::Step;

use super::super::needs::{Need, Stage, foremost};
use super::super::{drift, guard, room};

/// The writes of the earliest stage; what is waited for becomes `waiting`.
pub(super) fn act(r: &mut Rollout, observed: &Observed, needs: Vec<Need>, stage: Stage) -> Vec<(Action, Precondition)> {
    let mut actions = Vec::new();
    let (mut waiting, mut waits) = (None, Vec::new());
    let raising = |action: &Action| matches!(action, Action::Route { facts, weight, .. } if facts.rises_to(*weight));
    let due = needs.iter().filter(|n| n.stage() == stage).filter_map(|n| if let Need::Act(_, action, _) = n { Some(action) } else { None });
    // Components get their pods together, or none does.
    let room = room::may_write(r, observed, due);
    for need in needs.into_iter().filter(|n| n.stage() == stage) {
        match need {
            Need::Act(_, action, precondition) => {
                // What somebody else wrote stands until a person says what is to be done about it.
                if let Some(foreign) = drift::against(&r.drifts, &action) {
                    waiting = Some(foreign.to_string());
                    continue;
                }
                let promoting = matches!(r.step(), Some(Step::Promote));
                let halted = matches!(r.phase, Phase::Paused { .. }) && !r.by_hand && !mutant(Mutant::PauseIgnored);
                if halted && raising(&action) {
                    continue;
                }
                let safe = match &room {
                    Err(short) if room::adds_pods(&action) => Err(short.clone()),
                    _ if raising(&action) && !promoting => guard::can_hold(r, observed, r.asked),
                    _ => Ok(()),
                };
                match safe {
                    Ok(()) => actions.push((action, precondition)),
                    Err(refusal) => waiting = Some(refusal.to_string()),
                }
            }
            Need::Wait(_, why) => waits.push(why),
        }
    }
    r.waiting = waiting.or_else(|| foremost(waits)).or_else(|| actions.first().map(|(a, _)| a.to_string()));
    actions
}
