//! How previews and endings look to people.

use std::io::{self, Write};

use serde::Serialize;

use crate::domain::release::Release;
use crate::domain::text::sanitize;
use crate::engine::preview::Preview;

use super::error::safe_lines;
use super::exit::Exit;
use super::output::Output;
use super::pilot::Ending;

#[derive(Serialize)]
struct PreviewJson<'a> {
    release: &'a str,
    namespace: &'a str,
    changes: &'a [crate::domain::action::Change],
    remarks: &'a [String],
    refused: Option<String>,
}

/// Objects, fields, before and after.
///
/// # Errors
/// When the output cannot be written.
pub fn preview(release: &Release, preview: &Preview, out: &mut Output<'_>) -> io::Result<()> {
    let json = PreviewJson {
        release: &release.name,
        namespace: &release.namespace,
        changes: &preview.changes,
        remarks: &preview.remarks,
        refused: preview.refusal.as_ref().map(ToString::to_string),
    };
    out.one(&json, |to| {
        match &preview.refusal {
            Some(refusal) => writeln!(to, "refused: {}", safe_lines(&refusal.to_string()))?,
            None if preview.changes.is_empty() => writeln!(to, "nothing would change at once")?,
            None => {}
        }
        preview.changes.iter().try_for_each(|change| writeln!(to, "{}", sanitize(&change.to_string())))?;
        preview.remarks.iter().try_for_each(|remark| writeln!(to, "· {}", sanitize(remark)))
    })
}

#[derive(Serialize)]
struct EndJson<'a> {
    release: &'a str,
    kind: &'static str,
    text: &'a str,
    exit: u8,
}

/// The last line of a command that took time: for people beside the results, for programs the last of them.
///
/// # Errors
/// When it cannot be written.
pub fn end(release: &str, ending: &Ending, out: &mut Output<'_>, to: &mut dyn Write) -> io::Result<()> {
    if !out.is_table() {
        out.next(&EndJson { release, kind: "end", text: &ending.text, exit: ending.exit.code() }, "")?;
    }
    let mark = match ending.exit {
        Exit::Done => "✓",
        Exit::RolledBack => "■",
        Exit::Waiting | Exit::Inconclusive => "○",
        _ => "✗",
    };
    writeln!(to, "{mark} {}", safe_lines(&ending.text))
}
