//! The cluster itself, as a synchronous state machine: `handle(request) -> response`, `advance(to)`.
//!
//! # Where things live
//!
//! * [`World`] is what all parts share: virtual clock, [`store`], [`timers`], pod [`logs`], pod [`usage`], [`rng`].
//! * [`api`] answers Kubernetes requests from the store. It never starts anything: it only writes objects.
//! * Everything that *acts* is a [`Part`]. After every store change the kernel calls [`Part::reconcile`] of each part, in a
//!   fixed order, with the changes since its last pass, until no part changes anything. Time is only ever moved by
//!   [`Kernel::advance`], which calls [`Part::wake`] for each due timer, in the order (time, sequence).
//! * Parts: [`garbage`] (owner references, namespaces), [`controllers`] (Deployment, ReplicaSet, EndpointSlice, HPA),
//!   [`kubelet`] (binding, pulling, starting, probing, crashing, logs, usage), [`traffic`] (requests by what the routing
//!   objects say now, counters), [`prom_api`] (scrapes, rules, the Prometheus query API). A scenario's script joins
//!   through [`Kernel::attach`].
//!
//! A part sets its own timers (`world.timers.at(ms, PartId::Traffic, key)`) and must do all its work in `reconcile` and
//! `wake`: then the result does not depend on how `advance` is cut into pieces, and one seed repeats exactly.
//!
//! Writing an object: `world.create(&resource::POD, value, "kube-scheduler")`, `world.modify(&resource::POD, ns, name,
//! "kubelet", |pod| ...)`, `world.modify_status(...)`, `world.delete(...)`. The manager's name ends in `managedFields`.

use jiff::Timestamp;

pub mod admission;
pub mod api;
#[cfg(test)]
mod bench;
pub mod controllers;
pub mod defaults;
pub mod exporter;
pub mod feature;
pub mod fields;
pub mod garbage;
pub mod kubelet;
pub mod logs;
pub mod managed;
pub mod object;
pub mod openapi;
pub mod profile;
pub mod prom_api;
pub mod promql;
pub mod quantity;
pub mod quota;
mod recorder;
pub mod resource;
pub mod rng;
pub mod schema;
pub mod selector;
pub mod status;
pub mod store;
pub mod streams;
pub mod timers;
pub mod traffic;
pub mod tsdb;
pub mod typed;
pub mod usage;
pub mod validate;
pub mod wire;
pub mod world;

pub use feature::{Feature, Features};
pub use resource::Resource;
pub use status::Status;
pub use store::{Change, ChangeKind};
pub use streams::StreamId;
pub use timers::PartId;
pub use wire::{Body, Method, Request, Response};
pub use world::World;

/// Something that acts on the world: a controller, the kubelet, the traffic, Prometheus, a scenario's script.
pub trait Part: Send {
    /// Called once, before the first request, with the objects that exist by then already in the store.
    fn start(&mut self, world: &mut World);
    /// Called after store changes, with all of them since this part's last call (its own writes included).
    fn reconcile(&mut self, world: &mut World, changes: &[Change]);
    /// Called when a timer that this part has set is due; `world.ms()` is the timer's time.
    fn wake(&mut self, world: &mut World, key: &str);
}

/// Rounds of reconciling after one event before the kernel gives up on a part that never comes to rest (a bug in it).
const SETTLE_ROUNDS: usize = 10_000;

/// The embedded cluster.
pub struct Kernel {
    /// What all parts share.
    pub world: World,
    /// Deployment, ReplicaSet, EndpointSlice and HPA controllers.
    pub controllers: controllers::Controllers,
    /// Scheduler and kubelet.
    pub kubelet: kubelet::Kubelet,
    /// The requests that flow through Services and routes.
    pub traffic: traffic::Traffic,
    /// Scrapes and the Prometheus query API.
    pub prometheus: prom_api::Prometheus,
    garbage: garbage::Garbage,
    attached: Vec<Box<dyn Part>>,
    seen: u64,
    started: bool,
}

