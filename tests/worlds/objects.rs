//! The objects that a layout is made of, as the API takes them.

use serde_json::{Value, json};

use super::layout::Layout;
use crate::world::WHOLE;

/// The first revision's image; the second one's is laid over it.
pub const FIRST: &str = "shop/app:v0";

/// A Gateway that the routes hang on.
pub fn gateway(namespace: &str) -> Value {
    json!({ "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": { "name": "public", "namespace": namespace },
        "spec": { "gatewayClassName": "any", "listeners": [{ "name": "http", "port": 80, "protocol": "HTTP" }] } })
}

/// Everything about a component but its route.
pub fn component(layout: Layout, name: &str) -> Vec<Value> {
    let candidate = format!("{name}-canary");
    let labels = |on: bool| json!({ "app": name, "version": layout.version_label(on) });
    let stable = deployment(name, &labels(false), WHOLE);
    let canary = |n| deployment(&candidate, &labels(true), n);
    match layout {
        Layout::Bare => vec![],
        Layout::Rolling => vec![stable],
        Layout::BlueGreen => vec![stable, canary(WHOLE)],
        Layout::Ratio => vec![stable, canary(0), service(name, &json!({ "app": name }))],
        _ => vec![stable, canary(0), service(name, &labels(false)), service(&candidate, &labels(true))],
    }
}

/// What decides over a component's traffic; others hold a share of it, where others can.
pub fn route(layout: Layout, name: &str) -> Option<Value> {
    let (meta, candidate) = (json!({ "name": name }), format!("{name}-canary"));
    let sides = [(name, 100), (candidate.as_str(), 0), ("elsewhere", 7)];
    Some(match layout {
        Layout::Canary | Layout::Application | Layout::Pair | Layout::Testers => {
            let to = sides.map(|(host, weight)| json!({ "destination": { "host": host }, "weight": weight }));
            json!({ "apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": meta,
                "spec": { "hosts": [name], "http": [{ "route": to }] } })
        }
        Layout::Gateway => {
            let to = sides.map(|(service, weight)| json!({ "name": service, "port": 80, "weight": weight }));
            json!({ "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": meta,
                "spec": { "parentRefs": [{ "name": "public" }], "rules": [{ "backendRefs": to }] } })
        }
        Layout::Nginx => {
            let prefix = "nginx.ingress.kubernetes.io";
            let path =
                json!({ "path": "/", "pathType": "Prefix", "backend": { "service": { "name": candidate, "port": { "number": 80 } } } });
            json!({ "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
                "metadata": { "name": candidate, "annotations": { format!("{prefix}/canary"): "true", format!("{prefix}/canary-weight"): "0" } },
                "spec": { "ingressClassName": "nginx", "rules": [{ "host": "shop.example", "http": { "paths": [path] } }] } })
        }
        Layout::BlueGreen => service(name, &json!({ "app": name, "version": "blue" })),
        Layout::Bare | Layout::Ratio | Layout::Rolling => return None,
    })
}

/// Another object of a route's kind, by which testers get to the candidate.
pub fn neighbour(layout: Layout, name: &str) -> Option<Value> {
    let mut body = route(layout, name)?;
    let candidate = format!("{name}-canary");
    body["metadata"] = json!({ "name": format!("{name}-testers") });
    match layout {
        Layout::Gateway => {
            let matches = json!([{ "headers": [{ "name": "x-canary", "value": "always" }] }]);
            body["spec"]["rules"] = json!([{ "matches": matches, "backendRefs": [{ "name": candidate, "port": 80 }] }]);
        }
        Layout::Nginx => body["spec"]["rules"][0]["host"] = "beta.example".into(),
        Layout::Canary | Layout::Application | Layout::Pair | Layout::Testers => {
            let matches = json!([{ "headers": { "x-canary": { "exact": "always" } } }]);
            body["spec"] =
                json!({ "hosts": ["beta.example"], "http": [{ "match": matches, "route": [{ "destination": { "host": candidate } }] }] });
        }
        Layout::BlueGreen | Layout::Bare | Layout::Ratio | Layout::Rolling => return None,
    }
    Some(body)
}

/// An Application that heals itself, of which nobody obeys a word.
pub fn application() -> Value {
    json!({ "apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": { "name": "shop" },
        "spec": { "project": "default", "syncPolicy": automated(true) } })
}

/// Its policy, switched on or off.
pub fn automated(on: bool) -> Value {
    json!({ "automated": if on { json!({ "selfHeal": true }) } else { Value::Null } })
}

/// What says that it manages an object.
pub fn tracked(namespace: &str) -> Value {
    let id = format!("{namespace}_shop:networking.istio.io/VirtualService:{namespace}/backend");
    json!({ "metadata": { "annotations": { "argocd.argoproj.io/tracking-id": id } } })
}

/// The kind, for an API server that does not know it.
pub fn application_kind() -> Value {
    let schema = json!({ "openAPIV3Schema": { "type": "object", "x-kubernetes-preserve-unknown-fields": true } });
    let version = json!({ "name": "v1alpha1", "served": true, "storage": true, "schema": schema });
    let names = json!({ "kind": "Application", "listKind": "ApplicationList", "plural": "applications", "singular": "application" });
    json!({ "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": { "name": "applications.argoproj.io" },
        "spec": { "group": "argoproj.io", "scope": "Namespaced", "names": names, "versions": [version] } })
}

/// How somebody gives the candidate a share.
pub fn weighs(layout: Layout, percent: u32) -> Value {
    let put = |path: &str, value: Value| json!({ "op": "replace", "path": path, "value": value });
    let both =
        |list: &str| json!([put(&format!("{list}/0/weight"), json!(100 - percent)), put(&format!("{list}/1/weight"), json!(percent))]);
    match layout {
        Layout::Gateway => both("/spec/rules/0/backendRefs"),
        Layout::Nginx => json!([put("/metadata/annotations/nginx.ingress.kubernetes.io~1canary-weight", json!(percent.to_string()))]),
        Layout::BlueGreen => json!([put("/spec/selector/version", json!(layout.version_label(percent > 0)))]),
        _ => both("/spec/http/0/route"),
    }
}

/// An autoscaler that has nothing to measure.
pub fn autoscaler(target: &str, min: u32, max: u32) -> Value {
    json!({ "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": { "name": target }, "spec": {
        "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": target }, "minReplicas": min, "maxReplicas": max,
        "metrics": [{ "type": "Resource", "resource": { "name": "cpu", "target": { "type": "Utilization", "averageUtilization": 70 } } }] } })
}

fn service(name: &str, selector: &Value) -> Value {
    json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": name }, "spec": { "selector": selector, "ports": [{ "port": 80 }] } })
}

/// As many old revisions are kept as the compact world keeps, and it turns one pod at a time.
fn deployment(name: &str, labels: &Value, replicas: u32) -> Value {
    json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": name, "labels": labels }, "spec": {
        "replicas": replicas, "revisionHistoryLimit": 3, "selector": { "matchLabels": labels },
        "strategy": { "type": "RollingUpdate", "rollingUpdate": { "maxSurge": 1, "maxUnavailable": 0 } },
        "template": { "metadata": { "labels": labels }, "spec": { "containers": [{ "name": "app", "image": FIRST }] } } } })
}
