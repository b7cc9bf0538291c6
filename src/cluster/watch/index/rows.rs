//! From the wire to rows.

use std::collections::BTreeMap;

use super::super::super::{hash_of, revision_of};
use super::super::wire;
use crate::domain::live::{DeploymentRow, EventRow, HpaRow, PodRow, RevisionRow, ServiceRow};
use crate::domain::observed::Autoscaler;
use crate::domain::text::SafeText;

/// Labels that tell tracks apart, or name the app; the rest is not kept.
const KEPT_LABELS: [&str; 14] = [
    "app",
    "name",
    "version",
    "track",
    "role",
    "deployment",
    "color",
    "slot",
    "release",
    "rollouts-pod-template-hash",
    "app.kubernetes.io/name",
    "app.kubernetes.io/instance",
    "app.kubernetes.io/version",
    "app.kubernetes.io/component",
];

pub(super) fn safe(raw: &str) -> SafeText {
    SafeText::from(raw)
}

fn kept_labels(labels: Option<BTreeMap<String, String>>) -> BTreeMap<String, String> {
    let mut labels = labels.unwrap_or_default();
    labels.retain(|k, _| KEPT_LABELS.contains(&k.as_str()));
    labels.into_iter().map(|(k, v)| (k, String::from(safe(&v)))).collect()
}

/// A ReplicaSet's Deployment: its name without the template hash.
fn deployment_of(replica_set: &str, hash: Option<&str>) -> Option<String> {
    Some(replica_set.strip_suffix(hash?)?.strip_suffix('-')?.to_owned())
}

pub(super) fn pod(p: wire::Pod) -> PodRow {
    let hash = p.metadata.labels.as_ref().and_then(hash_of).cloned();
    let owner = p.metadata.owner_references.iter().find(|o| o.controller && o.kind == "ReplicaSet");
    let statuses = &p.status.container_statuses;
    let (status, reason) = pod_status(&p);
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    PodRow {
        deployment: owner.and_then(|o| deployment_of(&o.name, hash.as_deref())),
        template_hash: hash,
        status,
        reason,
        ready: count(statuses.iter().filter(|c| c.ready).count()),
        containers: count(p.spec.containers.len()),
        restarts: statuses.iter().map(|c| c.restart_count).sum(),
        last_restart: statuses.iter().filter_map(|c| c.last_state.terminated.as_ref()?.finished_at).max(),
        cpu_milli: None,
        memory: None,
        created: p.metadata.creation_timestamp,
        node: p.spec.node_name.as_deref().map(safe),
        name: safe(&p.metadata.name),
        uid: p.metadata.uid,
    }
}

