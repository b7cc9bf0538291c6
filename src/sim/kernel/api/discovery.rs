//! Discovery: what is served, in the old form (one document per group version) and the aggregated one.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::sim::kernel::{
    Body, Method, Request, Resource, Response, Status, World,
    resource::{ALL, POD, SERVICE, api_version},
};

const VERBS: [&str; 8] = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

/// Groups whose kinds are only posted to, as (group, version, plural, kind).
const REVIEWS: [(&str, &str, &str, &str); 3] = [
    ("authentication.k8s.io", "v1", "selfsubjectreviews", "SelfSubjectReview"),
    ("authorization.k8s.io", "v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview"),
    ("authorization.k8s.io", "v1", "selfsubjectrulesreviews", "SelfSubjectRulesReview"),
];

/// One entry of a group version's list.
struct Entry {
    plural: String,
    singular: String,
    kind: &'static str,
    namespaced: bool,
    verbs: Vec<&'static str>,
    short: &'static [&'static str],
    categories: &'static [&'static str],
    /// Group and version of the kind, when they are not those of the list.
    other: Option<(&'static str, &'static str)>,
}

/// `/version`.
pub fn version() -> Value {
    json!({
        "major": "1", "minor": "36", "gitVersion": "v1.36.1+embedded", "gitCommit": "", "gitTreeState": "clean",
        "buildDate": "2026-11-01T00:00:00Z", "goVersion": "go1.26.8", "compiler": "gc", "platform": "linux/amd64",
        "emulationMajor": "1", "emulationMinor": "36", "minCompatibilityMajor": "1", "minCompatibilityMinor": "35",
    })
}

/// `/api`, `/apis` and below.
///
/// # Errors
/// `NotFound` for a group or version that is not served.
pub fn handle(world: &World, request: &Request, path: Vec<&str>) -> Result<Response, Status> {
    if !matches!(request.method, Method::Get | Method::Head) {
        return Err(Status::method_not_allowed());
    }
    let aggregated = request.accept.split(',').find_map(|clause| {
        let wanted = clause.contains("as=APIGroupDiscoveryList") && clause.contains("g=apidiscovery.k8s.io");
        wanted.then(|| ["v2", "v2beta1"].into_iter().find(|version| clause.split(';').any(|part| part.trim() == format!("v={version}"))))?
    });
    let served = served(world);
    let value = match (path.as_slice(), aggregated) {
        ([root @ ("api" | "apis")], Some(version)) => return Ok(aggregate(&served, *root == "api", version)),
        (["api"], None) => json!({
            "kind": "APIVersions", "versions": ["v1"],
            "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": "127.0.0.1:443"}],
        }),
        (["apis"], None) => {
            let groups: Vec<Value> = groups(&served).into_iter().map(|(group, versions)| group_value(group, &versions)).collect();
            json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
        }
        (["api", version], _) => resource_list(&served, "", version)?,
        (["apis", group], _) => {
            let versions = groups(&served).into_iter().find(|(name, _)| name == group).ok_or_else(Status::no_such_path)?.1;
            let mut value = group_value(group, &versions);
            if let Some(map) = value.as_object_mut() {
                map.insert("kind".into(), "APIGroup".into());
                map.insert("apiVersion".into(), "v1".into());
            }
            value
        }
        (["apis", group, version], _) => resource_list(&served, group, version)?,
        _ => return Err(Status::no_such_path()),
    };
    Ok(Response::json(200, &value))
}

type Served = BTreeMap<(&'static str, &'static str), Vec<Entry>>;

fn served(world: &World) -> Served {
    let mut served = Served::new();
    for resource in ALL {
        for version in resource.versions {
            served.entry(*version).or_default().extend(entries(resource));
        }
    }
    for (group, version, plural, kind) in REVIEWS {
        served.entry((group, version)).or_default().push(plain(plural, kind, false, &["create"]));
    }
    if world.measured.metrics_server {
        let metrics = served.entry(("metrics.k8s.io", "v1beta1")).or_default();
        metrics.push(plain("nodes", "NodeMetrics", false, &["get", "list"]));
        metrics.push(plain("pods", "PodMetrics", true, &["get", "list"]));
    }
    served
}

fn plain(plural: &str, kind: &'static str, namespaced: bool, verbs: &[&'static str]) -> Entry {
    let (plural, verbs) = (plural.to_owned(), verbs.to_vec());
    Entry { plural, singular: String::new(), kind, namespaced, verbs, short: &[], categories: &[], other: None }
}

