//! metrics.k8s.io over what the kubelet measured.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{list::Selectors, route::MetricsTarget};
use crate::sim::kernel::{
    Method, Request, Response, Status, World,
    object::Fields,
    resource::{NODE, POD, Resource},
    selector::LabelSelector,
    store::seconds,
    usage::Usage,
};

/// The names that error texts use.
static POD_METRICS: Resource = Resource { group: "metrics.k8s.io", kind: "PodMetrics", ..metrics_kind("pods", true) };
static NODE_METRICS: Resource = Resource { group: "metrics.k8s.io", kind: "NodeMetrics", ..metrics_kind("nodes", false) };

const fn metrics_kind(plural: &'static str, namespaced: bool) -> Resource {
    Resource { plural, namespaced, ..crate::sim::kernel::resource::served(&[("metrics.k8s.io", "v1beta1")]) }
}

/// Answers `pods` and `nodes`.
///
/// # Errors
/// `NotFound` without a metrics server or for what was not measured.
pub fn handle(world: &World, request: &Request, target: &MetricsTarget) -> Result<Response, Status> {
    if request.method != Method::Get {
        return Err(Status::method_not_allowed());
    }
    if !world.measured.metrics_server {
        return Err(Status::no_such_path());
    }
    let labels = LabelSelector::parse(request.param("labelSelector").unwrap_or_default()).map_err(Status::bad_request)?;
    let selectors = Selectors { labels, ..Selectors::default() };
    let (resource, all) = if target.nodes { (&NODE_METRICS, nodes(world)) } else { (&POD_METRICS, pods(world)) };
    let here = |item: &Value| target.namespace.as_deref().is_none_or(|wanted| wanted == item.namespace()) && selectors.matches(item);
    if let Some(name) = &target.name {
        let found = all.into_iter().find(|item| item.name() == name && here(item));
        return found.map(|item| Response::json(200, &item)).ok_or_else(|| Status::not_found(resource, name));
    }
    let items: Vec<Value> = all.into_iter().filter(here).collect();
    let list = json!({"kind": format!("{}List", resource.kind), "apiVersion": "metrics.k8s.io/v1beta1", "metadata": {}, "items": items});
    Ok(Response::json(200, &list))
}

fn pods(world: &World) -> Vec<Value> {
    let measured = world.measured.pods.iter().filter_map(|((namespace, name), usage)| {
        let pod = world.store.get(&POD, namespace, name)?;
        let containers = usage.containers.iter().map(|(name, used)| json!({"name": name, "usage": quantities(used)}));
        let mut item = head("PodMetrics", pod, usage.at);
        item.put("/metadata/namespace", namespace.clone());
        item.put("/containers", containers.collect::<Vec<_>>());
        Some(item)
    });
    measured.collect()
}

/// A node uses what its pods use, and something for itself: also one without a pod, once anything was measured.
fn nodes(world: &World) -> Vec<Value> {
    let Some(at) = world.measured.at else { return Vec::new() };
    let mut sums: BTreeMap<&str, Usage> = BTreeMap::new();
    for ((namespace, name), usage) in &world.measured.pods {
        let Some(pod) = world.store.get(&POD, namespace, name) else { continue };
        let sum = sums.entry(pod.text("/spec/nodeName")).or_insert(Usage { cpu_milli: 0, memory: 0 });
        for used in usage.containers.values() {
            sum.cpu_milli += used.cpu_milli;
            sum.memory += used.memory;
        }
    }
    let measured = world.store.list(&NODE, None).map(|node| {
        let pods = sums.get(node.name());
        let own = Usage { cpu_milli: 120 + pods.map_or(0, |p| p.cpu_milli), memory: (900 << 20) + pods.map_or(0, |p| p.memory) };
        let mut item = head("NodeMetrics", node, at);
        item.put("/usage", quantities(&own));
        item
    });
    measured.collect()
}

fn head(kind: &str, object: &Value, at: Timestamp) -> Value {
    json!({
        "kind": kind, "apiVersion": "metrics.k8s.io/v1beta1",
        "metadata": {"name": object.name(), "creationTimestamp": seconds(at), "labels": object.labels()},
        "timestamp": seconds(at), "window": "15s",
    })
}

fn quantities(usage: &Usage) -> Value {
    json!({"cpu": format!("{}n", usage.cpu_milli * 1_000_000), "memory": format!("{}Ki", usage.memory >> 10)})
}
