//! `cutover step`: one step forward or back.

use std::io::Write;

use crate::domain::command::Command;
use crate::domain::weight::Weight;

use super::args::{Global, Which};
use super::error::CliError;
use super::exit::Exit;
use super::orders::{Ask, give};
use super::output::Output;

/// Go one step forward, back, or to a weight
///
/// Forward goes to the next step without waiting for the rest of this one; what was left of its hold is noted as an
/// override. Traffic goes up only where the receiving pods can hold it. --back asks for the weight before this one and
/// --to for any weight; both pause there.
#[derive(Clone, Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  cutover step
  cutover step --to 30
  cutover step --back")]
pub struct Args {
    /// Which release.
    #[command(flatten)]
    pub which: Which,
    /// Ask for this weight in percent, up or down, and pause there.
    #[arg(long, value_name = "WEIGHT", value_parser = weight)]
    pub to: Option<Weight>,
    /// Go back to the weight before this one, and pause there.
    #[arg(long, conflicts_with = "to")]
    pub back: bool,
}

fn weight(text: &str) -> Result<Weight, String> {
    let number = text.trim().trim_end_matches('%').trim_end().parse().ok().and_then(Weight::new);
    number.ok_or_else(|| "a weight is a whole percent from 0 to 100".to_owned())
}

/// Steps.
///
/// # Errors
/// Whatever keeps the order from being given.
pub async fn run(args: &Args, global: &Global, out: &mut Output<'_>, notes: &mut dyn Write) -> Result<Exit, CliError> {
    let command = match args.to {
        Some(weight) => Command::SetWeight(weight),
        None if args.back => Command::StepBack,
        None => Command::Advance,
    };
    give(Ask::of(&args.which, command), global, out, notes).await
}
