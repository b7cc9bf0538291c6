//! One connection and namespace: the releases found there, a driver for each, the watches behind the panes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Interval, MissedTickBehavior};

use crate::app::model::{Link, ReleaseKey, Scene};
use crate::app::msg::{Msg, World};
use crate::cluster::namespaces::namespaces;
use crate::cluster::observe::Memory;
use crate::cluster::watch::{Watching, watch as watch_namespace};
use crate::cluster::{Connection, access, discover, state};
use crate::domain::command::Order;
use crate::domain::declared::{Declared, sounds_like_production};
use crate::domain::live::Snapshot;
use crate::domain::release::Release;
use crate::domain::time::Millis;
use crate::driver::core::io::Input;
use crate::driver::core::{Core, Setup};
use crate::driver::shell::{Clock, Outlets, drive};
use crate::driver::world::Kubernetes;
use crate::journal::Journal;
use crate::journal::Place;

/// How often releases are looked for again.
const LOOK_AGAIN: Duration = Duration::from_secs(30);
/// How often an idle driver reads the cluster: where releases are few, and where they are many. The release that is looked
/// at is always read as often as one of few.
const IDLE: (Millis, Millis) = (Millis::secs(5), Millis::secs(20));
/// So many releases are few.
const FEW: usize = 5;
/// How long drivers may take to let go at the end.
pub(super) const LET_GO: Duration = Duration::from_secs(3);
/// The most namespaces that `--all-namespaces` looks through.
const MOST_NAMESPACES: usize = 100;

/// What every part of a session is given.
#[derive(Clone)]
pub(super) struct Context {
    pub connection: Connection,
    /// `None` is all.
    pub namespace: Option<String>,
    pub declared: Vec<Declared>,
    pub actor: String,
    pub clock: Arc<dyn Clock>,
    pub generation: u64,
    pub out: mpsc::UnboundedSender<Msg>,
}

impl Context {
    fn tell(&self, news: World) {
        let _ = self.out.send(Msg::World(self.generation, news));
    }
}

/// The namespace that is watched.
struct Watched {
    namespace: String,
    rows: Watching,
    /// What was last handed on.
    shown: Option<Arc<Snapshot>>,
}

/// What a look around brought.
struct Found {
    releases: Vec<Release>,
    /// Whether there is any right to write.
    may_write: bool,
}

/// A session; dropped, its watches end. Drivers are let go with [`Session::close`].
pub(super) struct Session {
    context: Context,
    drivers: BTreeMap<ReleaseKey, mpsc::Sender<Input>>,
    running: JoinSet<()>,
    tasks: JoinSet<()>,
    found: mpsc::UnboundedReceiver<Found>,
    watching: Option<Watched>,
    attended: Option<ReleaseKey>,
    /// When the release that is looked at is to be read again, where releases are many.
    closely: Interval,
    read_only: bool,
    pods: Memory,
}

impl Session {
    /// Begins to look around. Nothing is waited for here.
    pub fn open(context: Context) -> Session {
        let (sender, found) = mpsc::unbounded_channel();
        let mut tasks = JoinSet::new();
        tasks.spawn(look_around(context.clone(), sender));
        let read_only = context.connection.read_only;
        let mut closely = tokio::time::interval(IDLE.0.duration());
        closely.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (drivers, running) = (BTreeMap::new(), JoinSet::new());
        let mut session = Session {
            drivers,
            running,
            tasks,
            found,
            watching: None,
            attended: None,
            closely,
            read_only,
            pods: Memory::default(),
            context,
        };
        session.show_scene(read_only.then(|| "--read-only".to_owned()));
        if let Some(namespace) = session.context.namespace.clone() {
            session.watch(&namespace);
        }
        session
    }

    fn show_scene(&self, read_only: Option<String>) {
        let c = &self.context;
        let production = sounds_like_production(&c.connection.context) || c.namespace.as_deref().is_some_and(sounds_like_production);
        c.tell(World::Scene(Scene {
            context: c.connection.context.clone(),
            namespace: c.namespace.clone(),
            production,
            read_only,
            actor: c.actor.clone(),
        }));
    }

