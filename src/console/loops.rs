//! The loop itself: drain what happened, update the model, carry out effects, draw when due.

use std::pin::Pin;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use crate::app::model::{Link, Scene, Tone};
use crate::app::{Effect, Model, Msg, update};
use crate::cluster::ConnectError;
use crate::cluster::connect::prepare;
use crate::domain::time::{Millis, Now};
use crate::driver::shell::Clock;
use crate::term::caps::Caps;
use crate::term::decode::Typed;
use crate::term::guard::{self, Guard};
use crate::term::input::{Input, Reader};
use crate::term::output::{self, Screen};
use crate::term::pace::{FrameGate, Want};
use crate::term::signals::{Signal, Signals};
use crate::term::suspend;
use crate::theme::depth::{Hints, choose};
use crate::theme::library::Library;
use crate::ui::{self, Look};

use super::effects::{Duty, Hands};
use super::handover::{Parting, charges, part};
use super::session::Context;
use super::{ConsoleError, Ended, HandOver, Options};

/// Opens the console and runs it to its end. Credential plugins run first: they may ask something. The server is asked only
/// once the screen is there; one that does not take our credentials, or is none, ends the console with an error on the plain
/// terminal, and one that does not answer is asked again for ever.
///
/// # Errors
/// When there is no cluster, no terminal, or the terminal fails.
pub async fn run(options: Options) -> Result<Ended, ConsoleError> {
    let connection = prepare(&options.connect).await?;
    let mut checked = connection.clone();
    let caps = Caps::detect(|name| std::env::var(name).ok());
    let look = look(&options, &caps);
    let actor = crate::journal::who::actor();
    let namespace = (!options.all_namespaces).then(|| connection.namespace.clone());
    let (out, inbox) = mpsc::unbounded_channel();
    let on_hangup = options.hand_over == HandOver::Always;
    let context = Context { connection, namespace, declared: options.declared, actor, clock: options.clock, generation: 0, out };
    let mut signals = Signals::listen()?;
    let guard = Guard::enter()?;
    let (screen, _) = output::screen()?;
    let reader = Reader::start(caps.escape_hold())?;
    let mut face = Face { look, screen, guard, reader: Some(reader), gate: FrameGate::new(caps.remote), start: Instant::now(), caps };
    let scene = Scene {
        context: context.connection.context.clone(),
        namespace: context.namespace.clone(),
        actor: context.actor.clone(),
        ..Scene::default()
    };
    let session = format!("{}-{:x}", std::process::id(), context.clock.now().wall.as_millisecond());
    let mut model = Model::new(session, scene, face.now(context.clock.as_ref()));
    model.hands_over = options.hand_over != HandOver::Never;
    model.link = (Link::Connecting { to: context.connection.server.clone() }, model.now.mono);
    let size = face.screen.size()?;
    model.size = (size.width, size.height);
    let mut hands = Hands::new(context, face.caps.mux);
    let check = Box::pin(async move { checked.prove().await });
    let parting = turn(&mut face, &mut model, &mut hands, &mut signals, (inbox, check), on_hangup).await;
    let charges = match &parting {
        Ok(Parting { hand_over: true, .. }) => charges(&model, &hands.context.connection),
        _ => Vec::new(),
    };
    hands.close().await;
    drop(face);
    let Parting { code, silent, .. } = parting?;
    // A signal that comes now, as a second hang-up does, finds its handler and no listener: the hand-over is not broken off.
    let farewell = part(&model, charges, silent).await;
    Ok(Ended { code, farewell: if silent { Vec::new() } else { farewell } })
}

/// The terminal's side.
struct Face {
    look: Look,
    screen: Screen,
    guard: Guard,
    reader: Option<Reader>,
    gate: FrameGate,
    start: Instant,
    caps: Caps,
}

impl Face {
    /// Durations run on the machine's clock, times of day on the world's.
    fn now(&self, clock: &dyn Clock) -> Now {
        let mono = Millis(u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX));
        Now { mono, wall: clock.now().wall }
    }

    fn draw(&mut self, model: &Model) -> std::io::Result<()> {
        let begun = self.start.elapsed();
        let look = &self.look;
        self.screen.draw(|frame| ui::render(model, look, frame.area(), frame.buffer_mut()))?;
        let ended = self.start.elapsed();
        self.gate.drawn(ended, ended.saturating_sub(begun));
        Ok(())
    }

    async fn typed(&mut self) -> Input {
        match &mut self.reader {
            Some(reader) => reader.next().await,
            None => std::future::pending().await,
        }
    }
}

fn look(options: &Options, caps: &Caps) -> Look {
    let hints =
        Hints { asked: options.depth, no_color: caps.no_color, force: caps.force_color, term: &caps.term, colorterm: &caps.colorterm };
    let depth = choose(&hints);
    let mut library = Library::builtin();
    if let Some(folder) = themes_folder() {
        library.add_folder(&folder);
    }
    let (theme, warnings) = library.load(options.theme.as_deref().unwrap_or("dark"), depth);
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    Look { theme, unicode: caps.unicode && !options.ascii }
}

fn themes_folder() -> Option<std::path::PathBuf> {
    use etcetera::BaseStrategy;
    etcetera::choose_base_strategy().ok().map(|dirs| dirs.config_dir().join("cutover/themes"))
}

/// Everything that can wake the loop.
enum Woken {
    Signal(Signal),
    Typed(Input),
    News(Msg),
    Checked(Result<(), ConnectError>),
    Session,
    Frame,
    Tick,
}

