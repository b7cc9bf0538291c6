//! Blue-green roles swap at the end of a release: stable is whichever colour serves now.

use std::mem::swap;

use crate::domain::observed::{ComponentObserved, Observed};
use crate::domain::release::{Component, Release, Router, Strategy};
use crate::domain::route::{RouteEntry, RouteFacts};

/// The release and the look at it with the roles swapped, when the colour that is declared as the candidate serves
/// everything. `None` when the roles are right as they are.
pub fn turned(release: &Release, observed: &Observed) -> Option<(Release, Observed)> {
    let turn = matches!(release.strategy, Strategy::BlueGreen(_)) && !release.components.is_empty();
    let serves = |c: &Component| c.candidate.is_some() && observed.route(&c.name).is_some_and(RouteFacts::is_full);
    if !turn || !release.components.iter().all(serves) {
        return None;
    }
    let (mut release, mut observed) = (release.clone(), observed.clone());
    release.components.iter_mut().for_each(turn_component);
    observed.components.values_mut().for_each(turn_observed);
    Some((release, observed))
}

/// A look at `looked_as`, seen by a release: as it is, or with the roles swapped where the release has them so.
pub fn facing(release: &Release, looked_as: &[Component], observed: &Observed) -> Option<Observed> {
    if release.components == looked_as {
        return Some(observed.clone());
    }
    let mut other = looked_as.to_vec();
    other.iter_mut().for_each(turn_component);
    if release.components != other {
        return None;
    }
    let mut observed = observed.clone();
    observed.components.values_mut().for_each(turn_observed);
    Some(observed)
}

fn turn_component(c: &mut Component) {
    if let Some(candidate) = &mut c.candidate {
        swap(&mut c.stable, candidate);
    }
    match &mut c.router {
        Router::Service { stable, candidate, .. } | Router::Gateway { stable, candidate, .. } => swap(stable, candidate),
        Router::Istio { stable, candidate, .. } => swap(stable, candidate),
        Router::Replicas { .. } | Router::None => {}
    }
}

fn turn_observed(c: &mut ComponentObserved) {
    swap(&mut c.stable, &mut c.candidate);
    if let Ok(facts) = &mut c.route {
        turn_facts(facts);
    }
}

fn turn_facts(facts: &mut RouteFacts) {
    swap(&mut facts.stable, &mut facts.candidate);
    match &mut facts.entry {
        RouteEntry::VirtualService { stable, candidate, .. } => swap(stable, candidate),
        RouteEntry::HttpRoute { stable, candidate, .. } => swap(stable, candidate),
        RouteEntry::Service { stable, candidate, .. } => swap(stable, candidate),
        RouteEntry::Replicas { stable, candidate } => swap(stable, candidate),
    }
}
