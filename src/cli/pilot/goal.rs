//! When a command is done: a function of what was asked and of the driver's newest snapshot.

use crate::cli::exit::Exit;
use crate::domain::command::{Command, Refusal};
use crate::domain::port::{Fault, FaultKind};
use crate::domain::release::Track;
use crate::domain::rollout::{Phase, Rollout};
use crate::domain::route::RouteProblem;
use crate::domain::step::Step;
use crate::domain::time::Millis;
use crate::domain::verdict::Verdict;
use crate::domain::view::View;
use crate::engine::auto_sync;
use crate::engine::command::describe;
use crate::engine::leftovers;
use crate::engine::rollback;

/// What a command waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// The order is taken.
    Taken,
    /// The rollout rests: it waits for time or for a person.
    Rest,
    /// The new version serves, alone or with the old one kept warm.
    Promoted,
    /// The old version serves alone.
    Back,
    /// Auto-sync is on again.
    Restored,
    /// The Deployment has the wanted replicas, and its pods are ready.
    Scaled,
    /// The rollout is over, or somebody else drives it.
    Drive,
    /// The rollout is over.
    End {
        /// Whether people are waited for on the way.
        people: bool,
    },
}

impl Goal {
    /// What a command that a person types waits for.
    pub fn of(command: &Command) -> Goal {
        match command {
            Command::Pause | Command::Resume | Command::AcceptDrift => Goal::Taken,
            Command::Advance | Command::StepBack | Command::SetWeight(_) | Command::Approve => Goal::Rest,
            Command::Promote => Goal::Promoted,
            Command::Scale { .. } => Goal::Scaled,
            Command::RollBack | Command::Reject => Goal::Back,
            Command::RestoreSync => Goal::Restored,
            Command::Start { .. } | Command::Undo { .. } | Command::TakeOver => Goal::End { people: true },
        }
    }
}

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// The exit code.
    pub exit: Exit,
    /// What a person is told.
    pub text: String,
}

fn ending(exit: Exit, text: impl Into<String>) -> Option<Ending> {
    Some(Ending { exit, text: text.into() })
}

/// How the command ends, if it does now. `order` is the id of the order that was given, if one was.
pub fn settled(goal: Goal, order: Option<&str>, view: &View) -> Option<Ending> {
    if let Some(id) = order {
        match view.answers.get(id) {
            Some(Some(_)) if goal == Goal::Back && is_back(view) => {
                return ending(Exit::Done, format!("{} is rolled back already: nothing goes to the candidate", view.release.name));
            }
            Some(Some(why)) => {
                let denied = view.read_only || is_for_want_of_rights(view, why);
                return ending(if denied { Exit::Denied } else { Exit::Error }, why);
            }
            Some(None) if goal == Goal::Restored => {
                return ending(Exit::Done, format!("{}: Argo CD's auto-sync is on again", view.release.name));
            }
            Some(None) => {}
            None => return blocked(goal, view),
        }
    }
    if let Some(ending) = unrecorded(goal, view) {
        return Some(ending);
    }
    if goal == Goal::Scaled {
        return None; // whoever gave the order knows which pods are waited for
    }
    let Some(r) = &view.rollout else {
        return if order.is_none() && view.loaded { ending(Exit::Error, Refusal::NoRollout.to_string()) } else { None };
    };
    match &r.phase {
        Phase::RolledBack => over(goal, r, view),
        // What was done is only done when it is on record.
        _ if !view.saved => None,
        Phase::Completed if goal != Goal::Back => {
            ending(Exit::Done, format!("{} is promoted{}{}", r.release.name, staying(r, view), left_off(r, view)))
        }
        Phase::Completed | Phase::RollingBack { .. } => None,
        Phase::Paused { why, by } => paused(goal, r, view, why, by),
        Phase::Progressing => progressing(goal, r, view),
    }
}

/// What a refused write says where a right is missing.
const FORBIDDEN: &str = "not allowed; ask for the rule";

/// Whether a refusal says that a right is missing.
fn is_for_want_of_rights(view: &View, why: &str) -> bool {
    let no_right = |f: &Fault| matches!(f.kind, FaultKind::Forbidden | FaultKind::Unauthorized) && f.text == why;
    let mut routes = view.observed.iter().flat_map(|o| o.components.values()).map(|c| &c.route);
    let no_route = |route: &Result<_, RouteProblem>| matches!(route, Err(RouteProblem::Forbidden(text)) if why.contains(text.as_str()));
    view.faults.values().any(|(f, _)| no_right(f)) || routes.any(no_route) || why.contains(FORBIDDEN)
}

