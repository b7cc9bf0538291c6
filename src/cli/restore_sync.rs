//! `cutover restore-sync`: Argo CD's auto-sync on again.

use std::io::Write;

use crate::domain::command::Command;

use super::args::{Global, Which};
use super::error::CliError;
use super::exit::Exit;
use super::orders::{Ask, give};
use super::output::Output;

/// Switch Argo CD's auto-sync on again that a rollout or a rollback suspended
///
/// An Application that heals itself would put back what is written here within seconds, so its auto-sync is taken away with the
/// first write, and kept in its annotation cutover.dev/auto-sync. It is never put back by itself: git may still hold the old
/// values, and Argo CD then sets those. Commit what runs now, or take the change back in git, and then restore it.
///
/// With --dry-run it is shown what would change, and what Argo CD says of live against git.
#[derive(Clone, Debug, clap::Args)]
#[command(
    name = "restore-sync",
    after_long_help = "\
Examples:
  cutover restore-sync --dry-run
  cutover restore-sync storefront -n shop --yes"
)]
pub struct Args {
    /// Which release.
    #[command(flatten)]
    pub which: Which,
}

/// Restores it.
///
/// # Errors
/// Whatever keeps it from being restored.
pub async fn run(args: &Args, global: &Global, out: &mut Output<'_>, notes: &mut dyn Write) -> Result<Exit, CliError> {
    give(Ask::of(&args.which, Command::RestoreSync), global, out, notes).await
}
