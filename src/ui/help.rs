//! All keys, with the reason where one cannot be used now.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::{Clear, Widget};

use crate::app::action::{Group, Row as Entry, TABLE};
use crate::app::available::availability;
use crate::app::keytable::keys;
use crate::theme::Role;

use super::row::Row;
use super::{Cx, line, take_top};

/// Draws the help page.
pub(super) fn draw(cx: &Cx<'_>, offset: usize, area: Rect, buf: &mut Buffer) {
    Clear.render(area, buf);
    buf.set_style(area, cx.style(Role::Text));
    let mut rest = area;
    let title =
        cx.row(Role::BorderFocus, "─ ").and("Keys ", cx.style(Role::TitleFocus)).and("j k scroll, Esc leaves ", cx.style(Role::Dim));
    let fill = usize::from(area.width).saturating_sub(title.width());
    title.and("─".repeat(fill), cx.style(Role::BorderFocus)).draw(buf, take_top(&mut rest, 1));
    let rows = rows(cx);
    let height = usize::from(rest.height);
    let offset = offset.min(rows.len().saturating_sub(height));
    let left = rows.len().saturating_sub(offset + height);
    for (n, row) in rows.into_iter().skip(offset).take(height).enumerate() {
        row.draw(buf, line(rest, n));
    }
    if left > 0 {
        let text = format!(" ↓ {left} more ");
        let width = u16::try_from(text.chars().count()).unwrap_or(0).min(rest.width);
        cx.row(Role::Dim, text).draw(buf, Rect { x: rest.right() - width, y: rest.bottom().saturating_sub(1), width, height: 1 });
    }
}

fn rows(cx: &Cx<'_>) -> Vec<Row> {
    let mut rows = Vec::new();
    for group in Group::ALL {
        rows.push(cx.row(Role::Title, format!(" {}", group.title())));
        rows.extend(TABLE.iter().filter(|entry| entry.group == group).map(|entry| describe(cx, entry)));
    }
    rows
}

fn describe(cx: &Cx<'_>, entry: &Entry) -> Row {
    let reason = availability(cx.model, entry.action).reason().map(str::to_owned);
    let key = if reason.is_some() { Role::KeyOff } else { Role::Key };
    let row = cx.row(key, format!("  {}", keys(entry))).to(16).gap(1);
    let row = row.and(entry.title, cx.style(Role::Strong)).to(31);
    match reason {
        Some(why) => row.and(format!("– {why}"), cx.style(Role::StatusUnknown)),
        None => row.and(entry.help, cx.style(Role::Text)),
    }
}