/// Whether the last run was taken back and no route says otherwise: asked again, a rollback is done.
fn is_back(view: &View) -> bool {
    let rolled_back = view.rollout.as_ref().is_some_and(|r| r.phase == Phase::RolledBack);
    let seen = view.observed.as_ref().filter(|_| rolled_back);
    seen.is_some_and(|o| o.components.values().all(|c| c.route.as_ref().map_or_else(|p| !p.may_send(), |facts| facts.candidate == 0)))
}

/// Rights that are missing are told at once; a server that does not answer is waited for.
fn blocked(goal: Goal, view: &View) -> Option<Ending> {
    if goal == Goal::Back {
        return None;
    }
    let (fault, _) = view.faults.values().find(|(fault, _)| matches!(fault.kind, FaultKind::Forbidden | FaultKind::Unauthorized))?;
    ending(Exit::Denied, fault.text.clone())
}

/// Who may not put on record what is done cannot go forward at all: nobody is waited for.
fn unrecorded(goal: Goal, view: &View) -> Option<Ending> {
    let back = goal == Goal::Back || view.rollout.as_ref().is_some_and(Rollout::is_back);
    let (fault, _) = view.faults.get("store").filter(|(fault, _)| fault.kind == FaultKind::Forbidden && !back && !view.saved)?;
    ending(Exit::Denied, fault.text.clone())
}

/// What stays switched off for a person.
fn left_off(r: &Rollout, view: &View) -> String {
    auto_sync::left_off(r, view.observed.as_deref()).into_iter().map(|text| format!("; {text}")).collect()
}

/// Whose pods stay, and for whom.
fn staying(r: &Rollout, view: &View) -> String {
    view.observed.as_ref().map(|observed| leftovers::stays(r, observed)).unwrap_or_default()
}

/// How long after the end of a rollback its record is tried, where it fails for what passes.
const RECORD_WAITS: Millis = Millis::secs(10);

fn over(goal: Goal, r: &Rollout, view: &View) -> Option<Ending> {
    // A record that is refused, or lies under a damaged one, does not make the rollback less done; one under way is waited for.
    let fault = |what: &str, kinds: &[FaultKind]| view.faults.get(what).filter(|(f, _)| kinds.contains(&f.kind));
    let unreadable = || fault("state", &[FaultKind::Unreadable]);
    // What may work in a moment is waited for a little.
    let passing = [FaultKind::Unreachable, FaultKind::Unauthorized];
    let fresh = r.ended.is_some_and(|at| view.now.since(at) < RECORD_WAITS);
    let store = view.faults.get("store").filter(|(f, _)| !(fresh && passing.contains(&f.kind)));
    let refused = store.or_else(unreadable).or_else(|| fault("lease", &[FaultKind::Forbidden]));
    if !view.saved && refused.is_none() {
        return None;
    }
    let record = refused.filter(|_| !view.saved).map(|(f, _)| format!("; not on record: {}", f.text)).unwrap_or_default();
    let version = r.targets.values().next().and_then(|t| t.stable.images.first()).map_or("stable", |i| i.image.as_str());
    let until = |at| format!("; the candidate's pods stay until {}", crate::domain::time::hms(at));
    let kept = match r.clean_up {
        // Whoever comes later knows nothing of it.
        Some(_) if !record.is_empty() => "; the candidate's pods stay until somebody scales them down".to_owned(),
        Some(at) => until(at),
        None => staying(r, view),
    };
    let exit = if goal == Goal::Back { Exit::Done } else { Exit::RolledBack };
    let same = rollback::same_version(r).map(|text| format!("; {text}")).unwrap_or_default();
    ending(exit, format!("{} is back on {version}{same}{kept}{record}{}", r.release.name, left_off(r, view)))
}

fn paused(goal: Goal, r: &Rollout, view: &View, why: &str, by: &str) -> Option<Ending> {
    let by_us = by != crate::engine::decide::SELF;
    match goal {
        // Its controller would go on where nobody drives.
        Goal::Taken if !stands_still(r, view) => None,
        Goal::Taken => ending(Exit::Done, format!("{} is paused by {by}: {why}", r.release.name)),
        Goal::Rest if view.writes > 0 || (by_us && !(routes_hold(r, view) && stands_still(r, view))) => None,
        Goal::Rest if by_us => ending(Exit::Done, format!("{} rests: {why}", r.release.name)),
        Goal::Rest | Goal::Promoted | Goal::End { people: false } => {
            let accept = if r.drifts.is_empty() { "" } else { ", `cutover accept`" };
            ending(Exit::Waiting, format!("{} is paused by {by}: {why}; `cutover resume`{accept}, or `cutover rollback`", r.release.name))
        }
        Goal::Back | Goal::Restored | Goal::Drive | Goal::Scaled | Goal::End { people: true } => None,
    }
}

