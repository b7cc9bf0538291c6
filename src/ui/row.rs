//! One line of text in several styles: made safe, measured in columns, cut with `…` where it does not fit.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::domain::text::sanitize;

/// A line that is being put together.
#[derive(Clone, Debug, Default)]
pub(super) struct Row(Vec<(String, Style)>);

impl Row {
    /// Adds a text. Whatever it holds, it reaches the terminal as plain visible characters.
    pub(super) fn and(mut self, text: impl AsRef<str>, style: Style) -> Row {
        self.push(text, style);
        self
    }

    /// The same in place.
    pub(super) fn push(&mut self, text: impl AsRef<str>, style: Style) {
        let text = sanitize(text.as_ref());
        if !text.is_empty() {
            self.0.push((text.into_owned(), style));
        }
    }

    /// Adds another row.
    pub(super) fn join(mut self, other: Row) -> Row {
        self.0.extend(other.0);
        self
    }

    /// Adds so many blanks.
    pub(super) fn gap(mut self, columns: usize) -> Row {
        if columns > 0 {
            self.0.push((" ".repeat(columns), Style::default()));
        }
        self
    }

    /// Adds blanks up to a column, or cuts at it.
    pub(super) fn to(self, column: usize) -> Row {
        let width = self.width();
        if width > column { self.cut(column) } else { self.gap(column - width) }
    }

    /// Its width in columns.
    pub(super) fn width(&self) -> usize {
        self.0.iter().map(|(text, _)| text.width()).sum()
    }

    /// Whether there is nothing in it.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// At most so many columns wide, the end cut with `…`.
    pub(super) fn cut(self, columns: usize) -> Row {
        if self.width() <= columns {
            return self;
        }
        let mut room = columns;
        let mut kept = Vec::new();
        for (text, style) in self.0 {
            let width = text.width();
            if width < room {
                room -= width;
                kept.push((text, style));
            } else {
                kept.push((cut(&text, room, width == room), style));
                break;
            }
        }
        Row(kept)
    }

    /// As many lines as it takes to show all of it: the first as wide as the others, which begin so many blanks in. Broken
    /// at blanks where there are any.
    pub(super) fn wrapped(self, columns: usize, indent: usize) -> Vec<Row> {
        if self.width() <= columns {
            return vec![self];
        }
        let indent = if indent < columns / 2 { indent } else { 0 };
        let mut left: Vec<(char, Style)> = self.0.iter().flat_map(|(text, style)| text.chars().map(|c| (c, *style))).collect();
        let mut lines = Vec::new();
        while !left.is_empty() {
            let room = if lines.is_empty() { columns } else { columns - indent };
            let rest = left.split_off(line_end(&left, room.max(1)));
            let ink = left.iter().rposition(|(c, _)| *c != ' ').map_or(0, |last| last + 1);
            left.truncate(ink); // the blank that the line is broken at
            let mut line = if lines.is_empty() { Row::default() } else { Row::default().gap(indent) };
            left.iter().for_each(|(c, style)| line.put(*c, *style));
            lines.push(line);
            left = rest.into_iter().skip_while(|(c, _)| *c == ' ').collect();
        }
        lines
    }

    fn put(&mut self, c: char, style: Style) {
        match self.0.last_mut() {
            Some((text, last)) if *last == style => text.push(c),
            _ => self.0.push((c.to_string(), style)),
        }
    }

    /// Lays a style over everything.
    pub(super) fn over(self, style: Style) -> Row {
        Row(self.0.into_iter().map(|(text, own)| (text, own.patch(style))).collect())
    }

    /// Draws it on the first line of an area.
    pub(super) fn draw(self, buf: &mut Buffer, area: Rect) {
        let area = area.intersection(buf.area);
        if area.is_empty() {
            return;
        }
        let end = area.right();
        let mut x = area.x;
        for (text, style) in self.cut(usize::from(area.width)).0 {
            let room = usize::from(end.saturating_sub(x));
            (x, _) = buf.set_stringn(x, area.y, text, room, style);
        }
    }

    /// Draws it at the left of a line and another one at the right, which is the one that is kept whole.
    pub(super) fn draw_with(self, right: Row, buf: &mut Buffer, area: Rect) {
        let columns = usize::from(area.width);
        let right = right.cut(columns);
        let room = columns.saturating_sub(right.width() + usize::from(!right.is_empty()));
        self.cut(room).to(columns.saturating_sub(right.width())).join(right).draw(buf, area);
    }
}

/// How many characters go on a line: up to the last blank that fits, or as many as fit.
fn line_end(text: &[(char, Style)], columns: usize) -> usize {
    let mut width = 0;
    let mut blank = None;
    let mut begun = false;
    for (n, (c, _)) in text.iter().enumerate() {
        width += c.width().unwrap_or(0);
        if width > columns && *c != ' ' {
            return blank.unwrap_or(n.max(1));
        }
        begun |= *c != ' ';
        if *c == ' ' && begun {
            blank = Some(n + 1);
        }
    }
    text.len()
}

