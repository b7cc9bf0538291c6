//! The action table as documents: the README's table, `cutover keys`, help.

use std::fmt::Write;

use serde::Serialize;

use super::action::{Group, Row, Scope, TABLE};

/// A row as `cutover keys -o json` prints it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyLine {
    /// The action's name.
    pub action: &'static str,
    /// Its keys.
    pub keys: Vec<String>,
    /// What it is about.
    pub group: &'static str,
    /// Where the keys work.
    pub scopes: Vec<&'static str>,
    /// One line.
    pub help: &'static str,
    /// Whether it changes the cluster (after a dialog).
    pub writes: bool,
    /// Whether it is promised and not built.
    pub planned: bool,
}

/// All keys of a row, as people read them: `j, Down`.
pub fn keys(row: &Row) -> String {
    row.chords.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Every row.
pub fn lines() -> Vec<KeyLine> {
    TABLE
        .iter()
        .map(|row| KeyLine {
            action: row.name,
            keys: row.chords.iter().map(ToString::to_string).collect(),
            group: row.group.title(),
            scopes: row.scopes.iter().map(|s| Scope::title(*s)).collect(),
            help: row.help,
            writes: row.writes,
            planned: row.planned,
        })
        .collect()
}

/// The README's key table, in Markdown.
pub fn markdown() -> String {
    let mut out = String::from("| keys | what | where |\n| --- | --- | --- |\n");
    for group in Group::ALL {
        for row in TABLE.iter().filter(|row| row.group == group) {
            let chords: Vec<String> = row.chords.iter().map(|c| format!("`{c}`")).collect();
            let scopes: Vec<&str> = row.scopes.iter().map(|s| Scope::title(*s)).collect();
            // Writing to a string does not fail.
            let _infallible = writeln!(out, "| {} | {} | {} |", chords.join(" "), row.help, scopes.join(", "));
        }
    }
    out
}

/// A plain table for terminals.
pub fn table() -> String {
    let mut out = String::new();
    for group in Group::ALL {
        let _infallible = writeln!(out, "{}", group.title());
        for row in TABLE.iter().filter(|row| row.group == group) {
            let _infallible = writeln!(out, "  {:<16} {:<18} {}", keys(row), row.name, row.help);
        }
    }
    out
}
