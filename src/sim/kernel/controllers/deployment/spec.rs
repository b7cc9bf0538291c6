//! What the Deployment controller reads from a Deployment and its ReplicaSets.

use serde_json::Value;

use crate::sim::kernel::object::Fields;

/// Annotation: position of a ReplicaSet in the rollout history.
pub const REVISION: &str = "deployment.kubernetes.io/revision";
/// Annotation: earlier positions of a ReplicaSet that was rolled back to.
pub const REVISION_HISTORY: &str = "deployment.kubernetes.io/revision-history";
/// Annotation: the Deployment's size when the ReplicaSet was last scaled.
pub const DESIRED_REPLICAS: &str = "deployment.kubernetes.io/desired-replicas";
/// Annotation: the Deployment's size plus surge when the ReplicaSet was last scaled.
pub const MAX_REPLICAS: &str = "deployment.kubernetes.io/max-replicas";
/// Label that keeps the pods of different templates apart.
pub const HASH_LABEL: &str = "pod-template-hash";

/// `i32::MAX` stands for "no limit" in two fields of the spec.
const UNLIMITED: i64 = i32::MAX as i64;

/// A Deployment's wishes, with Kubernetes' defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wishes {
    /// Pods wanted.
    pub replicas: i64,
    /// `false`: `Recreate`.
    pub rolling: bool,
    /// Pods above `replicas` while rolling.
    pub surge: i64,
    /// Pods below `replicas` while rolling.
    pub unavailable: i64,
    /// Nothing rolls.
    pub paused: bool,
    /// Seconds without progress that are too many; `None`: any number is fine.
    pub deadline: Option<i64>,
    /// Old ReplicaSets kept; `None`: all.
    pub history: Option<i64>,
    /// Seconds a pod must be ready to be available.
    pub min_ready: i64,
}

impl Wishes {
    /// Reads a Deployment.
    pub fn of(deployment: &Value) -> Self {
        let replicas = deployment.int("/spec/replicas").unwrap_or(1);
        let rolling = deployment.text("/spec/strategy/type") != "Recreate";
        let quarter = Value::from("25%");
        let limit = |name: &str| deployment.pointer(&format!("/spec/strategy/rollingUpdate/{name}")).unwrap_or(&quarter).clone();
        let (surge, unavailable) = if rolling { fenceposts(&limit("maxSurge"), &limit("maxUnavailable"), replicas) } else { (0, 0) };
        Self {
            replicas,
            rolling,
            surge,
            unavailable,
            paused: deployment.is_true("/spec/paused"),
            deadline: Some(deployment.int("/spec/progressDeadlineSeconds").unwrap_or(600)).filter(|s| *s < UNLIMITED),
            history: Some(deployment.int("/spec/revisionHistoryLimit").unwrap_or(10)).filter(|n| *n < UNLIMITED),
            min_ready: deployment.int("/spec/minReadySeconds").unwrap_or(0),
        }
    }

    /// Pods that may exist in all.
    pub fn ceiling(&self) -> i64 {
        self.replicas + self.surge
    }
}

/// A number or a percentage of `total`, rounded up (surge) or down (unavailable).
fn scaled(limit: &Value, total: i64, up: bool) -> i64 {
    if let Some(number) = limit.as_i64() {
        return number;
    }
    let percent: i64 = limit.as_str().and_then(|text| text.strip_suffix('%')?.trim().parse().ok()).unwrap_or(0);
    let exact = percent.saturating_mul(total);
    if up { (exact + 99).div_euclid(100) } else { exact.div_euclid(100) }
}

/// Surge and unavailable in pods. Both zero would never move, so one pod may then be missing.
pub fn fenceposts(surge: &Value, unavailable: &Value, replicas: i64) -> (i64, i64) {
    match (scaled(surge, replicas, true), scaled(unavailable, replicas, false)) {
        (0, 0) => (0, 1),
        both => both,
    }
}

/// A ReplicaSet as its Deployment sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Set {
    /// Name.
    pub name: String,
    /// Unique id.
    pub uid: String,
    /// `creationTimestamp`.
    pub created: String,
    /// Pods wanted of it.
    pub size: i64,
    /// Pods it has.
    pub actual: i64,
    /// Of those, ready.
    pub ready: i64,
    /// Of those, available.
    pub available: i64,
    /// Pods on their way out.
    pub terminating: i64,
    /// Place in the history; 0 when it has none.
    pub revision: i64,
    /// [`DESIRED_REPLICAS`].
    pub desired: Option<i64>,
    /// [`MAX_REPLICAS`].
    pub ceiling: Option<i64>,
    /// Its controller has seen its last change.
    pub observed: bool,
    /// It is being deleted.
    pub deleting: bool,
}

