//! One line a decision: what changed between two snapshots, in the words of the screen.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use crate::domain::journal::{Entry, EntryKind};
use crate::domain::release::Track;
use crate::domain::rollout::{ComponentTarget, FOR_APPROVAL, Rollout};
use crate::domain::text::sanitize;
use crate::domain::time::hms;
use crate::domain::verdict::{GateVerdict, Judgement, Verdict};
use crate::domain::view::View;
use crate::domain::weight::Weight;
use crate::engine::command::describe;

/// One decision, action or verdict.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    /// When.
    pub at: Timestamp,
    /// The release.
    pub release: String,
    /// What sort of line it is: `start shift hold approve healthy inconclusive warn rollback paused pods write driver done …`.
    pub kind: String,
    /// What happened.
    pub text: String,
    /// The step under way.
    pub step: Option<String>,
    /// The phase.
    pub phase: Option<String>,
    /// The weight asked of every component, percent.
    pub weight: Option<u8>,
    /// The overall verdict.
    pub verdict: String,
}

impl Line {
    /// As people read it: `14:10:09Z healthy    errors 0.31 % vs 0.34 %, 12 k requests`.
    pub fn text(&self) -> String {
        format!("{} {:<12} {}", hms(self.at), self.kind, sanitize(&self.text))
    }
}

/// Tells two snapshots apart.
#[derive(Debug, Default)]
pub struct Narrator {
    /// What a run that is met did before this is not told again: it is in its history.
    since: Timestamp,
    rollout: Option<String>,
    last: Option<Arc<Entry>>,
    verdict: Option<String>,
    waiting: Option<String>,
    pods: BTreeSet<String>,
    faults: Vec<String>,
    trouble: Vec<String>,
}

impl Narrator {
    /// One that begins to tell at `since`.
    pub fn new(since: Timestamp) -> Narrator {
        Narrator { since, ..Narrator::default() }
    }

    /// What is new in a snapshot.
    pub fn tell(&mut self, view: &View) -> Vec<Line> {
        let mut lines = Vec::new();
        self.faults(view, &mut lines);
        let Some(r) = &view.rollout else {
            lines.extend(self.aside(view));
            return lines;
        };
        if self.rollout.as_deref() != Some(&r.id) {
            *self = Narrator {
                since: self.since,
                rollout: Some(r.id.clone()),
                faults: std::mem::take(&mut self.faults),
                last: r.log.iter().rfind(|e| e.at < self.since).cloned(),
                ..Narrator::default()
            };
            if r.started >= self.since {
                lines.push(line(view, r.started, "start", start(r)));
            } else if !r.is_over() {
                lines.push(line(view, view.now.wall, "found", format!("{}, at {}: {}", start(r), r.asked, describe(r))));
            }
        }
        let seen = self.last.as_ref().and_then(|last| r.log.iter().rposition(|e| e == last)).map_or(0, |i| i + 1);
        lines.extend(r.log.iter().skip(seen).filter_map(|entry| Some(line(view, entry.at, word(entry), told(entry)?))));
        self.last = r.log.back().cloned().or_else(|| self.last.take());
        if !r.is_over() {
            self.verdict(view, r, &mut lines);
            self.waiting(view, r, &mut lines);
            self.pods(view, r, &mut lines);
        }
        let trouble: Vec<String> = r.trouble.iter().map(|(component, why)| format!("{component}: {why}")).collect();
        lines.extend(trouble.iter().filter(|t| !self.trouble.contains(t)).map(|t| line(view, view.now.wall, "refused", t.clone())));
        self.trouble = trouble;
        lines
    }

    /// What is done while no run is on record.
    fn aside(&mut self, view: &View) -> Vec<Line> {
        let seen = self.last.as_ref().and_then(|last| view.aside.iter().rposition(|e| e == last)).map_or(0, |i| i + 1);
        let news = view.aside.iter().skip(seen).filter(|e| e.at >= self.since);
        let lines = news.filter_map(|entry| Some(line(view, entry.at, word(entry), told(entry)?))).collect();
        self.last = view.aside.last().cloned().or_else(|| self.last.take());
        lines
    }

    /// What does not work, and what works again.
    fn faults(&mut self, view: &View, lines: &mut Vec<Line>) {
        let now: Vec<String> = view.faults.iter().map(|(what, (fault, _))| format!("{what}: {}", fault.text)).collect();
        lines.extend(now.iter().filter(|f| !self.faults.contains(f)).map(|f| line(view, view.now.wall, "fault", f.clone())));
        let what = |f: &str| f.split(':').next().unwrap_or("").to_owned();
        let gone = self.faults.iter().map(|f| what(f)).filter(|w| !view.faults.contains_key(w));
        lines.extend(gone.map(|w| line(view, view.now.wall, "ok", format!("{w} works again"))));
        self.faults = now;
    }

