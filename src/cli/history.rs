//! `cutover history`: revisions and journal.

use super::args::Which;

/// List the revisions that can be gone back to, and what happened lately
///
/// Revisions come from the ReplicaSets that Kubernetes keeps; journal lines from the release's stored state and from this
/// machine's journal.
#[derive(Clone, Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  cutover history
  cutover history --lines 200 -o jsonl")]
pub struct Args {
    /// Which release.
    #[command(flatten)]
    pub which: Which,
    /// The most journal lines to show.
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub lines: usize,
}
