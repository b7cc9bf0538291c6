//! State + what was read + now → new state + the writes that bring the world nearer.

use std::sync::Arc;

use crate::domain::action::{Action, Precondition};
use crate::domain::drift::Sort;
use crate::domain::gate::Consequence;
use crate::domain::journal::{Entry, EntryKind};
use crate::domain::mutant::{Mutant, mutant};
use crate::domain::observed::Observed;
use crate::domain::release::Track;
use crate::domain::rollout::{ComponentTarget, FOR_APPROVAL, Phase, Rollout};
use crate::domain::step::Step;
use crate::domain::time::{Millis, Now};
use crate::domain::verdict::{GateVerdict, Judgement, Verdict};
use crate::domain::weight::Weight;

use super::leftovers::stays;
use super::needs::{Need, missing};
use super::{auto_sync, drift, rollback, scale, stalled};

mod act;

use act::act;

/// The longest stretch between two looks that counts as covered; what is longer was a suspended laptop or a stalled process.
pub const LONGEST_GAP: Millis = Millis::secs(30);
/// How long a candidate may take to come up, after its last pod that did, before it is given up. Kubernetes' own deadline does not run for pods that are
/// only scaled up.
pub const PREPARE_DEADLINE: Millis = Millis::mins(10);
/// How long any step that has no length of its own may get nowhere, before a person is asked.
pub const STEP_DEADLINE: Millis = Millis::mins(11);
/// How many gates a record of a passed hold cites.
const CITED: usize = 8;
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
    let mut decision = turn(rollout, observed, judgement, now);
    if !rollout.is_over() && decision.rollout.is_over() {
        auto_sync::remind(&mut decision.rollout, observed, now);
    }
    decision
}

fn turn(rollout: &Rollout, observed: &Observed, judgement: &Judgement, now: Now) -> Decision {
    let mut r = rollout.clone();
    drift::remember(&mut r, observed);
    let mut decision = by_phase(r, observed, judgement, now);
    let asked = scale::due(&mut decision.rollout, observed, &decision.actions);
    let mut asked = if decision.rollout.is_back() { asked } else { auto_sync::first(&mut decision.rollout, observed, asked, now) };
    asked.retain(|(action, _)| !decision.actions.iter().any(|(other, _)| other.object() == action.object()));
    decision.actions.extend(asked);
    decision
}

