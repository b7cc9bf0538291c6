//! State + what was read + now → new state + the writes that bring the world nearer.

use crate::domain::action::{Action, Precondition};
use crate::domain::gate::Consequence;
use crate::domain::journal::{Entry, EntryKind};
use crate::domain::observed::Observed;
use crate::domain::release::Track;
use crate::domain::rollout::{Phase, Rollout};
use crate::domain::route::RouteEntry;
use crate::domain::step::Step;
use crate::domain::time::{Millis, Now};
use crate::domain::verdict::{Judgement, Verdict};
use crate::domain::weight::Weight;

use super::needs::{Need, Stage, missing};
use super::{guard, rollback};

/// The longest stretch between two looks that counts as covered; what is longer was a suspended laptop or a stalled process.
pub const LONGEST_GAP: Millis = Millis::secs(30);
/// How long a candidate may take to come up before it is given up. Kubernetes' own deadline does not run for pods that are
/// only scaled up.
pub const PREPARE_DEADLINE: Millis = Millis::mins(10);
/// Who acts when nobody was asked.
pub const SELF: &str = "cutover";

/// What follows from one look at the world.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// The new state; store it before acting.
    pub rollout: Rollout,
    /// The writes, with what must still be true for each. All of one stage: they may be sent in any order.
    pub actions: Vec<(Action, Precondition)>,
}

/// One turn of the reconciler.
pub fn decide(rollout: &Rollout, observed: &Observed, judgement: &Judgement, now: Now) -> Decision {
    let mut r = rollout.clone();
    remember_routes(&mut r, observed);
    match &r.phase {
        Phase::RollingBack { .. } => {
            let actions = rollback::drive(&mut r, observed, judgement, now);
            Decision { rollout: r, actions }
        }
        Phase::RolledBack => {
            let actions = rollback::clean_up(&mut r, observed, now);
            Decision { rollout: r, actions }
        }
        Phase::Completed => Decision { rollout: r, actions: Vec::new() },
        Phase::Progressing | Phase::Paused { .. } => forward(r, observed, judgement, now),
    }
}

fn forward(mut r: Rollout, observed: &Observed, judgement: &Judgement, now: Now) -> Decision {
    // Guards never sleep: they are judged in every phase, before anything else.
    if let Some(cause) = verdict_against(&r, judgement).or_else(|| stalled(&r, observed)) {
        r.errors_before = rollback::candidate_errors(judgement);
        if rollback::begin(&mut r, &cause, SELF, now).is_ok() {
            let actions = rollback::drive(&mut r, observed, judgement, now);
            return Decision { rollout: r, actions };
        }
    }
    pause_where_needed(&mut r, observed, judgement, now);
    let needs = missing(&r, observed);
    let lacking = !needs.is_empty();
    cover(&mut r, observed, judgement, lacking, now);
    // The old colour goes when its time is covered, which may be just now; nothing else depends on the time.
    let needs = if matches!(r.step(), Some(Step::Retire(_))) { missing(&r, observed) } else { needs };
    let needs = pass_over(&mut r, observed, judgement, needs, now);
    let actions = match needs.iter().map(Need::stage).min() {
        Some(stage) => act(&mut r, observed, needs, stage),
        None => Vec::new(),
    };
    Decision { rollout: r, actions }
}

/// Ends every step that lacks nothing; gives what the first one lacks that does not end. `needs` is what the present one lacks.
pub(super) fn pass_over(r: &mut Rollout, observed: &Observed, judgement: &Judgement, mut needs: Vec<Need>, now: Now) -> Vec<Need> {
    // Each turn passes over at most every step once.
    for _ in 0..=r.plan.len() {
        if !needs.is_empty() || !step_done(r, judgement, now) {
            break;
        }
        needs = missing(r, observed);
    }
    needs
}

/// The writes of the earliest stage; what is waited for becomes `waiting`.
fn act(r: &mut Rollout, observed: &Observed, needs: Vec<Need>, stage: Stage) -> Vec<(Action, Precondition)> {
    let mut actions = Vec::new();
    let mut waiting = None;
    let foreign = drift(r, observed);
    let raising = |action: &Action| matches!(action, Action::Route { facts, weight, .. } if facts.rises_to(*weight));
    for need in needs.into_iter().filter(|n| n.stage() == stage) {
        match need {
            // Somebody else's weight stands until a person says what is to be done about it.
            Need::Act(_, Action::Route { component, .. }, _)
                if foreign.as_deref().is_some_and(|why| why.starts_with(&format!("{component}:"))) =>
            {
                waiting = foreign.clone();
            }
            Need::Act(_, action, precondition) => {
                let promoting = matches!(r.step(), Some(Step::Promote));
                let safe = if raising(&action) && !promoting { guard::can_hold(r, observed, r.asked) } else { Ok(()) };
                match safe {
                    Ok(()) => actions.push((action, precondition)),
                    Err(refusal) => waiting = Some(refusal.to_string()),
                }
            }
            Need::Wait(_, why) => waiting = waiting.or(Some(why)),
        }
    }
    r.waiting = waiting.or_else(|| actions.first().map(|(a, _)| a.to_string()));
    actions
}

