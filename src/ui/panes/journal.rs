//! Who did what, newest first.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::app::pane::Pane;
use crate::app::rows;
use crate::domain::journal::EntryKind;
use crate::domain::time::hms;
use crate::domain::view::View;
use crate::theme::Role;
use crate::ui::Cx;
use crate::ui::row::middle;

pub(super) fn draw(cx: &Cx<'_>, view: &View, area: Rect, buf: &mut Buffer) -> usize {
    let file = cx.model.release().and_then(|key| cx.model.journals.get(key)).map(Vec::as_slice).unwrap_or_default();
    let entries = rows::journal(Some(view), file);
    // Who did it stands in the text of whatever a person asked for.
    let wide = area.width >= 100;
    let empty = super::nothing(cx, Pane::Journal, None, "nothing was done yet");
    super::list(cx, Pane::Journal, area, buf, empty, |i| {
        let entry = entries.get(i)?;
        let role = match entry.kind {
            EntryKind::Command | EntryKind::Override => Role::Strong,
            EntryKind::Decision | EntryKind::Lease => Role::StatusProgress,
            EntryKind::Intent | EntryKind::Note => Role::Dim,
            EntryKind::Outcome => Role::Text,
        };
        Some(
            cx.row(Role::Dim, format!("  {} ", hms(entry.at)))
                .and(entry.kind.word(), cx.style(role))
                .to(21)
                .and(if wide { middle(&entry.actor, 14) } else { String::new() }, cx.style(Role::Dim))
                .to(if wide { 36 } else { 21 })
                .and(&entry.text, cx.style(role)),
        )
    })
}
