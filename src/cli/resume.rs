//! `cutover resume`.

use std::io::Write;

use crate::domain::command::Command;

use super::args::{Global, Which};
use super::error::CliError;
use super::exit::Exit;
use super::orders::{Ask, give};
use super::output::Output;

/// Let a paused rollout go on
///
/// The driver goes on with the step under way. Where nobody drives, `cutover run` carries it on.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Which release.
    #[command(flatten)]
    pub which: Which,
}

/// Resumes.
///
/// # Errors
/// Whatever keeps the order from being given.
pub async fn run(args: &Args, global: &Global, out: &mut Output<'_>, notes: &mut dyn Write) -> Result<Exit, CliError> {
    give(Ask::of(&args.which, Command::Resume), global, out, notes).await
}
