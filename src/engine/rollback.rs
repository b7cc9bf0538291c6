//! Taking it back: the routes of all components first, at once, without waiting for metrics or reads; then verify; then
//! restore what a promotion replaced; then the pods.

use crate::domain::action::{Action, Precondition, Target};
use crate::domain::command::Refusal;
use crate::domain::journal::{Entry, EntryKind};
use crate::domain::mutant::{Mutant, mutant};
use crate::domain::observed::{ComponentObserved, Observed, Workload};
use crate::domain::release::{Strategy, Track};
use crate::domain::rollout::{ComponentTarget, Phase, Recorded, Rollout};
use crate::domain::route::{Acceptance, RouteFacts, RouteProblem};
use crate::domain::time::{Millis, Now};
use crate::domain::verdict::Judgement;
use crate::domain::weight::Weight;

use super::auto_sync;
use super::decide::{LONGEST_GAP, SELF};
use super::leftovers::{leftovers, stays, unread};
use super::needs::image_changes;

mod argo;
mod ratio;
mod unrecorded;

pub use unrecorded::{same_version, undeclared};

use ratio::{is_by_ratio, ratio_back, whole_again};

/// How long a route may take to be held.
pub const ROUTE_DEADLINE: Millis = Millis::secs(60);
/// How long stable may take to be whole again.
pub const STABLE_DEADLINE: Millis = Millis::mins(5);
/// How long stable may take to be whole again before candidates' pods that nothing is sent to any more make room for it: a quota
/// may have none while they stay.
const ROOM_AFTER: Millis = Millis::mins(1);
/// How long the candidate may take to be gone.
pub const PODS_DEADLINE: Millis = Millis::mins(2);

/// Turns a run round. Asked twice, it is the same rollback.
///
/// # Errors
/// [`Refusal::NotNow`] only where there is nothing left to take back.
pub fn begin(r: &mut Rollout, cause: &str, by: &str, now: Now) -> Result<(), Refusal> {
    if mutant(Mutant::NoRollbackWhilePromoting) && matches!(r.step(), Some(crate::domain::step::Step::Promote)) {
        return Err(Refusal::NotNow { what: "it is being promoted".to_owned() });
    }
    match r.phase {
        Phase::RollingBack { .. } => return Ok(()),
        Phase::RolledBack => return Err(Refusal::NotNow { what: "it is rolled back already".to_owned() }),
        Phase::Progressing | Phase::Paused { .. } | Phase::Completed => {}
    }
    r.phase = Phase::RollingBack { cause: cause.to_owned(), by: by.to_owned(), since: now.wall, routes_held: None };
    r.asked = Weight::ZERO;
    r.ended = None;
    (r.ticked, r.covered) = (None, Millis::ZERO);
    r.turn += 1;
    r.trouble.clear();
    r.drifts.clear();
    auto_sync::ask_again(r);
    r.note(Entry { at: now.wall, kind: EntryKind::Decision, actor: by.to_owned(), text: format!("rollback: {cause}") });
    Ok(())
}

/// Takes a run back once more that was back already, for a cause: its end is not on record.
pub fn again(r: &mut Rollout, cause: &str, now: Now) {
    if r.phase == Phase::RolledBack {
        r.phase = Phase::RollingBack { cause: cause.to_owned(), by: SELF.to_owned(), since: now.wall, routes_held: None };
        (r.ended, r.clean_up, r.routes_back) = (None, None, None);
        (r.ticked, r.covered) = (None, Millis::ZERO);
        r.turn += 1;
    }
}

/// The first writes of a rollback from memory alone: every route that is known and not on stable. Nothing is read first.
pub fn first_moves(r: &Rollout, newest: Option<&Observed>) -> Vec<(Action, Precondition)> {
    let mut moves = Moves::default();
    for (name, target) in &r.targets {
        match (newest.and_then(|o| o.components.get(name)), &target.route) {
            (Some(seen), _) if is_by_ratio(r, name) => ratio_back(Side { r, name, target, seen }, &mut moves),
            (Some(seen), _) if seen.route.is_ok() => route_back(Side { r, name, target, seen }, &mut moves),
            // Pods go when others are seen to be there; from memory alone they only come.
            (_, Some(_)) if is_by_ratio(r, name) => moves.actions.push(whole_again(r, name, target)),
            (_, Some(facts)) => moves.actions.push(back(name, facts)),
            (Some(seen), None) => moves.actions.extend(argo::abort(Side { r, name, target, seen })),
            _ => {}
        }
    }
    // Beside them, never before them, what would put them back.
    let writes = r.seq > 0 || !moves.actions.is_empty();
    moves.actions.extend(newest.filter(|_| writes).map(|o| auto_sync::due(r, o)).unwrap_or_default());
    moves.actions
}

