//! Autoscalers as autoscaling/v1 knows them: one target for the CPU. `kubectl autoscale` of older versions writes them so.
//!
//! What v1 has no field for stands in annotations meanwhile, under the names that the real server uses, so that nothing is lost
//! on the way through; the text inside is that of autoscaling/v2.

use serde_json::{Value, json};

use crate::sim::kernel::object::Fields;

const TARGET: &str = "/spec/targetCPUUtilizationPercentage";
const CURRENT: &str = "/status/currentCPUUtilizationPercentage";
/// Where a part of v2 is kept in v1.
const KEPT: [(&str, &str); 4] = [
    ("/spec/metrics", "/metadata/annotations/autoscaling.alpha.kubernetes.io~1metrics"),
    ("/spec/behavior", "/metadata/annotations/autoscaling.alpha.kubernetes.io~1behavior"),
    ("/status/currentMetrics", "/metadata/annotations/autoscaling.alpha.kubernetes.io~1current-metrics"),
    ("/status/conditions", "/metadata/annotations/autoscaling.alpha.kubernetes.io~1conditions"),
];

fn is_cpu(metric: &Value) -> bool {
    metric.text("/type") == "Resource" && metric.text("/resource/name") == "cpu"
}

/// From v2, as it is stored, to v1.
pub(super) fn to_v1(object: &mut Value) {
    let cpu = |list: &str, value: &str| {
        let found = object.items(list).iter().find(|metric| is_cpu(metric));
        found.and_then(|metric| metric.int(value))
    };
    let target = cpu("/spec/metrics", "/resource/target/averageUtilization");
    let current = cpu("/status/currentMetrics", "/resource/current/averageUtilization");
    for (pointer, value) in [(TARGET, target), (CURRENT, current)] {
        if let Some(value) = value {
            object.put(pointer, value);
        }
    }
    object.put_default("/status/currentReplicas", 0);
    for (pointer, annotation) in KEPT {
        let Some(mut part) = object.cut(pointer) else { continue };
        // What v1 has a field for is not said twice.
        let said = pointer == "/spec/metrics" && target.is_some() || pointer == "/status/currentMetrics" && current.is_some();
        if let (true, Value::Array(metrics)) = (said, &mut part) {
            metrics.retain(|metric| !is_cpu(metric));
        }
        if part.as_array().is_none_or(|list| !list.is_empty()) && !part.is_null() {
            object.put(annotation, part.to_string());
        }
    }
}

/// From v1 to v2.
pub(super) fn from_v1(object: &mut Value) {
    for (pointer, annotation) in KEPT {
        let kept = object.cut(annotation).and_then(|text| serde_json::from_str::<Value>(text.as_str()?).ok());
        if let Some(part) = kept {
            object.put(pointer, part);
        }
    }
    if object.map("/metadata/annotations").is_empty() {
        object.cut("/metadata/annotations");
    }
    for (pointer, list, value) in [(TARGET, "/spec/metrics", "target"), (CURRENT, "/status/currentMetrics", "current")] {
        let Some(percent) = object.cut(pointer).and_then(|percent| percent.as_i64()) else { continue };
        let mut metric = json!({"type": "Resource", "resource": {"name": "cpu"}});
        metric.put(&format!("/resource/{value}/averageUtilization"), percent);
        if value == "target" {
            metric.put("/resource/target/type", "Utilization");
        }
        if let Some(metrics) = object.items_mut(list) {
            metrics.push(metric);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_lost_on_the_way_through() {
        let memory = json!({"type": "Resource", "resource": {"name": "memory", "target": {"type": "AverageValue", "averageValue": "1Gi"}}});
        let cpu = json!({"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}});
        let stored = json!({
            "metadata": {"name": "web"},
            "spec": {"maxReplicas": 5, "metrics": [memory, cpu], "behavior": {"scaleDown": {"stabilizationWindowSeconds": 60}}},
            "status": {"conditions": [{"type": "AbleToScale", "status": "True"}], "currentReplicas": 1, "desiredReplicas": 2},
        });
        let mut object = stored.clone();
        to_v1(&mut object);
        assert_eq!(object.int(TARGET), Some(70));
        assert!(object.pointer("/spec/metrics").is_none() && object.pointer("/spec/behavior").is_none());
        from_v1(&mut object);
        assert_eq!(object, stored);
    }
}
