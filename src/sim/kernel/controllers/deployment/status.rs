//! `status` of a Deployment: counts, `Available`, `Progressing`, and the deadline of progress.

use serde_json::{Value, json};

use super::{
    Job,
    spec::{Sets, Wishes},
};
use crate::sim::kernel::{
    Feature, World,
    controllers::MANAGER,
    object::Fields,
    resource::{DEPLOYMENT, REPLICA_SET},
    store::seconds,
};

const FAILURE: &str = "ReplicaFailure";

/// Whether the status says that all wanted pods are of the current template and available, and no others exist.
pub(super) fn is_complete(deployment: &Value, wishes: &Wishes) -> bool {
    let count = |key: &str| deployment.int(&format!("/status/{key}")).unwrap_or(0);
    let observed = count("observedGeneration") >= deployment.int("/metadata/generation").unwrap_or(0);
    ["updatedReplicas", "replicas", "availableReplicas"].iter().all(|key| count(key) == wishes.replicas) && observed
}

/// Writes the status that the ReplicaSets make. With `progress`, also how the rollout gets on.
pub(super) fn write(world: &mut World, job: &Job<'_>, sets: &Sets, progress: bool) {
    let Some(before) = job.deployment(world) else { return };
    let mut after = Value::clone(&before);
    count(world, &mut after, sets);
    let now = seconds(world.now());
    let enough = after.int("/status/availableReplicas").unwrap_or(0) >= job.wishes.replicas - job.wishes.unavailable;
    let available = if enough {
        Condition::new("Available", "True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
    } else {
        Condition::new("Available", "False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
    };
    if world.has(Feature::AvailableCondition) {
        available.set(&mut after, &now);
    }
    if progress && world.has(Feature::ProgressingCondition) {
        judge_progress(world, job, sets, &before, &mut after, &now);
        tell_failure(world, job, sets, &mut after);
    }
    if before.pointer("/status") != after.pointer("/status") {
        let status = after.pointer("/status").cloned().unwrap_or_default();
        world.modify_status(&DEPLOYMENT, job.namespace, job.name, MANAGER, |d| d.put("/status", status)).ok();
    } else if progress {
        watch_deadline(world, job, &after);
    }
}

fn count(world: &World, deployment: &mut Value, sets: &Sets) {
    let available = sets.sum(|set| set.available);
    let unavailable = (sets.sum(|set| set.size) - available).max(0);
    let generation = deployment.int("/metadata/generation").filter(|_| world.has(Feature::ObservedGeneration)).unwrap_or(0);
    let updated = sets.new.as_ref().map_or(0, |new| new.actual);
    let counts = [
        ("observedGeneration", generation),
        ("replicas", sets.sum(|set| set.actual)),
        ("updatedReplicas", updated),
        ("readyReplicas", sets.sum(|set| set.ready)),
        ("availableReplicas", available),
        ("unavailableReplicas", unavailable),
    ];
    for (key, value) in counts {
        let pointer = format!("/status/{key}");
        // Zero is left out on the wire.
        if value == 0 { drop(deployment.cut(&pointer)) } else { deployment.put(&pointer, value) }
    }
    deployment.put("/status/terminatingReplicas", sets.sum(|set| set.terminating));
}

/// A ReplicaSet that cannot make its pods is told of here too: the current one before all others.
fn tell_failure(world: &World, job: &Job<'_>, sets: &Sets, after: &mut Value) {
    let names = sets.new.iter().chain(&sets.old).map(|set| set.name.as_str());
    let mut found = names.filter_map(|name| condition(world.store.get(&REPLICA_SET, job.namespace, name)?, FAILURE).cloned());
    let Some(failure) = found.next().filter(|_| world.has(Feature::ReplicaFailure)) else { return remove(after, FAILURE) };
    let since = failure.text("/lastTransitionTime").to_owned();
    let [status, reason, message] = ["/status", "/reason", "/message"].map(|key| failure.text(key));
    Condition::new(FAILURE, status, reason, message).set(after, &since);
}

fn judge_progress(world: &World, job: &Job<'_>, sets: &Sets, before: &Value, after: &mut Value, now: &str) {
    let Some(deadline) = job.wishes.deadline else {
        return remove(after, "Progressing");
    };
    let known = condition(before, "Progressing").cloned();
    let reason = known.as_ref().map_or("", |c| c.text("/reason"));
    if after.int("/status/replicas") == after.int("/status/updatedReplicas") && reason == "NewReplicaSetAvailable" {
        return;
    }
    let about = sets.new.as_ref().map_or_else(|| format!("Deployment {:?}", job.name), |new| format!("ReplicaSet {:?}", new.name));
    if is_complete(after, &job.wishes) {
        let text = format!("{about} has successfully progressed.");
        Condition::new("Progressing", "True", "NewReplicaSetAvailable", &text).set(after, now);
    } else if progressed(before, after) {
        // The same reason again is news here: its update time carries the deadline.
        let since = known.filter(|c| c.text("/status") == "True").map(|c| c.text("/lastTransitionTime").to_owned());
        remove(after, "Progressing");
        Condition::new("Progressing", "True", "ReplicaSetUpdated", &format!("{about} is progressing.")).set(after, now);
        if let (Some(since), Some(entry)) = (since, condition_mut(after, "Progressing")) {
            entry.put("/lastTransitionTime", since);
        }
    } else if reason == "ProgressDeadlineExceeded" || deadline_passed(world, after, deadline) {
        let text = format!("{about} has timed out progressing.");
        Condition::new("Progressing", "False", "ProgressDeadlineExceeded", &text).set(after, now);
    }
}

fn progressed(before: &Value, after: &Value) -> bool {
    let count = |object: &Value, key: &str| object.int(&format!("/status/{key}")).unwrap_or(0);
    let old = |object: &Value| count(object, "replicas") - count(object, "updatedReplicas");
    let more = |key: &str| count(after, key) > count(before, key);
    more("updatedReplicas") || old(after) < old(before) || more("readyReplicas") || more("availableReplicas")
}

/// When the last progress was, in seconds since the epoch.
fn last_progress(deployment: &Value) -> Option<i64> {
    let known = condition(deployment, "Progressing")?;
    if known.text("/reason") == "NewReplicaSetAvailable" {
        return None;
    }
    known.text("/lastUpdateTime").parse::<jiff::Timestamp>().ok().map(|at| at.as_second())
}

fn deadline_passed(world: &World, deployment: &Value, deadline: i64) -> bool {
    last_progress(deployment).is_some_and(|at| at + deadline < world.now().as_second())
}

/// No progress now: the deadline is looked at when it passes.
fn watch_deadline(world: &mut World, job: &Job<'_>, deployment: &Value) {
    let (Some(deadline), Some(at)) = (job.wishes.deadline, last_progress(deployment)) else { return };
    let known = condition(deployment, "Progressing").map_or("", |c| c.text("/reason"));
    let wait = at + deadline + 1 - world.now().as_second();
    if known != "ProgressDeadlineExceeded" && !is_complete(deployment, &job.wishes) && wait > 0 {
        let at = world.ms() + wait.unsigned_abs() * 1000;
        job.look_again(world, at);
    }
}

/// `DeploymentPaused` and `DeploymentResumed`: a pause must not count as lack of progress.
pub(super) fn note_pause(world: &mut World, job: &Job<'_>) {
    let Some(deployment) = job.deployment(world) else { return };
    let reason = condition(&deployment, "Progressing").map_or("", |c| c.text("/reason"));
    if job.wishes.deadline.is_none() || reason == "ProgressDeadlineExceeded" {
        return;
    }
    let paused = reason == "DeploymentPaused";
    if job.wishes.paused && !paused {
        set(world, job, &Condition::new("Progressing", "Unknown", "DeploymentPaused", "Deployment is paused"));
    } else if !job.wishes.paused && paused {
        set(world, job, &Condition::new("Progressing", "Unknown", "DeploymentResumed", "Deployment is resumed"));
    }
}

/// The current template's ReplicaSet was there already.
pub(super) fn found(world: &mut World, job: &Job<'_>, name: &str) {
    let unknown = job.deployment(world).is_some_and(|d| condition(&d, "Progressing").is_none());
    if unknown && job.wishes.deadline.is_some() {
        set(world, job, &Condition::new("Progressing", "True", "FoundNewReplicaSet", &format!("Found new replica set {name:?}")));
    }
}

/// The current template's ReplicaSet was created.
pub(super) fn created(world: &mut World, job: &Job<'_>, name: &str) {
    if job.wishes.deadline.is_some() {
        set(world, job, &Condition::new("Progressing", "True", "NewReplicaSetCreated", &format!("Created new replica set {name:?}")));
    }
}

/// The current template's ReplicaSet was refused.
pub(super) fn create_failed(world: &mut World, job: &Job<'_>, name: &str, why: &str) {
    let text = format!("Failed to create new replica set {name:?}: {why}");
    if job.wishes.deadline.is_some() {
        set(world, job, &Condition::new("Progressing", "False", "ReplicaSetCreateError", &text));
    }
    if let Some(deployment) = job.deployment(world) {
        world.event(&deployment, "Warning", "ReplicaSetCreateError", &text, super::COMPONENT);
    }
}

/// The ReplicaSet's name is taken: the next hash will be another.
pub(super) fn count_collision(world: &mut World, job: &Job<'_>) {
    world
        .modify_status(&DEPLOYMENT, job.namespace, job.name, MANAGER, |d| {
            let collisions = d.int("/status/collisionCount").unwrap_or(0);
            d.put("/status/collisionCount", collisions + 1);
        })
        .ok();
}

fn set(world: &mut World, job: &Job<'_>, condition: &Condition<'_>) {
    let now = seconds(world.now());
    world.modify_status(&DEPLOYMENT, job.namespace, job.name, MANAGER, |d| condition.set(d, &now)).ok();
}

/// One entry of `status.conditions`, before it has its times.
struct Condition<'a> {
    kind: &'a str,
    status: &'a str,
    reason: &'a str,
    message: &'a str,
}

impl<'a> Condition<'a> {
    fn new(kind: &'a str, status: &'a str, reason: &'a str, message: &'a str) -> Self {
        Self { kind, status, reason, message }
    }

    /// Puts it into an object, at the end; nothing happens when status and reason are already so.
    fn set(&self, object: &mut Value, now: &str) {
        let known = condition(object, self.kind);
        if known.is_some_and(|c| c.text("/status") == self.status && c.text("/reason") == self.reason) {
            return;
        }
        let since = known.filter(|c| c.text("/status") == self.status).map_or(now, |c| c.text("/lastTransitionTime")).to_owned();
        remove(object, self.kind);
        if let Some(conditions) = object.items_mut("/status/conditions") {
            conditions.push(json!({
                "type": self.kind, "status": self.status, "lastUpdateTime": now, "lastTransitionTime": since,
                "reason": self.reason, "message": self.message,
            }));
        }
    }
}

fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    object.items("/status/conditions").iter().find(|c| c.text("/type") == kind)
}

fn condition_mut<'a>(object: &'a mut Value, kind: &str) -> Option<&'a mut Value> {
    object.items_mut("/status/conditions")?.iter_mut().find(|c| c.text("/type") == kind)
}

fn remove(object: &mut Value, kind: &str) {
    if !object.items("/status/conditions").is_empty()
        && let Some(conditions) = object.items_mut("/status/conditions")
    {
        conditions.retain(|c| c.text("/type") != kind);
    }
}
