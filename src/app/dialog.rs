//! Dialogs: every write shows what it would change before it is asked for.

pub mod dry_run;
pub mod form;

use crate::domain::command::{Command, Mark};
use crate::domain::time::{Millis, Now};
use crate::domain::weight::Weight;
use crate::engine::Preview;

use super::field::Field;
use super::model::{Model, ReleaseKey};

pub use dry_run::DryRun;
pub use form::Form;

/// A fresh dialog takes no confirmation for so long: the key may have been meant for what was there before.
pub const FRESH: Millis = Millis(300);

/// A dialog.
#[derive(Clone, Debug)]
pub struct Dialog {
    /// What it is about.
    pub about: About,
    /// How far it is.
    pub stage: Stage,
    /// When this stage began.
    pub opened: Millis,
    /// `y` was pressed in the first moments of a rollback's dialog: it counts as soon as they are over.
    pub early: bool,
    /// What is wrong with what was typed.
    pub error: Option<String>,
}

/// What a dialog is about.
#[derive(Clone, Debug)]
pub enum About {
    /// A command to a release.
    Command(Box<Asked>),
    /// Leaving rollouts that only this console drives.
    Leave(Leave),
}

/// A command that is being asked about.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The release.
    pub release: ReleaseKey,
    /// The command; with forms, as filled in so far.
    pub command: Command,
    /// The state it is given in.
    pub mark: Option<Mark>,
    /// What it would do, from memory; renewed with every view of the driver.
    pub preview: Option<Preview>,
    /// What the server says to it, once it was asked.
    pub dry_run: Option<DryRun>,
}

/// Where to, when leaving.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leave {
    /// Out.
    Quit,
    /// To another context.
    Context(String),
    /// To another namespace.
    Namespace(Option<String>),
}

/// How far a dialog is.
#[derive(Clone, Debug)]
pub enum Stage {
    /// Fields are being filled in.
    Edit(Form),
    /// The changes are shown and a confirmation is waited for.
    Review {
        /// In production a way forward is confirmed by the release's name, typed here; otherwise by `y`.
        name: Option<Field>,
    },
}

impl Dialog {
    /// Whether it is too young to be confirmed.
    pub fn is_fresh(&self, now: Now) -> bool {
        now.elapsed(self.opened) < FRESH
    }

    /// The command it is about.
    pub fn asked(&self) -> Option<&Asked> {
        match &self.about {
            About::Command(asked) => Some(asked),
            About::Leave(_) => None,
        }
    }

    /// Whether it takes a release back.
    pub fn is_rollback(&self) -> bool {
        self.asked().is_some_and(|a| matches!(a.command, Command::RollBack | Command::Reject))
    }

    /// Why it cannot be confirmed, apart from its youth. A rollback always can.
    pub fn refusal(&self) -> Option<String> {
        let asked = self.asked().filter(|_| !self.is_rollback())?;
        asked.preview.as_ref()?.refusal.as_ref().map(ToString::to_string)
    }
}

/// Whether a command raises the candidate's share or takes something away that cannot be had back by waiting.
pub fn is_forward(command: &Command, asked: Weight) -> bool {
    match command {
        Command::Start { .. }
        | Command::Advance
        | Command::Resume
        | Command::AcceptDrift
        | Command::TakeOver
        | Command::RestoreSync
        | Command::Approve
        | Command::Promote
        | Command::Scale { .. }
        | Command::Undo { .. } => true,
        Command::SetWeight(weight) => *weight > asked,
        Command::StepBack | Command::Pause | Command::Reject | Command::RollBack => false,
    }
}

impl Model {
    /// Whether a dialog asks how to quit, with a driver in the background to be had.
    pub fn offers_hand_over(&self, dialog: &Dialog) -> bool {
        self.hands_over && matches!(dialog.about, About::Leave(Leave::Quit))
    }

    /// Looks at what a command would do now.
    pub fn look(&self, key: &ReleaseKey, command: &Command, mark: Option<&Mark>) -> Option<Preview> {
        let mut order = self.draft(key, command.clone());
        order.mark = mark.cloned();
        self.view_of(key).map(|view| view.preview(&order))
    }

    /// Opens a command's dialog at its last stage. A rollback is bound to no state.
    pub fn review(&mut self, key: ReleaseKey, command: Command) -> Dialog {
        let mark = self.draft(&key, command.clone()).mark;
        let weight = self.view_of(&key).and_then(|v| v.rollout.as_ref()).map_or(Weight::ZERO, |r| r.asked);
        let named = self.is_production(&key) && is_forward(&command, weight);
        let preview = self.look(&key, &command, mark.as_ref());
        Dialog {
            about: About::Command(Box::new(Asked { release: key, command, mark, preview, dry_run: None })),
            stage: Stage::Review { name: named.then(Field::default) },
            opened: self.now.mono,
            early: false,
            error: None,
        }
    }

    /// Opens a command's form.
    pub fn form(&mut self, key: ReleaseKey, form: Form) -> Dialog {
        let command = form.command().unwrap_or(Command::Pause);
        let mark = self.draft(&key, command.clone()).mark;
        let preview = form.command().ok().and_then(|c| self.look(&key, &c, mark.as_ref()));
        Dialog {
            about: About::Command(Box::new(Asked { release: key, command, mark, preview, dry_run: None })),
            stage: Stage::Edit(form),
            opened: self.now.mono,
            early: false,
            error: None,
        }
    }

    /// Looks again at what every open dialog would do: a driver told something new.
    pub fn renew_dialogs(&mut self, key: &ReleaseKey) {
        let mut modes = std::mem::take(&mut self.modes);
        for mode in &mut modes {
            if let super::mode::Mode::Dialog(dialog) = mode
                && let About::Command(asked) = &mut dialog.about
                && asked.release == *key
            {
                asked.preview = self.look(key, &asked.command, asked.mark.as_ref());
            }
        }
        self.modes = modes;
    }
}