/// Ends the step under way if nothing but itself keeps it; answers whether the plan went on.
fn step_done(r: &mut Rollout, judgement: &Judgement, now: Now) -> bool {
    if let Phase::Paused { why, .. } = &r.phase {
        r.waiting = Some(format!("paused: {why}"));
        return false;
    }
    let step = r.step().cloned();
    let waiting = match &step {
        None => {
            complete(r, now);
            return false;
        }
        Some(Step::Hold(length) | Step::Watch(length)) if r.covered < *length && !r.express => Some(
            judgement
                .deciding()
                .map_or_else(|| format!("hold {}/{}", r.covered.clock(), length.clock()), |g| format!("{}: {}", g.component, g.evidence)),
        ),
        Some(Step::Retire(length)) if r.covered < *length => {
            Some(format!("the old version is kept warm for {}", length.minus(r.covered).clock()))
        }
        Some(Step::Approve(label)) if !r.express => Some(format!("waits for approval: {label}")),
        Some(Step::Promote) => {
            r.asked = Weight::ZERO;
            None
        }
        _ => None,
    };
    if waiting.is_some() {
        r.waiting = waiting;
        return false;
    }
    if let Some(step) = step {
        r.note(Entry { at: now.wall, kind: EntryKind::Decision, actor: SELF.to_owned(), text: passed(r, &step, judgement) });
    }
    enter(r, r.cursor + 1, now);
    if r.step().is_none() {
        complete(r, now);
    }
    true
}

/// What a step that ended rests on.
fn passed(r: &Rollout, step: &Step, judgement: &Judgement) -> String {
    let requests: u64 = judgement.gates.iter().map(|g| g.requests).max().unwrap_or(0);
    match step {
        Step::Hold(length) if r.express && r.covered < *length => format!("{step} passed over: promotion was asked"),
        Step::Hold(_) | Step::Watch(_) => format!(
            "{step} passed: {} of {} gates healthy, {requests} requests in the last window",
            judgement.gates.len(),
            r.release.gates.len() * r.release.components.len()
        ),
        Step::Shift(w) => format!("{w} asked and accepted"),
        Step::Approve(label) => format!("approval of {label} passed over: promotion was asked"),
        Step::Prepare => "candidate ready".to_owned(),
        Step::Roll(w) => format!("{w} updated"),
        Step::Promote => "stable carries the new version, traffic is back on it".to_owned(),
        Step::Retire(_) => "the old version is scaled down".to_owned(),
    }
}

fn complete(r: &mut Rollout, now: Now) {
    if !matches!(r.phase, Phase::Completed) {
        r.phase = Phase::Completed;
        r.ended = Some(now.wall);
        r.waiting = None;
        r.turn += 1;
        r.note(Entry { at: now.wall, kind: EntryKind::Decision, actor: SELF.to_owned(), text: "completed".to_owned() });
    }
}

/// Goes to a step: its clock starts again, and a shift asks for its weight.
pub(super) fn enter(r: &mut Rollout, cursor: usize, now: Now) {
    r.cursor = cursor;
    r.entered = now.wall;
    r.covered = Millis::ZERO;
    r.ticked = None;
    r.turn += 1;
    r.waiting = None;
    if let Some(Step::Shift(weight)) = r.plan.get(cursor) {
        r.asked = *weight;
    }
}

/// Counts the time since the last look, if every gate passed with fresh data and the candidate was whole. A look by
/// another process, or one too long ago, starts the count again: time nobody watched is not covered. `lacking` says whether
/// the step's state of the world is not reached.
fn cover(r: &mut Rollout, observed: &Observed, judgement: &Judgement, lacking: bool, now: Now) {
    let gap = r.ticked.map(|t| now.elapsed(t.mono));
    r.ticked = Some(now);
    let needs_health = !matches!(r.step(), Some(Step::Retire(_)));
    let running = matches!(r.phase, Phase::Progressing) && r.step().is_some_and(|s| s.length().is_some());
    let settled = !lacking && is_whole(r, observed);
    let coming_up = matches!(r.step(), Some(Step::Prepare)) && matches!(r.phase, Phase::Progressing);
    if let Some(gap) = gap.filter(|g| coming_up && *g <= LONGEST_GAP) {
        r.covered = r.covered.plus(gap);
    }
    if let Some(gap) = gap
        && running
        && gap <= LONGEST_GAP
        && (!needs_health || (settled && judgement.overall() == Verdict::Healthy))
    {
        r.covered = r.covered.plus(gap);
    }
}

/// Whether every side that gets traffic has all its pods ready.
fn is_whole(r: &Rollout, observed: &Observed) -> bool {
    r.release.components.iter().all(|c| {
        let track = if c.candidate.is_some() && r.asked > Weight::ZERO { Track::Candidate } else { Track::Stable };
        observed.workload(&c.name, track).is_none_or(|w| w.ready >= w.replicas.min(w.updated.max(1)) || w.hpa.is_some())
    })
}

