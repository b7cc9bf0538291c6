//! One Deployment, or Argo Rollout, with what it owns, as a [`Workload`].

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::future::try_join;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::super::call;
use super::super::error::ClusterError;
use super::super::owners;
use super::super::written;
use super::super::{hash_of, revision_of};
use super::pods::{self, Pods};
use super::references;
use super::scaler::Scaler;
use super::{Look, argo, wire};
use crate::domain::action::{CHANGE_CAUSE, STAMP};
use crate::domain::argo_rollout::ArgoRollout;
use crate::domain::drift::Writer;
use crate::domain::object::{Kind, ObjectRef};
use crate::domain::observed::{ContainerImage, KeptRevision, Rolls, Workload};
use crate::domain::port::Haste;
use crate::domain::text::SafeText;

/// A Deployment, its ReplicaSets and its pods, as they came.
pub(super) struct Objects {
    deployment: wire::Deployment,
    images_by: Option<Writer>,
    replicas_by: Option<Writer>,
    /// Tools that the Deployment names.
    pub tools: Vec<owners::Found>,
    argo: Option<Box<ArgoRollout>>,
    replica_sets: Vec<wire::ReplicaSet>,
    pods: Arc<Pods>,
}

/// A Deployment with who wrote the fields that a release is about.
struct Found {
    deployment: wire::Deployment,
    images_by: Option<Writer>,
    replicas_by: Option<Writer>,
    tools: Vec<owners::Found>,
    argo: Option<Box<ArgoRollout>>,
}

impl<'de> Deserialize<'de> for Found {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Found, D::Error> {
        let whole = Value::deserialize(from)?;
        let deployment = wire::Deployment::deserialize(&whole).map_err(serde::de::Error::custom)?;
        let is_argo = whole.get("kind").and_then(Value::as_str) == Some(Kind::Rollout.name());
        Ok(Found {
            deployment,
            images_by: written::images(&whole),
            replicas_by: written::replicas(&whole),
            tools: owners::of(&whole),
            argo: is_argo.then(|| Box::new(argo::told(&whole))),
        })
    }
}

/// Reads a Deployment with what it owns, where there is time for that; `None` when it does not exist or is not named.
pub(super) async fn read(look: Look<'_>, name: Option<&str>) -> Result<Option<Objects>, ClusterError> {
    let Look { client, namespace, memory, at, haste, .. } = look;
    let closely = haste != Haste::Calm;
    let Some(name) = name else { return Ok(None) };
    let object = ObjectRef::new(look.kind, namespace, name);
    let Some(found) = call::find::<Found>(client, &object).await? else { return Ok(None) };
    let Found { deployment, images_by, replicas_by, tools, argo } = found;
    if haste == Haste::AtOnce {
        return Ok(Some(Objects { deployment, images_by, replicas_by, tools, argo, replica_sets: Vec::new(), pods: Arc::default() }));
    }
    let selector = selector(&deployment.spec.selector);
    let told = memory.of(&deployment.metadata, at, closely);
    let sets = call::list::<wire::ReplicaSet>(client, Kind::ReplicaSet, namespace, &selector);
    let pods = async {
        match &told {
            Some(_) => Ok(Vec::new()),
            None => {
                let _turn = memory.turn(closely).await;
                call::list_as(client, Kind::Pod, namespace, &selector, pods::trim).await
            }
        }
    };
    let (mut replica_sets, listed) = try_join(sets, pods).await?;
    replica_sets.retain(|r| r.metadata.owner_references.iter().any(|o| o.uid == deployment.metadata.uid));
    let pods = told.unwrap_or_else(|| {
        let owners: BTreeSet<&str> = replica_sets.iter().map(|r| r.metadata.uid.as_str()).collect();
        let pods = Arc::new(Pods::owned(listed, &owners));
        memory.keep(&deployment.metadata, at, &pods);
        pods
    });
    Ok(Some(Objects { deployment, images_by, replicas_by, tools, argo, replica_sets, pods }))
}

/// A selector as the API takes it: `app=web,track in (a,b)`.
fn selector(selector: &wire::Selector) -> String {
    let equal = selector.match_labels.iter().map(|(k, v)| format!("{k}={v}"));
    let required = selector.match_expressions.iter().map(|r| match r.operator.as_str() {
        "In" => format!("{} in ({})", r.key, r.values.join(",")),
        "NotIn" => format!("{} notin ({})", r.key, r.values.join(",")),
        "DoesNotExist" => format!("!{}", r.key),
        _ => r.key.clone(),
    });
    equal.chain(required).collect::<Vec<_>>().join(",")
}

fn images(containers: &[wire::Container]) -> Vec<ContainerImage> {
    containers.iter().map(|c| ContainerImage { name: c.name.clone(), image: c.image.clone() }).collect()
}

impl Objects {
    /// Its pod template.
    pub fn template(&self) -> &wire::Template {
        &self.deployment.spec.template
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.deployment.metadata.name
    }

