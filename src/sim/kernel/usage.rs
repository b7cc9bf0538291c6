//! Measured CPU and memory of pods and the load on them: what metrics.k8s.io and the HPA see.

use std::collections::BTreeMap;

use jiff::Timestamp;

/// Usage of one container.
#[derive(Debug, Clone, PartialEq)]
pub struct Usage {
    /// CPU in millicores.
    pub cpu_milli: u64,
    /// Memory in bytes.
    pub memory: u64,
}

/// Usage of one pod at one time.
#[derive(Debug, Clone, PartialEq)]
pub struct PodUsage {
    /// When it was measured.
    pub at: Timestamp,
    /// By container name.
    pub containers: BTreeMap<String, Usage>,
}

/// Requests that a pod is served by the traffic.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Load {
    /// Requests per second over the last traffic tick.
    pub per_second: f64,
}

/// What is measured, by (namespace, pod). `pods` is written by the kubelet and read by metrics.k8s.io and the HPA;
/// `load` is written by the traffic and read by the kubelet.
#[derive(Debug, Default)]
pub struct Measured {
    /// False: there is no metrics server, `metrics.k8s.io` is absent and HPAs say `FailedGetResourceMetric`.
    pub metrics_server: bool,
    /// When anything was measured last.
    pub at: Option<Timestamp>,
    /// CPU and memory.
    pub pods: BTreeMap<(String, String), PodUsage>,
    /// Requests.
    pub load: BTreeMap<(String, String), Load>,
    /// Requests per second that a stream of the traffic sends from now on, by its name: where a script changed it.
    pub demand: BTreeMap<String, f64>,
}
