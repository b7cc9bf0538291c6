//! Parses, installs hooks, picks a face, maps the result to an exit code. Nothing else.

use std::io::{stderr, stdout};
use std::process::ExitCode;

use cutover::cli::{self, CliError, Exit, Outcome};

fn main() -> ExitCode {
    let cli = match cli::parse(std::env::args_os()) {
        Ok(cli) => cli,
        Err(exit) => return exit.into(),
    };
    let _ = color_eyre::config::HookBuilder::default().display_env_section(false).install();
    cutover::term::panic::install();
    face(cli).unwrap_or_else(|error| cli::report(&error, &mut stderr())).into()
}

fn face(cli: cli::Cli) -> Result<Exit, CliError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    match runtime.block_on(cli::run(cli, &mut stdout()))? {
        Outcome::Exit(exit) => Ok(exit),
        Outcome::Console(_) => Err(CliError::Other("the console is not built yet; `cutover --help` lists the commands".to_owned())),
    }
}
