//! A Gateway API implementation's side of the talk: it accepts routes of the Gateways it serves, and says which of
//! their backends it cannot find.

use serde_json::{Value, json};

use crate::sim::kernel::{
    PartId, World,
    object::Fields,
    resource::{GATEWAY, HTTP_ROUTE, SERVICE},
    store::seconds,
};

/// The controller's name in `status.parents`.
const CONTROLLER: &str = "embedded.cutover/gateway";
/// Time until a changed route is taken over, in milliseconds.
const DELAY_MS: u64 = 300;

/// A route has changed: it is taken over a little later.
pub fn notice(world: &mut World, namespace: &str, name: &str) {
    let Some(route) = world.store.get(&HTTP_ROUTE, namespace, name) else { return };
    let generation = route.int("/metadata/generation").unwrap_or(0);
    let parents = route.items("/spec/parentRefs").len();
    let settled = route.items("/status/parents");
    let current = settled.iter().flat_map(|p| p.items("/conditions")).all(|c| c.int("/observedGeneration") == Some(generation));
    if settled.len() != parents || !current {
        let at = world.ms() + DELAY_MS;
        world.timers.at(at, PartId::Controllers, format!("route/{namespace}/{name}"));
    }
}

/// Writes `status.parents` for the route as it is now.
pub fn accept(world: &mut World, namespace: &str, name: &str) {
    let Some(route) = world.store.get(&HTTP_ROUTE, namespace, name).cloned() else { return };
    let now = seconds(world.now());
    let parents: Vec<Value> = route.items("/spec/parentRefs").iter().map(|parent| status(world, &route, parent, &now)).collect();
    world.modify_status(&HTTP_ROUTE, namespace, name, CONTROLLER, |route| route.put("/status/parents", parents)).ok();
}

fn status(world: &World, route: &Value, parent: &Value, now: &str) -> Value {
    let generation = route.int("/metadata/generation").unwrap_or(0);
    let condition = |kind: &str, reason: &str, message: &str, good: bool| {
        let known = route.items("/status/parents").iter().filter(|p| p.pointer("/parentRef") == Some(parent));
        let status = if good { "True" } else { "False" };
        let same = known.flat_map(|p| p.items("/conditions")).find(|c| c.text("/type") == kind && c.text("/status") == status);
        let since = same.map_or(now, |c| c.text("/lastTransitionTime"));
        json!({
            "type": kind, "status": status, "reason": reason, "message": message,
            "observedGeneration": generation, "lastTransitionTime": since,
        })
    };
    let place = parent.pointer("/namespace").and_then(Value::as_str).unwrap_or(route.namespace());
    let accepted = if world.exists(&GATEWAY, place, parent.text("/name")) {
        condition("Accepted", "Accepted", "Route is accepted", true)
    } else {
        condition("Accepted", "NoMatchingParent", &format!("no Gateway {place}/{}", parent.text("/name")), false)
    };
    let resolved = match missing(world, route) {
        None => condition("ResolvedRefs", "ResolvedRefs", "All references are resolved", true),
        Some(service) => condition("ResolvedRefs", "BackendNotFound", &format!("no Service {service}"), false),
    };
    json!({"parentRef": parent, "controllerName": CONTROLLER, "conditions": [accepted, resolved]})
}

/// The first backend that does not exist.
fn missing(world: &World, route: &Value) -> Option<String> {
    let backends = route.items("/spec/rules").iter().flat_map(|rule| rule.items("/backendRefs"));
    backends
        .map(|backend| {
            let namespace = backend.pointer("/namespace").and_then(Value::as_str).unwrap_or(route.namespace());
            (namespace, backend.text("/name"))
        })
        .find(|(namespace, name)| !world.exists(&SERVICE, namespace, name))
        .map(|(namespace, name)| format!("{namespace}/{name}"))
}
