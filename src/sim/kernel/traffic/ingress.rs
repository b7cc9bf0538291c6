//! Ingresses as ingress-nginx reads them: a main one, and a canary one beside it.

use serde_json::Value;

use super::super::object::Fields;
use super::super::resource::{INGRESS, SERVICE};
use super::super::store::Store;
use super::flow::Class;
use super::matching::Condition;
use super::route::{Backend, Destination, Share};

/// Where requests go that enter at an Ingress; `None` when it does not exist or no path matches.
#[must_use]
pub fn route(store: &Store, namespace: &str, name: &str, class: &Class) -> Option<Vec<Share>> {
    let main = store.get(&INGRESS, namespace, name)?;
    let (host, path) = rule(main, class)?;
    let front = (name, path.text("/backend/service/name"));
    let stable = backend(store, main, path, front, String::new());
    let candidates = store.list(&INGRESS, Some(namespace)).filter(|other| annotation(other, "canary") == "true");
    let canary = candidates.filter_map(|other| {
        let (other_host, other_path) = rule(other, class)?;
        (other_host == host).then(|| (other, backend(store, other, other_path, front, canary_name(other, other_path))))
    });
    let Some((object, canary)) = canary.into_iter().next() else {
        return Some(vec![Share { weight: 1.0, to: stable }]);
    };
    let share = canary_share(object, class);
    // Both, also where one gets nothing: the controller's counters are told apart by their places.
    Some(vec![Share { weight: 1.0 - share, to: stable }, Share { weight: share, to: canary }])
}

/// The share of requests of this kind that goes to the canary: its header decides if the request has it, else its cookie,
/// else its weight.
fn canary_share(canary: &Value, class: &Class) -> f64 {
    let header = annotation(canary, "canary-by-header");
    let wanted = annotation(canary, "canary-by-header-value");
    if let Some(value) = class.header_value(header).filter(|_| !header.is_empty()) {
        match (wanted.is_empty(), value) {
            (true, "always") => return 1.0,
            (true, "never") => return 0.0,
            (false, value) if value == wanted => return 1.0,
            _ => {}
        }
    }
    match class.cookie(annotation(canary, "canary-by-cookie")) {
        Some("always") => return 1.0,
        Some("never") => return 0.0,
        _ => {}
    }
    let number = |name: &str| annotation(canary, name).parse::<f64>().ok();
    let total = number("canary-weight-total").filter(|total| *total > 0.0).unwrap_or(100.0);
    (number("canary-weight").unwrap_or(0.0) / total).clamp(0.0, 1.0)
}

/// An annotation by the part after its prefix: controllers differ in that (`nginx.ingress.kubernetes.io/canary-weight`).
fn annotation<'a>(object: &'a Value, name: &str) -> &'a str {
    let all = object.map("/metadata/annotations");
    let found = all.iter().find(|(key, _)| key.rsplit_once('/').is_some_and(|(_, rest)| rest == name));
    found.and_then(|(_, value)| value.as_str()).unwrap_or_default()
}

/// The host and the longest path of an Ingress that cover a request.
fn rule<'a>(object: &'a Value, class: &Class) -> Option<(&'a str, &'a Value)> {
    let rules = object.items("/spec/rules").iter();
    let paths = rules.flat_map(|rule| rule.items("/http/paths").iter().map(move |path| (rule.text("/host"), path)));
    let matching = paths.filter(|(_, path)| Condition::ingress(path).holds(&class.path));
    matching.max_by_key(|(_, path)| Condition::ingress(path).weight())
}

/// The backend of a path, counted under the main Ingress and its Service (`front`).
fn backend(store: &Store, object: &Value, path: &Value, front: (&str, &str), canary: String) -> Destination {
    let service = path.text("/backend/service/name");
    if store.get(&SERVICE, object.namespace(), service).is_none() {
        return Destination::Refused(503);
    }
    Destination::Backend(Backend {
        ingress: front.0.to_owned(),
        front: front.1.to_owned(),
        canary,
        ..Backend::service(object.namespace(), service)
    })
}

/// The name that the controller gives a canary's backend: `namespace-service-port`.
fn canary_name(object: &Value, path: &Value) -> String {
    let port = path.pointer("/backend/service/port").unwrap_or(&Value::Null);
    let port = port.int("/number").map_or_else(|| port.text("/name").to_owned(), |number| number.to_string());
    format!("{}-{}-{port}", object.namespace(), path.text("/backend/service/name"))
}
