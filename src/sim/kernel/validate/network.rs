//! Services and routes.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::sim::kernel::{object::Fields, status::Cause};

/// The largest weight the Gateway API takes.
const MAX_WEIGHT: i64 = 1_000_000;

/// Judges a Service.
pub(super) fn service(object: &Value, causes: &mut Vec<Cause>) {
    let kind = object.text("/spec/type");
    if !matches!(kind, "ClusterIP" | "ExternalName" | "LoadBalancer" | "NodePort") {
        causes.push(Cause::unsupported("spec.type", &kind.into(), &["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"]));
    }
    let ports = object.items("/spec/ports");
    if ports.is_empty() && kind != "ExternalName" && object.text("/spec/clusterIP") != "None" {
        causes.push(Cause::required("spec.ports", ""));
    }
    let mut names = BTreeSet::new();
    for (index, port) in ports.iter().enumerate() {
        let field = |name: &str| format!("spec.ports[{index}].{name}");
        let name = port.text("/name");
        if name.is_empty() && ports.len() > 1 {
            causes.push(Cause::required(field("name"), ""));
        } else if !names.insert(name) {
            causes.push(Cause::duplicate(field("name"), &name.into()));
        }
        let number = port.int("/port").unwrap_or(0);
        if !(1..=65_535).contains(&number) {
            causes.push(Cause::invalid(field("port"), &number.into(), "must be between 1 and 65535, inclusive"));
        }
        let target = port.pointer("/targetPort").and_then(Value::as_i64);
        if let Some(number) = target.filter(|number| !(1..=65_535).contains(number)) {
            causes.push(Cause::invalid(field("targetPort"), &number.into(), "must be between 1 and 65535, inclusive"));
        }
    }
}

/// Judges an Istio VirtualService by its definition's schema, as far as weights and hosts go.
pub(super) fn virtual_service(object: &Value, causes: &mut Vec<Cause>) {
    for (http, rule) in object.items("/spec/http").iter().enumerate() {
        for (index, route) in rule.items("/route").iter().enumerate() {
            let field = format!("spec.http[{http}].route[{index}]");
            integer(route.get("weight"), &format!("{field}.weight"), None, causes);
            if route.get("destination").is_none() {
                causes.push(Cause::required(format!("{field}.destination"), ""));
            }
        }
    }
}

/// Judges a Gateway API HTTPRoute by its definition's schema, as far as weights go.
pub(super) fn http_route(object: &Value, causes: &mut Vec<Cause>) {
    for (rule_index, rule) in object.items("/spec/rules").iter().enumerate() {
        for (index, backend) in rule.items("/backendRefs").iter().enumerate() {
            let field = format!("spec.rules[{rule_index}].backendRefs[{index}]");
            integer(backend.get("weight"), &format!("{field}.weight"), Some(MAX_WEIGHT), causes);
            if backend.text("/name").is_empty() {
                causes.push(Cause::required(format!("{field}.name"), ""));
            }
        }
    }
}

/// A number of a custom resource; `max` also says that there is a range at all.
fn integer(value: Option<&Value>, field: &str, max: Option<i64>, causes: &mut Vec<Cause>) {
    let Some(value) = value else { return };
    match (value.as_i64(), max) {
        (None, _) => wrong_type(value, field, "integer", causes),
        (Some(number), Some(_)) if number < 0 => {
            causes.push(Cause::invalid(field, value, &format!("{field} in body should be greater than or equal to 0")));
        }
        (Some(number), Some(max)) if number > max => {
            causes.push(Cause::invalid(field, value, &format!("{field} in body should be less than or equal to {max}")));
        }
        _ => {}
    }
}

/// A field of a custom resource that has another type than its definition says.
pub(super) fn wrong_type(value: &Value, field: &str, wanted: &str, causes: &mut Vec<Cause>) {
    let kind = match value {
        Value::String(_) => "string",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_i64() => "integer",
        Value::Number(_) => "number",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
        Value::Null => "null",
    };
    let message = format!("Invalid value: {kind:?}: {field} in body must be of type {wanted}: {kind:?}");
    causes.push(Cause { field: field.into(), reason: "FieldValueTypeInvalid", message });
    let why = "some validation rules were not checked because the object was invalid; correct the existing errors to complete validation";
    causes.push(Cause::invalid("<nil>", &Value::Null, why));
}
