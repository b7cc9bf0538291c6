//! Other objects of a route's kind, in its namespace: which of them send to the candidate, and what they capture.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{gateway, istio, nginx};
use crate::domain::object::Kind;
use crate::domain::release::{Component, Router};
use crate::domain::text::SafeText;

/// A route as it is listed, without what nobody asks for.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Neighbour {
    metadata: Meta,
    spec: Value,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
struct Meta {
    name: String,
    annotations: Option<Map<String, Value>>,
}

/// The kind of which another object may send to a component's candidate. A Service's selector and the replica ratio have none:
/// whatever sends to a Service of the candidate alone is for testers, and holds nothing up.
pub fn kind(component: &Component) -> Option<Kind> {
    match component.router {
        Router::Istio { .. } => Some(Kind::VirtualService),
        Router::Gateway { .. } => Some(Kind::HttpRoute),
        Router::Nginx { .. } => Some(Kind::Ingress),
        Router::Service { .. } | Router::Replicas { .. } | Router::None => None,
    }
}

/// Those that send to the candidate: `HTTPRoute web-testers (header x-canary: always)`.
pub fn senders(component: &Component, namespace: &str, all: &[Neighbour]) -> Vec<SafeText> {
    let Some(kind) = kind(component) else { return Vec::new() };
    let of = |neighbour: &Neighbour| {
        let captured = captured(component, namespace, neighbour)?;
        let of = if captured.is_empty() { String::new() } else { format!(" ({})", captured.join(", ")) };
        Some(SafeText::from(format!("{kind} {}{of}", neighbour.metadata.name)))
    };
    all.iter().filter_map(of).collect()
}

/// What another object takes to the candidate; `None` if it is the route itself, or takes nothing there.
fn captured(component: &Component, namespace: &str, neighbour: &Neighbour) -> Option<Vec<String>> {
    let Neighbour { metadata, spec } = neighbour;
    let rules = |key: &str| spec.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let (own, captured) = match &component.router {
        Router::Istio { virtual_service, candidate, .. } => (virtual_service, istio::captured(rules("http"), candidate, namespace)),
        Router::Gateway { http_route, candidate, .. } => (http_route, gateway::captured(rules("rules"), candidate, namespace)),
        Router::Nginx { ingress, prefix, candidate, .. } => {
            (ingress, nginx::captured(metadata.annotations.as_ref(), spec, prefix, candidate))
        }
        Router::Service { .. } | Router::Replicas { .. } | Router::None => return None,
    };
    captured.filter(|_| *own != metadata.name)
}
