//! `cutover drive`: the driver of a rollout that is under way, here or in the background.
//!
//! Three processes may take part. Whoever leaves (a console, a `cutover run`) starts `cutover drive --detach`; that starts
//! the driver itself, waits until it has the Lease, says so and ends. The driver leaves the terminal's session first, then
//! writes to a log file; until it drives it tells its starter how far it is, as JSON lines.

mod launch;
mod report;

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use crate::cluster::connect::prepare;
use crate::domain::holder::in_background;
use crate::domain::port::Stored;
use crate::domain::rollout::Rollout;
use crate::driver::shell::SystemClock;
use crate::journal::{Place, who};

use super::args::{Global, Which};
use super::drive::{self, Job};
use super::error::CliError;
use super::exit::Exit;
use super::output::Output;
use super::pilot::Goal;
use super::session::{Session, options};
use super::view;

use report::{Reporter, Word};

/// How long the background driver looks for its rollout while nobody answers.
const LOOKS: u32 = 60;
/// The time between two such looks.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// Drive a rollout that is under way, here or in the background
///
/// Takes up the rollout where its record says it is and carries it on, as `cutover run` does, but begins nothing. With
/// --detach the driver runs in the background, without a terminal: this command ends once it drives, and says its process
/// and its log file. The console starts one by itself when it is left while it drives, or loses its terminal.
///
/// The driver ends with the rollout, or when somebody takes the rollout over. It ignores SIGHUP; SIGTERM makes it let go,
/// and then nobody rolls back.
#[derive(Clone, Debug, clap::Args)]
#[command(
    name = "drive",
    after_long_help = "\
Examples:
  cutover drive storefront -n shop
  cutover drive --detach                    leave it to a driver in the background
  cutover take-over                         carry on here what a background driver drives

Ends as `cutover run` does, and with 0 when somebody took over; with --detach, with 0 once it drives."
)]
pub struct Args {
    /// Which release.
    #[command(flatten)]
    pub which: Which,
    /// Drive in the background.
    #[arg(short, long)]
    pub detach: bool,
    /// Be that driver.
    #[arg(long, hide = true, conflicts_with = "detach")]
    pub background: bool,
    /// What the Lease calls the driver that is leaving: any other one is left alone.
    #[arg(long, hide = true, value_name = "HOLDER")]
    pub after: Option<String>,
}

/// Drives it, or has it driven.
///
/// # Errors
/// Whatever keeps it from being driven.
pub async fn run(args: &Args, global: &Global, out: &mut Output<'_>, notes: &mut dyn Write) -> Result<Exit, CliError> {
    if global.dry_run {
        return Err(CliError::Usage("a dry run drives nothing; `cutover plan` shows the steps".to_owned()));
    }
    if global.read_only {
        return Err(CliError::Denied("read-only: nothing is driven; leave --read-only out".to_owned()));
    }
    match args.detach {
        true => launch::detach(args, global, out, notes).await,
        false => here(args, global, out, notes).await,
    }
}

/// In this process.
async fn here(args: &Args, global: &Global, out: &mut Output<'_>, notes: &mut dyn Write) -> Result<Exit, CliError> {
    let mut reporter = None;
    if args.background {
        // No terminal: nothing that happens to it reaches us, and nothing that we start can ask anything there. One that
        // leads its process group has nobody behind it that could be hung up on, and goes on as it is.
        let _ = rustix::process::setsid();
        reporter = Some(Reporter::begin()?);
    }
    let session = open(args, global).await?;
    let (rollout, stored) = find(&session, args).await?;
    let release = Arc::unwrap_or_clone(rollout.release);
    if let Some(reporter) = &mut reporter {
        let place = Place::of_user(&session.connection.context, &release.namespace, &release.name);
        reporter.write_to_log(&place)?;
    }
    let (world, warning) = session.world(&release, true);
    if let Some(warning) = warning {
        writeln!(notes, "note: {warning}")?;
    }
    let signals = if args.background { drive::background_signals()? } else { drive::signals()? };
    let name = release.name.clone();
    let holder = if args.background { in_background(&who::holder()) } else { who::holder() };
    let job = Job {
        known: Some(stored),
        order: None,
        goal: Goal::Drive,
        timeout: global.timeout,
        script: Vec::new(),
        holder: holder.clone(),
        may_write: true,
        aloud: true,
        record: global.record.clone(),
        leaving: args.after.clone(),
        once_driving: reporter.as_ref().map(|r| r.once(Word::Drives(holder))),
        release,
    };
    let ending = drive::drive(job, world, session.clock.clone(), signals, out).await?;
    if let Some(reporter) = &reporter {
        reporter.tell(&Word::Ended(ending.text.clone()));
    }
    view::end(&name, &ending, out, notes)?;
    Ok(ending.exit)
}

/// A named release needs no release file: its run brings its own copy.
async fn open(args: &Args, global: &Global) -> Result<Session, CliError> {
    if args.which.release.is_none() {
        return Session::open_at_once(global).await;
    }
    let connection = prepare(&options(global)).await?;
    Ok(Session::of(connection, Arc::new(SystemClock::default()), Vec::new(), global.all_namespaces))
}

/// The run. In the background a cluster that does not answer is asked again: who was left to drive must not give up at once.
async fn find(session: &Session, args: &Args) -> Result<(Rollout, Stored), CliError> {
    for look in 1.. {
        if let Some(found) = session.running(&args.which).await {
            return Ok(found);
        }
        match session.connection.clone().prove().await.map_err(CliError::from) {
            Err(CliError::Unreachable(_)) if args.background && look < LOOKS => tokio::time::sleep(LOOK_AGAIN).await,
            Err(error) => return Err(error),
            Ok(()) => break,
        }
    }
    let what = args.which.release.as_ref().map_or("not exactly one rollout".to_owned(), |name| format!("no rollout of {name}"));
    let place = &session.connection.namespace;
    Err(CliError::Refused(format!(
        "{what} is under way in namespace {place}: there is nothing to drive; `cutover status` shows what there is"
    )))
}
