//! Whether objects are such that a release by this router can be carried through at all: told before the first write.

use std::collections::BTreeMap;

use crate::domain::command::Refusal;
use crate::domain::observed::{Autoscaler, Workload};
use crate::domain::release::{Component, Router};
use crate::domain::rollout::ComponentTarget;

/// Whether pods can be given out by number: there are some, and nobody else counts them.
///
/// # Errors
/// [`Refusal::Unfit`] with what to do first.
pub(super) fn by_number(component: &Component, stable: &Workload, candidate: Option<&Workload>, pods: u32) -> Result<(), Refusal> {
    if !matches!(component.router, Router::Replicas { .. }) {
        return Ok(());
    }
    let name = &component.name;
    if let Some(hpa) = stable.hpa.as_ref().or(candidate.and_then(|c| c.hpa.as_ref())) {
        return Err(Refusal::Unfit { what: fought(name, hpa) });
    }
    if pods == 0 {
        let what =
            format!("{name}: no pod runs ({} has 0 replicas), so none can be given a share: `cutover scale {name} N` first", stable.name);
        return Err(Refusal::Unfit { what });
    }
    Ok(())
}

/// What an autoscaler and a replica ratio would do to each other.
pub(super) fn fought(component: &str, hpa: &Autoscaler) -> String {
    format!(
        "{component}: autoscaler {} owns the replicas; a replica ratio would fight it: remove it for the release, or use a router with weights",
        hpa.name
    )
}

/// Whether no two components move the same weights, also where their routes were found and not declared.
///
/// # Errors
/// [`Refusal::Unfit`] with the two.
pub(super) fn apart(targets: &BTreeMap<String, ComponentTarget>) -> Result<(), Refusal> {
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
