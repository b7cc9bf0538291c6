//! `cutover plan`: what a run would do.

use super::args::Which;
use super::images::ImageArgs;

/// Show the steps of a release and its first changes
///
/// Compiles the strategy to steps and shows which fields of which objects the first step would change, from what to what.
/// Nothing is written.
#[derive(Clone, Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  cutover plan
  cutover plan --image backend=shop/backend:v2.4.0
  cutover plan -o json | jq -r '.steps[]'")]
pub struct Args {
    /// Which release.
    #[command(flatten)]
    pub which: Which,
    /// The wanted images.
    #[command(flatten)]
    pub images: ImageArgs,
}
