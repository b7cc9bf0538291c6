//! What the server says to a dialog's writes before they are confirmed. It never stands between a person and a rollback.

use crate::app::effect::Effect;
use crate::app::mode::Mode;
use crate::app::model::{Model, Tone};
use crate::domain::action::{Action, Change, WriteOutcome};

use super::{About, Dialog};

/// A dry run that was asked for.
#[derive(Clone, Debug)]
pub struct DryRun {
    /// Its number.
    pub id: u64,
    /// What each write would change.
    writes: Vec<Vec<Change>>,
    /// What the server said to each, once it did.
    said: Option<Vec<WriteOutcome>>,
}

/// What the server says to one write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said<'a> {
    /// Nothing: it was not asked about this write.
    NotAsked,
    /// Nothing yet.
    Waiting,
    /// This.
    Answer(&'a WriteOutcome),
}

impl DryRun {
    /// What the server says to a write that changes the same as one that it was asked about.
    pub fn of(&self, action: &Action) -> Said<'_> {
        let changes = action.changes();
        match (self.writes.iter().position(|w| *w == changes), &self.said) {
            (None, _) => Said::NotAsked,
            (Some(_), None) => Said::Waiting,
            (Some(at), Some(said)) => said.get(at).map_or(Said::NotAsked, Said::Answer),
        }
    }
}

impl Model {
    /// Opens a dialog. To a way forward the server is asked at once; a rollback's dialog asks for nothing but the key.
    pub fn open(&mut self, dialog: Dialog, out: &mut Vec<Effect>) {
        let weighed = dialog.asked().filter(|a| a.command.may_raise()).map(|a| a.release.clone());
        out.extend(weighed.map(|release| Effect::Weigh { release }));
        let forward = !dialog.is_rollback();
        self.modes.push(Mode::Dialog(Box::new(dialog)));
        if forward {
            self.ask_dry_run(out);
        }
    }

    /// Asks the server what it would say to the writes of the dialog on top. False when there is nothing to ask.
    pub fn ask_dry_run(&mut self, out: &mut Vec<Effect>) -> bool {
        let id = self.number();
        let Some(Mode::Dialog(dialog)) = self.modes.last_mut() else { return false };
        let About::Command(asked) = &mut dialog.about else { return false };
        let Some(preview) = asked.preview.as_ref().filter(|p| !p.actions.is_empty()) else { return false };
        let writes: Vec<_> = preview.actions.iter().cloned().zip(preview.preconditions.iter().copied()).collect();
        asked.dry_run = Some(DryRun { id, writes: writes.iter().map(|(action, _)| action.changes()).collect(), said: None });
        out.push(Effect::DryRun { id, writes });
        true
    }

    /// The same by key: says so when there is nothing to ask.
    pub fn dry_run(&mut self, out: &mut Vec<Effect>) {
        if !self.ask_dry_run(out) {
            self.say(Tone::Info, "dry run: no object changes now, there is nothing to ask");
        }
    }

    /// Takes what the server said.
    pub fn take_dry_run(&mut self, id: u64, said: &[WriteOutcome]) {
        for mode in &mut self.modes {
            if let Mode::Dialog(dialog) = mode
                && let About::Command(asked) = &mut dialog.about
                && let Some(dry_run) = asked.dry_run.as_mut().filter(|d| d.id == id)
            {
                dry_run.said = Some(said.to_vec());
            }
        }
    }
}
