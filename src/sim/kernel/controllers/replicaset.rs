//! The ReplicaSet controller: as many pods as wanted, the right ones first to go.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    Key, MANAGER, controller_reference,
    pods::{Counts, PodIndex, is_active, is_ready},
};
use crate::sim::kernel::{
    PartId, World,
    object::Fields,
    resource::{POD, REPLICA_SET},
    selector,
    store::seconds,
};

mod rank;

/// Who the events of this controller come from.
const COMPONENT: &str = "replicaset-controller";

/// When a pod that was refused is tried again, in milliseconds. (The real controller waits longer each time.)
const AGAIN: u64 = 10_000;

/// The ReplicaSets that want a pod nobody owns.
pub fn wanting(world: &World, pod: &Value) -> Vec<Key> {
    let sets = world.store.list(&REPLICA_SET, Some(pod.namespace()));
    sets.filter(|set| selector::matches_spec(set.pointer("/spec/selector"), pod.labels()))
        .map(|set| (set.namespace().to_owned(), set.name().to_owned()))
        .collect()
}

/// Brings one ReplicaSet to its size and its status up to date.
pub fn sync(world: &mut World, pods: &mut PodIndex, namespace: &str, name: &str) {
    let Some(set) = world.store.get(&REPLICA_SET, namespace, name).cloned() else { return };
    let counts = pods.counts(set.uid());
    let mut failure = None;
    if !set.is_deleting() {
        let missing = set.int("/spec/replicas").unwrap_or(1) - counts.active;
        if missing > 0 {
            failure = create(world, &set, missing).err();
            if failure.is_some() {
                let again = world.ms() + AGAIN;
                world.timers.at(again, PartId::Controllers, format!("replicaset/{namespace}/{name}"));
            }
        } else if missing < 0 {
            remove(world, &set, missing.unsigned_abs());
        }
    }
    write_status(world, &set, counts, failure.as_deref());
}

/// Takes orphans whose labels fit, lets go of own pods whose labels no longer do.
pub fn claim(world: &mut World, namespace: &str, name: &str) {
    let Some(set) = world.store.get(&REPLICA_SET, namespace, name).cloned() else { return };
    let selector = set.pointer("/spec/selector");
    let owned = world.store.owned_by(set.uid());
    let strayed = owned.iter().filter(|(_, pod)| is_active(pod) && !selector::matches_spec(selector, pod.labels()));
    let strayed: Vec<String> = strayed.map(|(_, pod)| pod.name().to_owned()).collect();
    for name in strayed {
        world
            .modify(&POD, set.namespace(), &name, MANAGER, |pod| {
                if let Some(owners) = pod.items_mut("/metadata/ownerReferences") {
                    owners.retain(|owner| owner.text("/uid") != set.uid());
                }
            })
            .ok();
    }
    if set.is_deleting() {
        return;
    }
    let orphans = world
        .store
        .list(&POD, Some(set.namespace()))
        .filter(|pod| pod.controller().is_none() && is_active(pod) && selector::matches_spec(selector, pod.labels()));
    let orphans: Vec<String> = orphans.map(|pod| pod.name().to_owned()).collect();
    for name in orphans {
        let owner = controller_reference(&set);
        world
            .modify(&POD, set.namespace(), &name, MANAGER, |pod| {
                if let Some(owners) = pod.items_mut("/metadata/ownerReferences") {
                    owners.push(owner);
                }
            })
            .ok();
    }
}

fn create(world: &mut World, set: &Value, missing: i64) -> Result<(), String> {
    for _ in 0..missing {
        match world.create(&POD, new_pod(set), MANAGER) {
            Ok(pod) => world.event(set, "Normal", "SuccessfulCreate", &format!("Created pod: {}", pod.name()), COMPONENT),
            Err(why) => {
                world.event(set, "Warning", "FailedCreate", &format!("Error creating: {why}"), COMPONENT);
                return Err(why.to_string());
            }
        }
    }
    Ok(())
}

