//! `cutover pause`.

use std::io::Write;

use crate::domain::command::Command;

use super::args::{Global, Which};
use super::error::CliError;
use super::exit::Exit;
use super::orders::{Ask, give};
use super::output::Output;

/// Stop a rollout from going forward
///
/// Traffic stays where it is. Gates are judged all the same: one that says to roll back does so, while somebody drives.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Which release.
    #[command(flatten)]
    pub which: Which,
}

/// Pauses.
///
/// # Errors
/// Whatever keeps the order from being given.
pub async fn run(args: &Args, global: &Global, out: &mut Output<'_>, notes: &mut dyn Write) -> Result<Exit, CliError> {
    give(Ask::of(&args.which, Command::Pause), global, out, notes).await
}