    /// Waits for something to do: releases found, rows changed. May be dropped while waiting: what was received is dealt with
    /// without waiting again, or it would be lost.
    pub async fn next(&mut self) {
        let Some(watching) = &mut self.watching else {
            match self.found.recv().await {
                Some(found) => self.take(found),
                None => std::future::pending().await,
            }
            return;
        };
        tokio::select! {
            Some(found) = self.found.recv() => self.take(found),
            Ok(()) = watching.rows.snapshots.changed() => {
                let rows = Arc::clone(&watching.rows.snapshots.borrow_and_update());
                let news = !watching.shown.replace(Arc::clone(&rows)).is_some_and(|before| before.same_rows(&rows));
                self.context.tell(World::Rows(rows));
                if news {
                    self.hint();
                }
            }
            _ = self.closely.tick(), if self.attended.is_some() && self.drivers.len() > FEW => self.hint(),
        }
    }

    /// Something changed in the namespace: the driver that is looked at looks sooner.
    fn hint(&self) {
        if let Some(inbox) = self.attended.as_ref().and_then(|key| self.drivers.get(key)) {
            let _ = inbox.try_send(Input::Changed);
        }
    }

    fn take(&mut self, found: Found) {
        // Without any right to write this is a read-only console, and says so from the start.
        if self.drivers.is_empty() && !self.read_only && !found.may_write {
            self.read_only = true;
            self.show_scene(Some("no right to write here".to_owned()));
        }
        let few = found.releases.len() <= FEW;
        for release in found.releases {
            let key = ReleaseKey { namespace: release.namespace.clone(), name: release.name.clone() };
            if !self.drivers.contains_key(&key) {
                self.start(key, release, few);
            }
        }
        self.context.tell(World::Listed);
    }

    fn start(&mut self, key: ReleaseKey, release: Release, few: bool) {
        let c = &self.context;
        let clock = Arc::clone(&c.clock);
        // Each place has its own: the drivers that were left a moment ago may not have let go yet, and are not us.
        let holder = match c.generation {
            0 => format!("{}#{}", c.actor, std::process::id()),
            n => format!("{}#{}-{n}", c.actor, std::process::id()),
        };
        let idle = if few { IDLE.0 } else { IDLE.1 };
        let setup = Setup { holder, may_write: !self.read_only, take_up: !self.read_only, active: Millis::secs(2), idle, after: None };
        let journal = if self.read_only {
            Journal::in_memory()
        } else {
            Journal::open(&Place::of_user(&c.connection.context, &key.namespace, &key.name))
        };
        c.tell(World::Journal(key.clone(), journal.lines().cloned().collect()));
        let world = Arc::new(Kubernetes::new(c.connection.unary.clone(), Arc::clone(&clock), journal).sharing(self.pods.clone()));
        let (inbox, orders) = mpsc::channel(64);
        let (sender, mut views) = watch::channel(None);
        let core = Core::new(setup, release.clone(), clock.now());
        self.running.spawn(drive(core, world, clock, orders, Outlets { view: Some(sender), ..Outlets::default() }));
        let context = c.clone();
        self.tasks.spawn(async move {
            while views.changed().await.is_ok() {
                let view = views.borrow_and_update().clone();
                if let Some(view) = view {
                    context.tell(World::View(view));
                }
            }
        });
        let (context, of) = (c.clone(), key.clone());
        self.tasks.spawn(async move {
            if let Ok(access) = access::access(&context.connection.unary, &release).await {
                context.tell(World::Denied(of, access.cannot_drive()));
            }
        });
        self.drivers.insert(key, inbox);
    }

    /// Gives an order to a release's driver; says why it could not be given.
    pub fn order(&self, key: &ReleaseKey, order: Order) -> Result<(), String> {
        let inbox = self.drivers.get(key).ok_or_else(|| format!("{key} has no driver here yet"))?;
        inbox.try_send(Input::Order(order)).map_err(|_| format!("{key}: its driver does not take orders any more"))
    }

