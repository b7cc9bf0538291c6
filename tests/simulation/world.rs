//! A compact typed world: the objects of one release with versions, preconditions that test what the real patches test,
//! pods that come and go, and counters that grow with the traffic. No text, no HTTP: it is what makes a million runs cheap.

pub mod argo;

mod apply;
mod look;
mod metrics;
mod pods;
mod record;

use std::collections::BTreeMap;
use std::sync::Arc;

use cutover::domain::command::Order;
use cutover::domain::image::Image;
use cutover::domain::observed::KeptRevision;
use cutover::domain::release::{Component, Release, Router, Strategy};
use cutover::domain::rollout::Rollout;
use cutover::domain::time::Millis;
use jiff::Timestamp;

pub use argo::Application;
pub use metrics::{Counters, INTERVAL, Illness};
pub use pods::Pod;

use apply::kept;

pub const OLD: &str = "shop/app:v1";
pub const NEW: &str = "shop/app:v2";
/// What is released after that.
pub const NEXT: &str = "shop/app:v4";
/// What somebody else deploys in the middle of a run.
pub const OTHER: &str = "shop/app:v3";
/// Pods of stable at the start.
pub const WHOLE: u32 = 4;

/// A Deployment.
#[derive(Clone, Debug, PartialEq)]
pub struct Deployment {
    pub name: String,
    pub uid: u32,
    pub version: u64,
    /// Counts what its controller writes to its status.
    pub status: u64,
    pub generation: i64,
    /// The generation that its controller has seen.
    pub seen: i64,
    pub replicas: u32,
    pub paused: bool,
    pub image: String,
    pub stamp: Option<String>,
    /// Who wrote image and replicas last, as far as anybody did.
    pub image_by: Option<Hand>,
    pub replicas_by: Option<Hand>,
    /// Bounds, when an autoscaler owns the replicas.
    pub scaler: Option<(u32, u32)>,
    pub revision: u64,
    /// How often its pod template was changed without another image.
    pub restarts: u32,
    /// Its revisions, newest first.
    pub kept: Vec<KeptRevision>,
    pub pods: Vec<Pod>,
}

/// Whose write it was, as an object's managed fields tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hand {
    Ours,
    Foreign,
}

/// A route, or what stands for one.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    pub uid: u64,
    pub stable: u32,
    pub candidate: u32,
    pub version: u64,
    pub stamp: Option<String>,
    /// Who wrote its weights last.
    pub by: Option<Hand>,
    /// When that was.
    pub at: Millis,
    /// Until when its gateway has not taken the newest spec over.
    pub pending_until: Millis,
    /// Weights of others in the same rule: nobody of ours may touch them.
    pub foreign: u32,
    /// Whether the testers' rule stands above.
    pub testers: bool,
}

/// A route that is not the release's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// Since when it stands; `None` after it was deleted.
    pub since: Option<Millis>,
}

/// A component's objects.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    pub declared: Component,
    pub stable: Option<Deployment>,
    pub candidate: Option<Deployment>,
    /// `None` after somebody deleted it.
    pub route: Option<Route>,
    /// Until when it cannot be read.
    pub unseen_until: Millis,
    /// Another route that sends testers to the candidate, once somebody has made one.
    pub neighbour: Option<Neighbour>,
    /// Until when other routes cannot be listed.
    pub unlisted_until: Millis,
    pub counters: [Counters; 2],
}

/// The stored state.
#[derive(Clone, Debug)]
pub struct Record {
    pub rollout: Option<Arc<Rollout>>,
    pub orders: Vec<Order>,
    pub version: u64,
    /// It cannot be read any more.
    pub damaged: bool,
}

/// The Lease.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lease {
    pub holder: Option<String>,
    pub epoch: u64,
    pub version: u64,
}

/// What the nature of the release under test is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Nature {
    /// The new version fails a fifth of its requests.
    pub bad: bool,
    /// Its pods never get ready.
    pub broken: bool,
}

