//! The first runbook's objects: frontend and backend of Fusion Electronics, stable and canary, split by Istio.

use std::time::Duration;

use kube::api::{Api, DynamicObject, Patch, PatchParams};
use kube::core::{GroupVersionKind, TypeMeta};
use kube::discovery::ApiResource;
use kube::{Client, ResourceExt};
use serde_json::{Value, json};

use super::deadline::eventually;
use super::namespace::TestNamespace;

/// How long kwok may take to bring pods up on a busy machine.
const READY: Duration = Duration::from_secs(120);

/// One of the two components.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Component {
    /// `frontend` or `backend`: also the container's name.
    pub name: &'static str,
    /// The stable Deployment, its Service, VirtualService and HPA.
    pub stable: &'static str,
    /// The canary Deployment.
    pub canary: &'static str,
    /// Where its container listens.
    pub port: u16,
}

/// The shop's page.
pub const FRONTEND: Component =
    Component { name: "frontend", stable: "fusion-electronics-frontend", canary: "fusion-electronics-frontend-canary", port: 3000 };
/// Its API.
pub const BACKEND: Component =
    Component { name: "backend", stable: "fusion-electronics-backend", canary: "fusion-electronics-backend-canary", port: 5000 };
/// Both.
pub const COMPONENTS: [Component; 2] = [BACKEND, FRONTEND];

impl Component {
    /// The image of a version such as `v1.1.0`.
    pub fn image(&self, version: &str) -> String {
        format!("registry.io/{}:{version}", self.stable)
    }

    fn labels(&self, track: &str) -> Value {
        json!({ "app": "fusion-electronics", "component": self.name, "version": track })
    }

    fn deployment(&self, namespace: &str, name: &str, track: &str, replicas: u32, version: &str) -> Value {
        let health = |path: &str| json!({ "httpGet": { "path": path, "port": self.port }, "periodSeconds": 10 });
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": { "name": name, "namespace": namespace, "labels": self.labels(track) },
            "spec": {
                "replicas": replicas,
                "selector": { "matchLabels": self.labels(track) },
                "strategy": { "type": "RollingUpdate", "rollingUpdate": { "maxSurge": 1, "maxUnavailable": 0 } },
                "template": {
                    "metadata": { "labels": self.labels(track) },
                    "spec": { "containers": [{
                        "name": self.name, "image": self.image(version), "ports": [{ "name": "http", "containerPort": self.port }],
                        "resources": { "requests": { "cpu": "100m", "memory": "128Mi" }, "limits": { "cpu": "500m", "memory": "512Mi" } },
                        "readinessProbe": health("/health/ready"), "livenessProbe": health("/health"),
                    }] },
                },
            },
        })
    }

    /// All objects of this component: stable with three replicas, the canary with `canary_replicas` of the same version.
    pub fn objects(&self, namespace: &str, version: &str, canary_replicas: u32) -> Vec<Value> {
        let meta =
            json!({ "name": self.stable, "namespace": namespace, "labels": { "app": "fusion-electronics", "component": self.name } });
        let to = |track: &str| json!({ "host": self.stable, "subset": track });
        vec![
            self.deployment(namespace, self.stable, "stable", 3, version),
            self.deployment(namespace, self.canary, "canary", canary_replicas, version),
            // As the runbook says: the Service's selector does not name a version, or the canary would never be reached.
            json!({ "apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {
                "selector": { "app": "fusion-electronics", "component": self.name }, "ports": [{ "name": "http", "port": 80, "targetPort": self.port }] } }),
            json!({ "apiVersion": "networking.istio.io/v1", "kind": "DestinationRule", "metadata": meta, "spec": {
                "host": self.stable,
                "subsets": [{ "name": "stable", "labels": { "version": "stable" } }, { "name": "canary", "labels": { "version": "canary" } }] } }),
            json!({ "apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": meta, "spec": {
                "hosts": [self.stable],
                "http": [
                    // Not ours to touch: it must stay byte for byte.
                    { "name": "status-page", "match": [{ "uri": { "prefix": "/status" } }], "route": [{ "destination": to("stable") }] },
                    { "name": "split", "route": [{ "destination": to("stable"), "weight": 100 }, { "destination": to("canary"), "weight": 0 }] },
                ] } }),
            json!({ "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": meta, "spec": {
                "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": self.stable }, "minReplicas": 3, "maxReplicas": 10,
                "metrics": [{ "type": "Resource", "resource": { "name": "cpu", "target": { "type": "Utilization", "averageUtilization": 70 } } }] } }),
            json!({ "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": meta, "spec": {
                "minAvailable": 2, "selector": { "matchLabels": self.labels("stable") } } }),
        ]
    }
}

