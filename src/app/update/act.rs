//! Carries out a row of the action table.

use crossterm::event::{KeyCode, KeyEvent};

use crate::app::action::{Action, row};
use crate::app::available::{availability, command, is_taken_back};
use crate::app::dialog::Form;
use crate::app::dialog::form::Scale;
use crate::app::effect::Effect;
use crate::app::field::Field;
use crate::app::mode::Mode;
use crate::app::model::{Model, Screen, Tone};
use crate::app::pane::Pane;
use crate::app::picker::{Choice, Palette, Picker};

use super::{confirm, look, travel};

/// Carries an action out, or says why it cannot be.
pub(super) fn act(model: &mut Model, action: Action, event: Option<&KeyEvent>, out: &mut Vec<Effect>) {
    if let Some(why) = availability(model, action).reason() {
        let title = row(action).map_or("", |r| r.title);
        model.say(Tone::Bad, if why.starts_with(title) { why.to_owned() } else { format!("{title}: {why}") });
        return;
    }
    match action {
        Action::Down => look::step(model, 1),
        Action::Up => look::step(model, -1),
        Action::PageDown => look::step(model, 10),
        Action::PageUp => look::step(model, -10),
        Action::Top => look::step(model, isize::MIN / 2),
        Action::Bottom => look::step(model, isize::MAX / 2),
        Action::Open => open(model, out),
        Action::Back => travel::back(model, event.is_some_and(|e| e.code == KeyCode::Esc), out),
        Action::NextPane => model.focus = model.focus.step(1),
        Action::PreviousPane => model.focus = model.focus.step(-1),
        Action::Show(pane) => model.focus = pane,
        Action::Zoom => model.zoom = !model.zoom,
        Action::Filter => {
            let before = model.list().map(|list| list.filter.text().to_owned()).unwrap_or_default();
            model.modes.push(Mode::Filter { before });
        }
        Action::Logs => look::follow_logs(model, false, out),
        Action::PreviousLogs => look::follow_logs(model, true, out),
        Action::Follow => {
            model.logs.follow = !model.logs.follow;
            if model.logs.follow {
                model.logs.up = 0;
            }
        }
        Action::Start | Action::SetWeight | Action::Undo | Action::Scale => form(model, action),
        Action::Next
        | Action::StepBack
        | Action::PauseResume
        | Action::Approve
        | Action::Reject
        | Action::Promote
        | Action::AcceptDrift
        | Action::TakeOver
        | Action::RestoreSync => review(model, action, out),
        Action::RollBack => roll_back(model),
        Action::Help => model.modes.push(Mode::Help { offset: 0 }),
        Action::Palette => model.modes.push(Mode::Palette(Palette::default())),
        Action::Context => pick(model, Choice::Context, out),
        Action::Namespace => pick(model, Choice::Namespace, out),
        Action::Copy => look::copy(model, out),
        Action::Redraw => out.push(Effect::Redraw),
        Action::Suspend => out.push(Effect::Suspend),
        Action::Quit => travel::quit(model, out),
        Action::Confirm => confirm::confirm(model, out),
        Action::QuitUndriven => travel::quit_undriven(model, out),
        Action::Accept => confirm::accept(model, out),
        Action::Leave => leave(model),
        Action::NextField => field(model, 1),
        Action::PreviousField => field(model, -1),
        Action::CopyByHand => look::copy_by_hand(model, out),
        Action::DryRun => model.dry_run(out),
    }
}

fn open(model: &mut Model, out: &mut Vec<Effect>) {
    match (&model.screen, model.release().cloned()) {
        (Screen::Fleet, Some(key)) => travel::show(model, key, out),
        (Screen::Fleet, None) => model.say(Tone::Info, "there is no release to open"),
        (Screen::Release(_), _) => model.zoom = !model.zoom,
    }
}

fn form(model: &mut Model, action: Action) {
    let Some(key) = model.release().cloned() else { return };
    let live = model.live.get(&key.namespace).cloned();
    let Some(view) = model.view_of(&key) else { return };
    let form = match action {
        Action::Start => Form::start(view, live.as_deref()),
        Action::Undo => Form::undo(view, live.as_deref()),
        Action::Scale => Form::Scale(Scale::new(view)),
        _ => Form::Weight { percent: Field::default() },
    };
    let dialog = model.form(key, form);
    model.modes.push(Mode::Dialog(Box::new(dialog)));
}

fn review(model: &mut Model, action: Action, out: &mut Vec<Effect>) {
    let Some(key) = model.release().cloned() else { return };
    let Some(command) = model.view_of(&key).and_then(|view| command(view, action)) else { return };
    let dialog = model.review(key, command);
    model.open(dialog, out);
}

/// From anywhere. Opens from memory at once; one that is under way is followed, one that is done is shown.
fn roll_back(model: &mut Model) {
    let Some(key) = model.release().cloned() else { return };
    if model.view_of(&key).is_some_and(is_taken_back) {
        follow(model, key);
        return;
    }
    if matches!(model.mode(), Some(Mode::Dialog(d)) if d.is_rollback()) {
        return;
    }
    let dialog = model.review(key, crate::domain::command::Command::RollBack);
    model.modes.push(Mode::Dialog(Box::new(dialog)));
}

/// Shows a rollback's checklist, and nothing else over the view.
pub(super) fn follow(model: &mut Model, release: crate::app::model::ReleaseKey) {
    if !matches!(model.mode(), Some(Mode::Checklist { release: shown, .. }) if *shown == release) {
        model.modes.clear();
        model.modes.push(Mode::Checklist { release, offset: 0 });
    }
}

fn pick(model: &mut Model, what: Choice, out: &mut Vec<Effect>) {
    out.push(match what {
        Choice::Context => Effect::ListContexts,
        Choice::Namespace => Effect::ListNamespaces,
    });
    model.modes.push(Mode::Picker(Picker { what, field: Field::default(), at: 0 }));
}

fn leave(model: &mut Model) {
    if let Some(Mode::Filter { before }) = model.modes.pop()
        && let Some(list) = model.list_mut()
    {
        list.filter = Field::new(before);
        model.refresh();
    }
}

fn field(model: &mut Model, by: isize) {
    let move_at = |at: &mut usize| *at = at.saturating_add_signed(by);
    match model.modes.last_mut() {
        Some(Mode::Filter { .. }) => look::step(model, by),
        Some(Mode::Palette(palette)) => move_at(&mut palette.at),
        Some(Mode::Picker(picker)) => move_at(&mut picker.at),
        Some(Mode::Dialog(dialog)) => {
            if let crate::app::dialog::Stage::Edit(form) = &mut dialog.stage {
                form.step(by);
            }
            super::keys::look_again(model);
        }
        _ => {}
    }
    clamp(model);
}

/// Keeps the chosen row of a list within what it offers.
fn clamp(model: &mut Model) {
    let len = match model.mode() {
        Some(Mode::Palette(palette)) => crate::app::picker::offers(model, palette.field.text()).len(),
        Some(Mode::Picker(picker)) => picker.items(model).and_then(Result::ok).map_or(0, |items| items.len()),
        _ => return,
    };
    let last = len.saturating_sub(1);
    match model.modes.last_mut() {
        Some(Mode::Palette(palette)) => palette.at = palette.at.min(last),
        Some(Mode::Picker(picker)) => picker.at = picker.at.min(last),
        _ => {}
    }
}

/// Opens a pane.
pub(super) fn show_pane(model: &mut Model, pane: Pane) {
    model.focus = pane;
}
