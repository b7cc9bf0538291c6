//! `cutover accept`: what somebody else changed is what was asked.

use std::io::Write;

use crate::domain::command::Command;

use super::args::{Global, Which};
use super::error::CliError;
use super::exit::Exit;
use super::orders::{Ask, give};
use super::output::Output;

/// Accept what somebody else changed in a rollout
///
/// A rollout pauses when a weight, a selector, an image, a Deployment or the pods of a ratio are no longer what it set, and
/// says who changed them. This takes what stands there now as what was asked; the rollout stays paused, and `cutover
/// resume` goes on from there. The other choices: `cutover resume` sets it again, `cutover rollback` takes everything back.
#[derive(Clone, Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  cutover accept --dry-run     show what was changed, and what each choice would do
  cutover accept && cutover resume

Ends with 1 where the plan cannot go on from what stands, and says why.")]
pub struct Args {
    /// Which release.
    #[command(flatten)]
    pub which: Which,
}

/// Accepts it.
///
/// # Errors
/// Whatever keeps the order from being given.
pub async fn run(args: &Args, global: &Global, out: &mut Output<'_>, notes: &mut dyn Write) -> Result<Exit, CliError> {
    give(Ask::of(&args.which, Command::AcceptDrift), global, out, notes).await
}
