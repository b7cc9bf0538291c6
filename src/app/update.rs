//! What happens: a message changes the model and asks for effects. Nothing else does.

mod act;
mod confirm;
mod keys;
mod look;
mod travel;
mod world;

use crate::domain::time::Now;

use super::dialog::FRESH;
use super::effect::Effect;
use super::mode::Mode;
use super::model::Model;
use super::msg::Msg;

/// Takes a message.
pub fn update(model: &mut Model, msg: Msg, now: Now) -> Vec<Effect> {
    model.now = now;
    let mut out = Vec::new();
    match msg {
        Msg::Key(event) => keys::key(model, &event, &mut out),
        Msg::Paste(text) => keys::paste(model, &text),
        Msg::Resize(columns, rows) => model.size = (columns, rows),
        Msg::Tick => {}
        // What was asked of another context or namespace means nothing here.
        Msg::World(generation, _) if generation != model.generation => return out,
        Msg::World(_, news) => world::take(model, news),
        Msg::Contexts(names) => model.contexts = Some(names),
        Msg::Notice(tone, text) => model.say(tone, text),
        Msg::Log { id, lines, dropped, ended } => {
            if !model.logs.take(id, lines, dropped, ended) {
                out.push(Effect::Untail { id });
            }
        }
        Msg::Terminate(code) => out.push(Effect::Quit { code, hand_over: false }),
    }
    settle(model, &mut out);
    out
}

/// What only waited for time to pass.
fn settle(model: &mut Model, out: &mut Vec<Effect>) {
    if model.notice.as_ref().is_some_and(|n| model.now.mono >= n.until) {
        model.notice = None;
    }
    let ripe = matches!(model.mode(), Some(Mode::Dialog(d)) if d.early && model.now.elapsed(d.opened) >= FRESH);
    if ripe {
        confirm::confirm(model, out);
    }
}
