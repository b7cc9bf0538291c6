//! Orders to a rollout: what `approve`, `pause`, `rollback` and the others have in common.
//!
//! The driver does the work. Where another process drives, it hands the order over and watches; where nobody does, this
//! process takes the Lease, drives until the order's effect has settled, and lets go.

use std::io::{IsTerminal as _, Write};
use std::sync::Arc;

use futures::future::join;

use crate::cluster::state;
use crate::domain::command::{Command, Order, Refusal};
use crate::domain::port::{Haste, Stored};
use crate::domain::release::{Release, Source};
use crate::domain::rollout::{Phase, Rollout};
use crate::driver::core::io::{Call, Reply};
use crate::driver::handover::{Charge, hand_over};
use crate::engine::preview;

use super::args::{Global, OnHangup, Which};
use super::drive::{self, Job};
use super::error::CliError;
use super::exit::Exit;
use super::images::ImageArgs;
use super::output::Output;
use super::pilot::{Goal, order_id};
use super::session::Session;
use super::view;

/// What is asked, and how.
#[derive(Debug)]
pub struct Ask {
    /// The release; its run under way is preferred.
    pub which: Which,
    /// What is asked.
    pub wish: Wish,
    /// When it is done.
    pub goal: Goal,
}

/// What is asked.
#[derive(Debug)]
pub enum Wish {
    /// A command.
    Command(Command),
    /// A run to these images: begun, or taken up where it is under way.
    Run {
        /// The images.
        images: ImageArgs,
        /// Why.
        cause: Option<String>,
    },
}

impl Ask {
    /// A command, done when it has settled.
    pub fn of(which: &Which, command: Command) -> Ask {
        Ask { which: which.clone(), goal: Goal::of(&command), wish: Wish::Command(command) }
    }
}

/// Gives the order and waits until it has settled.
///
/// # Errors
/// Whatever keeps it from being given.
pub async fn give(ask: Ask, global: &Global, out: &mut Output<'_>, notes: &mut dyn Write) -> Result<Exit, CliError> {
    let (session, Meant { release, run, known }) = open(&ask, global).await?;
    let command = match ask.wish {
        Wish::Command(command) => Some(command),
        Wish::Run { images, cause } => super::run::command(&release, run.as_ref(), &images, cause.as_ref())?,
    };
    let order = command.map(|command| order(&session, run.as_ref(), command));
    if global.dry_run {
        return dry_run(&session, &release, run.as_ref(), order.as_ref(), out).await;
    }
    if global.read_only {
        return Err(CliError::Denied("read-only: nothing is written; leave --read-only out to act, or add --dry-run to look".to_owned()));
    }
    if let Some(order) = &order {
        confirm(&session, &release, run.as_ref(), order, global, notes).await?;
    }
    let (world, warning) = session.world(&release, true);
    if let Some(warning) = warning {
        writeln!(notes, "note: {warning}")?;
    }
    let job = Job {
        release,
        known,
        order,
        goal: ask.goal,
        timeout: global.timeout,
        script: Vec::new(),
        holder: crate::journal::who::holder(),
        may_write: true,
        aloud: true,
        record: global.record.clone(),
        leaving: None,
        once_driving: None,
    };
    let (name, charge) = (job.release.name.clone(), charge(&session, &job));
    let mut ending = drive::drive(job, world, session.clock.clone(), drive::signals()?, out).await?;
    if ending.exit == Exit::HungUp && global.on_hangup == Some(OnHangup::HandOver) {
        ending.text = match hand_over(&charge).await {
            Ok(said) => format!("interrupted; {said}"),
            Err(why) => format!("{}; no driver in the background: {why}", ending.text),
        };
    }
    view::end(&name, &ending, out, notes)?;
    Ok(ending.exit)
}

/// What a driver in the background would be given.
fn charge(session: &Session, job: &Job) -> Charge {
    Charge {
        kubeconfig: session.connection.options.kubeconfig.clone(),
        context: session.connection.context_to_ask_for().map(str::to_owned),
        namespace: job.release.namespace.clone(),
        release: job.release.name.clone(),
        from: job.holder.clone(),
    }
}

/// What an order is for.
struct Meant {
    release: Release,
    /// Its last run, where the order could mean something else after another one.
    run: Option<Rollout>,
    /// The state of its run under way.
    known: Option<Stored>,
}

/// Connects, and finds what is meant. A rollback's first request is the one that finds the run under way. Where there is none,
/// the server is asked who it is while its objects are read, and the last run is not read here: the driver does so beside its
/// look, and what it says about a state that cannot be read keeps nobody from going back.
async fn open(ask: &Ask, global: &Global) -> Result<(Session, Meant), CliError> {
    let back = matches!(ask.wish, Wish::Command(Command::RollBack | Command::Reject));
    let mut session = if back { Session::open_at_once(global).await? } else { Session::open(global).await? };
    if let Some((run, stored)) = session.running(&ask.which).await {
        return Ok((session, Meant { release: Release::clone(&run.release), run: Some(run), known: Some(stored) }));
    }
    let release = if back {
        let mut connection = session.connection.clone();
        let (proved, release) = join(connection.prove(), session.release(&ask.which)).await;
        proved?;
        session.connection = connection;
        release?
    } else {
        session.release(&ask.which).await?
    };
    let run = if back && !global.dry_run { None } else { stored(&session, &release).await? };
    Ok((session, Meant { release, run, known: None }))
}

