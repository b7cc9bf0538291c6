//! Where a request goes: what the routing objects say at this moment.

use serde_json::{Map, Value};

use super::super::object::Fields;
use super::super::resource::{DESTINATION_RULE, HTTP_ROUTE, SERVICE, VIRTUAL_SERVICE};
use super::super::store::Store;
use super::flow::{Class, Entry, Flow};
use super::ingress;
use super::matching::Condition;

/// One of the places to which requests of a kind go.
#[derive(Debug, Clone, PartialEq)]
pub struct Share {
    /// Relative to the sum of the weights beside it.
    pub weight: f64,
    /// The place.
    pub to: Destination,
}

/// Where a request ends up.
#[derive(Debug, Clone, PartialEq)]
pub enum Destination {
    /// The ready pods of a Service, or a part of them.
    Backend(Backend),
    /// Nowhere: the router itself answers with this status.
    Refused(u16),
}

/// Ready pods of a Service.
#[derive(Debug, Clone, PartialEq)]
pub struct Backend {
    /// The Service's namespace.
    pub namespace: String,
    /// The Service.
    pub service: String,
    /// Labels that its pods must have too: the subset of a DestinationRule.
    pub subset: Map<String, Value>,
    /// The main Ingress at which the request entered; empty for other kinds of entry.
    pub ingress: String,
    /// The Service of that Ingress, under which its controller counts also what goes to a canary.
    pub front: String,
    /// The name of the canary backend; empty when it is not one.
    pub canary: String,
}

impl Backend {
    /// All ready pods of a Service.
    #[must_use]
    pub fn service(namespace: &str, service: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            service: service.to_owned(),
            subset: Map::new(),
            ingress: String::new(),
            front: String::new(),
            canary: String::new(),
        }
    }
}

fn refused(status: u16) -> Vec<Share> {
    vec![Share { weight: 1.0, to: Destination::Refused(status) }]
}

/// Where requests of one kind go.
#[must_use]
pub fn route(store: &Store, flow: &Flow, class: &Class) -> Vec<Share> {
    let namespace = flow.namespace.as_str();
    match &flow.enters {
        Entry::Service(name) => whole(store, namespace, name),
        Entry::VirtualService(name) => match store.get(&VIRTUAL_SERVICE, namespace, name) {
            Some(object) => virtual_service(store, object, class),
            // Without the VirtualService the mesh knows the host as the Service that it is.
            None => whole(store, namespace, name),
        },
        Entry::HttpRoute(name) => match store.get(&HTTP_ROUTE, namespace, name) {
            Some(object) => http_route(store, object, class),
            None => refused(404),
        },
        Entry::Ingress(name) => ingress::route(store, namespace, name, class).unwrap_or_else(|| refused(404)),
    }
}

fn whole(store: &Store, namespace: &str, service: &str) -> Vec<Share> {
    match store.get(&SERVICE, namespace, service) {
        Some(_) => vec![Share { weight: 1.0, to: Destination::Backend(Backend::service(namespace, service)) }],
        None => refused(404),
    }
}

/// The first rule whose `match` holds; without one, 404. Weights are relative; a lone destination gets all.
fn virtual_service(store: &Store, object: &Value, class: &Class) -> Vec<Share> {
    let Some(rule) = object.items("/spec/http").iter().find(|rule| istio_matches(rule, class)) else { return refused(404) };
    let routes = rule.items("/route");
    let alone = routes.len() == 1;
    let share = |route: &Value| {
        let weight = route.get("weight").and_then(Value::as_f64).unwrap_or(0.0);
        let to = istio_destination(store, object.namespace(), route.pointer("/destination").unwrap_or(&Value::Null));
        Share { weight: if alone { 1.0 } else { weight }, to }
    };
    let shares: Vec<Share> = routes.iter().map(share).filter(|share| share.weight > 0.0).collect();
    if shares.is_empty() { refused(503) } else { shares }
}

