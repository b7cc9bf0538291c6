//! `cutover approve`.

use super::args::Which;

/// Approve what a rollout waits for
///
/// The driver goes on at once. Where nobody drives, this process does until the approved step is done, then lets go.
#[derive(Clone, Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  cutover approve
  cutover approve storefront -n shop")]
pub struct Args {
    /// Which release.
    #[command(flatten)]
    pub which: Which,
}
