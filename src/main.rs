//! Parses, installs hooks, picks a face, maps the result to an exit code. Nothing else.

use std::io::{Write, stderr, stdout};
use std::process::ExitCode;

use cutover::cli::args::OnHangup;
use cutover::cli::{self, CliError, Exit, Opening, Outcome};
use cutover::console::{self, HandOver};

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
    match runtime.block_on(cli::run(cli, &mut stdout(), &mut stderr()))? {
        Outcome::Exit(exit) => Ok(exit),
        Outcome::Console(opening) => runtime.block_on(console(*opening)),
    }
}

async fn console(opening: Opening) -> Result<Exit, CliError> {
    let Opening { connect, all_namespaces, declared, clock, global, keep } = opening;
    // A rehearsal's cluster ends with this process: nobody could drive on.
    let hand_over = match (&keep, global.on_hangup) {
        (Some(_), _) => HandOver::Never,
        (None, Some(OnHangup::LetGo)) => HandOver::OnQuit,
        (None, _) => HandOver::Always,
    };
    let options = console::Options {
        connect,
        all_namespaces,
        declared,
        theme: global.theme,
        depth: global.color,
        ascii: global.ascii,
        clock,
        hand_over,
    };
    let ended = console::run(options).await;
    drop(keep);
    let ended = ended.map_err(|error| match error {
        console::ConsoleError::Connect(error) => error.into(),
        other => CliError::Other(other.to_string()),
    })?;
    for line in &ended.farewell {
        let _ = writeln!(stderr(), "{}", cli::error::safe_lines(line));
    }
    Ok(Exit::of(ended.code))
}
