//! `cutover approve`.

use std::io::Write;

use crate::domain::command::Command;

use super::args::{Global, Which};
use super::error::CliError;
use super::exit::Exit;
use super::orders::{Ask, give};
use super::output::Output;

/// Approve what a rollout waits for
///
/// The driver goes on at once. Where nobody drives, this process does until the approved step is done, then lets go.
#[derive(Clone, Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  cutover approve
  cutover approve storefront -n shop")]
pub struct Args {
    /// Which release.
    #[command(flatten)]
    pub which: Which,
}

/// Gives the approval.
///
/// # Errors
/// Whatever keeps the order from being given.
pub async fn run(args: &Args, global: &Global, out: &mut Output<'_>, notes: &mut dyn Write) -> Result<Exit, CliError> {
    give(Ask::of(&args.which, Command::Approve), global, out, notes).await
}
