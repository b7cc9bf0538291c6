//! Dialogs go on, and are confirmed.

use crate::app::action::{Action, row};
use crate::app::dialog::{About, Stage};
use crate::app::effect::Effect;
use crate::app::mode::Mode;
use crate::app::model::{Model, ReleaseKey, Sent, Tone};
use crate::app::picker::{ALL, Choice, Run, offers};
use crate::domain::command::{Command, Mark};

use super::act::{act, follow};
use super::travel;

/// `y`, or the right name.
pub(super) fn confirm(model: &mut Model, out: &mut Vec<Effect>) {
    let Some(Mode::Dialog(dialog)) = model.modes.last_mut() else { return };
    if dialog.is_fresh(model.now) {
        dialog.early = dialog.is_rollback();
        return;
    }
    if let Some(why) = dialog.refusal() {
        model.say(Tone::Bad, why);
        return;
    }
    let Some(Mode::Dialog(dialog)) = model.modes.pop() else { return };
    match dialog.about {
        About::Leave(to) => travel::leave(model, to, out),
        About::Command(asked) => send(model, asked.release, asked.command, asked.mark, out),
    }
}

/// Gives the order.
fn send(model: &mut Model, release: ReleaseKey, command: Command, mark: Option<Mark>, out: &mut Vec<Effect>) {
    let mut order = model.order(&release, command.clone());
    order.mark = mark;
    model.sent.push(Sent { id: order.id.clone(), release: release.clone(), command: command.clone(), at: model.now.mono });
    out.push(Effect::Order { release: release.clone(), order });
    if matches!(command, Command::RollBack | Command::Reject) {
        follow(model, release);
    } else {
        model.say(Tone::Info, format!("asked: {command}"));
    }
}

/// `Enter` in anything with a text field.
pub(super) fn accept(model: &mut Model, out: &mut Vec<Effect>) {
    match model.mode() {
        Some(Mode::Filter { .. }) => {
            model.modes.pop();
        }
        Some(Mode::Palette(palette)) => {
            let typed = palette.field.text().to_owned();
            let run = offers(model, &typed).into_iter().nth(palette.at).map(|(run, _)| run);
            match run {
                Some(run) => {
                    model.modes.pop();
                    carry_out(model, run, out);
                }
                None => model.say(Tone::Bad, format!("nothing is called `{typed}`")),
            }
        }
        Some(Mode::Picker(picker)) => {
            let chosen = picker.items(model).and_then(Result::ok).and_then(|items| items.into_iter().nth(picker.at));
            // A list that cannot be read still takes a name.
            let typed = Some(picker.field.text().trim().to_owned()).filter(|t| !t.is_empty());
            let what = picker.what;
            if let Some(name) = chosen.or(typed) {
                model.modes.pop();
                let run = match what {
                    Choice::Context => Run::Context(name),
                    Choice::Namespace => Run::Namespace((name != ALL).then_some(name)),
                };
                carry_out(model, run, out);
            }
        }
        Some(Mode::Dialog(dialog)) => match &dialog.stage {
            Stage::Edit(_) => review(model, out),
            Stage::Review { .. } => named(model, out),
        },
        _ => {}
    }
}

fn carry_out(model: &mut Model, run: Run, out: &mut Vec<Effect>) {
    match run {
        Run::Action(action) => act(model, action, None, out),
        Run::Context(name) => travel::ask(model, crate::app::dialog::Leave::Context(name), out),
        Run::Namespace(name) => travel::ask(model, crate::app::dialog::Leave::Namespace(name), out),
        Run::Release(key) => travel::show(model, key, out),
        Run::Weight(weight) => typed(model, Action::SetWeight, Command::SetWeight(weight), out),
        Run::Scale(command) => typed(model, Action::Scale, command, out),
    }
}

/// A command that was typed out whole: its form is passed over.
fn typed(model: &mut Model, action: Action, command: Command, out: &mut Vec<Effect>) {
    let available = crate::app::available::availability(model, action);
    match (available.reason(), model.release().cloned()) {
        (Some(why), _) => model.say(Tone::Bad, format!("{}: {why}", row(action).map_or("", |r| r.title))),
        (None, Some(key)) => {
            let dialog = model.review(key, command);
            model.open(dialog, out);
        }
        (None, None) => {}
    }
}

/// The form is filled in: show what it would do.
fn review(model: &mut Model, out: &mut Vec<Effect>) {
    let Some(Mode::Dialog(mut dialog)) = model.modes.pop() else { return };
    let (Stage::Edit(form), About::Command(asked)) = (&dialog.stage, &dialog.about) else { return };
    if dialog.is_fresh(model.now) {
        model.modes.push(Mode::Dialog(dialog));
        return;
    }
    match form.command() {
        Ok(command) => {
            let (key, mark) = (asked.release.clone(), asked.mark.clone());
            let mut next = model.review(key, command);
            if let About::Command(asked) = &mut next.about {
                // Bound to the state in which the form was opened.
                asked.mark = mark;
                asked.preview = model.look(&asked.release, &asked.command, asked.mark.as_ref());
            }
            model.open(next, out);
        }
        Err(why) => {
            dialog.error = Some(why);
            model.modes.push(Mode::Dialog(dialog));
        }
    }
}

/// In production the release's name confirms.
fn named(model: &mut Model, out: &mut Vec<Effect>) {
    let Some(Mode::Dialog(dialog)) = model.modes.last_mut() else { return };
    if dialog.is_fresh(model.now) {
        return;
    }
    let Stage::Review { name: Some(name) } = &dialog.stage else { return };
    let Some(wanted) = dialog.asked().map(|a| a.release.name.clone()) else { return };
    if name.text().trim() == wanted {
        confirm(model, out);
    } else {
        dialog.error = Some(format!("type `{wanted}` to confirm"));
    }
}
