//! The last line: what each key would do now. The way back is always there.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::app::action::{Action, Row as Entry, Scope, TABLE, row};
use crate::app::available::{availability, label};
use crate::app::mode::Mode;
use crate::app::model::{Link, Screen, Tone};
use crate::app::words::{self, Status, coarse};
use crate::domain::rollout::Phase;
use crate::domain::view::{Driver, View};
use crate::engine::auto_sync;
use crate::theme::Role;

use super::Cx;
use super::row::{Row, wrap};

/// Below this width the light of the way back is a glyph and a number.
const NARROW: u16 = 72;

/// Draws the footer.
pub(super) fn draw(cx: &Cx<'_>, area: Rect, buf: &mut Buffer) {
    let light = light(cx, area.width < NARROW);
    let light = if light.is_empty() { light } else { light.gap(1) };
    let right = light.join(back(cx)).join(hint(cx, Action::Help)).gap(1);
    let room = usize::from(area.width).saturating_sub(right.width() + 1);
    let left = match cx.model.mode() {
        Some(Mode::Filter { .. }) => filter(cx),
        _ => hints(cx, room),
    };
    left.draw_with(right, buf, area);
}

/// Whether the way back is there, of the release in sight: known from memory, so on old data it is what it was.
fn light(cx: &Cx<'_>, narrow: bool) -> Row {
    let Screen::Release(key) = &cx.model.screen else { return Row::default() };
    let Some(way) = cx.model.view_of(key).and_then(View::way_back) else { return Row::default() };
    if cx.model.stale(key).is_some() {
        return cx.status(Status::Unknown, &if narrow { way.target() } else { format!("{} not sure", way.target()) });
    }
    let text = if narrow && words::way_back(&way) != Status::Fail { way.target() } else { way.brief() };
    cx.status(words::way_back(&way), &text)
}

/// The way back, and what it would do.
fn back(cx: &Cx<'_>) -> Row {
    let can = availability(cx.model, Action::RollBack).reason().is_none();
    let key = row(Action::RollBack).and_then(|r| r.chords.first()).map(|c| c.short()).unwrap_or_default();
    let style = cx.style(if can { Role::KeyBack } else { Role::KeyOff });
    let text = if can { label(cx.model, Action::RollBack) } else { "roll back –".to_owned() };
    Row::default().and(format!(" {key} {text} "), style).gap(1)
}

/// As many hints as fit, the most useful first.
fn hints(cx: &Cx<'_>, room: usize) -> Row {
    let scopes = cx.model.scopes();
    let skipped = [Action::RollBack, Action::Help];
    let mut rows: Vec<&Entry> = TABLE
        .iter()
        .filter(|r| r.hint > 0 && !skipped.contains(&r.action) && r.scopes.iter().any(|s| scopes.contains(s) && *s != Scope::Everywhere))
        .collect();
    // What can be pressed comes first.
    rows.sort_by_key(|r| (availability(cx.model, r.action).reason().is_some(), r.hint));
    let mut line = Row::default().gap(1);
    for entry in rows {
        let hint = hint(cx, entry.action);
        if line.width() + hint.width() + 2 > room {
            break;
        }
        line = line.join(hint).gap(2);
    }
    line
}

/// One key with what it would do; `–` when it cannot.
fn hint(cx: &Cx<'_>, action: Action) -> Row {
    let Some(entry) = row(action) else { return Row::default() };
    let key = entry.chords.first().map(|c| c.short()).unwrap_or_default();
    if availability(cx.model, action).reason().is_some() {
        return cx.row(Role::KeyOff, format!("{key} {} –", entry.title));
    }
    cx.row(Role::Key, key).and(format!(" {}", label(cx.model, action)), cx.style(Role::Text))
}

fn filter(cx: &Cx<'_>) -> Row {
    let Some(list) = cx.model.list() else { return Row::default() };
    super::picker::field(cx, " /", &list.filter, 40).and(format!("  {}/{}", list.rows.len(), list.total), cx.style(Role::Dim))
}

