//! Everything that can happen to the console.

use std::sync::Arc;

use crossterm::event::KeyEvent;

use crate::domain::action::WriteOutcome;
use crate::domain::journal::Entry;
use crate::domain::live::Snapshot;
use crate::domain::view::View;

use super::logs::LogLine;
use super::model::{Link, ReleaseKey, Scene, Tone};

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Msg {
    /// A key was pressed.
    Key(KeyEvent),
    /// A text was pasted. It goes into the text field, if there is one, and never triggers keys.
    Paste(String),
    /// The terminal has another size.
    Resize(u16, u16),
    /// Time has passed; see [`super::Model::wake_at`].
    Tick,
    /// Something of the cluster, with the generation it was asked under.
    World(u64, World),
    /// Contexts of the kubeconfig, or why they cannot be told.
    Contexts(Result<Vec<String>, String>),
    /// Something to tell the person.
    Notice(Tone, String),
    /// A log that is followed has more, or has ended.
    Log {
        /// Number of [`super::Effect::Tail`].
        id: u64,
        /// New lines, oldest first.
        lines: Vec<LogLine>,
        /// Lines that were dropped before them, because they came too fast.
        dropped: u64,
        /// Set when there will be no more: why.
        ended: Option<String>,
    },
    /// The program was asked to end by a signal.
    Terminate(i32),
}

/// Something of the cluster.
#[derive(Clone, Debug)]
pub enum World {
    /// Where we are now: after a connection was made, or changed.
    Scene(Scene),
    /// How the connection is.
    Link(Link),
    /// All releases are known that there are (their views may still come).
    Listed,
    /// A driver's newest snapshot.
    View(Arc<View>),
    /// A release is gone.
    Gone(ReleaseKey),
    /// Rows of a namespace.
    Rows(Arc<Snapshot>),
    /// Journal lines of a release, from its file, oldest first.
    Journal(ReleaseKey, Vec<Entry>),
    /// Namespaces, or why they cannot be told.
    Namespaces(Result<Vec<String>, String>),
    /// Why nothing can be written for a release, as far as rights go: `needs patch on virtualservices`.
    Denied(ReleaseKey, Option<String>),
    /// What the server says to each write of an [`super::Effect::DryRun`].
    DryRun(u64, Vec<WriteOutcome>),
}
