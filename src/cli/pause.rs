//! `cutover pause`.

use super::args::Which;

/// Stop a rollout from going forward
///
/// Traffic stays where it is. Gates are judged all the same: one that says to roll back does so, while somebody drives.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Which release.
    #[command(flatten)]
    pub which: Which,
}