fn entries(resource: &'static Resource) -> Vec<Entry> {
    let sub = |name: &str, kind, verbs: &[&'static str]| plain(&format!("{}/{name}", resource.plural), kind, resource.namespaced, verbs);
    let mut entries = vec![Entry {
        singular: resource.singular(),
        short: resource.short,
        categories: resource.categories,
        ..plain(resource.plural, resource.kind, resource.namespaced, &VERBS)
    }];
    if resource.status {
        entries.push(sub("status", resource.kind, &["get", "patch", "update"]));
    }
    if resource.scale {
        entries.push(Entry { other: Some(("autoscaling", "v1")), ..sub("scale", "Scale", &["get", "patch", "update"]) });
    }
    if *resource == POD {
        entries.push(sub("log", "Pod", &["get"]));
    }
    if *resource == SERVICE {
        entries.push(sub("proxy", "ServiceProxyOptions", &["create", "delete", "get", "patch", "update"]));
    }
    entries
}

fn groups(served: &Served) -> Vec<(&'static str, Vec<&'static str>)> {
    let names: BTreeSet<&'static str> = served.keys().map(|(group, _)| *group).filter(|group| !group.is_empty()).collect();
    names.into_iter().map(|name| (name, versions(served, name))).collect()
}

/// The versions of a group, the preferred one first.
fn versions(served: &Served, group: &str) -> Vec<&'static str> {
    let preferred = ALL.iter().find(|r| r.group == group).and_then(|r| r.versions.first()).map(|(_, version)| *version);
    let mut versions: Vec<&'static str> = served.keys().filter(|(name, _)| *name == group).map(|(_, version)| *version).collect();
    versions.sort_by_key(|version| Some(*version) != preferred);
    versions
}

fn group_value(group: &str, versions: &[&str]) -> Value {
    let versions: Vec<Value> = versions.iter().map(|v| json!({"groupVersion": api_version(group, v), "version": v})).collect();
    json!({"name": group, "versions": versions, "preferredVersion": versions.first()})
}

fn resource_list(served: &Served, group: &str, version: &str) -> Result<Value, Status> {
    let entries = served.iter().find(|(key, _)| **key == (group, version)).map(|(_, entries)| entries).ok_or_else(Status::no_such_path)?;
    let resources = entries.iter().map(|entry| {
        let mut value = json!({
            "name": entry.plural, "singularName": entry.singular, "namespaced": entry.namespaced, "kind": entry.kind, "verbs": entry.verbs,
        });
        if let Some(map) = value.as_object_mut() {
            if !entry.short.is_empty() {
                map.insert("shortNames".into(), json!(entry.short));
            }
            if !entry.categories.is_empty() {
                map.insert("categories".into(), json!(entry.categories));
            }
            if let Some((group, version)) = entry.other {
                map.insert("group".into(), group.into());
                map.insert("version".into(), version.into());
            }
        }
        value
    });
    Ok(json!({
        "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": api_version(group, version),
        "resources": resources.collect::<Vec<_>>(),
    }))
}

/// The aggregated form of the core group (`core`) or of all others.
fn aggregate(served: &Served, core: bool, form: &str) -> Response {
    let wanted: Vec<(&str, Vec<&str>)> = if core { vec![("", versions(served, ""))] } else { groups(served) };
    let items = wanted.into_iter().map(|(group, versions)| {
        let versions = versions.into_iter().map(|version| {
            let entries = served.iter().find(|(key, _)| **key == (group, version)).map_or(&[][..], |(_, entries)| entries);
            json!({"version": version, "freshness": "Current", "resources": aggregated_resources(group, version, entries)})
        });
        let metadata =
            if group.is_empty() { json!({"creationTimestamp": null}) } else { json!({"name": group, "creationTimestamp": null}) };
        json!({"metadata": metadata, "versions": versions.collect::<Vec<_>>()})
    });
    let value = json!({
        "kind": "APIGroupDiscoveryList", "apiVersion": format!("apidiscovery.k8s.io/{form}"), "metadata": {},
        "items": items.collect::<Vec<_>>(),
    });
    let media = format!("application/json;g=apidiscovery.k8s.io;v={form};as=APIGroupDiscoveryList");
    Response { content_type: media, body: Body::Full(value.to_string().into_bytes()), ..Response::text(200, "") }
}

fn aggregated_resources(group: &str, version: &str, entries: &[Entry]) -> Vec<Value> {
    let kind_of = |entry: &Entry| {
        let (group, version) = entry.other.unwrap_or((group, version));
        json!({"group": group, "version": version, "kind": entry.kind})
    };
    let mut resources = Vec::new();
    for entry in entries.iter().filter(|entry| !entry.plural.contains('/')) {
        let prefix = format!("{}/", entry.plural);
        let subresources: Vec<Value> = entries
            .iter()
            .filter_map(|sub| {
                let name = sub.plural.strip_prefix(&prefix)?;
                Some(json!({"subresource": name, "responseKind": kind_of(sub), "verbs": sub.verbs}))
            })
            .collect();
        let mut value = json!({
            "resource": entry.plural, "responseKind": kind_of(entry), "scope": if entry.namespaced { "Namespaced" } else { "Cluster" },
            "singularResource": entry.singular, "verbs": entry.verbs,
        });
        if let Some(map) = value.as_object_mut() {
            for (key, list) in [("shortNames", entry.short), ("categories", entry.categories)] {
                if !list.is_empty() {
                    map.insert(key.into(), json!(list));
                }
            }
            if !subresources.is_empty() {
                map.insert("subresources".into(), Value::Array(subresources));
            }
        }
        resources.push(value);
    }
    resources
}
