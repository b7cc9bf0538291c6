//! Which router sends to both sides of a pair.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::rules;
use super::super::traffic::istio::same_host;
use super::ingresses;
use super::wire::{Deployment, Objects};
use crate::domain::declared::DeclaredRouter;
use crate::domain::release::{Destination, Router, Strategy};

/// The router of a pair, with the two turned round if the route says that the other one serves.
pub(super) fn infer<'a>(
    objects: &Objects,
    stable: &'a Deployment,
    candidate: &'a Deployment,
) -> Option<(&'a Deployment, &'a Deployment, Router)> {
    if let Some(router) = istio(objects, None, stable, candidate).or_else(|| gateway(objects, None, stable, candidate)) {
        return Some((stable, candidate, router));
    }
    if let Some(router) = ingresses::router(objects, None, stable, candidate) {
        return Some((stable, candidate, router));
    }
    if let Some(router) = switch(objects, None, stable, candidate) {
        return Some((stable, candidate, router));
    }
    if let Some(router) = switch(objects, None, candidate, stable) {
        return Some((candidate, stable, router));
    }
    let service = shared(objects, stable, candidate)?;
    Some((stable, candidate, Router::Replicas { service: Some(service) }))
}

/// Completes a declared router, or finds one where none is declared.
///
/// # Errors
/// What was looked for and not found.
pub(super) fn resolve(
    objects: &Objects,
    declared: Option<&DeclaredRouter>,
    stable: &str,
    candidate: &str,
    strategy: &Strategy,
) -> Result<Router, String> {
    let named = |name: &str| objects.deployments.iter().find(|d| d.metadata.name == name);
    let Some(s) = named(stable) else { return Err(format!("Deployment {stable} does not exist")) };
    match named(candidate) {
        Some(c) => between(objects, declared, s, c, strategy),
        None => {
            // A candidate that is still to be made gets the labels of stable but one: whichever lets a route reach it.
            let tries = clones(objects, s, candidate).into_iter().map(|made| between(objects, declared, s, &made, strategy));
            let mut failed = None;
            for tried in tries {
                match tried {
                    Ok(router) => return Ok(router),
                    Err(why) => failed = failed.or(Some(why)),
                }
            }
            Err(failed.unwrap_or_else(|| format!("Deployment {candidate} does not exist")))
        }
    }
}

/// The router between two Deployments.
fn between(
    objects: &Objects,
    declared: Option<&DeclaredRouter>,
    s: &Deployment,
    c: &Deployment,
    strategy: &Strategy,
) -> Result<Router, String> {
    let (stable, candidate) = (s.metadata.name.as_str(), c.metadata.name.as_str());
    let missing = |what: String| Err(what);
    match declared {
        Some(DeclaredRouter::Istio { virtual_service, route, .. }) => match istio(objects, Some(virtual_service), s, c) {
            Some(Router::Istio { virtual_service, route: found, stable, candidate }) => {
                Ok(Router::Istio { virtual_service, route: route.clone().or(found), stable, candidate })
            }
            _ => missing(format!(
                "VirtualService {virtual_service} has no route that sends to Services of both {stable} and {candidate}; name the hosts with `stable:` and `candidate:`"
            )),
        },
        Some(DeclaredRouter::Gateway { http_route, rule, .. }) => match gateway(objects, Some(http_route), s, c) {
            Some(Router::Gateway { http_route, stable, candidate, .. }) => {
                Ok(Router::Gateway { http_route, rule: rule.clone(), stable, candidate })
            }
            _ => missing(format!(
                "HTTPRoute {http_route} has no rule that sends to Services of both {stable} and {candidate}; name them with `stable:` and `candidate:`"
            )),
        },
        Some(DeclaredRouter::Nginx { ingress, prefix, controller, .. }) => {
            match ingresses::router(objects, Some((ingress.as_str(), prefix.as_deref())), s, c) {
                Some(Router::Nginx { ingress, prefix, controller: read_by, stable, candidate }) => {
                    Ok(Router::Nginx { ingress, prefix, controller: controller.clone().unwrap_or(read_by), stable, candidate })
                }
                _ => missing(format!(
                    "Ingress {ingress} does not send to a Service of {candidate} alone, or no other Ingress sends the same host and path to one of {stable}; name the Services with `stable:` and `candidate:`"
                )),
            }
        }
        Some(DeclaredRouter::Service { service, .. }) => {
            let found = switch(objects, Some(service), s, c).or_else(|| switch(objects, Some(service), c, s).map(turned));
            found.ok_or_else(|| format!("Service {service} selects neither {stable} nor {candidate} by a label in which the two differ; name it with `key:`, `stable:` and `candidate:`"))
        }
        Some(DeclaredRouter::Replicas { service }) => match (service.clone().or_else(|| shared(objects, s, c)), own(objects, s, c).first())
        {
            (None, Some(alone)) => missing(format!(
                "Service {alone} selects the pods of {stable} and not those of {candidate}: by replicas nothing would be shared out; give both the labels that it selects"
            )),
            (service, _) => Ok(Router::Replicas { service }),
        },
        None if strategy.is_in_place() => Ok(Router::None),
        None => match infer(objects, s, c) {
            Some((first, _, router)) if first.metadata.name == stable => Ok(router),
            Some((_, _, router)) => Ok(turned(router)),
            None => missing(format!("nothing routes to both {stable} and {candidate}: declare `traffic:`")),
        },
    }
}

