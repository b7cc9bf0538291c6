//! `cutover take-over`: drive what somebody else drives.

use std::io::Write;

use crate::domain::command::Command;

use super::args::{Global, Which};
use super::error::CliError;
use super::exit::Exit;
use super::orders::{Ask, Wish, give};
use super::output::Output;
use super::pilot::Goal;

/// Take a rollout over from whoever drives it, and carry it on
///
/// Takes the Lease though its holder is alive, and drives from here, as `cutover run` does. The other driver sees that
/// within seconds, stops writing, says who took over and goes on watching. Nothing else about the rollout changes. It asks
/// first; where nobody is there to ask, it needs --yes.
///
/// A driver that is gone needs no taking over: its Lease runs out, and whoever gives an order then drives. Nor does a
/// rollback: `cutover rollback` waits for nobody.
#[derive(Clone, Debug, clap::Args)]
#[command(
    name = "take-over",
    visible_alias = "takeover",
    after_long_help = "\
Examples:
  cutover take-over
  cutover take-over storefront -n shop --yes

Ends as `cutover run` does: with 0 promoted, 3 rolled back, 4 timed out, 6 waiting (--no-wait), 7 no telling."
)]
pub struct Args {
    /// Which release.
    #[command(flatten)]
    pub which: Which,
    /// Do not wait for people: let go of the rollout and end with 6 when an approval or a resume is needed.
    #[arg(long)]
    pub no_wait: bool,
}

/// Takes it over.
///
/// # Errors
/// Whatever keeps the Lease from being taken.
pub async fn run(args: &Args, global: &Global, out: &mut Output<'_>, notes: &mut dyn Write) -> Result<Exit, CliError> {
    let ask = Ask { which: args.which.clone(), wish: Wish::Command(Command::TakeOver), goal: Goal::End { people: !args.no_wait } };
    give(ask, global, out, notes).await
}
