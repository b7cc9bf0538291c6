//! Events, repetitions merged, newest first.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::app::pane::Pane;
use crate::domain::object::Kind;
use crate::domain::time::hms;
use crate::theme::Role;
use crate::ui::Cx;
use crate::ui::row::middle;

pub(super) fn draw(cx: &Cx<'_>, area: Rect, buf: &mut Buffer) -> usize {
    let Some(live) = cx.model.snapshot() else { return 0 };
    let empty = super::nothing(cx, Pane::Events, Some(Kind::Event), "no event about this release");
    let name = if area.width >= 100 { 34 } else { 22 };
    super::list(cx, Pane::Events, area, buf, empty, |i| {
        let event = live.events.get(i)?;
        let at = event.at.map_or("–".to_owned(), hms);
        let (mark, role) = if event.warning { ("⚠", Role::StatusWarn) } else { ("·", Role::Dim) };
        let times = if event.count > 1 { format!(" (×{})", event.count) } else { String::new() };
        Some(
            cx.row(Role::Dim, format!("  {at} "))
                .and(format!("{mark} "), cx.style(role))
                .and(middle(event.about.1.as_str(), name), cx.style(Role::Text))
                .to(16 + name)
                .and(format!("{} ", event.reason), cx.style(if event.warning { Role::StatusWarn } else { Role::Strong }))
                .and(format!("{}{times}", event.message), cx.style(Role::Text)),
        )
    })
}
