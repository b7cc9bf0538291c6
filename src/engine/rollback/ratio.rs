//! The way back where pods are the weight.

use crate::domain::action::{Action, Precondition, Target};
use crate::domain::object::{Kind, ObjectRef};
use crate::domain::release::{Router, Track};
use crate::domain::rollout::{ComponentTarget, Rollout};
use crate::domain::route::{Acceptance, RouteFacts};

use super::super::guard;
use super::{Moves, ROUTE_DEADLINE, Side, as_target};

pub(super) fn is_by_ratio(r: &Rollout, name: &str) -> bool {
    r.release.component(name).is_some_and(|c| matches!(c.router, Router::Replicas { .. }))
}

/// Stable at its recorded size, whatever it is now, from memory.
pub(super) fn whole_again(r: &Rollout, name: &str, target: &ComponentTarget) -> (Action, Precondition) {
    let object = ObjectRef::new(Kind::Deployment, r.release.namespace.clone(), target.stable.name.clone());
    let stable = Target { track: Track::Stable, object, uid: target.stable.uid.clone(), stamp: None, resource_version: None };
    let whole = target.stable.replicas;
    (Action::Scale { component: name.to_owned(), target: stable, from: whole, to: whole }, Precondition::Identity)
}

/// Where pods are the weight: stable grows at once; the candidate shrinks as stable's ready pods can bear its share, and
/// goes for good after a while even if one of them never gets ready. It stays only while nobody else answers at all.
pub(super) fn ratio_back(side: Side<'_>, moves: &mut Moves) {
    let Side { r, name, target, seen } = side;
    let Some(stable) = &seen.stable else { return };
    if stable.replicas < target.stable.replicas && (stable.replicas == 0 || stable.hpa.is_none()) {
        let to = as_target(r, Track::Stable, stable);
        let action = Action::Scale { component: name.to_owned(), target: to, from: stable.replicas, to: target.stable.replicas };
        moves.actions.push((action, Precondition::Identity));
    }
    let Some(candidate) = &seen.candidate else { return };
    let late = r.covered >= ROUTE_DEADLINE;
    let keep = match stable.ready {
        0 => candidate.replicas,
        _ if late => 0,
        ready => target.stable.replicas.saturating_sub(guard::bearable(ready)).min(candidate.replicas),
    };
    if candidate.replicas > keep {
        let action = Action::Scale {
            component: name.to_owned(),
            target: as_target(r, Track::Candidate, candidate),
            from: candidate.replicas,
            to: keep,
        };
        moves.actions.push((action, Precondition::Identity));
    }
    if keep > 0 {
        moves.waits.push(format!(
            "{name}: stable {}/{} ready: {keep} candidate pods stay until it can bear their share",
            stable.ready, target.stable.replicas
        ));
    } else if let Ok(RouteFacts { accepted: Acceptance::Pending(what), .. }) = &seen.route {
        moves.waits.push(format!("{name}: {what}"));
    }
}
