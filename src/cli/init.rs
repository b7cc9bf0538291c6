//! `cutover init`: what was found, as a release file.

use super::args::Which;

/// Print the releases of a namespace as a release file
///
/// Finds Deployments that differ only in a track label or a name suffix, with the Services and routes that point to them,
/// and writes them down as cutover.yaml. Check it, keep it beside the manifests.
#[derive(Clone, Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  cutover init
  cutover init storefront -n shop > cutover.yaml")]
pub struct Args {
    /// Which release; all that were found when not given.
    #[command(flatten)]
    pub which: Which,
}
