//! What people ask of a run under way. Each command is idempotent and bound to the state it was given in, so that a
//! double press cannot skip a step.

use std::sync::Arc;

use crate::domain::command::{Command, Order, Refusal};
use crate::domain::drift::{Drift, Sort};
use crate::domain::journal::{Entry, EntryKind};
use crate::domain::mutant::{Mutant, mutant};
use crate::domain::observed::Observed;
use crate::domain::rollout::{Answer, ORDERS_KEPT, Phase, Rollout};
use crate::domain::step::Step;
use crate::domain::time::{Millis, Now};
use crate::domain::weight::Weight;

use super::needs::missing;
use super::{accept, argo, decide, drift, guard, rollback, room, start};

/// Applies an order to a run. `observed` is the newest look at the cluster, for the capacity guard; without one, going
/// forward is refused and going back is not.
///
/// # Errors
/// A [`Refusal`] that says why and what would work; the run is unchanged then.
pub fn command(rollout: &Rollout, observed: Option<&Observed>, order: &Order, now: Now) -> Result<Rollout, Refusal> {
    if let Some(answer) = rollout.answer(&order.id)
        && answer.refused.is_none()
    {
        return Ok(rollout.clone());
    }
    let back = order.command.goes_back();
    if let Some(mark) = &order.mark
        && !order.command.is_for_any_state()
        && !mutant(Mutant::StaleOrderActs)
        && *mark != rollout.mark()
    {
        return Err(Refusal::Moved { now: describe(rollout) });
    }
    let mut r = rollout.clone();
    if let Some(observed) = observed.filter(|_| !back) {
        // What the routes hold belongs to the weight that was asked so far: a driver may have died with its write just landed.
        drift::remember(&mut r, observed);
    }
    apply(&mut r, observed, order, now)?;
    r.turn += 1;
    r.note(Entry { at: now.wall, kind: EntryKind::Command, actor: order.actor.clone(), text: order.command.to_string() });
    r.orders.push_back(Answer { order: order.id.clone(), refused: None });
    while r.orders.len() > ORDERS_KEPT {
        r.orders.pop_front();
    }
    Ok(r)
}

/// Where a run is, in a sentence.
pub fn describe(rollout: &Rollout) -> String {
    match rollout.step() {
        Some(step) if !rollout.is_over() => format!("{}, step {} of {}: {step}", rollout.phase, rollout.cursor + 1, rollout.plan.len()),
        _ => rollout.phase.to_string(),
    }
}

fn apply(r: &mut Rollout, observed: Option<&Observed>, order: &Order, now: Now) -> Result<(), Refusal> {
    let actor = order.actor.as_str();
    match &order.command {
        Command::RollBack => return rollback::begin(r, &format!("asked by {actor}"), actor, now),
        Command::Reject => return reject(r, actor, now),
        // Whoever drives goes on with the run as it is, also with one that is being taken back.
        Command::TakeOver if !r.is_over() => return Ok(()),
        Command::Start { .. } | Command::Undo { .. } => {
            return Err(Refusal::AlreadyRunning { id: r.id.clone(), phase: r.phase.to_string() });
        }
        _ => {}
    }
    match r.phase {
        Phase::RollingBack { .. } => return Err(Refusal::RollingBack),
        Phase::Completed | Phase::RolledBack => return Err(Refusal::NoRollout),
        Phase::Progressing | Phase::Paused { .. } => {}
    }
    match &order.command {
        Command::Advance => advance(r, observed, actor, now),
        Command::StepBack => step_back(r, observed, order, now),
        Command::SetWeight(weight) => set_weight(r, observed, *weight, order, now),
        Command::Pause => pause(r, observed, actor),
        Command::Resume => resume(r, now),
        Command::AcceptDrift => accept::accept(r, observed, order, now),
        Command::Approve => approve(r, observed, actor, now),
        Command::Promote => promote(r, observed, actor, now),
        Command::RestoreSync => Err(not_now("it is no business of a run: the process that it is asked of does it")),
        Command::Start { .. } | Command::Undo { .. } | Command::Scale { .. } | Command::RollBack | Command::Reject | Command::TakeOver => {
            Ok(())
        }
    }
}

pub(super) fn not_now(what: impl Into<String>) -> Refusal {
    Refusal::NotNow { what: what.into() }
}

/// The guard, before traffic goes up on anything but the plan's own account.
fn hold_check(r: &Rollout, observed: Option<&Observed>, weight: Weight) -> Result<(), Refusal> {
    if weight <= r.asked {
        return Ok(());
    }
    match observed {
        Some(observed) => guard::may_ask(r, observed, weight),
        None => Err(Refusal::TooOld { age: Millis::ZERO }),
    }
}

