//! A candidate whose pods fail by themselves, whatever the gates say: it does not come up, or nobody is left of it to answer.

use crate::domain::mutant::{Mutant, mutant};
use crate::domain::observed::Observed;
use crate::domain::release::{Component, Router, Track};
use crate::domain::rollout::Rollout;
use crate::domain::step::Step;
use crate::domain::time::{Millis, Now};

use super::argo;
use super::decide::{LONGEST_GAP, PREPARE_DEADLINE};
use super::needs::speaks_of_wanted;

/// How long a side that gets traffic may have no ready pod. A pod that is replaced is missed for less.
const UNSERVED: Millis = Millis::secs(10);

/// Why the run is to be taken back, if it is.
pub(super) fn why(r: &Rollout, observed: &Observed) -> Option<String> {
    stuck(r, observed).or_else(|| (r.unserved >= Some(UNSERVED) && !mutant(Mutant::UnservedStays)).then(|| unserved(r, observed)).flatten())
}

/// Counts for how long a candidate had traffic and no pod to answer it: ready pods are no part of what a route is written on,
/// so they are looked at again after every raise, and for as long as the weight stands. A step that begins, as one does when a
/// person resumes, takes nothing off the count.
pub(super) fn count(r: &mut Rollout, observed: &Observed, now: Now) {
    let gap = r.looked.map(|t| now.elapsed(t.mono)).filter(|gap| *gap <= LONGEST_GAP).unwrap_or_default();
    r.looked = Some(now);
    // Until the first such look there may have been one.
    r.unserved = unserved(r, observed).map(|_| r.unserved.map_or(Millis::ZERO, |so_far| so_far.plus(gap)));
}

/// The candidate that nobody answers for, in words. Where pods are the weight, only ready ones get any.
fn unserved(r: &Rollout, observed: &Observed) -> Option<String> {
    matches!(r.step(), Some(Step::Shift(_) | Step::Hold(_) | Step::Approve(_) | Step::Retire(_))).then_some(())?;
    let bare = |c: &Component| {
        let share = observed.route(&c.name).filter(|_| c.router.is_route())?.percent();
        let w = observed.workload(&c.name, Track::Candidate)?;
        let answers = (w.ready > 0 || w.ready_addresses > 0) && w.unselected.is_none();
        let pods = w.problems.first().map(|p| format!(" ({p})")).unwrap_or_default();
        let what = w.unselected.as_ref().map_or_else(|| format!("no pod of {} is ready", w.name), ToString::to_string);
        (share > 0 && !answers).then(|| format!("{}: {what}, and it gets {share} % of the traffic{pods}", c.name))
    };
    r.release.components.iter().find_map(bare)
}

/// A candidate that Kubernetes itself gave up on, or that did not come up in time, before it got any traffic.
fn stuck(r: &Rollout, observed: &Observed) -> Option<String> {
    r.release.components.iter().find_map(|c| {
        let track = if c.candidate.is_some() { Track::Candidate } else { Track::Stable };
        let w = observed.workload(&c.name, track)?;
        let unready = match r.step() {
            Some(Step::Prepare) => w.ready < w.replicas,
            // The old pods may all be ready still; and what is said of another template is no news of this one.
            Some(Step::Roll(_)) => w.ready < w.replicas || (speaks_of_wanted(r, &c.name, w) && !w.is_settled()),
            Some(Step::Follow) => return argo::failed(r, &c.name, w),
            // Where pods are the weight, they come with the shift.
            Some(Step::Shift(_)) => matches!(c.router, Router::Replicas { .. }) && w.ready == 0 && w.replicas > 0,
            _ => return None,
        };
        let late = c.candidate.is_some() && unready && r.covered >= PREPARE_DEADLINE && !mutant(Mutant::NoDeadline);
        if !unready {
            return None;
        }
        let why =
            w.stalled.clone().or_else(|| late.then(|| format!("{} of {} ready after {PREPARE_DEADLINE}", w.ready, w.replicas).into()))?;
        let pods = w.problems.first().map(|p| format!(" ({p})")).unwrap_or_default();
        Some(format!("{}: {} does not come up: {why}{pods}", c.name, w.name))
    })
}