/// The write that sends all of a component's traffic back, whatever has become of its route since.
pub fn back(component: &str, facts: &RouteFacts) -> (Action, Precondition) {
    let (component, facts) = (component.to_owned(), facts.clone());
    let testers = facts.testers_move(false);
    (Action::Route { component, facts, weight: Weight::ZERO, testers }, Precondition::Identity)
}

/// With no ready stable address, stable is scaled first: traffic to nowhere helps nobody. Pods that are ready still and of
/// which none is wanted are as good as gone.
fn stable_first(r: &Rollout, name: &str, target: &ComponentTarget, seen: &ComponentObserved) -> Option<(Action, Precondition)> {
    let stable = seen.stable.as_ref()?;
    // What ran no pod at the start needs one for the traffic that comes back.
    let least = u32::from(seen.route.as_ref().is_ok_and(|f| f.candidate > 0));
    let wanted = target.stable.replicas.max(least);
    let owned = stable.hpa.is_some() && stable.replicas > 0;
    let answers = stable.replicas > 0 && (stable.ready_addresses > 0 || stable.ready > 0);
    if answers || stable.replicas >= wanted || owned {
        return None;
    }
    let target = as_target(r, Track::Stable, stable);
    let action = Action::Scale { component: name.to_owned(), target, from: stable.replicas, to: wanted };
    Some((action, Precondition::Identity))
}

pub(super) fn as_target(r: &Rollout, track: Track, w: &Workload) -> Target {
    Target::of(track, &r.release.namespace, w)
}

/// One component that is taken back, as it was at the start and as it is.
#[derive(Clone, Copy)]
struct Side<'a> {
    r: &'a Rollout,
    name: &'a str,
    target: &'a ComponentTarget,
    seen: &'a ComponentObserved,
}

/// What a turn writes, and what it waits for.
#[derive(Default)]
struct Moves {
    actions: Vec<(Action, Precondition)>,
    waits: Vec<String>,
}

/// One turn of a rollback that has begun.
pub(super) fn drive(r: &mut Rollout, observed: &Observed, judgement: &Judgement, now: Now) -> Vec<(Action, Precondition)> {
    if r.errors_before.is_none() {
        r.errors_before = candidate_errors(judgement);
    }
    if let Some(gap) = r.ticked.map(|t| now.elapsed(t.mono)).filter(|gap| *gap <= LONGEST_GAP) {
        r.covered = r.covered.plus(gap);
    }
    r.ticked = Some(now);
    let mut moves = Moves::default();
    let targets = std::mem::take(&mut r.targets); // put back below: they are read while `r` is
    for (name, target) in &targets {
        let Some(seen) = observed.components.get(name) else { continue };
        let side = Side { r, name, target, seen };
        if r.release.strategy == Strategy::ArgoRollout {
            argo::back(side, &mut moves);
            continue;
        }
        if is_by_ratio(r, name) {
            ratio_back(side, &mut moves);
        } else {
            route_back(side, &mut moves);
        }
        restore_stable(side, &mut moves);
    }
    let Moves { mut actions, waits } = moves;
    if mutant(Mutant::PodsBeforeTraffic) {
        r.targets = targets.clone();
        actions.extend(leftovers(r, observed));
    }
    let held = actions.is_empty() && waits.is_empty();
    if let Phase::RollingBack { routes_held, .. } = &mut r.phase
        && routes_held.is_none()
        && targets.keys().all(|name| is_back(name, observed))
    {
        *routes_held = Some(now.wall);
    }
    r.targets = targets;
    if actions.is_empty() && !held && r.covered >= ROOM_AFTER {
        actions = make_room(r, observed, now);
    }
    r.waiting = waits.into_iter().next().or_else(|| actions.first().map(|(a, _)| a.to_string()));
    auto_sync::settle(r, observed, now);
    // What never wrote anything has nothing that could be put back.
    let wrote = r.seq > 0 || !actions.is_empty();
    let beside = if wrote { auto_sync::due(r, observed) } else { Vec::new() };
    let unsettled = auto_sync::unsettled(r, observed).filter(|_| wrote);
    if !held || !beside.is_empty() || unsettled.is_some() {
        r.waiting = r.waiting.take().or_else(|| beside.first().map(|(a, _)| a.to_string())).or(unsettled);
        actions.extend(beside);
        return actions;
    }
    finish(r, observed, now)
}

