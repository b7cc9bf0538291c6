//! Why a component's weights are apart: asked, accepted and observed stand side by side, and where they differ somebody must
//! be able to read why.

use crate::domain::release::Component;
use crate::domain::rollout::Rollout;
use crate::domain::route::{Acceptance, RouteEntry, RouteFacts};
use crate::domain::view::View;
use crate::engine::ratio;

use super::words::Status;

/// How far what is measured may be from what the route says before it is said to differ, in points of a percent: below it
/// the cause may be chance alone.
const POINTS: f64 = 5.0;

/// Why a component's weights are not all the same, if they are not.
pub fn apart(view: &View, component: &Component) -> Option<(Status, String)> {
    let running = view.rollout.as_ref().filter(|r| !r.is_over());
    if let Some(why) = running.and_then(|r| r.trouble.get(&component.name)) {
        return Some((Status::Fail, why.clone()));
    }
    let facts = match &view.observed.as_ref()?.components.get(&component.name)?.route {
        Ok(facts) => facts,
        Err(_) if view.release.strategy.is_in_place() => return None,
        Err(problem) => return Some((Status::Unknown, problem.to_string())),
    };
    match &facts.accepted {
        Acceptance::Refused(why) => return Some((Status::Fail, format!("refused: {why}"))),
        Acceptance::Pending(why) => return Some((Status::Progress, why.to_string())),
        Acceptance::Yes => {}
    }
    running.and_then(|r| not_yet(r, component, facts)).or_else(|| beside(view, component, facts))
}

/// What keeps the route from holding what is asked.
fn not_yet(r: &Rollout, component: &Component, facts: &RouteFacts) -> Option<(Status, String)> {
    if facts.percent() == r.asked.percent() {
        return None;
    }
    if let RouteEntry::Replicas { .. } = facts.entry {
        let total = facts.stable.saturating_add(facts.candidate);
        if total > 0 && ratio::split(total, r.asked) == (facts.stable, facts.candidate) {
            return Some((Status::Ok, format!("{} of {total} pods is the nearest", facts.candidate)));
        }
    }
    let waiting = r.waiting.as_deref()?;
    let mine = waiting.strip_prefix(component.name.as_str()).and_then(|rest| rest.strip_prefix(':')).map(str::trim_start);
    let of_another = r.release.components.iter().any(|c| waiting.starts_with(&format!("{}:", c.name)));
    match mine {
        Some(why) => Some((Status::Progress, why.to_owned())),
        // All components move together: what one waits for, the others wait for.
        None if of_another => Some((Status::Progress, format!("waits for {waiting}"))),
        None => Some((Status::Progress, waiting.to_owned())),
    }
}

/// What else sends traffic to the candidate, where more or less of it arrives than the route says.
fn beside(view: &View, component: &Component, facts: &RouteFacts) -> Option<(Status, String)> {
    let measured = view.judgement.observed.get(&component.name)?;
    let differs = (measured.0 - facts.share().0).abs() * 100.0 > POINTS;
    let seen = view.observed.as_ref()?.components.get(&component.name)?;
    let note = seen.notes().next()?;
    (differs || seen.past().is_some()).then(|| (Status::Warn, note.to_string()))
}
