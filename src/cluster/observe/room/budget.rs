//! PodDisruptionBudgets of the namespace.

use serde::Deserialize;
use serde_json::Value;

use super::super::wire::{Map, Meta, Selector};
use super::Template;
use crate::domain::room::Budget;
use crate::domain::text::SafeText;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Disruption {
    metadata: Meta,
    spec: Spec,
    status: Status,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    min_available: Option<Value>,
    max_unavailable: Option<Value>,
    selector: Option<Selector>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Status {
    current_healthy: u32,
    desired_healthy: u32,
    disruptions_allowed: u32,
}

impl Disruption {
    /// The budget, where it covers pods of one of the templates.
    pub fn budget(&self, templates: &[Template<'_>]) -> Option<Budget> {
        let selector = self.spec.selector.as_ref()?;
        let covers = templates.iter().filter(|t| matches(selector, t.labels)).map(|t| t.name.to_owned());
        let (word, value) = match (&self.spec.min_available, &self.spec.max_unavailable) {
            (Some(least), _) => ("minAvailable", least),
            (None, Some(most)) => ("maxUnavailable", most),
            (None, None) => ("minAvailable", &Value::Null),
        };
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let budget = Budget {
            name: SafeText::from(self.metadata.name.as_str()),
            wants: SafeText::from(format!("{word} {value}")),
            healthy: self.status.current_healthy,
            desired: self.status.desired_healthy,
            allowed: self.status.disruptions_allowed,
            covers: covers.collect(),
        };
        Some(budget).filter(|b| !b.covers.is_empty())
    }
}

/// Whether labels are selected; an empty selector selects all.
fn matches(selector: &Selector, labels: &Map) -> bool {
    let required = selector.match_expressions.iter().all(|r| {
        let value = labels.get(&r.key);
        match r.operator.as_str() {
            "In" => value.is_some_and(|v| r.values.contains(v)),
            "NotIn" => value.is_none_or(|v| !r.values.contains(v)),
            "Exists" => value.is_some(),
            "DoesNotExist" => value.is_none(),
            _ => false,
        }
    });
    required && selector.match_labels.iter().all(|(key, value)| labels.get(key) == Some(value))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::wire;
    use super::*;

    #[test]
    fn a_budget_tells_what_it_wants_and_whom_it_covers() {
        let template = |track: &str| -> wire::Template {
            serde_json::from_value(json!({"metadata": {"labels": {"app": "web", "track": track}}})).unwrap()
        };
        let (stable, canary) = (template("stable"), template("canary"));
        let both = [Template::new("web", &stable), Template::new("web-canary", &canary)];
        let budget = |spec: Value| {
            let object = json!({"metadata": {"name": "web"}, "spec": spec, "status": {"currentHealthy": 4, "desiredHealthy": 3, "disruptionsAllowed": 1}});
            serde_json::from_value::<Disruption>(object).unwrap().budget(&both)
        };
        let found = budget(json!({"minAvailable": 3, "selector": {"matchLabels": {"app": "web"}}})).unwrap();
        assert_eq!((found.wants.as_str(), found.allowed, found.covers.len()), ("minAvailable 3", 1, 2));
        let one = json!({"maxUnavailable": "25%", "selector": {"matchExpressions": [{"key": "track", "operator": "NotIn", "values": ["canary"]}]}});
        let found = budget(one).unwrap();
        assert_eq!((found.wants.as_str(), found.covers.iter().next().unwrap().as_str()), ("maxUnavailable 25%", "web"));
        assert_eq!(budget(json!({"minAvailable": 1, "selector": {"matchLabels": {"app": "db"}}})), None);
        assert_eq!(budget(json!({"minAvailable": 1})), None, "no selector covers nobody");
    }
}