/// What kubectl shows as STATUS, and why, where something is wrong.
fn pod_status(p: &wire::Pod) -> (SafeText, Option<SafeText>) {
    let status = &p.status;
    let because = |r: &wire::Reason| (!r.message.is_empty()).then(|| safe(&r.message));
    let wrong = |c: &wire::ContainerStatus| {
        if let Some(waiting) =
            c.state.waiting.as_ref().filter(|w| !w.reason.is_empty() && w.reason != "ContainerCreating" && w.reason != "PodInitializing")
        {
            let last = c.last_state.terminated.as_ref().map(|t| safe(&format!("last exit {} {}", t.exit_code, t.reason)));
            return Some((safe(&waiting.reason), last.or_else(|| because(waiting))));
        }
        let ended = c.state.terminated.as_ref()?;
        let word = if ended.reason.is_empty() { format!("ExitCode:{}", ended.exit_code) } else { ended.reason.clone() };
        Some((safe(&word), because(ended)))
    };
    if p.metadata.deletion_timestamp.is_some() {
        return (safe("Terminating"), None);
    }
    if let Some(found) = status.init_container_statuses.iter().filter(|c| !c.ready).find_map(wrong) {
        return (safe(&format!("Init:{}", found.0)), found.1);
    }
    if let Some(found) = status.container_statuses.iter().find_map(wrong) {
        return found;
    }
    if let Some(reason) = &status.reason {
        return (safe(reason), status.message.as_deref().map(safe));
    }
    let unscheduled = status
        .conditions
        .iter()
        .find(|c| c.r#type == "PodScheduled" && c.status == "False")
        .map(|c| safe(&format!("{}: {}", c.reason, c.message)));
    let creating = status.phase == "Pending" && status.container_statuses.iter().any(|c| c.state.waiting.is_some());
    (safe(if creating { "ContainerCreating" } else { &status.phase }), unscheduled)
}

pub(super) fn event(e: wire::Event) -> EventRow {
    let (count, last) = e.series.map_or((e.count.unwrap_or(1), e.last_timestamp), |s| (s.count, s.last_observed_time));
    EventRow {
        at: last.or(e.event_time).or(e.metadata.creation_timestamp),
        uid: e.metadata.uid,
        warning: e.r#type == "Warning",
        reason: safe(&e.reason),
        about: (safe(&e.involved_object.kind), safe(&e.involved_object.name)),
        message: safe(e.message.trim()),
        count,
    }
}

fn images(containers: Vec<wire::Container>) -> Vec<(String, String)> {
    containers.into_iter().map(|c| (String::from(safe(&c.name)), String::from(safe(&c.image)))).collect()
}

pub(super) fn deployment(d: wire::Deployment) -> DeploymentRow {
    let annotation = |key: &str| d.metadata.annotations.as_ref().and_then(|a| a.get(key));
    DeploymentRow {
        name: safe(&d.metadata.name),
        revision: d.metadata.annotations.as_ref().and_then(revision_of),
        change_cause: annotation(crate::domain::action::CHANGE_CAUSE).map(|c| safe(c)),
        labels: kept_labels(d.metadata.labels),
        pod_labels: kept_labels(d.spec.template.metadata.labels),
        replicas: [d.spec.replicas.unwrap_or(1), d.status.ready_replicas, d.status.updated_replicas, d.status.available_replicas],
        images: images(d.spec.template.spec.containers),
        paused: d.spec.paused,
        created: d.metadata.creation_timestamp,
    }
}

/// A ReplicaSet is a revision when a Deployment (or an Argo Rollout) owns and numbers it.
pub(super) fn revision(r: wire::ReplicaSet) -> Option<RevisionRow> {
    let owner =
        r.metadata.owner_references.iter().find(|o| o.controller && ["Deployment", "Rollout"].contains(&o.kind.as_str()))?.name.clone();
    let annotations = r.metadata.annotations.unwrap_or_default();
    Some(RevisionRow {
        deployment: owner,
        revision: revision_of(&annotations)?,
        change_cause: annotations.get(crate::domain::action::CHANGE_CAUSE).map(|c| safe(c)),
        images: images(r.spec.template.spec.containers),
        created: r.metadata.creation_timestamp,
        replicas: r.status.replicas,
        replica_set: r.metadata.name,
    })
}

pub(super) fn hpa(h: wire::Autoscaler) -> HpaRow {
    let limited = |c: &&wire::Condition| c.r#type == "ScalingLimited" && c.status == "True" && c.reason == "TooManyReplicas";
    let odd = |c: &&wire::Condition| {
        (c.status != "True") != (c.r#type == "ScalingLimited") && !(c.r#type == "ScalingLimited" && c.reason != "TooManyReplicas")
    };
    let current = h.status.current_metrics.unwrap_or_default();
    let metrics = h.spec.metrics.iter().filter_map(|m| metric(m, &current)).collect();
    HpaRow {
        name: safe(&h.metadata.name),
        target: h.spec.scale_target_ref.name,
        scale: Autoscaler {
            name: h.metadata.name,
            min: h.spec.min_replicas.unwrap_or(1),
            max: h.spec.max_replicas,
            current: h.status.current_replicas,
            desired: h.status.desired_replicas,
            limited: h.status.conditions.iter().any(|c| limited(&c)),
            metrics: Vec::new(), // told as text, below
        },
        metrics,
        conditions: h.status.conditions.iter().filter(odd).map(|c| safe(&format!("{}={} {}", c.r#type, c.status, c.reason))).collect(),
    }
}

/// `cpu 54/70 %`, `memory 180Mi/256Mi`; `–` where the autoscaler has no value.
fn metric(wanted: &wire::Metric, current: &[wire::Metric]) -> Option<SafeText> {
    let spec = wanted.resource.as_ref()?;
    let now = current.iter().filter_map(|m| m.resource.as_ref()).find(|r| r.name == spec.name).map(|r| &r.current);
    let text = match (spec.target.average_utilization, &spec.target.average_value) {
        (Some(limit), _) => {
            let have = now.and_then(|n| n.average_utilization).map_or_else(|| "–".to_owned(), |n| n.to_string());
            format!("{} {have}/{limit} %", spec.name)
        }
        (None, Some(limit)) => {
            let have = now.and_then(|n| n.average_value.clone()).unwrap_or_else(|| "–".to_owned());
            format!("{} {have}/{limit}", spec.name)
        }
        (None, None) => return None,
    };
    Some(safe(&text))
}

pub(super) fn service(s: wire::Service) -> ServiceRow {
    ServiceRow { name: safe(&s.metadata.name), selector: s.spec.selector.unwrap_or_default(), ready: 0, addresses: 0 }
}

/// A slice's Service, ready addresses and all addresses. A missing `ready` means ready.
pub(super) fn slice(s: wire::EndpointSlice) -> Option<(String, u32, u32)> {
    let service = s.metadata.labels.as_ref()?.get("kubernetes.io/service-name")?.clone();
    let endpoints = s.endpoints.unwrap_or_default();
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let ready = endpoints.iter().filter(|e| e.conditions.ready.unwrap_or(true) && !e.addresses.is_empty()).count();
    Some((service, count(ready), count(endpoints.len())))
}