/// Everything there is.
#[derive(Clone, Debug)]
pub struct World {
    /// The true time.
    pub now: Millis,
    pub release: Release,
    pub parts: Vec<Part>,
    pub record: Option<Record>,
    pub lease: Lease,
    pub nature: Nature,
    /// What the two weights of a route sum to.
    pub total: u32,
    /// Pods that cannot be ready for now, of each stable Deployment (a node is gone).
    pub limp: u32,
    /// How many pods there may be, where a quota says so.
    pub quota: Option<u32>,
    /// The namespace was deleted.
    pub gone: bool,
    /// The same of each candidate.
    pub fall: u32,
    /// Prometheus sees nothing of the candidate.
    pub one_arm: bool,
    /// What is wrong with the candidate's series, and since when.
    pub ill: Option<(Illness, Millis)>,
    pub scrapes: metrics::Scrapes,
    /// Manages every route, where there is one.
    pub application: Option<Application>,
    versions: u64,
    ticked: Millis,
}

/// The wall clock at the true time zero.
pub fn epoch() -> Timestamp {
    Timestamp::from_second(1_767_225_600).unwrap()
}

impl World {
    pub fn new(release: Release, nature: Nature, total: u32) -> World {
        let part = |c: &Component| {
            let rolling = c.candidate.is_none();
            let switched = matches!(c.router, Router::Service { .. });
            let candidate = c.candidate.as_ref().map(|name| Deployment::new(name, 2, if switched { WHOLE } else { 0 }));
            let route = (!rolling).then_some(Route {
                uid: 1,
                stable: total,
                candidate: 0,
                version: 1,
                stamp: None,
                by: None,
                at: Millis::ZERO,
                pending_until: Millis::ZERO,
                foreign: 7,
                testers: false,
            });
            Part {
                declared: c.clone(),
                stable: Some(Deployment::new(&c.stable, 1, WHOLE)),
                candidate,
                route,
                unseen_until: Millis::ZERO,
                neighbour: None,
                unlisted_until: Millis::ZERO,
                counters: Default::default(),
            }
        };
        let parts = release.components.iter().map(part).collect();
        World {
            now: Millis::ZERO,
            release,
            parts,
            record: None,
            lease: Lease::default(),
            nature,
            total,
            limp: 0,
            quota: None,
            gone: false,
            fall: 0,
            one_arm: false,
            ill: None,
            scrapes: metrics::Scrapes::default(),
            application: None,
            versions: 10,
            ticked: Millis::ZERO,
        }
    }

    pub fn version(&mut self) -> u64 {
        self.versions += 1;
        self.versions
    }

    /// The candidate's part that somebody else's weight comes to: a selector knows all or nothing.
    pub fn part_for(&self, place: usize, percent: u32) -> u32 {
        let splits = self.parts.get(place).is_some_and(|p| p.declared.router.splits());
        (if splits { percent } else { percent / 100 * 100 }) * self.total / 100
    }

    pub fn wall(&self) -> Timestamp {
        epoch() + self.now.duration()
    }

    /// The stored run.
    pub fn run(&self) -> Option<&Rollout> {
        self.record.as_ref()?.rollout.as_deref()
    }

    /// Whether the run has the two colours the other way round than the world names them.
    pub fn is_turned(&self) -> bool {
        self.run().is_some_and(|r| r.release.components != self.release.components)
    }

    pub fn part(&self, component: &str) -> Option<&Part> {
        self.parts.iter().find(|p| p.declared.name == component)
    }

    /// The time goes on: pods, counters and scrapes with it.
    pub fn advance(&mut self, to: Millis) {
        while self.ticked.plus(pods::TICK) <= to {
            self.ticked = self.ticked.plus(pods::TICK);
            self.now = self.ticked;
            let ready = |image: &str| !(self.nature.broken && image != OLD);
            let mut left = self.quota.map_or(u32::MAX, |hard| hard.saturating_sub(self.pods()));
            for part in &mut self.parts {
                let (limp, fall) = (self.limp, self.fall);
                part.stable.iter_mut().for_each(|d| d.tick(limp, &mut left, ready));
                part.candidate.iter_mut().for_each(|d| d.tick(fall, &mut left, ready));
            }
            self.serve(pods::TICK);
            self.scrape_when_due();
        }
        self.now = self.now.max(to);
    }

