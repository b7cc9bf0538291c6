//! `cutover status`: one line a release.

use super::args::Which;

/// Show where each release is
///
/// One line a release: strategy, where the traffic is, versions, the verdict and what it rests on, what is waited for, who
/// drives. Nothing is written.
#[derive(Clone, Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  cutover status
  cutover status -A -o json | jq '.[] | select(.phase == \"paused\")'
  cutover status storefront -n shop")]
pub struct Args {
    /// Which release.
    #[command(flatten)]
    pub which: Which,
}
