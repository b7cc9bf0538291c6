//! Istio VirtualService: two destinations' weights in the one matching route.

use serde_json::Value;

use super::testers::{self, Rules};
use super::{identity, stamp, unfit, weight};
use crate::domain::object::ObjectRef;
use crate::domain::release::Destination;
use crate::domain::route::{Acceptance, RouteEntry, RouteFacts, RouteProblem};
use crate::domain::testers::Testers;
use crate::domain::text::SafeText;

/// Reads the two weights.
///
/// # Errors
/// When no route, or more than one, names both destinations, or a weight is no number.
pub fn facts(
    object: &ObjectRef,
    body: &Value,
    route: Option<&str>,
    (stable, candidate): (&Destination, &Destination),
    testers: Option<&Testers>,
) -> Result<RouteFacts, RouteProblem> {
    let routes = body.pointer("/spec/http").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let namespace = object.namespace.as_str();
    let place = |http: &Value, wanted: &Destination| destinations(http).iter().position(|d| is(d, wanted, namespace));
    let fitting: Vec<usize> = routes
        .iter()
        .enumerate()
        .filter(|(_, http)| route.is_none_or(|name| http.get("name").and_then(Value::as_str) == Some(name)))
        .filter(|(_, http)| place(http, stable).is_some() && place(http, candidate).is_some())
        .map(|(i, _)| i)
        .collect();
    let [index] = fitting.as_slice() else {
        return Err(unfit(object, mismatch(routes, route, stable, candidate, fitting.len())));
    };
    let http = routes.get(*index).unwrap_or(&Value::Null);
    let (Some(s), Some(c)) = (place(http, stable), place(http, candidate)) else { return Err(unfit(object, "its destinations moved")) };
    let list = http.get("route").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let at = |i: usize| weight(list.get(i).unwrap_or(&Value::Null)).map_err(|why| unfit(object, why));
    let foreign: u32 = list.iter().enumerate().filter(|(i, _)| *i != s && *i != c).filter_map(|(_, d)| weight(d).ok().flatten()).sum();
    let (uid, resource_version) = identity(body);
    let backend = list.get(c).unwrap_or(&Value::Null);
    let own = testers::standing_istio(routes, backend.get("destination").unwrap_or(&Value::Null));
    let testers = testers.map(|t| testers::istio(Rules { all: routes, weighted: *index }, backend, t));
    let mut notes: Vec<SafeText> = testers.as_ref().and_then(testers::note).into_iter().collect();
    let own = own.filter(|_| testers.is_some());
    notes.extend(header_notes(routes, *index, own, candidate, namespace));
    if foreign > 0 {
        notes.push(SafeText::from(format!("other destinations hold {foreign} of the route's weight: percentages are of the pair")));
    }
    Ok(RouteFacts {
        object: object.clone(),
        uid,
        resource_version,
        entry: RouteEntry::VirtualService {
            route: http.get("name").and_then(Value::as_str).map(str::to_owned),
            http: *index,
            stable: (s, written(list.get(s), stable)),
            candidate: (c, written(list.get(c), candidate)),
        },
        stable: at(s)?.unwrap_or(0),
        candidate: at(c)?.unwrap_or(0),
        accepted: Acceptance::Yes,
        bypass: routes.iter().enumerate().any(|(i, h)| i != *index && sends_to(h, candidate, namespace)),
        notes,
        alone: foreign == 0,
        written: (at(s)?.is_some(), at(c)?.is_some()),
        stamp: stamp(body),
        candidate_labels: Default::default(),
        testers: testers.map(Box::new),
    })
}

fn destinations(http: &Value) -> Vec<&Value> {
    let list = http.get("route").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    list.iter().map(|d| d.get("destination").unwrap_or(&Value::Null)).collect()
}

/// The destination as it stands in the object: what a write tests must be what is written there.
fn written(entry: Option<&Value>, wanted: &Destination) -> Destination {
    let host = entry.and_then(|d| d.pointer("/destination/host")).and_then(Value::as_str).unwrap_or(&wanted.host);
    Destination { host: host.to_owned(), subset: wanted.subset.clone() }
}

