//! Routers, the reading side: where in an object the two sides of a component stand, and what they get.
//!
//! Pure functions from an object's JSON to [`RouteFacts`]; what is written is in [`crate::domain::patch`].

pub mod beside;
pub mod gateway;
pub mod istio;
pub mod nginx;
pub mod service;
mod testers;

use serde_json::Value;

use crate::domain::action::STAMP;
use crate::domain::object::{Kind, ObjectRef};
use crate::domain::observed::Workload;
use crate::domain::release::{Component, Router};
use crate::domain::route::{Acceptance, RouteEntry, RouteFacts, RouteProblem};
use crate::domain::text::SafeText;

/// The object that holds a component's route, if one does.
pub fn object(component: &Component, namespace: &str) -> Option<ObjectRef> {
    let (kind, name) = match &component.router {
        Router::Istio { virtual_service, .. } => (Kind::VirtualService, virtual_service),
        Router::Gateway { http_route, .. } => (Kind::HttpRoute, http_route),
        Router::Nginx { ingress, .. } => (Kind::Ingress, ingress),
        Router::Service { service, .. } => (Kind::Service, service),
        Router::Replicas { .. } | Router::None => return None,
    };
    Some(ObjectRef::new(kind, namespace, name.clone()))
}

/// Reads a component's route off its object.
///
/// # Errors
/// [`RouteProblem::Unfit`] with what is wrong and what would be right.
pub fn facts(component: &Component, object: &ObjectRef, body: &Value) -> Result<RouteFacts, RouteProblem> {
    fitting(component, object, body).map_err(|problem| match problem {
        RouteProblem::Unfit { object, why, .. } => {
            let sends = names_candidate(&component.router, &object.namespace, body);
            RouteProblem::Unfit { object, why, sends }
        }
        other => other,
    })
}

/// Whether an object that does not fit may send something to the candidate: it, or (for a Service without the key) both sides
/// at once, are named somewhere in it.
fn names_candidate(router: &Router, namespace: &str, body: &Value) -> bool {
    let spec = body.get("spec").unwrap_or(&Value::Null);
    match router {
        Router::Istio { candidate, .. } => anywhere(spec, &|entry| istio::may_be(entry, candidate, namespace)),
        Router::Gateway { candidate, .. } => {
            spec.get("rules").is_some_and(|rules| anywhere(rules, &|entry| gateway::is(entry, candidate, namespace)))
        }
        Router::Nginx { candidate, .. } => anywhere(spec, &|entry| entry.get("name").and_then(Value::as_str) == Some(candidate)),
        Router::Service { key, candidate, .. } => {
            let current = spec.pointer("/selector").and_then(|s| s.get(key)).and_then(Value::as_str);
            current.is_none_or(|current| current == candidate)
        }
        Router::Replicas { .. } | Router::None => false,
    }
}

/// Whether something in a tree is what is looked for.
fn anywhere(tree: &Value, wanted: &dyn Fn(&Value) -> bool) -> bool {
    wanted(tree)
        || match tree {
            Value::Array(items) => items.iter().any(|item| anywhere(item, wanted)),
            Value::Object(entries) => entries.values().any(|entry| anywhere(entry, wanted)),
            _ => false,
        }
}

fn fitting(component: &Component, object: &ObjectRef, body: &Value) -> Result<RouteFacts, RouteProblem> {
    let testers = component.testers.as_ref();
    match &component.router {
        Router::Istio { route, stable, candidate, .. } => istio::facts(object, body, route.as_deref(), (stable, candidate), testers),
        Router::Gateway { rule, stable, candidate, .. } => gateway::facts(object, body, rule.as_deref(), (stable, candidate), testers),
        Router::Nginx { prefix, candidate, .. } => nginx::facts(object, body, prefix, candidate, testers),
        Router::Service { key, stable, candidate, .. } => service::facts(object, body, key, stable, candidate),
        Router::Replicas { .. } | Router::None => Err(RouteProblem::None),
    }
}

/// The replica ratio: the two Deployments are the route.
pub fn ratio(namespace: &str, stable: &Workload, candidate: &Workload) -> RouteFacts {
    let name = |w: &Workload| (w.name.clone(), w.uid.clone());
    // With no candidate wanted, what matters is that none answers any more.
    let waiting = match candidate.replicas {
        0 => candidate.ready > 0,
        _ => stable.ready < stable.replicas || candidate.ready < candidate.replicas,
    };
    let real = format!("{} of {} ready pods are the candidate's", candidate.ready, stable.ready.saturating_add(candidate.ready));
    RouteFacts {
        object: ObjectRef::new(Kind::Deployment, namespace, stable.name.clone()),
        uid: stable.uid.clone(),
        resource_version: stable.resource_version.clone(),
        entry: RouteEntry::Replicas { stable: name(stable), candidate: name(candidate) },
        stable: stable.replicas,
        candidate: candidate.replicas,
        accepted: if waiting { Acceptance::Pending(SafeText::from(real)) } else { Acceptance::Yes },
        bypass: false,
        notes: Vec::new(),
        alone: true,
        written: (true, true),
        stamp: None,
        candidate_labels: Default::default(),
        testers: None,
    }
}

/// `metadata.uid` and `metadata.resourceVersion`.
fn identity(body: &Value) -> (String, String) {
    let text = |path: &str| body.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
    (text("/metadata/uid"), text("/metadata/resourceVersion"))
}

/// Our stamp on the object.
fn stamp(body: &Value) -> Option<String> {
    body.pointer("/metadata/annotations")?.get(STAMP)?.as_str().map(str::to_owned)
}

fn unfit(object: &ObjectRef, why: impl Into<String>) -> RouteProblem {
    RouteProblem::Unfit { object: object.clone(), why: SafeText::from(why.into()), sends: false }
}

/// A weight in a route: a whole number from 0 on, or absent.
fn weight(entry: &Value) -> Result<Option<u32>, String> {
    match entry.get("weight") {
        None | Some(Value::Null) => Ok(None),
        Some(value) => {
            value.as_u64().and_then(|n| u32::try_from(n).ok()).map(Some).ok_or_else(|| format!("weight {value} is not a whole number"))
        }
    }
}

#[cfg(test)]
mod tests;