/// The beginning of a text, ending in `…` within so many columns. `more` says that something follows even if it fits.
fn cut(text: &str, columns: usize, more: bool) -> String {
    if columns == 0 {
        return String::new();
    }
    if text.width() <= columns && !more {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut width = 0;
    for c in text.chars() {
        let w = c.width().unwrap_or(0);
        if width + w + 1 > columns {
            break;
        }
        width += w;
        out.push(c);
    }
    out.push('…');
    out
}

/// A name within so many columns: cut in the middle, because the end tells names apart.
pub(super) fn middle(text: &str, columns: usize) -> String {
    let text = sanitize(text);
    if text.width() <= columns {
        return text.into_owned();
    }
    if columns < 4 {
        return cut(&text, columns, false);
    }
    let tail_room = (columns - 1) * 3 / 5;
    let mut tail = Vec::new();
    let mut width = 0;
    for c in text.chars().rev() {
        let w = c.width().unwrap_or(0);
        if width + w > tail_room {
            break;
        }
        width += w;
        tail.push(c);
    }
    let head = cut(&text, columns - width, true);
    head.chars().chain(tail.into_iter().rev()).collect()
}

/// Right-aligned in so many columns.
pub(super) fn right(text: &str, columns: usize) -> String {
    format!("{}{text}", " ".repeat(columns.saturating_sub(text.width())))
}

/// A long text as lines of so many columns, broken at blanks where there are any.
pub(super) fn wrap(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(1);
    let mut lines = Vec::new();
    let mut last = String::new();
    for word in sanitize(text).split(' ') {
        let gap = usize::from(!last.is_empty());
        if last.width() + gap + word.width() <= columns {
            last.push_str(if gap == 1 { " " } else { "" });
            last.push_str(word);
            continue;
        }
        if !last.is_empty() {
            lines.push(std::mem::take(&mut last));
        }
        // A word longer than the line is broken where the line ends.
        for c in word.chars() {
            if !last.is_empty() && last.width() + c.width().unwrap_or(0) > columns {
                lines.push(std::mem::take(&mut last));
            }
            last.push(c);
        }
    }
    lines.push(last);
    lines
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(row: &Row) -> String {
        row.0.iter().map(|(t, _)| t.as_str()).collect()
    }

    #[test]
    fn cuts_by_columns() {
        let row = Row::default().and("backend ", Style::default()).and("語語語", Style::default());
        assert_eq!(row.width(), 14);
        assert_eq!(text(&row.clone().cut(12)), "backend 語…");
        assert_eq!(text(&row.clone().cut(14)), "backend 語語語");
        assert_eq!(text(&row.cut(8)), "backend…");
        assert_eq!(middle("storefront-canary-7f9c4bd5c8-x2xqz", 20), "storefro…bd5c8-x2xqz".to_owned());
        assert_eq!(right("41", 5), "   41");
    }

    #[test]
    fn a_row_over_several_lines_keeps_its_text_and_styles() {
        let (red, bold) = (Style::new().red(), Style::new().bold());
        let row = Row::default().and("  14:01 ", red).and("Unhealthy readiness probe failed", bold);
        let lines = row.clone().wrapped(20, 4);
        assert_eq!(lines.iter().map(text).collect::<Vec<_>>(), ["  14:01 Unhealthy", "    readiness probe", "    failed"]);
        assert_eq!(lines[0].0[0], ("  14:01 ".to_owned(), red));
        assert_eq!(row.wrapped(80, 4).len(), 1);
    }

    #[test]
    fn wraps_at_blanks_and_breaks_what_has_none() {
        assert_eq!(wrap("kubectl -n shop patch vs", 10), ["kubectl -n", "shop patch", "vs"]);
        assert_eq!(wrap("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(wrap("", 5), [""]);
    }

    proptest! {
        #[test]
        fn never_wider_than_asked(s in "\\PC{0,40}", columns in 0usize..50) {
            prop_assert!(Row::default().and(&s, Style::default()).cut(columns).width() <= columns);
            prop_assert!(middle(&s, columns).width() <= columns.max(sanitize(&s).width().min(columns)));
            for line in wrap(&s, columns) {
                prop_assert!(line.width() <= columns.max(2));
            }
            let row = Row::default().and(&s, Style::default());
            let whole: String = row.clone().wrapped(columns, 3).iter().map(text).collect();
            prop_assert!(row.clone().wrapped(columns, 3).iter().all(|l| l.width() <= columns.max(2)));
            let letters = |s: &str| s.chars().filter(|c| *c != ' ').collect::<String>();
            prop_assert_eq!(letters(&whole), letters(&text(&row)));
        }
    }
}