/// The lines above the footer, when there is something to say: the newest notice, else why nothing is fresh, what does
/// not work, why the release was taken back or stands still.
pub(super) fn banner(cx: &Cx<'_>, columns: usize, rows: u16) -> Vec<Row> {
    let mut all = switched_off(cx, columns);
    all.extend(news(cx, columns, rows));
    all
}

/// The auto-sync that is off by us, whatever else there is to say: it is a person who restores it.
fn switched_off(cx: &Cx<'_>, columns: usize) -> Vec<Row> {
    let Screen::Release(key) = &cx.model.screen else { return Vec::new() };
    let Some(view) = cx.model.view_of(key) else { return Vec::new() };
    let off = view.observed.as_deref().map(|o| auto_sync::told(&view.release, o, cx.model.now)).unwrap_or_default();
    let key = row(Action::RestoreSync).and_then(|r| r.chords.first()).map(|c| c.short()).unwrap_or_default();
    let one = |text: &String| cx.row(Role::Text, " ").join(cx.status(Status::Warn, &format!("{text}; {key} restores it"))).cut(columns);
    off.iter().map(one).collect()
}

fn news(cx: &Cx<'_>, columns: usize, rows: u16) -> Vec<Row> {
    let Some((role, text)) = said(cx) else { return Vec::new() };
    let most = if rows < 20 { 2 } else { 3 };
    let mut lines = wrap(&text, columns.saturating_sub(2));
    if lines.len() > most {
        lines.truncate(most);
        if let Some(last) = lines.last_mut() {
            last.push_str(" …");
        }
    }
    lines.iter().map(|line| cx.row(role, format!(" {line}"))).collect()
}

fn said(cx: &Cx<'_>) -> Option<(Role, String)> {
    let model = cx.model;
    if let Some(notice) = &model.notice {
        let role = match notice.tone {
            Tone::Good => Role::BannerNotice,
            Tone::Info => Role::Text,
            Tone::Bad => Role::BannerError,
        };
        return Some((role, notice.text.clone()));
    }
    if let Link::Lost { why } = &model.link.0 {
        let text = format!("reconnecting: {why}. What is shown is from before; going forward is locked, rolling back is tried");
        return Some((Role::BannerStale, text));
    }
    let Screen::Release(key) = &model.screen else { return None };
    let view = model.view_of(key);
    let faults = view.into_iter().flat_map(|v| &v.faults);
    if let Some((what, (fault, since))) = faults.max_by_key(|(_, (_, since))| *since) {
        let age = coarse(model.now.since(*since));
        return Some((Role::BannerError, format!("{what} ({age}): {}", fault.text)));
    }
    let filtered = model.list().filter(|l| !l.filter.text().is_empty() && !matches!(model.mode(), Some(Mode::Filter { .. })));
    if let Some(hidden) = filtered {
        let text = format!("filter `{}` shows {} of {}; Esc takes it away", hidden.filter.text(), hidden.rows.len(), hidden.total);
        return Some((Role::Dim, text));
    }
    // Over a dialog or a checklist there are better things to read.
    stands(view.filter(|_| model.mode().is_none())?)
}

/// Why the release was taken back, or why nothing moves.
fn stands(view: &View) -> Option<(Role, String)> {
    if let Some(way) = view.way_back().filter(|w| words::way_back(w) == Status::Fail) {
        let (component, back) = way.worst()?;
        return Some((Role::StatusFail, format!("no way back: {component}: {}", back.stand.reason()?)));
    }
    let r = view.rollout.as_ref()?;
    match &r.phase {
        Phase::RollingBack { .. } | Phase::RolledBack => {
            words::rollback_cause(view).map(|why| (Role::StatusWarn, format!("{}: {why}", r.phase)))
        }
        Phase::Paused { why, by } => Some((Role::StatusPaused, format!("paused by {by}: {why}"))),
        Phase::Progressing => {
            let why = r.waiting.as_ref()?;
            // What is on record then is what a driver said last, before it died.
            let word = if view.driver == Driver::Nobody { "nobody drives it now; last it waited for" } else { "waits" };
            let said = why.starts_with("waits ") && word == "waits";
            Some((Role::StatusPaused, if said { why.clone() } else { format!("{word}: {why}") }))
        }
        Phase::Completed => None,
    }
}
