//! Lists to choose from by typing.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;
use ratatui::widgets::{Clear, Widget};

use crate::app::field::Field;
use crate::app::picker::{Choice, Palette, Picker, Run, offers};
use crate::app::{available, picker};
use crate::theme::Role;

use super::row::Row;
use super::{Cx, fleet, line, take_top};

/// Draws the palette.
pub(super) fn palette(cx: &Cx<'_>, palette: &Palette, area: Rect, buf: &mut Buffer) {
    let found = offers(cx.model, palette.field.text());
    let rows = found.into_iter().map(|(run, text)| match run {
        Run::Action(action) => match available::availability(cx.model, action).reason() {
            Some(why) => cx.row(Role::KeyOff, format!("{text}  (not now: {why})")),
            None => cx.row(Role::Text, text),
        },
        _ => cx.row(Role::Text, text),
    });
    over(cx, " :", &palette.field, rows.collect(), palette.at, area, buf);
}

/// Draws contexts or namespaces.
pub(super) fn draw(cx: &Cx<'_>, list: &Picker, area: Rect, buf: &mut Buffer) {
    let (label, now) = match list.what {
        Choice::Context => (" context ", cx.model.scene.context.as_str()),
        Choice::Namespace => (" namespace ", cx.model.scene.namespace.as_deref().unwrap_or(picker::ALL)),
    };
    let rows = match list.items(cx.model) {
        None => vec![cx.row(Role::Dim, "reading")],
        Some(Err(why)) => {
            vec![cx.row(Role::StatusWarn, format!("cannot be listed: {why}")), cx.row(Role::Dim, "type the name and press Enter")]
        }
        Some(Ok(names)) => {
            names.iter().map(|name| cx.row(Role::Text, name).and(if name == now { "  (now)" } else { "" }, cx.style(Role::Dim))).collect()
        }
    };
    over(cx, label, &list.field, rows, list.at, area, buf);
}

fn over(cx: &Cx<'_>, label: &str, field_: &Field, rows: Vec<Row>, at: usize, area: Rect, buf: &mut Buffer) {
    let height = u16::try_from(rows.len()).unwrap_or(u16::MAX).saturating_add(2).clamp(3, 16).min(area.height);
    let mut rest = Rect { y: area.bottom() - height, height, ..area };
    Clear.render(rest, buf);
    buf.set_style(rest, cx.style(Role::Text));
    let head = take_top(&mut rest, 1);
    let foot = super::take_bottom(&mut rest, 1);
    cx.row(Role::Dialog, "─".repeat(usize::from(area.width))).draw(buf, head);
    field(cx, label, field_, usize::from(area.width).saturating_sub(label.len() + 2)).draw(buf, foot);
    let first = fleet::first_in_sight(rows.len(), at, usize::from(rest.height));
    if rows.is_empty() {
        cx.row(Role::Dim, "  nothing fits").draw(buf, line(rest, 0));
    }
    for (n, row) in rows.into_iter().skip(first).take(usize::from(rest.height)).enumerate() {
        let place = line(rest, n);
        let row = Row::default().gap(2).join(row);
        if first + n == at {
            buf.set_style(place, cx.style(Role::RowSelected));
            row.over(cx.style(Role::RowSelected)).draw(buf, place);
        } else {
            row.draw(buf, place);
        }
    }
}

/// A text field with its cursor as a reversed cell, the cursor's surroundings in sight.
pub(super) fn field(cx: &Cx<'_>, label: &str, field: &Field, columns: usize) -> Row {
    let style = cx.style(Role::Input);
    let columns = columns.max(4);
    let chars: Vec<char> = field.text().chars().collect();
    let from = field.cursor().saturating_sub(columns.saturating_sub(2));
    let text = |range: std::ops::Range<usize>| {
        chars.get(range.start.min(chars.len())..range.end.min(chars.len())).unwrap_or_default().iter().collect::<String>()
    };
    let under = chars.get(field.cursor()).copied().unwrap_or(' ').to_string();
    cx.row(Role::Strong, label)
        .and(text(from..field.cursor()), style)
        .and(under, style.add_modifier(Modifier::REVERSED))
        .and(text(field.cursor() + 1..from + columns), style)
}
