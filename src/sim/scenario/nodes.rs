//! `nodes:` the machines of the cluster.

use serde::Deserialize;
use serde_json::{Value, json};

use super::units::{Bytes, Millicores};

/// `nodes: { count: 3, cpu: 8, memory: 32Gi, pods: 110 }`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Nodes {
    /// How many, 1 to 250.
    pub count: u8,
    /// CPU of each.
    pub cpu: Millicores,
    /// Memory of each.
    pub memory: Bytes,
    /// Pods that fit on each.
    pub pods: u32,
}

impl Default for Nodes {
    fn default() -> Self {
        Self { count: 3, cpu: Millicores(8_000), memory: Bytes(32 << 30), pods: 110 }
    }
}

/// Availability zones, in turn.
const ZONES: [&str; 3] = ["eu-central-1a", "eu-central-1b", "eu-central-1c"];

/// The kubelet version that nodes report.
const KUBELET: &str = "v1.36.1";

impl Nodes {
    /// The Node objects, ready for pods. Node n hands out pod addresses of `10.n.0.0/16`.
    pub fn objects(&self, now: &str) -> Vec<Value> {
        (1..=self.count).zip(ZONES.iter().cycle()).map(|(n, zone)| self.node(n, zone, now)).collect()
    }

    fn node(&self, n: u8, zone: &str, now: &str) -> Value {
        let name = format!("node-{n}");
        let resources = json!({
            "cpu": format!("{}m", self.cpu.0), "memory": format!("{}Ki", self.memory.0 / 1024),
            "pods": self.pods.to_string(), "ephemeral-storage": "100Gi",
        });
        let condition = |kind: &str, status: &str, reason: &str, message: &str| json!({"type": kind, "status": status, "reason": reason, "message": message, "lastHeartbeatTime": now, "lastTransitionTime": now});
        json!({
            "metadata": {"name": name, "labels": {
                "kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64",
                "topology.kubernetes.io/region": "eu-central-1", "topology.kubernetes.io/zone": zone,
            }},
            "spec": {"podCIDR": format!("10.{n}.0.0/16"), "podCIDRs": [format!("10.{n}.0.0/16")]},
            "status": {
                "capacity": resources, "allocatable": resources,
                "addresses": [
                    {"type": "InternalIP", "address": format!("192.168.10.{n}")},
                    {"type": "Hostname", "address": name},
                ],
                "conditions": [
                    condition("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
                    condition("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
                    condition("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
                    condition("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
                ],
                "nodeInfo": {
                    "kubeletVersion": KUBELET, "kubeProxyVersion": "", "operatingSystem": "linux", "architecture": "amd64",
                    "osImage": "Embedded", "kernelVersion": "6.1.0", "containerRuntimeVersion": "containerd://2.1.0",
                    "machineID": "", "systemUUID": "", "bootID": "",
                },
                "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
            },
        })
    }

    /// What is wrong with it, if anything.
    pub(super) fn fault(&self) -> Option<String> {
        let impossible = self.count == 0 || self.count > 250 || self.pods == 0 || self.cpu.0 == 0 || self.memory.0 == 0;
        impossible.then(|| "nodes: count is 1 to 250, and cpu, memory and pods are above 0".into())
    }
}
