//! The candidate's Deployment, made from stable's: what must differ differs, what others own stays behind.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::domain::action::{CHANGE_CAUSE, ImageChange, STAMP};

/// What the copy is to be.
pub(super) struct Wanted<'a> {
    pub name: &'a str,
    pub labels: &'a BTreeMap<String, String>,
    pub images: &'a [ImageChange],
    pub replicas: u32,
    pub cause: Option<&'a str>,
    pub stamp: &'a str,
}

/// Keys by which tools know what is theirs: with them the copy would be pruned, adopted or reverted.
fn is_foreign(key: &str) -> bool {
    const PREFIXES: [&str; 10] = [
        "argocd.argoproj.io/",
        "rollouts.argoproj.io/",
        "meta.helm.sh/",
        "helm.sh/",
        "helm.toolkit.fluxcd.io/",
        "kustomize.toolkit.fluxcd.io/",
        "fluxcd.io/",
        "deployment.kubernetes.io/",
        "kubectl.kubernetes.io/",
        "config.kubernetes.io/",
    ];
    PREFIXES.iter().any(|p| key.starts_with(p)) || matches!(key, CHANGE_CAUSE | STAMP | "objectset.rio.cattle.io/applied")
}

fn is_foreign_label(key: &str) -> bool {
    // Argo CD prunes what carries its Application's name here; Helm says so in `managed-by`.
    is_foreign(key) || matches!(key, "app.kubernetes.io/instance" | "app.kubernetes.io/managed-by")
}

fn kept(source: &Value, path: &str, is_foreign: fn(&str) -> bool) -> Map<String, Value> {
    let all = source.pointer(path).and_then(Value::as_object);
    all.into_iter().flatten().filter(|(k, _)| !is_foreign(k)).map(|(k, v)| (k.clone(), v.clone())).collect()
}

/// The manifest to create, or what about the source does not fit.
pub(super) fn deployment(source: Value, wanted: &Wanted<'_>) -> Result<Value, String> {
    let mut labels = kept(&source, "/metadata/labels", is_foreign_label);
    let mut annotations = kept(&source, "/metadata/annotations", is_foreign);
    annotations.insert(STAMP.to_owned(), json!(wanted.stamp));
    annotations.extend(wanted.cause.map(|c| (CHANGE_CAUSE.to_owned(), json!(c))));
    overlay(&mut labels, wanted.labels);
    let namespace = source.pointer("/metadata/namespace").cloned().unwrap_or_default();
    let mut spec = source.get("spec").cloned().ok_or("it has no spec")?;
    for path in ["/selector/matchLabels", "/template/metadata/labels"] {
        overlay(spec.pointer_mut(path).and_then(Value::as_object_mut).ok_or_else(|| format!("it has no spec{path}"))?, wanted.labels);
    }
    for image in wanted.images {
        let containers = spec.pointer_mut("/template/spec/containers").and_then(Value::as_array_mut);
        let container = containers.and_then(|all| all.iter_mut().find(|c| c.get("name") == Some(&json!(image.container))));
        let container = container.and_then(Value::as_object_mut).ok_or_else(|| format!("it has no container {}", image.container))?;
        container.insert("image".to_owned(), json!(image.to));
    }
    let fields = spec.as_object_mut().ok_or("its spec is no object")?;
    fields.insert("replicas".to_owned(), json!(wanted.replicas));
    fields.remove("paused");
    Ok(json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": { "name": wanted.name, "namespace": namespace, "labels": labels, "annotations": annotations },
        "spec": spec,
    }))
}

fn overlay(labels: &mut Map<String, Value>, over: &BTreeMap<String, String>) {
    labels.extend(over.iter().map(|(k, v)| (k.clone(), json!(v))));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stable() -> Value {
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {
                "name": "web", "namespace": "shop", "uid": "u1", "resourceVersion": "7", "generation": 4,
                "creationTimestamp": "2026-01-01T00:00:00Z", "managedFields": [{}], "ownerReferences": [{}], "finalizers": ["x"],
                "labels": { "app": "web", "track": "stable", "app.kubernetes.io/instance": "shop", "app.kubernetes.io/managed-by": "Helm" },
                "annotations": {
                    "kubectl.kubernetes.io/last-applied-configuration": "{}", "deployment.kubernetes.io/revision": "4",
                    "argocd.argoproj.io/tracking-id": "x", "meta.helm.sh/release-name": "shop", "team": "payments",
                    "cutover.dev/stamp": "1.1", "kubernetes.io/change-cause": "old"
                }
            },
            "spec": {
                "replicas": 10, "paused": true,
                "selector": { "matchLabels": { "app": "web", "track": "stable" } },
                "template": {
                    "metadata": { "labels": { "app": "web", "track": "stable", "app.kubernetes.io/instance": "shop" }, "annotations": { "a": "b" } },
                    "spec": { "containers": [{ "name": "web", "image": "web:v1", "ports": [] }, { "name": "proxy", "image": "p:1" }] }
                }
            },
            "status": { "replicas": 10 }
        })
    }

    #[test]
    fn the_copy_differs_where_it_must_and_nowhere_else() {
        let labels = BTreeMap::from([("track".to_owned(), "canary".to_owned())]);
        let images = [ImageChange { index: 0, container: "web".into(), from: "web:v1".into(), to: "web:v2".into() }];
        let wanted = Wanted { name: "web-canary", labels: &labels, images: &images, replicas: 2, cause: Some("try v2"), stamp: "3.1" };
        let copy = deployment(stable(), &wanted).unwrap();
        assert_eq!(
            copy,
            json!({
                "apiVersion": "apps/v1", "kind": "Deployment",
                "metadata": {
                    "name": "web-canary", "namespace": "shop", "labels": { "app": "web", "track": "canary" },
                    "annotations": { "team": "payments", "cutover.dev/stamp": "3.1", "kubernetes.io/change-cause": "try v2" }
                },
                "spec": {
                    "replicas": 2,
                    "selector": { "matchLabels": { "app": "web", "track": "canary" } },
                    "template": {
                        "metadata": { "labels": { "app": "web", "track": "canary", "app.kubernetes.io/instance": "shop" }, "annotations": { "a": "b" } },
                        "spec": { "containers": [{ "name": "web", "image": "web:v2", "ports": [] }, { "name": "proxy", "image": "p:1" }] }
                    }
                }
            })
        );
    }

    #[test]
    fn a_container_that_is_not_there_is_said() {
        let images = [ImageChange { index: 0, container: "api".into(), from: "a:1".into(), to: "a:2".into() }];
        let wanted = Wanted { name: "x", labels: &BTreeMap::new(), images: &images, replicas: 1, cause: None, stamp: "1.1" };
        assert_eq!(deployment(stable(), &wanted).unwrap_err(), "it has no container api");
    }
}
