//! `cutover reject`.

use super::args::Which;

/// Refuse what a rollout waits for: end it by rolling back
///
/// Takes all traffic back to stable, like `cutover rollback`, and waits until it is there.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Which release.
    #[command(flatten)]
    pub which: Which,
}
