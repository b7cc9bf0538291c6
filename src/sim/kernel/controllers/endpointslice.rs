//! The EndpointSlice controller: the addresses behind each Service with a selector.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Map, Value, json};

use super::{Key, MANAGER, controller_reference, pods::is_ready};
use crate::sim::kernel::{
    Feature, World,
    object::Fields,
    resource::{ENDPOINT_SLICE, NODE, POD, SERVICE},
    selector::LabelSelector,
    store::seconds,
};

/// Endpoints in one slice.
const CAPACITY: usize = 100;
/// Label: the Service a slice belongs to.
pub const SERVICE_NAME: &str = "kubernetes.io/service-name";
const MANAGED_BY: &str = "endpointslice.kubernetes.io/managed-by";
const CONTROLLER: &str = "endpointslice-controller.k8s.io";
const HEADLESS: &str = "service.kubernetes.io/headless";

/// The Services that select a pod.
pub fn selecting(world: &World, pod: &Value) -> Vec<Key> {
    let services = world.store.list(&SERVICE, Some(pod.namespace()));
    services.filter(|service| selects(service, pod)).map(|service| (service.namespace().to_owned(), service.name().to_owned())).collect()
}

fn selects(service: &Value, pod: &Value) -> bool {
    let selector = service.map("/spec/selector");
    !selector.is_empty() && service.text("/spec/type") != "ExternalName" && LabelSelector::from_map(selector).matches(pod.labels())
}

/// Brings the slices of one Service up to date.
pub fn sync(world: &mut World, namespace: &str, name: &str) {
    let Some(service) = world.store.get(&SERVICE, namespace, name).cloned() else { return };
    if service.map("/spec/selector").is_empty() || service.text("/spec/type") == "ExternalName" {
        return;
    }
    let mut wanted = endpoints(world, &service);
    let labels = labels(&service);
    let slices = slices_of(world, &service);
    if wanted.is_empty() && world.has(Feature::EmptySlices) {
        // One empty slice says "no address", which is not the same as "not looked at yet".
        wanted.insert(String::new(), Group::new(Value::Array(Vec::new())));
    }
    // Every slice keeps its own endpoints before any slice gets new ones.
    let mut kept: Vec<(Arc<Value>, String, Vec<Value>)> = Vec::new();
    for slice in slices {
        let key = key_of(slice.pointer("/ports").unwrap_or(&Value::Null));
        let list = wanted.get_mut(&key).map(|group| group.take(slice.items("/endpoints")));
        kept.push((slice, key, list.unwrap_or_default()));
    }
    for (slice, key, mut list) in kept {
        let Some(group) = wanted.get_mut(&key) else {
            world.delete(&ENDPOINT_SLICE, namespace, slice.name(), MANAGER);
            continue;
        };
        group.fill(&mut list);
        if list.is_empty() && (group.placed || !key.is_empty()) {
            world.delete(&ENDPOINT_SLICE, namespace, slice.name(), MANAGER);
        } else {
            group.placed = true;
            update(world, &slice, list, &labels);
        }
    }
    for group in wanted.into_values() {
        create(world, &service, group, &labels);
    }
}

/// Endpoints that share a set of ports, by pod.
#[derive(Debug, Clone)]
struct Group {
    ports: Value,
    endpoints: BTreeMap<String, Value>,
    /// A slice of it exists.
    placed: bool,
}

impl Group {
    fn new(ports: Value) -> Self {
        Self { ports, endpoints: BTreeMap::new(), placed: false }
    }

    /// The new state of the endpoints that a slice has, in its order; they are no longer to be placed.
    fn take(&mut self, known: &[Value]) -> Vec<Value> {
        known.iter().filter_map(|endpoint| self.endpoints.remove(endpoint.text("/targetRef/name"))).collect()
    }

    /// Places what is left where there is room.
    fn fill(&mut self, list: &mut Vec<Value>) {
        while list.len() < CAPACITY
            && let Some((_, endpoint)) = self.endpoints.pop_first()
        {
            list.push(endpoint);
        }
    }
}

fn key_of(ports: &Value) -> String {
    match ports {
        Value::Array(list) if !list.is_empty() => ports.to_string(),
        _ => String::new(),
    }
}

/// The endpoints a Service should have, by the ports they answer on.
fn endpoints(world: &World, service: &Value) -> BTreeMap<String, Group> {
    let mut groups: BTreeMap<String, Group> = BTreeMap::new();
    let unready = service.is_true("/spec/publishNotReadyAddresses");
    for pod in world.store.list(&POD, Some(service.namespace())).filter(|pod| selects(service, pod)) {
        if pod.text("/status/podIP").is_empty() || matches!(pod.text("/status/phase"), "Succeeded" | "Failed") {
            continue;
        }
        let ports = ports(world, service, pod);
        let group = groups.entry(key_of(&ports)).or_insert_with(|| Group::new(ports));
        group.endpoints.insert(pod.name().to_owned(), endpoint(world, pod, unready));
    }
    groups
}

