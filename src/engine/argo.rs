//! Releases that Argo Rollouts' controller carries out: it walks the steps that stand in its Rollout. From here it is given the
//! new version, told to go on where it waits, and taken back.

use std::sync::Arc;

use crate::domain::argo_rollout::ArgoRollout;
use crate::domain::command::Refusal;
use crate::domain::observed::{Observed, Workload};
use crate::domain::release::{Release, Strategy, Track};
use crate::domain::rollout::{ComponentTarget, Phase, Recorded, Rollout};

use super::command::not_now;
use super::needs::{image_changes, speaks_of_wanted};
use super::start::recorded;

/// What Argo Rollouts says of a component.
pub(super) fn told<'a>(observed: &'a Observed, component: &str) -> Option<&'a ArgoRollout> {
    observed.workload(component, Track::Stable)?.argo.as_deref()
}

/// The version that serves: while another one is on its way, it is no longer the one in the Rollout's own template.
pub(super) fn serving(workload: &Workload) -> Recorded {
    let whole = recorded(workload);
    let Some(argo) = workload.argo.as_ref().filter(|a| a.is_midway()) else { return whole };
    match workload.revisions.iter().find(|k| k.template_hash == argo.stable) {
        Some(kept) => Recorded {
            images: kept.images.clone(),
            revision: Some(kept.revision),
            template_hash: Some(kept.template_hash.clone()),
            ..whole
        },
        None => whole,
    }
}

/// Whether a Rollout can be released from here.
///
/// # Errors
/// [`Refusal::Unfit`] with what to do instead.
pub(super) fn fits(release: &Release, name: &str, workload: &Workload) -> Result<(), Refusal> {
    let argo = workload.argo.as_ref().filter(|_| release.strategy == Strategy::ArgoRollout);
    let Some(other) = argo.and_then(|argo| argo.template_of.as_ref()) else { return Ok(()) };
    let what = format!("{name}: the pod template of Rollout {} is that of {other} (workloadRef): set the image there", workload.name);
    Err(Refusal::Unfit { what })
}

/// Whether a version can be begun.
///
/// # Errors
/// [`Refusal::Unfit`] where Argo Rollouts gave that one up already.
pub(super) fn may_start(name: &str, target: &ComponentTarget, workload: &Workload) -> Result<(), Refusal> {
    let aborted = workload.argo.as_ref().filter(|argo| argo.aborted && image_changes(workload, &target.images).is_empty());
    let Some(argo) = aborted else { return Ok(()) };
    let why = argo.message.as_ref().map_or("no reason given", |m| m.as_str());
    let what = format!(
        "{name}: Argo Rollouts aborted this version already ({why}): roll back first (Ctrl-R, `cutover rollback`), or name another image"
    );
    Err(Refusal::Unfit { what })
}

/// Ends the pause that Argo Rollouts stands in; `early` also one that would end by itself. Said twice it ends no other.
///
/// # Errors
/// When there is none to end.
pub(super) fn go_on(r: &mut Rollout, observed: Option<&Observed>, actor: &str, early: bool) -> Result<(), Refusal> {
    if let Phase::Paused { why, .. } = &r.phase {
        return Err(not_now(format!("paused: {why}; resume first (p)")));
    }
    let observed = observed.ok_or(Refusal::TooOld { age: Default::default() })?;
    let mut ended = false;
    for (name, target) in &mut r.targets {
        let Some(argo) = told(observed, name) else { continue };
        let pause = argo.pause.as_ref().filter(|p| early || p.lasts.is_none()).filter(|p| target.passed != Some(p.at));
        if let Some(pause) = pause {
            Arc::make_mut(target).passed = Some(pause.at);
            ended = true;
            if pause.lasts.is_some() {
                r.overrides.push(format!("{actor} ended {} of Argo Rollouts early", argo.place()));
            }
        }
    }
    if ended { Ok(()) } else { Err(not_now(nothing_to_end(r, observed))) }
}

fn nothing_to_end(r: &Rollout, observed: &Observed) -> String {
    let said = |(name, target): (&String, &Arc<ComponentTarget>)| {
        let argo = told(observed, name)?;
        Some(match (argo.has_yet_to_go_on(target.passed), &argo.pause) {
            (true, _) => format!("{name}: it was told to go on, and Argo Rollouts has not done so yet"),
            (false, Some(_)) => format!("{name}: {} ends by itself; next (n) ends it now", argo.place()),
            (false, None) => format!("{name}: nothing waits for an approval: {}", argo.place()),
        })
    };
    r.targets.iter().find_map(said).unwrap_or_else(|| "nothing waits for an approval".to_owned())
}

/// Why Argo Rollouts, or Kubernetes, gave the wanted version up.
pub(super) fn failed(r: &Rollout, component: &str, workload: &Workload) -> Option<String> {
    let argo = workload.argo.as_ref().filter(|argo| argo.is_midway() && speaks_of_wanted(r, component, workload))?;
    let why = argo.message.as_ref().map(|m| format!(": {m}")).unwrap_or_default();
    let pods = workload.problems.first().map(|p| format!(" ({p})")).unwrap_or_default();
    match (&workload.stalled, argo.aborted) {
        (_, true) => Some(format!("{component}: Argo Rollouts aborted it{why}{pods}")),
        (Some(stalled), false) => Some(format!("{component}: {} does not come up: {stalled}{pods}", workload.name)),
        (None, false) => None,
    }
}
