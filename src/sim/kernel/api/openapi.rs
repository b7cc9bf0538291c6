//! As much OpenAPI v3 as kubectl needs to leave validation to the server: which kinds can be patched, and that they take
//! `fieldValidation`. There are no schemas in it.

use serde_json::{Map, Value, json};

use crate::sim::kernel::{
    Method, Request, Response, Status,
    resource::{ALL, Resource},
};

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

fn root(group: &str, version: &str) -> String {
    if group.is_empty() { format!("api/{version}") } else { format!("apis/{group}/{version}") }
}

fn index() -> Value {
    let mut paths = Map::new();
    for (group, version) in ALL.iter().flat_map(|resource| resource.versions) {
        let root = root(group, version);
        // The hash stands for the content, which never changes.
        let url = format!("/openapi/v3/{root}?hash=embedded");
        paths.insert(root, json!({"serverRelativeURL": url}));
    }
    json!({"paths": paths})
}

fn group_version(group: &str, version: &str) -> Result<Value, Status> {
    let kinds: Vec<&Resource> = ALL.iter().copied().filter(|resource| resource.versions.contains(&(group, version))).collect();
    if kinds.is_empty() {
        return Err(Status::no_such_path());
    }
    let paths = kinds.iter().map(|resource| {
        let scope = if resource.namespaced { "namespaces/{namespace}/" } else { "" };
        let kind = json!({"group": group, "version": version, "kind": resource.kind});
        let parameters = ["dryRun", "fieldManager", "fieldValidation"]
            .map(|name| json!({"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": true}}));
        let operation = |action: &str| {
            json!({
                "operationId": format!("{action}{}", resource.kind), "x-kubernetes-action": action, "x-kubernetes-group-version-kind": kind,
                "parameters": parameters,
                "responses": {"200": {"description": "OK"}},
            })
        };
        let path = format!("/{}/{scope}{}/{{name}}", root(group, version), resource.plural);
        (path, json!({"patch": operation("patch"), "put": operation("put")}))
    });
    Ok(json!({
        "openapi": "3.0.0", "info": {"title": "Kubernetes", "version": "v1.36.1"},
        "paths": paths.collect::<Map<_, _>>(), "components": {"schemas": {}},
    }))
}
