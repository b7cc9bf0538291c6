//! Autoscalers: their bounds, and what they go by.

use serde::Deserialize;

use super::wire::{Amount, Condition, Meta, Reference};
use crate::domain::observed::{Autoscaler, Pressure};
use crate::domain::text::SafeText;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Scaler {
    pub metadata: Meta,
    pub spec: Spec,
    pub status: Status,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Spec {
    pub scale_target_ref: Reference,
    pub min_replicas: Option<u32>,
    pub max_replicas: u32,
    pub metrics: Option<Vec<Metric>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Status {
    pub current_replicas: u32,
    pub desired_replicas: u32,
    pub conditions: Option<Vec<Condition>>,
    pub current_metrics: Option<Vec<Metric>>,
}

/// A metric of the spec (with its target) or of the status (with its value), in one of five forms.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Metric {
    pub r#type: String,
    #[serde(alias = "containerResource", alias = "pods", alias = "external", alias = "object")]
    pub resource: Option<Source>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Source {
    name: String,
    container: String,
    metric: Name,
    target: Measure,
    current: Measure,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Name {
    name: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Measure {
    average_utilization: Option<u64>,
    average_value: Option<Amount>,
}

impl Source {
    fn name(&self) -> &str {
        if self.metric.name.is_empty() { &self.name } else { &self.metric.name }
    }
}

impl Scaler {
    /// Whether it scales this Deployment.
    pub fn scales(&self, deployment: &str) -> bool {
        self.spec.scale_target_ref.kind == "Deployment" && self.spec.scale_target_ref.name == deployment
    }

    /// Trimmed to what decisions use.
    pub fn trimmed(&self) -> Autoscaler {
        let limited = |c: &Condition| c.r#type == "ScalingLimited" && c.status == "True" && c.reason == "TooManyReplicas";
        Autoscaler {
            name: self.metadata.name.clone(),
            min: self.spec.min_replicas.unwrap_or(1),
            max: self.spec.max_replicas,
            current: self.status.current_replicas,
            desired: self.status.desired_replicas,
            limited: self.status.conditions.iter().flatten().any(limited),
            metrics: self.spec.metrics.iter().flatten().filter_map(|m| self.pressure(m)).collect(),
        }
    }

    /// A measure with its target. One that is not averaged over the pods says nothing about how many it takes.
    fn pressure(&self, wanted: &Metric) -> Option<Pressure> {
        let spec = wanted.resource.as_ref()?;
        let same = |m: &&Metric| {
            let of = m.resource.as_ref();
            m.r#type == wanted.r#type && of.is_some_and(|s| s.name() == spec.name() && s.container == spec.container)
        };
        let now = &self.status.current_metrics.iter().flatten().find(same)?.resource.as_ref()?.current;
        let name = SafeText::from(spec.name());
        match (spec.target.average_utilization, spec.target.average_value) {
            (Some(target), _) => Some(Pressure { name, now: now.average_utilization?, target, percent: true }),
            (None, Some(target)) => Some(Pressure { name, now: now.average_value?.0, target: target.0, percent: false }),
            (None, None) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_it_goes_by_stands_beside_its_target() {
        let scaler: Scaler = serde_json::from_value(json!({
            "metadata": {"name": "web"},
            "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "web"}, "minReplicas": 2, "maxReplicas": 10, "metrics": [
                {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}},
                {"type": "ContainerResource", "containerResource": {"name": "memory", "container": "app", "target": {"type": "AverageValue", "averageValue": "256Mi"}}},
                {"type": "Pods", "pods": {"metric": {"name": "requests"}, "target": {"type": "AverageValue", "averageValue": "1k"}}},
                {"type": "External", "external": {"metric": {"name": "queue"}, "target": {"type": "Value", "value": "30"}}},
                {"type": "Resource", "resource": {"name": "memory", "target": {"type": "Utilization", "averageUtilization": 80}}},
            ]},
            "status": {"currentReplicas": 10, "desiredReplicas": 10, "currentMetrics": [
                {"type": "Pods", "pods": {"metric": {"name": "requests"}, "current": {"averageValue": "940500m"}}},
                {"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": 92, "averageValue": "92m"}}},
                {"type": "ContainerResource", "containerResource": {"name": "memory", "container": "app", "current": {"averageValue": "128Mi"}}},
                {"type": "External", "external": {"metric": {"name": "queue"}, "current": {"value": "30"}}},
            ]},
        }))
        .unwrap();
        let told: Vec<String> = scaler.trimmed().metrics.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            ["cpu 92 % of 70 %", "memory 128Mi of 256Mi", "requests 940.5 of 1000"],
            "what has no value, or no average, is left out"
        );
        assert!(scaler.scales("web") && !scaler.scales("web-canary"));
    }

    #[test]
    fn one_that_was_just_made_has_no_values() {
        let scaler: Scaler = serde_json::from_value(json!({"metadata": {"name": "web"}, "spec": {"maxReplicas": 3, "metrics": null}, "status": {"currentMetrics": null, "conditions": null}})).unwrap();
        assert_eq!((scaler.trimmed().metrics.len(), scaler.trimmed().max), (0, 3));
    }
}