/// Takes the candidates' pods away before stable is whole, where nothing more of stable is made: of pods that are made and do
/// not get ready the candidate's may be all that still works.
fn make_room(r: &mut Rollout, observed: &Observed, now: Now) -> Vec<(Action, Precondition)> {
    let unmade = |s: &Workload| s.updated < s.replicas && s.updated <= s.ready;
    let starved = r.targets.keys().any(|name| observed.workload(name, Track::Stable).is_some_and(unmade));
    let actions = if starved { leftovers(r, observed) } else { Vec::new() };
    if mutant(Mutant::NoRoomMade) || unread(&actions, observed).is_some() {
        return Vec::new();
    }
    for (action, _) in &actions {
        let text = format!("{}: the candidate's pods go now, and make room for stable's", action.component());
        r.note(Entry { at: now.wall, kind: EntryKind::Decision, actor: SELF.to_owned(), text });
    }
    actions
}

/// Whether a component's route sends nothing of ours to the candidate; one without a route has nothing to send. What cannot be
/// seen is not back.
pub(super) fn is_back(name: &str, observed: &Observed) -> bool {
    if let Some(back) = argo::is_back(name, observed) {
        return back;
    }
    match observed.components.get(name).map(|seen| &seen.route) {
        Some(Ok(f)) => f.candidate == 0 && !f.sends_testers() && f.accepted == Acceptance::Yes,
        Some(Err(problem)) => !problem.may_send(),
        None => true,
    }
}

fn route_back(side: Side<'_>, moves: &mut Moves) {
    let Side { r, name, target, seen } = side;
    let facts = match &seen.route {
        Ok(facts) => facts,
        Err(problem) if problem.may_send() => {
            // As it was last known, until that has landed; whether it did any good is yet to be seen.
            moves.actions.extend(target.route.as_ref().filter(|_| target.held != Some(Weight::ZERO)).map(|known| back(name, known)));
            moves.waits.push(format!("{name}: {problem}; it may still send to the candidate, whose pods stay"));
            return;
        }
        Err(_) => return,
    };
    if let Some(scale) = stable_first(r, name, target, seen) {
        moves.waits.push(format!("{name}: stable has no ready address, it is scaled first"));
        moves.actions.push(scale);
    } else if facts.candidate != 0 || facts.sends_testers() {
        // Where all else is on stable anyway, testers do not wait for it.
        let ready = facts.candidate == 0 || seen.stable.as_ref().is_some_and(|s| s.ready_addresses > 0 || s.ready > 0);
        if ready {
            moves.actions.push(back(name, facts));
        } else {
            moves.waits.push(format!("{name}: waits for a ready stable address"));
        }
    } else if let Acceptance::Pending(what) | Acceptance::Refused(what) = &facts.accepted {
        moves.waits.push(format!("{name}: {what}"));
    }
}

/// Stable carries what was recorded at the start, unpaused, at its size.
fn restore_stable(side: Side<'_>, moves: &mut Moves) {
    let Side { r, name, target, seen } = side;
    let Some(stable) = &seen.stable else {
        moves.waits.push(format!("{name}: stable's Deployment {} is gone", target.stable.name));
        return;
    };
    let to = || as_target(r, Track::Stable, stable);
    let images = image_changes(stable, &target.stable.images);
    let undoing = target.undo.is_some() && stable.template_hash != target.stable.template_hash;
    if let Some(action) = undoing.then(|| undone(name, to(), &target.stable, stable)).flatten() {
        moves.actions.push((action, Precondition::Identity));
        return;
    }
    if !images.is_empty() {
        let cause = Some(format!("cutover {}: rolled back", r.release.name));
        moves.actions.push((
            Action::SetImages { component: name.to_owned(), target: to(), images, cause, paused: stable.paused.then_some(false) },
            Precondition::Identity,
        ));
        return;
    }
    if stable.paused {
        moves.actions.push((Action::SetPaused { component: name.to_owned(), target: to(), paused: false }, Precondition::Identity));
        return;
    }
    // Replicas are given back only where we took them: an autoscaler's or a person's own scaling stays.
    if stable.replicas == 0 && target.stable.replicas > 0 && stable.hpa.is_none() && !moves.waits.iter().any(|w| w.starts_with(name)) {
        moves.actions.push((
            Action::Scale { component: name.to_owned(), target: to(), from: 0, to: target.stable.replicas },
            Precondition::Identity,
        ));
        return;
    }
    let short = stable.ready < stable.replicas.min(target.stable.replicas);
    // Ready pods of the version that is taken back are no pods of stable: they serve until they are replaced.
    let turning = stable.updated < stable.replicas || stable.current > stable.updated;
    let back = stable.ready.min(stable.updated);
    // A pod that never gets ready does not keep the rollback open for ever, as long as another one answers.
    let in_time = r.covered < STABLE_DEADLINE || back == 0;
    if in_time && !stable.is_settled() && (short || turning) {
        moves.waits.push(format!("{name}: stable {back}/{} ready", stable.replicas));
    }
}

