//! The rows of a namespace as plain data: apply, delete, retain. No runtime, no client.

mod rows;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::wire;
use crate::domain::live::{DeploymentRow, EventRow, Feed, FeedState, HpaRow, PodRow, RevisionRow, ServiceRow, Snapshot};
use crate::domain::object::{Kind, ObjectRef};

/// How many events are kept; a server keeps an hour of them.
const EVENTS_KEPT: usize = 500;

/// What one kind does to the indexes.
pub(super) trait Rows: Sized {
    /// It is there, new or changed; answers what it is kept under.
    fn apply(self, to: &mut Indexes) -> String;
    /// It is gone.
    fn delete(self, from: &mut Indexes);
    /// Of this kind only what is kept under one of these is still there.
    fn retain(rows: &mut Indexes, kind: Kind, there: &BTreeSet<String>);
}

/// Every row of one namespace.
#[derive(Debug, Default)]
pub struct Indexes {
    namespace: String,
    feeds: BTreeMap<Kind, FeedState>,
    pods: BTreeMap<String, Arc<PodRow>>,
    events: BTreeMap<String, Arc<EventRow>>,
    deployments: BTreeMap<String, DeploymentRow>,
    revisions: BTreeMap<String, RevisionRow>,
    hpas: BTreeMap<String, HpaRow>,
    services: BTreeMap<String, ServiceRow>,
    /// Ready and all addresses, by slice, with the Service it belongs to.
    slices: BTreeMap<String, (String, u32, u32)>,
    routes: BTreeMap<(Kind, String), ObjectRef>,
    usage: BTreeMap<String, (u64, u64)>,
    /// The long lists as last handed out, until they change.
    shown_pods: Option<Arc<Vec<Arc<PodRow>>>>,
    shown_events: Option<Arc<Vec<Arc<EventRow>>>>,
}

impl Indexes {
    /// Nothing yet.
    pub fn new(namespace: &str) -> Indexes {
        let syncing = |k| (k, FeedState { feed: Feed::Syncing, heard: None });
        Indexes { namespace: namespace.to_owned(), feeds: super::KINDS.into_iter().map(syncing).collect(), ..Indexes::default() }
    }

    /// Sets how a kind's watch is.
    pub(super) fn feed(&mut self, kind: Kind, state: impl FnOnce(Option<Timestamp>) -> FeedState) {
        let heard = self.feeds.get(&kind).and_then(|s| s.heard);
        self.feeds.insert(kind, state(heard));
    }

    /// How many pods there are.
    pub fn pods(&self) -> usize {
        self.pods.len()
    }

    /// Takes in what pods use.
    pub(super) fn usage(&mut self, usage: &BTreeMap<String, (u64, u64)>) {
        for (name, row) in &mut self.pods {
            let used = usage.get(name);
            let (cpu, memory) = (used.map(|u| u.0), used.map(|u| u.1));
            if (row.cpu_milli, row.memory) != (cpu, memory) {
                let row = Arc::make_mut(row);
                (row.cpu_milli, row.memory) = (cpu, memory);
                self.shown_pods = None;
            }
        }
        self.usage = usage.clone();
    }

    /// All rows as of now. Lists that did not change are shared with the last snapshot.
    pub fn snapshot(&mut self) -> Snapshot {
        let pods = self.shown_pods.get_or_insert_with(|| Arc::new(self.pods.values().cloned().collect())).clone();
        let events = self.shown_events.get_or_insert_with(|| Arc::new(newest_first(&self.events))).clone();
        let mut revisions: Vec<RevisionRow> = self.revisions.values().cloned().collect();
        revisions.sort_by(|a, b| a.deployment.cmp(&b.deployment).then(b.revision.cmp(&a.revision)));
        Snapshot {
            namespace: self.namespace.clone(),
            feeds: self.feeds.clone(),
            pods,
            deployments: self.deployments.values().cloned().collect(),
            revisions,
            hpas: self.hpas.values().cloned().collect(),
            events,
            services: self.services.values().map(|s| self.with_addresses(s)).collect(),
            routes: self.routes.values().cloned().collect(),
        }
    }

    fn with_addresses(&self, service: &ServiceRow) -> ServiceRow {
        let slices = self.slices.values().filter(|(name, ..)| name == service.name.as_str());
        let (ready, addresses) = slices.fold((0, 0), |(r, a), (_, ready, all)| (r + ready, a + all));
        ServiceRow { ready, addresses, ..service.clone() }
    }
}

