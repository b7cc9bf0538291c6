//! The append-only record of commands, decisions, actions and outcomes.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One line of the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When, on the wall clock of the driver.
    pub at: Timestamp,
    /// What sort of line it is.
    pub kind: EntryKind,
    /// Who caused it: a person, or `cutover` itself.
    pub actor: String,
    /// What happened, in a sentence.
    pub text: String,
}

/// What a driver says that lost its Lease to somebody: `bob@bastion2 took over and drives now`.
pub const TOOK_OVER: &str = "took over and drives now";

/// What sort of line a journal entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum EntryKind {
    /// A person asked.
    Command,
    /// The engine decided.
    Decision,
    /// A write is about to be sent.
    Intent,
    /// What became of a write.
    Outcome,
    /// Who drives.
    Lease,
    /// A human override of a guard or a gate.
    Override,
    /// Anything else worth knowing later.
    Note,
}

impl EntryKind {
    /// One word for it.
    pub fn word(self) -> &'static str {
        match self {
            EntryKind::Command => "command",
            EntryKind::Decision => "decision",
            EntryKind::Intent => "intent",
            EntryKind::Outcome => "outcome",
            EntryKind::Lease => "lease",
            EntryKind::Override => "override",
            EntryKind::Note => "note",
        }
    }
}
