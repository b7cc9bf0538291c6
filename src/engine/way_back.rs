//! Can it be taken back? Proved before anybody asks: what a rollback would go back to is there, pod by pod and name by name.
//! What could not be looked at is said to be so; it never makes for a good answer. None of this refuses a rollback.

mod component;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::domain::observed::Observed;
use crate::domain::release::Release;
use crate::domain::rollout::{Phase, Rollout};
use crate::domain::view::View;

use super::preview::has_moved_on;

/// What a rollback would go back to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WayBack {
    /// By component name.
    pub components: BTreeMap<String, Back>,
}

/// The way back of one component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Back {
    /// The revision that would serve again.
    pub revision: Option<u64>,
    /// Whether it can.
    pub stand: Stand,
    /// What is good to know all the same.
    pub notes: Vec<String>,
}

/// Whether a component can go back. In the order of how much it matters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stand {
    /// All that it takes was seen.
    Ready,
    /// Something was not seen, or is only half there.
    NotSure {
        /// What.
        why: String,
    },
    /// Something that it takes is not there.
    No {
        /// What.
        why: String,
        /// What to do about it.
        todo: String,
    },
}

impl Stand {
    /// One word for it.
    pub const fn word(&self) -> &'static str {
        match self {
            Stand::Ready => "ready",
            Stand::NotSure { .. } => "not sure",
            Stand::No { .. } => "no way back",
        }
    }

    /// Why it is not ready, and what to do, in one line.
    pub fn reason(&self) -> Option<String> {
        match self {
            Stand::Ready => None,
            Stand::NotSure { why } => Some(why.clone()),
            Stand::No { why, todo } => Some(format!("{why}: {todo}")),
        }
    }
}

impl WayBack {
    /// The component that stands worst: all go back together or the release is not back.
    pub fn worst(&self) -> Option<(&str, &Back)> {
        let mut worst: Option<(&str, &Back)> = None;
        for (name, back) in &self.components {
            if worst.is_none_or(|(_, w)| back.stand.rank() > w.stand.rank()) {
                worst = Some((name, back));
            }
        }
        worst
    }

    /// Whether every component can go back.
    pub fn is_ready(&self) -> bool {
        self.worst().is_some_and(|(_, back)| back.stand == Stand::Ready)
    }

    /// The revision that it goes back to, where it is the same for all components.
    pub fn revision(&self) -> Option<u64> {
        let mut all = self.components.values().map(|b| b.revision);
        let first = all.next().flatten()?;
        all.all(|r| r == Some(first)).then_some(first)
    }

    /// What it goes back to, in few words: `rev 41`, or `way back` of several.
    pub fn target(&self) -> String {
        self.revision().map_or_else(|| "way back".to_owned(), |n| format!("rev {n}"))
    }

    /// `rev 41 ready`, `rev 41 not sure`, `no way back`.
    pub fn brief(&self) -> String {
        match self.worst().map(|(_, back)| &back.stand) {
            Some(no @ Stand::No { .. }) => no.word().to_owned(),
            Some(stand) => format!("{} {}", self.target(), stand.word()),
            None => "way back not sure".to_owned(),
        }
    }

    /// What a person should know before going back: one line where all is well, else a line a component.
    pub fn remarks(&self) -> Vec<String> {
        let quiet = |b: &Back| b.stand == Stand::Ready && !b.notes.iter().any(|n| n.contains("not checked"));
        if self.components.values().all(quiet) {
            return vec![self.brief()];
        }
        self.components.iter().map(|(name, back)| format!("{name}: {back}")).collect()
    }
}

impl Stand {
    const fn rank(&self) -> u8 {
        match self {
            Stand::Ready => 0,
            Stand::NotSure { .. } => 1,
            Stand::No { .. } => 2,
        }
    }
}

/// `back to revision 41: ready (4 of 4 pods)`.
impl std::fmt::Display for Back {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.revision {
            Some(n) => write!(f, "back to revision {n}: ")?,
            None => f.write_str("back to stable: ")?,
        }
        match &self.stand {
            Stand::Ready => f.write_str("ready")?,
            Stand::NotSure { why } => write!(f, "not sure: {why}")?,
            Stand::No { why, todo } => write!(f, "not possible as it is: {why}: {todo}")?,
        }
        if self.notes.is_empty() { Ok(()) } else { write!(f, " ({})", self.notes.join("; ")) }
    }
}

/// What a rollback would go back to: what the run recorded at its start, or, where none is to be taken back, the release as
/// it was found. `None` while it is being taken back: then the checklist tells.
pub fn way_back(release: &Release, rollout: Option<&Rollout>, observed: Option<&Observed>) -> Option<WayBack> {
    if rollout.is_some_and(|r| matches!(r.phase, Phase::RollingBack { .. })) {
        return None;
    }
    let run = rollout.filter(|r| match r.phase {
        Phase::RolledBack => false,
        Phase::Completed => !has_moved_on(r, observed),
        _ => true,
    });
    let release = run.map_or(release, |r| &r.release);
    let back = |name: &str| {
        let seen = observed.and_then(|o| o.components.get(name));
        let component = release.component(name)?;
        Some((name.to_owned(), component::back(component, run.and_then(|r| r.targets.get(name)).map(AsRef::as_ref), seen)))
    };
    Some(WayBack { components: release.components.iter().filter_map(|c| back(&c.name)).collect() })
}

impl View {
    /// What a rollback would go back to, from what is in memory.
    pub fn way_back(&self) -> Option<WayBack> {
        way_back(&self.release, self.rollout.as_ref(), self.observed.as_deref())
    }
}
