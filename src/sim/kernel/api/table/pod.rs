//! The table of pods.

use jiff::Timestamp;
use serde_json::Value;

use super::{AGE, Column, Columns, NAME, age, column, or_none, since, wide};
use crate::sim::kernel::object::Fields;

pub const POD: Columns = Columns {
    columns: &[
        NAME,
        column("Ready", "string"),
        column("Status", "string"),
        column("Restarts", "string"),
        AGE,
        wide("IP", "string"),
        wide("Node", "string"),
        Column { ..wide("Nominated Node", "string") },
        wide("Readiness Gates", "string"),
    ],
    cells,
};

fn cells(pod: &Value, now: Timestamp) -> Vec<Value> {
    let summary = Summary::of(pod);
    let restarts = match summary.last_restart {
        Some(at) if summary.restarts > 0 => format!("{} ({} ago)", summary.restarts, since(at, now)),
        _ => summary.restarts.to_string(),
    };
    let ip = pod.items("/status/podIPs").first().map_or_else(|| pod.text("/status/podIP"), |ip| ip.text("/ip"));
    vec![
        pod.name().into(),
        format!("{}/{}", summary.ready, summary.total).into(),
        summary.reason.into(),
        restarts.into(),
        age(pod, now),
        or_none(ip),
        or_none(pod.text("/spec/nodeName")),
        or_none(pod.text("/status/nominatedNodeName")),
        or_none(gates(pod)),
    ]
}

/// What kubectl makes of a pod's status.
#[derive(Debug)]
struct Summary<'a> {
    ready: usize,
    total: usize,
    restarts: i64,
    last_restart: Option<&'a str>,
    reason: String,
}

impl<'a> Summary<'a> {
    fn of(pod: &'a Value) -> Self {
        let phase = pod.text("/status/phase");
        let reason = Some(pod.text("/status/reason")).filter(|reason| !reason.is_empty()).unwrap_or(phase).to_owned();
        let mut summary = Summary { ready: 0, total: pod.items("/spec/containers").len(), restarts: 0, last_restart: None, reason };
        let gated =
            pod.items("/status/conditions").iter().any(|c| c.text("/type") == "PodScheduled" && c.text("/reason") == "SchedulingGated");
        if gated {
            summary.reason = "SchedulingGated".into();
        }
        let initializing = summary.init_containers(pod);
        if !initializing || is_initialized(pod) {
            summary.containers(pod);
        }
        if pod.is_deleting() {
            if pod.text("/status/reason") == "NodeLost" {
                summary.reason = "Unknown".into();
            } else if !matches!(phase, "Succeeded" | "Failed") {
                summary.reason = "Terminating".into();
            }
        }
        summary
    }

    /// True while an init container has not done its work.
    fn init_containers(&mut self, pod: &'a Value) -> bool {
        let total = pod.items("/spec/initContainers").len();
        for (index, status) in pod.items("/status/initContainerStatuses").iter().enumerate() {
            self.count_restarts(status);
            let reason = match state(status) {
                State::Terminated { code: 0, .. } => continue,
                State::Terminated { reason, signal, code } => format!("Init:{}", ended(reason, signal, code)),
                State::Waiting(reason) if !reason.is_empty() && reason != "PodInitializing" => format!("Init:{reason}"),
                _ => format!("Init:{index}/{total}"),
            };
            self.reason = reason;
            return true;
        }
        false
    }

    fn containers(&mut self, pod: &'a Value) {
        self.restarts = 0;
        self.last_restart = None;
        let mut any_running = false;
        for status in pod.items("/status/containerStatuses").iter().rev() {
            self.count_restarts(status);
            match state(status) {
                State::Waiting(reason) if !reason.is_empty() => self.reason = reason.to_owned(),
                State::Terminated { reason, signal, code } => self.reason = ended(reason, signal, code),
                State::Running if status.is_true("/ready") => {
                    any_running = true;
                    self.ready += 1;
                }
                _ => {}
            }
        }
        if self.reason == "Completed" && any_running {
            let ready = pod.items("/status/conditions").iter().any(|c| c.text("/type") == "Ready" && c.text("/status") == "True");
            self.reason = if ready { "Running" } else { "NotReady" }.into();
        }
    }

    fn count_restarts(&mut self, status: &'a Value) {
        self.restarts += status.int("/restartCount").unwrap_or(0);
        let finished = status.text("/lastState/terminated/finishedAt");
        if !finished.is_empty() && self.last_restart.is_none_or(|last| last < finished) {
            self.last_restart = Some(finished);
        }
    }
}

enum State<'a> {
    Waiting(&'a str),
    Running,
    Terminated { reason: &'a str, signal: i64, code: i64 },
    Unknown,
}

fn state(status: &Value) -> State<'_> {
    if let Some(waiting) = status.pointer("/state/waiting") {
        State::Waiting(waiting.text("/reason"))
    } else if let Some(ended) = status.pointer("/state/terminated") {
        let (signal, code) = (ended.int("/signal").unwrap_or(0), ended.int("/exitCode").unwrap_or(0));
        State::Terminated { reason: ended.text("/reason"), signal, code }
    } else if status.pointer("/state/running").is_some() {
        State::Running
    } else {
        State::Unknown
    }
}

fn ended(reason: &str, signal: i64, code: i64) -> String {
    match (reason, signal) {
        ("", 0) => format!("ExitCode:{code}"),
        ("", signal) => format!("Signal:{signal}"),
        (reason, _) => reason.to_owned(),
    }
}

fn is_initialized(pod: &Value) -> bool {
    pod.items("/status/conditions").iter().any(|c| c.text("/type") == "Initialized" && c.text("/status") == "True")
}

fn gates(pod: &Value) -> String {
    let gates = pod.items("/spec/readinessGates");
    if gates.is_empty() {
        return String::new();
    }
    let holds = |gate: &&Value| {
        let wanted = gate.text("/conditionType");
        pod.items("/status/conditions").iter().any(|c| c.text("/type") == wanted && c.text("/status") == "True")
    };
    format!("{}/{}", gates.iter().filter(holds).count(), gates.len())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn row(status: Value) -> Vec<String> {
        let pod = json!({"metadata": {"name": "p", "creationTimestamp": "1970-01-01T00:00:00Z"}, "spec": {"containers": [{}, {}]}, "status": status});
        cells(&pod, Timestamp::from_second(600).unwrap()).iter().map(|cell| cell.as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn the_status_names_what_is_wrong() {
        let waiting = json!({"phase": "Running", "containerStatuses": [
            {"restartCount": 3, "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": {"finishedAt": "1970-01-01T00:09:00Z"}}},
            {"restartCount": 0, "ready": true, "state": {"running": {}}}]});
        assert_eq!(row(waiting)[1..5], ["1/2", "CrashLoopBackOff", "3 (60s ago)", "10m"]);
        let killed =
            json!({"phase": "Running", "containerStatuses": [{"state": {"terminated": {"reason": "OOMKilled", "exitCode": 137}}}]});
        assert_eq!(row(killed)[2], "OOMKilled");
        let exited = json!({"phase": "Failed", "containerStatuses": [{"state": {"terminated": {"exitCode": 2}}}]});
        assert_eq!(row(exited)[2], "ExitCode:2");
        assert_eq!(row(json!({"phase": "Pending"}))[1..4], ["0/2", "Pending", "0"]);
    }
}