/// The same switch seen from the other side.
fn turned(router: Router) -> Router {
    match router {
        Router::Service { service, key, stable, candidate } => Router::Service { service, key, stable: candidate, candidate: stable },
        other => other,
    }
}

/// What stable's clone could be: with one label that some Service selects by, or some subset is named after, set to its value.
fn clones(objects: &Objects, stable: &Deployment, name: &str) -> Vec<Deployment> {
    let all_with = |labels: BTreeMap<String, String>| {
        let mut made = stable.clone();
        made.metadata.name = name.to_owned();
        made.spec.template.metadata.labels.extend(labels);
        made
    };
    let with = |key: &str, value: &str| all_with(BTreeMap::from([(key.to_owned(), value.to_owned())]));
    let selected = objects.services.iter().flat_map(|s| &s.spec.selector).map(|(k, v)| (k.clone(), v.clone()));
    let subsets =
        objects.virtual_services.iter().flat_map(|v| list(v, "/spec/http")).flat_map(|h| list(h, "/route")).filter_map(destination);
    let subsets: Vec<Destination> = subsets.collect();
    let namespace =
        objects.virtual_services.first().and_then(|v| v.pointer("/metadata/namespace")).and_then(Value::as_str).unwrap_or_default();
    let ruled = |d: &Destination| rules::labels(&objects.destination_rules, &d.host, d.subset.as_ref()?, namespace);
    // With stable's own labels it would be another stable.
    let other = |labels: &BTreeMap<String, String>| labels.iter().any(|(key, value)| stable.pods().get(key) != Some(value));
    let by_rule: Vec<Deployment> = subsets.iter().filter_map(ruled).filter(other).map(all_with).collect();
    let named = subsets.into_iter().filter_map(|d| Some(("version".to_owned(), d.subset?)));
    let differs = |(key, value): &(String, String)| stable.pods().get(key) != Some(value);
    let mut all: Vec<Deployment> = by_rule;
    all.extend(selected.chain(named).filter(differs).map(|(k, v)| with(&k, &v)));
    all.push(with("track", "canary"));
    all
}

/// Services that select one side and not the other.
pub(super) fn own<'a>(objects: &'a Objects, this: &Deployment, other: &Deployment) -> Vec<&'a str> {
    objects.services.iter().filter(|s| s.selects(this.pods()) && !s.selects(other.pods())).map(|s| s.metadata.name.as_str()).collect()
}

/// A Service that selects both sides.
fn shared(objects: &Objects, a: &Deployment, b: &Deployment) -> Option<String> {
    objects.services.iter().find(|s| s.selects(a.pods()) && s.selects(b.pods())).map(|s| s.metadata.name.clone())
}

pub(super) fn name_of(body: &Value) -> &str {
    body.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default()
}

