//! Runs a driver for a headless command: prints its decisions, lets go when the command is settled or a signal comes.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use crate::domain::command::{Command, Order};
use crate::domain::port::Stored;
use crate::domain::release::Release;
use crate::domain::time::{Millis, Now};
use crate::domain::view::Driver;
use crate::driver::core::io::Input;
use crate::driver::core::{Core, Setup};
use crate::driver::shell::{self, Clock, Outlets, World};

use super::error::CliError;
use super::exit::Exit;
use super::output::Output;
use super::pilot::{Ending, Goal, Line, Move, Pilot, Scripted, goal};

/// How often the world is read while a run is under way.
pub const ACTIVE: Millis = Millis::secs(1);
/// How often it is read otherwise.
pub const IDLE: Millis = Millis::secs(5);

/// What is to be done.
pub struct Job {
    /// The release.
    pub release: Release,
    /// Its stored state, if it was read already: a rollback needs nothing else to begin.
    pub known: Option<Stored>,
    /// The order that is given; none to take up what is under way.
    pub order: Option<Order>,
    /// When it is done.
    pub goal: Goal,
    /// How long to wait at most.
    pub timeout: Option<Millis>,
    /// Answers that are given for people.
    pub script: Vec<Scripted>,
    /// What the Lease calls us.
    pub holder: String,
    /// Whether anything may be written.
    pub may_write: bool,
    /// Whether decisions are printed as they come, or only the end.
    pub aloud: bool,
    /// Where every step of the driver is recorded, if it is.
    pub record: Option<PathBuf>,
    /// What the Lease calls the driver that is leaving, where we come after one.
    pub leaving: Option<String>,
    /// What is done once we drive.
    pub once_driving: Option<Box<dyn FnOnce() + Send>>,
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Job")
            .field("release", &self.release.name)
            .field("order", &self.order)
            .field("goal", &self.goal)
            .finish_non_exhaustive()
    }
}

/// What a recording begins with: enough to make the core that its steps were recorded from. The steps follow, one
/// [`shell::Recorded`] a line. A process that records to a file that is there begins another such part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Beginning {
    /// How the driver behaved.
    pub setup: Setup,
    /// The release it was made for.
    pub release: Release,
    /// When it was made.
    pub now: Now,
}

/// Does it. Ends with what the driver's snapshots say, or with `stop`.
///
/// # Errors
/// When the output cannot be written; the driver has let go by then.
pub async fn drive(
    job: Job,
    world: Arc<dyn World>,
    clock: Arc<dyn Clock>,
    mut stop: mpsc::Receiver<Exit>,
    out: &mut Output<'_>,
) -> Result<Ending, CliError> {
    let now = clock.now();
    let setup = Setup {
        holder: job.holder,
        may_write: job.may_write,
        take_up: job.goal != Goal::Restored,
        active: ACTIVE,
        idle: IDLE,
        after: job.leaving.clone(),
    };
    let record = job.record.as_deref().map(|path| recording(path, &setup, &job.release, now)).transpose()?;
    let core = Core::new(setup, job.release, now);
    let deadline = job.timeout.map(|t| now.mono.plus(t));
    let pilot = Pilot::new(job.goal, job.order.as_ref().map(|o| o.id.clone()), deadline, now.wall);
    let images = job.order.as_ref().and_then(|o| if let Command::Start { images, .. } = &o.command { Some(images.clone()) } else { None });
    let pilot = pilot.scaling(job.order.as_ref().map(|o| &o.command)).joining(images).with_script(job.script).after(job.leaving);
    let pilot = Arc::new(Mutex::new(pilot));
    let (inbox, inputs) = mpsc::channel(64);
    let (said, mut lines) = mpsc::unbounded_channel::<Line>();
    if let Some(stored) = job.known {
        let _ = inbox.try_send(Input::Restored(Box::new(stored)));
    }
    if let Some(order) = job.order {
        let _ = inbox.try_send(Input::Order(order));
    }
    let (watching, orders) = (pilot.clone(), inbox.clone());
    let mut once_driving = job.once_driving;
    let each = move |view: &Arc<crate::domain::view::View>| {
        if matches!(view.driver, Driver::Us { .. })
            && let Some(tell) = once_driving.take()
        {
            tell();
        }
        for next in watching.lock().unwrap_or_else(PoisonError::into_inner).see(view) {
            // The inbox holds more than one command ever asks for.
            let _ = match next {
                Move::Say(line) => said.send(line).is_ok(),
                Move::Give(order) => orders.try_send(Input::Order(order)).is_ok(),
                Move::LetGo => orders.try_send(Input::Detach).is_ok(),
            };
        }
    };
    let outlets = Outlets { each: Some(Box::new(each)), record, ..Outlets::default() };
    let driving = tokio::spawn(shell::drive(core, world, clock, inputs, outlets));
    let mut stopped = None;
    let mut unheard: Option<io::Error> = None;
    loop {
        tokio::select! {
            line = lines.recv() => match line {
                Some(line) if job.aloud && unheard.is_none() => {
                    if let Err(error) = out.next(&line, &line.text()) {
                        unheard = Some(error);
                        let _ = inbox.try_send(Input::Detach);
                    }
                }
                Some(_) => {}
                None => break,
            },
            Some(exit) = stop.recv() => {
                if stopped.replace(exit).is_some() {
                    // Asked twice: whatever is in flight stays in flight, its intent is on record.
                    driving.abort();
                    break;
                }
                let _ = inbox.try_send(Input::Detach);
            }
        }
    }
    let crashed = driving.await.err().filter(|e| e.is_panic());
    if let Some(error) = unheard {
        return Err(error.into());
    }
    if let Some(error) = crashed {
        return Err(CliError::Other(format!("the driver ended by an internal error: {error}")));
    }
    let pilot = pilot.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(match (pilot.ending(), stopped) {
        (Some(ending), _) => ending.clone(),
        (None, Some(exit)) => Ending { exit, text: left_behind(&pilot) },
        (None, None) => goal::timed_out(job.goal, pilot.last()),
    })
}