async fn turn(
    face: &mut Face,
    model: &mut Model,
    hands: &mut Hands,
    signals: &mut Signals,
    (mut inbox, mut check): (mpsc::UnboundedReceiver<Msg>, Pin<Box<impl Future<Output = Result<(), ConnectError>>>>),
    hand_over: bool,
) -> Result<Parting, ConsoleError> {
    face.gate.want(Want::Key);
    let mut checking = true;
    loop {
        if face.gate.is_due(face.start.elapsed()) {
            face.draw(model)?;
        }
        let wake = wait_for(face.start, model.wake_at().duration());
        let due = face.gate.due().map(|at| wait_for(face.start, at));
        let woken = tokio::select! {
            biased;
            signal = signals.next() => Woken::Signal(signal),
            input = face.typed() => Woken::Typed(input),
            Some(news) = inbox.recv() => Woken::News(news),
            answer = &mut check, if checking => Woken::Checked(answer),
            () = hands.next() => Woken::Session,
            () = async { match due { Some(due) => due.await, None => std::future::pending().await } } => Woken::Frame,
            () = wake => Woken::Tick,
        };
        let mut messages = Vec::new();
        match woken {
            Woken::Signal(Signal::HangUp) => {
                // Whoever sent it may still have a terminal: it is given back at once. A dead one takes nothing and holds nothing up.
                guard::leave();
                return Ok(Parting { code: 129, hand_over, silent: false });
            }
            Woken::Typed(Input::Closed) => {
                // The line is dead: nothing is written to it any more.
                guard::abandon();
                return Ok(Parting { code: 129, hand_over, silent: true });
            }
            Woken::Signal(Signal::Quit(code)) => messages.push(Msg::Terminate(code)),
            Woken::Signal(Signal::Suspend) => messages.extend(stop(face, signals).await?),
            Woken::Signal(Signal::Continue) => {
                face.guard.again()?;
                output::redraw_all(&mut face.screen)?;
                face.gate.want(Want::Key);
            }
            Woken::Signal(Signal::Resize) => {
                let size = face.screen.size()?;
                messages.push(Msg::Resize(size.width, size.height));
                face.gate.want(Want::Key);
            }
            Woken::Signal(Signal::Reload) => reload(),
            Woken::Checked(answer) => {
                checking = false;
                // What is wrong with a place that was left meanwhile is nobody's concern.
                let answer = if hands.context.generation == 0 { answer } else { Ok(()) };
                // Silence may end: whoever looks for releases goes on asking.
                if let Err(why) = answer.or_else(|e| if matches!(e, ConnectError::Unreachable { .. }) { Ok(()) } else { Err(e) }) {
                    return Err(why.into());
                }
            }
            Woken::Session | Woken::Frame => {}
            Woken::Typed(Input::Typed(typed)) => {
                face.gate.want(Want::Key);
                match typed {
                    Typed::Key(key) => messages.push(Msg::Key(key)),
                    Typed::Paste(text) => messages.push(Msg::Paste(text)),
                    Typed::Focus(_) => {}
                }
            }
            Woken::News(news) => {
                face.gate.want(Want::Data);
                messages.push(news);
                while let Ok(more) = inbox.try_recv() {
                    messages.push(more);
                }
            }
            Woken::Tick => {
                face.gate.want(Want::Data);
                messages.push(Msg::Tick);
            }
        }
        let mut messages = std::collections::VecDeque::from(messages);
        while let Some(message) = messages.pop_front() {
            let effects = update(model, message, face.now(hands.context.clock.as_ref()));
            match carry_out(face, hands, signals, effects).await? {
                Next::End(parting) => return Ok(parting),
                Next::Go(more) => messages.extend(more),
            }
        }
        model.refresh();
    }
}

async fn carry_out(face: &mut Face, hands: &mut Hands, signals: &mut Signals, effects: Vec<Effect>) -> Result<Next, ConsoleError> {
    let mut more = Vec::new();
    for effect in effects {
        match hands.carry_out(effect) {
            None => {}
            Some(Duty::Send(bytes)) => output::send(&mut face.screen, &bytes)?,
            Some(Duty::Redraw) => {
                output::redraw_all(&mut face.screen)?;
                face.gate.want(Want::Key);
            }
            Some(Duty::Suspend) => more.extend(stop(face, signals).await?),
            Some(Duty::Quit(parting)) => return Ok(Next::End(parting)),
        }
    }
    Ok(Next::Go(more))
}

/// How the loop goes on after effects were carried out.
enum Next {
    /// With what came of them.
    Go(Vec<Msg>),
    /// Not at all.
    End(Parting),
}

/// SIGUSR1: nothing is read again yet. In test builds it is where a panic can be asked for.
fn reload() {
    #[cfg(debug_assertions)]
    crate::term::panic::provoke();
}

/// Gives the terminal back until the job is continued; says why where that cannot be.
async fn stop(face: &mut Face, signals: &mut Signals) -> Result<Option<Msg>, ConsoleError> {
    face.reader = None;
    let stopped = suspend::suspend(&mut face.guard, signals).await;
    face.reader = Some(Reader::start(face.caps.escape_hold())?);
    output::redraw_all(&mut face.screen)?;
    face.gate.want(Want::Key);
    match stopped {
        Err(suspend::SuspendError::Enter(error)) => Err(error.into()),
        Err(why) => Ok(Some(Msg::Notice(Tone::Info, format!("not suspended: {why}")))),
        Ok(()) => Ok(None),
    }
}

/// Waits until so long after the start.
async fn wait_for(start: Instant, at: Duration) {
    match start.checked_add(at) {
        Some(until) => tokio::time::sleep_until(until.into()).await,
        None => std::future::pending().await,
    }
}
