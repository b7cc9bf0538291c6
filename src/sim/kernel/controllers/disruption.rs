//! Disruption budgets: how many pods may go right now.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Value, json};

use super::{Key, MANAGER, pods::is_ready};
use crate::sim::kernel::{
    World,
    object::Fields,
    resource::{DEPLOYMENT, PDB, POD, REPLICA_SET},
    selector::LabelSelector,
    store::seconds,
};

/// The budgets that cover a pod.
pub fn selecting(world: &World, pod: &Value) -> Vec<Key> {
    let budgets = world.store.list(&PDB, Some(pod.namespace()));
    budgets.filter(|budget| covers(budget, pod)).map(|budget| (budget.namespace().to_owned(), budget.name().to_owned())).collect()
}

/// An empty selector covers everything, a missing one nothing.
fn covers(budget: &Value, pod: &Value) -> bool {
    budget.pointer("/spec/selector").is_some_and(|selector| LabelSelector::from_spec(selector).matches(pod.labels()))
}

/// Writes the status of one budget.
pub fn sync(world: &mut World, namespace: &str, name: &str) {
    let Some(budget) = world.store.get(&PDB, namespace, name).cloned() else { return };
    let pods: Vec<_> = world.store.list(&POD, Some(namespace)).filter(|pod| covers(&budget, pod)).cloned().collect();
    let healthy = pods.iter().filter(|pod| is_ready(pod) && !pod.is_deleting()).count() as i64;
    let (expected, desired) = wishes(world, &budget, &pods);
    let allowed = if expected <= 0 { 0 } else { (healthy - desired).max(0) };
    let generation = budget.int("/metadata/generation").unwrap_or(0);
    let condition = condition(&budget, allowed > 0, generation, &seconds(world.now()));
    world
        .modify_status(&PDB, namespace, name, MANAGER, |budget| {
            let counts = [
                ("currentHealthy", healthy),
                ("desiredHealthy", desired),
                ("disruptionsAllowed", allowed),
                ("expectedPods", expected),
                ("observedGeneration", generation),
            ];
            for (key, value) in counts {
                budget.put(&format!("/status/{key}"), value);
            }
            budget.put("/status/conditions", json!([condition]));
        })
        .ok();
}

/// The one condition of a budget; its time is that of the last change between yes and no.
fn condition(budget: &Value, allowed: bool, generation: i64, now: &str) -> Value {
    let (status, reason) = if allowed { ("True", "SufficientPods") } else { ("False", "InsufficientPods") };
    let since = match budget.text("/status/conditions/0/status") == status {
        true => budget.text("/status/conditions/0/lastTransitionTime"),
        false => now,
    };
    json!({
        "type": "DisruptionAllowed", "status": status, "reason": reason, "message": "", "observedGeneration": generation,
        "lastTransitionTime": since,
    })
}

/// How many pods are expected, and how many of them must be healthy.
fn wishes(world: &World, budget: &Value, pods: &[Arc<Value>]) -> (i64, i64) {
    if let Some(least) = budget.int("/spec/minAvailable") {
        return (pods.len() as i64, least);
    }
    let expected = expected(world, pods);
    let share = |pointer: &str| {
        let limit = budget.pointer(pointer)?;
        let percent = || limit.as_str()?.strip_suffix('%')?.parse::<i64>().ok().map(|percent| (percent * expected + 99) / 100);
        limit.as_i64().or_else(percent)
    };
    let desired = share("/spec/minAvailable").or_else(|| share("/spec/maxUnavailable").map(|missing| (expected - missing).max(0)));
    (expected, desired.unwrap_or(0))
}

/// The sum of the sizes of the workloads that own the pods.
fn expected(world: &World, pods: &[Arc<Value>]) -> i64 {
    let mut sizes = BTreeMap::new();
    for pod in pods {
        let namespace = pod.namespace();
        let Some(set) = pod.controller().and_then(|owner| world.store.get(&REPLICA_SET, namespace, owner.text("/name"))) else { continue };
        let top = set.controller().and_then(|owner| world.store.get(&DEPLOYMENT, namespace, owner.text("/name"))).unwrap_or(set);
        sizes.insert(top.uid().to_owned(), top.int("/spec/replicas").unwrap_or(1));
    }
    sizes.values().sum()
}
