//! The panes: a title line that says what is in them and how fresh it is, and their rows.

mod events;
mod hpas;
mod journal;
mod logs;
mod metrics;
mod pods;
mod steps;
mod traffic;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::app::list::List;
use crate::app::pane::Pane;
use crate::app::words::coarse;
use crate::domain::live::Feed;
use crate::domain::object::Kind;
use crate::domain::view::View;
use crate::theme::Role;

use super::row::Row;
use super::{Cx, line, take_top};

/// Where the further lines of a long row begin.
const INDENT: usize = 6;

/// How much of the spare room a pane gets.
pub(super) fn weight(pane: Pane, focused: bool) -> u16 {
    let base = match pane {
        Pane::Metrics => 5,
        Pane::Pods => 4,
        Pane::Timeline | Pane::Events | Pane::Journal | Pane::Logs => 3,
        Pane::Traffic | Pane::Hpas => 2,
    };
    if focused { base * 2 } else { base }
}

/// Draws a pane.
pub(super) fn draw(cx: &Cx<'_>, view: &View, pane: Pane, area: Rect, buf: &mut Buffer) {
    let mut rest = area;
    let head = take_top(&mut rest, 1);
    let (summary, below) = match pane {
        Pane::Timeline => (steps::summary(cx, view), scrolled(cx, pane, steps::rows(cx, view), steps::present_row(view), rest, buf)),
        Pane::Traffic => (traffic::summary(cx, view), scrolled(cx, pane, wrapped(traffic::rows(cx, view), rest), 0, rest, buf)),
        Pane::Metrics => (metrics::summary(cx, view), scrolled(cx, pane, metrics::rows(cx, view, rest), 0, rest, buf)),
        Pane::Pods => (pods::summary(cx, view), pods::draw(cx, view, rest, buf)),
        Pane::Hpas => (Row::default(), hpas::draw(cx, view, rest, buf)),
        Pane::Events => (Row::default(), events::draw(cx, rest, buf)),
        Pane::Journal => (Row::default(), journal::draw(cx, view, rest, buf)),
        Pane::Logs => (logs::summary(cx), logs::draw(cx, view, rest, buf)),
    };
    title(cx, pane, summary, below, head, buf);
}

/// `─ 4 Pods  stable 9/9 · canary 3/3 ready ──────── ↓ 9  live ─`. `below` counts the rows under the last one in sight.
fn title(cx: &Cx<'_>, pane: Pane, summary: Row, below: usize, area: Rect, buf: &mut Buffer) {
    let focused = cx.model.focus == pane;
    let (rule, name) = if focused { (Role::BorderFocus, Role::TitleFocus) } else { (Role::Border, Role::Title) };
    let left = cx.row(rule, "─ ").and(format!("{} {}", pane.digit(), pane.title()), cx.style(name));
    let left = if summary.is_empty() { left } else { left.gap(2).join(summary) };
    let count = cx.model.lists.get(&pane).map(|l| counted(cx, l)).unwrap_or_default();
    let left = left.join(count).gap(1);
    let more = if below > 0 { cx.row(Role::Dim, format!(" ↓ {below} ")) } else { Row::default() };
    let age = age(cx, pane);
    let right = if age.is_empty() { more } else { more.gap(1).join(age) }.and(" ─", cx.style(rule));
    let columns = usize::from(area.width);
    let left = left.cut(columns.saturating_sub(right.width() + 1));
    let fill = columns.saturating_sub(left.width() + right.width());
    left.and("─".repeat(fill), cx.style(rule)).join(right).draw(buf, area);
}

/// `  12/340 match` beside an active filter.
fn counted(cx: &Cx<'_>, list: &List) -> Row {
    if list.filter.text().is_empty() {
        return Row::default();
    }
    cx.row(Role::Match, format!("  {}/{} match {}", list.rows.len(), list.total, list.filter.text()))
}

/// How fresh a pane's rows are.
fn age(cx: &Cx<'_>, pane: Pane) -> Row {
    let kind = match pane {
        Pane::Pods => Kind::Pod,
        Pane::Hpas => Kind::HorizontalPodAutoscaler,
        Pane::Events => Kind::Event,
        Pane::Metrics => return metrics::age(cx),
        Pane::Timeline | Pane::Traffic | Pane::Journal => {
            let age = cx.model.release().and_then(|key| cx.model.age(key));
            return aged(cx, age);
        }
        Pane::Logs => return Row::default(),
    };
    let Some(live) = cx.model.snapshot() else { return cx.row(Role::StatusProgress, "reading") };
    let Some(state) = live.feeds.get(&kind) else { return Row::default() };
    let heard = state.heard.map(|at| cx.model.now.since(at));
    match &state.feed {
        Feed::Syncing => cx.row(Role::StatusProgress, "reading"),
        // A watch that is open and silent has nothing new to tell.
        Feed::Live => cx.row(Role::Dim, "live"),
        Feed::Reconnecting { tries, .. } => {
            let age = heard.map_or("never read".to_owned(), |age| format!("{} old", coarse(age)));
            cx.row(Role::BannerStale, format!("{age}, reconnecting ({tries})"))
        }
        Feed::Denied { .. } => cx.row(Role::StatusFail, "no rights"),
        Feed::Absent => cx.row(Role::Dim, "not in this cluster"),
    }
}