/// The gate that says to go back, in words. Before the candidate exists there is nothing to judge.
fn verdict_against(r: &Rollout, judgement: &Judgement) -> Option<String> {
    r.step()?;
    let gate = judgement.gates.iter().find(|g| g.verdict == Verdict::Rollback)?;
    Some(format!("{}: {}", gate.component, gate.evidence))
}

/// A candidate that Kubernetes itself gave up on, before it got any traffic.
fn stalled(r: &Rollout, observed: &Observed) -> Option<String> {
    if !matches!(r.step(), Some(Step::Prepare | Step::Roll(_))) {
        return None;
    }
    r.release.components.iter().find_map(|c| {
        let track = if c.candidate.is_some() { Track::Candidate } else { Track::Stable };
        let w = observed.workload(&c.name, track)?;
        let late = matches!(r.step(), Some(Step::Prepare)) && r.covered >= PREPARE_DEADLINE && w.ready < w.replicas;
        let why =
            w.stalled.clone().or_else(|| late.then(|| format!("{} of {} ready after {PREPARE_DEADLINE}", w.ready, w.replicas).into()))?;
        let pods = w.problems.first().map(|p| format!(" ({p})")).unwrap_or_default();
        Some(format!("{}: {} does not come up: {why}{pods}", c.name, w.name))
    })
}

/// Pauses for a gate that says so, for a shared incident, and for a route that somebody else changed.
fn pause_where_needed(r: &mut Rollout, observed: &Observed, judgement: &Judgement, now: Now) {
    if !matches!(r.phase, Phase::Progressing) {
        return;
    }
    let failing = judgement.gates.iter().find(|g| match g.verdict {
        Verdict::SharedIncident => true,
        Verdict::Warn => g.then == Consequence::Pause && lasting(r, &g.gate).is_some_and(|l| g.broken_for >= l),
        _ => false,
    });
    let why = failing.map(|g| format!("{}: {}", g.component, g.evidence)).or_else(|| drift(r, observed));
    if let Some(why) = why {
        r.note(Entry { at: now.wall, kind: EntryKind::Decision, actor: SELF.to_owned(), text: format!("paused: {why}") });
        r.phase = Phase::Paused { why, by: SELF.to_owned() };
        r.turn += 1;
    }
}

fn lasting(r: &Rollout, gate: &str) -> Option<Millis> {
    r.release.gates.iter().find(|g| g.name == gate).map(|g| g.lasting)
}

/// A weight that held for us and is another now was written by somebody else: stop and ask, never correct it silently.
fn drift(r: &Rollout, observed: &Observed) -> Option<String> {
    if matches!(r.step(), Some(Step::Promote | Step::Prepare) | None) {
        return None;
    }
    r.targets.iter().find_map(|(name, target)| {
        let facts = observed.route(name)?;
        // On the way from one weight to the next either may stand there. A ratio gets there pod by pod.
        let by_pods = matches!(facts.entry, RouteEntry::Replicas { .. });
        let held = target.held.filter(|h| !by_pods || *h == r.asked)?;
        (!facts.holds(held) && !facts.holds(r.asked)).then(|| {
            format!(
                "{name}: {} was changed by somebody else, {held} → {} %; resume to set it again, or roll back",
                facts.object,
                facts.percent()
            )
        })
    })
}

/// Keeps the newest route facts for a rollback that must not read first, and what the routes hold.
pub(super) fn remember_routes(r: &mut Rollout, observed: &Observed) {
    let asked = r.asked;
    for (name, target) in &mut r.targets {
        if let Some(facts) = observed.route(name) {
            if facts.holds(asked) {
                target.held = Some(asked);
            }
            if target.route.as_ref() != Some(facts) {
                target.route = Some(facts.clone());
            }
        }
    }
}

/// A write was refused for one component: all go back to the weight before, and a person is asked.
pub fn shift_refused(rollout: &Rollout, component: &str, why: &str, now: Now) -> Rollout {
    let mut r = rollout.clone();
    r.trouble.insert(component.to_owned(), why.to_owned());
    if !matches!(r.phase, Phase::Progressing) {
        return r;
    }
    let text = format!("{component}: {why}");
    if let Some(Step::Shift(weight)) = r.step().cloned() {
        let below = r.plan.iter().take(r.cursor).filter_map(|s| if let Step::Shift(w) = s { Some(*w) } else { None }).next_back();
        r.asked = below.unwrap_or(Weight::ZERO).min(weight);
        r.targets.values_mut().for_each(|t| t.held = None);
    }
    r.note(Entry { at: now.wall, kind: EntryKind::Decision, actor: SELF.to_owned(), text: format!("paused: {text}") });
    r.phase = Phase::Paused { why: text, by: SELF.to_owned() };
    r.turn += 1;
    r
}
