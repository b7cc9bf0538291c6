//! Blue-green roles swap at the end of a release: stable is whichever colour serves now.

use std::borrow::Cow;
use std::mem::swap;

use crate::domain::observed::{ComponentObserved, Observed};
use crate::domain::release::{Component, Release, Router, Strategy};
use crate::domain::route::{RouteEntry, RouteFacts};

/// The release and the look at it with the roles swapped, when the colour that is declared as the candidate serves
/// everything. `None` when the roles are right as they are.
pub fn turned(release: &Release, observed: &Observed) -> Option<(Release, Observed)> {
    let turn = matches!(release.strategy, Strategy::BlueGreen(_)) && !release.components.is_empty();
    // A canary Ingress is one side's for good.
    let turns = |c: &Component| c.candidate.is_some() && !matches!(c.router, Router::Nginx { .. });
    let serves = |c: &Component| turns(c) && observed.route(&c.name).is_some_and(RouteFacts::is_full);
    (turn && release.components.iter().all(serves)).then(|| other_way(release, observed))
}

/// The release and the look at it with the roles swapped, when the selectors call the side that serves a canary and the other
/// one stable. Blue and green say nothing about who is who.
pub fn as_named(release: &Release, observed: &Observed) -> Option<(Release, Observed)> {
    let contrary = |c: &Component| match &c.router {
        Router::Service { stable, candidate, .. } => CANDIDATES.contains(&stable.as_str()) && STABLES.contains(&candidate.as_str()),
        _ => false,
    };
    (!release.components.is_empty() && release.components.iter().all(contrary)).then(|| other_way(release, observed))
}

/// What selectors call the side that is on trial, and the one that is relied on.
const CANDIDATES: [&str; 3] = ["canary", "candidate", "preview"];
const STABLES: [&str; 3] = ["stable", "primary", "active"];

fn other_way(release: &Release, observed: &Observed) -> (Release, Observed) {
    let (mut release, mut observed) = (release.clone(), observed.clone());
    release.components.iter_mut().for_each(turn_component);
    observed.components.values_mut().for_each(turn_observed);
    (release, observed)
}

/// A look at `looked_as`, seen by a release: as it is, or with the roles swapped where the release has them so.
pub fn facing<'o>(release: &Release, looked_as: &[Component], observed: &'o Observed) -> Option<Cow<'o, Observed>> {
    if release.components == looked_as {
        return Some(Cow::Borrowed(observed));
    }
    let mut other = looked_as.to_vec();
    other.iter_mut().for_each(turn_component);
    if release.components != other {
        return None;
    }
    let mut observed = observed.clone();
    observed.components.values_mut().for_each(turn_observed);
    Some(Cow::Owned(observed))
}

fn turn_component(c: &mut Component) {
    if let Some(candidate) = &mut c.candidate {
        swap(&mut c.stable, candidate);
    }
    match &mut c.router {
        Router::Service { stable, candidate, .. } | Router::Gateway { stable, candidate, .. } => swap(stable, candidate),
        Router::Istio { stable, candidate, .. } => swap(stable, candidate),
        Router::Replicas { .. } | Router::Nginx { .. } | Router::None => {}
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
    // It was told for the other side; the next look tells it for this one.
    facts.testers = None;
    match &mut facts.entry {
        RouteEntry::VirtualService { stable, candidate, .. } => swap(stable, candidate),
        RouteEntry::HttpRoute { stable, candidate, .. } => swap(stable, candidate),
        RouteEntry::Service { stable, candidate, .. } => swap(stable, candidate),
        RouteEntry::Replicas { stable, candidate } => swap(stable, candidate),
        RouteEntry::Ingress { .. } => {}
    }
}