fn progressing(goal: Goal, r: &Rollout, view: &View) -> Option<Ending> {
    let name = &r.release.name;
    match (goal, r.step()) {
        (Goal::Taken, _) => ending(Exit::Done, format!("{name}: {}", describe(r))),
        (Goal::Rest, _) if view.writes > 0 => None,
        (Goal::Rest, Some(Step::Hold(_) | Step::Approve(_) | Step::Retire(_) | Step::Watch(_))) => {
            ending(Exit::Done, format!("{name}: {}", describe(r)))
        }
        (Goal::Promoted, Some(Step::Retire(_) | Step::Watch(_))) => ending(Exit::Done, format!("{name} is promoted; {}", describe(r))),
        (Goal::Rest, Some(Step::Follow)) if !has_yet_to_go_on(r, view) => ending(Exit::Done, format!("{name}: {}", describe(r))),
        (Goal::End { people: false }, _) => {
            let label = r.approval()?;
            ending(Exit::Waiting, format!("{name} waits for `{label}` to be approved: `cutover approve`, then `cutover run`"))
        }
        _ => None,
    }
}

/// Whether what turns from one version into the other was stopped.
fn stands_still(r: &Rollout, view: &View) -> bool {
    let Some(observed) = view.observed.as_ref().filter(|_| r.release.strategy.is_in_place()) else { return true };
    r.targets.keys().filter_map(|name| observed.workload(name, Track::Stable)).all(|w| {
        let turning = w.argo.as_ref().map_or(w.updated < w.replicas, |argo| argo.is_midway());
        w.paused || !turning
    })
}

/// Whether Argo Rollouts still stands in the pause that a person said to end.
fn has_yet_to_go_on(r: &Rollout, view: &View) -> bool {
    let Some(observed) = &view.observed else { return true };
    r.targets.iter().any(|(name, target)| {
        let argo = observed.workload(name, Track::Stable).and_then(|w| w.argo.as_ref());
        argo.is_some_and(|a| a.has_yet_to_go_on(target.passed))
    })
}

/// Whether every route holds the weight that is asked.
fn routes_hold(r: &Rollout, view: &View) -> bool {
    let Some(observed) = &view.observed else { return false };
    r.targets.keys().all(|name| observed.route(name).is_none_or(|facts| facts.holds(r.asked)))
}

/// How a command ends whose time has run out.
pub fn timed_out(goal: Goal, view: Option<&View>) -> Ending {
    let Some(view) = view else { return Ending { exit: Exit::TimedOut, text: "timed out before anything was read".to_owned() } };
    let step = view.rollout.as_ref().map_or_else(|| "no rollout is under way".to_owned(), describe);
    let waiting = view.rollout.as_ref().and_then(|r| r.waiting.as_ref());
    let place = waiting.map_or_else(|| step.clone(), |waiting| format!("{step}; {waiting}"));
    if let Some((fault, _)) = view.faults.get("cluster").filter(|(fault, _)| fault.kind == FaultKind::Unreachable) {
        return Ending {
            exit: Exit::Unreachable,
            text: format!("timed out, the cluster does not answer: {}; last known: {place}", fault.text),
        };
    }
    let doubt = view.judgement.deciding().filter(|g| matches!(g.verdict, Verdict::Inconclusive(_)));
    // While the candidate is prepared nothing is expected to be known: what the step waits for is the reason.
    // A paused run waits for a person, whatever is known.
    let sent = view.rollout.as_ref().is_some_and(|r| !matches!(r.step(), Some(Step::Prepare)) && !matches!(r.phase, Phase::Paused { .. }));
    let forward = sent && !matches!(goal, Goal::Back | Goal::Taken);
    match doubt {
        Some(gate) if forward => Ending {
            exit: Exit::Inconclusive,
            text: format!("timed out with no telling: {} {}: {}; {step}", gate.component, gate.gate, gate.verdict),
        },
        _ => Ending { exit: Exit::TimedOut, text: format!("timed out: {place}") },
    }
}
