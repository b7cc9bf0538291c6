//! What a release's state is called: glyph, word and colour are chosen from one [`Status`].

use crate::domain::holder::{is_in_background, person, shown};
use crate::domain::journal::EntryKind;
use crate::domain::rollout::{Phase, Rollout};
use crate::domain::route::RouteFacts;
use crate::domain::step::Step;
use crate::domain::time::{Millis, Now};
use crate::domain::verdict::{Doubt, Verdict};
use crate::domain::view::{Driver, View};
use crate::domain::weight::Weight;
use crate::engine::way_back::{Stand, WayBack};

use super::in_place;

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// As it should be.
    Ok,
    /// On its way.
    Progress,
    /// Stopped by a person, or waiting for one.
    Paused,
    /// Not as it should be.
    Warn,
    /// Broken.
    Fail,
    /// Nobody knows.
    Unknown,
}

/// The light of the way back.
pub fn way_back(way: &WayBack) -> Status {
    way.worst().map_or(Status::Unknown, |(_, back)| stand(&back.stand))
}

/// The light of one component's way back.
pub fn stand(stand: &Stand) -> Status {
    match stand {
        Stand::Ready => Status::Ok,
        Stand::NotSure { .. } => Status::Unknown,
        Stand::No { .. } => Status::Fail,
    }
}

/// A verdict's status.
pub fn verdict_status(verdict: &Verdict) -> Status {
    match verdict {
        Verdict::Healthy => Status::Ok,
        Verdict::Inconclusive(Doubt::TooFew { .. } | Doubt::NotYet) => Status::Progress,
        Verdict::Inconclusive(_) => Status::Unknown,
        Verdict::Warn | Verdict::SharedIncident => Status::Warn,
        Verdict::Rollback => Status::Fail,
    }
}

/// The one word for the new version, at `age` of the view it comes from.
pub fn verdict(view: &View, age: Millis) -> (Status, String) {
    let judgement = &view.judgement;
    if let Some((_, since)) = &judgement.outage {
        return (Status::Unknown, format!("no data {}", view.now.since(*since).plus(age)));
    }
    if view.release.gates.is_empty() {
        return (Status::Unknown, "no gates".to_owned());
    }
    if judgement.gates.is_empty() {
        return (Status::Unknown, "not judged".to_owned());
    }
    let overall = judgement.overall();
    let over = view.rollout.as_ref().is_some_and(Rollout::is_over);
    if over && matches!(overall, Verdict::Inconclusive(Doubt::TooFew { .. } | Doubt::NotYet)) {
        // The run is over: what it came to is the word, not that nobody judges the pods that go.
        return phase(view);
    }
    (verdict_status(&overall), overall.to_string())
}

/// What the rollout does now: `hold 4:10/10:00`, `approve waits 12m`, `paused: …`.
pub fn phase(view: &View) -> (Status, String) {
    let Some(r) = &view.rollout else { return at_rest(view) };
    let (status, text) = match &r.phase {
        Phase::Progressing => return progressing(r, view.now),
        Phase::Paused { why, .. } => (Status::Paused, format!("paused: {why}")),
        Phase::RollingBack { since, .. } => (Status::Fail, format!("rolling back {}", view.now.since(*since).clock())),
        Phase::Completed => (Status::Ok, ended("completed", r, view.now)),
        Phase::RolledBack => (Status::Warn, ended("rolled back", r, view.now)),
    };
    (status, text)
}

/// Why the release is being taken back, or was.
pub fn rollback_cause(view: &View) -> Option<&str> {
    let r = view.rollout.as_ref()?;
    match &r.phase {
        Phase::RollingBack { cause, .. } => Some(cause),
        Phase::RolledBack => {
            let decisions = r.log.iter().rev().filter(|e| e.kind == EntryKind::Decision);
            decisions.filter_map(|e| e.text.strip_prefix("rollback:")).map(str::trim).next()
        }
        _ => None,
    }
}

