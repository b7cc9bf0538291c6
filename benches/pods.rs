//! Ten thousand pods, as an API server sends them.

use std::sync::Arc;

use cutover::cluster::watch::Indexes;
use cutover::domain::live::Snapshot;
use cutover::domain::object::Kind;
use serde_json::json;

pub const PODS: usize = 10_000;

/// Pod `n`'s line in a watch, about as long as a real one. A quarter belong to the release of the fixture.
pub fn line(n: usize, version: u64, ready: bool) -> Vec<u8> {
    let deployment = match n % 16 {
        0 | 1 => "backend",
        2 => "backend-canary",
        3 => "frontend",
        _ => "other",
    };
    let owner = format!("{deployment}-7f9c4bd5c8");
    let name = format!("{owner}-{}", suffix(n));
    let conditions = ["Initialized", "Ready", "ContainersReady", "PodScheduled"].map(|kind| json!({"type": kind, "status": if ready { "True" } else { "False" }, "lastTransitionTime": "2026-11-21T13:00:00Z", "lastProbeTime": null}));
    let env: Vec<_> =
        (0..20).map(|n| json!({"name": format!("SETTING_{n}"), "value": "postgres://db.shop.svc.cluster.local:5432/shop"})).collect();
    let fields = json!({"f:metadata": {"f:labels": {"f:app": {}, "f:pod-template-hash": {}}, "f:ownerReferences": {}}, "f:spec": {"f:containers": {"k:{\"name\":\"app\"}": {".": {}, "f:image": {}, "f:env": {}, "f:ports": {}}}}});
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": name, "namespace": "fusion-ecommerce", "uid": format!("0a3b8f10-5a51-4d5c-9d0e-{n:012}"), "resourceVersion": version.to_string(),
            "creationTimestamp": "2026-11-21T12:00:00Z", "generateName": format!("{owner}-"),
            "labels": {"app": deployment, "pod-template-hash": "7f9c4bd5c8", "team": "payments"},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": owner, "uid": "55", "controller": true, "blockOwnerDeletion": true}],
            "managedFields": [{"manager": "kube-controller-manager", "operation": "Update", "apiVersion": "v1", "time": "2026-11-21T12:00:00Z", "fieldsType": "FieldsV1", "fieldsV1": fields}],
        },
        "spec": {
            "nodeName": format!("node-{}", n % 200), "containers": [{"name": "app", "image": "registry.io/shop/app:v2.3.1", "env": env, "ports": [{"containerPort": 8080}]}],
            "tolerations": [{"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}],
        },
        "status": {
            "phase": "Running", "podIP": "10.1.2.3", "conditions": conditions,
            "containerStatuses": [{"name": "app", "ready": ready, "restartCount": version % 3, "imageID": "registry.io/shop/app@sha256:9c02f1d5b7", "state": {"running": {"startedAt": "2026-11-21T12:00:05Z"}}}],
        }
    });
    format!(r#"{{"type":"MODIFIED","object":{pod}}}"#).into_bytes()
}

/// What Kubernetes hangs on a pod's name: five letters and digits without vowels.
fn suffix(mut n: usize) -> String {
    let letters = b"bcdfghjklmnpqrstvwxz2456789";
    (0..5)
        .map(|_| {
            let letter = char::from(letters[n % letters.len()]);
            n /= letters.len();
            letter
        })
        .collect()
}

/// All of them, indexed.
pub fn indexed() -> Indexes {
    let mut indexes = Indexes::new("fusion-ecommerce");
    for n in 0..PODS {
        indexes.take(Kind::Pod, &line(n, 1, true)).unwrap();
    }
    indexes
}

/// They, beside the fixture's other rows.
pub fn snapshot(indexes: &mut Indexes) -> Arc<Snapshot> {
    Arc::new(Snapshot { pods: indexes.snapshot().pods, ..crate::fixture::snapshot() })
}
