//! How many pods each ReplicaSet has, kept up from the changes: a pod that gets ready costs the same in a set of 3 and
//! in one of 10,000.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Key, owner_of};
use crate::sim::kernel::{Change, ChangeKind, World, object::Fields, resource::REPLICA_SET, selector::LabelSelector};

/// The pods of one ReplicaSet, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Neither ended nor on their way out.
    pub active: i64,
    /// Active, with all labels of the template.
    pub labeled: i64,
    /// Active and ready.
    pub ready: i64,
    /// On their way out.
    pub terminating: i64,
}

/// What one pod adds to its owner's counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Share {
    set: String,
    counts: Counts,
}

/// The counts by ReplicaSet uid.
#[derive(Debug, Default)]
pub struct PodIndex {
    pods: BTreeMap<String, Share>,
    sets: BTreeMap<String, Counts>,
}

/// Whether the pod's `Ready` condition is true.
pub fn is_ready(pod: &Value) -> bool {
    pod.items("/status/conditions").iter().any(|c| c.text("/type") == "Ready" && c.text("/status") == "True")
}

/// Whether a ReplicaSet counts the pod among its own.
pub fn is_active(pod: &Value) -> bool {
    !pod.is_deleting() && !matches!(pod.text("/status/phase"), "Succeeded" | "Failed")
}

/// False for a change of a pod that no controller looks at, such as one more restart.
pub fn matters(change: &Change) -> bool {
    let Some(previous) = &change.previous else { return true };
    let seen = |pod: &Value| {
        let ip = pod.text("/status/podIP").to_owned();
        (is_ready(pod), is_active(pod), pod.text("/status/phase").to_owned(), ip, pod.text("/spec/nodeName").to_owned())
    };
    let metadata = ["/metadata/labels", "/metadata/ownerReferences", "/metadata/deletionTimestamp"];
    change.kind == ChangeKind::Deleted
        || seen(&change.object) != seen(previous)
        || metadata.iter().any(|p| change.object.pointer(p) != previous.pointer(p))
}

impl PodIndex {
    /// Takes a change of a pod in. Returns the ReplicaSets it concerns.
    pub fn notice(&mut self, world: &World, change: &Change) -> Vec<Key> {
        let pod = &change.object;
        let before = self.pods.remove(pod.uid()).unwrap_or_default();
        let after = if change.kind == ChangeKind::Deleted { Share::default() } else { share(world, pod) };
        self.add(&before, -1);
        self.add(&after, 1);
        if !after.set.is_empty() {
            self.pods.insert(pod.uid().to_owned(), after);
        }
        let owners = [Some(pod), change.previous.as_ref()].into_iter().flatten();
        owners.filter_map(|object| owner_of(object, "ReplicaSet")).collect()
    }

    fn add(&mut self, share: &Share, sign: i64) {
        if share.set.is_empty() {
            return;
        }
        let sum = self.sets.entry(share.set.clone()).or_default();
        sum.active += sign * share.counts.active;
        sum.labeled += sign * share.counts.labeled;
        sum.ready += sign * share.counts.ready;
        sum.terminating += sign * share.counts.terminating;
    }

    /// The pods of a ReplicaSet.
    pub fn counts(&self, uid: &str) -> Counts {
        self.sets.get(uid).copied().unwrap_or_default()
    }

    /// A ReplicaSet is gone.
    pub fn forget_set(&mut self, uid: &str) {
        self.sets.remove(uid);
    }
}

fn share(world: &World, pod: &Value) -> Share {
    let Some(owner) = pod.controller().filter(|owner| owner.text("/kind") == "ReplicaSet") else { return Share::default() };
    let set = world.store.get(&REPLICA_SET, pod.namespace(), owner.text("/name"));
    let labeled = set.is_some_and(|set| LabelSelector::from_map(set.map("/spec/template/metadata/labels")).matches(pod.labels()));
    let active = is_active(pod);
    let count = |yes: bool| i64::from(yes);
    let counts = Counts {
        active: count(active),
        labeled: count(active && labeled),
        ready: count(active && is_ready(pod)),
        terminating: count(pod.is_deleting()),
    };
    Share { set: owner.text("/uid").to_owned(), counts }
}
