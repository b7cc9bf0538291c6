//! `cutover undo`: a Deployment back to a kept revision.

use std::io::Write;

use crate::domain::command::Command;

use super::args::{Global, Which};
use super::error::CliError;
use super::exit::Exit;
use super::orders::{Ask, give};
use super::output::Output;

/// Put Deployments back to a revision that Kubernetes keeps
///
/// Like `kubectl rollout undo`, but only the pod template and the change-cause change: annotations, replicas and strategy
/// stay. Waits until every pod runs it. `cutover history` lists the revisions.
#[derive(Clone, Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  cutover undo
  cutover undo --to-revision 12 --component backend")]
pub struct Args {
    /// Which release.
    #[command(flatten)]
    pub which: Which,
    /// The revision; 0 is the one before the current.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub to_revision: u64,
    /// One component; all of them when not given.
    #[arg(long, value_name = "NAME")]
    pub component: Option<String>,
}

/// Puts them back.
///
/// # Errors
/// Whatever keeps the order from being given.
pub async fn run(args: &Args, global: &Global, out: &mut Output<'_>, notes: &mut dyn Write) -> Result<Exit, CliError> {
    let command = Command::Undo { component: args.component.clone(), revision: args.to_revision };
    give(Ask::of(&args.which, command), global, out, notes).await
}