    /// Somebody thinks of a way forward for a release. What is not told in time is not known, and holds nobody up.
    pub fn weigh(&self, key: &ReleaseKey) {
        if let Some(inbox) = self.drivers.get(key) {
            let _ = inbox.try_send(Input::Weigh);
        }
    }

    /// Looks closely at a release: rows of its namespace, and hints to its driver.
    pub fn attend(&mut self, key: Option<ReleaseKey>) {
        if let Some(key) = &key {
            let namespace = key.namespace.clone();
            self.watch(&namespace);
        }
        self.attended = key;
        self.hint();
    }

    fn watch(&mut self, namespace: &str) {
        if self.watching.as_ref().is_none_or(|w| w.namespace != namespace) {
            let clock = Arc::clone(&self.context.clock);
            let present = Arc::new(move || clock.now().wall);
            let rows = watch_namespace(self.context.connection.watch.clone(), namespace, present);
            self.watching = Some(Watched { namespace: namespace.to_owned(), rows, shown: None });
        }
    }

    /// Lets every driver finish what is in flight and let go of its Lease.
    pub async fn close(mut self) {
        self.tasks.abort_all();
        self.watching = None;
        for inbox in self.drivers.values() {
            let _ = inbox.try_send(Input::Detach);
        }
        let all = async { while self.running.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(LET_GO, all).await;
    }
}

/// Looks for releases, again and again.
async fn look_around(context: Context, found: mpsc::UnboundedSender<Found>) {
    let mut may_write = None;
    loop {
        match releases(&context).await {
            Ok(releases) => {
                context.tell(World::Link(Link::Up));
                if may_write.is_none() || releases.is_empty() {
                    may_write = Some(has_right_to_write(&context, &releases).await);
                }
                if found.send(Found { releases, may_write: may_write != Some(false) }).is_err() {
                    return;
                }
            }
            Err(why) => context.tell(World::Link(Link::Lost { why })),
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// Whether anything may be written where the releases are; a server that does not say is believed to let us.
async fn has_right_to_write(context: &Context, releases: &[Release]) -> bool {
    let namespace = releases.first().map(|r| r.namespace.clone()).or_else(|| context.namespace.clone()).unwrap_or_default();
    context.connection.read_only || access::may_write(&context.connection.unary, &namespace).await != Ok(false)
}

/// Declared releases, else proposals; and whatever a stored state says is under way.
async fn releases(context: &Context) -> Result<Vec<Release>, String> {
    let mut all = Vec::new();
    for namespace in places(context).await? {
        all.extend(in_namespace(context, &namespace).await?);
    }
    Ok(all)
}

async fn places(context: &Context) -> Result<Vec<String>, String> {
    match &context.namespace {
        Some(namespace) => Ok(vec![namespace.clone()]),
        None => {
            let mut names = namespaces(&context.connection.unary).await.map_err(|e| e.to_string())?;
            names.truncate(MOST_NAMESPACES);
            Ok(names)
        }
    }
}

async fn in_namespace(context: &Context, namespace: &str) -> Result<Vec<Release>, String> {
    let client = &context.connection.unary;
    let here = |d: &&Declared| d.namespace.as_deref().is_none_or(|ns| ns == namespace);
    let named = context.declared.iter().filter(here).find_map(|d| d.prometheus.clone());
    let (read, stored) = join(discover::read_with_prometheus(client, namespace, named), state::list(client, namespace)).await;
    let (objects, prometheus) = read.map_err(|e| e.to_string())?;
    let mut releases = Vec::new();
    if context.declared.is_empty() {
        releases = objects.propose(namespace, &context.connection.context, prometheus.as_ref());
    }
    for declared in context.declared.iter().filter(here) {
        let found = objects.fill(declared, namespace, &context.connection.context, prometheus.clone())?;
        releases.push(declared.clone().complete(found));
    }
    let running = stored.unwrap_or_default().into_values().filter_map(Result::ok).filter_map(|s| s.rollout).filter(|r| !r.is_over());
    for rollout in running.filter(|r| !context.declared.iter().any(|d| d.name == r.release.name)) {
        releases.retain(|r| r.name != rollout.release.name);
        releases.push(Release::clone(&rollout.release));
    }
    Ok(releases)
}