    /// What its pods tell.
    pub fn pods(&self) -> Arc<Pods> {
        Arc::clone(&self.pods)
    }

    /// Trimmed to what decisions use. Addresses are counted elsewhere.
    pub fn workload(self, autoscalers: Option<&[Scaler]>, at: Timestamp) -> Workload {
        let (meta, spec, status) = (&self.deployment.metadata, &self.deployment.spec, &self.deployment.status);
        let revision = revision_of(&meta.annotations);
        let revisions = self.revisions();
        let current = match &self.argo {
            Some(argo) => Some(argo.current.clone()).filter(|hash| !hash.is_empty()),
            None => revisions.iter().find(|k| Some(k.revision) == revision).map(|k| k.template_hash.clone()),
        };
        Workload {
            name: meta.name.clone(),
            uid: meta.uid.clone(),
            resource_version: meta.resource_version.clone(),
            generation: meta.generation,
            observed_generation: status.observed_generation,
            replicas: spec.replicas.unwrap_or(1),
            current: status.replicas,
            updated: status.updated_replicas,
            ready: status.ready_replicas,
            available: status.available_replicas,
            ready_addresses: 0,
            unselected: None,
            paused: spec.paused,
            containers: images(&spec.template.spec.containers),
            references: references::of(&spec.template.spec),
            images_by: self.images_by.clone(),
            replicas_by: self.replicas_by.clone(),
            stamp: meta.annotations.get(STAMP).cloned(),
            revision,
            change_cause: meta.annotations.get(CHANGE_CAUSE).map(|c| SafeText::from(c.as_str())),
            template_hash: current,
            digest: self.pods.digest(),
            stalled: stalled(&status.conditions),
            hpa_unknown: autoscalers.is_none(),
            hpa: autoscalers.unwrap_or_default().iter().find(|h| h.scales(&meta.name)).map(Scaler::trimmed),
            rolls: rolls(&spec.strategy, spec.replicas.unwrap_or(1)),
            restarts: self.pods.restarts(at),
            problems: uncreated(&meta.name, &status.conditions).into_iter().chain(self.pods.problems()).collect(),
            revisions,
            argo: self.argo,
        }
    }

    /// Kept revisions, newest first.
    fn revisions(&self) -> Vec<KeptRevision> {
        let mut all: Vec<KeptRevision> = self.replica_sets.iter().filter_map(kept).collect();
        all.sort_by_key(|k| std::cmp::Reverse(k.revision));
        all
    }
}

fn kept(set: &wire::ReplicaSet) -> Option<KeptRevision> {
    Some(KeptRevision {
        revision: revision_of(&set.metadata.annotations)?,
        replica_set: set.metadata.name.clone(),
        template_hash: hash_of(&set.metadata.labels)?.clone(),
        images: images(&set.spec.template.spec.containers),
        change_cause: set.metadata.annotations.get(CHANGE_CAUSE).map(|c| SafeText::from(c.as_str())),
        references: references::of(&set.spec.template.spec),
    })
}

/// What the Deployment's controller says when it has given up.
fn stalled(conditions: &[wire::Condition]) -> Option<SafeText> {
    let late = |c: &&wire::Condition| c.r#type == "Progressing" && c.status == "False" && c.reason == "ProgressDeadlineExceeded";
    let c = conditions.iter().find(late)?;
    Some(SafeText::from(format!("{}: {}", c.reason, c.message)))
}

