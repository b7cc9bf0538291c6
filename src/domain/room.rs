//! What bounds more pods, as far as it can be seen: quotas, nodes, disruption budgets.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::text::SafeText;

/// What was seen of the room for more pods. What could not be read says why; it never stands in anybody's way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Room {
    /// What the namespace's quotas limit.
    pub quotas: Result<Vec<Limit>, SafeText>,
    /// The nodes.
    pub nodes: Result<Nodes, SafeText>,
    /// The disruption budgets that cover pods of the release.
    pub budgets: Result<Vec<Budget>, SafeText>,
}

/// One resource of a ResourceQuota. Amounts are thousandths of the resource's unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Limit {
    /// The quota.
    pub quota: SafeText,
    /// The resource as the quota calls it: `pods`, `requests.cpu`.
    pub resource: SafeText,
    /// How much there may be.
    pub hard: u64,
    /// How much there is.
    pub used: u64,
    /// What a pod of each Deployment takes of it, by the Deployment's name.
    pub takes: BTreeMap<String, u64>,
}

impl Limit {
    /// What is left.
    pub fn left(&self) -> u64 {
        self.hard.saturating_sub(self.used)
    }
}

/// `requests.cpu 9.5 of 10 used`.
impl std::fmt::Display for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let resource = self.resource.as_str();
        write!(f, "{resource} {} of {} used", amount(resource, self.used), amount(resource, self.hard))
    }
}

/// The nodes that take new pods.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Nodes {
    /// How many there are.
    pub open: u32,
    /// How many more pods of each Deployment they have room for at the most, by the Deployment's name. One whose placement
    /// depends on more than was looked at has none.
    pub fit: BTreeMap<String, u32>,
}

/// A PodDisruptionBudget. It is asked before a pod is evicted (a node is drained), and by nobody who scales or updates a
/// Deployment: it explains, and forbids nothing here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Budget {
    /// Its name.
    pub name: SafeText,
    /// What it wants: `minAvailable 3`, `maxUnavailable 25%`.
    pub wants: SafeText,
    /// Healthy pods that it covers.
    pub healthy: u32,
    /// How many of them must be healthy.
    pub desired: u32,
    /// How many may be evicted now.
    pub allowed: u32,
    /// Whose pods it covers, by the Deployments' names.
    pub covers: BTreeSet<String>,
}

/// Thousandths of a resource's unit in words: `9.5`, `512Mi`.
pub fn amount(resource: &str, milli: u64) -> String {
    const UNITS: [(&str, u64); 4] = [("Ti", 1 << 40), ("Gi", 1 << 30), ("Mi", 1 << 20), ("Ki", 1 << 10)];
    let bytes = milli / 1000;
    let unit = UNITS.iter().find(|(_, size)| bytes >= *size).filter(|_| resource.ends_with("memory") || resource.ends_with("storage"));
    match unit {
        Some((name, size)) => format!("{}{name}", short(bytes as f64 / *size as f64)),
        None => short(milli as f64 / 1000.0),
    }
}

/// At most three decimals, without zeros at the end.
fn short(number: f64) -> String {
    let text = format!("{number:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_told_in_the_resources_own_unit() {
        let mi = 1000 << 20;
        assert_eq!(
            [amount("requests.cpu", 9_500), amount("pods", 4_000), amount("limits.cpu", 62), amount("memory", 0)],
            ["9.5", "4", "0.062", "0"]
        );
        assert_eq!([amount("requests.memory", 512 * mi), amount("limits.memory", 1_536 * mi)], ["512Mi", "1.5Gi"]);
    }
}