impl Set {
    /// Reads a ReplicaSet.
    pub fn of(object: &Value) -> Self {
        let number = |key: &str| object.annotation(key).parse().ok();
        let status = |key: &str| object.int(&format!("/status/{key}")).unwrap_or(0);
        Self {
            name: object.name().to_owned(),
            uid: object.uid().to_owned(),
            created: object.text("/metadata/creationTimestamp").to_owned(),
            size: object.int("/spec/replicas").unwrap_or(1),
            actual: status("replicas"),
            ready: status("readyReplicas"),
            available: status("availableReplicas"),
            terminating: status("terminatingReplicas"),
            revision: number(REVISION).unwrap_or(0),
            desired: number(DESIRED_REPLICAS),
            ceiling: number(MAX_REPLICAS),
            observed: status("observedGeneration") >= object.int("/metadata/generation").unwrap_or(0),
            deleting: object.is_deleting(),
        }
    }

    /// The order of age, oldest first.
    pub fn age(&self) -> (&str, &str) {
        (&self.created, &self.name)
    }
}

/// The ReplicaSets of a Deployment: the one of the current template, if it exists, and all others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sets {
    /// The one whose template is the Deployment's.
    pub new: Option<Set>,
    /// The others, oldest first.
    pub old: Vec<Set>,
}

impl Sets {
    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &Set> {
        self.old.iter().chain(&self.new)
    }

    /// Those that want pods.
    pub fn active(&self) -> impl Iterator<Item = &Set> {
        self.all().filter(|set| set.size > 0)
    }

    /// A sum over all of them.
    pub fn sum(&self, part: impl Fn(&Set) -> i64) -> i64 {
        self.all().map(part).sum()
    }
}

/// Whether two pod templates are the same but for the hash label. Nothing, `null` and the empty map or list are equal.
pub fn same_template(a: &Value, b: &Value) -> bool {
    let bare = |template: &Value| {
        let mut template = template.clone();
        template.cut(&format!("/metadata/labels/{HASH_LABEL}"));
        prune(&mut template);
        template
    };
    bare(a) == bare(b)
}

/// Removes what says nothing. Returns whether anything is left.
fn prune(value: &mut Value) -> bool {
    match value {
        Value::Null => false,
        Value::Object(map) => {
            map.retain(|_, entry| prune(entry));
            !map.is_empty()
        }
        Value::Array(list) => {
            for entry in list.iter_mut() {
                prune(entry);
            }
            !list.is_empty()
        }
        Value::String(text) => !text.is_empty(),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn surge_rounds_up_unavailable_rounds_down_and_both_zero_never_happens() {
        let posts = |surge: Value, unavailable: Value, replicas| fenceposts(&surge, &unavailable, replicas);
        assert_eq!(posts(json!("25%"), json!("25%"), 10), (3, 2));
        assert_eq!(posts(json!("25%"), json!("25%"), 1), (1, 0));
        assert_eq!(posts(json!(0), json!("1%"), 2), (0, 1));
        assert_eq!(posts(json!("0%"), json!("0%"), 5), (0, 1));
        assert_eq!(posts(json!(2), json!(0), 3), (2, 0));
        assert_eq!(posts(json!("100%"), json!("100%"), 0), (0, 1));
    }

    #[test]
    fn wishes_have_kubernetes_defaults() {
        let wishes = Wishes::of(&json!({"spec": {}}));
        let expected = Wishes {
            replicas: 1,
            rolling: true,
            surge: 1,
            unavailable: 0,
            paused: false,
            deadline: Some(600),
            history: Some(10),
            min_ready: 0,
        };
        assert_eq!(wishes, expected);
        let endless = json!({"spec": {"progressDeadlineSeconds": 2_147_483_647, "revisionHistoryLimit": 2_147_483_647}});
        assert_eq!((Wishes::of(&endless).deadline, Wishes::of(&endless).history), (None, None));
    }

    #[test]
    fn templates_are_compared_without_hash_and_without_empties() {
        let a = json!({"metadata": {"labels": {"a": "b", "pod-template-hash": "x"}, "creationTimestamp": null}, "spec": {"volumes": []}});
        let b = json!({"metadata": {"labels": {"a": "b"}}});
        assert!(same_template(&a, &b));
        assert!(!same_template(&a, &json!({"metadata": {"labels": {"a": "c"}}})));
    }
}
