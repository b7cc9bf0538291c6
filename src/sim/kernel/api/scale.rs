//! The scale subresource.

use serde_json::{Value, json};

use super::{
    Target, body, dry_run, manager, patch,
    write::{check_name, commit},
};
use crate::sim::kernel::{Method, Request, Response, Status, World, object::Fields, status::Cause, store::Stamp};

/// GET, PUT and PATCH of `/scale`.
///
/// # Errors
/// As the API server's.
pub fn handle(world: &mut World, request: &Request, target: &Target) -> Result<Response, Status> {
    let object = world.store.find(target.resource, target.namespace(), target.name())?.clone();
    let current = scale_of(&object);
    let wanted = match request.method {
        Method::Put => body(world.store.features, request)?,
        Method::Patch => patch::apply(world.store.features, request, target, &current)?,
        _ => return Ok(Response::json(200, &current)),
    };
    if !wanted.name().is_empty() {
        check_name(world, &wanted, target)?;
    }
    let mut object = Value::clone(&object);
    object.put("/metadata/resourceVersion", wanted.text("/metadata/resourceVersion"));
    object.put("/spec/replicas", wanted.int("/spec/replicas").unwrap_or(0));
    let stamp = Stamp { subresource: "scale", ..Stamp::update(world.now(), manager(request)) };
    if let Some(negative) = object.int("/spec/replicas").filter(|replicas| *replicas < 0) {
        let cause = Cause::invalid("spec.replicas", &negative.into(), "must be greater than or equal to 0");
        return Err(Status::invalid_kind("autoscaling", "Scale", target.name(), &[cause]));
    }
    let stored = commit(world, target, stamp, object, dry_run(world.store.features, request, "UpdateOptions")?)?;
    Ok(Response::json(200, &scale_of(&stored)))
}

fn scale_of(object: &Value) -> Value {
    let mut selector: Vec<String> = object
        .map("/spec/selector/matchLabels")
        .iter()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    for expression in object.items("/spec/selector/matchExpressions") {
        let key = expression.text("/key");
        let values: Vec<&str> = expression.items("/values").iter().filter_map(Value::as_str).collect();
        selector.push(match expression.text("/operator") {
            "In" => format!("{key} in ({})", values.join(",")),
            "NotIn" => format!("{key} notin ({})", values.join(",")),
            "Exists" => key.to_owned(),
            _ => format!("!{key}"),
        });
    }
    let mut metadata = serde_json::Map::new();
    for key in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
        metadata.insert(key.into(), object.text(&format!("/metadata/{key}")).into());
    }
    let mut spec = serde_json::Map::new();
    // As Go writes it: zero is left out.
    if let Some(replicas) = object.int("/spec/replicas").filter(|replicas| *replicas != 0) {
        spec.insert("replicas".into(), replicas.into());
    }
    json!({
        "kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": metadata, "spec": spec,
        "status": {"replicas": object.int("/status/replicas").unwrap_or(0), "selector": selector.join(",")},
    })
}