pub(super) fn list<'a>(body: &'a Value, path: &str) -> &'a [Value] {
    body.pointer(path).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn istio(objects: &Objects, only: Option<&str>, stable: &Deployment, candidate: &Deployment) -> Option<Router> {
    let (ours, theirs) = (own(objects, stable, candidate), own(objects, candidate, stable));
    let both = shared(objects, stable, candidate);
    for body in objects.virtual_services.iter().filter(|v| only.is_none_or(|n| n == name_of(v))) {
        let namespace = body.pointer("/metadata/namespace").and_then(Value::as_str).unwrap_or_default();
        for http in list(body, "/spec/http") {
            let to: Vec<Destination> = list(http, "/route").iter().filter_map(destination).collect();
            let of =
                |services: &[&str]| to.iter().find(|d| d.subset.is_none() && services.iter().any(|s| same_host(&d.host, s, namespace)));
            // A stable destination may also be the Service in front of both, when the candidate has one of its own.
            let front: Vec<&str> = ours.iter().copied().chain(both.as_deref()).collect();
            let pair = of(&front).zip(of(&theirs)).or_else(|| {
                let host = both.as_deref()?;
                subsets(
                    &to,
                    |subset| rules::labels(&objects.destination_rules, host, subset, namespace),
                    host,
                    namespace,
                    stable,
                    candidate,
                )
            });
            if let Some((s, c)) = pair {
                let route = http.get("name").and_then(Value::as_str).map(str::to_owned);
                return Some(Router::Istio { virtual_service: name_of(body).to_owned(), route, stable: s.clone(), candidate: c.clone() });
            }
        }
    }
    None
}

/// Two subsets of one host, told apart by the pod labels that a DestinationRule gives them, else by one whose value is the
/// subset's name.
fn subsets<'a>(
    to: &'a [Destination],
    rule: impl Fn(&str) -> Option<BTreeMap<String, String>>,
    service: &str,
    namespace: &str,
    stable: &Deployment,
    candidate: &Deployment,
) -> Option<(&'a Destination, &'a Destination)> {
    let of = |d: &Deployment, other: &Deployment| {
        let selects = |labels: &BTreeMap<String, String>, d: &Deployment| labels.iter().all(|(k, v)| d.pods().get(k) == Some(v));
        let labelled = |subset: &str| match rule(subset) {
            Some(labels) => selects(&labels, d) && !selects(&labels, other),
            None => d.pods().iter().any(|(k, v)| v == subset && other.pods().get(k) != Some(v)),
        };
        to.iter().find(|t| same_host(&t.host, service, namespace) && t.subset.as_deref().is_some_and(labelled))
    };
    of(stable, candidate).zip(of(candidate, stable))
}

fn destination(entry: &Value) -> Option<Destination> {
    let text = |key: &str| entry.get("destination")?.get(key)?.as_str().map(str::to_owned);
    Some(Destination { host: text("host")?, subset: text("subset") })
}

fn gateway(objects: &Objects, only: Option<&str>, stable: &Deployment, candidate: &Deployment) -> Option<Router> {
    let (ours, theirs) = (own(objects, stable, candidate), own(objects, candidate, stable));
    for body in objects.http_routes.iter().filter(|r| only.is_none_or(|n| n == name_of(r))) {
        for rule in list(body, "/spec/rules") {
            let backends: Vec<&str> = list(rule, "/backendRefs").iter().filter_map(|b| b.get("name")?.as_str()).collect();
            let of = |services: &[&str]| backends.iter().find(|b| services.contains(b)).map(|b| (*b).to_owned());
            if let Some((stable, candidate)) = of(&ours).zip(of(&theirs)) {
                let rule = rule.get("name").and_then(Value::as_str).map(str::to_owned);
                return Some(Router::Gateway { http_route: name_of(body).to_owned(), rule, stable, candidate });
            }
        }
    }
    None
}

/// A Service that selects `serving` by a label in which the two differ, and would select the other one if the label's value
/// were the other's.
fn switch(objects: &Objects, only: Option<&str>, serving: &Deployment, other: &Deployment) -> Option<Router> {
    let services = objects
        .services
        .iter()
        .filter(|s| only.is_none_or(|n| n == s.metadata.name) && s.selects(serving.pods()) && !s.selects(other.pods()));
    for service in services {
        let mut differing = service.spec.selector.iter().filter(|(k, v)| other.pods().get(*k) != Some(v));
        if let (Some((key, value)), None) = (differing.next(), differing.next())
            && let Some(turned) = other.pods().get(key)
            // Each side with a Service of its own is no switch: something above them decides.
            && (only.is_some() || own(objects, other, serving).is_empty() || is_preview(objects, other, serving))
        {
            return Some(Router::Service {
                service: service.metadata.name.clone(),
                key: key.clone(),
                stable: value.clone(),
                candidate: turned.clone(),
            });
        }
    }
    None
}

/// Whether the other side's own Service is a preview by its name.
fn is_preview(objects: &Objects, other: &Deployment, serving: &Deployment) -> bool {
    own(objects, other, serving)
        .iter()
        .all(|s| ["-preview", "-green", "-blue", "-canary", "-test"].iter().any(|suffix| s.ends_with(suffix)))
}
