//! Results as a table for people, as JSON, or as JSON lines.

use std::io::{self, Write};

use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use crate::domain::text::sanitize;

use super::args::Format;

/// Something that can stand in a table and in JSON.
pub trait Row: Serialize {
    /// Its cells, in the order of the table's header. The last one is not padded.
    fn cells(&self) -> Vec<String>;
}

/// Writes results in the format that was asked for.
pub struct Output<'a> {
    to: &'a mut dyn Write,
    format: Format,
}

impl<'a> Output<'a> {
    /// Writes to `to`.
    pub fn new(to: &'a mut dyn Write, format: Format) -> Output<'a> {
        Output { to, format }
    }

    /// Whether people read it.
    pub fn is_table(&self) -> bool {
        self.format == Format::Table
    }

    /// All of something: an aligned table, one JSON array, or a line each. `none` is what people read where there is nothing.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn all<R: Row>(&mut self, header: &[&str], rows: &[R], none: &str) -> io::Result<()> {
        match self.format {
            Format::Json => self.json(rows),
            Format::Jsonl => rows.iter().try_for_each(|row| self.json_line(row)),
            Format::Table if rows.is_empty() => writeln!(self.to, "{none}"),
            Format::Table => {
                let mut table: Vec<Vec<String>> = Vec::new();
                if !header.is_empty() {
                    table.push(header.iter().map(|h| (*h).to_owned()).collect());
                }
                table.extend(rows.iter().map(Row::cells));
                write_table(self.to, &table)
            }
        }
    }

    /// One thing: text for people, one JSON document for others.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn one<T: Serialize + ?Sized>(&mut self, value: &T, text: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
        match self.format {
            Format::Table => text(self.to),
            Format::Json => self.json(value),
            Format::Jsonl => self.json_line(value),
        }
    }

    /// The next of something that takes time: a line of text or a line of JSON, out at once.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn next<T: Serialize>(&mut self, value: &T, text: &str) -> io::Result<()> {
        match self.format {
            Format::Table => writeln!(self.to, "{}", sanitize(text))?,
            Format::Json | Format::Jsonl => self.json_line(value)?,
        }
        self.to.flush()
    }

    fn json<T: Serialize + ?Sized>(&mut self, value: &T) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut *self.to, value)?;
        writeln!(self.to)
    }

    fn json_line<T: Serialize + ?Sized>(&mut self, value: &T) -> io::Result<()> {
        serde_json::to_writer(&mut *self.to, value)?;
        writeln!(self.to)
    }
}

/// Columns as wide as their widest cell, two blanks between them.
fn write_table(to: &mut dyn Write, rows: &[Vec<String>]) -> io::Result<()> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let safe: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(|cell| sanitize(cell).into_owned()).collect()).collect();
    let width = |column: usize| safe.iter().filter_map(|row| row.get(column)).map(|cell| cell.width()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for row in &safe {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', width.saturating_sub(cell.width()) + 2));
        }
        writeln!(to, "{}", line.trim_end())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Pair(&'static str, u8);

    impl Row for Pair {
        fn cells(&self) -> Vec<String> {
            vec![self.0.to_owned(), self.1.to_string()]
        }
    }

    fn written(format: Format) -> String {
        let mut bytes = Vec::new();
        Output::new(&mut bytes, format).all(&["NAME", "N"], &[Pair("föö", 1), Pair("a\u{1b}[2J", 22)], "nothing").unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn every_format_says_the_same() {
        assert_eq!(written(Format::Table), "NAME          N\nföö           1\na<U+001B>[2J  22\n");
        assert_eq!(written(Format::Jsonl), "[\"föö\",1]\n[\"a\\u001b[2J\",22]\n");
        assert!(serde_json::from_str::<serde_json::Value>(&written(Format::Json)).unwrap().as_array().is_some_and(|a| a.len() == 2));
    }
}