fn endpoint(world: &World, pod: &Value, unready: bool) -> Value {
    let (serving, terminating) = (is_ready(pod), pod.is_deleting());
    let node = pod.text("/spec/nodeName");
    let mut endpoint = json!({
        "addresses": [pod.text("/status/podIP")],
        "conditions": {"ready": unready || (serving && !terminating), "serving": serving, "terminating": terminating},
        "targetRef": {"kind": "Pod", "namespace": pod.namespace(), "name": pod.name(), "uid": pod.uid()},
    });
    if !world.has(Feature::EndpointConditions) {
        endpoint.put("/conditions", json!({}));
    }
    if !node.is_empty() {
        endpoint.put("/nodeName", node);
        let zone = world.store.get(&NODE, "", node).map(|node| node.label("topology.kubernetes.io/zone").to_owned());
        if let Some(zone) = zone.filter(|zone| !zone.is_empty()) {
            endpoint.put("/zone", zone);
        }
    }
    endpoint
}

/// A Service's ports as numbers on this pod; a named port that the pod does not have is left out.
fn ports(world: &World, service: &Value, pod: &Value) -> Value {
    let ports = service.items("/spec/ports").iter().filter_map(|port| {
        let protocol = port.pointer("/protocol").and_then(Value::as_str).unwrap_or("TCP");
        let number = match port.pointer("/targetPort") {
            Some(Value::String(name)) if world.has(Feature::NamedPorts) => named_port(pod, name, protocol)?,
            Some(Value::Number(number)) => number.as_i64().filter(|n| *n != 0).or(port.int("/port"))?,
            _ => port.int("/port")?,
        };
        let mut entry = json!({"name": port.text("/name"), "port": number, "protocol": protocol});
        if let Some(protocol) = port.pointer("/appProtocol") {
            entry.put("/appProtocol", protocol.clone());
        }
        Some(entry)
    });
    Value::Array(ports.collect())
}

fn named_port(pod: &Value, name: &str, protocol: &str) -> Option<i64> {
    let containers = pod.items("/spec/containers").iter();
    let mut ports = containers.flat_map(|container| container.items("/ports"));
    let same = |port: &Value| port.pointer("/protocol").and_then(Value::as_str).unwrap_or("TCP") == protocol;
    ports.find(|port| port.text("/name") == name && same(port))?.int("/containerPort")
}

fn labels(service: &Value) -> Map<String, Value> {
    let mut labels = service.labels().clone();
    labels.remove(HEADLESS);
    if matches!(service.text("/spec/clusterIP"), "None" | "") {
        labels.insert(HEADLESS.into(), "".into());
    }
    labels.insert(SERVICE_NAME.into(), service.name().into());
    labels.insert(MANAGED_BY.into(), CONTROLLER.into());
    labels
}

fn slices_of(world: &World, service: &Value) -> Vec<Arc<Value>> {
    let owned = world.store.owned_by(service.uid()).into_iter();
    owned.filter(|(kind, slice)| **kind == ENDPOINT_SLICE && slice.label(MANAGED_BY) == CONTROLLER).map(|(_, slice)| slice).collect()
}

fn update(world: &mut World, slice: &Value, list: Vec<Value>, labels: &Map<String, Value>) {
    if slice.items("/endpoints") == list && slice.labels() == labels {
        return;
    }
    let now = seconds(world.now());
    world
        .modify(&ENDPOINT_SLICE, slice.namespace(), slice.name(), MANAGER, |slice| {
            slice.put("/endpoints", list);
            slice.put("/metadata/labels", labels.clone());
            slice.put("/metadata/annotations/endpoints.kubernetes.io~1last-change-trigger-time", now);
        })
        .ok();
}

/// New slices for what found no room; one even for nothing when there is none yet.
fn create(world: &mut World, service: &Value, mut group: Group, labels: &Map<String, Value>) {
    while !group.placed || !group.endpoints.is_empty() {
        group.placed = true;
        let mut list = Vec::new();
        group.fill(&mut list);
        let slice = json!({
            "metadata": {
                "generateName": format!("{}-", service.name()), "namespace": service.namespace(), "labels": labels,
                "annotations": {"endpoints.kubernetes.io/last-change-trigger-time": seconds(world.now())},
                "ownerReferences": [controller_reference(service)],
            },
            "addressType": "IPv4", "endpoints": list, "ports": group.ports,
        });
        if world.create(&ENDPOINT_SLICE, slice, MANAGER).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests;
