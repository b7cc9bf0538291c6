//! The headless faces: parse, do one thing, print it, end with an exit code that means something.
//!
//! Everything that is printed goes to a writer that is passed in, everything that goes wrong is a [`CliError`] with an
//! [`Exit`]. Commands that need the console say so with [`Outcome::Console`]: who calls [`run`] opens it.

use std::io::Write;

use clap::Parser as _;

pub mod approve;
pub mod args;
pub mod completions;
pub mod demo;
pub mod drive;
pub mod error;
pub mod exit;
pub mod history;
pub mod images;
pub mod init;
pub mod keys;
pub mod man;
pub mod output;
pub mod pause;
pub mod pilot;
pub mod plan;
pub mod promote;
pub mod reject;
pub mod resume;
pub mod rollback;
pub mod run;
pub mod schema;
pub mod status;
pub mod step;
pub mod undo;

pub use args::{Cli, Command, Global};
pub use error::CliError;
pub use exit::Exit;

/// Reads the command line.
///
/// # Errors
/// The exit code to end with, after help, version or an error has been printed.
pub fn parse<I, T>(args: I) -> Result<Cli, Exit>
where
    I: IntoIterator<Item = T>,
    T: Into<std::ffi::OsString> + Clone,
{
    Cli::try_parse_from(args).map_err(|error| {
        // Nobody to tell is no reason to fail.
        let _ = error.print();
        if error.use_stderr() { Exit::Usage } else { Exit::Done }
    })
}

/// Tells a person what went wrong.
pub fn report(error: &CliError, to: &mut dyn Write) -> Exit {
    if !error.is_quiet() {
        let _ = writeln!(to, "error: {}", error::safe_lines(&error.to_string()));
    }
    error.exit()
}

/// What a command line came to.
#[derive(Debug)]
pub enum Outcome {
    /// It is done.
    Exit(Exit),
    /// The console is wanted.
    Console(Box<Global>),
}

/// Does what the command line asks.
///
/// # Errors
/// A [`CliError`], with the exit code to end with.
pub async fn run(cli: Cli, out: &mut dyn Write) -> Result<Outcome, CliError> {
    let Some(command) = cli.command else { return Ok(Outcome::Console(Box::new(cli.global))) };
    let exit = match command {
        Command::Schema(_) => schema::run(out)?,
        Command::Completions(args) => completions::run(&args, out)?,
        Command::Man(args) => man::run(&args, out)?,
        _ => return Err(CliError::Other("this command is not built yet".to_owned())),
    };
    Ok(Outcome::Exit(exit))
}