fn advance(r: &mut Rollout, observed: Option<&Observed>, actor: &str, now: Now) -> Result<(), Refusal> {
    if let Some(foreign) = observed.and_then(|o| drift::find(r, o).into_iter().next()) {
        return Err(not_now(format!("{foreign}; resume to set ours again (p), accept it (A), or roll back (Ctrl-R)")));
    }
    if decide::unhalt(r, now) {
        r.phase = Phase::Progressing;
        return Ok(());
    }
    match r.step().cloned() {
        Some(Step::Follow) => return argo::go_on(r, observed, actor, true),
        Some(Step::Approve(label)) => {
            return Err(not_now(format!("the rollout waits for `{label}` to be approved: approve it (a), or promote (P)")));
        }
        Some(Step::Hold(length) | Step::Retire(length) | Step::Watch(length)) => {
            if let Some(Step::Shift(next)) = r.plan.get(r.cursor + 1) {
                hold_check(r, observed, *next)?;
            }
            if r.plan.get(r.cursor + 1).is_none()
                && let Some((name, facts)) =
                    observed.and_then(|o| r.targets.keys().find_map(|n| Some((n, o.route(n).filter(|f| !f.holds(r.asked))?))))
            {
                return Err(not_now(format!("{name}: {} sends {} % to the candidate and not {}", facts.object, facts.percent(), r.asked)));
            }
            if r.covered < length {
                r.overrides.push(format!("{actor} advanced with {} of {} covered", r.covered.clock(), length.clock()));
            }
            decide::enter(r, r.cursor + 1, now);
        }
        Some(step) if matches!(r.phase, Phase::Paused { .. }) => {
            // Stepped back or set by hand: the step's own weight is what "next" means.
            if let Step::Shift(weight) = step {
                let next = if r.asked < weight { Some((r.cursor, weight)) } else { next_shift(r, r.asked) };
                let Some((cursor, weight)) = next else { return Err(not_now("there is no higher weight in the plan: promote (P)")) };
                hold_check(r, observed, weight)?;
                decide::enter(r, cursor, now);
            }
        }
        Some(step) => return Err(not_now(format!("`{step}` is under way: {}", r.waiting.as_deref().unwrap_or("it ends by itself")))),
        None => return Err(Refusal::NoRollout),
    }
    r.phase = Phase::Progressing;
    Ok(())
}

/// The next step of the plan with a higher weight.
fn next_shift(r: &Rollout, above: Weight) -> Option<(usize, Weight)> {
    r.plan.iter().enumerate().find_map(|(i, s)| if let Step::Shift(w) = s { (*w > above).then_some((i, *w)) } else { None })
}

/// The last step of the plan whose weight is at most `weight`.
pub(super) fn shift_at_most(r: &Rollout, weight: Weight) -> Option<(usize, Weight)> {
    let mut shifts = r.plan.iter().enumerate().filter_map(|(i, s)| if let Step::Shift(w) = s { Some((i, *w)) } else { None });
    shifts.rfind(|(_, w)| *w <= weight)
}

fn step_back(r: &mut Rollout, observed: Option<&Observed>, order: &Order, now: Now) -> Result<(), Refusal> {
    movable(r)?;
    if r.asked == Weight::ZERO {
        return Err(not_now("no traffic goes to the candidate: there is nothing to step back from"));
    }
    // On the way up it goes back to where it stands, never higher.
    let below = Weight::capped(r.asked.percent() - 1).min(decide::stands(r));
    let (cursor, weight) = shift_at_most(r, below).unwrap_or((0, Weight::ZERO));
    decide::enter(r, cursor, now);
    r.asked = weight;
    hand_over(r, observed, order);
    r.by_hand = true;
    r.phase = Phase::Paused { why: format!("stepped back to {weight}"), by: order.actor.clone() };
    Ok(())
}

fn set_weight(r: &mut Rollout, observed: Option<&Observed>, weight: Weight, order: &Order, now: Now) -> Result<(), Refusal> {
    // Stepped back to nothing, the plan stands before its first weight, and a candidate that is ready may get one again.
    let prepared = matches!(r.step(), Some(Step::Prepare)) && observed.is_some_and(|o| missing(r, o).is_empty());
    if !prepared {
        movable(r)?;
    }
    if let Some(c) = r.release.components.iter().find(|c| !c.router.splits() && !matches!(weight.percent(), 0 | 100)) {
        return Err(Refusal::Weight { component: c.name.clone(), why: format!("router {} can hold 0 or 100 % only", c.router.word()) });
    }
    observed.map_or(Ok(()), |o| start::expressible(r, o, weight))?;
    hold_check(r, observed, weight)?;
    if weight == r.asked && matches!(r.phase, Phase::Paused { .. }) {
        return Err(not_now(format!("{weight} is asked for already")));
    }
    let (cursor, _) = shift_at_most(r, weight).unwrap_or((0, Weight::ZERO));
    decide::enter(r, cursor, now);
    r.asked = weight;
    hand_over(r, observed, order);
    r.by_hand = true;
    r.phase = Phase::Paused { why: format!("weight set to {weight} by hand"), by: order.actor.clone() };
    Ok(())
}

