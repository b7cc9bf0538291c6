//! `cutover history`: revisions and journal.

use std::io::Write;

use jiff::Timestamp;
use serde::Serialize;

use crate::domain::journal::Entry;
use crate::domain::release::Track;
use crate::domain::text::sanitize;
use crate::journal::Place;

use super::args::{Global, Which};
use super::error::CliError;
use super::exit::Exit;
use super::look::{Look, look};
use super::output::Output;
use super::session::Session;

/// List the revisions that can be gone back to, and what happened lately
///
/// Revisions come from the ReplicaSets that Kubernetes keeps; journal lines from the release's stored state and from this
/// machine's journal. Each line of that one names the SHA-256 of the line before: where somebody changed or removed one, it is told.
#[derive(Clone, Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  cutover history
  cutover history --lines 200 -o jsonl")]
pub struct Args {
    /// Which release.
    #[command(flatten)]
    pub which: Which,
    /// The most journal lines to show.
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub lines: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct History {
    release: String,
    namespace: String,
    revisions: Vec<Revision>,
    journal: Vec<Entry>,
    /// Lines of the local journal that cannot be read.
    damaged: usize,
    /// Lines of the local journal, counted from 1, that do not follow from the line before.
    broken: Vec<usize>,
    /// Where that journal is.
    file: Option<std::path::PathBuf>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Revision {
    component: String,
    track: Track,
    deployment: String,
    revision: u64,
    current: bool,
    images: Vec<String>,
    replica_set: String,
    change_cause: Option<String>,
}

/// Prints it.
///
/// # Errors
/// When the cluster cannot be read.
pub async fn run(args: &Args, global: &Global, out: &mut Output<'_>) -> Result<Exit, CliError> {
    let session = Session::open(global).await?;
    let release = session.release(&args.which).await?;
    let (world, _) = session.world(&release, false);
    let seen = look(world.as_ref(), &release, "", session.clock.now()).await;
    let place = Place::of_user(&session.connection.context, &release.namespace, &release.name);
    let local = place.path().and_then(|path| crate::journal::read(&path).ok()).unwrap_or_default();
    let mut journal = local.entries;
    journal.extend(seen.rollout.iter().flat_map(|r| r.log.iter().map(|e| Entry::clone(e))));
    let history = History {
        release: release.name.clone(),
        namespace: release.namespace.clone(),
        revisions: revisions(&seen),
        journal: newest(journal, args.lines),
        damaged: local.damaged,
        broken: local.broken,
        file: place.path(),
    };
    out.one(&history, |to| show(&history, to))?;
    Ok(Exit::Done)
}

/// The newest lines of both records, oldest first, each once.
fn newest(mut all: Vec<Entry>, lines: usize) -> Vec<Entry> {
    all.sort_by_key(|e| e.at);
    let mut kept: Vec<Entry> = Vec::new();
    for entry in all {
        let twin = kept.iter().rev().take_while(|k| k.at == entry.at).any(|k| *k == entry);
        if !twin {
            kept.push(entry);
        }
    }
    kept.split_off(kept.len().saturating_sub(lines))
}

fn revisions(look: &Look) -> Vec<Revision> {
    let Ok(observed) = &look.observed else { return Vec::new() };
    let mut all = Vec::new();
    for (component, seen) in &observed.components {
        for (track, workload) in [(Track::Stable, &seen.stable), (Track::Candidate, &seen.candidate)] {
            let Some(workload) = workload else { continue };
            all.extend(workload.revisions.iter().map(|kept| Revision {
                component: component.clone(),
                track,
                deployment: workload.name.clone(),
                revision: kept.revision,
                current: workload.revision == Some(kept.revision),
                images: kept.images.iter().map(|i| i.image.clone()).collect(),
                replica_set: kept.replica_set.clone(),
                change_cause: kept.change_cause.as_ref().map(|c| c.as_str().to_owned()),
            }));
        }
    }
    all
}

fn show(history: &History, to: &mut dyn Write) -> std::io::Result<()> {
    writeln!(to, "revisions")?;
    for r in &history.revisions {
        let current = if r.current { "*" } else { " " };
        let cause = r.change_cause.as_ref().map(|c| format!("  {c}")).unwrap_or_default();
        let line = format!("{current} {:<10} {:<9} {:>4}  {}{cause}", r.component, r.track, r.revision, r.images.join(", "));
        writeln!(to, "{}", sanitize(&line))?;
    }
    writeln!(to, "journal")?;
    for e in &history.journal {
        writeln!(to, "  {}  {:<9} {:<18} {}", stamp(e.at), e.kind.word(), sanitize(&e.actor), sanitize(&e.text))?;
    }
    if history.damaged > 0 {
        writeln!(to, "  {} lines of this machine's journal cannot be read and were left as they are", history.damaged)?;
    }
    if let (Some(first), Some(file)) = (history.broken.first(), &history.file) {
        let file = file.to_string_lossy();
        writeln!(
            to,
            "  {}: line {first} does not follow from the one before: that was changed or removed, or line {first} added",
            sanitize(&file)
        )?;
        writeln!(to, "  {} such lines in all; the release's stored state keeps its own newest lines", history.broken.len())?;
    }
    Ok(())
}

fn stamp(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::journal::EntryKind;

    #[test]
    fn two_records_of_one_thing_are_one_line() {
        let entry = |s: i64, text: &str| Entry {
            at: Timestamp::from_second(s).unwrap(),
            kind: EntryKind::Decision,
            actor: "a".into(),
            text: text.into(),
        };
        let all = vec![entry(1, "a"), entry(2, "b"), entry(2, "c"), entry(2, "b"), entry(1, "a"), entry(3, "d")];
        let texts: Vec<String> = newest(all, 3).into_iter().map(|e| e.text).collect();
        assert_eq!(texts, ["b", "c", "d"]);
    }
}