/// The last run of a release, under way or over.
async fn stored(session: &Session, release: &Release) -> Result<Option<Rollout>, CliError> {
    match state::load(&session.connection.unary, &release.namespace, &release.name).await {
        Ok(stored) => Ok(stored.and_then(|s| s.rollout).map(Arc::unwrap_or_clone).filter(|r| !r.is_blank())),
        Err(state::StateError::Cluster(e)) => Err(e.into()),
        // The driver says what is wrong with it, and rolls back all the same.
        Err(_) => Ok(None),
    }
}

/// An order, bound to the state that was read where a later state would make it mean something else.
fn order(session: &Session, run: Option<&Rollout>, command: Command) -> Order {
    let at = session.clock.now().wall;
    let bound = matches!(
        command,
        Command::Advance | Command::StepBack | Command::SetWeight(_) | Command::Approve | Command::Promote | Command::Scale { .. }
    );
    let mark = run.filter(|_| bound).map(Rollout::mark);
    Order { id: order_id(at, std::process::id()), command, actor: crate::journal::who::actor(), at, mark }
}

/// Shows what the order would write, and writes nothing.
async fn dry_run(
    session: &Session,
    release: &Release,
    run: Option<&Rollout>,
    order: Option<&Order>,
    out: &mut Output<'_>,
) -> Result<Exit, CliError> {
    let Some(order) = order else {
        return Err(CliError::Usage("nothing new is asked, so there is nothing to show; `cutover plan` shows the steps".to_owned()));
    };
    let preview = look(session, release, run, order).await?;
    view::preview(release, &preview, out)?;
    Ok(if preview.refusal.is_some() { Exit::Error } else { Exit::Done })
}

async fn look(session: &Session, release: &Release, run: Option<&Rollout>, order: &Order) -> Result<preview::Preview, CliError> {
    let (world, _) = session.world(release, false);
    let haste = if order.command.may_raise() { Haste::Rising } else { Haste::Waited };
    let observed = match world.execute(Call::Observe { release: Arc::new(release.clone()), haste }).await {
        Reply::Observed(Ok(observed)) => observed,
        Reply::Observed(Err(fault)) => return Err(fault.into()),
        _ => return Err(CliError::Other("the cluster's answer did not fit".to_owned())),
    };
    Ok(preview::preview(release, run, Some(&observed), order, session.clock.now()))
}

/// Going forward is deliberate where it matters: in production, and on what nobody declared. Going back never asks.
async fn confirm(
    session: &Session,
    release: &Release,
    run: Option<&Rollout>,
    order: &Order,
    global: &Global,
    notes: &mut dyn Write,
) -> Result<(), CliError> {
    let back = matches!(order.command, Command::RollBack | Command::Reject | Command::Pause | Command::StepBack);
    let undeclared = release.source == Source::Discovered && run.is_none_or(Rollout::is_over);
    let taking = order.command == Command::TakeOver;
    if back || global.yes || !(release.production || undeclared || taking) {
        return Ok(());
    }
    let preview = look(session, release, run, order).await?;
    match preview.refusal {
        // What a run was asked for is there: nothing is written, so nobody is asked.
        Some(Refusal::Unchanged) if run.is_some_and(|r| r.phase == Phase::Completed) => return Ok(()),
        Some(refusal) => return Err(CliError::Refused(refusal.to_string())),
        None => {}
    }
    let why = match (release.production, taking) {
        (true, _) => "this is production",
        (false, true) => "whoever drives it now will stop",
        (false, false) => "this release was found, not declared",
    };
    if !std::io::stdin().is_terminal() {
        return Err(CliError::Usage(format!(
            "{} in namespace {}, context {}: {why}; add --yes to {} without being asked, or --dry-run to look",
            release.name,
            release.namespace,
            session.connection.context,
            order.command.word()
        )));
    }
    view::preview(release, &preview, &mut Output::new(notes, super::args::Format::Table))?;
    let expected = if release.production { release.name.as_str() } else { "y" };
    write!(
        notes,
        "{why}: context {}, namespace {}. Type `{expected}` to {}: ",
        session.connection.context,
        release.namespace,
        order.command.word()
    )?;
    notes.flush()?;
    let mut typed = String::new();
    std::io::stdin().read_line(&mut typed)?;
    if typed.trim() == expected { Ok(()) } else { Err(CliError::Refused("nothing was done".to_owned())) }
}