/// Whether a destination is the wanted one; a short host name is one in the object's namespace.
fn is(destination: &Value, wanted: &Destination, namespace: &str) -> bool {
    let host = destination.get("host").and_then(Value::as_str).unwrap_or_default();
    let subset = destination.get("subset").and_then(Value::as_str);
    same_host(host, &wanted.host, namespace) && subset == wanted.subset.as_deref()
}

/// Whether a destination may reach the wanted one's pods: where a subset is left out on one side, all of the host's.
pub(super) fn may_be(destination: &Value, wanted: &Destination, namespace: &str) -> bool {
    let host = destination.get("host").and_then(Value::as_str).unwrap_or_default();
    let subset = destination.get("subset").and_then(Value::as_str);
    let other = subset.zip(wanted.subset.as_deref()).is_some_and(|(a, b)| a != b);
    same_host(host, &wanted.host, namespace) && !other
}

/// Whether two host names mean the same Service: `web`, `web.shop`, `web.shop.svc`, `web.shop.svc.cluster.local`.
pub fn same_host(a: &str, b: &str, namespace: &str) -> bool {
    let full = |host: &str| match host.split('.').collect::<Vec<_>>().as_slice() {
        [name] => format!("{name}.{namespace}"),
        [name, ns] | [name, ns, "svc", ..] => format!("{name}.{ns}"),
        _ => host.to_owned(),
    };
    full(a) == full(b)
}

fn sends_to(http: &Value, candidate: &Destination, namespace: &str) -> bool {
    let list = http.get("route").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let lone = list.len() == 1;
    list.iter().any(|d| {
        is(d.get("destination").unwrap_or(&Value::Null), candidate, namespace) && (lone || weight(d).ok().flatten().is_some_and(|w| w > 0))
    })
}

/// What rules above the weighted one capture: their requests never reach the weights.
fn header_notes(routes: &[Value], index: usize, own: Option<usize>, candidate: &Destination, namespace: &str) -> Vec<SafeText> {
    let above = routes.iter().take(index).enumerate().filter(|(i, _)| Some(*i) != own);
    above
        .map(|(i, http)| {
            let name = http.get("name").and_then(Value::as_str).map_or_else(|| format!("rule {}", i + 1), |n| format!("rule `{n}`"));
            let keys = captures(http);
            let to = if sends_to(http, candidate, namespace) { " and sends to the candidate" } else { "" };
            SafeText::from(format!(
                "{name} above takes its requests first ({}){to}",
                if keys.is_empty() { "all".to_owned() } else { keys.join(", ") }
            ))
        })
        .collect()
}

/// `header x-canary`, `path prefix /beta`.
fn captures(http: &Value) -> Vec<String> {
    let mut keys: Vec<String> = Vec::new();
    for m in http.get("match").and_then(Value::as_array).into_iter().flatten() {
        let headers = m.get("headers").and_then(Value::as_object).into_iter().flat_map(|h| h.keys());
        keys.extend(headers.map(|h| format!("header {h}")));
        keys.extend(m.get("uri").and_then(Value::as_object).into_iter().flatten().map(|(how, path)| format!("path {how} {}", text(path))));
    }
    keys
}

/// What another object's routes take to a destination, if any does.
pub(super) fn captured(routes: &[Value], candidate: &Destination, namespace: &str) -> Option<Vec<String>> {
    let mut sending = routes.iter().filter(|http| sends_to(http, candidate, namespace)).peekable();
    sending.peek()?;
    Some(sending.flat_map(captures).collect())
}

fn mismatch(routes: &[Value], route: Option<&str>, stable: &Destination, candidate: &Destination, fitting: usize) -> String {
    if fitting > 1 {
        return format!("{fitting} routes send to both {stable} and {candidate}: name one with `route:`");
    }
    let named = route.map(|r| format!(" named `{r}`")).unwrap_or_default();
    let have: Vec<String> = routes.iter().flat_map(destinations).map(shown).collect();
    format!(
        "no http route{named} sends to both {stable} and {candidate}; it sends to: {}",
        if have.is_empty() { "nothing".to_owned() } else { have.join(", ") }
    )
}

/// A string without its quotes, anything else as JSON.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn shown(destination: &Value) -> String {
    let text = |key: &str| destination.get(key).and_then(Value::as_str);
    match (text("host"), text("subset")) {
        (Some(host), Some(subset)) => format!("{host}/{subset}"),
        (Some(host), None) => host.to_owned(),
        _ => "?".to_owned(),
    }
}
