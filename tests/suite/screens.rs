//! What the console looks like: text and styles, at sizes, depths and in states that matter.

mod always;
mod states;

use cutover::app::Model;
use cutover::theme::{Depth, Theme};
use cutover::ui::{Look, render};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};

use crate::fixture::Console;
use states::STATES;
pub use states::{argo, reverted};

/// How a picture is made.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// The dark theme on 256 colours: what is met behind SSH.
    Dark,
    /// No colour at all.
    Mono,
    /// The dark theme on a terminal that shows ASCII only.
    Ascii,
}

pub fn look(kind: Kind) -> Look {
    let depth = if matches!(kind, Kind::Mono) { Depth::Mono } else { Depth::Ansi256 };
    Look { theme: Theme::builtin("dark", depth), unicode: !matches!(kind, Kind::Ascii) }
}

pub fn draw(model: &Model, look: &Look, width: u16, height: u16) -> Buffer {
    let area = Rect::new(0, 0, width, height);
    let mut buf = Buffer::empty(area);
    render(model, look, area, &mut buf);
    buf
}

/// The text of a picture, line by line; the second column of a wide character is left out.
pub fn text(buf: &Buffer) -> Vec<String> {
    let area = buf.area;
    (0..area.height)
        .map(|y| {
            let mut line = String::new();
            let mut skip = 0;
            for x in 0..area.width {
                let symbol = buf[(x, y)].symbol();
                if skip == 0 {
                    line.push_str(symbol);
                    skip = unicode_width::UnicodeWidthStr::width(symbol).saturating_sub(1);
                } else {
                    skip -= 1;
                }
            }
            line
        })
        .collect()
}

/// Which columns of a line look how, plain ones left out: `0-11 bold 252/236`.
fn styles(buf: &Buffer, y: u16, plain: Style) -> String {
    let mut runs: Vec<(u16, u16, String)> = vec![];
    for x in 0..buf.area.width {
        let cell = &buf[(x, y)];
        let color = |c: Color| match c {
            Color::Reset => "-".to_owned(),
            Color::Indexed(n) => n.to_string(),
            other => other.to_string(),
        };
        let mods: Vec<String> = cell.modifier.iter_names().map(|(n, _): (&str, Modifier)| n.to_lowercase()).collect();
        let own = Some(cell.fg) == plain.fg.or(Some(Color::Reset)) && cell.bg == Color::Reset && mods.is_empty();
        let name =
            if own { String::new() } else { format!("{}/{} {}", color(cell.fg), color(cell.bg), mods.join("+")).trim_end().to_owned() };
        match runs.last_mut() {
            Some((_, end, last)) if *last == name => *end = x,
            _ => runs.push((x, x, name)),
        }
    }
    runs.into_iter().filter(|(.., name)| !name.is_empty()).map(|(a, b, name)| format!("{a}-{b} {name}")).collect::<Vec<_>>().join(", ")
}

fn picture(console: &Console, kind: Kind) -> String {
    let (width, height) = console.model.size;
    let look = look(kind);
    let buf = draw(&console.model, &look, width, height);
    let plain = look.theme.style(cutover::theme::Role::Text);
    let mut out = String::new();
    for line in text(&buf) {
        out.push_str(&format!("|{line}|\n"));
    }
    out.push_str("styles\n");
    for y in 0..height {
        let line = styles(&buf, y, plain);
        if !line.is_empty() {
            out.push_str(&format!("{y:>3}: {line}\n"));
        }
    }
    out
}

/// The picture of every state that is kept: all at 80x24 in colour, all at 60x16 without; the main ones at every size.
#[test]
fn pictures() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let _guard = settings.bind_to_scope();
    for (name, state) in STATES {
        let mut shots = vec![(80, 24, Kind::Dark), (60, 16, Kind::Mono)];
        if matches!(*name, "live" | "rollback-dialog" | "fleet") {
            shots.extend([(60, 16, Kind::Dark), (80, 24, Kind::Mono), (80, 24, Kind::Ascii), (120, 40, Kind::Dark), (200, 60, Kind::Dark)]);
        }
        for (width, height, kind) in shots {
            let console = state(width, height);
            insta::assert_snapshot!(format!("{name}-{width}x{height}-{kind:?}").to_lowercase(), picture(&console, kind));
        }
    }
}