/// Whether the weight may be moved by hand in this step.
pub(super) fn movable(r: &Rollout) -> Result<(), Refusal> {
    if r.release.strategy.is_in_place() {
        return Err(not_now(format!(
            "a {} release has no weight of ours: pause it (p), or roll it back (Ctrl-R)",
            r.release.strategy.word()
        )));
    }
    match r.step() {
        Some(Step::Prepare) => Err(not_now("the candidate is not ready for traffic yet")),
        Some(Step::Promote) => Err(not_now("stable is being replaced: roll back (Ctrl-R) instead")),
        Some(Step::Watch(_)) | None => Err(not_now("the release is over: roll back (Ctrl-R) instead")),
        _ => Ok(()),
    }
}

/// Forgets what the routes were last seen to hold: the next write is ours again, over what stood there when it was asked for.
fn hand_over(r: &mut Rollout, observed: Option<&Observed>, order: &Order) {
    let later = |name: &str| observed.and_then(|o| o.components.get(name)).is_some_and(|seen| drift::is_later(seen, order.at));
    r.targets.iter_mut().filter(|(name, _)| !later(name)).for_each(|(_, t)| Arc::make_mut(t).held = None);
}

fn pause(r: &mut Rollout, observed: Option<&Observed>, actor: &str) -> Result<(), Refusal> {
    if let Phase::Paused { why, by } = &r.phase {
        return Err(not_now(format!("already paused by {by}: {why}")));
    }
    // What somebody else wrote is no place to stop at, also where nobody was told of it yet.
    let found = observed.map_or_else(|| r.drifts.clone(), |o| drift::find(r, o));
    let told = std::mem::replace(&mut r.drifts, found);
    decide::halt(r, observed);
    r.drifts = told;
    r.phase = Phase::Paused { why: "asked".to_owned(), by: actor.to_owned() };
    r.by_hand = false;
    Ok(())
}

/// What somebody else changed is set again.
fn resume(r: &mut Rollout, now: Now) -> Result<(), Refusal> {
    if !matches!(r.phase, Phase::Paused { .. }) {
        return Err(not_now("it is not paused"));
    }
    // What turns in place has to come to its share again; and what is not ours to set again is judged from the beginning.
    let rolled = |d: &Drift| r.release.strategy.is_in_place() && matches!(d.sort, Sort::Image(_) | Sort::Resumed);
    if r.drifts.iter().any(|d| d.sort == Sort::Template || rolled(d)) {
        accept::judge_again(r, now);
    }
    decide::unhalt(r, now);
    drift::overrule(r);
    r.trouble.clear();
    if r.step().is_some_and(Step::has_deadline) {
        r.covered = Millis::ZERO; // as long again
    }
    r.phase = Phase::Progressing;
    Ok(())
}

fn approve(r: &mut Rollout, observed: Option<&Observed>, actor: &str, now: Now) -> Result<(), Refusal> {
    if matches!(r.step(), Some(Step::Follow)) {
        return argo::go_on(r, observed, actor, false);
    }
    let Some(Step::Approve(label)) = r.step().cloned() else {
        return Err(not_now(format!("nothing waits for an approval: {}", describe(r))));
    };
    if let Phase::Paused { why, .. } = &r.phase {
        return Err(not_now(format!("paused: {why}; resume first (p)")));
    }
    r.note(Entry { at: now.wall, kind: EntryKind::Decision, actor: actor.to_owned(), text: format!("approved: {label}") });
    decide::enter(r, r.cursor + 1, now);
    Ok(())
}

fn reject(r: &mut Rollout, actor: &str, now: Now) -> Result<(), Refusal> {
    if r.is_over() {
        return Err(Refusal::NoRollout);
    }
    rollback::begin(r, &format!("rejected by {actor}"), actor, now)
}

fn promote(r: &mut Rollout, observed: Option<&Observed>, actor: &str, now: Now) -> Result<(), Refusal> {
    let last = r.plan.iter().rposition(|s| matches!(s, Step::Shift(_) | Step::Roll(_) | Step::Follow)).unwrap_or(0);
    if matches!(r.step(), Some(Step::Promote | Step::Retire(_) | Step::Watch(_)) | None) {
        return Err(not_now("it is being promoted already"));
    }
    if matches!(r.step(), Some(Step::Prepare)) {
        return Err(not_now("the candidate is not ready yet: promote when it is prepared"));
    }
    if let Some(Step::Shift(weight)) = r.plan.get(last) {
        hold_check(r, observed, *weight)?;
    }
    observed.map_or(Ok(()), |o| room::may_promote(r, o))?;
    r.overrides.push(format!("{actor} promoted at {}, skipping the holds and approvals that were left", describe(r)));
    r.express = true;
    if r.cursor < last {
        decide::enter(r, last, now);
    } else {
        decide::unhalt(r, now);
    }
    r.phase = Phase::Progressing;
    Ok(())
}
