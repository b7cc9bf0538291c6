//! `cutover init`: what was found, as a release file.

use crate::domain::release::Release;

use super::args::{Global, Which};
use super::error::CliError;
use super::exit::Exit;
use super::output::Output;
use super::session::Session;

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

/// Prints them.
///
/// # Errors
/// When the cluster cannot be read, or nothing is found.
pub async fn run(args: &Args, global: &Global, out: &mut Output<'_>) -> Result<Exit, CliError> {
    let session = Session::open(global).await?;
    let releases = match &args.which.release {
        Some(_) => vec![session.release(&args.which).await?],
        None => session.releases().await?,
    };
    if releases.is_empty() {
        return Err(CliError::Usage("no release found: there is no Deployment here; choose another namespace with -n".to_owned()));
    }
    let text = releases.iter().map(yaml).collect::<Result<Vec<_>, _>>()?.join("---\n");
    let files: Vec<_> = releases.iter().map(crate::config::raise::raise).collect();
    out.one(&files, |to| to.write_all(text.as_bytes()))?;
    Ok(Exit::Done)
}

fn yaml(release: &Release) -> Result<String, CliError> {
    crate::config::to_yaml(release).map_err(|e| CliError::Other(format!("{} cannot be written as YAML: {e}", release.name)))
}
