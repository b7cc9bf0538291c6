//! Who may do what: access reviews over the scenario's denials.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{body, is_denied};
use crate::sim::kernel::{Method, Request, Response, Status, World, object::Fields, resource::ALL, store::seconds};

const VERBS: [&str; 8] = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

/// Answers a review.
///
/// # Errors
/// `MethodNotAllowed` for anything but POST; `BadRequest` for what cannot be read.
pub fn review(world: &World, request: &Request, kind: &str) -> Result<Response, Status> {
    if request.method != Method::Post {
        return Err(Status::method_not_allowed());
    }
    let mut review = body(world.store.features, request)?;
    let status = match kind {
        "SelfSubjectAccessReview" => access(world, &review),
        "SelfSubjectRulesReview" => rules(world, review.text("/spec/namespace")),
        // The one review that is an object with a time of its own.
        _ => json!({"userInfo": {"username": request.user, "groups": ["system:masters", "system:authenticated"]}}),
    };
    let group = if kind == "SelfSubjectReview" { "authentication.k8s.io/v1" } else { "authorization.k8s.io/v1" };
    review.put("/apiVersion", group);
    review.put("/kind", kind);
    review.put("/metadata", json!({}));
    match kind {
        "SelfSubjectReview" => review.put("/metadata/creationTimestamp", seconds(world.now())),
        "SelfSubjectRulesReview" => review.put("/spec", json!({})),
        _ => {}
    }
    review.put("/status", status);
    Ok(Response::json(201, &review))
}

fn access(world: &World, review: &Value) -> Value {
    let attribute = |name: &str| review.text(&format!("/spec/resourceAttributes/{name}"));
    let plural = match attribute("subresource") {
        "" => attribute("resource").to_owned(),
        sub => format!("{}/{sub}", attribute("resource")),
    };
    let denied = is_denied(&world.denied, attribute("verb"), attribute("group"), &plural, attribute("namespace"));
    if denied { json!({"allowed": false}) } else { json!({"allowed": true}) }
}

fn rules(world: &World, namespace: &str) -> Value {
    let everything = json!({"nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}], "incomplete": false});
    let mut status = everything;
    if world.denied.is_empty() {
        status.put("/resourceRules", json!([{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]));
        return status;
    }
    // Kinds of one group with the same verbs share a rule.
    let mut rules: BTreeMap<(&str, Vec<&str>), Vec<String>> = BTreeMap::new();
    for resource in ALL {
        let mut plurals = vec![resource.plural.to_owned()];
        plurals.extend(resource.status.then(|| format!("{}/status", resource.plural)));
        plurals.extend(resource.scale.then(|| format!("{}/scale", resource.plural)));
        plurals.extend((resource.plural == "pods").then(|| "pods/log".to_owned()));
        for plural in plurals {
            let allowed = VERBS.into_iter().filter(|verb| !is_denied(&world.denied, verb, resource.group, &plural, namespace));
            rules.entry((resource.group, allowed.collect())).or_default().push(plural);
        }
    }
    let rules = rules.into_iter().filter(|((_, verbs), _)| !verbs.is_empty());
    let rules = rules.map(|((group, verbs), plurals)| json!({"verbs": verbs, "apiGroups": [group], "resources": plurals}));
    status.put("/resourceRules", rules.collect::<Vec<_>>());
    status
}
