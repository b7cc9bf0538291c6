//! Moving the cursor, following logs, copying.

use crate::app::action::TABLE;
use crate::app::effect::Effect;
use crate::app::logs::{Logs, Stream};
use crate::app::mode::Mode;
use crate::app::model::{Model, Screen, Tone};
use crate::app::pane::Pane;
use crate::app::rows;
use crate::domain::release::Track;

/// About as many lines as a checklist has at most.
const CHECKLIST_MAX: usize = 40;

/// Moves the cursor or scrolls, whatever has the focus.
pub(super) fn step(model: &mut Model, by: isize) {
    match model.modes.last_mut() {
        Some(Mode::Help { offset }) => {
            *offset = offset.saturating_add_signed(by).min(TABLE.len());
            return;
        }
        Some(Mode::Checklist { offset, .. }) => {
            *offset = offset.saturating_add_signed(by).min(CHECKLIST_MAX);
            return;
        }
        Some(Mode::Filter { .. }) | None => {}
        Some(_) => return,
    }
    if matches!(model.screen, Screen::Release(_)) && model.focus == Pane::Logs {
        model.logs.scroll(by);
        return;
    }
    let focus = model.focus;
    match model.list_mut() {
        Some(list) => {
            list.step(by);
            list.select(None);
            // Tie the cursor to the object it is on now.
            model.refresh();
        }
        None => {
            let (first, last) = extent(model, focus);
            let offset = model.scrolls.entry(focus).or_insert(first);
            *offset = offset.saturating_add_signed(by).min(last);
        }
    }
}

/// Where a pane without rows begins to scroll, and about how far it can. The view stops where its text ends.
fn extent(model: &Model, pane: Pane) -> (usize, usize) {
    let Some(view) = model.view() else { return (0, 0) };
    let components = view.release.components.len();
    match (pane, &view.rollout) {
        (Pane::Timeline, Some(r)) => (r.cursor.saturating_sub(3), r.plan.len() + r.overrides.len()),
        (Pane::Timeline, None) | (Pane::Traffic, _) => (0, components * 8),
        _ => (0, components * (view.release.gates.len() + 6)),
    }
}

/// The selected pod's log; elsewhere one pod of each side.
pub(super) fn follow_logs(model: &mut Model, previous: bool, out: &mut Vec<Effect>) {
    super::travel::drop_logs(model, out);
    let mut wanted: Vec<(Option<Track>, String)> = Vec::new();
    if let (Some(view), Some(live)) = (model.view(), model.snapshot()) {
        match model.selected_pod().filter(|_| model.focus == Pane::Pods) {
            Some(pod) => wanted.push((rows::pod_side(view, pod).map(|(_, track)| track), pod.name.to_string())),
            None => {
                for track in [Track::Stable, Track::Candidate] {
                    let of_track = rows::pods(view, live).into_iter().filter_map(|i| live.pods.get(i));
                    let mut pods = of_track.filter(|p| rows::pod_side(view, p).is_some_and(|(_, t)| t == track));
                    wanted.extend(pods.next().map(|p| (Some(track), p.name.to_string())));
                }
            }
        }
    }
    let Some(namespace) = model.release().map(|key| key.namespace.clone()) else { return };
    let streams = wanted.into_iter().map(|(track, pod)| {
        let id = model.number();
        out.push(Effect::Tail { id, namespace: namespace.clone(), pod: pod.clone(), container: None, previous });
        Stream { id, track, pod, container: None, previous, lines: Default::default(), dropped: 0, ended: None }
    });
    let streams = streams.collect();
    model.logs = Logs { streams, ..Logs::default() };
    super::act::show_pane(model, Pane::Logs);
}

/// Copies the row under the cursor.
pub(super) fn copy(model: &mut Model, out: &mut Vec<Effect>) {
    match selected_text(model) {
        Some((what, text)) => out.push(Effect::Copy { text, what: what.to_owned() }),
        None => model.say(Tone::Info, "there is nothing to copy here"),
    }
}

fn selected_text(model: &Model) -> Option<(&'static str, String)> {
    let key = model.release()?;
    if model.screen == Screen::Fleet {
        return Some(("release", key.to_string()));
    }
    let live = model.snapshot();
    let at = model.list().and_then(|list| list.current());
    match model.focus {
        Pane::Pods => model.selected_pod().map(|pod| ("pod", pod.name.to_string())),
        Pane::Hpas => live?.hpas.get(at?).map(|hpa| ("autoscaler", hpa.name.to_string())),
        Pane::Events => live?.events.get(at?).map(|e| ("event", format!("{} {} {}: {}", e.about.0, e.about.1, e.reason, e.message))),
        Pane::Journal => {
            let file = model.journals.get(key).map(Vec::as_slice).unwrap_or_default();
            let entry = *rows::journal(model.view(), file).get(at?)?;
            Some(("journal line", format!("{} {} {}: {}", entry.at, entry.actor, entry.kind.word(), entry.text)))
        }
        Pane::Logs => {
            let lines = model.logs.streams.iter().flat_map(|s| s.lines.iter().map(|l| l.text.to_string()));
            Some(("log", lines.collect::<Vec<_>>().join("\n"))).filter(|(_, text)| !text.is_empty())
        }
        Pane::Timeline | Pane::Traffic | Pane::Metrics => Some(("release", key.to_string())),
    }
}

/// Copies the command of the first stuck line.
pub(super) fn copy_by_hand(model: &mut Model, out: &mut Vec<Effect>) {
    let Some(Mode::Checklist { release, .. }) = model.mode() else { return };
    let list = model.view_of(release).and_then(|v| v.checklist.as_ref());
    let lines = || list.into_iter().flat_map(|c| &c.lines);
    let stuck = lines().find_map(|l| l.stuck().and_then(|(_, command)| command));
    match stuck.or_else(|| lines().find_map(|l| l.by_hand.as_deref())) {
        Some(command) => out.push(Effect::Copy { text: command.to_owned(), what: "command".to_owned() }),
        None => model.say(Tone::Info, "no line has a command to copy"),
    }
}
