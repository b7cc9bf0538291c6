//! From a route to addresses, as Istio and the Gateway API define it; as much of it as the shop uses.

use std::net::SocketAddr;

use kube::ResourceExt;
use kube::api::DynamicObject;
use kube::runtime::reflector::Store;
use serde_json::Value;

use super::mirror::Mirror;

/// One destination of a route.
#[derive(Debug)]
pub struct Way {
    /// Its weight as written.
    pub weight: u64,
    /// Ready endpoints behind it.
    pub endpoints: Vec<SocketAddr>,
}

/// Where plain requests to `host` go: by its VirtualService, else by its HTTPRoute, else to its Service; stable first.
pub fn ways(mirror: &Mirror, host: &str) -> Vec<Way> {
    if let Some(route) = named(&mirror.virtual_services, host) {
        // Routes that people write above the split match paths or headers; plain requests fall through to the last one.
        let last = route.data["spec"]["http"].as_array().and_then(|all| all.last()).cloned().unwrap_or_default();
        return list(&last["route"]).iter().map(|to| istio(mirror, to)).collect();
    }
    if let Some(route) = named(&mirror.http_routes, host) {
        let backends = list(&route.data["spec"]["rules"][0]["backendRefs"]);
        let way = |to: &Value| Way { weight: weight(to, 1), endpoints: endpoints(mirror, text(&to["name"]), &[]) };
        return backends.iter().map(way).collect();
    }
    vec![Way { weight: 1, endpoints: endpoints(mirror, host, &[]) }]
}

/// A destination is a Service, narrowed by the labels of a subset.
fn istio(mirror: &Mirror, to: &Value) -> Way {
    let host = text(&to["destination"]["host"]);
    let rule = named(&mirror.destination_rules, host).map(|rule| rule.data.clone()).unwrap_or_default();
    let labels = match to["destination"]["subset"].as_str() {
        None => vec![],
        Some(name) => match list(&rule["spec"]["subsets"]).iter().find(|subset| subset["name"] == name) {
            Some(subset) => pairs(&subset["labels"]),
            None => return Way { weight: weight(to, 100), endpoints: vec![] },
        },
    };
    Way { weight: weight(to, 100), endpoints: endpoints(mirror, host, &labels) }
}

/// Ready addresses of a Service whose pods carry these labels.
fn endpoints(mirror: &Mirror, service: &str, labels: &[(String, String)]) -> Vec<SocketAddr> {
    let has = |pod: &DynamicObject| labels.iter().all(|(key, value)| pod.labels().get(key) == Some(value));
    let fits =
        |endpoint: &Value| labels.is_empty() || named(&mirror.pods, text(&endpoint["targetRef"]["name"])).is_some_and(|pod| has(&pod));
    let mut found = Vec::new();
    for slice in mirror.slices.state() {
        if slice.labels().get("kubernetes.io/service-name").map(String::as_str) != Some(service) {
            continue;
        }
        let Some(port) = slice.data["ports"][0]["port"].as_u64() else { continue };
        let ready = list(&slice.data["endpoints"]).into_iter().filter(|endpoint| endpoint["conditions"]["ready"] == true && fits(endpoint));
        found.extend(ready.filter_map(|endpoint| format!("{}:{port}", text(&endpoint["addresses"][0])).parse::<SocketAddr>().ok()));
    }
    found.sort_unstable();
    found
}

fn named(store: &Store<DynamicObject>, name: &str) -> Option<std::sync::Arc<DynamicObject>> {
    store.state().into_iter().find(|object| object.name_any() == name)
}

fn weight(to: &Value, default: u64) -> u64 {
    to["weight"].as_u64().unwrap_or(default)
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn pairs(labels: &Value) -> Vec<(String, String)> {
    labels.as_object().into_iter().flatten().map(|(key, value)| (key.clone(), text(value).to_owned())).collect()
}