impl Kernel {
    /// An empty cluster (the usual namespaces only) at `start`. The same seed and the same requests at the same
    /// virtual times give the same cluster.
    pub fn new(seed: u64, start: Timestamp) -> Self {
        let mut kernel = Self {
            world: World::new(seed, start),
            controllers: controllers::Controllers::default(),
            kubelet: kubelet::Kubelet::default(),
            traffic: traffic::Traffic::default(),
            prometheus: prom_api::Prometheus::default(),
            garbage: garbage::Garbage,
            attached: Vec::new(),
            seen: 0,
            started: false,
        };
        kernel.world.bootstrap();
        kernel
    }

    /// Adds a part of the caller's own, called after the built-in ones; timers reach it by [`PartId::Attached`].
    pub fn attach(&mut self, make: impl FnOnce(PartId) -> Box<dyn Part>) {
        let id = PartId::Attached(self.attached.len());
        self.attached.push(make(id));
    }

    /// Starts all parts and lets them come to rest. Called by the first `handle` or `advance` when nobody did before.
    pub fn start(&mut self) {
        if self.started {
            return;
        }
        self.started = true;
        for id in self.parts() {
            self.with(id, |part, world| part.start(world));
        }
        self.settle();
    }

    /// Virtual time now.
    pub fn now(&self) -> Timestamp {
        self.world.now()
    }

    /// Virtual milliseconds since the start.
    pub fn ms(&self) -> u64 {
        self.world.ms()
    }

    /// When the next timer is due, in virtual milliseconds since the start.
    pub fn next_timer(&self) -> Option<u64> {
        self.world.timers.next()
    }

    /// Answers a request to the Kubernetes API at the current virtual time.
    pub fn handle(&mut self, request: &Request) -> Response {
        self.start();
        let response = api::handle(self, request);
        self.settle();
        response
    }

    /// Answers a request to Prometheus's own port.
    pub fn handle_prometheus(&mut self, request: &Request) -> Response {
        self.start();
        self.prometheus.handle(&self.world, request)
    }

    /// Moves virtual time to `to` (milliseconds since the start; earlier times do nothing), firing every timer due on
    /// the way.
    pub fn advance(&mut self, to: u64) {
        self.start();
        while let Some((at, id, key)) = self.world.timers.pop(to) {
            self.world.set_ms(at);
            self.with(id, |part, world| part.wake(world, &key));
            self.settle();
        }
        self.world.set_ms(to);
    }

    /// What a watch or a followed log has to say since the last call; `None` when the stream is unknown or has ended.
    pub fn stream_poll(&mut self, id: StreamId) -> Option<Vec<u8>> {
        streams::poll(&mut self.world, id)
    }

    /// A bookmark line for a watch that asked for bookmarks.
    pub fn stream_bookmark(&mut self, id: StreamId) -> Option<Vec<u8>> {
        streams::bookmark(&mut self.world, id)
    }

    /// Forgets a stream; its client has gone.
    pub fn stream_close(&mut self, id: StreamId) {
        self.world.streams.close(id);
    }

    /// Lets the parts react to what changed in the store until nothing changes any more. Called by `handle` and
    /// `advance`; whoever writes to `world` from outside calls it himself.
    pub fn settle(&mut self) {
        for _ in 0..SETTLE_ROUNDS {
            let changes = self.world.store.changes_since(self.seen);
            if changes.is_empty() {
                break;
            }
            self.seen = self.world.store.revision();
            for id in self.parts() {
                self.with(id, |part, world| part.reconcile(world, &changes));
            }
        }
        self.world.store.trim();
    }

    fn parts(&self) -> Vec<PartId> {
        let built_in = [PartId::Garbage, PartId::Controllers, PartId::Kubelet, PartId::Traffic, PartId::Prometheus];
        built_in.into_iter().chain((0..self.attached.len()).map(PartId::Attached)).collect()
    }

    fn with(&mut self, id: PartId, call: impl FnOnce(&mut dyn Part, &mut World)) {
        let part: &mut dyn Part = match id {
            PartId::Garbage => &mut self.garbage,
            PartId::Controllers => &mut self.controllers,
            PartId::Kubelet => &mut self.kubelet,
            PartId::Traffic => &mut self.traffic,
            PartId::Prometheus => &mut self.prometheus,
            PartId::Attached(n) => match self.attached.get_mut(n) {
                Some(part) => part.as_mut(),
                None => return,
            },
        };
        call(part, &mut self.world);
    }
}