/// The undo of an undo: the revision that ran before.
fn undone(name: &str, target: Target, before: &Recorded, stable: &Workload) -> Option<Action> {
    let kept = stable.revisions.iter().find(|k| Some(&k.template_hash) == before.template_hash.as_ref())?;
    Some(Action::Undo {
        component: name.to_owned(),
        target,
        revision: kept.revision,
        replica_set: kept.replica_set.clone(),
        cause: Some("rolled back".to_owned()),
    })
}

/// Traffic and stable are back: the candidate's pods go, now or later.
fn finish(r: &mut Rollout, observed: &Observed, now: Now) -> Vec<(Action, Precondition)> {
    if r.release.keep > Millis::ZERO && has_leftovers(r, observed) && !mutant(Mutant::NothingKept) {
        r.clean_up = keep_until(r, now);
        close(r, observed, now);
        return Vec::new();
    }
    let actions = leftovers(r, observed);
    if let Some(why) = unread(&actions, observed) {
        r.waiting = Some(why);
        return Vec::new();
    }
    if actions.is_empty() {
        close(r, observed, now);
    }
    actions
}

/// When pods that are kept from now on go.
fn keep_until(r: &Rollout, now: Now) -> Option<jiff::Timestamp> {
    let later = now.wall.as_millisecond().saturating_add(i64::try_from(r.release.keep.0).unwrap_or(i64::MAX));
    jiff::Timestamp::from_millisecond(later).ok()
}

fn close(r: &mut Rollout, observed: &Observed, now: Now) {
    r.routes_back = if let Phase::RollingBack { routes_held, .. } = &r.phase { *routes_held } else { None };
    r.phase = Phase::RolledBack;
    r.ended = Some(now.wall);
    r.turn += 1;
    r.waiting = None;
    let short = |name: &String| {
        let stable = observed.workload(name, Track::Stable).filter(|w| w.ready < w.replicas)?;
        Some(format!("; {name}: only {} of {} stable pods are ready", stable.ready, stable.replicas))
    };
    let text = format!("rolled back{}{}", r.targets.keys().filter_map(short).collect::<String>(), stays(r, observed));
    r.note(Entry { at: now.wall, kind: EntryKind::Decision, actor: SELF.to_owned(), text });
}

fn has_leftovers(r: &Rollout, observed: &Observed) -> bool {
    !leftovers(r, observed).is_empty()
}

/// The pods that were kept for the post-mortem go when their time is over. They stay while a route cannot be seen; where it
/// sends something again, somebody else has a use for them, and they are left to them.
pub(super) fn clean_up(r: &mut Rollout, observed: &Observed, now: Now) -> Vec<(Action, Precondition)> {
    // A clock that was set back, or another machine's, makes them stay no longer than they were to.
    let latest = keep_until(r, now);
    r.clean_up = r.clean_up.map(|at| latest.map_or(at, |latest| at.min(latest)));
    if r.clean_up.is_none_or(|at| now.wall < at) || mutant(Mutant::KeptForEver) {
        return Vec::new();
    }
    let actions = leftovers(r, observed);
    if unread(&actions, observed).is_some() {
        return Vec::new();
    }
    let hidden = |name: &String| observed.components.get(name).is_some_and(|c| c.route.as_ref().is_err_and(RouteProblem::may_send));
    if actions.is_empty() && !r.targets.keys().any(hidden) {
        r.clean_up = None;
    }
    actions
}

/// The largest error share of any candidate, 0–1.
pub fn candidate_errors(judgement: &Judgement) -> Option<f64> {
    judgement.arms.values().filter_map(|a| a.get(&Track::Candidate)?.errors).reduce(f64::max)
}
