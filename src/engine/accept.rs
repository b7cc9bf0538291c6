//! Taking what somebody else changed as what was asked: the plan goes on from there.

use std::sync::Arc;

use crate::domain::command::{Order, Refusal};
use crate::domain::drift::{Drift, Known, Sort};
use crate::domain::journal::{Entry, EntryKind};
use crate::domain::observed::{Observed, Workload};
use crate::domain::release::{Router, Track};
use crate::domain::rollout::{Phase, Rollout};
use crate::domain::step::Step;
use crate::domain::time::{Millis, Now};
use crate::domain::weight::Weight;

use super::command::{movable, not_now, shift_at_most};
use super::needs::image_changes;
use super::{decide, drift, guard, ratio, start};

/// Takes what stands as asked, and pauses there.
///
/// # Errors
/// When nothing was changed, or something of it cannot be gone on from: why, and what would work.
pub(super) fn accept(r: &mut Rollout, observed: Option<&Observed>, order: &Order, now: Now) -> Result<(), Refusal> {
    let Some(observed) = observed else { return Err(Refusal::TooOld { age: Millis::ZERO }) };
    let drifts = drift::find(r, observed);
    if drifts.is_empty() {
        return Err(not_now("nothing was changed by anybody else: there is nothing to accept"));
    }
    // What is on record was told; what came after it was asked was seen by nobody who asked.
    let later = |d: &&Drift| {
        let written = d.by.as_ref().and_then(|by| by.at);
        written.is_some_and(|at| at > order.at) && !r.drifts.iter().any(|known| known.is_same(d))
    };
    if let Some(d) = drifts.iter().find(later) {
        return Err(not_now(format!("{d}: that came after it was asked to accept what stands: look, and ask again")));
    }
    drifts.iter().try_for_each(|d| acceptable(r, d))?;
    drifts.iter().try_for_each(|d| take_workload(r, observed, d))?;
    if drifts.iter().any(|d| matches!(d.sort, Sort::Weight | Sort::Replicas(_))) {
        take_weight(r, observed, now)?;
    }
    if drifts
        .iter()
        .any(|d| matches!(d.sort, Sort::Image(Track::Candidate) | Sort::Template | Sort::Remade(Track::Candidate)) || is_rolled(r, d))
    {
        judge_again(r, now);
    }
    for d in &drifts {
        let text = format!("accepted: {d}");
        r.note(Entry { at: now.wall, kind: EntryKind::Override, actor: order.actor.clone(), text });
    }
    r.drifts.clear();
    r.trouble.clear();
    let first = drifts.first().map(ToString::to_string).unwrap_or_default();
    r.phase = Phase::Paused { why: format!("accepted: {first}"), by: order.actor.clone() };
    Ok(())
}

fn is_rolled(r: &Rollout, d: &Drift) -> bool {
    r.release.strategy.is_in_place() && matches!(d.sort, Sort::Image(_))
}

fn acceptable(r: &Rollout, d: &Drift) -> Result<(), Refusal> {
    let promoting = matches!(r.step(), Some(Step::Promote | Step::Watch(_)) | None);
    let refused = |why: &str| Err(not_now(format!("{}: {why}", d.component)));
    match d.sort {
        Sort::Gone(_) => {
            refused(&format!("{} is gone, and the plan cannot go on without it: make it again, or roll back (Ctrl-R)", d.object))
        }
        Sort::Route => refused(&format!("{} no longer fits the release ({}): put it right, or roll back (Ctrl-R)", d.object, d.after)),
        Sort::Testers => {
            refused("the release lets testers in: put the rule back (p), leave `testers:` out of the release, or roll back (Ctrl-R)")
        }
        Sort::Resumed => refused("the update goes on past the share that it was to stand at: pause it again (p), or roll back (Ctrl-R)"),
        Sort::Image(_) | Sort::Remade(_) if promoting => {
            refused("stable is being replaced, and what was changed was never judged: set it again (p), or roll back (Ctrl-R)")
        }
        Sort::Image(_) if r.targets.get(&d.component).is_some_and(|t| t.undo.is_some()) => {
            refused("this run puts a kept revision back, and that is another one now: set it again (p), or roll back (Ctrl-R)")
        }
        _ => Ok(()),
    }
}

