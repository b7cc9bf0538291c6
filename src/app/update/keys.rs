//! Keys and pastes: the table first, then the text field.

use crossterm::event::KeyEvent;

use crate::app::action::{Action, Scope, lookup};
use crate::app::dialog::{About, Stage};
use crate::app::effect::Effect;
use crate::app::field::Field;
use crate::app::key::Chord;
use crate::app::mode::Mode;
use crate::app::model::Model;

use super::act::act;

/// Takes a key press.
pub(super) fn key(model: &mut Model, event: &KeyEvent, out: &mut Vec<Effect>) {
    let scopes = model.scopes();
    let row = Chord::of(event).and_then(|chord| lookup(scopes, chord));
    if row.is_none_or(|r| r.action != Action::Confirm)
        && let Some(Mode::Dialog(dialog)) = model.modes.last_mut()
    {
        // Any other key takes an early yes back.
        dialog.early = false;
    }
    match row {
        Some(row) => act(model, row.action, Some(event), out),
        None if scopes.contains(&Scope::Text) => {
            if let Some(field) = field(model) {
                field.key(event);
            }
            typed(model);
        }
        None => {}
    }
}

/// Takes a paste: into the text field, if there is one.
pub(super) fn paste(model: &mut Model, text: &str) {
    match field(model) {
        Some(field) => field.paste(text),
        None => {
            model.say(crate::app::model::Tone::Info, "a pasted text does nothing here: open a text field first");
            return;
        }
    }
    typed(model);
}

/// The text field that has the focus.
fn field(model: &mut Model) -> Option<&mut Field> {
    if matches!(model.modes.last(), Some(Mode::Filter { .. })) {
        return model.list_mut().map(|list| &mut list.filter);
    }
    match model.modes.last_mut()? {
        Mode::Palette(palette) => Some(&mut palette.field),
        Mode::Picker(picker) => Some(&mut picker.field),
        Mode::Dialog(dialog) => match &mut dialog.stage {
            Stage::Edit(form) => form.field(),
            Stage::Review { name } => name.as_mut(),
        },
        Mode::Filter { .. } | Mode::Help { .. } | Mode::Checklist { .. } => None,
    }
}

/// What follows from a changed text.
fn typed(model: &mut Model) {
    match model.modes.last_mut() {
        Some(Mode::Filter { .. }) => model.refresh(),
        Some(Mode::Palette(palette)) => palette.at = 0,
        Some(Mode::Picker(picker)) => picker.at = 0,
        Some(Mode::Dialog(_)) => look_again(model),
        _ => {}
    }
}

/// Looks at what the form would do as it is filled in now.
pub(super) fn look_again(model: &mut Model) {
    let Some(Mode::Dialog(mut dialog)) = model.modes.pop() else { return };
    if let (Stage::Edit(form), About::Command(asked)) = (&dialog.stage, &mut dialog.about) {
        match form.command() {
            Ok(command) => {
                asked.preview = model.look(&asked.release, &command, asked.mark.as_ref());
                asked.command = command;
                dialog.error = None;
            }
            Err(why) => {
                asked.preview = None;
                dialog.error = Some(why);
            }
        }
    }
    model.modes.push(Mode::Dialog(dialog));
}
