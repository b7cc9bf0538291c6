//! ResourceQuotas of the namespace.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::super::wire::{Amounts, Meta};
use super::Template;
use crate::domain::room::Limit;
use crate::domain::text::SafeText;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Quota {
    metadata: Meta,
    spec: Spec,
    status: Status,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    hard: Amounts,
    scopes: Vec<String>,
    scope_selector: ScopeSelector,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ScopeSelector {
    match_expressions: Vec<Scope>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Scope {
    scope_name: String,
    operator: String,
    values: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Status {
    hard: Amounts,
    used: Amounts,
}

impl Quota {
    /// Its resources of which pods of the templates take some.
    pub fn limits(&self, templates: &[Template<'_>]) -> Vec<Limit> {
        let counted: Vec<&Template<'_>> = templates.iter().filter(|t| self.counts(t)).collect();
        let hard = self.spec.hard.iter().map(|(name, hard)| (name, self.status.hard.get(name).unwrap_or(hard)));
        let limit = |(resource, hard): (&String, &super::super::wire::Amount)| {
            let takes = counted.iter().map(|t| (t.name.to_owned(), t.demand.takes(resource))).filter(|(_, n)| *n > 0);
            let takes: BTreeMap<String, u64> = takes.collect();
            // What nobody has counted yet cannot be held against anybody.
            let used = self.status.used.get(resource)?.0;
            (!takes.is_empty()).then(|| Limit {
                quota: SafeText::from(self.metadata.name.as_str()),
                resource: SafeText::from(resource.as_str()),
                hard: hard.0,
                used,
                takes,
            })
        };
        hard.filter_map(limit).collect()
    }

    /// Whether pods of a template are counted here: they are in each of its scopes.
    fn counts(&self, template: &Template<'_>) -> bool {
        let named = self.spec.scopes.iter().map(|name| Scope { scope_name: name.clone(), operator: "Exists".into(), values: vec![] });
        named.chain(self.spec.scope_selector.match_expressions.iter().cloned()).all(|s| s.has(template))
    }
}

impl Scope {
    /// A scope that is not known has nobody in it, so that nothing is refused on its account.
    fn has(&self, template: &Template<'_>) -> bool {
        let class = template.spec.priority_class_name.as_str();
        match (self.scope_name.as_str(), self.operator.as_str()) {
            // A Deployment's pods have no end of their own.
            ("NotTerminating", _) => true,
            ("BestEffort", _) => template.demand.is_best_effort(),
            ("NotBestEffort", _) => !template.demand.is_best_effort(),
            ("PriorityClass", "Exists") => !class.is_empty(),
            ("PriorityClass", "DoesNotExist") => class.is_empty(),
            ("PriorityClass", "In") => self.values.iter().any(|v| v == class),
            ("PriorityClass", "NotIn") => !self.values.iter().any(|v| v == class),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::super::wire;
    use super::*;

    fn limits(spec: Value, template: Value) -> Vec<(String, u64, u64)> {
        let used = json!({"pods": "3", "requests.cpu": "9", "limits.memory": "1Gi"});
        let quota: Quota = serde_json::from_value(json!({"metadata": {"name": "q"}, "spec": spec, "status": {"used": used}})).unwrap();
        let template: wire::Template = serde_json::from_value(json!({"spec": template})).unwrap();
        quota.limits(&[Template::new("web", &template)]).into_iter().map(|l| (l.to_string(), l.left(), l.takes["web"])).collect()
    }

    #[test]
    fn only_what_pods_take_of_it_and_somebody_counted_matters() {
        let template = json!({"containers": [{"resources": {"requests": {"cpu": "250m"}}}]});
        let hard = json!({"pods": "4", "requests.cpu": "10", "services": "2", "limits.memory": "2Gi", "requests.memory": "1Gi"});
        assert_eq!(
            limits(json!({"hard": hard}), template),
            [("pods 3 of 4 used".to_owned(), 1000, 1000), ("requests.cpu 9 of 10 used".to_owned(), 1000, 250)]
        );
    }

    #[test]
    fn scopes_say_whose_pods_are_counted() {
        let pods = |scopes: Value, spec: Value| {
            let mut quota = json!({"hard": {"pods": "4"}});
            quota.as_object_mut().unwrap().extend(scopes.as_object().unwrap().clone());
            limits(quota, spec).len()
        };
        let expression = |name: &str, operator: &str| json!({"scopeSelector": {"matchExpressions": [{"scopeName": name, "operator": operator, "values": ["high"]}]}});
        let (plain, high) = (json!({}), json!({"priorityClassName": "high"}));
        assert_eq!(
            [pods(json!({"scopes": ["NotTerminating"]}), plain.clone()), pods(json!({"scopes": ["Terminating"]}), plain.clone())],
            [1, 0]
        );
        assert_eq!(
            [pods(json!({"scopes": ["BestEffort"]}), plain.clone()), pods(json!({"scopes": ["NotBestEffort"]}), plain.clone())],
            [1, 0]
        );
        for (operator, of_plain, of_high) in [("In", 0, 1), ("NotIn", 1, 0), ("Exists", 0, 1), ("DoesNotExist", 1, 0)] {
            let scope = expression("PriorityClass", operator);
            assert_eq!([pods(scope.clone(), plain.clone()), pods(scope, high.clone())], [of_plain, of_high], "{operator}");
        }
        assert_eq!(pods(expression("Unheard", "Exists"), plain), 0);
    }
}