/// Whether one of a rule's `match` entries (all conditions of it) holds; no entries match everything.
fn istio_matches(rule: &Value, class: &Class) -> bool {
    let entries = rule.items("/match");
    let holds = |entry: &Value| {
        let on = |field: &str, text: &str| entry.get(field).is_none_or(|condition| Condition::istio(condition).holds(text));
        let header =
            |(name, condition): (&String, &Value)| class.header_value(name).is_some_and(|value| Condition::istio(condition).holds(value));
        let forbidden =
            |(name, condition): (&String, &Value)| class.header_value(name).is_some_and(|value| Condition::istio(condition).holds(value));
        on("uri", &class.path)
            && on("method", &class.method)
            && entry.map("/headers").iter().all(header)
            && !entry.map("/withoutHeaders").iter().any(forbidden)
    };
    entries.is_empty() || entries.iter().any(holds)
}

/// The pods of a `destination`: its host's, narrowed to the subset that a DestinationRule of that host defines.
fn istio_destination(store: &Store, namespace: &str, destination: &Value) -> Destination {
    let Some((space, service)) = host(destination.text("/host"), namespace) else { return Destination::Refused(503) };
    if store.get(&SERVICE, space, service).is_none() {
        return Destination::Refused(503);
    }
    let mut backend = Backend::service(space, service);
    let subset = destination.text("/subset");
    if !subset.is_empty() {
        let rules =
            store.list(&DESTINATION_RULE, None).filter(|rule| host(rule.text("/spec/host"), rule.namespace()) == Some((space, service)));
        let mut subsets = rules.flat_map(|rule| rule.items("/spec/subsets"));
        match subsets.find(|entry| entry.text("/name") == subset) {
            Some(entry) => backend.subset = entry.map("/labels").clone(),
            None => return Destination::Refused(503),
        }
    }
    Destination::Backend(backend)
}

/// Namespace and name of the Service that a host means: `name`, `name.namespace` or `name.namespace.svc[.domain]`.
fn host<'a>(host: &'a str, namespace: &'a str) -> Option<(&'a str, &'a str)> {
    let mut parts = host.split('.');
    let service = parts.next().filter(|name| !name.is_empty())?;
    match (parts.next(), parts.next()) {
        (None, _) => Some((namespace, service)),
        (Some(space), None | Some("svc")) => Some((space, service)),
        _ => None,
    }
}

/// The most specific rule that matches; without one, 404. An unset weight is 1; a backend of weight 0 gets nothing, and where
/// no backend has a weight, or one does not exist, that share is answered 500.
fn http_route(store: &Store, object: &Value, class: &Class) -> Vec<Share> {
    let mut best: Option<(Specificity, &Value)> = None;
    for rule in object.items("/spec/rules") {
        let found = gateway_matches(rule, class);
        if found.is_some_and(|found| best.as_ref().is_none_or(|(known, _)| found > *known)) {
            best = found.map(|found| (found, rule));
        }
    }
    let Some((_, rule)) = best else { return refused(404) };
    let share = |reference: &Value| {
        let weight = reference.get("weight").and_then(Value::as_f64).unwrap_or(1.0);
        let space = Some(reference.text("/namespace")).filter(|space| !space.is_empty()).unwrap_or(object.namespace());
        let known = store.get(&SERVICE, space, reference.text("/name")).is_some();
        let to = if known { Destination::Backend(Backend::service(space, reference.text("/name"))) } else { Destination::Refused(500) };
        Share { weight, to }
    };
    let shares: Vec<Share> = rule.items("/backendRefs").iter().map(share).filter(|share| share.weight > 0.0).collect();
    if shares.is_empty() { refused(500) } else { shares }
}

/// Path, method and headers of a match: of several rules the one with the greatest counts.
type Specificity = (usize, bool, usize);

/// How specifically a rule matches, by its best `matches` entry; no entries match everything.
fn gateway_matches(rule: &Value, class: &Class) -> Option<Specificity> {
    let entries = rule.items("/matches");
    if entries.is_empty() {
        return Some((1, false, 0));
    }
    let specificity = |entry: &Value| {
        let path = entry.get("path").map_or(Condition::Segments("/"), |path| Condition::gateway(path, "PathPrefix"));
        let method = entry.text("/method");
        let headers = entry.items("/headers");
        let header =
            |wanted: &Value| class.header_value(wanted.text("/name")).is_some_and(|value| Condition::gateway(wanted, "Exact").holds(value));
        let holds = path.holds(&class.path) && (method.is_empty() || method == class.method) && headers.iter().all(header);
        holds.then(|| (path.weight(), !method.is_empty(), headers.len()))
    };
    entries.iter().filter_map(specificity).max()
}