/// Pods that cannot even be made: a quota or an admission webhook says no.
fn uncreated(name: &str, conditions: &[wire::Condition]) -> Option<SafeText> {
    let c = conditions.iter().find(|c| c.r#type == "ReplicaFailure" && c.status == "True")?;
    Some(SafeText::from(format!("{name}: {}: {}", c.reason, c.message)))
}

/// How many pods there may be too many, and how many may be missing: shares are rounded as Kubernetes does, and never are
/// both nothing.
fn rolls(strategy: &wire::Strategy, replicas: u32) -> Rolls {
    if strategy.r#type == "Recreate" {
        return Rolls::default();
    }
    let share = |value: Option<&Value>, up: bool| -> u32 {
        let percent = |text: &str| text.strip_suffix('%')?.parse::<u64>().ok();
        let of = match value {
            Some(Value::String(text)) => percent(text),
            Some(number) => return number.as_u64().and_then(|n| u32::try_from(n).ok()).unwrap_or(0),
            None => Some(25),
        };
        let pods = u64::from(replicas) * of.unwrap_or(0);
        u32::try_from(if up { pods.div_ceil(100) } else { pods / 100 }).unwrap_or(u32::MAX)
    };
    let told = strategy.rolling_update.as_ref();
    let surge = share(told.and_then(|r| r.max_surge.as_ref()), true);
    let unavailable = share(told.and_then(|r| r.max_unavailable.as_ref()), false);
    Rolls { surge, unavailable: if surge == 0 { unavailable.max(1) } else { unavailable } }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::{REVISIONS, TEMPLATE_HASHES};
    use super::*;
    use crate::domain::time::Millis;

    fn objects(deployment: Value, sets: Value, pods: Value) -> Workload {
        let mut all = Pods::default();
        serde_json::from_value::<Vec<wire::Pod>>(pods).unwrap().into_iter().for_each(|p| all.add(pods::trim(p)));
        let objects = Objects {
            deployment: serde_json::from_value(deployment).unwrap(),
            images_by: None,
            replicas_by: None,
            tools: vec![],
            argo: None,
            replica_sets: serde_json::from_value(sets).unwrap(),
            pods: Arc::new(all),
        };
        objects.workload(Some(&[]), "2026-01-01T00:10:00Z".parse().unwrap())
    }

    fn set(revision: &str, hash: &str) -> Value {
        json!({"metadata": {"name": format!("web-{hash}"), "labels": {TEMPLATE_HASHES[0]: hash}, "annotations": {REVISIONS[0]: revision}}, "spec": {"template": {"spec": {"containers": [{"name": "app", "image": format!("web:{revision}")}]}}}})
    }

    #[test]
    fn the_template_is_that_of_the_deployments_own_revision() {
        let deployment = json!({"metadata": {"name": "web", "generation": 4, "annotations": {REVISIONS[0]: "9", STAMP: "3.7"}}, "spec": {"replicas": 2}, "status": {"observedGeneration": 4}});
        let w = objects(deployment, json!([set("8", "old"), set("10", "odd"), set("9", "cur")]), json!([]));
        assert_eq!((w.template_hash.as_deref(), w.revision, w.stamp.as_deref()), (Some("cur"), Some(9), Some("3.7")));
        assert_eq!(w.revisions.iter().map(|k| k.revision).collect::<Vec<_>>(), [10, 9, 8]);
    }

    #[test]
    fn restarts_count_only_what_speaks_against_the_release() {
        let pod = |uid: &str, reason: &str, status: Value| {
            let last = json!({"terminated": {"reason": reason, "finishedAt": "2026-01-01T00:09:00Z"}});
            let mut p = json!({"metadata": {"name": uid, "uid": uid}, "status": {"containerStatuses": [{"name": "app", "restartCount": 2, "lastState": last}]}});
            p["status"].as_object_mut().unwrap().extend(status.as_object().unwrap().clone());
            p
        };
        let pods = json!([pod("a", "Error", json!({})), pod("b", "Completed", json!({})), pod("c", "Error", json!({"reason": "Evicted"}))]);
        let w = objects(json!({"metadata": {"name": "web"}}), json!([]), pods);
        assert_eq!(w.restarts.len(), 1);
        assert_eq!((w.restarts[0].pod.as_str(), w.restarts[0].ago), ("a", Some(Millis::mins(1))));
    }

    #[test]
    fn what_stands_in_the_way_is_named() {
        let pull = json!([{"metadata": {"name": "p"}, "status": {"containerStatuses": [{"name": "app", "state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such tag\u{1b}[0m"}}}]}}]);
        let deployment = json!({"metadata": {"name": "web"}, "status": {"conditions": [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "too long"}]}});
        let w = objects(deployment, json!([]), pull);
        assert_eq!(w.problems[0].as_str(), "p: ImagePullBackOff: no such tag<U+001B>[0m");
        assert_eq!(w.stalled.unwrap().as_str(), "ProgressDeadlineExceeded: too long");
    }

    #[test]
    fn pods_that_cannot_be_made_are_a_problem_before_all_others() {
        let conditions = json!([{"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "exceeded quota: team"}]);
        let w = objects(json!({"metadata": {"name": "web"}, "status": {"conditions": conditions}}), json!([]), json!([]));
        assert_eq!(w.problems[0].as_str(), "web: FailedCreate: exceeded quota: team");
    }

    #[test]
    fn shares_of_a_rolling_update_are_rounded_as_kubernetes_does() {
        let of = |strategy: Value, replicas| {
            let rolls = rolls(&serde_json::from_value(strategy).unwrap(), replicas);
            (rolls.surge, rolls.unavailable, rolls.needs_room())
        };
        assert_eq!(of(json!({}), 10), (3, 2, false));
        assert_eq!(of(json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}}), 3), (1, 0, true));
        assert_eq!(of(json!({"rollingUpdate": {"maxSurge": 0, "maxUnavailable": "10%"}}), 4), (0, 1, false), "both nothing is one missing");
        assert_eq!(of(json!({"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}), 4), (1, 0, true));
        assert_eq!(of(json!({"type": "Recreate"}), 4), (0, 0, false));
    }

    #[test]
    fn selectors_travel_whole() {
        let s: wire::Selector = serde_json::from_value(json!({"matchLabels": {"app": "web"}, "matchExpressions": [{"key": "track", "operator": "In", "values": ["a", "b"]}, {"key": "x", "operator": "DoesNotExist"}]})).unwrap();
        assert_eq!(selector(&s), "app=web,track in (a,b),!x");
    }
}
