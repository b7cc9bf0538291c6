//! `cutover completions`: for shells.

use std::io::Write;

use clap::CommandFactory as _;

use super::args::Cli;
use super::error::CliError;
use super::exit::Exit;

/// Print completions for a shell
#[derive(Clone, Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  cutover completions bash > ~/.local/share/bash-completion/completions/cutover
  cutover completions zsh > ~/.zfunc/_cutover
  cutover completions fish > ~/.config/fish/completions/cutover.fish")]
pub struct Args {
    /// The shell.
    pub shell: clap_complete::Shell,
}

/// Prints them.
///
/// # Errors
/// When the output cannot be written.
pub fn run(args: &Args, out: &mut dyn Write) -> Result<Exit, CliError> {
    // clap_complete panics where the writer fails: it gets one that cannot.
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "cutover", &mut text);
    out.write_all(&text)?;
    Ok(Exit::Done)
}
