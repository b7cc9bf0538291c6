//! Two Ingresses for one host and path, of which one is the canary.

use serde_json::Value;

use super::routers::{list, name_of, own};
use super::wire::{Deployment, Objects};
use crate::domain::release::{CANARY_PREFIX, INGRESS_NGINX, Router};
use crate::domain::route::CANARY;

/// The canary annotations that split between a pair. A declared Ingress need not be switched to a canary yet.
pub(super) fn router(
    objects: &Objects,
    declared: Option<(&str, Option<&str>)>,
    stable: &Deployment,
    candidate: &Deployment,
) -> Option<Router> {
    let (ours, theirs) = (own(objects, stable, candidate), own(objects, candidate, stable));
    for body in objects.ingresses.iter().filter(|i| declared.is_none_or(|(name, _)| name == name_of(i))) {
        let prefix = match declared {
            Some((_, Some(prefix))) => prefix,
            Some((_, None)) => switched_on(body).unwrap_or(CANARY_PREFIX),
            None => match switched_on(body) {
                Some(prefix) => prefix,
                None => continue,
            },
        };
        let canary = paths(body);
        let Some((.., service)) = canary.iter().find(|(.., service)| theirs.contains(service)) else { continue };
        let mains = objects.ingresses.iter().filter(|i| name_of(i) != name_of(body) && switched_on(i).is_none());
        let shared =
            |(host, path, service): &(&str, &str, &str)| ours.contains(service) && canary.iter().any(|(h, p, _)| h == host && p == path);
        if let Some((.., main)) = mains.flat_map(paths).find(shared) {
            return Some(Router::Nginx {
                ingress: name_of(body).to_owned(),
                prefix: prefix.to_owned(),
                controller: controller(body).to_owned(),
                stable: main.to_owned(),
                candidate: (*service).to_owned(),
            });
        }
    }
    None
}

/// The prefix under which an Ingress says that it is a canary.
fn switched_on(body: &Value) -> Option<&str> {
    let annotations = body.pointer("/metadata/annotations")?.as_object()?;
    annotations.iter().find_map(|(key, value)| {
        let (prefix, name) = key.rsplit_once('/')?;
        (name == CANARY && value.as_str() == Some("true")).then_some(prefix)
    })
}

/// Host, path and Service of every path.
fn paths(body: &Value) -> Vec<(&str, &str, &str)> {
    let rules = list(body, "/spec/rules").iter();
    rules
        .flat_map(|rule| {
            let host = rule.get("host").and_then(Value::as_str).unwrap_or_default();
            list(rule, "/http/paths").iter().filter_map(move |entry| {
                let path = entry.get("path").and_then(Value::as_str).unwrap_or("/");
                Some((host, path, entry.pointer("/backend/service/name")?.as_str()?))
            })
        })
        .collect()
}

/// Who reads the annotations, by the Ingress' class.
fn controller(body: &Value) -> &'static str {
    let class =
        body.pointer("/spec/ingressClassName").or_else(|| body.pointer("/metadata/annotations")?.get("kubernetes.io/ingress.class"));
    if class.and_then(Value::as_str).is_some_and(|c| c.contains("traefik")) { "traefik" } else { INGRESS_NGINX }
}