fn by_phase(mut r: Rollout, observed: &Observed, judgement: &Judgement, now: Now) -> Decision {
    match &r.phase {
        Phase::RollingBack { .. } => {
            drift::count_reverts(&mut r, observed, now);
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
    let sleeps = mutant(Mutant::GuardsSleepAtApproval) && matches!(r.step(), Some(Step::Approve(_)));
    stalled::count(&mut r, observed, now);
    if let Some(cause) = verdict_against(&r, judgement).filter(|_| !sleeps).or_else(|| stalled::why(&r, observed)) {
        r.errors_before = rollback::candidate_errors(judgement);
        if rollback::begin(&mut r, &cause, SELF, now).is_ok() {
            let actions = rollback::drive(&mut r, observed, judgement, now);
            return Decision { rollout: r, actions };
        }
    }
    pause_where_needed(&mut r, observed, judgement, now);
    drift::ask(&mut r, observed, now);
    let needs = missing(&r, observed);
    let lacking = !needs.is_empty();
    cover(&mut r, observed, judgement, lacking, now);
    // The old colour goes when its time is covered, which may be just now; nothing else depends on the time.
    let needs = if matches!(r.step(), Some(Step::Retire(_))) { missing(&r, observed) } else { needs };
    let needs = pass_over(&mut r, observed, judgement, needs, now);
    // Stable is replaced only while nobody has said stop.
    let stopped = matches!((&r.phase, r.step()), (Phase::Paused { .. }, Some(Step::Promote)));
    let actions = match needs.iter().map(Need::stage).min().filter(|_| !stopped) {
        Some(stage) => act(&mut r, observed, needs, stage),
        None => Vec::new(),
    };
    let actions = auto_sync::first(&mut r, observed, actions, now);
    Decision { rollout: r, actions }
}

/// Ends every step that lacks nothing; gives what the first one lacks that does not end. `needs` is what the present one lacks.
pub(super) fn pass_over(r: &mut Rollout, observed: &Observed, judgement: &Judgement, mut needs: Vec<Need>, now: Now) -> Vec<Need> {
    // Each turn passes over at most every step once.
    for _ in 0..=r.plan.len() {
        if !needs.is_empty() || !step_done(r, (observed, judgement), now) {
            break;
        }
        needs = missing(r, observed);
    }
    needs
}

/// Ends the step under way if nothing but itself keeps it; answers whether the plan went on.
fn step_done(r: &mut Rollout, (observed, judgement): (&Observed, &Judgement), now: Now) -> bool {
    if let Phase::Paused { why, .. } = &r.phase
        && !mutant(Mutant::PauseIgnored)
    {
        r.waiting = Some(format!("paused: {why}"));
        return false;
    }
    let step = r.step().cloned();
    let waiting =
        match &step {
            None => {
                complete(r, observed, now);
                return false;
            }
            Some(Step::Hold(length) | Step::Watch(length))
                if !r.express && (r.covered < *length || (matches!(step, Some(Step::Hold(_))) && !is_healthy(judgement))) =>
            {
                Some(judgement.deciding().map_or_else(
                    || format!("hold {}/{}", r.covered.clock(), length.clock()),
                    |g| format!("{}: {}", g.component, g.evidence),
                ))
            }
            Some(Step::Retire(length)) if r.covered < *length => {
                Some(format!("the old version is kept warm for {}", length.minus(r.covered).clock()))
            }
            Some(Step::Approve(label)) if !r.express => Some(format!("{FOR_APPROVAL}{label}")),
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
        complete(r, observed, now);
    }
    true
}

/// What a step that ended rests on.
fn passed(r: &Rollout, step: &Step, judgement: &Judgement) -> String {
    let requests: u64 = judgement.gates.iter().map(|g| g.requests).max().unwrap_or(0);
    match step {
        Step::Hold(length) if r.express && r.covered < *length => format!("{step} passed over: promotion was asked"),
        Step::Hold(_) | Step::Watch(_) => format!(
            "{step} passed: {} of {} gates healthy, {requests} requests in the last window{}",
            judgement.gates.iter().filter(|g| g.verdict == Verdict::Healthy).count(),
            r.release.gates.len() * r.release.components.len(),
            cited(judgement)
        ),
        Step::Shift(w) => format!("{w} asked and accepted"),
        Step::Approve(label) => format!("approval of {label} passed over: promotion was asked"),
        Step::Prepare => "candidate ready".to_owned(),
        Step::Roll(w) => format!("{w} updated"),
        Step::Follow => "Argo Rollouts has carried it out".to_owned(),
        Step::Promote => "stable carries the new version, traffic is back on it".to_owned(),
        Step::Retire(_) => "the old version is no longer kept".to_owned(),
    }
}

/// What the gates said, each with its figures: the next weight rests on it.
fn cited(judgement: &Judgement) -> String {
    let one = |g: &GateVerdict| format!("{}: {}", g.component, g.evidence);
    let all: Vec<String> = judgement.gates.iter().filter(|g| !g.evidence.is_empty()).take(CITED).map(one).collect();
    if all.is_empty() { String::new() } else { format!(" ({})", all.join("; ")) }
}

fn complete(r: &mut Rollout, observed: &Observed, now: Now) {
    if !matches!(r.phase, Phase::Completed) {
        r.phase = Phase::Completed;
        r.ended = Some(now.wall);
        r.waiting = None;
        r.turn += 1;
        let text = format!("completed{}", stays(r, observed));
        r.note(Entry { at: now.wall, kind: EntryKind::Decision, actor: SELF.to_owned(), text });
    }
}

/// Goes to a step: its clock starts again, and a shift asks for its weight.
pub(super) fn enter(r: &mut Rollout, cursor: usize, now: Now) {
    r.cursor = cursor;
    r.by_hand = false;
    r.entered = now.wall;
    (r.covered, r.most) = (Millis::ZERO, 0);
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
    let under_way = matches!(r.phase, Phase::Progressing) && r.step().is_some_and(Step::has_deadline);
    if let Some(gap) = gap.filter(|g| under_way && *g <= LONGEST_GAP) {
        let pods = pods_ready(r, observed);
        // A step that gets on has all the time it needs; pods that come and go do not count twice.
        r.covered = if pods > r.most { Millis::ZERO } else { r.covered.plus(gap) };
        r.most = r.most.max(pods);
    }
    if let Some(gap) = gap
        && running
        && (gap <= LONGEST_GAP || mutant(Mutant::SuspendCounts))
        && (!needs_health || (settled && is_healthy(judgement)))
    {
        r.covered = r.covered.plus(gap);
    }
}

/// Pods of both sides of all components that run what they should, and those that are ready besides.
fn pods_ready(r: &Rollout, observed: &Observed) -> u32 {
    let both = |name: &String| [Track::Stable, Track::Candidate].map(|track| observed.workload(name, track));
    r.targets.keys().flat_map(both).flatten().map(|w| w.updated.saturating_add(w.ready.min(w.updated))).sum()
}

/// Whether there is positive evidence, and nothing against it.
fn is_healthy(judgement: &Judgement) -> bool {
    match judgement.overall() {
        Verdict::Healthy => true,
        Verdict::Inconclusive(_) => mutant(Mutant::DoubtIsHealth),
        _ => false,
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
    let failing = |v: &Verdict| match v {
        Verdict::Rollback => true,
        Verdict::Inconclusive(_) => mutant(Mutant::DoubtIsFailure) && r.asked > Weight::ZERO,
        _ => false,
    };
    let gate = judgement.gates.iter().find(|g| failing(&g.verdict))?;
    Some(format!("{}: {}", gate.component, gate.evidence))
}

/// Pauses for a gate that says so, and for a shared incident.
fn pause_where_needed(r: &mut Rollout, observed: &Observed, judgement: &Judgement, now: Now) {
    if !matches!(r.phase, Phase::Progressing) {
        return;
    }
    let failing = judgement.gates.iter().find(|g| match g.verdict {
        Verdict::SharedIncident => true,
        Verdict::Warn => g.then == Consequence::Pause && lasting(r, &g.gate).is_some_and(|l| g.broken_for >= l),
        _ => false,
    });
    let why = failing.map(|g| format!("{}: {}", g.component, g.evidence)).or_else(|| overdue(r));
    if let Some(why) = why {
        halt(r, Some(observed));
        pause(r, why, now);
    }
}

/// Stops going forward.
pub(super) fn pause(r: &mut Rollout, why: String, now: Now) {
    r.note(Entry { at: now.wall, kind: EntryKind::Decision, actor: SELF.to_owned(), text: format!("paused: {why}") });
    r.phase = Phase::Paused { why, by: SELF.to_owned() };
    r.by_hand = false;
    r.turn += 1;
}

/// A weight that is not reached everywhere stays at the lowest that a component has: nothing rises while it is paused, and
/// components stay together. Resuming begins the shift again.
pub(super) fn halt(r: &mut Rollout, observed: Option<&Observed>) {
    let route = |name: &str| observed.and_then(|o| o.route(name));
    let holds = |name: &String| route(name).is_some_and(|f| f.holds(r.asked));
    if !is_serving(r) || r.targets.keys().all(holds) {
        return;
    }
    // What somebody else wrote stands; what held there before says where it was.
    let foreign = |name: &str| r.drifts.iter().any(|d| d.component == name);
    let stands = |(name, target): (&String, &Arc<ComponentTarget>)| match route(name) {
        Some(facts) if !foreign(name) => Weight::capped(facts.percent()),
        _ => target.held.unwrap_or(weight_before(r)),
    };
    let lowest = r.targets.iter().map(stands).min().unwrap_or(Weight::ZERO).min(r.asked);
    let moved: Vec<String> =
        r.targets.keys().filter(|name| !foreign(name) && route(name).is_some_and(|f| !f.holds(lowest))).cloned().collect();
    r.asked = lowest;
    // These are to be written to, so that what they hold says nothing yet.
    r.targets.iter_mut().filter(|(name, _)| moved.contains(name)).for_each(|(_, t)| Arc::make_mut(t).held = None);
}

/// Goes on with the shift that was halted, or whose route was gone: that has to come to its weight again, whatever it holds by
/// now. Answers whether there was one.
pub(super) fn unhalt(r: &mut Rollout, now: Now) -> bool {
    let gone = r.drifts.iter().any(|d| d.sort == Sort::Route);
    let shift = r.plan.iter().take(r.cursor.saturating_add(1)).rposition(|s| matches!(s, Step::Shift(_)));
    let halted = shift.filter(|_| matches!(r.phase, Phase::Paused { .. }) && is_serving(r) && (gone || r.asked < r.planned_weight()));
    if let Some(shift) = halted {
        enter(r, shift, now);
    }
    halted.is_some()
}

/// Whether the step is one in which the candidate's share is what the plan, or a person, asks for.
fn is_serving(r: &Rollout) -> bool {
    matches!(r.step(), Some(Step::Shift(_) | Step::Hold(_) | Step::Approve(_)))
}

/// The lowest weight that a component has, as the routes were last read.
pub(super) fn stands(r: &Rollout) -> Weight {
    let weights = r.targets.values().filter_map(|t| Some(Weight::capped(t.route.as_ref()?.percent())));
    weights.min().unwrap_or(Weight::FULL)
}

/// The highest weight of the plan so far below the one it has come to.
fn weight_before(r: &Rollout) -> Weight {
    let mut shifts = r.plan.iter().take(r.cursor).filter_map(|s| if let Step::Shift(w) = s { Some(*w) } else { None });
    shifts.rfind(|w| *w < r.planned_weight()).unwrap_or(Weight::ZERO)
}

/// A step that gets nowhere: somebody has to look at what it waits for.
fn overdue(r: &Rollout) -> Option<String> {
    let step = r.step().filter(|s| s.has_deadline() && r.covered >= STEP_DEADLINE && !mutant(Mutant::NoDeadline))?;
    let why = r.waiting.as_deref().unwrap_or("nothing says why");
    Some(format!("{step} got nowhere for {STEP_DEADLINE}: {why}; resume to wait longer, or roll back"))
}

fn lasting(r: &Rollout, gate: &str) -> Option<Millis> {
    r.release.gates.iter().find(|g| g.name == gate).map(|g| g.lasting)
}

/// A write was refused for one component: all go back to the weight before, and a person is asked. A refused stamp says nothing
/// about the weight that stands: there the person is asked, and no more.
pub fn write_refused(rollout: &Rollout, action: &Action, why: &str, now: Now) -> Rollout {
    let (mut r, component) = (rollout.clone(), action.component());
    r.trouble.insert(component.to_owned(), why.to_owned());
    if !matches!(r.phase, Phase::Progressing) {
        return r;
    }
    let text = format!("{component}: {why}");
    if is_serving(&r) && !matches!(action, Action::Fence { .. }) {
        if !mutant(Mutant::ComponentsApart) {
            // On the way up over several weights none in between was ever reached.
            r.asked = weight_before(&r).min(r.asked).min(stands(&r));
        }
        for (name, target) in &mut r.targets {
            // What was refused is as it was read; somebody else's weight there is seen as that.
            let untouched = target.route.as_ref().filter(|facts| name == component && !drift::is_by_pods(facts));
            let held = untouched.and_then(|facts| Some(Weight::capped(facts.percent())).filter(|w| facts.holds(*w)));
            Arc::make_mut(target).held = held;
        }
    }
    pause(&mut r, text, now);
    r
}
