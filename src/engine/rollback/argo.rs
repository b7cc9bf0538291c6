//! The way back of what Argo Rollouts carries out: it is told to abort, which gives the traffic back at once; then its Rollout
//! gets the old version again. Where the new one serves already, the old one does not walk all the steps once more.

use crate::domain::action::{Action, Precondition};
use crate::domain::argo_rollout::{ArgoRollout, Steer};
use crate::domain::observed::{Observed, Workload};
use crate::domain::release::Track;

use super::super::needs::image_changes;
use super::{Moves, STABLE_DEADLINE, Side, as_target, undone};

/// Whether nothing goes to another version than the one that serves: by its router's weight, or, where pods are the weight, by
/// there being no others. `None` where Argo Rollouts carries nothing out.
pub(super) fn is_back(name: &str, observed: &Observed) -> Option<bool> {
    let w = observed.workload(name, Track::Stable)?;
    let argo = w.argo.as_deref()?;
    Some(match (argo.is_midway(), argo.weight) {
        (true, Some(weight)) => weight == 0,
        (true, None) => argo.aborted && w.updated == 0,
        (false, Some(_)) => true,
        (false, None) => w.current <= w.updated,
    })
}

/// The write that gives the traffic back, where Argo Rollouts has given some away and was not told yet.
pub(super) fn abort(side: Side<'_>) -> Option<(Action, Precondition)> {
    let stable = side.seen.stable.as_ref()?;
    let argo = stable.argo.as_ref()?;
    // While it is on its way to the old version there is nothing to abort.
    let astray = argo.is_midway() && stable.is_seen() && template_back(side, stable).is_some();
    (astray && !argo.aborted).then(|| steer(side, stable, Steer::Abort { stable: argo.stable.clone() }))
}

fn steer(side: Side<'_>, stable: &Workload, how: Steer) -> (Action, Precondition) {
    let target = as_target(side.r, Track::Stable, stable);
    (Action::Steer { component: side.name.to_owned(), target, how }, Precondition::Identity)
}

/// One turn of the way back.
pub(super) fn back(side: Side<'_>, moves: &mut Moves) {
    let Side { name, target, seen, .. } = side;
    let Some(stable) = &seen.stable else {
        return moves.waits.push(format!("{name}: Rollout {} is gone", target.stable.name));
    };
    let Some(argo) = stable.argo.as_deref() else {
        return moves.waits.push(format!("{name}: {} is no Argo Rollout any more", stable.name));
    };
    match next(side, stable, argo) {
        Some(write) => moves.actions.push(write),
        None if argo.is_done() && stable.is_seen() => {}
        // What never gets ready does not keep the rollback open for ever, as long as something answers.
        None if side.r.covered >= STABLE_DEADLINE && stable.ready > 0 && !argo.is_midway() => {}
        None => {
            let why = argo.message.as_ref().map(|m| format!(": {m}")).unwrap_or_default();
            moves.waits.push(format!("{name}: Argo Rollouts brings the old version back{why}"));
        }
    }
}

fn next(side: Side<'_>, stable: &Workload, argo: &ArgoRollout) -> Option<(Action, Precondition)> {
    if let Some(write) = template_back(side, stable) {
        return abort(side).or(Some(write));
    }
    if stable.paused {
        let target = as_target(side.r, Track::Stable, stable);
        return Some((Action::SetPaused { component: side.name.to_owned(), target, paused: false }, Precondition::Identity));
    }
    let walks = stable.is_seen() && argo.is_midway() && !argo.promoting;
    walks.then(|| steer(side, stable, Steer::PromoteFull { current: argo.current.clone() }))
}

/// What gives the Rollout the recorded version again, where it has another.
fn template_back(side: Side<'_>, stable: &Workload) -> Option<(Action, Precondition)> {
    let Side { r, name, target, .. } = side;
    let to = as_target(r, Track::Stable, stable);
    if target.undo.is_some() && stable.template_hash != target.stable.template_hash {
        return undone(name, to, &target.stable, stable).map(|action| (action, Precondition::Identity));
    }
    let images = image_changes(stable, &target.stable.images);
    let cause = Some(format!("cutover {}: rolled back", r.release.name));
    let paused = stable.paused.then_some(false);
    let write = || Action::SetImages { component: name.to_owned(), target: to, images: images.clone(), cause, paused };
    (!images.is_empty()).then(|| (write(), Precondition::Identity))
}
