//! Defaults that the API server writes into objects.

use serde_json::{Value, json};

use super::{
    Resource,
    object::Fields,
    resource::{DAEMON_SET, DEPLOYMENT, HPA, HTTP_ROUTE, INGRESS, JOB, NAMESPACE, POD, REPLICA_SET, SECRET, SERVICE, STATEFUL_SET},
};

/// Fills in what the client left out. Doing it twice changes nothing.
pub fn apply(resource: &Resource, object: &mut Value) {
    type Fill = fn(&mut Value);
    let defaults: [(&Resource, Fill); 12] = [
        (&NAMESPACE, namespace),
        (&POD, pod),
        (&DEPLOYMENT, deployment),
        (&REPLICA_SET, replica_set),
        (&STATEFUL_SET, stateful_set),
        (&DAEMON_SET, daemon_set),
        (&JOB, job),
        (&SERVICE, service),
        (&HPA, autoscaler),
        (&SECRET, |object| object.put_default("/type", "Opaque")),
        (&INGRESS, ingress),
        (&HTTP_ROUTE, http_route),
    ];
    if let Some((_, apply)) = defaults.into_iter().find(|(kind, _)| *kind == resource) {
        apply(object);
    }
}

fn namespace(object: &mut Value) {
    let name = object.name().to_owned();
    object.put("/metadata/labels/kubernetes.io~1metadata.name", name);
    if !object.is_deleting() {
        object.put_default("/spec/finalizers", json!(["kubernetes"]));
        object.put_default("/status/phase", "Active");
    }
}

fn deployment(object: &mut Value) {
    object.put_default("/spec/replicas", 1);
    object.put_default("/spec/revisionHistoryLimit", 10);
    object.put_default("/spec/progressDeadlineSeconds", 600);
    object.put_default("/spec/strategy/type", "RollingUpdate");
    if object.text("/spec/strategy/type") == "RollingUpdate" {
        object.put_default("/spec/strategy/rollingUpdate/maxSurge", "25%");
        object.put_default("/spec/strategy/rollingUpdate/maxUnavailable", "25%");
    }
    template(object);
}

fn replica_set(object: &mut Value) {
    object.put_default("/spec/replicas", 1);
    template(object);
}

fn stateful_set(object: &mut Value) {
    object.put_default("/spec/replicas", 1);
    object.put_default("/spec/revisionHistoryLimit", 10);
    object.put_default("/spec/podManagementPolicy", "OrderedReady");
    object.put_default("/spec/updateStrategy/type", "RollingUpdate");
    template(object);
}

fn daemon_set(object: &mut Value) {
    object.put_default("/spec/revisionHistoryLimit", 10);
    object.put_default("/spec/updateStrategy/type", "RollingUpdate");
    template(object);
}

fn job(object: &mut Value) {
    object.put_default("/spec/completions", 1);
    object.put_default("/spec/parallelism", 1);
    object.put_default("/spec/backoffLimit", 6);
    object.put_default("/spec/suspend", false);
    template(object);
}

fn template(object: &mut Value) {
    if let Some(spec) = object.pointer_mut("/spec/template/spec") {
        pod_spec(spec);
    }
}

fn pod(object: &mut Value) {
    if let Some(spec) = object.pointer_mut("/spec") {
        pod_spec(spec);
        spec.put_default("/enableServiceLinks", true);
        spec.put_default("/preemptionPolicy", "PreemptLowerPriority");
        spec.put_default("/priority", 0);
        spec.put_default("/serviceAccountName", "default");
        spec.put_default("/serviceAccount", "default");
        let tolerations = ["not-ready", "unreachable"].map(|taint| {
            json!({"key": format!("node.kubernetes.io/{taint}"), "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300})
        });
        spec.put_default("/tolerations", tolerations.to_vec());
    }
    object.put_default("/status/phase", "Pending");
    let class = quality(object);
    object.put_default("/status/qosClass", class);
}

/// `qosClass`: guaranteed when every container's limits equal its requests, best effort when there are none.
fn quality(pod: &Value) -> &'static str {
    let containers = || pod.items("/spec/containers").iter();
    let has_any = |c: &Value| !c.map("/resources/limits").is_empty() || !c.map("/resources/requests").is_empty();
    let is_fixed = |c: &Value| {
        let (limits, requests) = (c.map("/resources/limits"), c.map("/resources/requests"));
        ["cpu", "memory"]
            .into_iter()
            .all(|name| limits.contains_key(name) && requests.get(name).is_none_or(|r| limits.get(name) == Some(r)))
    };
    if !containers().any(has_any) {
        "BestEffort"
    } else if containers().all(is_fixed) {
        "Guaranteed"
    } else {
        "Burstable"
    }
}

fn pod_spec(spec: &mut Value) {
    for list in ["/containers", "/initContainers"] {
        for container in spec.pointer_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            self::container(container);
        }
    }
    spec.put_default("/restartPolicy", "Always");
    spec.put_default("/terminationGracePeriodSeconds", 30);
    spec.put_default("/dnsPolicy", "ClusterFirst");
    spec.put_default("/securityContext", json!({}));
    spec.put_default("/schedulerName", "default-scheduler");
    for volume in spec.pointer_mut("/volumes").and_then(Value::as_array_mut).into_iter().flatten() {
        for source in ["/configMap", "/secret"] {
            if volume.pointer(source).is_some() {
                volume.put_default(&format!("{source}/defaultMode"), 420);
            }
        }
    }
}

