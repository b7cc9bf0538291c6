//! A rollback as people follow it: every line with its time and its deadline, and the command by hand for one that sticks.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::app::model::ReleaseKey;
use crate::app::words::{self, Status};
use crate::domain::checklist::{Checklist, Line, LineState};
use crate::domain::rollout::Phase;
use crate::domain::time::{Millis, hms};
use crate::domain::view::View;
use crate::theme::Role;

use super::Cx;
use super::components::percent;
use super::dialog::boxed;
use super::row::{Row, middle, wrap};

/// An error share that did not fall below this part of what it was has not come back.
const RESTORED: f64 = 0.5;

/// Draws a release's checklist.
pub(super) fn draw(cx: &Cx<'_>, release: &ReleaseKey, offset: usize, area: Rect, buf: &mut Buffer) {
    let width = area.width.min(110);
    let inner = usize::from(width).saturating_sub(4);
    let (title, mut rows) = match cx.model.view_of(release).and_then(|v| Some((v, v.checklist.as_ref()?))) {
        None => (format!("Rolling back {}", release.name), vec![cx.status(Status::Progress, "asked; the driver has not answered yet")]),
        Some((view, list)) => {
            let word = if is_over(view) { "Rolled back" } else { "Rolling back" };
            (format!("{word} {}, {} by {}", list.release, hms(list.since), list.by), content(cx, view, list, inner))
        }
    };
    let room = usize::from(area.height).saturating_sub(4);
    let offset = offset.min(rows.len().saturating_sub(room));
    let left = rows.len().saturating_sub(offset + room);
    rows = rows.into_iter().skip(offset).take(room).collect();
    rows.push(Row::default());
    let key = |name: &str, what: &str| cx.row(Role::Key, name).and(format!(" {what}"), cx.style(Role::Text)).gap(4);
    let more = if left > 0 { cx.row(Role::Dim, format!("j {left} more lines")).gap(4) } else { Row::default() };
    let view = cx.model.view_of(release);
    let stuck = view.and_then(|v| v.checklist.as_ref()).is_some_and(|c| c.lines.iter().any(|l| l.stuck().is_some()));
    let copy = if stuck { key("c", "copy the command") } else { Row::default() };
    rows.push(copy.join(key("Esc", if view.is_some_and(is_over) { "leave" } else { "leave; it goes on" })).join(more));
    boxed(cx, &title, Role::DialogBack, rows, width, area, buf);
}

fn is_over(view: &View) -> bool {
    view.rollout.as_ref().is_some_and(|r| r.phase == Phase::RolledBack)
}

fn content(cx: &Cx<'_>, view: &View, list: &Checklist, inner: usize) -> Vec<Row> {
    let why = words::rollback_cause(view).map(|why| wrap(&format!("why: {why}"), inner)).unwrap_or_default();
    let mut rows: Vec<Row> = why.iter().map(|text| cx.row(Role::Dim, text)).collect();
    for line in &list.lines {
        rows.extend(one(cx, line, inner));
        if let LineState::Stuck { why, .. } = &line.state {
            let text = wrap(&format!("{why}. By hand:"), inner.saturating_sub(4));
            rows.extend(text.iter().map(|l| cx.row(Role::StatusFail, format!("    {l}"))));
            let command = line.by_hand.as_deref().unwrap_or("no command does this by hand");
            rows.extend(wrap(command, inner.saturating_sub(6)).iter().map(|l| cx.row(Role::Strong, format!("      {l}"))));
        }
    }
    rows.push(Row::default());
    rows.extend(outcome(cx, view, list, inner));
    rows
}

/// A line with its time at the right; a long text goes on below.
fn one(cx: &Cx<'_>, line: &Line, inner: usize) -> Vec<Row> {
    let (mark, role, time) = match &line.state {
        LineState::Waiting => ("·", Role::Dim, String::new()),
        LineState::Running { elapsed } => ("▶", Role::StatusProgress, format!("{} of {}", elapsed.clock(), line.deadline.clock())),
        LineState::Done { after } => ("✓", Role::StatusOk, format!("done after {}", seconds(*after))),
        LineState::Stuck { elapsed, .. } => ("✖", Role::StatusFail, format!("stuck, {} of {}", elapsed.clock(), line.deadline.clock())),
    };
    let room = inner.saturating_sub(time.chars().count() + 1);
    let mut texts = wrap(&line.text, room.saturating_sub(14)).into_iter();
    let first = cx
        .row(role, format!("{mark} "))
        .and(middle(&line.subject, 11), cx.style(Role::Strong))
        .to(14)
        .and(texts.next().unwrap_or_default(), cx.style(Role::Text));
    let mut rows = vec![first.to(room).gap(1).and(time, cx.style(role))];
    rows.extend(texts.map(|text| Row::default().gap(14).and(text, cx.style(Role::Text))));
    rows
}

/// `0.01 s` below a minute, then as a clock.
fn seconds(length: Millis) -> String {
    if length < Millis::secs(60) { format!("{:.2} s", length.0 as f64 / 1000.0) } else { length.clock() }
}

/// How it ends: back, or not restored and whom to call.
fn outcome(cx: &Cx<'_>, view: &View, list: &Checklist, inner: usize) -> Vec<Row> {
    let over = is_over(view);
    let errors = list.errors.map(|(before, now)| format!("errors {} → {} since {}", percent(before), percent(now), hms(list.since)));
    let restored = list.errors.is_none_or(|(before, now)| now <= before * RESTORED || now < 0.01);
    let (status, text) = match (over, restored) {
        (true, true) => (Status::Ok, format!("{} is back on stable. {}", list.release, errors.unwrap_or_default())),
        (true, false) => (Status::Fail, format!("Not restored: {}", errors.unwrap_or_default())),
        (false, _) => match errors {
            Some(errors) => (Status::Progress, errors),
            None => return Vec::new(),
        },
    };
    let mut rows: Vec<Row> = wrap(&text, inner.saturating_sub(2)).iter().map(|l| cx.status(status, l)).collect();
    if over && !restored && !view.release.contacts.is_empty() {
        let text = format!("call: {}", view.release.contacts.join("; "));
        rows.extend(wrap(&text, inner).iter().map(|l| cx.row(Role::Strong, l)));
    }
    rows
}
