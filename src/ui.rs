//! The console's view, pure: `&Model` to cells. The eye goes top to bottom: where am I and is it safe, where is the
//! rollout, is the new version worse, what is happening, what can I press.
//!
//! What must always be seen (header, versions, weights, both sides' errors and p95, footer) is laid out first; panes get
//! the rest. Colours come from theme roles only; status is glyph, word and colour, in that order of trust.

mod ascii;
mod body;
mod checklist;
mod components;
mod dialog;
mod fleet;
mod footer;
mod forms;
mod header;
mod help;
mod panes;
mod picker;
mod row;
mod spark;
mod timeline;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::app::Model;
use crate::app::mode::Mode;
use crate::app::model::Screen;
use crate::app::words::Status;
use crate::theme::{Role, Theme};

use row::Row;

/// The smallest size at which the console says more than that it needs more.
pub const SMALLEST: (u16, u16) = (40, 10);

/// How the console looks.
#[derive(Clone, Debug)]
pub struct Look {
    /// Colours.
    pub theme: Theme,
    /// Whether the terminal shows more than ASCII.
    pub unicode: bool,
}

impl Look {
    fn style(&self, role: Role) -> Style {
        self.theme.style(role)
    }
}

/// What every part of the view is given.
#[derive(Clone, Copy)]
struct Cx<'a> {
    model: &'a Model,
    look: &'a Look,
}

impl Cx<'_> {
    fn style(&self, role: Role) -> Style {
        self.look.style(role)
    }

    /// A row that begins with a text.
    fn row(&self, role: Role, text: impl AsRef<str>) -> Row {
        Row::default().and(text, self.style(role))
    }

    /// A status: its glyph, then what it is called.
    fn status(&self, status: Status, word: &str) -> Row {
        self.row(status_role(status), format!("{} {word}", glyph(status)))
    }
}

/// Draws the console.
pub fn render(model: &Model, look: &Look, area: Rect, buf: &mut Buffer) {
    let area = area.intersection(buf.area);
    if area.is_empty() {
        return;
    }
    let cx = Cx { model, look };
    buf.set_style(area, look.style(Role::Text));
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        let text = format!("needs {}x{}, have {}x{}", SMALLEST.0, SMALLEST.1, area.width, area.height);
        for (n, text) in row::wrap(&text, usize::from(area.width)).iter().enumerate() {
            cx.row(Role::StatusWarn, text).draw(buf, line(area, n));
        }
    } else {
        frame(&cx, area, buf);
    }
    if !look.unicode {
        ascii::fold(buf, area);
    }
}

fn frame(cx: &Cx<'_>, area: Rect, buf: &mut Buffer) {
    let mut rest = area;
    header::draw(cx, take_top(&mut rest, 2), buf);
    footer::draw(cx, take_bottom(&mut rest, 1), buf);
    let banner = footer::banner(cx, usize::from(area.width), area.height);
    let place = take_bottom(&mut rest, u16::try_from(banner.len()).unwrap_or(0));
    for (n, row) in banner.into_iter().enumerate() {
        row.draw(buf, line(place, n));
    }
    match &cx.model.screen {
        Screen::Fleet => fleet::draw(cx, rest, buf),
        Screen::Release(key) => body::draw(cx, key, rest, buf),
    }
    for mode in &cx.model.modes {
        // Header, banner and footer stay in sight: data age and the way back are always visible.
        match mode {
            Mode::Filter { .. } => {}
            Mode::Palette(palette) => picker::palette(cx, palette, rest, buf),
            Mode::Picker(list) => picker::draw(cx, list, rest, buf),
            Mode::Help { offset } => help::draw(cx, *offset, rest, buf),
            Mode::Dialog(dialog) => dialog::draw(cx, dialog, rest, buf),
            Mode::Checklist { release, offset } => checklist::draw(cx, release, *offset, rest, buf),
        }
    }
}

fn take_top(rest: &mut Rect, rows: u16) -> Rect {
    let rows = rows.min(rest.height);
    let taken = Rect { height: rows, ..*rest };
    *rest = Rect { y: rest.y + rows, height: rest.height - rows, ..*rest };
    taken
}

fn take_bottom(rest: &mut Rect, rows: u16) -> Rect {
    let rows = rows.min(rest.height);
    let taken = Rect { y: rest.bottom() - rows, height: rows, ..*rest };
    rest.height -= rows;
    taken
}

/// One line of an area, counted from its top; empty when it has fewer.
fn line(area: Rect, n: usize) -> Rect {
    match u16::try_from(n) {
        Ok(n) if n < area.height => Rect { y: area.y + n, height: 1, ..area },
        _ => Rect { height: 0, ..area },
    }
}

/// A status's glyph: one column in every terminal, and none that needs a special font.
fn glyph(status: Status) -> &'static str {
    match status {
        Status::Ok => "✔",
        Status::Progress => "◌",
        Status::Paused => "‖",
        Status::Warn => "⚠",
        Status::Fail => "✖",
        Status::Unknown => "?",
    }
}

fn status_role(status: Status) -> Role {
    match status {
        Status::Ok => Role::StatusOk,
        Status::Progress => Role::StatusProgress,
        Status::Paused => Role::StatusPaused,
        Status::Warn => Role::StatusWarn,
        Status::Fail => Role::StatusFail,
        Status::Unknown => Role::StatusUnknown,
    }
}