/// Applies frontend and backend at `version` and waits until every Deployment is ready.
pub async fn deploy(namespace: &TestNamespace, version: &str, canary_replicas: u32) {
    let objects: Vec<Value> =
        COMPONENTS.iter().flat_map(|component| component.objects(&namespace.name, version, canary_replicas)).collect();
    namespace.apply(&objects).await;
    let client = namespace.harness().await;
    for component in COMPONENTS {
        ready(&client, &namespace.name, component.stable, 3).await;
        ready(&client, &namespace.name, component.canary, canary_replicas).await;
    }
}

/// Waits until the Deployment has exactly `replicas` updated and available pods, by its own status.
///
/// # Panics
/// When that takes longer than two minutes.
pub async fn ready(client: &Client, namespace: &str, deployment: &str, replicas: u32) {
    let api = api(client, namespace, "apps", "v1", "Deployment");
    eventually(&format!("{deployment} with {replicas} ready pods"), READY, async || {
        let object = api.get(deployment).await.map_err(|error| error.to_string())?;
        let (spec, status) = (&object.data["spec"], &object.data["status"]);
        let count = |field: &str| status[field].as_u64().unwrap_or_default();
        let current =
            status["observedGeneration"].as_i64() == object.metadata.generation && spec["replicas"].as_u64() == Some(replicas.into());
        let all =
            ["replicas", "updatedReplicas", "readyReplicas", "availableReplicas"].map(count).iter().all(|n| *n == u64::from(replicas));
        if current && (all || replicas == 0 && count("replicas") == 0) { Ok(()) } else { Err(status.to_string()) }
    })
    .await;
}

/// The weights (stable, canary) in the split of this component's VirtualService.
///
/// # Errors
/// What the API server said.
pub async fn weights(client: &Client, namespace: &str, component: Component) -> Result<(u64, u64), kube::Error> {
    let object = virtual_services(client, namespace).get(component.stable).await?;
    let weight = |index: usize| object.data["spec"]["http"][1]["route"][index]["weight"].as_u64().unwrap_or_default();
    Ok((weight(0), weight(1)))
}

/// VirtualServices of a namespace.
pub fn virtual_services(client: &Client, namespace: &str) -> Api<DynamicObject> {
    api(client, namespace, "networking.istio.io", "v1", "VirtualService")
}

/// Any namespaced kind.
pub fn api(client: &Client, namespace: &str, group: &str, version: &str, kind: &str) -> Api<DynamicObject> {
    Api::namespaced_with(client.clone(), namespace, &ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind)))
}

/// Server-side apply of one object, forced: the harness owns what it lays out.
///
/// # Panics
/// When the API server refuses it.
pub async fn apply(client: &Client, object: &Value) {
    let types: TypeMeta = serde_json::from_value(object.clone()).expect("an object names its kind");
    let resource = ApiResource::from_gvk(&GroupVersionKind::try_from(&types).expect("group and version"));
    let object: DynamicObject = serde_json::from_value(object.clone()).expect("an object");
    let api: Api<DynamicObject> = match object.namespace() {
        Some(namespace) => Api::namespaced_with(client.clone(), &namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    };
    let applied = api.patch(&object.name_any(), &PatchParams::apply("harness").force(), &Patch::Apply(&object)).await;
    applied.unwrap_or_else(|error| panic!("applying {} {}: {error}", types.kind, object.name_any()));
}
