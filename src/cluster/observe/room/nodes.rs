//! Nodes: what their pods leave of them.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::super::wire::{Amounts, Condition, Map, Meta, PodSpec, Toleration};
use super::Template;
use super::demand::Demand;
use crate::domain::room::Nodes;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Node {
    metadata: Meta,
    spec: Spec,
    status: Status,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Spec {
    unschedulable: bool,
    taints: Vec<Taint>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Taint {
    key: String,
    value: String,
    effect: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Status {
    allocatable: Amounts,
    conditions: Vec<Condition>,
}

/// A pod, as far as it takes room.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Bound {
    spec: PodSpec,
    status: Phase,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Phase {
    phase: String,
}

impl Bound {
    /// The node it takes room on, and how much; one that is over takes none.
    pub fn trimmed(self) -> Option<(String, Demand)> {
        let over = matches!(self.status.phase.as_str(), "Succeeded" | "Failed");
        (!over && !self.spec.node_name.is_empty()).then(|| {
            let demand = Demand::of(&self.spec);
            (self.spec.node_name, demand)
        })
    }
}

/// A node that takes new pods, with what is free on it.
#[derive(Clone, Debug)]
pub(super) struct Free {
    labels: Map,
    taints: Vec<Taint>,
    /// Thousandths of a unit by resource, pods among them.
    left: BTreeMap<String, u64>,
}

/// What the pods leave of the nodes that take new ones.
pub(super) fn free(nodes: Vec<Node>, pods: &[(String, Demand)]) -> Vec<Free> {
    let mut taken: BTreeMap<&str, (u64, BTreeMap<&str, u64>)> = BTreeMap::new();
    for (node, demand) in pods {
        let (count, sums) = taken.entry(node).or_default();
        *count += 1000;
        for (name, amount) in &demand.requests {
            let sum = sums.entry(name).or_default();
            *sum = sum.saturating_add(*amount);
        }
    }
    let open = |n: &Node| !n.spec.unschedulable && n.status.conditions.iter().any(|c| c.r#type == "Ready" && c.status == "True");
    let one = |n: Node| {
        let of = taken.get(n.metadata.name.as_str());
        let used = |name: &str| of.map_or(0, |(count, sums)| if name == "pods" { *count } else { sums.get(name).copied().unwrap_or(0) });
        let left = n.status.allocatable.iter().map(|(name, amount)| (name.clone(), amount.0.saturating_sub(used(name)))).collect();
        Free { labels: n.metadata.labels, taints: n.spec.taints, left }
    };
    nodes.into_iter().filter(open).map(one).collect()
}

/// How many more pods of each template the nodes have room for, at the most: what else says where a pod may be (affinity,
/// spread, volumes) can only make it fewer.
pub(super) fn fit(free: &[Free], templates: &[Template<'_>]) -> Nodes {
    let count =
        |t: &Template<'_>| free.iter().filter(|node| node.takes(t.spec)).map(|node| node.fits(&t.demand)).fold(0, u32::saturating_add);
    Nodes { open: u32::try_from(free.len()).unwrap_or(u32::MAX), fit: templates.iter().map(|t| (t.name.to_owned(), count(t))).collect() }
}

impl Free {
    fn takes(&self, spec: &PodSpec) -> bool {
        let barring = |t: &&Taint| matches!(t.effect.as_str(), "NoSchedule" | "NoExecute");
        let tolerated = |t: &Taint| spec.tolerations.iter().any(|toleration| bears(toleration, t));
        spec.node_selector.iter().all(|(key, value)| self.labels.get(key) == Some(value))
            && self.taints.iter().filter(barring).all(tolerated)
    }

    fn fits(&self, demand: &Demand) -> u32 {
        let pods = self.left.get("pods").map_or(u64::MAX, |left| left / 1000);
        let by = |(name, amount): (&String, &u64)| self.left.get(name).copied().unwrap_or(0).checked_div(*amount).unwrap_or(u64::MAX);
        let least = demand.requests.iter().map(by).fold(pods, u64::min);
        u32::try_from(least).unwrap_or(u32::MAX)
    }
}

/// Whether a toleration bears a taint.
fn bears(toleration: &Toleration, taint: &Taint) -> bool {
    let Toleration { key, operator, value, effect } = toleration;
    let exists = operator == "Exists";
    (effect.is_empty() || *effect == taint.effect) && (*key == taint.key || (key.is_empty() && exists)) && (exists || *value == taint.value)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::super::wire;
    use super::*;

    fn node(name: &str, more: Value) -> Value {
        let mut node = json!({
            "metadata": {"name": name, "labels": {"disk": name}}, "spec": {},
            "status": {"allocatable": {"cpu": "2", "memory": "4Gi", "pods": "10"}, "conditions": [{"type": "Ready", "status": "True"}]},
        });
        node["spec"] = more;
        node
    }

    fn pod(node: &str, cpu: &str, phase: &str) -> Value {
        json!({"spec": {"nodeName": node, "containers": [{"resources": {"requests": {"cpu": cpu}}}]}, "status": {"phase": phase}})
    }

    fn fits(nodes: Value, pods: Value, spec: Value) -> (u32, u32) {
        let pods: Vec<Bound> = serde_json::from_value(pods).unwrap();
        let pods: Vec<_> = pods.into_iter().filter_map(Bound::trimmed).collect();
        let template: wire::Template = serde_json::from_value(json!({"spec": spec})).unwrap();
        let told = fit(&free(serde_json::from_value(nodes).unwrap(), &pods), &[Template::new("web", &template)]);
        (told.open, told.fit["web"])
    }

    fn asks(cpu: &str) -> Value {
        json!({"containers": [{"resources": {"requests": {"cpu": cpu, "memory": "1Gi"}}}]})
    }

    #[test]
    fn what_running_pods_leave_is_divided_by_what_one_asks_for() {
        let nodes = || json!([node("a", json!({})), node("b", json!({}))]);
        assert_eq!(fits(nodes(), json!([]), asks("500m")), (2, 8), "four each by CPU and by memory");
        assert_eq!(
            fits(nodes(), json!([pod("a", "1200m", "Running"), pod("b", "2", "Succeeded"), pod("", "2", "Pending")]), asks("500m")),
            (2, 5)
        );
        assert_eq!(fits(nodes(), json!([pod("a", "9", "Running")]), asks("500m")), (2, 4), "overcommitted is full");
        let crowd: Vec<Value> = (0..10).map(|_| pod("a", "0", "Running")).collect();
        assert_eq!(fits(nodes(), json!(crowd), json!({"containers": [{}]})), (2, 10), "a node takes so many pods");
        assert_eq!(fits(nodes(), json!([]), json!({"containers": [{"resources": {"requests": {"example.com/gpu": "1"}}}]})), (2, 0));
    }

    #[test]
    fn nodes_that_take_no_such_pod_have_no_room() {
        let closed = || {
            json!([
                node("a", json!({"unschedulable": true})),
                node("b", json!({"taints": [{"key": "team", "value": "x", "effect": "NoSchedule"}]}))
            ])
        };
        assert_eq!(fits(closed(), json!([]), asks("1")), (1, 0));
        for toleration in [
            json!({"key": "team", "value": "x"}),
            json!({"key": "team", "operator": "Exists", "effect": "NoSchedule"}),
            json!({"operator": "Exists"}),
        ] {
            let mut spec = asks("1");
            spec["tolerations"] = json!([toleration]);
            assert_eq!(fits(closed(), json!([]), spec), (1, 2), "{toleration}");
        }
        let mut picky = asks("1");
        picky["nodeSelector"] = json!({"disk": "a"});
        assert_eq!(fits(json!([node("a", json!({})), node("b", json!({}))]), json!([]), picky), (2, 2));
    }
}
