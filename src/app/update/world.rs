//! What the cluster tells.

use std::sync::Arc;

use crate::app::model::{Link, Model, ReleaseKey, Seen, Tone};
use crate::app::msg::World;
use crate::domain::journal::{EntryKind, TOOK_OVER};
use crate::domain::rollout::Phase;
use crate::domain::time::Millis;
use crate::domain::view::View;

/// An order without an answer after this long is said to be so.
const PATIENCE: Millis = Millis::secs(5);

/// Takes something of the cluster.
pub(super) fn take(model: &mut Model, news: World) {
    match news {
        World::Scene(scene) => model.scene = scene,
        World::Link(link) => {
            // Reconnecting again and again is one outage.
            let same = matches!((&model.link.0, &link), (Link::Lost { .. }, Link::Lost { .. }));
            let since = if same { model.link.1 } else { model.now.mono };
            model.link = (link, since);
        }
        World::Listed => model.listed = true,
        World::View(view) => take_view(model, view),
        World::Gone(key) => {
            model.releases.remove(&key);
            model.refresh();
        }
        World::Rows(rows) => {
            model.live.insert(rows.namespace.clone(), rows);
            model.refresh();
        }
        World::Journal(key, lines) => {
            model.journals.insert(key, lines);
            model.refresh();
        }
        World::Namespaces(names) => model.namespaces = Some(names),
        World::Denied(key, Some(needs)) => {
            model.denied.insert(key, needs);
        }
        World::Denied(key, None) => {
            model.denied.remove(&key);
        }
        World::DryRun(id, said) => model.take_dry_run(id, &said),
    }
}

fn take_view(model: &mut Model, view: Arc<View>) {
    let key = ReleaseKey::of(&view);
    announce(model, &key, &view);
    let told = taken_over(model, &key, &view);
    answer(model, &view);
    if let Some(text) = told {
        model.say(Tone::Bad, text);
    }
    model.releases.insert(key.clone(), Seen { view, at: model.now.mono });
    model.renew_dialogs(&key);
    model.refresh();
}

/// Says aloud what nobody at this console asked for.
fn announce(model: &mut Model, key: &ReleaseKey, view: &View) {
    let Some(new) = &view.rollout else { return };
    let was_back = model.view_of(key).and_then(|v| v.rollout.as_ref()).is_none_or(|r| r.id == new.id && r.is_back());
    if let (Phase::RollingBack { cause, by, .. }, false) = (&new.phase, was_back) {
        let mine = model.sent.iter().any(|s| s.release == *key);
        if !mine {
            model.say(Tone::Bad, format!("{} is being rolled back by {by}: {cause}. Ctrl-R follows it", key.name));
        }
    }
}

/// Who took the rollout over, where this console drove it a moment ago.
fn taken_over(model: &Model, key: &ReleaseKey, view: &View) -> Option<String> {
    let before = model.view_of(key)?.rollout.as_ref()?;
    let news = view.rollout.as_ref()?.log.iter().filter(|e| !before.log.contains(e));
    let lost = news.filter(|e| e.kind == EntryKind::Lease).find(|e| e.text.contains(TOOK_OVER))?;
    Some(format!("{}: {}", key.name, lost.text))
}

/// What became of orders given here.
fn answer(model: &mut Model, view: &View) {
    let mut said = None;
    let now = model.now;
    model.sent.retain(|sent| match view.answers.get(&sent.id) {
        Some(None) => {
            said = Some((Tone::Good, format!("taken: {}", sent.command)));
            false
        }
        Some(Some(why)) => {
            said = Some((Tone::Bad, format!("refused: {}: {why}", sent.command)));
            false
        }
        None if sent.release == ReleaseKey::of(view) && now.elapsed(sent.at) > PATIENCE => {
            said = Some((Tone::Bad, format!("no answer yet to: {}", sent.command)));
            now.elapsed(sent.at) < PATIENCE.plus(PATIENCE)
        }
        None => true,
    });
    if let Some((tone, text)) = said {
        model.say(tone, text);
    }
}
