//! A small cluster for the tests of what acts: nodes, Deployments, virtual time.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    Kernel, Resource,
    object::Fields,
    profile::Profile,
    resource::{DEPLOYMENT, EVENT, NODE, POD, REPLICA_SET, of_kind},
};
use crate::sim::scenario::Nodes;

/// The namespace of everything on the bench.
pub const NS: &str = "shop";

/// A kernel with a namespace, and nodes if asked for.
pub struct Bench {
    /// The cluster.
    pub kernel: Kernel,
}

impl Bench {
    /// Without nodes: pods are created and stay as the test makes them.
    pub fn bare() -> Self {
        let mut kernel = Kernel::new(7, Timestamp::from_second(1_772_000_000).unwrap());
        kernel.world.create_namespace(NS).unwrap();
        kernel.start();
        Self { kernel }
    }

    /// With three nodes: pods run.
    pub fn with_nodes() -> Self {
        let mut bench = Self::bare();
        for node in Nodes::default().objects("2026-02-25T06:13:20Z") {
            bench.kernel.world.create(&NODE, node, "kubelet").unwrap();
        }
        bench
    }

    /// Creates an object, in the bench's namespace unless it has another.
    pub fn create(&mut self, mut object: Value) -> &mut Self {
        let resource = of_kind(object.text("/apiVersion"), object.text("/kind")).unwrap();
        if resource.namespaced {
            object.put_default("/metadata/namespace", NS);
        }
        self.kernel.world.create(resource, object, "test").unwrap();
        self.kernel.settle();
        self
    }

    /// Changes an object by a merge patch.
    pub fn patch(&mut self, resource: &'static Resource, name: &str, patch: Value) -> &mut Self {
        self.kernel.world.modify(resource, NS, name, "test", |object| json_patch::merge(object, &patch)).unwrap();
        self.kernel.settle();
        self
    }

    /// A Deployment of one container that has a readiness probe every second.
    pub fn deploy(&mut self, name: &str, replicas: i64, image: &str) -> &mut Self {
        self.create(json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "labels": {"app": name}},
            "spec": {
                "replicas": replicas, "selector": {"matchLabels": {"app": name}},
                "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
                "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{
                    "name": "app", "image": image, "ports": [{"name": "http", "containerPort": 8080}],
                    "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}},
                    "readinessProbe": {"httpGet": {"path": "/ready", "port": "http"}, "periodSeconds": 1},
                }]}},
            },
        }))
    }

    /// Sets the image of a Deployment's container.
    pub fn image(&mut self, name: &str, image: &str) -> &mut Self {
        self.kernel.world.modify(&DEPLOYMENT, NS, name, "test", |d| d.put("/spec/template/spec/containers/0/image", image)).unwrap();
        self.kernel.settle();
        self
    }

    /// How an image behaves.
    pub fn behave(&mut self, image: &str, profile: Profile) -> &mut Self {
        self.kernel.world.profiles.set(image, profile);
        self
    }

    /// Lets seconds pass.
    pub fn pass(&mut self, seconds: u64) -> &mut Self {
        self.kernel.advance(self.kernel.ms() + seconds * 1000);
        self
    }

    /// One object.
    pub fn get(&self, resource: &Resource, name: &str) -> Arc<Value> {
        self.kernel.world.store.find(resource, NS, name).unwrap().clone()
    }

    /// All objects of a kind.
    pub fn list(&self, resource: &Resource) -> Vec<Arc<Value>> {
        self.kernel.world.store.list(resource, Some(NS)).cloned().collect()
    }

    /// A Deployment.
    pub fn deployment(&self, name: &str) -> Arc<Value> {
        self.get(&DEPLOYMENT, name)
    }

    /// A Deployment's ReplicaSets by revision.
    pub fn sets(&self) -> Vec<Arc<Value>> {
        let mut sets = self.list(&REPLICA_SET);
        sets.sort_by_key(|rs| rs.annotation("deployment.kubernetes.io/revision").parse::<i64>().unwrap_or(0));
        sets
    }

    /// Size and ready pods of the ReplicaSets by revision.
    pub fn sizes(&self) -> Vec<(i64, i64)> {
        self.sets().iter().map(|rs| (rs.int("/spec/replicas").unwrap(), rs.int("/status/readyReplicas").unwrap_or(0))).collect()
    }

    /// Marks pods ready (or not) as a kubelet would; for a bench without nodes.
    pub fn set_ready(&mut self, names: &[&str], ready: bool) -> &mut Self {
        let now = super::store::seconds(self.kernel.now());
        for name in names {
            self.kernel
                .world
                .modify_status(&POD, NS, name, "test", |pod| {
                    let status = if ready { "True" } else { "False" };
                    pod.put("/status/phase", "Running");
                    pod.put("/status/podIP", "10.0.0.9");
                    pod.put("/status/conditions", json!([{"type": "Ready", "status": status, "lastTransitionTime": now}]));
                })
                .unwrap();
        }
        self.kernel.settle();
        self
    }

    /// Marks all pods ready.
    pub fn all_ready(&mut self) -> &mut Self {
        let names: Vec<String> = self.list(&POD).iter().map(|pod| pod.name().to_owned()).collect();
        self.set_ready(&names.iter().map(String::as_str).collect::<Vec<_>>(), true)
    }

    /// `reason: message` of all Events about objects of a kind, with how often.
    pub fn events(&self, kind: &str) -> Vec<(String, i64)> {
        let events = self.list(&EVENT);
        let about = events.iter().filter(|event| event.text("/involvedObject/kind") == kind);
        about.map(|e| (format!("{}: {}", e.text("/reason"), e.text("/message")), e.int("/count").unwrap_or(1))).collect()
    }

    /// Whether there is an Event about an object of a kind whose `reason: message` begins so.
    pub fn told(&self, kind: &str, begin: &str) -> bool {
        self.events(kind).iter().any(|(text, _)| text.starts_with(begin))
    }

    /// Status and reason of a condition.
    pub fn condition(&self, object: &Value, kind: &str) -> (String, String) {
        let condition = object.items("/status/conditions").iter().find(|c| c.text("/type") == kind);
        condition.map(|c| (c.text("/status").to_owned(), c.text("/reason").to_owned())).unwrap_or_default()
    }
}