fn take_workload(r: &mut Rollout, observed: &Observed, d: &Drift) -> Result<(), Refusal> {
    if let (Sort::Template, Some(target)) = (d.sort, r.targets.get_mut(&d.component).map(Arc::make_mut)) {
        target.known.remove(&Track::Candidate); // it is known as it is found next
    }
    let (Sort::Image(track) | Sort::Remade(track)) = d.sort else { return Ok(()) };
    let rolling = r.release.strategy.is_in_place();
    let Some(workload) = observed.workload(&d.component, track) else { return Ok(()) };
    let stable = observed.workload(&d.component, Track::Stable);
    let Some(target) = r.targets.get_mut(&d.component).map(Arc::make_mut) else { return Ok(()) };
    match (d.sort, stable) {
        (Sort::Image(Track::Candidate), Some(stable)) => target.images = start::common(stable, workload),
        (Sort::Image(Track::Stable), _) if rolling => target.images.clone_from(&workload.containers),
        (Sort::Image(Track::Stable), _) => take_stable(target, workload, d)?,
        (Sort::Remade(Track::Stable), _) => target.stable.uid.clone_from(&workload.uid),
        _ => {}
    }
    target.known.insert(track, Known::of(workload));
    Ok(())
}

/// A rollback goes to what stable is now: a person said so.
fn take_stable(target: &mut crate::domain::rollout::ComponentTarget, stable: &Workload, d: &Drift) -> Result<(), Refusal> {
    if image_changes(stable, &target.images).is_empty() {
        let why = "stable runs the new version already, so that nothing would be left to go back to: set the old one again (p), or roll back (Ctrl-R)";
        return Err(not_now(format!("{}: {why}", d.component)));
    }
    target.stable.images.clone_from(&stable.containers);
    (target.stable.revision, target.stable.template_hash) = (stable.revision, stable.template_hash.clone());
    Ok(())
}

/// All components stand at one weight, or there is none to go on from.
fn take_weight(r: &mut Rollout, observed: &Observed, now: Now) -> Result<(), Refusal> {
    movable(r)?;
    let mut weights: Vec<(String, Weight)> = Vec::new();
    for c in &r.release.components {
        let Some(facts) = observed.route(&c.name) else { continue };
        let weight = match (&c.router, r.targets.get_mut(&c.name).map(Arc::make_mut)) {
            (Router::Replicas { .. }, Some(target)) => {
                let total = facts.stable.saturating_add(facts.candidate);
                let fits = |w: &Weight| ratio::split(total, *w) == (facts.stable, facts.candidate);
                let nearest = (0..=100).map(Weight::capped).filter(fits).min_by_key(|w| w.percent().abs_diff(facts.percent()));
                target.stable.replicas = total;
                target.sized = target.sized.map(|base| base.min(total)); // what the traffic needs is what was accepted
                nearest
            }
            _ => Some(Weight::capped(facts.percent())).filter(|w| facts.holds(*w)),
        };
        let Some(weight) = weight else {
            let stands = format!("{} to {}", facts.stable, facts.candidate);
            return Err(not_now(format!("{}: {stands} is no whole percentage: set a weight (w), or ours again (p)", c.name)));
        };
        weights.push((c.name.clone(), weight));
    }
    let Some((_, weight)) = weights.first().cloned() else { return Ok(()) };
    if weights.iter().any(|(_, w)| *w != weight) {
        let all: Vec<String> = weights.iter().map(|(name, w)| format!("{name} {w}")).collect();
        let why = format!("the components stand apart ({}), and they move together: set a weight (w), or ours again (p)", all.join(", "));
        return Err(not_now(why));
    }
    if weight > r.asked {
        guard::can_hold(r, observed, weight)?; // nothing rises any more that pods would be added for
    }
    let (cursor, _) = shift_at_most(r, weight).unwrap_or((0, Weight::ZERO));
    decide::enter(r, cursor, now);
    r.asked = weight;
    r.targets.values_mut().map(Arc::make_mut).for_each(|t| (t.held, t.overruled, t.admitted) = (Some(weight), None, false));
    Ok(())
}

/// What was covered was covered for another version: the step's weight is held anew.
pub(super) fn judge_again(r: &mut Rollout, now: Now) {
    let rolling = r.release.strategy.is_in_place();
    let begun = |s: &Step| if rolling { matches!(s, Step::Roll(_) | Step::Follow) } else { matches!(s, Step::Shift(w) if *w <= r.asked) };
    let cursor = r.plan.iter().take(r.cursor.saturating_add(1)).rposition(begun).unwrap_or(0);
    let asked = r.asked;
    decide::enter(r, cursor, now);
    r.asked = asked;
}