/// Opens a recording and writes its beginning.
fn recording(path: &Path, setup: &Setup, release: &Release, now: Now) -> Result<Box<dyn io::Write + Send>, CliError> {
    let begin = || -> io::Result<File> {
        let mut file = OpenOptions::new().create(true).append(true).open(path)?;
        let beginning = Beginning { setup: setup.clone(), release: release.clone(), now };
        // The line before may have been cut short by a kill: this one begins anew.
        let lead = if file.metadata()?.len() > 0 { "\n" } else { "" };
        file.write_all(format!("{lead}{}\n", serde_json::to_string(&beginning)?).as_bytes())?;
        Ok(file)
    };
    match begin() {
        Ok(file) => Ok(Box::new(file)),
        Err(e) => Err(CliError::File { path: path.display().to_string(), why: e.to_string() }),
    }
}

/// What a person should know who ends a driver early.
fn left_behind(pilot: &Pilot) -> String {
    match pilot.last().and_then(|v| v.rollout.as_ref()).filter(|r| !r.is_over()) {
        Some(r) => format!(
            "interrupted; {} stays at {} ({}). Nobody drives it now, so nobody rolls it back: `cutover run` goes on, `cutover rollback` takes it back",
            r.release.name,
            r.asked,
            crate::engine::command::describe(r)
        ),
        None => "interrupted; nothing is under way".to_owned(),
    }
}

/// The signals that end a command, each with its exit code.
///
/// # Errors
/// When signals cannot be listened to.
pub fn signals() -> io::Result<mpsc::Receiver<Exit>> {
    listen([
        (SignalKind::interrupt(), Some(Exit::Interrupted)),
        (SignalKind::terminate(), ENDS),
        (SignalKind::hangup(), Some(Exit::HungUp)),
    ])
}

/// The same in the background: there is no terminal that could hang up, and whoever says so is not heard.
///
/// # Errors
/// When signals cannot be listened to.
pub fn background_signals() -> io::Result<mpsc::Receiver<Exit>> {
    listen([(SignalKind::interrupt(), ENDS), (SignalKind::terminate(), ENDS), (SignalKind::hangup(), None)])
}

const ENDS: Option<Exit> = Some(Exit::Terminated);

fn listen(kinds: [(SignalKind, Option<Exit>); 3]) -> io::Result<mpsc::Receiver<Exit>> {
    let (sender, receiver) = mpsc::channel(4);
    for (kind, exit) in kinds {
        let mut signal = signal(kind)?;
        let sender = sender.clone();
        tokio::spawn(async move {
            while signal.recv().await.is_some() {
                if let Some(exit) = exit
                    && sender.send(exit).await.is_err()
                {
                    return;
                }
            }
        });
    }
    Ok(receiver)
}
