//! What all parts of the kernel share.

use std::{collections::BTreeMap, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{
    Feature, Resource, Status,
    exporter::Exporters,
    logs::Logs,
    object::Fields,
    profile::Profiles,
    resource::{CONFIG_MAP, NAMESPACE, SERVICE, SERVICE_ACCOUNT},
    rng::Rng,
    store::{DeleteOptions, Stamp, Store},
    streams::Streams,
    timers::Timers,
    usage::Measured,
};

/// The shared state: virtual clock, objects, timers, logs, measurements.
#[derive(Debug)]
pub struct World {
    /// All objects.
    pub store: Store,
    /// All timers.
    pub timers: Timers,
    /// What containers have written.
    pub logs: Logs,
    /// CPU, memory and load of pods.
    pub measured: Measured,
    /// What can be scraped: written by the traffic, read by Prometheus.
    pub exporters: Exporters,
    /// How images behave.
    pub profiles: Profiles,
    /// Verbs that are denied to everybody: the access a scenario takes away.
    pub denied: Vec<Denial>,
    /// The root of all chance: fork it by purpose.
    pub rng: Rng,
    pub(super) streams: Streams,
    pub(super) events: BTreeMap<String, String>,
    start: Timestamp,
    ms: u64,
}

/// A verb that is answered 403. Empty fields match everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Denial {
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`.
    pub verb: String,
    /// API group; only compared when `resource` is set.
    pub group: String,
    /// Plural, with a subresource after a slash (`pods/log`) when one is meant.
    pub resource: String,
    /// Namespace.
    pub namespace: String,
}

impl World {
    pub(super) fn new(seed: u64, start: Timestamp) -> Self {
        let rng = Rng::new(seed);
        Self {
            store: Store::new(rng.fork("store")),
            timers: Timers::default(),
            logs: Logs::default(),
            measured: Measured { metrics_server: true, ..Measured::default() },
            exporters: Exporters::default(),
            profiles: Profiles::default(),
            denied: Vec::new(),
            rng,
            streams: Streams::default(),
            events: BTreeMap::new(),
            start,
            ms: 0,
        }
    }

    /// The objects that every cluster has.
    pub(super) fn bootstrap(&mut self) {
        for name in ["default", "kube-system", "kube-public", "kube-node-lease"] {
            self.create_namespace(name).ok();
        }
        let service = json!({
            "metadata": {"name": "kubernetes", "namespace": "default", "labels": {"component": "apiserver", "provider": "kubernetes"}},
            "spec": {"ports": [{"name": "https", "port": 443, "targetPort": 6443}]},
        });
        self.create(&SERVICE, service, "kube-apiserver").ok();
    }

    /// Creates a namespace; its default ServiceAccount follows when the kernel settles.
    ///
    /// # Errors
    /// `AlreadyExists`.
    pub fn create_namespace(&mut self, name: &str) -> Result<(), Status> {
        self.create(&NAMESPACE, json!({"metadata": {"name": name}}), "kube-apiserver").map(drop)
    }

    /// What controllers put into a new namespace.
    pub(super) fn furnish_namespace(&mut self, name: &str) {
        let account = json!({"metadata": {"name": "default", "namespace": name}});
        self.create(&SERVICE_ACCOUNT, account, "kube-controller-manager").ok();
        let roots = json!({"metadata": {"name": "kube-root-ca.crt", "namespace": name}, "data": {"ca.crt": ""}});
        self.create(&CONFIG_MAP, roots, "kube-controller-manager").ok();
    }

    /// Virtual time now.
    pub fn now(&self) -> Timestamp {
        self.at(self.ms)
    }

    /// Virtual milliseconds since the start.
    pub fn ms(&self) -> u64 {
        self.ms
    }

    /// The wall time of a virtual time.
    pub fn at(&self, ms: u64) -> Timestamp {
        let since = SignedDuration::from_millis(i64::try_from(ms).unwrap_or(i64::MAX));
        self.start.checked_add(since).unwrap_or(self.start)
    }

    pub(super) fn set_ms(&mut self, ms: u64) {
        self.ms = self.ms.max(ms);
    }

    fn stamp<'a>(&self, manager: &'a str) -> Stamp<'a> {
        Stamp::update(self.now(), manager)
    }

    /// Creates an object as `manager`.
    ///
    /// # Errors
    /// As [`Store::create`].
    pub fn create(&mut self, resource: &'static Resource, object: Value, manager: &str) -> Result<Arc<Value>, Status> {
        self.store.create(self.stamp(manager), resource, object)
    }

    /// Changes an object (not its status) as `manager`; cannot conflict.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn modify(
        &mut self,
        resource: &'static Resource,
        namespace: &str,
        name: &str,
        manager: &str,
        change: impl FnOnce(&mut Value),
    ) -> Result<Arc<Value>, Status> {
        let stored = self.store.find(resource, namespace, name)?.clone();
        let mut object = Value::clone(&stored);
        change(&mut object);
        if object == *stored {
            return Ok(stored);
        }
        self.store.update(self.stamp(manager), resource, object)
    }

    /// Changes an object's status (and a Deployment's annotations) as `manager`; other changes are not taken. Cannot conflict.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn modify_status(
        &mut self,
        resource: &'static Resource,
        namespace: &str,
        name: &str,
        manager: &str,
        change: impl FnOnce(&mut Value),
    ) -> Result<Arc<Value>, Status> {
        let stored = self.store.find(resource, namespace, name)?.clone();
        let mut object = Value::clone(&stored);
        change(&mut object);
        if object == *stored {
            return Ok(stored);
        }
        self.store.update_status(self.stamp(manager), resource, object)
    }

    /// Deletes an object in the background manner; one that is not there is deleted already.
    pub fn delete(&mut self, resource: &'static Resource, namespace: &str, name: &str, manager: &str) {
        self.delete_with(resource, namespace, name, manager, &DeleteOptions::default()).ok();
    }

    /// Deletes with options (grace 0 removes a pod at once).
    ///
    /// # Errors
    /// As [`Store::delete`].
    pub fn delete_with(
        &mut self,
        resource: &'static Resource,
        namespace: &str,
        name: &str,
        manager: &str,
        options: &DeleteOptions,
    ) -> Result<(Arc<Value>, bool), Status> {
        self.store.delete(self.stamp(manager), resource, namespace, name, options)
    }

    /// Records a core/v1 Event about an object. The same message again raises the count of the same Event. `kind` is
    /// `Normal` or `Warning`, `component` who reports.
    pub fn event(&mut self, about: &Value, kind: &str, reason: &str, message: &str, component: &str) {
        if self.has(Feature::Events) {
            super::recorder::record(self, about, kind, reason, message, component);
        }
    }
}

impl World {
    /// Whether the cluster has a feature.
    pub fn has(&self, feature: Feature) -> bool {
        self.store.features.has(feature)
    }

    /// True when an object of this kind and place exists.
    pub fn exists(&self, resource: &Resource, namespace: &str, name: &str) -> bool {
        self.store.get(resource, namespace, name).is_some()
    }

    /// The namespaces, by name.
    pub fn namespaces(&self) -> Vec<String> {
        self.store.list(&NAMESPACE, None).map(|ns| ns.name().to_owned()).collect()
    }
}
