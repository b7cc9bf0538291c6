//! What many runs came to.

use std::collections::BTreeMap;
use std::fmt;

use cutover::domain::rollout::{Phase, Rollout};
use cutover::domain::step::Step;

use crate::run::End;

/// How often each class of trouble was met in each phase.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    met: BTreeMap<(&'static str, &'static str), u32>,
}

/// Every class of trouble, so that none is missed which is not met at all.
const CLASSES: [&str; 31] = [
    "answer lost",
    "candidate's pods down",
    "clock jump",
    "conflict",
    "disk full",
    "done twice",
    "forbidden",
    "foreign deployment",
    "foreign route write",
    "foreign scaling",
    "git revert",
    "goes bad",
    "kill",
    "killed at a request",
    "late landing",
    "lease down",
    "leave",
    "metrics",
    "namespace deleted",
    "no answer, not done",
    "objects deleted",
    "order",
    "pods down",
    "quota",
    "route unread",
    "other routes",
    "server error",
    "sleep",
    "slow",
    "state lost",
    "too many requests",
];

/// The columns of the table.
pub const PHASES: [&str; 7] = ["begin", "prepare", "shift", "hold", "approve", "promote", "back"];

impl Coverage {
    pub fn met(&mut self, class: &'static str, run: Option<&Rollout>) {
        *self.met.entry((class, phase(run))).or_default() += 1;
    }

    pub fn add(&mut self, other: &Coverage) {
        for (key, n) in &other.met {
            *self.met.entry(*key).or_default() += n;
        }
    }

    /// Classes and phases that were met fewer than so many times.
    pub fn thin(&self, least: u32) -> Vec<(&'static str, &'static str, u32)> {
        let cells = CLASSES.into_iter().flat_map(|c| PHASES.iter().map(move |p| (c, *p)));
        cells.map(|(c, p)| (c, p, self.met.get(&(c, p)).copied().unwrap_or(0))).filter(|(.., n)| *n < least).collect()
    }
}

fn phase(run: Option<&Rollout>) -> &'static str {
    let Some(run) = run else { return "begin" };
    match (&run.phase, run.step()) {
        (Phase::RollingBack { .. } | Phase::RolledBack, _) => "back",
        (_, Some(Step::Prepare)) => "prepare",
        (_, Some(Step::Shift(_) | Step::Roll(_) | Step::Follow)) => "shift",
        (_, Some(Step::Hold(_) | Step::Watch(_))) => "hold",
        (_, Some(Step::Approve(_))) => "approve",
        (_, Some(Step::Promote | Step::Retire(_)) | None) => "promote",
    }
}

/// All runs together.
#[derive(Clone, Debug, Default)]
pub struct Report {
    pub runs: u64,
    pub ends: BTreeMap<End, u64>,
    pub coverage: Coverage,
    pub landed: u64,
    pub steps: u64,
    /// Broken laws: by which seeds, and what was seen.
    pub broken: BTreeMap<&'static str, BTreeMap<u64, String>>,
}

impl Report {
    pub fn add(&mut self, other: &Report) {
        self.runs += other.runs;
        self.landed += other.landed;
        self.steps += other.steps;
        other.ends.iter().for_each(|(end, n)| *self.ends.entry(*end).or_default() += n);
        self.coverage.add(&other.coverage);
        for (law, seeds) in &other.broken {
            self.broken.entry(law).or_default().extend(seeds.clone());
        }
    }

    pub fn share(&self, end: End) -> f64 {
        self.ends.get(&end).copied().unwrap_or(0) as f64 / self.runs.max(1) as f64
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} runs, {} steps, {} landed writes", self.runs, self.steps, self.landed)?;
        for (end, n) in &self.ends {
            writeln!(f, "  {end:?}: {n} ({:.1} %)", *n as f64 * 100.0 / self.runs.max(1) as f64)?;
        }
        writeln!(f, "  {:<22}{}", "met in phase", PHASES.map(|p| format!("{p:>9}")).concat())?;
        let classes: std::collections::BTreeSet<&str> = self.coverage.met.keys().map(|(c, _)| *c).collect();
        for class in classes {
            let cells = PHASES.map(|p| format!("{:>9}", self.coverage.met.get(&(class, p)).copied().unwrap_or(0)));
            writeln!(f, "  {class:<22}{}", cells.concat())?;
        }
        for (law, seeds) in &self.broken {
            let (all, first) = (seeds.keys().take(40).collect::<Vec<_>>(), seeds.values().next());
            writeln!(f, "  BROKEN {law}: {} times, by {all:?}; the first: {}", seeds.len(), first.map_or("", String::as_str))?;
        }
        Ok(())
    }
}
