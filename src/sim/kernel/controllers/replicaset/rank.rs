//! Which pods of a ReplicaSet go first when it shrinks.

use std::{cmp::Reverse, collections::BTreeMap, sync::Arc};

use serde_json::Value;

use super::{is_ready, ready_since};
use crate::sim::kernel::object::Fields;

/// Sorts pods so that those to be deleted first come first: not assigned to a node, pending, not ready, cheap by
/// annotation, doubled up on a node, ready for a short time, often restarted, young.
pub(super) fn sort(pods: &mut [Arc<Value>]) {
    let mut together: BTreeMap<String, usize> = BTreeMap::new();
    for pod in pods.iter().filter(|pod| is_ready(pod)) {
        *together.entry(pod.text("/spec/nodeName").to_owned()).or_default() += 1;
    }
    pods.sort_by_cached_key(|pod| {
        let ready = is_ready(pod);
        let phase = match pod.text("/status/phase") {
            "Pending" | "" => 0,
            "Unknown" => 1,
            _ => 2,
        };
        let cost: i64 = pod.annotation("controller.kubernetes.io/pod-deletion-cost").parse().unwrap_or(0);
        let node = pod.text("/spec/nodeName");
        let neighbours = together.get(node).copied().unwrap_or(0);
        let restarts = pod.items("/status/containerStatuses").iter().filter_map(|c| c.int("/restartCount")).max().unwrap_or(0);
        (
            !node.is_empty(),
            phase,
            ready,
            cost,
            Reverse(neighbours),
            Reverse(ready_since(pod)),
            Reverse(restarts),
            Reverse(pod.text("/metadata/creationTimestamp").to_owned()),
            pod.uid().to_owned(),
        )
    });
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(name: &str, node: &str, phase: &str, ready: Option<&str>, restarts: i64, created: &str) -> Arc<Value> {
        let status = if ready.is_some() { "True" } else { "False" };
        Arc::new(json!({
            "metadata": {"name": name, "uid": name, "creationTimestamp": created}, "spec": {"nodeName": node},
            "status": {"phase": phase, "containerStatuses": [{"restartCount": restarts}],
                "conditions": [{"type": "Ready", "status": status, "lastTransitionTime": ready.unwrap_or("2026-01-01T00:00:00Z")}]},
        }))
    }

    #[test]
    fn the_least_useful_pod_goes_first() {
        let (old, new) = (Some("2026-01-01T00:00:00Z"), Some("2026-01-02T00:00:00Z"));
        let day = "2026-01-01T00:00:00Z";
        let mut pods = vec![
            pod("veteran", "n1", "Running", old, 0, day),
            pod("restarted", "n2", "Running", old, 4, day),
            pod("young", "n3", "Running", new, 0, day),
            pod("crowded-a", "n4", "Running", old, 0, day),
            pod("crowded-b", "n4", "Running", old, 0, day),
            pod("unready", "n5", "Running", None, 0, day),
            pod("pending", "n6", "Pending", None, 0, day),
            pod("unassigned", "", "Pending", None, 0, day),
        ];
        sort(&mut pods);
        let order: Vec<&str> = pods.iter().map(|pod| pod.name()).collect();
        assert_eq!(order, ["unassigned", "pending", "unready", "crowded-a", "crowded-b", "young", "restarted", "veteran"]);
    }
}
