//! From view to view, to other contexts and namespaces, and out.

use crate::app::dialog::{About, Dialog, Leave, Stage};
use crate::app::effect::Effect;
use crate::app::field::Field;
use crate::app::logs::Logs;
use crate::app::mode::Mode;
use crate::app::model::{Link, Model, ReleaseKey, Screen, Tone};
use crate::app::pane::Pane;

/// Opens a release.
pub(super) fn show(model: &mut Model, key: ReleaseKey, out: &mut Vec<Effect>) {
    if model.screen == Screen::Release(key.clone()) {
        return;
    }
    drop_logs(model, out);
    out.push(Effect::Attend { release: Some(key.clone()) });
    model.screen = Screen::Release(key);
    model.focus = Pane::Metrics;
    model.zoom = false;
    model.scrolls.clear();
    model.lists.values_mut().for_each(|list| *list = Default::default());
    model.pods_stamp = None;
    model.refresh();
}

/// One level back: filter, logs, zoom, view, out.
pub(super) fn back(model: &mut Model, by_escape: bool, out: &mut Vec<Effect>) {
    if let Some(list) = model.list_mut()
        && !list.filter.text().is_empty()
    {
        list.filter = Field::default();
        model.refresh();
        return;
    }
    match model.screen {
        Screen::Release(_) if model.focus == Pane::Logs => {
            drop_logs(model, out);
            model.focus = Pane::Pods;
            model.zoom = false;
        }
        Screen::Release(_) if model.zoom => model.zoom = false,
        Screen::Release(_) => {
            out.push(Effect::Attend { release: None });
            model.screen = Screen::Fleet;
            model.refresh();
        }
        Screen::Fleet if by_escape => model.say(Tone::Info, "q or Ctrl-C quits"),
        Screen::Fleet => ask(model, Leave::Quit, out),
    }
}

/// Stops following logs.
pub(super) fn drop_logs(model: &mut Model, out: &mut Vec<Effect>) {
    let logs = std::mem::take(&mut model.logs);
    out.extend(logs.streams.iter().map(|stream| Effect::Untail { id: stream.id }));
    model.logs = Logs::default();
}

/// Ctrl-C: asks while driving; pressed again it is done.
pub(super) fn quit(model: &mut Model, out: &mut Vec<Effect>) {
    let asked = matches!(model.mode(), Some(Mode::Dialog(d)) if matches!(d.about, About::Leave(Leave::Quit)));
    if asked { leave(model, Leave::Quit, out) } else { ask(model, Leave::Quit, out) }
}

/// Goes, or asks first when rollouts would be left without a driver.
pub(super) fn ask(model: &mut Model, to: Leave, out: &mut Vec<Effect>) {
    if model.driving().next().is_none() {
        return leave(model, to, out);
    }
    let dialog = Dialog { about: About::Leave(to), stage: Stage::Review { name: None }, opened: model.now.mono, early: false, error: None };
    model.modes.push(Mode::Dialog(Box::new(dialog)));
}

/// Out, and nobody drives on: chosen in the dialog that offers a driver in the background.
pub(super) fn quit_undriven(model: &mut Model, out: &mut Vec<Effect>) {
    let offered = matches!(model.mode(), Some(Mode::Dialog(d)) if model.offers_hand_over(d) && !d.is_fresh(model.now));
    if offered {
        drop_logs(model, out);
        out.push(Effect::Quit { code: 0, hand_over: false });
    }
}

/// Goes.
pub(super) fn leave(model: &mut Model, to: Leave, out: &mut Vec<Effect>) {
    drop_logs(model, out);
    if to == Leave::Quit {
        out.push(Effect::Quit { code: 0, hand_over: model.hands_over && model.driving().next().is_some() });
        return;
    }
    model.generation += 1;
    let generation = model.generation;
    model.releases.clear();
    model.live.clear();
    model.journals.clear();
    model.denied.clear();
    model.modes.clear();
    model.sent.clear();
    model.listed = false;
    model.screen = Screen::Fleet;
    model.namespaces = None;
    model.scene.namespace = None;
    match to {
        Leave::Context(name) => {
            model.link = (Link::Connecting { to: name.clone() }, model.now.mono);
            model.scene.context.clone_from(&name);
            out.push(Effect::SwitchContext { name, generation });
        }
        Leave::Namespace(name) => {
            model.scene.namespace.clone_from(&name);
            out.push(Effect::SwitchNamespace { name, generation });
        }
        Leave::Quit => {}
    }
    model.refresh();
}
