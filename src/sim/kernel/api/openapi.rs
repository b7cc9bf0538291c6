//! OpenAPI v3, as far as kubectl reads it: the schemas of the built-in kinds, and which kinds can be read and patched.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::sim::kernel::{
    Method, Request, Response, Status,
    object::Fields,
    openapi,
    resource::{ALL, Resource, api_version},
};

/// Kinds that are only read and written below others or only posted to, as (group, version, kind).
const OTHERS: [(&str, &str, &str); 4] = [
    ("autoscaling", "v1", "Scale"),
    ("authentication.k8s.io", "v1", "SelfSubjectReview"),
    ("authorization.k8s.io", "v1", "SelfSubjectAccessReview"),
    ("authorization.k8s.io", "v1", "SelfSubjectRulesReview"),
];

/// `/openapi/v3` and the documents it names.
///
/// # Errors
/// `NotFound` for a group version that is not served; `MethodNotAllowed` for anything but reading.
pub fn handle(request: &Request, path: &[&str]) -> Result<Response, Status> {
    if !matches!(request.method, Method::Get | Method::Head) {
        return Err(Status::method_not_allowed());
    }
    let document = match path {
        [] => index(),
        ["api", version] => group_version("", version)?,
        ["apis", group, version] => group_version(group, version)?,
        _ => return Err(Status::no_such_path()),
    };
    Ok(Response::json(200, &document))
}

/// `/openapi/v2`: an empty document. kubectl asks for it where the other one does not know a kind, and then reads that this one
/// does not either.
///
/// # Errors
/// `MethodNotAllowed` for anything but reading.
pub fn old(request: &Request) -> Result<Response, Status> {
    if !matches!(request.method, Method::Get | Method::Head) {
        return Err(Status::method_not_allowed());
    }
    if request.accept.contains("protobuf") {
        // Field 1, `swagger`, is "2.0"; there is nothing else.
        return Ok(Response::bytes(200, "application/com.github.proto-openapi.spec.v2.v1.0+protobuf", b"\x0a\x032.0".to_vec()));
    }
    Ok(Response::json(
        200,
        &json!({"swagger": "2.0", "info": {"title": "Kubernetes", "version": "v1.36.1"}, "paths": {}, "definitions": {}}),
    ))
}

fn root(group: &str, version: &str) -> String {
    if group.is_empty() { format!("api/{version}") } else { format!("apis/{group}/{version}") }
}

fn index() -> Value {
    let kinds = ALL.iter().flat_map(|resource| resource.versions).copied();
    let others = OTHERS.iter().map(|(group, version, _)| (*group, *version));
    let served: BTreeSet<(&str, &str)> = kinds.chain(others).collect();
    let entry = |(group, version): (&str, &str)| {
        let root = root(group, version);
        // The hash stands for the content, which never changes while this program runs.
        let url = format!("/openapi/v3/{root}?hash={}", env!("CARGO_PKG_VERSION"));
        (root, json!({"serverRelativeURL": url}))
    };
    json!({"paths": served.into_iter().map(entry).collect::<Map<_, _>>()})
}

fn group_version(group: &str, version: &str) -> Result<Value, Status> {
    let kinds: Vec<&Resource> = ALL.iter().copied().filter(|resource| resource.versions.contains(&(group, version))).collect();
    let others = OTHERS.iter().filter(|(other, at, _)| (*other, *at) == (group, version)).map(|(_, _, kind)| *kind);
    let names: Vec<&str> = kinds.iter().map(|resource| resource.kind).chain(others).collect();
    if names.is_empty() {
        return Err(Status::no_such_path());
    }
    let mut schemas = openapi::closure(names.iter().filter_map(|kind| openapi::of_kind(group, version, kind)));
    schemas.extend(kinds.iter().filter(|resource| resource.custom).map(|resource| custom(resource, group, version)));
    let paths: Map<String, Value> = kinds.iter().flat_map(|resource| self::paths(resource, group, version)).collect();
    Ok(json!({
        "openapi": "3.0.0", "info": {"title": "Kubernetes", "version": "v1.36.1"},
        "paths": paths, "components": {"schemas": schemas},
    }))
}

/// A kind's collection and its objects, with what kubectl looks for: the kind, and which options a write takes.
fn paths(resource: &Resource, group: &str, version: &str) -> [(String, Value); 2] {
    let scope = if resource.namespaced { "namespaces/{namespace}/" } else { "" };
    let collection = format!("/{}/{scope}{}", root(group, version), resource.plural);
    let kind = json!({"group": group, "version": version, "kind": resource.kind});
    let option = |name: &str| json!({"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": true}});
    let operation = |action: &str, options: &[&str]| {
        json!({
            "operationId": format!("{action}{}", resource.kind), "x-kubernetes-action": action, "x-kubernetes-group-version-kind": kind,
            "parameters": options.iter().map(|name| option(name)).collect::<Vec<_>>(),
            "responses": {"200": {"description": "OK"}},
        })
    };
    let write = ["dryRun", "fieldManager", "fieldValidation"];
    // A client that finds strategic merge here makes its patches by the schemas.
    let media = ["application/json-patch+json", "application/merge-patch+json", "application/strategic-merge-patch+json"];
    let media = media.iter().filter(|media| !(resource.custom && media.contains("strategic")));
    let content: Map<String, Value> = media.map(|media| ((*media).to_owned(), json!({}))).collect();
    let mut patch = operation("patch", &[&write[..], &["force"]].concat());
    patch.put("/requestBody", json!({"content": content, "required": true}));
    let object = format!("{collection}/{{name}}");
    [
        (collection, json!({"get": operation("list", &[]), "post": operation("post", &write)})),
        (
            object,
            json!({
                "get": operation("get", &[]), "put": operation("put", &write), "patch": patch,
                "delete": operation("delete", &["dryRun"]),
            }),
        ),
    ]
}

/// The schema of a custom kind: nothing is known of it here but that it is an object.
fn custom(resource: &Resource, group: &str, version: &str) -> (String, Value) {
    let reversed: Vec<&str> = group.rsplit('.').collect();
    let schema = json!({
        "description": format!("{} of {}.", resource.kind, api_version(group, version)), "type": "object",
        "x-kubernetes-preserve-unknown-fields": true,
        "x-kubernetes-group-version-kind": [{"group": group, "version": version, "kind": resource.kind}],
    });
    (format!("{}.{version}.{}", reversed.join("."), resource.kind), schema)
}
