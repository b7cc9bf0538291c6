//! A rollback as people follow it: lines with deadlines, and the command by hand for a line that sticks.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::time::Millis;

/// A rollback's progress.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Checklist {
    /// The release.
    pub release: String,
    /// Who asked.
    pub by: String,
    /// When it began.
    pub since: Timestamp,
    /// In the order they are done.
    pub lines: Vec<Line>,
    /// Error share at the beginning and now, 0–1, where measured.
    pub errors: Option<(f64, f64)>,
}

impl Checklist {
    /// Whether every line is done.
    pub fn is_done(&self) -> bool {
        self.lines.iter().all(|l| matches!(l.state, LineState::Done { .. }))
    }
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// What it is about: a component, `traffic`, `pods`.
    pub subject: String,
    /// What is done: `route 25 → 0`.
    pub text: String,
    /// How far it is.
    pub state: LineState,
    /// How long it may take before it counts as stuck.
    pub deadline: Millis,
    /// The command that does the same by hand.
    pub by_hand: Option<String>,
}

/// How far a line is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LineState {
    /// Its turn has not come.
    Waiting,
    /// Under way.
    Running {
        /// For so long.
        elapsed: Millis,
    },
    /// Done.
    Done {
        /// So long after the rollback began.
        after: Millis,
    },
    /// Beyond its deadline, or refused.
    Stuck {
        /// For so long.
        elapsed: Millis,
        /// What the server or the world says.
        why: String,
    },
}

impl Line {
    /// Why it is stuck, with the command by hand where there is one.
    pub fn stuck(&self) -> Option<(&str, Option<&str>)> {
        match &self.state {
            LineState::Stuck { why, .. } => Some((why, self.by_hand.as_deref())),
            _ => None,
        }
    }
}
