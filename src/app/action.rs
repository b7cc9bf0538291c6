//! The one action table. Keys, footer hints, `?` help, `:` palette, README key table and `cutover keys` are made from it.

mod table;

use super::key::Chord;
use super::pane::Pane;

pub use table::TABLE;

/// Something a key or the palette can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // every one is described by its row
pub enum Action {
    Down,
    Up,
    PageDown,
    PageUp,
    Top,
    Bottom,
    Open,
    Back,
    NextPane,
    PreviousPane,
    Show(Pane),
    Zoom,
    Filter,
    Logs,
    PreviousLogs,
    Follow,
    Start,
    Next,
    StepBack,
    SetWeight,
    PauseResume,
    Approve,
    Reject,
    Promote,
    Undo,
    Scale,
    AcceptDrift,
    RollBack,
    TakeOver,
    RestoreSync,
    Help,
    Palette,
    Context,
    Namespace,
    Copy,
    Redraw,
    Suspend,
    Quit,
    Confirm,
    QuitUndriven,
    DryRun,
    Leave,
    Accept,
    NextField,
    PreviousField,
    CopyByHand,
}

/// Where keys mean the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Everywhere, text fields and dialogs included.
    Everywhere,
    /// Release list and release view.
    Browse,
    /// The release list alone.
    Fleet,
    /// The release view alone.
    Release,
    /// The release view while the logs have the focus.
    Logs,
    /// A dialog that waits for `y`.
    Dialog,
    /// Anything with a text field.
    Text,
    /// A rollback that is followed.
    Checklist,
    /// The help page.
    Help,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Scope; 9] = [
        Scope::Everywhere,
        Scope::Browse,
        Scope::Fleet,
        Scope::Release,
        Scope::Logs,
        Scope::Dialog,
        Scope::Text,
        Scope::Checklist,
        Scope::Help,
    ];

    /// Whether a key press can be looked up in both.
    pub fn overlaps(self, other: Scope) -> bool {
        let inner = |outer: Scope, inner: Scope| match outer {
            Scope::Everywhere => true,
            Scope::Browse => matches!(inner, Scope::Fleet | Scope::Release | Scope::Logs),
            Scope::Release => inner == Scope::Logs,
            _ => false,
        };
        self == other || inner(self, other) || inner(other, self)
    }

    /// For people.
    pub const fn title(self) -> &'static str {
        match self {
            Scope::Everywhere => "everywhere",
            Scope::Browse => "lists and panes",
            Scope::Fleet => "release list",
            Scope::Release => "release view",
            Scope::Logs => "logs",
            Scope::Dialog => "dialogs",
            Scope::Text => "text fields",
            Scope::Checklist => "rollback checklist",
            Scope::Help => "help",
        }
    }
}

/// What an action is about; help is grouped by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// Moving the rollout.
    Rollout,
    /// Looking at it.
    Look,
    /// Moving the cursor.
    Move,
    /// The program.
    Program,
    /// Dialogs and text fields.
    Dialog,
}

impl Group {
    /// Every group, in the order of help.
    pub const ALL: [Group; 5] = [Group::Rollout, Group::Look, Group::Move, Group::Program, Group::Dialog];

    /// For people.
    pub const fn title(self) -> &'static str {
        match self {
            Group::Rollout => "Rollout",
            Group::Look => "Look",
            Group::Move => "Move",
            Group::Program => "Program",
            Group::Dialog => "Dialogs and text fields",
        }
    }
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// What is done.
    pub action: Action,
    /// Its name for scripts and settings: `step-back`.
    pub name: &'static str,
    /// Keys; the first one is shown.
    pub chords: &'static [Chord],
    /// A word or two for footer and palette, at most 24 columns.
    pub title: &'static str,
    /// One line for help.
    pub help: &'static str,
    /// What it is about.
    pub group: Group,
    /// Where its keys work.
    pub scopes: &'static [Scope],
    /// Whether it changes the cluster (after a dialog).
    pub writes: bool,
    /// Whether it is promised and not built: refused by name.
    pub planned: bool,
    /// Place in the footer, smallest first; 0 is not in the footer.
    pub hint: u8,
}

impl Row {
    /// Whether the palette offers it.
    pub fn in_palette(&self) -> bool {
        matches!(self.group, Group::Rollout | Group::Look | Group::Program) && self.action != Action::Palette
    }
}

/// The row of an action.
pub fn row(action: Action) -> Option<&'static Row> {
    TABLE.iter().find(|row| row.action == action)
}

/// What a key means where these scopes are active.
pub fn lookup(scopes: &[Scope], chord: Chord) -> Option<&'static Row> {
    TABLE.iter().find(|row| row.scopes.iter().any(|s| scopes.contains(s)) && row.chords.contains(&chord))
}
