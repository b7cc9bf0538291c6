//! `cutover run`: one rollout, carried to its end.

use super::args::Which;
use super::images::ImageArgs;

/// Carry a release to its end
///
/// Starts a rollout (or takes up the one under way) and drives it: prepares the candidate, moves the traffic step by step,
/// judges the gates all along, waits for approvals, promotes; or takes everything back when a gate says so. Prints one line
/// a decision. Approvals come from `cutover approve` or from a console, on this machine or another.
///
/// Killed and started again it goes on from the stored state. While it does not run, and no console drives either, nobody
/// rolls back.
#[derive(Clone, Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  cutover run --image backend=shop/backend:v2.4.0
  cutover run -i backend=shop/backend:v2 -i frontend=shop/frontend:v2 --cause \"release 214\"
  cutover run --no-wait || [ $? -eq 6 ]     stop at the next approval instead of waiting
  cutover run --timeout 2h -o jsonl > run.log

Ends with 0 promoted, 3 rolled back, 4 timed out, 6 waiting (--no-wait), 7 no telling.")]
pub struct Args {
    /// Which release.
    #[command(flatten)]
    pub which: Which,
    /// The wanted images.
    #[command(flatten)]
    pub images: ImageArgs,
    /// Why: stands in the journal and in the Deployments' change-cause.
    #[arg(long, value_name = "TEXT")]
    pub cause: Option<String>,
    /// Do not wait for people: let go of the rollout and end with 6 when an approval or a resume is needed.
    #[arg(long)]
    pub no_wait: bool,
}
