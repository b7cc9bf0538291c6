//! How previews and endings look to people.

use std::io::{self, Write};

use serde::Serialize;

use crate::domain::release::Release;
use crate::domain::text::sanitize;
use crate::engine::preview::Preview;
use crate::engine::way_back::{Back, WayBack};

use super::error::safe_lines;
use super::exit::Exit;
use super::output::Output;
use super::pilot::Ending;

/// The way back of a component, or of the one that stands worst. Field names are stable.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WayBackJson {
    /// `ready`, `not sure` or `no way back`.
    pub stand: &'static str,
    /// The revision that would serve again.
    pub revision: Option<u64>,
    /// Why it is not ready, and what to do.
    pub reason: Option<String>,
    /// What was seen, and what was not checked.
    pub notes: Vec<String>,
}

impl From<&Back> for WayBackJson {
    fn from(back: &Back) -> WayBackJson {
        let Back { revision, stand, notes } = back;
        WayBackJson { stand: stand.word(), revision: *revision, reason: stand.reason(), notes: notes.clone() }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PreviewJson<'a> {
    release: &'a str,
    namespace: &'a str,
    changes: &'a [crate::domain::action::Change],
    remarks: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    way_back: Option<WayBackJson>,
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
        way_back: preview.way_back.as_ref().and_then(WayBack::worst).map(|(_, back)| back.into()),
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
