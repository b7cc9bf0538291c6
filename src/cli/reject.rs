//! `cutover reject`.

use std::io::Write;

use crate::domain::command::Command;

use super::args::{Global, Which};
use super::error::CliError;
use super::exit::Exit;
use super::orders::{Ask, give};
use super::output::Output;

/// Refuse what a rollout waits for: end it by rolling back
///
/// Takes all traffic back to stable, like `cutover rollback`, and waits until it is there.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Which release.
    #[command(flatten)]
    pub which: Which,
}

/// Refuses it.
///
/// # Errors
/// Whatever keeps the order from being given.
pub async fn run(args: &Args, global: &Global, out: &mut Output<'_>, notes: &mut dyn Write) -> Result<Exit, CliError> {
    give(Ask::of(&args.which, Command::Reject), global, out, notes).await
}
