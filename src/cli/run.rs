//! `cutover run`: one rollout, carried to its end.

use std::collections::BTreeMap;
use std::io::Write;

use crate::domain::command::Command;
use crate::domain::image::Image;
use crate::domain::release::Release;
use crate::domain::rollout::Rollout;

use super::args::{Global, Which};
use super::error::CliError;
use super::exit::Exit;
use super::images::ImageArgs;
use super::orders::{Ask, Wish, give};
use super::output::Output;
use super::pilot::Goal;

/// Carry a release to its end
///
/// Starts a rollout (or takes up the one under way) and drives it: prepares the candidate, moves the traffic step by step,
/// judges the gates all along, waits for approvals, promotes; or takes everything back when a gate says so. Prints one line
/// a decision. Approvals come from `cutover approve` or from a console, on this machine or another.
///
/// Killed and started again it goes on from the stored state. While it does not run, and no console drives either, nobody
/// rolls back. Of a run that is promoted already it says so and ends with 0: a job that is started twice does not fail.
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

/// Carries it on.
///
/// # Errors
/// Whatever keeps it from being driven.
pub async fn run(args: &Args, global: &Global, out: &mut Output<'_>, notes: &mut dyn Write) -> Result<Exit, CliError> {
    let wish = Wish::Run { images: args.images.clone(), cause: args.cause.clone() };
    let ask = Ask { which: args.which.clone(), wish, goal: Goal::End { people: !args.no_wait } };
    give(ask, global, out, notes).await
}

/// The order that begins a run; none where the run that is wanted is under way already.
///
/// # Errors
/// When the images do not belong to the release's components.
pub fn command(release: &Release, run: Option<&Rollout>, images: &ImageArgs, cause: Option<&String>) -> Result<Option<Command>, CliError> {
    let names: Vec<&str> = release.components.iter().map(|c| c.name.as_str()).collect();
    let images = images.by_component(&names).map_err(CliError::Usage)?;
    let under_way = run.filter(|r| !r.is_over()).is_some_and(|r| wants(r, &images));
    Ok((!under_way).then(|| Command::Start { images, cause: cause.cloned() }))
}

/// Whether a run is on its way to these images.
pub fn wants(run: &Rollout, images: &BTreeMap<String, Image>) -> bool {
    images
        .iter()
        .all(|(component, image)| run.targets.get(component).is_some_and(|t| t.images.iter().any(|i| i.image == image.to_string())))
}