fn container(container: &mut Value) {
    let image = container.text("/image");
    let tag = image.rsplit('/').next().and_then(|last| last.split_once(':')).map(|(_, tag)| tag);
    let policy = if !image.contains('@') && tag.is_none_or(|tag| tag == "latest") { "Always" } else { "IfNotPresent" };
    container.put_default("/imagePullPolicy", policy);
    container.put_default("/resources", json!({}));
    container.put_default("/terminationMessagePath", "/dev/termination-log");
    container.put_default("/terminationMessagePolicy", "File");
    for port in container.pointer_mut("/ports").and_then(Value::as_array_mut).into_iter().flatten() {
        port.put_default("/protocol", "TCP");
    }
    for name in ["/livenessProbe", "/readinessProbe", "/startupProbe"] {
        if let Some(probe) = container.pointer_mut(name) {
            for (field, value) in [("timeoutSeconds", 1), ("periodSeconds", 10), ("successThreshold", 1), ("failureThreshold", 3)] {
                probe.put_default(&format!("/{field}"), value);
            }
            if probe.pointer("/httpGet").is_some() {
                probe.put_default("/httpGet/path", "/");
                probe.put_default("/httpGet/scheme", "HTTP");
            }
        }
    }
    for variable in container.pointer_mut("/env").and_then(Value::as_array_mut).into_iter().flatten() {
        if variable.pointer("/valueFrom/fieldRef").is_some() {
            variable.put_default("/valueFrom/fieldRef/apiVersion", "v1");
        }
    }
}

fn service(object: &mut Value) {
    object.put_default("/spec/type", "ClusterIP");
    object.put_default("/spec/sessionAffinity", "None");
    if object.text("/spec/type") != "ExternalName" {
        object.put_default("/spec/ipFamilies", json!(["IPv4"]));
        object.put_default("/spec/ipFamilyPolicy", "SingleStack");
        object.put_default("/spec/internalTrafficPolicy", "Cluster");
    }
    for port in object.pointer_mut("/spec/ports").and_then(Value::as_array_mut).into_iter().flatten() {
        port.put_default("/protocol", "TCP");
        let number = port.pointer("/port").cloned().unwrap_or(Value::Null);
        port.put_default("/targetPort", number);
    }
    object.put_default("/status/loadBalancer", json!({}));
}

fn autoscaler(object: &mut Value) {
    object.put_default("/spec/minReplicas", 1);
    if object.items("/spec/metrics").is_empty() {
        let cpu = json!([{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}]);
        object.put("/spec/metrics", cpu);
    }
}

fn ingress(object: &mut Value) {
    object.put_default("/status/loadBalancer", json!({}));
}

fn http_route(object: &mut Value) {
    for parent in object.pointer_mut("/spec/parentRefs").and_then(Value::as_array_mut).into_iter().flatten() {
        parent.put_default("/group", "gateway.networking.k8s.io");
        parent.put_default("/kind", "Gateway");
    }
    object.put_default("/spec/rules", json!([{"matches": [{"path": {"type": "PathPrefix", "value": "/"}}]}]));
    for rule in object.pointer_mut("/spec/rules").and_then(Value::as_array_mut).into_iter().flatten() {
        rule.put_default("/matches", json!([{"path": {"type": "PathPrefix", "value": "/"}}]));
        for backend in rule.pointer_mut("/backendRefs").and_then(Value::as_array_mut).into_iter().flatten() {
            backend.put_default("/group", "");
            backend.put_default("/kind", "Service");
            backend.put_default("/weight", 1);
        }
    }
}
