//! Can it hold? Before every increase: would the receiving side's pods bear their share?

use crate::domain::command::Refusal;
use crate::domain::mutant::{Mutant, mutant};
use crate::domain::observed::{Observed, Workload};
use crate::domain::release::{Release, Router, Track};
use crate::domain::rollout::Rollout;
use crate::domain::weight::Weight;

use super::room;

mod scaler;

/// How much more than its share at the start a pod may be given. Pods are sized with some room; half again is the most
/// that is taken on trust.
pub const OVERLOAD: f64 = 1.5;

/// Pods of the candidate that a weight needs, so that each gets no more than a stable pod got at the start.
pub fn pods_needed(stable_pods: u32, weight: Weight) -> u32 {
    match weight.percent() {
        0 => 0,
        p => (u64::from(stable_pods) * u64::from(p)).div_ceil(100).clamp(1, u64::from(u32::MAX)) as u32,
    }
}

/// Pods that stable needs for all of the traffic: those it had at the start, or those that its autoscaler gives it by now.
pub fn stable_pods(at_start: u32, stable: Option<&Workload>) -> u32 {
    let today = stable.filter(|w| w.hpa.is_some()).map_or(0, |w| w.replicas);
    at_start.max(today).max(1)
}

/// How many pods' usual load so many pods bear.
pub fn bearable(ready: u32) -> u32 {
    (f64::from(ready) * OVERLOAD).floor().clamp(0.0, f64::from(u32::MAX)) as u32
}

/// Whether a weight may be asked for: every candidate answers already, and where an autoscaler owns the replicas (nobody
/// else may add pods) the pods there bear it. Otherwise the missing pods are added before the traffic.
///
/// # Errors
/// [`Refusal::CannotHold`] with the numbers and the highest weight that would be safe.
pub fn may_ask(rollout: &Rollout, observed: &Observed, weight: Weight) -> Result<(), Refusal> {
    let scaled_by_us = |c: &str| {
        observed.components.get(c).and_then(|o| o.candidate.as_ref()).is_some_and(|w| !w.may_autoscale() && w.ready_addresses > 0)
    };
    match can_hold(rollout, observed, weight) {
        Err(Refusal::CannotHold { component, .. }) if scaled_by_us(&component) => {}
        Err(refusal) => return Err(refusal),
        Ok(()) => {}
    }
    room::may_grow(rollout, observed, weight)
}

/// Whether every component's candidate can take `weight` with the pods it has now.
///
/// # Errors
/// [`Refusal::CannotHold`] with the numbers and the highest weight that would be safe.
pub fn can_hold(rollout: &Rollout, observed: &Observed, weight: Weight) -> Result<(), Refusal> {
    for c in &rollout.release.components {
        if weight == Weight::ZERO || matches!(c.router, Router::Replicas { .. } | Router::None) {
            continue; // replicas *are* the weight there
        }
        let at_start = rollout.targets.get(&c.name).map_or(1, |t| t.stable.replicas);
        let stable_pods = stable_pods(at_start, observed.workload(&c.name, Track::Stable));
        let Some(side) = observed.components.get(&c.name).and_then(|o| o.candidate.as_ref()) else {
            return Err(Refusal::CannotHold {
                component: c.name.clone(),
                why: "the candidate does not exist".to_owned(),
                safe: Weight::ZERO,
            });
        };
        let cannot = |(why, safe)| Refusal::CannotHold { component: c.name.clone(), why, safe };
        bears(side, stable_pods, weight).map_err(cannot)?;
        if let Some(limit) = observed.components.get(&c.name).and_then(|seen| scaler::against(seen, weight)) {
            return Err(cannot(limit));
        }
    }
    Ok(())
}

fn bears(side: &Workload, stable_pods: u32, weight: Weight) -> Result<(), (String, Weight)> {
    let ready = side.ready_addresses;
    if mutant(Mutant::RaiseWithoutPods) {
        return Ok(());
    }
    if let Some(why) = &side.unselected {
        return Err((why.to_string(), Weight::ZERO));
    }
    if ready == 0 {
        return Err((format!("{} has no ready address ({} of {} pods ready)", side.name, side.ready, side.replicas), Weight::ZERO));
    }
    let share_at_start = 100.0 / f64::from(stable_pods);
    let share = f64::from(weight.percent()) / f64::from(ready);
    if share <= share_at_start * OVERLOAD {
        return Ok(());
    }
    let limited = side
        .hpa
        .as_ref()
        .and_then(scaler::ceiling)
        .map(|ceiling| format!("; {ceiling}"))
        .or_else(|| side.hpa_unknown.then(|| format!("; {}", super::needs::HPA_UNKNOWN)))
        .unwrap_or_default();
    let why = format!(
        "{weight} on {ready} ready pods is {:.1}x the load a pod has where stable has all of it ({stable_pods} pods){limited}",
        share / share_at_start
    );
    Err((why, safe_weight(ready, stable_pods)))
}

/// The highest weight that `ready` pods may take.
pub fn safe_weight(ready: u32, stable_pods: u32) -> Weight {
    let most = f64::from(ready) * OVERLOAD * 100.0 / f64::from(stable_pods.max(1));
    Weight::capped(most.floor().clamp(0.0, 100.0) as u8)
}

/// What a rollback means for stable, in a sentence; never a reason to refuse it.
pub fn stable_can_take(release: &Release, rollout: Option<&Rollout>, observed: &Observed) -> Vec<String> {
    let mut lines = Vec::new();
    for c in &release.components {
        let Some(stable) = observed.components.get(&c.name).and_then(|o| o.stable.as_ref()) else {
            lines.push(format!("{}: Deployment {} does not exist", c.name, c.stable));
            continue;
        };
        let wanted = rollout.and_then(|r| r.targets.get(&c.name)).map_or(stable.replicas, |t| t.stable.replicas).max(1);
        let share = observed.route(&c.name).map_or(0.0, |r| r.share().0);
        let load = match (stable.ready, 1.0 - share) {
            (0, _) => "no stable pod is ready: stable is scaled first".to_owned(),
            (_, now) if now <= 0.0 => format!("from nothing to {:.1}x a pod's usual load", f64::from(wanted) / f64::from(stable.ready)),
            (_, now) => format!("about {:.1}x today's load each", 1.0 / now),
        };
        lines.push(format!("{} {}/{} ready: {load}", c.name, stable.ready, wanted));
    }
    lines
}
