//! Whether objects are such that a release by this router can be carried through at all: told before the first write.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::command::Refusal;
use crate::domain::observed::{Autoscaler, Workload};
use crate::domain::release::{Component, Release, Router};
use crate::domain::rollout::ComponentTarget;
use crate::domain::step::Step;

use super::needs::HPA_UNKNOWN;
use super::{plan, ratio};

/// Whether pods can be given out by number: there are some, and nobody else counts them.
///
/// # Errors
/// [`Refusal::Unfit`] with what to do first.
pub(super) fn by_number(
    (release, component): (&Release, &Component),
    stable: &Workload,
    candidate: Option<&Workload>,
    pods: u32,
) -> Result<(), Refusal> {
    if !matches!(component.router, Router::Replicas { .. }) {
        return Ok(());
    }
    let name = &component.name;
    if let Some(hpa) = stable.hpa.as_ref().or(candidate.and_then(|c| c.hpa.as_ref())) {
        return Err(Refusal::Unfit { what: fought(name, hpa) });
    }
    if stable.hpa_unknown || candidate.is_some_and(|c| c.hpa_unknown) {
        return Err(Refusal::Unfit { what: unknown(name) });
    }
    if pods == 0 {
        let what =
            format!("{name}: no pod runs ({} has 0 replicas), so none can be given a share: `cutover scale {name} N` first", stable.name);
        return Err(Refusal::Unfit { what });
    }
    let one_sided = |s: &Step| {
        let Step::Shift(weight) = s else { return None };
        let (stable, candidate) = ratio::split(pods, *weight);
        (!matches!(weight.percent(), 0 | 100) && (stable == 0 || candidate == 0)).then_some((*weight, candidate))
    };
    if let Some((weight, gets)) = plan::compile(release).iter().find_map(one_sided) {
        let why = format!("of {pods} pod {weight} would be {gets} for the candidate: `cutover scale {name} 2` first, or more");
        return Err(Refusal::Weight { component: name.clone(), why });
    }
    Ok(())
}

/// Whether the Service that is switched would reach the candidate's pods.
///
/// # Errors
/// [`Refusal::Unfit`] with the label in which they differ.
pub(super) fn reached(component: &Component, candidate: Option<&Workload>) -> Result<(), Refusal> {
    match candidate.and_then(|w| w.unselected.as_ref()) {
        Some(why) => Err(Refusal::Unfit { what: format!("{}: {why}: correct the label, or the release's `traffic:`", component.name) }),
        None => Ok(()),
    }
}

/// What an autoscaler and a replica ratio would do to each other.
pub(super) fn fought(component: &str, hpa: &Autoscaler) -> String {
    format!(
        "{component}: autoscaler {} owns the replicas; a replica ratio would fight it: remove it for the release, or use a router with weights",
        hpa.name
    )
}

/// Where nobody knows whether one would.
pub(super) fn unknown(component: &str) -> String {
    format!("{component}: {HPA_UNKNOWN}; a replica ratio could fight one")
}

/// Whether no two components move the same weights, also where their routes were found and not declared.
///
/// # Errors
/// [`Refusal::Unfit`] with the two.
pub(super) fn apart(targets: &BTreeMap<String, Arc<ComponentTarget>>) -> Result<(), Refusal> {
    let routes: Vec<_> = targets.iter().filter_map(|(name, target)| Some((name, target.route.as_ref()?))).collect();
    for (n, (name, route)) in routes.iter().enumerate() {
        if let Some((other, _)) = routes.iter().take(n).find(|(_, before)| before.meets(route)) {
            let what = format!(
                "{name} and {other} both move {}; two components on one route would undo each other: release them one by one, or declare \
                 routes of their own",
                route.object
            );
            return Err(Refusal::Unfit { what });
        }
    }
    Ok(())
}