/// Without a rollout: whether what serves is ready, and whether somebody moved traffic by hand.
fn at_rest(view: &View) -> (Status, String) {
    let Some(observed) = &view.observed else { return (Status::Unknown, "not read yet".to_owned()) };
    let moved = observed.components.values().filter_map(|c| c.route.as_ref().ok()).map(RouteFacts::percent).max().unwrap_or(0);
    if moved > 0 {
        return (Status::Warn, format!("{moved} % by hand"));
    }
    let serving = observed.components.values().filter_map(|c| c.stable.as_ref());
    let (ready, wanted) = serving.fold((0, 0), |(ready, wanted), w| (ready + w.ready, wanted + w.replicas));
    (if ready < wanted { Status::Warn } else { Status::Ok }, format!("{ready}/{wanted} ready"))
}

fn ended(word: &str, r: &Rollout, now: Now) -> String {
    r.ended.map_or_else(|| word.to_owned(), |at| format!("{word} {} ago", coarse(now.since(at))))
}

fn progressing(r: &Rollout, now: Now) -> (Status, String) {
    let waited = now.since(r.entered);
    match r.step() {
        Some(Step::Approve(label)) => (Status::Paused, format!("{} waits {}", approval(label), coarse(waited))),
        Some(Step::Follow) if r.approval().is_some() => (Status::Paused, format!("approval waits {}", coarse(waited))),
        Some(step) => match step.length() {
            Some(length) => {
                let word = step_word(step);
                (Status::Progress, format!("{word} {}/{}", r.covered.min(length).clock(), length.clock()))
            }
            None => (Status::Progress, format!("{step} for {}", coarse(waited))),
        },
        None => (Status::Progress, "ending".to_owned()),
    }
}

fn approval(label: &str) -> String {
    if label.is_empty() || label == "approve" { "approval".to_owned() } else { format!("approval of {label}") }
}

/// The word of a step that takes time.
pub fn step_word(step: &Step) -> &'static str {
    match step {
        Step::Hold(_) => "hold",
        Step::Retire(_) => "retire",
        Step::Watch(_) => "watch",
        _ => "step",
    }
}

/// Who drives, in a few words, and whether that is as it should be.
pub fn driver(view: &View, age: Millis) -> (Status, String) {
    let running = view.rollout.as_ref().is_some_and(|r| !r.is_over());
    match &view.driver {
        Driver::Us { holder, .. } => (Status::Ok, format!("you ({})", person(holder))),
        Driver::Other { holder, seen } => (Status::Progress, format!("{}, lease {}", shown(holder), seen.plus(age))),
        Driver::Nobody if running => (Status::Warn, "nobody".to_owned()),
        Driver::Nobody => (Status::Unknown, "none needed".to_owned()),
    }
}

/// The same with neither host nor Lease, where it is one in the background: `ada#4711 (background)`.
pub fn shorter_driver(driver: &str) -> String {
    let name = driver.split(',').next().unwrap_or(driver);
    match (is_in_background(name), name.split_once('@'), name.split_once('#')) {
        (true, Some((person, _)), Some((_, process))) => format!("{person}#{process}"),
        _ => driver.to_owned(),
    }
}

/// A length in one unit, at most four columns: `45s`, `12m`, `3h`, `4d`.
pub fn coarse(length: Millis) -> String {
    let s = length.as_secs();
    match s {
        0..=119 => format!("{s}s"),
        120..=7_199 => format!("{}m", s / 60),
        7_200..=172_799 => format!("{}h", s / 3_600),
        _ => format!("{}d", s / 86_400),
    }
}

/// The weight that is asked for now; of one object that turns, the share of it that has.
pub fn asked(view: &View) -> Option<Weight> {
    if view.release.strategy.is_in_place() {
        let shares = view.release.components.iter().filter_map(|c| in_place::share(view, &c.name));
        return shares.max().map(Weight::capped);
    }
    view.rollout.as_ref().map(|r| r.asked)
}

/// What the two sides are called in this strategy.
pub fn sides(view: &View) -> (&'static str, &'static str) {
    use crate::domain::release::Strategy;
    match view.release.strategy {
        Strategy::Canary(_) => ("stable", "canary"),
        Strategy::BlueGreen(_) => ("live", "new"),
        Strategy::Rolling(_) | Strategy::ArgoRollout => ("old", "new"),
    }
}
