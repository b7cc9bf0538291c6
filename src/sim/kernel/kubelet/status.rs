//! `status` of a pod, as its kubelet reports it.

use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::run::{Container, Ended, Run, State};
use crate::sim::kernel::{object::Fields, store::seconds};

/// Writes the whole status into a pod.
pub(super) fn write(pod: &mut Value, run: &Run, host: &str, now: Timestamp) {
    let generation = pod.int("/metadata/generation");
    let phase = phase(run);
    let status =
        |init: bool| -> Vec<Value> { run.containers.iter().filter(|c| c.init == init).map(|c| container_status(c, run)).collect() };
    let conditions = conditions(pod, run, phase, &seconds(now), generation);
    pod.put("/status/phase", phase);
    pod.put("/status/conditions", conditions);
    pod.put("/status/hostIP", host);
    pod.put("/status/hostIPs", json!([{"ip": host}]));
    pod.put("/status/startTime", seconds(run.since));
    if run.sandbox {
        pod.put("/status/podIP", run.ip.clone());
        pod.put("/status/podIPs", json!([{"ip": run.ip}]));
    }
    pod.put("/status/containerStatuses", status(false));
    if run.containers.iter().any(|c| c.init) {
        pod.put("/status/initContainerStatuses", status(true));
    }
    if let Some(generation) = generation {
        pod.put("/status/observedGeneration", generation);
    }
}

fn phase(run: &Run) -> &'static str {
    let mut main = run.containers.iter().filter(|c| !c.init);
    let ends: Vec<i32> = main.clone().filter_map(|c| if let State::Ended(end) = &c.state { Some(end.code) } else { None }).collect();
    let finished = run.is_initialized() && ends.len() == main.clone().count();
    let waits = |c: &Container| matches!(c.state, State::Waiting(..)) && c.last.is_none();
    if finished && main.clone().all(|c| c.token == FINAL) {
        if ends.iter().all(|code| *code == 0) { "Succeeded" } else { "Failed" }
    } else if !run.is_initialized() || main.any(waits) {
        "Pending"
    } else {
        "Running"
    }
}

/// The token of a container that will not run again.
pub(super) const FINAL: u64 = u64::MAX;

fn conditions(pod: &Value, run: &Run, phase: &str, now: &str, generation: Option<i64>) -> Vec<Value> {
    let unready: Vec<&str> = run.containers.iter().filter(|c| !c.init && !c.ready).map(|c| c.name.as_str()).collect();
    let incomplete: Vec<&str> =
        run.containers.iter().filter(|c| c.init && !matches!(c.state, State::Ended(_))).map(|c| c.name.as_str()).collect();
    let ready = match (phase, unready.as_slice()) {
        ("Succeeded", _) => (false, "PodCompleted", String::new()),
        ("Failed", _) => (false, "PodFailed", String::new()),
        (_, []) => (true, "", String::new()),
        _ => (false, "ContainersNotReady", format!("containers with unready status: [{}]", unready.join(" "))),
    };
    let initialized = match incomplete.as_slice() {
        [] => (true, "", String::new()),
        names => (false, "ContainersNotInitialized", format!("containers with incomplete status: [{}]", names.join(" "))),
    };
    let ended = matches!(phase, "Succeeded" | "Failed");
    let wanted = [
        ("PodReadyToStartContainers", (run.sandbox && !ended, "", String::new())),
        ("Initialized", initialized),
        ("Ready", ready.clone()),
        ("ContainersReady", ready),
        ("PodScheduled", (true, "", String::new())),
    ];
    let ours = |kind: &str| wanted.iter().any(|(known, _)| *known == kind);
    let others = pod.items("/status/conditions").iter().filter(|c| !ours(c.text("/type"))).cloned();
    let mut list: Vec<Value> =
        wanted.iter().map(|(kind, (yes, reason, message))| condition(pod, kind, *yes, reason, message, now, generation)).collect();
    list.extend(others);
    list
}

/// One condition; its time changes only with its status.
pub(super) fn condition(pod: &Value, kind: &str, yes: bool, reason: &str, message: &str, now: &str, generation: Option<i64>) -> Value {
    let status = if yes { "True" } else { "False" };
    let known = pod.items("/status/conditions").iter().find(|c| c.text("/type") == kind && c.text("/status") == status);
    let since = known.map_or(now, |c| c.text("/lastTransitionTime"));
    let mut condition = json!({"type": kind, "status": status, "lastProbeTime": null, "lastTransitionTime": since});
    if let Some(generation) = generation {
        condition.put("/observedGeneration", generation);
    }
    for (key, text) in [("/reason", reason), ("/message", message)] {
        if !text.is_empty() {
            condition.put(key, text);
        }
    }
    condition
}

fn container_status(container: &Container, run: &Run) -> Value {
    let state = match &container.state {
        State::Waiting(reason, message) if message.is_empty() => json!({"waiting": {"reason": reason}}),
        State::Waiting(reason, message) => json!({"waiting": {"reason": reason, "message": message}}),
        State::Running(_, since) => json!({"running": {"startedAt": seconds(*since)}}),
        State::Ended(end) => json!({"terminated": terminated(end, container, run)}),
    };
    let last = container.last.as_ref().map_or(json!({}), |end| json!({"terminated": terminated(end, container, run)}));
    let running = matches!(container.state, State::Running(..));
    let started = running || matches!(container.state, State::Ended(_)) || container.last.is_some();
    let ready = container.ready || (container.init && matches!(&container.state, State::Ended(end) if end.code == 0));
    let run_number = match (&container.state, &container.last) {
        (State::Waiting(..), Some(last)) => last.restarts,
        _ => container.restarts,
    };
    let mut status = json!({
        "name": container.name, "state": state, "lastState": last, "ready": ready, "restartCount": container.restarts,
        "image": container.image, "imageID": "", "started": running,
    });
    if started {
        status.put("/imageID", image_id(&container.image));
        status.put("/containerID", container_id(run, container, run_number));
    }
    status
}

fn terminated(end: &Ended, container: &Container, run: &Run) -> Value {
    json!({
        "exitCode": end.code, "reason": end.reason, "startedAt": seconds(end.started), "finishedAt": seconds(end.finished),
        "containerID": container_id(run, container, end.restarts),
    })
}

/// `repository@sha256:...`: the digest follows from the reference, as if a tag never moved.
pub fn image_id(image: &str) -> String {
    if image.contains('@') {
        return image.to_owned();
    }
    let name = image.rsplit_once('/').map_or(image, |(_, name)| name);
    let tag = name.rsplit_once(':').map_or(0, |(_, tag)| tag.len() + 1);
    let repository = image.get(..image.len() - tag).unwrap_or(image);
    format!("{repository}@sha256:{}", hash(image))
}

fn container_id(run: &Run, container: &Container, restarts: u32) -> String {
    format!("containerd://{}", hash(&format!("{}/{}/{restarts}", run.uid, container.name)))
}

fn hash(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_follow_from_the_reference() {
        let id = image_id("registry.io:5000/shop/backend:v1.2");
        assert!(id.starts_with("registry.io:5000/shop/backend@sha256:"), "{id}");
        assert_eq!(id.len(), "registry.io:5000/shop/backend@sha256:".len() + 64);
        assert_ne!(id, image_id("registry.io:5000/shop/backend:v1.3"));
        assert!(image_id("nginx").starts_with("nginx@sha256:"));
        assert_eq!(image_id("a@sha256:00"), "a@sha256:00");
    }
}
