//! `cutover rollback`: take it back, from any state.

use std::io::Write;

use crate::domain::command::Command;

use super::args::{Global, Which};
use super::error::CliError;
use super::exit::Exit;
use super::orders::{Ask, give};
use super::output::Output;

/// Take a release back, from any state
///
/// Sets the routes of all components back to stable at once, without asking and without waiting for metrics, another
/// driver or anything else; then sees to it that they stay there and scales the rest down. Works mid-step, paused, while
/// promoting, with metrics down, and for a release that was started by hand.
#[derive(Clone, Debug, clap::Args)]
#[command(
    visible_alias = "abort",
    after_long_help = "\
Examples:
  cutover rollback
  cutover rollback storefront --context prod-eu -n shop
  cutover rollback --dry-run

Ends with 0 when all traffic is back on stable. A line that sticks shows the command that does the same by hand."
)]
pub struct Args {
    /// Which release.
    #[command(flatten)]
    pub which: Which,
}

/// Takes it back.
///
/// # Errors
/// Whatever keeps the order from being given.
pub async fn run(args: &Args, global: &Global, out: &mut Output<'_>, notes: &mut dyn Write) -> Result<Exit, CliError> {
    give(Ask::of(&args.which, Command::RollBack), global, out, notes).await
}
