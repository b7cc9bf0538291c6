//! What a run knows of its routes and Deployments: learned from every look that shows what it asks for, and from its own writes.

use std::sync::Arc;

use crate::domain::action::Action;
use crate::domain::drift::{Drift, Known, Sort};
use crate::domain::observed::{ComponentObserved, Observed};
use crate::domain::release::{Component, Router, Track};
use crate::domain::rollout::{ComponentTarget, Rollout};
use crate::domain::route::RouteFacts;
use crate::domain::step::Step;
use crate::domain::testers::TestersMove;
use crate::domain::weight::Weight;

use super::super::needs::image_changes;
use super::super::ratio;
use super::{by_us, is_by_pods, is_later, side, wanted};

/// Keeps the newest route facts for a rollback that must not read first, what the routes hold, and what the Deployments are
/// where that is what the run asks for.
pub(in crate::engine) fn remember(r: &mut Rollout, observed: &Observed) {
    let mut targets = std::mem::take(&mut r.targets); // put back below: they are written while `r` is read
    for (name, target) in &mut targets {
        let (Some(component), Some(seen)) = (r.release.component(name), observed.components.get(name)) else { continue };
        // What was looked at may have been another run's: an undo's components have no route.
        if let Ok(facts) = &seen.route
            && component.router != Router::None
        {
            let (held, as_asked) = held(r, component, target, seen, facts);
            let admitted = target.admitted || facts.testers.as_ref().is_some_and(|rule| rule.stands);
            // The weight holds while the testers' rule is still to be put back.
            let put_back = |over: &Drift| over.sort != Sort::Testers || facts.testers.as_ref().is_none_or(|rule| rule.stands);
            let settled = as_asked && target.overruled.as_ref().is_some_and(put_back);
            let moved = target.route.as_ref() != Some(facts);
            // Most looks show what the one before showed: copied is only what is written to.
            if moved || settled || (held, admitted) != (target.held, target.admitted) {
                let target = Arc::make_mut(target);
                (target.held, target.admitted) = (held, admitted);
                target.overruled.take_if(|_| settled);
                if moved {
                    target.route = Some(facts.clone());
                }
            }
        }
        for track in [Track::Stable, Track::Candidate] {
            learn(r, target, seen, track);
        }
    }
    r.targets = targets;
}

/// What a route is known to hold after this look, and whether that is what the run asks for.
fn held(
    r: &Rollout,
    component: &Component,
    target: &ComponentTarget,
    seen: &ComponentObserved,
    facts: &RouteFacts,
) -> (Option<Weight>, bool) {
    if holds(component, target, facts, r.asked) {
        return (Some(r.asked), true);
    }
    let known = if is_by_pods(facts) {
        target.held
    } else if by_us(seen.route_by.as_ref()) && target.held.is_some_and(|held| facts.rises_from(held)) {
        // A late write of ours: it is set again. One that takes back is another process's rollback, not on record yet.
        None
    } else if target.held.is_none() {
        // Ours goes over what is found here, and over nothing that comes later. It stood there already when the hold
        // began: what somebody wrote since is found by a driver that did not see it.
        let stood = matches!(r.step(), Some(Step::Hold(_) | Step::Approve(_))) && is_later(seen, r.entered);
        let found = Some(Weight::capped(facts.percent())).filter(|w| facts.holds(*w));
        if stood { Some(r.asked) } else { found }
    } else {
        target.held
    };
    (known, false)
}

fn learn(r: &Rollout, target: &mut Arc<ComponentTarget>, seen: &ComponentObserved, track: Track) {
    let Some(workload) = side(seen, track) else { return };
    let known = target.known.get(&track);
    let wanted = wanted(r, target, track).is_some_and(|images| image_changes(workload, images).is_empty());
    let same = known.is_some_and(|k| k.uid == workload.uid);
    let news = !same || known.is_some_and(|k| k.images != workload.containers);
    if known.is_none() || (news && (by_us(workload.images_by.as_ref()) || (wanted && same))) {
        let target = Arc::make_mut(target);
        target.known.insert(track, Known::of(workload));
        if track == Track::Stable {
            target.stable.uid.clone_from(&workload.uid);
        }
    }
    // Told by the ReplicaSet that its controller made last: of which that is there is no doubt once all pods are of it.
    let untold = |k: &Known| k.template.is_none() && k.images == workload.containers;
    if target.known.get(&track).is_some_and(untold)
        && workload.is_settled()
        && workload.template_hash.is_some()
        && let Some(known) = Arc::make_mut(target).known.get_mut(&track)
    {
        known.template.clone_from(&workload.template_hash);
    }
}

/// Whether a route holds a weight; a replica ratio does with exactly the pods that we would ask for.
fn holds(component: &Component, target: &ComponentTarget, facts: &RouteFacts, weight: Weight) -> bool {
    match component.router {
        Router::Replicas { .. } => (facts.stable, facts.candidate) == ratio::split(target.stable.replicas, weight),
        _ => facts.holds(weight),
    }
}

/// Ours is set again over what people were told of. A weight that comes later is somebody else's once more; of Deployments
/// and of routes that are gone, whatever is found next is known from then on.
pub(in crate::engine) fn overrule(r: &mut Rollout) {
    for drift in std::mem::take(&mut r.drifts) {
        let Some(target) = r.targets.get_mut(&drift.component).map(Arc::make_mut) else { continue };
        match drift.sort {
            Sort::Weight | Sort::Testers => target.overruled = Some(drift),
            Sort::Route | Sort::Replicas(_) => target.held = None,
            Sort::Resumed => {} // its step is entered anew
            Sort::Image(_) | Sort::Template | Sort::Remade(_) | Sort::Gone(_) => {
                let track = if let Sort::Image(t) | Sort::Remade(t) | Sort::Gone(t) = drift.sort { t } else { Track::Candidate };
                target.known.remove(&track); // of the other side nobody was told
                target.held = target.held.filter(|_| !target.route.as_ref().is_some_and(is_by_pods)); // its pods are its weight
            }
        }
    }
}

/// A write of ours landed: what it asked for is what is expected from now on, though nobody has looked yet.
pub fn landed(r: &mut Rollout, action: &Action) {
    if let Action::Route { component, facts, weight, testers } = action
        && !is_by_pods(facts)
        && let Some(target) = r.targets.get_mut(component).map(Arc::make_mut)
    {
        (target.held, target.overruled) = (Some(*weight), None);
        target.admitted = match testers {
            TestersMove::Add => true,
            TestersMove::Remove => false,
            TestersMove::Keep => target.admitted,
        };
    }
}