    /// The verdict, where it says something else than before.
    fn verdict(&mut self, view: &View, r: &Rollout, lines: &mut Vec<Line>) {
        if view.judgement.gates.is_empty() || r.is_back() {
            return;
        }
        let overall = view.judgement.overall();
        // Before there is traffic, nothing is expected to be known.
        if r.asked == Weight::ZERO && matches!(overall, Verdict::Inconclusive(_)) {
            return;
        }
        let gate = view.judgement.deciding().map(|g| format!("{} {}", g.component, g.gate)).unwrap_or_default();
        let key = format!("{}|{gate}", overall.word());
        if self.verdict.as_deref() != Some(&key) {
            lines.push(line(view, view.now.wall, overall.word(), evidence(&view.judgement)));
            self.verdict = Some(key);
        }
    }

    /// What is waited for, where it is neither time nor a verdict.
    fn waiting(&mut self, view: &View, r: &Rollout, lines: &mut Vec<Line>) {
        let waiting = r.waiting.clone().filter(|w| w.starts_with(FOR_APPROVAL));
        if let Some(text) = waiting.clone().filter(|w| self.waiting.as_ref() != Some(w)) {
            lines.push(line(view, view.now.wall, "waiting", text));
        }
        self.waiting = waiting;
    }

    /// Why pods of the side that is brought up do not run: each reason once a component, however many pods have it.
    fn pods(&mut self, view: &View, r: &Rollout, lines: &mut Vec<Line>) {
        let Some(observed) = &view.observed else { return };
        for component in &r.release.components {
            let track = if component.candidate.is_some() { Track::Candidate } else { Track::Stable };
            for problem in observed.workload(&component.name, track).iter().flat_map(|w| &w.problems) {
                // `pod: reason: message`
                let reason = problem.as_str().split(": ").nth(1).unwrap_or_default();
                if self.pods.insert(format!("{}: {reason}", component.name)) {
                    lines.push(line(view, view.now.wall, "pods", format!("{}: {problem}", component.name)));
                }
            }
        }
    }
}

fn line(view: &View, at: Timestamp, kind: &str, text: String) -> Line {
    let r = view.rollout.as_ref();
    Line {
        at,
        release: view.release.name.clone(),
        kind: kind.to_owned(),
        text,
        step: r.and_then(|r| r.step()).map(ToString::to_string),
        phase: r.map(|r| r.phase.word().to_owned()),
        weight: r.map(|r| r.asked.percent()),
        verdict: view.judgement.overall().word().to_owned(),
    }
}

/// `backend shop/backend:v2.3.1 → v2.4.0 by you@bastion1`.
fn start(r: &Rollout) -> String {
    let change = |(name, t): (&String, &Arc<ComponentTarget>)| {
        let pairs = t.images.iter().zip(&t.stable.images).filter(|(to, from)| to.image != from.image);
        let images: Vec<String> = pairs.map(|(to, from)| format!("{} → {}", from.image, version(&to.image))).collect();
        if images.is_empty() { name.clone() } else { format!("{name} {}", images.join(", ")) }
    };
    let components: Vec<String> = r.targets.iter().map(change).collect();
    format!("{} by {}", components.join(", "), r.started_by)
}

/// What people call an image's version.
pub fn version(image: &str) -> String {
    crate::domain::image::Image::parse(image).map_or_else(|_| image.to_owned(), |i| i.version())
}

/// A journal line's text; none for what another line tells already.
fn told(entry: &Entry) -> Option<String> {
    let ours = entry.actor == crate::engine::decide::SELF;
    match entry.kind {
        EntryKind::Command if ours && entry.text.contains(" ordered: start") => None,
        EntryKind::Command if !ours => Some(format!("{} by {}", entry.text, entry.actor)),
        EntryKind::Outcome => Some(entry.text.strip_suffix(": done").unwrap_or(&entry.text).to_owned()),
        _ => Some(entry.text.clone()),
    }
}

/// The word of a journal line.
fn word(entry: &Entry) -> &'static str {
    let first = entry.text.split([' ', ':']).next().unwrap_or("");
    match entry.kind {
        EntryKind::Decision => match first {
            "candidate" => "prepare",
            "hold" => "held",
            "watch" => "watched",
            "paused" => "paused",
            "rollback" => "rollback",
            "rolled" => "rolled back",
            "approved" | "approval" => "approved",
            "completed" => "done",
            "stable" => "promoted",
            "the" => "retired",
            _ => "shift",
        },
        EntryKind::Intent | EntryKind::Outcome => "write",
        EntryKind::Command => "order",
        EntryKind::Lease => "driver",
        EntryKind::Override => "override",
        EntryKind::Note => "note",
    }
}

/// The gate that decides, or what the healthy ones rest on.
fn evidence(judgement: &Judgement) -> String {
    let of =
        |g: &GateVerdict| format!("{}: {}", g.component, if g.evidence.is_empty() { g.verdict.to_string() } else { g.evidence.clone() });
    match judgement.deciding() {
        Some(gate) => of(gate),
        None => {
            let healthy = judgement.gates.iter().filter(|g| g.verdict == Verdict::Healthy && g.requests > 0);
            let told: Vec<String> = healthy.map(of).collect();
            if told.is_empty() { format!("{} gates pass", judgement.gates.len()) } else { told.join("; ") }
        }
    }
}
