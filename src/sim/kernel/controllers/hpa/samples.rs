//! What the metrics server and the pods say, as the calculation wants it.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::calculate::{Proposal, Sample, Target, propose};
use crate::sim::kernel::{World, object::Fields, quantity};

/// CPU of a pod is not judged in its first minutes while it is not ready.
const START_SECONDS: i64 = 300;
/// A pod that was never ready within this long after its start does not count at all.
const NEVER_READY_SECONDS: i64 = 30;
/// The time that one measurement covers, in seconds.
const WINDOW_SECONDS: i64 = 30;

/// Why a metric says nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    /// Reason of the condition and the event.
    pub(super) reason: &'static str,
    /// Which value, in the words of the second event.
    pub(super) what: String,
    /// The error.
    pub(super) why: String,
}

/// Judges one entry of `spec.metrics`: name of the resource, target, proposal.
pub(super) fn resource(world: &World, metric: &Value, pods: &[Arc<Value>], current: i64) -> Result<(String, Target, Proposal), Failure> {
    let unserved = |reason, what: &str, api: &str| {
        Err(Failure {
            reason,
            what: format!("{what} metric value"),
            why: format!("unable to fetch metrics from {api} metrics API: no {api} metrics API is served"),
        })
    };
    match metric.text("/type") {
        "Resource" => {}
        "Pods" => return unserved("FailedGetPodsMetric", "pods", "custom"),
        "Object" => return unserved("FailedGetObjectMetric", "object", "custom"),
        "External" => return unserved("FailedGetExternalMetric", "external", "external"),
        _ => return unserved("FailedGetContainerResourceMetric", "container", "resource"),
    }
    let name = metric.text("/resource/name").to_owned();
    let goal = metric.pointer("/resource/target").unwrap_or(&Value::Null);
    let target = match goal.int("/averageUtilization") {
        Some(percent) => Target::Utilization(percent.unsigned_abs()),
        None => Target::Average(goal.pointer("/averageValue").and_then(amount).unwrap_or(0)),
    };
    let value = if matches!(target, Target::Utilization(_)) { "utilization" } else { "usage" };
    let failed = |why: String| Failure {
        reason: "FailedGetResourceMetric",
        what: format!("{name} resource metric value"),
        why: format!("failed to get {name} {value}: {why}"),
    };
    let samples = samples(world, &name, target, pods).map_err(&failed)?;
    let proposal = propose(&samples, target, current)
        .ok_or_else(|| failed("did not receive metrics for targeted pods (pods might be unready)".into()))?;
    Ok((name, target, proposal))
}

/// A quantity in thousandths, written as text or number.
fn amount(quantity: &Value) -> Option<u64> {
    match quantity {
        Value::String(text) => quantity::milli(text),
        other => other.as_u64().map(|n| n * 1000),
    }
}

fn samples(world: &World, name: &str, target: Target, pods: &[Arc<Value>]) -> Result<Vec<Sample>, String> {
    let unable = |why: &str| format!("unable to get metrics for resource {name}: {why}");
    if !world.measured.metrics_server {
        let why =
            "unable to fetch metrics from resource metrics API: the server could not find the requested resource (get pods.metrics.k8s.io)";
        return Err(unable(why));
    }
    let usage = |pod: &Value| world.measured.pods.get(&(pod.namespace().to_owned(), pod.name().to_owned()));
    if !pods.iter().any(|pod| usage(pod).is_some()) {
        return Err(unable("no metrics returned from resource metrics API"));
    }
    let mut samples = Vec::new();
    for pod in pods.iter().filter(|pod| !pod.is_deleting() && pod.text("/status/phase") != "Failed") {
        let request = if matches!(target, Target::Utilization(_)) { request(pod, name)? } else { 0 };
        let measured = usage(pod);
        let used = measured.map(|usage| {
            let each = usage.containers.values().map(|c| if name == "cpu" { c.cpu_milli } else { c.memory.saturating_mul(1000) });
            each.sum()
        });
        let pending = pod.text("/status/phase") == "Pending";
        let starting = name == "cpu" && measured.is_some_and(|usage| is_starting(world.now(), usage.at, pod));
        samples.push(Sample { request, usage: used, unready: pending || starting });
    }
    Ok(samples)
}

fn request(pod: &Value, name: &str) -> Result<u64, String> {
    let mut sum = 0;
    for container in pod.items("/spec/containers") {
        let request = container.pointer(&format!("/resources/requests/{name}")).and_then(amount);
        let missing = || format!("missing request for {name} in container {} of Pod {}", container.text("/name"), pod.name());
        sum += request.ok_or_else(missing)?;
    }
    Ok(sum)
}

/// CPU of a starting pod says nothing about its load.
fn is_starting(now: Timestamp, measured: Timestamp, pod: &Value) -> bool {
    let time = |text: &str| text.parse::<Timestamp>().ok().map(Timestamp::as_second);
    let ready = pod.items("/status/conditions").iter().find(|c| c.text("/type") == "Ready");
    let (Some(ready), Some(started)) = (ready, time(pod.text("/status/startTime"))) else { return true };
    let changed = time(ready.text("/lastTransitionTime")).unwrap_or(started);
    let not_ready = ready.text("/status") != "True";
    if started + START_SECONDS > now.as_second() {
        not_ready || measured.as_second() < changed + WINDOW_SECONDS
    } else {
        not_ready && started + NEVER_READY_SECONDS > changed
    }
}
