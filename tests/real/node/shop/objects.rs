//! The runbook's objects as they fit a node of two cores and pods that really answer. The backend is split by an Istio VirtualService, the frontend by
//! an HTTPRoute: one release walks on both.

use kube::Client;
use serde_json::{Value, json};

use super::OLD;
use crate::harness::objects::{self, BACKEND, COMPONENTS, Component, FRONTEND};

/// How long each step is held: for a few hundred requests.
const HOLD: &str = "15s";

/// All objects of a component at the old version.
pub fn of(component: Component, namespace: &str) -> Vec<Value> {
    let mut all = component.objects(namespace, OLD, 1);
    for object in all.iter_mut().filter(|object| object["kind"] == "Deployment") {
        let pod = &mut object["spec"]["template"];
        pod["metadata"]["annotations"] = json!({ "prometheus.io/scrape": "true", "prometheus.io/port": component.port.to_string() });
        // Nothing in a pod talks to the API server, and there is no controller that would make tokens for it.
        pod["spec"]["automountServiceAccountToken"] = json!(false);
        pod["spec"]["enableServiceLinks"] = json!(false);
        pod["spec"]["terminationGracePeriodSeconds"] = json!(10);
        let container = &mut pod["spec"]["containers"][0];
        container["imagePullPolicy"] = json!("IfNotPresent");
        container["readinessProbe"]["periodSeconds"] = json!(1);
        container["resources"] = json!({ "requests": { "cpu": "10m", "memory": "32Mi" }, "limits": { "memory": "128Mi" } });
    }
    if component == FRONTEND {
        all.retain(|object| object["apiVersion"] != "networking.istio.io/v1" && object["kind"] != "Service");
        all.extend(gateway_objects(component, namespace));
    }
    all
}

/// A Service for each track and an HTTPRoute over both.
fn gateway_objects(component: Component, namespace: &str) -> Vec<Value> {
    let labels = json!({ "app": "fusion-electronics", "component": component.name });
    let service = |name: &str, track: &str| {
        let selector = json!({ "app": "fusion-electronics", "component": component.name, "version": track });
        json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": name, "namespace": namespace, "labels": labels },
            "spec": { "selector": selector, "ports": [{ "name": "http", "port": 80, "targetPort": component.port }] } })
    };
    let to = |name: &str, weight: u8| json!({ "name": name, "port": 80, "weight": weight });
    let gateway = "gateway.networking.k8s.io/v1";
    vec![
        service(component.stable, "stable"),
        service(component.canary, "canary"),
        json!({ "apiVersion": gateway, "kind": "Gateway", "metadata": { "name": "shop", "namespace": namespace },
            "spec": { "gatewayClassName": "test", "listeners": [{ "name": "http", "port": 80, "protocol": "HTTP" }] } }),
        json!({ "apiVersion": gateway, "kind": "HTTPRoute", "metadata": { "name": component.stable, "namespace": namespace },
            "spec": { "parentRefs": [{ "name": "shop" }], "rules": [{ "backendRefs": [to(component.stable, 100), to(component.canary, 0)] }] } }),
    ]
}

/// The canary's percentage in the component's route.
pub async fn percent(client: &Client, namespace: &str, component: Component) -> u64 {
    if component == BACKEND {
        let (stable, canary) = objects::weights(client, namespace, component).await.expect("the VirtualService");
        assert_eq!(stable + canary, 100, "{}: the pair's sum never changes", component.name);
        return canary;
    }
    let routes = objects::api(client, namespace, "gateway.networking.k8s.io", "v1", "HTTPRoute");
    let route = routes.get(component.stable).await.expect("the HTTPRoute");
    let weight = |index: usize| route.data["spec"]["rules"][0]["backendRefs"][index]["weight"].as_u64().unwrap_or(1);
    assert_eq!(weight(0) + weight(1), 100, "{}: the pair's sum never changes", component.name);
    weight(1)
}

/// 10 to 100 in the runbook's steps, its gates, the times cut to seconds.
pub fn release_file(namespace: &str, prometheus: &str) -> String {
    let component = |c: &Component| {
        let route = if *c == FRONTEND {
            format!("gateway: {{ httpRoute: {} }}", c.stable)
        } else {
            format!("istio: {{ virtualService: {} }}", c.stable)
        };
        format!("- name: {}\n  stable: {}\n  candidate: {}\n  traffic: {{ {route} }}\n", c.name, c.stable, c.canary)
    };
    let components: String = COMPONENTS.iter().map(component).collect();
    let steps: String = [10, 25, 50, 75, 100].map(|weight| format!("    - {{ weight: {weight}, hold: {HOLD} }}\n")).concat();
    format!(
        "name: storefront\nnamespace: {namespace}\ncomponents:\n{components}strategy:\n  canary:\n    steps:\n{steps}\
         prometheus: {{ url: \"{prometheus}\", interval: 1s }}\n\
         gates:\n- errors: {{ above: 5%, for: 10s, then: rollback, minRequests: 20 }}\n\
         - latency: {{ quantile: 0.95, above: 500ms, for: 10s, then: rollback, minRequests: 20 }}\n\
         - restarts: {{ atLeast: 2, within: 15m, then: rollback }}\n"
    )
}
