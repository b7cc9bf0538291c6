//! What the model asks for, carried out.

use std::collections::BTreeMap;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::app::Effect;
use crate::app::logs::LogLine;
use crate::app::model::{Link, Tone};
use crate::app::msg::{Msg, World};
use crate::cluster::apply;
use crate::cluster::connect::contexts;
use crate::cluster::logs::{LogEvent, LogRequest, tail};
use crate::cluster::namespaces::namespaces;
use crate::cluster::{ConnectError, ConnectOptions, Connection};
use crate::domain::action::{Action, Precondition};
use crate::term::caps::Mux;
use crate::term::clipboard;

use super::handover::Parting;
use super::journey::Journey;
use super::session::{Context, Session};

/// Lines a log begins with.
const TAIL: u32 = 200;
/// Lines handed over at once.
const BATCH: usize = 200;

/// What the loop itself must do.
pub(super) enum Duty {
    /// Send bytes to the terminal.
    Send(Vec<u8>),
    /// Draw everything again.
    Redraw,
    /// Give the terminal back until continued.
    Suspend,
    /// End, in this way.
    Quit(Parting),
}

/// A namespace that somebody chose; `None` is all.
type Chosen = Option<String>;

/// Carries effects out.
pub(super) struct Hands {
    pub context: Context,
    /// `None` between two places.
    session: Option<Session>,
    journey: Journey,
    /// Where the journey goes, until it is reached, and the namespace that was chosen on the way.
    destination: Option<(ConnectOptions, Option<Chosen>)>,
    mux: Mux,
    tails: BTreeMap<u64, JoinHandle<()>>,
}

impl Hands {
    pub fn new(context: Context, mux: Mux) -> Hands {
        Hands {
            session: Some(Session::open(context.clone())),
            context,
            journey: Journey::default(),
            destination: None,
            mux,
            tails: BTreeMap::new(),
        }
    }

    /// Waits for something to do: news of the session, a connection that was made. May be dropped while waiting.
    pub async fn next(&mut self) {
        let session = async {
            match &mut self.session {
                Some(session) => session.next().await,
                None => std::future::pending().await,
            }
        };
        let arrived = tokio::select! {
            () = session => return,
            arrived = self.journey.arrives() => arrived,
        };
        self.arrive(arrived);
    }

    /// Lets go of everything, within a bounded time.
    pub async fn close(mut self) {
        self.journey.leave(self.session.take());
        self.journey.end().await;
    }

    /// Carries one effect out, or says what the loop must do.
    pub fn carry_out(&mut self, effect: Effect) -> Option<Duty> {
        match effect {
            Effect::Order { release, order } => {
                let given = match &self.session {
                    Some(session) => session.order(&release, order),
                    None => Err(format!("{release}: there is no connection yet")),
                };
                if let Err(why) = given {
                    self.notice(Tone::Bad, why);
                }
            }
            Effect::DryRun { id, writes } => self.dry_run(id, writes),
            Effect::Weigh { release } => {
                if let Some(session) = &self.session {
                    session.weigh(&release);
                }
            }
            Effect::Attend { release } => {
                if let Some(session) = &mut self.session {
                    session.attend(release);
                }
            }
            Effect::Tail { id, namespace, pod, container, previous } => {
                let request = LogRequest { namespace, pod, container, previous, tail: TAIL };
                let stream = tail(self.context.connection.watch.clone(), request);
                self.tails.insert(id, tokio::spawn(follow(id, stream, self.context.out.clone())));
            }
            Effect::Untail { id } => {
                if let Some(task) = self.tails.remove(&id) {
                    task.abort();
                }
            }
            Effect::ListContexts => {
                let names = contexts(self.context.connection.options.kubeconfig.as_deref());
                let names = names.map(|rows| rows.into_iter().map(|r| r.name).collect()).map_err(|e| e.to_string());
                let _ = self.context.out.send(Msg::Contexts(names));
            }
            Effect::ListNamespaces => {
                let (connection, out, generation) = (self.context.connection.clone(), self.context.out.clone(), self.context.generation);
                let there = self.session.is_some();
                tokio::spawn(async move {
                    let names = if there {
                        namespaces(&connection.unary).await.map_err(|e| e.to_string())
                    } else {
                        Err("there is no connection yet".to_owned())
                    };
                    let _ = out.send(Msg::World(generation, World::Namespaces(names)));
                });
            }
            Effect::SwitchContext { name, generation } => self.switch_context(name, generation),
            Effect::SwitchNamespace { name, generation } => self.switch_namespace(name, generation),
            Effect::Copy { text, what } => return self.copy(&text, &what),
            Effect::Redraw => return Some(Duty::Redraw),
            Effect::Suspend => return Some(Duty::Suspend),
            Effect::Quit { code, hand_over } => return Some(Duty::Quit(Parting { code, hand_over, silent: false })),
        }
        None
    }

