//! Defaults that the API server writes into objects.

use serde_json::{Value, json};

use super::{
    Resource,
    object::{Fields, escape},
    quantity,
    resource::{DAEMON_SET, DEPLOYMENT, ENDPOINT_SLICE, HPA, HTTP_ROUTE, JOB, NAMESPACE, POD, REPLICA_SET, SECRET, SERVICE, STATEFUL_SET},
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
        (&SECRET, secret),
        (&ENDPOINT_SLICE, endpoint_slice),
        (&HTTP_ROUTE, http_route),
    ];
    if let Some((_, apply)) = defaults.into_iter().find(|(kind, _)| *kind == resource) {
        apply(object);
    }
}

fn namespace(object: &mut Value) {
    let name = object.name().to_owned();
    object.put("/metadata/labels/kubernetes.io~1metadata.name", name);
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
    // The old name of the same field is kept in step.
    let account = spec.text("/serviceAccountName").to_owned();
    if !account.is_empty() {
        spec.put("/serviceAccount", account);
    }
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
    for kind in ["/resources/limits", "/resources/requests"] {
        for amount in container.pointer_mut(kind).and_then(Value::as_object_mut).into_iter().flat_map(serde_json::Map::values_mut) {
            if let Some(text) = amount.as_str().and_then(quantity::Parsed::of).and_then(quantity::Parsed::text) {
                *amount = text.into();
            }
        }
    }
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
        object.put_default("/spec/internalTrafficPolicy", "Cluster");
    }
    for port in object.pointer_mut("/spec/ports").and_then(Value::as_array_mut).into_iter().flatten() {
        port.put_default("/protocol", "TCP");
        let number = port.pointer("/port").cloned().unwrap_or(Value::Null);
        // A zero or empty target is none.
        if port.get("targetPort").is_none_or(|target| target.is_null() || *target == 0 || *target == "") {
            port.put("/targetPort", number);
        }
    }
}

fn autoscaler(object: &mut Value) {
    object.put_default("/spec/minReplicas", 1);
    if object.items("/spec/metrics").is_empty() {
        let cpu = json!([{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}]);
        object.put("/spec/metrics", cpu);
    }
}

fn endpoint_slice(object: &mut Value) {
    for endpoint in object.pointer_mut("/endpoints").and_then(Value::as_array_mut).into_iter().flatten() {
        endpoint.put_default("/conditions", json!({}));
    }
    for port in object.pointer_mut("/ports").and_then(Value::as_array_mut).into_iter().flatten() {
        port.put_default("/name", "");
        port.put_default("/protocol", "TCP");
    }
}

/// `stringData` is only a way to write `data`.
fn secret(object: &mut Value) {
    object.put_default("/type", "Opaque");
    let Some(Value::Object(plain)) = object.cut("/stringData") else { return };
    for (key, value) in plain {
        object.put(&format!("/data/{}", escape(&key)), base64(value.as_str().unwrap_or_default().as_bytes()));
    }
}

fn http_route(object: &mut Value) {
    let gateway = |parent: &mut Value| {
        parent.put_default("/group", "gateway.networking.k8s.io");
        parent.put_default("/kind", "Gateway");
    };
    object.pointer_mut("/spec/parentRefs").and_then(Value::as_array_mut).into_iter().flatten().for_each(gateway);
    let answers = object.pointer_mut("/status/parents").and_then(Value::as_array_mut).into_iter().flatten();
    answers.filter_map(|answer| answer.get_mut("parentRef")).for_each(gateway);
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

/// Standard base64, padded.
pub(super) fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let byte = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
        let group = byte(0) << 16 | byte(1) << 8 | byte(2);
        for index in 0..4 {
            let digit = ALPHABET.get((group >> (18 - 6 * index)) as usize & 63).copied().unwrap_or(b'=');
            out.push(if index > chunk.len() { '=' } else { char::from(digit) });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn string_data_becomes_data() {
        for (plain, coded) in [("", ""), ("b", "Yg=="), ("bc", "YmM="), ("bcd", "YmNk"), ("\u{ff}\u{fe}", "w7/Dvg==")] {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
        let mut object = json!({"stringData": {"a/b": "b"}});
        apply(&SECRET, &mut object);
        assert_eq!(object, json!({"data": {"a/b": "Yg=="}, "type": "Opaque"}));
    }
}
