//! `cutover promote`.

use super::args::Which;

/// Skip what is left of a rollout and promote now
///
/// Passes over the holds and approvals that are left, with an override in the journal. The capacity guard stays: traffic
/// goes up only where the receiving pods can hold it. Waits until the new version serves alone.
#[derive(Clone, Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  cutover promote
  cutover promote --dry-run")]
pub struct Args {
    /// Which release.
    #[command(flatten)]
    pub which: Which,
}
