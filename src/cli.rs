//! The headless faces: parse, do one thing, print it, end with an exit code that means something.
//!
//! Everything that is printed goes to a writer that is passed in, everything that goes wrong is a [`CliError`] with an
//! [`Exit`]. Commands that need the console say so with [`Outcome::Console`]: who calls [`run`] opens it.

use std::io::Write;
use std::sync::Arc;

use clap::Parser as _;

use crate::cluster::ConnectOptions;
use crate::config::Lookup;
use crate::domain::declared::Declared;
use crate::driver::shell::{Clock, SystemClock};

pub mod accept;
pub mod approve;
pub mod args;
pub mod background;
pub mod completions;
pub mod demo;
pub mod drive;
pub mod error;
pub mod exit;
pub mod history;
pub mod images;
pub mod init;
pub mod keys;
pub mod look;
pub mod man;
pub mod orders;
pub mod output;
pub mod pause;
pub mod pilot;
pub mod plan;
pub mod promote;
pub mod reject;
pub mod restore_sync;
pub mod resume;
pub mod rollback;
pub mod run;
pub mod scale;
pub mod schema;
pub mod session;
pub mod status;
pub mod step;
pub mod takeover;
pub mod undo;
pub mod view;

pub use args::{Cli, Command, Global};
pub use error::CliError;
pub use exit::Exit;
use output::Output;

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
    Console(Box<Opening>),
}

/// What the console is to be opened with.
pub struct Opening {
    /// Which cluster.
    pub connect: ConnectOptions,
    /// Look at all namespaces.
    pub all_namespaces: bool,
    /// Releases that a file declares.
    pub declared: Vec<Declared>,
    /// Where the world's time comes from.
    pub clock: Arc<dyn Clock>,
    /// How it shall look.
    pub global: Global,
    /// What must live as long as the console: the cluster of a rehearsal.
    pub keep: Option<Box<dyn std::any::Any + Send>>,
}

impl std::fmt::Debug for Opening {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opening").field("connect", &self.connect).finish_non_exhaustive()
    }
}

impl Opening {
    /// On a real cluster, as the command line says.
    fn of(global: Global) -> Result<Opening, CliError> {
        let declared = crate::config::load(&Lookup::of_process(global.config.clone()))?;
        let connect = session::options(&global);
        let clock = Arc::new(SystemClock::default());
        Ok(Opening { connect, all_namespaces: global.all_namespaces, declared, clock, global, keep: None })
    }
}

/// Does what the command line asks. Results go to `out`; what else people should know, and questions, to `notes`.
///
/// # Errors
/// A [`CliError`], with the exit code to end with.
pub async fn run(cli: Cli, out: &mut dyn Write, notes: &mut dyn Write) -> Result<Outcome, CliError> {
    let Cli { global, command } = cli;
    let Some(command) = command else { return Ok(Outcome::Console(Box::new(Opening::of(global)?))) };
    let exit = match command {
        Command::Schema(_) => schema::run(out)?,
        Command::Completions(args) => completions::run(&args, out)?,
        Command::Man(args) => man::run(&args, out)?,
        Command::Keys(args) => keys::run(&args, &mut Output::new(out, global.output))?,
        Command::Demo(args) => return demo::run(&args, &global, out).await,
        online => online_run(online, &global, &mut Output::new(out, global.output), notes).await?,
    };
    Ok(Outcome::Exit(exit))
}

/// The commands that need a cluster.
async fn online_run(command: Command, global: &Global, out: &mut Output<'_>, notes: &mut dyn Write) -> Result<Exit, CliError> {
    match command {
        Command::Status(args) => status::run(&args, global, out).await,
        Command::Plan(args) => plan::run(&args, global, out).await,
        Command::History(args) => history::run(&args, global, out).await,
        Command::Init(args) => init::run(&args, global, out).await,
        Command::Run(args) => run::run(&args, global, out, notes).await,
        Command::Drive(args) => background::run(&args, global, out, notes).await,
        Command::Step(args) => step::run(&args, global, out, notes).await,
        Command::Approve(args) => approve::run(&args, global, out, notes).await,
        Command::Reject(args) => reject::run(&args, global, out, notes).await,
        Command::Pause(args) => pause::run(&args, global, out, notes).await,
        Command::Resume(args) => resume::run(&args, global, out, notes).await,
        Command::Accept(args) => accept::run(&args, global, out, notes).await,
        Command::TakeOver(args) => takeover::run(&args, global, out, notes).await,
        Command::Promote(args) => promote::run(&args, global, out, notes).await,
        Command::Rollback(args) => rollback::run(&args, global, out, notes).await,
        Command::RestoreSync(args) => restore_sync::run(&args, global, out, notes).await,
        Command::Undo(args) => undo::run(&args, global, out, notes).await,
        Command::Scale(args) => scale::run(&args, global, out, notes).await,
        _ => Err(CliError::Other("this command is not built yet".to_owned())),
    }
}
