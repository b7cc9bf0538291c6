//! `cutover schema`: the JSON Schema of release files.

use std::io::Write;

use super::error::CliError;
use super::exit::Exit;

/// Print the JSON Schema of cutover.yaml
///
/// Editors with a YAML language server complete and check release files with it: put
/// `# yaml-language-server: $schema=./cutover.schema.json` on the first line of cutover.yaml.
#[derive(Clone, Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  cutover schema > cutover.schema.json")]
pub struct Args {}

/// Prints it.
///
/// # Errors
/// When the output cannot be written.
pub fn run(out: &mut dyn Write) -> Result<Exit, CliError> {
    serde_json::to_writer_pretty(&mut *out, &crate::config::schema()).map_err(|e| CliError::Output(e.into()))?;
    writeln!(out)?;
    Ok(Exit::Done)
}
