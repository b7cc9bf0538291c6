//! Validation in the API server's words: names, what is required, ranges, what cannot change.

use serde_json::Value;

use super::{
    Feature, Features, Resource, Status,
    object::Fields,
    resource::{
        CONFIG_MAP, DAEMON_SET, DEPLOYMENT, HPA, HTTP_ROUTE, JOB, LEASE, POD, REPLICA_SET, SECRET, SERVICE, STATEFUL_SET, VIRTUAL_SERVICE,
    },
    status::Cause,
};

mod name;
mod network;
mod pod;
mod workload;

pub use name::wrong_key;

/// Judges a new object, defaults included.
///
/// # Errors
/// `Invalid`, with every wrong field.
pub fn create(features: Features, resource: &Resource, object: &Value) -> Result<(), Status> {
    let mut causes = Vec::new();
    name::metadata(features, resource, object, &mut causes);
    if features.has(rules(resource)) {
        content(resource, object, &mut causes);
    }
    finish(resource, object, causes)
}

/// Judges a changed object.
///
/// # Errors
/// `Invalid`, with every wrong field.
pub fn update(features: Features, resource: &Resource, old: &Value, new: &Value) -> Result<(), Status> {
    let mut causes = Vec::new();
    name::metadata(features, resource, new, &mut causes);
    if features.has(rules(resource)) {
        content(resource, new, &mut causes);
    }
    if features.has(Feature::Immutability) {
        unchanged(resource, old, new, &mut causes);
    }
    finish(resource, new, causes)
}

fn finish(resource: &Resource, object: &Value, causes: Vec<Cause>) -> Result<(), Status> {
    if causes.is_empty() { Ok(()) } else { Err(Status::invalid(resource, object.name(), &causes)) }
}

/// Which feature the rules of a kind are.
fn rules(resource: &Resource) -> Feature {
    let of: [(&[&Resource], Feature); 5] = [
        (&[&HPA], Feature::AutoscalerRules),
        (&[&SERVICE], Feature::ServiceRules),
        (&[&VIRTUAL_SERVICE, &HTTP_ROUTE], Feature::RouteRules),
        (&[&CONFIG_MAP, &SECRET], Feature::DataRules),
        (&[&LEASE], Feature::LeaseRules),
    ];
    of.into_iter().find(|(kinds, _)| kinds.contains(&resource)).map_or(Feature::WorkloadRules, |(_, feature)| feature)
}

fn content(resource: &Resource, object: &Value, causes: &mut Vec<Cause>) {
    if resource.custom
        && let Some(spec) = object.get("spec").filter(|spec| !spec.is_object())
    {
        network::wrong_type(spec, "spec", "object", causes);
        return;
    }
    if [&DEPLOYMENT, &REPLICA_SET, &STATEFUL_SET, &DAEMON_SET].contains(&resource) {
        workload::workload(resource, object, causes);
    } else if *resource == POD {
        pod::spec(object.pointer("/spec"), "spec", causes);
    } else if *resource == JOB {
        pod::spec(object.pointer("/spec/template/spec"), "spec.template.spec", causes);
    } else if *resource == HPA {
        workload::autoscaler(object, causes);
    } else if *resource == SERVICE {
        network::service(object, causes);
    } else if *resource == VIRTUAL_SERVICE {
        network::virtual_service(object, causes);
    } else if *resource == HTTP_ROUTE {
        network::http_route(object, causes);
    } else if [&CONFIG_MAP, &SECRET].contains(&resource) {
        data(object, causes);
    } else if *resource == LEASE
        && let Some(seconds) = object.int("/spec/leaseDurationSeconds").filter(|seconds| *seconds <= 0)
    {
        causes.push(Cause::invalid("spec.leaseDurationSeconds", &seconds.into(), "must be greater than 0"));
    }
}

/// ConfigMaps and Secrets hold at most 1 MiB, under plain keys.
fn data(object: &Value, causes: &mut Vec<Cause>) {
    const LIMIT: usize = 1_048_576;
    let entries = || object.map("/data").iter().chain(object.map("/binaryData"));
    for (key, _) in entries() {
        let valid = !key.is_empty() && key.len() <= 253 && key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
        if !valid {
            let why = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
            causes.push(Cause::invalid(format!("data[{key}]"), &key.as_str().into(), why));
        }
    }
    let size: usize = entries().map(|(_, value)| value.as_str().map_or(0, str::len)).sum();
    if size > LIMIT {
        let message = format!("Too long: may not be more than {LIMIT} bytes");
        causes.push(Cause { field: "[]".into(), reason: "FieldValueTooLong", message });
    }
}

/// What no update may change.
fn unchanged(resource: &Resource, old: &Value, new: &Value, causes: &mut Vec<Cause>) {
    let mut fixed = |pointer: &str, field: &str| {
        let value = new.pointer(pointer).unwrap_or(&Value::Null);
        if old.pointer(pointer).unwrap_or(&Value::Null) != value {
            causes.push(Cause::invalid(field, value, "field is immutable"));
        }
    };
    if [&DEPLOYMENT, &REPLICA_SET, &DAEMON_SET].contains(&resource) {
        fixed("/spec/selector", "spec.selector");
    } else if *resource == SECRET {
        fixed("/type", "type");
    } else if *resource == POD {
        pod::unchanged(old, new, causes);
    } else if *resource == SERVICE && old.text("/spec/clusterIP") != new.text("/spec/clusterIP") && new.text("/spec/type") != "ExternalName"
    {
        let value = new.pointer("/spec/clusterIPs").unwrap_or(&Value::Null);
        causes.push(Cause::invalid("spec.clusterIPs[0]", value, "may not change once set"));
    }
    if [&CONFIG_MAP, &SECRET].contains(&resource) && old.is_true("/immutable") {
        for field in ["data", "binaryData"] {
            if old.get(field) != new.get(field) {
                causes.push(Cause::forbidden(field, "field is immutable when `immutable` is set"));
            }
        }
    }
}

#[cfg(test)]
mod tests;