fn aged(cx: &Cx<'_>, age: Option<crate::domain::time::Millis>) -> Row {
    match age {
        None => cx.row(Role::StatusProgress, "reading"),
        Some(age) if age < cx.model.live() => cx.row(Role::Dim, "live"),
        Some(age) if age > cx.model.stale_after => cx.row(Role::BannerStale, format!("{} old", coarse(age))),
        Some(age) => cx.row(Role::Dim, format!("{} old", coarse(age))),
    }
}

/// Why a pane has no rows: rights, a filter, or nothing there.
fn nothing(cx: &Cx<'_>, pane: Pane, kind: Option<Kind>, text: &str) -> Row {
    if let Some(state) = kind.and_then(|kind| cx.model.snapshot()?.feeds.get(&kind)) {
        match &state.feed {
            Feed::Denied { why } => return cx.row(Role::StatusFail, format!("  not allowed: {why}")),
            Feed::Reconnecting { why, .. } => return cx.row(Role::BannerStale, format!("  reconnecting: {why}")),
            Feed::Syncing => return cx.row(Role::Dim, "  reading"),
            Feed::Live | Feed::Absent => {}
        }
    }
    match cx.model.lists.get(&pane) {
        Some(list) if list.total > 0 => cx.row(Role::Dim, "  the filter hides every row"),
        _ => cx.row(Role::Dim, format!("  {text}")),
    }
}

/// A list with its cursor in sight: only the rows in sight are made. The row under the cursor is shown whole, over several
/// lines where one is not enough. Gives the number of rows below.
fn list(cx: &Cx<'_>, pane: Pane, area: Rect, buf: &mut Buffer, empty: Row, row: impl Fn(usize) -> Option<Row>) -> usize {
    let Some(list) = cx.model.lists.get(&pane) else { return 0 };
    if list.rows.is_empty() {
        empty.draw(buf, line(area, 0));
        return 0;
    }
    let focused = cx.model.focus == pane;
    let under_cursor = list.rows.get(list.at).filter(|_| focused).and_then(|index| row(*index));
    let own = under_cursor.map(|row| whole(row, area)).unwrap_or_default();
    let height = usize::from(area.height);
    let first = super::fleet::first_in_sight(list.rows.len(), list.at, height.saturating_sub(own.len().saturating_sub(1)));
    let (mut at, mut shown) = (0, 0);
    for (n, index) in list.rows.iter().enumerate().skip(first).take(height) {
        if at >= height {
            break;
        }
        if focused && n == list.at {
            for text in &own {
                let place = line(area, at);
                buf.set_style(place, cx.style(Role::RowSelected));
                text.clone().over(cx.style(Role::RowSelected)).draw(buf, place);
                at += 1;
            }
        } else {
            row(*index).unwrap_or_default().draw(buf, line(area, at));
            at += 1;
        }
        shown += 1;
    }
    list.rows.len().saturating_sub(first + shown)
}

/// A row as the lines that show all of it, two thirds of the area at most.
fn whole(row: Row, area: Rect) -> Vec<Row> {
    let columns = usize::from(area.width);
    let most = (usize::from(area.height) * 2 / 3).max(1);
    if most == 1 || row.width() <= columns {
        return vec![row];
    }
    let mut lines = row.wrapped(columns, INDENT);
    let rest: Vec<Row> = lines.drain(most.min(lines.len()) - 1..).collect();
    // What still does not fit is cut, and seen to be.
    lines.extend(rest.into_iter().reduce(Row::join));
    lines
}

/// Rows with every one of them shown whole.
fn wrapped(rows: Vec<Row>, area: Rect) -> Vec<Row> {
    rows.into_iter().flat_map(|row| row.wrapped(usize::from(area.width), INDENT)).collect()
}

/// Lines that scroll, with one of them in sight as long as nobody scrolls. Gives the number of lines below.
fn scrolled(cx: &Cx<'_>, pane: Pane, rows: Vec<Row>, keep: usize, area: Rect, buf: &mut Buffer) -> usize {
    let height = usize::from(area.height);
    let kept = super::fleet::first_in_sight(rows.len(), keep, height);
    let offset = cx.model.scrolls.get(&pane).copied().unwrap_or(kept).min(rows.len().saturating_sub(height));
    let more = rows.len().saturating_sub(offset + height);
    for (n, row) in rows.into_iter().skip(offset).take(height).enumerate() {
        row.draw(buf, line(area, n));
    }
    more
}
