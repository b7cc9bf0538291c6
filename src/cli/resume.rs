//! `cutover resume`.

use super::args::Which;

/// Let a paused rollout go on
///
/// The driver goes on with the step under way. Where nobody drives, `cutover run` carries it on.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Which release.
    #[command(flatten)]
    pub which: Which,
}
