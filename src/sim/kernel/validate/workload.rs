//! Workloads and autoscalers.

use serde_json::Value;

use super::{name, pod};
use crate::sim::kernel::{
    Resource,
    object::Fields,
    resource::{DAEMON_SET, DEPLOYMENT},
    selector::matches_spec,
    status::Cause,
};

/// Judges a Deployment, ReplicaSet, StatefulSet or DaemonSet.
pub(super) fn workload(resource: &Resource, object: &Value, causes: &mut Vec<Cause>) {
    if *resource != DAEMON_SET {
        not_negative(object, "/spec/replicas", causes);
    }
    selector(object, causes);
    name::labels(object.pointer("/spec/template/metadata/labels"), "spec.template.labels", causes);
    pod::spec(object.pointer("/spec/template/spec"), "spec.template.spec", causes);
    let policy = object.text("/spec/template/spec/restartPolicy");
    if !matches!(policy, "" | "Always") {
        causes.push(Cause::unsupported("spec.template.spec.restartPolicy", &policy.into(), &["Always"]));
    }
    not_negative(object, "/spec/minReadySeconds", causes);
    not_negative(object, "/spec/revisionHistoryLimit", causes);
    if *resource == DEPLOYMENT {
        strategy(object, causes);
        let (deadline, ready) = (object.int("/spec/progressDeadlineSeconds"), object.int("/spec/minReadySeconds").unwrap_or(0));
        if let Some(deadline) = deadline.filter(|deadline| *deadline <= ready) {
            causes.push(Cause::invalid("spec.progressDeadlineSeconds", &deadline.into(), "must be greater than minReadySeconds"));
        }
    }
}

fn selector(object: &Value, causes: &mut Vec<Cause>) {
    let Some(selector) = object.pointer("/spec/selector") else {
        causes.push(Cause::required("spec.selector", ""));
        let labels = object.pointer("/spec/template/metadata/labels").unwrap_or(&Value::Null);
        causes.push(Cause::invalid("spec.template.metadata.labels", labels, "`selector` does not match template `labels`"));
        return;
    };
    if selector.map("/matchLabels").is_empty() && selector.items("/matchExpressions").is_empty() {
        let why = "empty selector is invalid for deployment";
        causes.push(Cause::invalid("spec.selector", selector, why));
        return;
    }
    let labels = object.map("/spec/template/metadata/labels");
    if !matches_spec(Some(selector), labels) {
        let labels = Value::Object(labels.clone());
        causes.push(Cause::invalid("spec.template.metadata.labels", &labels, "`selector` does not match template `labels`"));
    }
}

fn strategy(object: &Value, causes: &mut Vec<Cause>) {
    let kind = object.text("/spec/strategy/type");
    match kind {
        "Recreate" if object.pointer("/spec/strategy/rollingUpdate").is_some() => {
            let why = "may not be specified when strategy `type` is 'Recreate'";
            causes.push(Cause::forbidden("spec.strategy.rollingUpdate", why));
        }
        "RollingUpdate" => {
            let value = |name: &str| object.pointer(&format!("/spec/strategy/rollingUpdate/{name}"));
            let is_zero = |name: &str| value(name).is_some_and(|v| *v == 0 || *v == "0%");
            for name in ["maxUnavailable", "maxSurge"] {
                if let Some(number) = value(name).and_then(Value::as_i64).filter(|number| *number < 0) {
                    let field = format!("spec.strategy.rollingUpdate.{name}");
                    causes.push(Cause::invalid(field, &number.into(), "must be greater than or equal to 0"));
                }
            }
            let percent = value("maxUnavailable").and_then(Value::as_str).and_then(|text| text.strip_suffix('%')?.parse::<i64>().ok());
            if let Some(percent) = percent.filter(|percent| *percent > 100) {
                let field = "spec.strategy.rollingUpdate.maxUnavailable";
                causes.push(Cause::invalid(field, &format!("{percent}%").into(), "must not be greater than 100%"));
            }
            if is_zero("maxUnavailable") && is_zero("maxSurge") {
                let value = value("maxUnavailable").unwrap_or(&Value::Null);
                causes.push(Cause::invalid("spec.strategy.rollingUpdate.maxUnavailable", value, "may not be 0 when `maxSurge` is 0"));
            }
        }
        "Recreate" => {}
        other => {
            // The real server shows the whole strategy, by the names of its fields in Go.
            let shown = format!(
                "Unsupported value: {{\"Type\":{other:?},\"RollingUpdate\":null}}: supported values: \"Recreate\", \"RollingUpdate\""
            );
            causes.push(Cause { field: "spec.strategy".into(), reason: "FieldValueNotSupported", message: shown });
        }
    }
}

/// Judges an autoscaler.
pub(super) fn autoscaler(object: &Value, causes: &mut Vec<Cause>) {
    let (min, max) = (object.int("/spec/minReplicas").unwrap_or(1), object.int("/spec/maxReplicas").unwrap_or(0));
    if min < 1 {
        causes.push(Cause::invalid("spec.minReplicas", &min.into(), "must be greater than or equal to 1"));
    }
    if max == 0 {
        causes.push(Cause::required("spec.maxReplicas", "must be set and greater than 0"));
    } else if max < 0 {
        causes.push(Cause::invalid("spec.maxReplicas", &max.into(), "must be greater than or equal to 1"));
    }
    if max < min {
        causes.push(Cause::invalid("spec.maxReplicas", &max.into(), "must be greater than or equal to `minReplicas`"));
    }
    let target = |field: &str| object.text(&format!("/spec/scaleTargetRef/{field}"));
    for field in ["kind", "name"] {
        if target(field).is_empty() {
            causes.push(Cause::required(format!("spec.scaleTargetRef.{field}"), ""));
        }
    }
    let version = target("apiVersion");
    if !version.contains('/') && target("kind") != "ReplicationController" {
        causes.push(Cause::invalid("spec.scaleTargetRef.apiVersion", &version.into(), "apiVersion must specify API group"));
    }
}

fn not_negative(object: &Value, pointer: &str, causes: &mut Vec<Cause>) {
    if let Some(number) = object.int(pointer).filter(|number| *number < 0) {
        let field = pointer.trim_start_matches('/').replace('/', ".");
        causes.push(Cause::invalid(field, &number.into(), "must be greater than or equal to 0"));
    }
}
