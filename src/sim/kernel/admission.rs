//! What the server adds on its own account: nobody owns these fields.

use serde_json::{Value, json};

use super::{
    Resource,
    object::Fields,
    resource::{DAEMON_SET, HPA, INGRESS, NAMESPACE, PDB, POD, REPLICA_SET, SERVICE, STATEFUL_SET},
};

/// Adds it. Doing it twice changes nothing.
pub fn apply(resource: &Resource, object: &mut Value) {
    if *resource == NAMESPACE {
        if !object.is_deleting() {
            object.put_default("/spec/finalizers", json!(["kubernetes"]));
            object.put_default("/status/phase", "Active");
        }
    } else if *resource == POD {
        pod(object);
    } else if *resource == SERVICE && object.text("/spec/type") != "ExternalName" {
        object.put_default("/spec/ipFamilies", json!(["IPv4"]));
        object.put_default("/spec/ipFamilyPolicy", "SingleStack");
    }
    if resource.status && !resource.custom {
        status(resource, object);
    }
}

fn pod(object: &mut Value) {
    if let Some(spec) = object.pointer_mut("/spec") {
        spec.put_default("/preemptionPolicy", "PreemptLowerPriority");
        spec.put_default("/priority", 0);
        spec.put_default("/serviceAccountName", "default");
        spec.put_default("/serviceAccount", "default");
        let tolerations = ["not-ready", "unreachable"].map(|taint| {
            json!({"key": format!("node.kubernetes.io/{taint}"), "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300})
        });
        spec.put_default("/tolerations", tolerations.to_vec());
    }
    object.put_default("/status/phase", "Pending");
    let class = quality(object);
    object.put_default("/status/qosClass", class);
}

/// The fields of a status that the server always writes.
fn status(resource: &Resource, object: &mut Value) {
    object.put_default("/status", json!({}));
    let zero: &[&str] = if [&REPLICA_SET, &STATEFUL_SET].contains(&resource) {
        &["replicas"]
    } else if *resource == DAEMON_SET {
        &["currentNumberScheduled", "desiredNumberScheduled", "numberMisscheduled", "numberReady"]
    } else if *resource == HPA {
        &["desiredReplicas"]
    } else if *resource == PDB {
        &["currentHealthy", "desiredHealthy", "disruptionsAllowed", "expectedPods"]
    } else {
        &[]
    };
    for name in zero {
        object.put_default(&format!("/status/{name}"), 0);
    }
    if [&SERVICE, &INGRESS].contains(&resource) {
        object.put_default("/status/loadBalancer", json!({}));
    }
}

/// `qosClass`: guaranteed when every container's limits equal its requests, best effort when there are none.
fn quality(pod: &Value) -> &'static str {
    let containers = || pod.items("/spec/containers").iter();
    let has_any = |c: &Value| !c.map("/resources/limits").is_empty() || !c.map("/resources/requests").is_empty();
    let is_fixed = |c: &Value| {
        let (limits, requests) = (c.map("/resources/limits"), c.map("/resources/requests"));
        ["cpu", "memory"]
            .into_iter()
            .all(|name| limits.contains_key(name) && requests.get(name).is_none_or(|r| limits.get(name) == Some(r)))
    };
    if !containers().any(has_any) {
        "BestEffort"
    } else if containers().all(is_fixed) {
        "Guaranteed"
    } else {
        "Burstable"
    }
}
