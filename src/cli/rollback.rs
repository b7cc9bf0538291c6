//! `cutover rollback`: take it back, from any state.

use super::args::Which;

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