    /// Every pod there is.
    pub fn pods(&self) -> u32 {
        self.parts.iter().flat_map(|p| [&p.stable, &p.candidate]).flatten().map(|d| d.pods.len() as u32).sum()
    }

    /// Whether a quota has no room for stable whole and one pod more; what blue-green keeps of the other colour stays,
    /// and what somebody else sends to or scales.
    pub fn is_cramped(&self) -> bool {
        let canary = matches!(self.release.strategy, Strategy::Canary(_));
        let side = |d: &Option<Deployment>| d.as_ref().map_or(0, |d| d.replicas);
        let owned = |p: &Part| p.candidate.as_ref().is_some_and(|d| d.scaler.is_some());
        let stays = |p: &Part| !canary || owned(p) || p.neighbour.is_some_and(|n| n.since.is_some());
        let needed = |p: &Part| side(&p.stable).max(WHOLE) + if stays(p) { side(&p.candidate) } else { 0 };
        self.quota.is_some_and(|hard| hard <= self.parts.iter().map(needed).sum())
    }

    /// The namespace goes, and nothing can be made in it any more.
    pub fn vanish(&mut self) {
        (self.gone, self.record, self.lease) = (true, None, Lease::default());
        self.parts.iter_mut().for_each(|p| (p.stable, p.candidate, p.route) = (None, None, None));
    }

    /// The image that a start asks for.
    pub fn wanted() -> Image {
        Image::parse(NEW).unwrap()
    }

    /// The one that a later start asks for.
    pub fn next() -> Image {
        Image::parse(NEXT).unwrap()
    }

    /// An image for every component.
    pub fn all(release: &Release, image: &Image) -> BTreeMap<String, Image> {
        release.components.iter().map(|c| (c.name.clone(), image.clone())).collect()
    }
}

impl Deployment {
    fn new(name: &str, uid: u32, replicas: u32) -> Deployment {
        Deployment {
            name: name.into(),
            uid,
            version: 1,
            status: 0,
            generation: 1,
            seen: 1,
            replicas,
            paused: false,
            image: OLD.into(),
            stamp: None,
            image_by: None,
            replicas_by: None,
            scaler: None,
            revision: 2,
            restarts: 0,
            kept: vec![kept((uid, 0), 2, OLD), kept((uid, 0), 1, "shop/app:v0")],
            pods: (0..replicas).map(|_| Pod { image: OLD.into(), age: 9, ready: true }).collect(),
        }
    }

    /// Its version, as the server says it: every write counts, its controller's too.
    pub fn resource_version(&self) -> String {
        format!("{}.{}", self.version, self.status)
    }

    pub fn ready(&self) -> u32 {
        self.pods.iter().filter(|p| p.ready).count() as u32
    }
}

impl Part {
    /// The candidate's share of the traffic, 0–1, as the objects say now.
    pub fn share(&self) -> f64 {
        match (&self.declared.router, &self.route) {
            (Router::Replicas { .. }, _) => {
                let (s, c) = (self.stable.as_ref().map_or(0, Deployment::ready), self.candidate.as_ref().map_or(0, Deployment::ready));
                if s + c == 0 { 0.0 } else { f64::from(c) / f64::from(s + c) }
            }
            (_, Some(route)) if route.stable + route.candidate > 0 => {
                f64::from(route.candidate) / f64::from(route.stable + route.candidate)
            }
            _ => 0.0,
        }
    }

    /// Whether other objects of the route's kind can send to the candidate.
    pub fn has_neighbours(&self) -> bool {
        matches!(self.declared.router, Router::Istio { .. } | Router::Gateway { .. } | Router::Nginx { .. })
    }

    /// Whether the two sides are told apart by their numbers of pods.
    pub fn by_ratio(&self) -> bool {
        matches!(self.declared.router, Router::Replicas { .. })
    }
}
