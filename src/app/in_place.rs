//! One object that turns from the old version into the new one: what stands in the two columns of the screen then.

use crate::domain::observed::Workload;
use crate::domain::release::Track;
use crate::domain::rollout::Rollout;
use crate::domain::verdict::ArmStats;
use crate::domain::view::View;

/// The run that turns it, while that goes forward: what is measured and judged then is the new version.
pub fn turning(view: &View) -> Option<&Rollout> {
    view.rollout.as_ref().filter(|r| r.release.strategy.is_in_place() && !r.is_over() && !r.is_back())
}

/// The new version's share, percent: of the requests where its router says, else of the pods. `None` where nothing turns.
pub fn share(view: &View, component: &str) -> Option<u8> {
    let w = view.observed.as_ref()?.workload(component, Track::Stable)?;
    let told = match &w.argo {
        Some(argo) if argo.is_midway() && !argo.aborted => argo.weight.unwrap_or_else(|| of_pods(w)),
        Some(_) => return None,
        None => {
            turning(view)?;
            of_pods(w)
        }
    };
    u8::try_from(told.min(100)).ok()
}

fn of_pods(w: &Workload) -> u32 {
    u32::try_from(u64::from(w.updated) * 100 / u64::from(w.replicas.max(1))).unwrap_or(100)
}

/// What is measured of a component: of the version that serves, and of the one that is to.
pub fn arms<'a>(view: &'a View, component: &str) -> [Option<&'a ArmStats>; 2] {
    let arms = view.judgement.arms.get(component);
    let arm = |track| arms.and_then(|a| a.get(&track));
    if turning(view).is_some() { [None, arm(Track::Stable)] } else { [arm(Track::Stable), arm(Track::Candidate)] }
}
