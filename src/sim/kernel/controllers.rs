//! The controllers: Deployment, Argo Rollout, ReplicaSet, EndpointSlice, HPA, disruption budgets, quotas, gateways.
//!
//! Each change puts the objects it concerns into a queue; each pass works the queues off, pods' owners first. What a
//! controller writes comes back as a change in the next pass, so all of them come to rest within one virtual instant.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{
    Change, ChangeKind, Feature, Part, World,
    object::Fields,
    quota,
    resource::{DEPLOYMENT, HPA, HTTP_ROUTE, PDB, POD, REPLICA_SET, RESOURCE_QUOTA, ROLLOUT, SERVICE},
};

pub mod deployment;
mod disruption;
pub mod endpointslice;
mod gateway;
pub mod hpa;
mod pods;
pub mod replicaset;
mod rollout;

/// The field manager of all controllers.
const MANAGER: &str = "kube-controller-manager";

/// Namespace and name.
type Key = (String, String);

/// All controllers of the kernel.
#[derive(Debug, Default)]
pub struct Controllers {
    pods: pods::PodIndex,
    hpa: hpa::Autoscalers,
    queue: Queue,
}

/// What has to be looked at.
#[derive(Debug, Default)]
struct Queue {
    deployments: BTreeSet<Key>,
    rollouts: BTreeSet<Key>,
    replica_sets: BTreeSet<Key>,
    claims: BTreeSet<Key>,
    services: BTreeSet<Key>,
    budgets: BTreeSet<Key>,
    routes: BTreeSet<Key>,
    /// Namespaces whose quotas are to be counted.
    quotas: BTreeSet<String>,
}

impl Part for Controllers {
    fn start(&mut self, world: &mut World) {
        for resource in [&POD, &REPLICA_SET, &DEPLOYMENT, &ROLLOUT, &SERVICE, &PDB, &RESOURCE_QUOTA, &HTTP_ROUTE, &HPA] {
            let objects: Vec<_> = world.store.list(resource, None).cloned().collect();
            for object in objects {
                let change = Change { revision: object.revision(), resource, kind: ChangeKind::Added, object, previous: None };
                self.notice(world, &change);
            }
        }
        self.work(world);
    }

    fn reconcile(&mut self, world: &mut World, changes: &[Change]) {
        for change in changes {
            self.notice(world, change);
        }
        self.work(world);
    }

    fn wake(&mut self, world: &mut World, timer: &str) {
        let mut parts = timer.splitn(3, '/');
        let (Some(kind), Some(namespace), Some(name)) = (parts.next(), parts.next(), parts.next()) else { return };
        let key = (namespace.to_owned(), name.to_owned());
        match kind {
            "deployment" => drop(self.queue.deployments.insert(key)),
            "rollout" => drop(self.queue.rollouts.insert(key)),
            "replicaset" => drop(self.queue.replica_sets.insert(key)),
            "hpa" => self.hpa.sync(world, namespace, name),
            "route" => gateway::accept(world, namespace, name),
            _ => {}
        }
        self.work(world);
    }
}

impl Controllers {
    /// Queues everything that a change concerns.
    fn notice(&mut self, world: &mut World, change: &Change) {
        let key = || (change.object.namespace().to_owned(), change.object.name().to_owned());
        let resource = change.resource;
        if *resource == POD {
            self.notice_pod(world, change);
        } else if *resource == REPLICA_SET {
            self.queue.replica_sets.insert(key());
            if change.kind == ChangeKind::Added {
                self.queue.claims.insert(key());
            }
            if let Some(owner) = owner_of(&change.object, "Deployment") {
                self.queue.deployments.insert(owner);
            }
            if let Some(owner) = owner_of(&change.object, "Rollout") {
                self.queue.rollouts.insert(owner);
            }
            if change.kind == ChangeKind::Deleted {
                self.pods.forget_set(change.object.uid());
            }
        } else if *resource == DEPLOYMENT {
            self.queue.deployments.insert(key());
        } else if *resource == ROLLOUT {
            self.queue.rollouts.insert(key());
        } else if *resource == SERVICE && (change.kind == ChangeKind::Added || world.has(Feature::EndpointsFollow)) {
            self.queue.services.insert(key());
        } else if *resource == PDB {
            self.queue.budgets.insert(key());
        } else if *resource == RESOURCE_QUOTA {
            self.queue.quotas.insert(key().0);
        } else if *resource == HTTP_ROUTE && change.kind != ChangeKind::Deleted {
            self.queue.routes.insert(key());
        } else if *resource == HPA {
            self.hpa.notice(world, change);
        }
    }

    fn notice_pod(&mut self, world: &mut World, change: &Change) {
        let pod = &change.object;
        if !pods::matters(change) {
            return;
        }
        self.queue.quotas.insert(pod.namespace().to_owned());
        let owners = self.pods.notice(world, change);
        let relabeled = change.previous.as_ref().is_some_and(|previous| previous.labels() != pod.labels());
        if relabeled {
            self.queue.claims.extend(owners.clone());
        }
        self.queue.replica_sets.extend(owners);
        if pod.controller().is_none() && change.kind != ChangeKind::Deleted {
            self.queue.claims.extend(replicaset::wanting(world, pod));
        }
        let labels = [Some(pod), change.previous.as_ref()];
        for object in labels.into_iter().flatten() {
            self.queue.services.extend(endpointslice::selecting(world, object));
            self.queue.budgets.extend(disruption::selecting(world, object));
        }
    }

    fn work(&mut self, world: &mut World) {
        let queue = std::mem::take(&mut self.queue);
        for (namespace, name) in queue.claims {
            replicaset::claim(world, &namespace, &name);
        }
        for (namespace, name) in queue.replica_sets {
            replicaset::sync(world, &mut self.pods, &namespace, &name);
        }
        for (namespace, name) in queue.deployments {
            deployment::sync(world, &namespace, &name);
        }
        for (namespace, name) in queue.rollouts {
            rollout::sync(world, &namespace, &name);
        }
        for (namespace, name) in queue.services {
            endpointslice::sync(world, &namespace, &name);
        }
        for (namespace, name) in queue.budgets {
            disruption::sync(world, &namespace, &name);
        }
        for namespace in queue.quotas {
            quota::sync(world, &namespace);
        }
        for (namespace, name) in queue.routes {
            gateway::notice(world, &namespace, &name);
        }
    }
}

/// The controlling owner of a kind, as namespace and name.
fn owner_of(object: &Value, kind: &str) -> Option<Key> {
    let owner = object.controller().filter(|owner| owner.text("/kind") == kind)?;
    Some((object.namespace().to_owned(), owner.text("/name").to_owned()))
}

/// An owner reference that says "I control it".
fn controller_reference(owner: &Value) -> Value {
    json!({
        "apiVersion": owner.text("/apiVersion"), "kind": owner.text("/kind"), "name": owner.name(), "uid": owner.uid(),
        "controller": true, "blockOwnerDeletion": true,
    })
}
