//! What the gateway knows of the namespace, kept by watches.

use std::future::ready;
use std::sync::Arc;

use futures::StreamExt;
use kube::api::{Api, ApiResource, DynamicObject, Patch, PatchParams};
use kube::core::GroupVersionKind;
use kube::runtime::reflector::{self, Store};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Client, ResourceExt};
use serde_json::{Value, json};
use tokio::task::AbortHandle;

/// Copies of the objects that decide where a request goes, until it is dropped.
#[derive(Debug)]
pub struct Mirror {
    pub virtual_services: Store<DynamicObject>,
    pub destination_rules: Store<DynamicObject>,
    pub http_routes: Store<DynamicObject>,
    pub slices: Store<DynamicObject>,
    pub pods: Store<DynamicObject>,
    watches: Vec<AbortHandle>,
}

impl Mirror {
    /// Returns when each watch has given its first list.
    pub async fn start(client: Client, namespace: &str) -> Self {
        let mut watches = Vec::new();
        let mut of = |group: &str, version: &str, kind: &str| {
            let (store, watch) = follow(&client, namespace, group, version, kind);
            watches.push(watch);
            store
        };
        let virtual_services = of("networking.istio.io", "v1", "VirtualService");
        let destination_rules = of("networking.istio.io", "v1", "DestinationRule");
        let http_routes = of("gateway.networking.k8s.io", "v1", "HTTPRoute");
        let services = of("", "v1", "Service");
        let slices = of("discovery.k8s.io", "v1", "EndpointSlice");
        let pods = of("", "v1", "Pod");
        for store in [&virtual_services, &destination_rules, &http_routes, &services, &slices, &pods] {
            store.wait_until_ready().await.expect("the watch runs");
        }
        let routes = crate::harness::objects::api(&client, namespace, "gateway.networking.k8s.io", "v1", "HTTPRoute");
        watches.push(tokio::spawn(report(routes, http_routes.clone(), services)).abort_handle());
        Self { virtual_services, destination_rules, http_routes, slices, pods, watches }
    }
}

impl Drop for Mirror {
    fn drop(&mut self) {
        for watch in &self.watches {
            watch.abort();
        }
    }
}

fn follow(client: &Client, namespace: &str, group: &str, version: &str, kind: &str) -> (Store<DynamicObject>, AbortHandle) {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
    let api = Api::namespaced_with(client.clone(), namespace, &resource);
    let writer = reflector::store::Writer::new(resource);
    let store = writer.as_reader();
    let events = reflector::reflector(writer, watcher(api, watcher::Config::default()).default_backoff());
    (store, tokio::spawn(events.for_each(|_| ready(()))).abort_handle())
}

/// Says of each generation of each HTTPRoute that requests go by it, once they do; by then it stands in the copy that requests are sent by.
async fn report(api: Api<DynamicObject>, known: Store<DynamicObject>, services: Store<DynamicObject>) {
    let mut look = tokio::time::interval(std::time::Duration::from_millis(100));
    loop {
        look.tick().await;
        for route in known.state() {
            let status = json!({ "status": { "parents": parents(&route, &services) } });
            if told(&route) != route.metadata.generation {
                // When it fails it is tried again at the next look.
                let _ = api.patch_status(&route.name_any(), &PatchParams::default(), &Patch::Merge(status)).await;
            }
        }
    }
}

/// The generation that the status is about.
fn told(route: &Arc<DynamicObject>) -> Option<i64> {
    route.data["status"]["parents"][0]["conditions"][0]["observedGeneration"].as_i64()
}

fn parents(route: &DynamicObject, services: &Store<DynamicObject>) -> Vec<Value> {
    let backends = route.data["spec"]["rules"].as_array().into_iter().flatten().filter_map(|rule| rule["backendRefs"].as_array()).flatten();
    let missing =
        backends.filter_map(|backend| backend["name"].as_str()).find(|name| !services.state().iter().any(|s| s.name_any() == *name));
    let condition = |kind: &str, status: bool, reason: &str, message: String| {
        json!({ "type": kind, "status": if status { "True" } else { "False" }, "reason": reason, "message": message,
            "observedGeneration": route.metadata.generation, "lastTransitionTime": jiff::Timestamp::now().to_string() })
    };
    let resolved = match missing {
        None => condition("ResolvedRefs", true, "ResolvedRefs", String::new()),
        Some(name) => condition("ResolvedRefs", false, "BackendNotFound", format!("there is no Service {name}")),
    };
    let parents = route.data["spec"]["parentRefs"].as_array().into_iter().flatten();
    parents
        .map(|parent| {
            json!({ "parentRef": parent, "controllerName": "cutover.test/gateway",
                "conditions": [condition("Accepted", true, "Accepted", String::new()), resolved.clone()] })
        })
        .collect()
}