fn new_pod(set: &Value) -> Value {
    let template = set.pointer("/spec/template").unwrap_or(&Value::Null);
    let mut metadata = json!({
        "generateName": format!("{}-", set.name()), "namespace": set.namespace(),
        "ownerReferences": [controller_reference(set)],
    });
    for key in ["labels", "annotations", "finalizers"] {
        if let Some(value) = template.pointer(&format!("/metadata/{key}")) {
            metadata.put(&format!("/{key}"), value.clone());
        }
    }
    json!({"metadata": metadata, "spec": template.pointer("/spec").cloned().unwrap_or_default(), "status": {"phase": "Pending"}})
}

fn remove(world: &mut World, set: &Value, excess: u64) {
    let mut pods: Vec<Arc<Value>> = world.store.owned_by(set.uid()).into_iter().map(|(_, pod)| pod).filter(|p| is_active(p)).collect();
    rank::sort(&mut pods);
    for pod in pods.iter().take(usize::try_from(excess).unwrap_or(usize::MAX)) {
        world.delete(&POD, set.namespace(), pod.name(), MANAGER);
        world.event(set, "Normal", "SuccessfulDelete", &format!("Deleted pod: {}", pod.name()), COMPONENT);
    }
}

fn write_status(world: &mut World, set: &Value, counts: Counts, failure: Option<&str>) {
    let available = available(world, set, counts);
    let now = seconds(world.now());
    let generation = set.int("/metadata/generation").unwrap_or(0);
    world
        .modify_status(&REPLICA_SET, set.namespace(), set.name(), MANAGER, |rs| {
            rs.put("/status/replicas", counts.active);
            let counted = [
                ("fullyLabeledReplicas", counts.labeled),
                ("readyReplicas", counts.ready),
                ("availableReplicas", available),
                ("observedGeneration", generation),
            ];
            for (key, value) in counted {
                let pointer = format!("/status/{key}");
                // Zero is left out on the wire.
                if value == 0 { drop(rs.cut(&pointer)) } else { rs.put(&pointer, value) }
            }
            rs.put("/status/terminatingReplicas", counts.terminating);
            note_failure(rs, failure, &now);
        })
        .ok();
}

fn note_failure(rs: &mut Value, failure: Option<&str>, now: &str) {
    let known = rs.items("/status/conditions").iter().any(|c| c.text("/type") == "ReplicaFailure");
    match failure {
        Some(why) if !known => {
            let condition = json!({
                "type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": why, "lastTransitionTime": now,
            });
            if let Some(conditions) = rs.items_mut("/status/conditions") {
                conditions.push(condition);
            }
        }
        None if known => drop(rs.cut("/status/conditions")),
        _ => {}
    }
}

/// Ready pods that have been so for `minReadySeconds`; the next one to become available wakes the controller.
fn available(world: &mut World, set: &Value, counts: Counts) -> i64 {
    let min_ready = set.int("/spec/minReadySeconds").unwrap_or(0);
    if min_ready == 0 || counts.ready == 0 {
        return counts.ready;
    }
    let now = world.now().as_second();
    let (mut available, mut next) = (0, None::<i64>);
    for (_, pod) in world.store.owned_by(set.uid()) {
        if !(is_active(&pod) && is_ready(&pod)) {
            continue;
        }
        let left = ready_since(&pod).unwrap_or(now) + min_ready - now;
        if left <= 0 {
            available += 1;
        } else {
            next = Some(next.map_or(left, |known| known.min(left)));
        }
    }
    if let Some(left) = next {
        let at = world.ms() + left.unsigned_abs() * 1000;
        world.timers.at(at, PartId::Controllers, format!("replicaset/{}/{}", set.namespace(), set.name()));
    }
    available
}

/// When the pod got ready, in seconds since the epoch.
fn ready_since(pod: &Value) -> Option<i64> {
    let ready = pod.items("/status/conditions").iter().find(|c| c.text("/type") == "Ready" && c.text("/status") == "True")?;
    ready.text("/lastTransitionTime").parse::<jiff::Timestamp>().ok().map(|at| at.as_second())
}

#[cfg(test)]
mod tests;
