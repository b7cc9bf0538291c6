//! What containerd, the CNI plugins, kubelet and kube-proxy read at their start.

use std::path::Path;

use serde_json::{Value, json};

/// The image that holds a pod's namespaces.
pub const PAUSE: &str = "docker.io/local/pause:1";

/// containerd, with folders and a socket of its own.
pub fn containerd(dir: &Path, plugins: &Path) -> String {
    let (dir, plugins) = (dir.display(), plugins.display());
    // Root has no CAP_SYS_RESOURCE in a virtual machine for tests: without restrict_oom_score_adj runc could not start anything.
    // The native snapshotter copies; images here are a few megabytes, and it wants nothing of the file system below.
    format!(
        r#"version = 2
root = "{dir}/containerd/root"
state = "{dir}/containerd/state"
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs"]
[grpc]
address = "{dir}/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{PAUSE}"
restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "{plugins}"
conf_dir = "{dir}/cni"
[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "native"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
SystemdCgroup = false
"#
    )
}

/// Pods on the bridge that the node has.
pub fn network(dir: &Path) -> Value {
    json!({ "cniVersion": "0.4.0", "name": "node", "plugins": [{
        "type": "bridge", "bridge": "cni0", "isGateway": true, "hairpinMode": true,
        "ipam": { "type": "host-local", "dataDir": dir.join("addresses"), "ranges": [[{ "subnet": "10.88.0.0/16" }]], "routes": [{ "dst": "0.0.0.0/0" }] },
    }] })
}

/// kubelet. Nobody but this test reaches its port.
pub fn kubelet(dir: &Path, cgroup: &str) -> Value {
    json!({
        "apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration",
        "authentication": { "anonymous": { "enabled": true }, "webhook": { "enabled": false } }, "authorization": { "mode": "AlwaysAllow" },
        "containerRuntimeEndpoint": format!("unix://{}", dir.join("containerd.sock").display()),
        "cgroupDriver": "cgroupfs", "cgroupRoot": format!("/{cgroup}"), "enforceNodeAllocatable": [], "failCgroupV1": false, "failSwapOn": false,
        "podLogsDir": dir.join("pod-logs"), "resolvConf": "", "healthzPort": 0,
        // Whatever the machine's disk is like, no pod is to be evicted for it.
        "evictionHard": { "memory.available": "1Mi" }, "imageGCHighThresholdPercent": 100,
        // Back-off after a crash and after a failed pull grows from ten seconds on; a test waits for its beginning only.
        "serializeImagePulls": false,
    })
}

/// kube-proxy, quick to follow.
pub fn proxy(kubeconfig: &Path) -> Value {
    json!({
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration", "mode": "nftables",
        "bindAddress": "10.88.0.1", "healthzBindAddress": "127.0.0.1:10256", "metricsBindAddress": "127.0.0.1:10249",
        "clientConnection": { "kubeconfig": kubeconfig }, "hostnameOverride": super::NAME,
        "conntrack": { "maxPerCore": 0, "min": 0 }, "nftables": { "minSyncPeriod": "100ms", "syncPeriod": "30s" },
    })
}