/// Newest first; those without a time last.
fn newest_first(events: &BTreeMap<String, Arc<EventRow>>) -> Vec<Arc<EventRow>> {
    let mut all: Vec<Arc<EventRow>> = events.values().cloned().collect();
    all.sort_by(|a, b| b.at.cmp(&a.at).then_with(|| a.uid.cmp(&b.uid)));
    all
}

impl Rows for wire::Pod {
    fn apply(self, to: &mut Indexes) -> String {
        let mut row = rows::pod(self);
        let name = row.name.to_string();
        if let Some((cpu, memory)) = to.usage.get(&name) {
            (row.cpu_milli, row.memory) = (Some(*cpu), Some(*memory));
        }
        to.pods.insert(name.clone(), Arc::new(row));
        to.shown_pods = None;
        name
    }

    fn delete(self, from: &mut Indexes) {
        from.pods.remove(rows::safe(&self.metadata.name).as_str());
        from.shown_pods = None;
    }

    fn retain(rows: &mut Indexes, _kind: Kind, there: &BTreeSet<String>) {
        rows.pods.retain(|name, _| there.contains(name));
        rows.shown_pods = None;
    }
}

impl Rows for wire::Event {
    fn apply(self, to: &mut Indexes) -> String {
        let row = rows::event(self);
        let uid = row.uid.clone();
        to.events.insert(uid.clone(), Arc::new(row));
        if to.events.len() > EVENTS_KEPT + EVENTS_KEPT / 4 {
            // In a lump, so that a storm of events is not sorted once an event.
            let spare: Vec<String> = newest_first(&to.events).iter().skip(EVENTS_KEPT).map(|e| e.uid.clone()).collect();
            spare.iter().for_each(|uid| drop(to.events.remove(uid)));
        }
        to.shown_events = None;
        uid
    }

    fn delete(self, from: &mut Indexes) {
        from.events.remove(&self.metadata.uid);
        from.shown_events = None;
    }

    fn retain(rows: &mut Indexes, _kind: Kind, there: &BTreeSet<String>) {
        rows.events.retain(|uid, _| there.contains(uid));
        rows.shown_events = None;
    }
}

/// Kinds whose rows are few and live in one map by name.
macro_rules! by_name {
    ($wire:ty, $map:ident, $row:expr) => {
        impl Rows for $wire {
            fn apply(self, to: &mut Indexes) -> String {
                let name = self.metadata.name.clone();
                let row: fn($wire) -> Option<_> = $row;
                match row(self) {
                    Some(row) => drop(to.$map.insert(name.clone(), row)),
                    None => drop(to.$map.remove(&name)),
                }
                name
            }

            fn delete(self, from: &mut Indexes) {
                from.$map.remove(&self.metadata.name);
            }

            fn retain(rows: &mut Indexes, _kind: Kind, there: &BTreeSet<String>) {
                rows.$map.retain(|name, _| there.contains(name));
            }
        }
    };
}

by_name!(wire::Deployment, deployments, |d| Some(rows::deployment(d)));
by_name!(wire::ReplicaSet, revisions, rows::revision);
by_name!(wire::Autoscaler, hpas, |h| Some(rows::hpa(h)));
by_name!(wire::Service, services, |s| Some(rows::service(s)));
by_name!(wire::EndpointSlice, slices, rows::slice);

impl Rows for wire::Named {
    fn apply(self, to: &mut Indexes) -> String {
        let name = self.metadata.name.clone();
        if let Some(kind) = self.route_kind() {
            let object = ObjectRef::new(kind, to.namespace.clone(), name.clone());
            to.routes.insert((kind, name.clone()), object);
        }
        name
    }

    fn delete(self, from: &mut Indexes) {
        if let Some(kind) = self.route_kind() {
            from.routes.remove(&(kind, self.metadata.name));
        }
    }

    fn retain(rows: &mut Indexes, kind: Kind, there: &BTreeSet<String>) {
        rows.routes.retain(|(k, name), _| *k != kind || there.contains(name));
    }
}

impl wire::Named {
    fn route_kind(&self) -> Option<Kind> {
        let kinds = [Kind::VirtualService, Kind::HttpRoute, Kind::Ingress];
        kinds.into_iter().find(|k| k.name() == self.kind && self.api_version.starts_with(k.group()))
    }
}

#[cfg(test)]
mod tests;