    fn dry_run(&self, id: u64, writes: Vec<(Action, Precondition)>) {
        let (client, out, generation) = (self.context.connection.unary.clone(), self.context.out.clone(), self.context.generation);
        tokio::spawn(async move {
            let said = apply::dry_run(&client, &writes).await;
            let _ = out.send(Msg::World(generation, World::DryRun(id, said)));
        });
    }

    fn notice(&self, tone: Tone, text: String) {
        let _ = self.context.out.send(Msg::Notice(tone, text));
    }

    fn copy(&self, text: &str, what: &str) -> Option<Duty> {
        match clipboard::copy(text, self.mux) {
            Ok(bytes) => {
                self.notice(Tone::Good, format!("copied {what}: {} bytes", text.len()));
                Some(Duty::Send(bytes))
            }
            Err(error) => {
                self.notice(Tone::Bad, error.to_string());
                None
            }
        }
    }

    fn switch_namespace(&mut self, name: Chosen, generation: u64) {
        self.leave(generation);
        match self.destination.take() {
            // On the way to another context it is a namespace of that one.
            Some((options, _)) => self.set_out(options, Some(name)),
            None => {
                self.context.namespace = name;
                self.session = Some(Session::open(self.context.clone()));
            }
        }
    }

    fn switch_context(&mut self, name: String, generation: u64) {
        self.leave(generation);
        self.set_out(ConnectOptions { context: Some(name), namespace: None, ..self.context.connection.options.clone() }, None);
    }

    fn leave(&mut self, generation: u64) {
        self.tails.values().for_each(JoinHandle::abort);
        self.tails.clear();
        self.journey.leave(self.session.take());
        self.context.generation = generation;
    }

    fn set_out(&mut self, options: ConnectOptions, namespace: Option<Chosen>) {
        self.link(Link::Connecting { to: options.context.clone().unwrap_or_default() });
        self.journey.set_out(options.clone());
        self.destination = Some((options, namespace));
    }

    fn arrive(&mut self, reached: Result<Connection, ConnectError>) {
        match reached {
            Ok(connection) => {
                let chosen = self.destination.take().and_then(|(_, chosen)| chosen);
                self.context.namespace = chosen.unwrap_or_else(|| Some(connection.namespace.clone()));
                self.context.connection = connection;
                self.session = Some(Session::open(self.context.clone()));
            }
            Err(why) => self.link(Link::Barred { why: why.to_string() }),
        }
    }

    fn link(&self, link: Link) {
        let _ = self.context.out.send(Msg::World(self.context.generation, World::Link(link)));
    }
}

/// Hands a log's lines over, many at once when they come fast.
async fn follow(id: u64, mut tail: crate::cluster::logs::Tail, out: mpsc::UnboundedSender<Msg>) {
    let mut events = Vec::new();
    loop {
        events.clear();
        if tail.events.recv_many(&mut events, BATCH).await == 0 {
            return;
        }
        let mut lines = Vec::new();
        let mut ended = None;
        for event in events.drain(..) {
            match event {
                LogEvent::Line(text) => lines.push(LogLine { at: None, text }),
                LogEvent::End(why) => ended = Some(why.to_string()),
            }
        }
        let over = ended.is_some();
        if out.send(Msg::Log { id, lines, dropped: 0, ended }).is_err() || over {
            return;
        }
    }
}
