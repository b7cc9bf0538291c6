//! `cutover man`: manual pages.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::CommandFactory as _;

use super::args::Cli;
use super::error::CliError;
use super::exit::Exit;

/// Print the manual page, or write all of them to a folder
#[derive(Clone, Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  cutover man | man -l -
  cutover man ~/.local/share/man/man1")]
pub struct Args {
    /// Folder for all pages: cutover.1, cutover-run.1, ...
    #[arg(value_name = "FOLDER")]
    pub folder: Option<PathBuf>,
}

/// Prints or writes them.
///
/// # Errors
/// When a page cannot be written.
pub fn run(args: &Args, out: &mut dyn Write) -> Result<Exit, CliError> {
    let command = Cli::command();
    match &args.folder {
        None => clap_mangen::Man::new(command).render(out)?,
        Some(folder) => {
            let fail = |e: std::io::Error| CliError::File { path: folder.display().to_string(), why: e.to_string() };
            write_all(command, folder).map_err(fail)?;
            writeln!(out, "manual pages are in {}", folder.display())?;
        }
    }
    Ok(Exit::Done)
}

fn write_all(command: clap::Command, folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    clap_mangen::generate_to(command, folder)
}
