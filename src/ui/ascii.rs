//! For terminals that show ASCII only: every other symbol is replaced in the finished picture, in one place.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// Replaces what the terminal cannot show.
pub(super) fn fold(buf: &mut Buffer, area: Rect) {
    for y in area.top()..area.bottom() {
        for x in area.left()..area.right() {
            if let Some(cell) = buf.cell_mut((x, y))
                && !cell.symbol().is_ascii()
            {
                let wide = unicode_width::UnicodeWidthStr::width(cell.symbol()) > 1;
                let plain = cell.symbol().chars().next().map_or(" ", plain);
                cell.set_symbol(if wide { "??" } else { plain });
            }
        }
    }
}

fn plain(c: char) -> &'static str {
    match c {
        '✔' | '✓' => "+",
        '◌' => "o",
        '‖' => "=",
        '⚠' => "!",
        '✖' => "x",
        '→' | '▸' | '▶' | '›' => ">",
        '←' => "<",
        '↑' => "^",
        '↓' => "v",
        '─' | '━' | '╌' | '–' => "-",
        '│' => "|",
        '┌' | '┐' | '└' | '┘' | '├' | '┤' => "+",
        '·' | '▁' => ".",
        '▂' => "_",
        '▃' => "-",
        '▄' => "=",
        '▅' => "+",
        '▆' => "*",
        '▇' | '█' => "#",
        '…' => "~",
        '×' => "x",
        '≥' => ">",
        '≤' => "<",
        _ => "?",
    }
}
