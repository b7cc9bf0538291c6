//! `cutover promote`.

use std::io::Write;

use crate::domain::command::Command;

use super::args::{Global, Which};
use super::error::CliError;
use super::exit::Exit;
use super::orders::{Ask, give};
use super::output::Output;

/// Skip what is left of a rollout and promote now
///
/// Passes over the holds and approvals that are left, with an override in the journal. The capacity guard stays: traffic
/// goes up only where the receiving pods can hold it. Waits until the new version serves alone.
#[derive(Clone, Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  cutover promote
  cutover promote --dry-run")]
pub struct Args {
    /// Which release.
    #[command(flatten)]
    pub which: Which,
}

/// Promotes.
///
/// # Errors
/// Whatever keeps the order from being given.
pub async fn run(args: &Args, global: &Global, out: &mut Output<'_>, notes: &mut dyn Write) -> Result<Exit, CliError> {
    give(Ask::of(&args.which, Command::Promote), global, out, notes).await
}
