//! What the kubelet knows of a pod: its containers and how far each has come.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use crate::sim::kernel::{object::Fields, profile::Profile};

/// A pod on a node.
#[derive(Debug, Clone)]
pub(super) struct Run {
    /// The pod's uid: timers of an earlier pod of the same name mean nothing to it.
    pub(super) uid: String,
    /// The node.
    pub(super) node: String,
    /// The pod's address.
    pub(super) ip: String,
    /// When the kubelet saw it first.
    pub(super) since: Timestamp,
    /// Its network is up and containers may start.
    pub(super) sandbox: bool,
    /// It is being stopped.
    pub(super) stopping: bool,
    /// Its init containers, then its containers.
    pub(super) containers: Vec<Container>,
}

/// One container.
#[derive(Debug, Clone)]
pub(super) struct Container {
    /// Name.
    pub(super) name: String,
    /// Image, as written.
    pub(super) image: String,
    /// Runs to its end before the others start.
    pub(super) init: bool,
    /// How far it has come.
    pub(super) state: State,
    /// The run before this one.
    pub(super) last: Option<Ended>,
    /// Restarts so far.
    pub(super) restarts: u32,
    /// The readiness probe passes (or there is none).
    pub(super) ready: bool,
    /// Failed pulls in a row.
    pub(super) pulls: u32,
    /// Ends in a row that came soon after the start.
    pub(super) crashes: u32,
    /// Readiness probe.
    pub(super) probe: Option<Probe>,
    /// Probe results in a row: positive for passes.
    pub(super) streak: i64,
    /// The readiness probe fails until this time, whatever else.
    pub(super) failing_until: u64,
    /// Which run it is; timers of earlier runs mean nothing.
    pub(super) token: u64,
    /// How the image behaves, as of this run's start.
    pub(super) profile: Arc<Profile>,
}

/// How far a container has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    /// Waiting, with reason and message.
    Waiting(&'static str, String),
    /// Running since this time (virtual milliseconds, wall time).
    Running(u64, Timestamp),
    /// Ended.
    Ended(Ended),
}

/// The end of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ended {
    /// Exit code.
    pub(super) code: i32,
    /// `Error`, `OOMKilled`, `Completed`.
    pub(super) reason: String,
    /// When it began.
    pub(super) started: Timestamp,
    /// When it ended.
    pub(super) finished: Timestamp,
    /// Which run it was.
    pub(super) restarts: u32,
}

/// A readiness probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Probe {
    /// Milliseconds before the first one.
    pub(super) delay: u64,
    /// Milliseconds between two.
    pub(super) period: u64,
    /// Failures in a row that make it not ready.
    pub(super) failures: i64,
    /// Passes in a row that make it ready.
    pub(super) passes: i64,
    /// What is asked, `http://{ip}:5000/health/ready`; empty for probes that are no HTTP request.
    pub(super) url: Option<(i64, String)>,
}

impl Run {
    /// A pod that has just come to its node.
    pub(super) fn new(pod: &Value, node: &str, ip: String, since: Timestamp, profile: &Arc<Profile>) -> Self {
        let waiting = if pod.items("/spec/initContainers").is_empty() { "ContainerCreating" } else { "PodInitializing" };
        let init = pod.items("/spec/initContainers").iter().map(|spec| Container::new(spec, true, waiting, profile));
        let main = pod.items("/spec/containers").iter().map(|spec| Container::new(spec, false, waiting, profile));
        Self {
            uid: pod.uid().to_owned(),
            node: node.to_owned(),
            ip,
            since,
            sandbox: false,
            stopping: false,
            containers: init.chain(main).collect(),
        }
    }

    /// The containers that may start now: the first unfinished init container alone, or all others.
    pub(super) fn startable(&self) -> Vec<usize> {
        let done = |c: &Container| matches!(&c.state, State::Ended(end) if end.code == 0);
        match self.containers.iter().position(|c| c.init && !done(c)) {
            Some(index) => vec![index],
            None => self.containers.iter().enumerate().filter(|(_, c)| !c.init).map(|(index, _)| index).collect(),
        }
    }

    /// All init containers have ended well.
    pub(super) fn is_initialized(&self) -> bool {
        self.containers.iter().filter(|c| c.init).all(|c| matches!(&c.state, State::Ended(end) if end.code == 0))
    }
}

impl Container {
    fn new(spec: &Value, init: bool, waiting: &'static str, profile: &Arc<Profile>) -> Self {
        Self {
            name: spec.text("/name").to_owned(),
            image: spec.text("/image").to_owned(),
            init,
            state: State::Waiting(waiting, String::new()),
            last: None,
            restarts: 0,
            ready: false,
            pulls: 0,
            crashes: 0,
            probe: spec.pointer("/readinessProbe").map(|probe| Probe::of(probe, spec)),
            streak: 0,
            failing_until: 0,
            token: 0,
            profile: profile.clone(),
        }
    }

    /// When the current run began, in virtual milliseconds.
    pub(super) fn running_since(&self) -> Option<u64> {
        match self.state {
            State::Running(since, _) => Some(since),
            _ => None,
        }
    }

    /// Whether the readiness probe would pass at a time.
    pub(super) fn would_pass(&self, now: u64) -> bool {
        let up = self.running_since().is_some_and(|since| now >= since + self.profile.start_ms + self.profile.ready_ms);
        up && !self.profile.never_ready && now >= self.failing_until
    }

    /// The sentence of a failed probe.
    pub(super) fn probe_failure(&self, now: u64, ip: &str) -> String {
        let listening = self.running_since().is_some_and(|since| now >= since + self.profile.start_ms);
        match self.probe.as_ref().and_then(|probe| probe.url.as_ref()) {
            Some((port, path)) if !listening => {
                format!("Readiness probe failed: Get \"http://{ip}:{port}{path}\": dial tcp {ip}:{port}: connect: connection refused")
            }
            Some(_) => "Readiness probe failed: HTTP probe failed with statuscode: 503".into(),
            None => "Readiness probe failed: ".into(),
        }
    }
}

impl Probe {
    fn of(probe: &Value, container: &Value) -> Self {
        let seconds = |key: &str, usual: i64| probe.int(&format!("/{key}")).unwrap_or(usual);
        let named = |name: &str| {
            let ports = container.items("/ports");
            ports.iter().find(|port| port.text("/name") == name).and_then(|port| port.int("/containerPort")).unwrap_or(80)
        };
        let port = || probe.int("/httpGet/port").unwrap_or_else(|| named(probe.text("/httpGet/port")));
        Self {
            delay: seconds("initialDelaySeconds", 0).unsigned_abs() * 1000,
            period: seconds("periodSeconds", 10).max(1).unsigned_abs() * 1000,
            failures: seconds("failureThreshold", 3).max(1),
            passes: seconds("successThreshold", 1).max(1),
            url: probe.pointer("/httpGet").is_some().then(|| (port(), probe.text("/httpGet/path").to_owned())),
        }
    }
}
