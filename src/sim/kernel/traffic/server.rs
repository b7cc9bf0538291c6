//! A pod as the traffic sees it: whether it answers, how well, and what it is asked.

use serde_json::Value;

use super::super::exporter::{Exporter, Exporters};
use super::super::object::Fields;
use super::super::profile::{Profile, Serving};
use super::super::tsdb::Labels;
use super::pages::Page;

/// How many seconds the average of requests per second forgets in.
const MEMORY: f64 = 5.0;

/// The load, as a share of the capacity, from which on a pod gets slower.
const BUSY: f64 = 0.7;

/// How much slower a pod gets at most.
const SLOWEST: f64 = 20.0;

/// A pod.
#[derive(Debug)]
pub struct Server {
    /// The Deployment (or other owner) that it belongs to.
    pub workload: String,
    /// Its `app` label, or what stands for it.
    pub app: String,
    /// Its `version` label; `unknown` without.
    pub version: String,
    /// Its first container's image.
    pub image: String,
    /// Requests per second, averaged over some seconds.
    pub per_second: f64,
    /// The counters on its page.
    pub page: Page,
    container: String,
    limit_milli: Option<f64>,
    restarts: i64,
    running_since: Option<u64>,
    ready_since: Option<u64>,
}

impl Server {
    /// A pod that the traffic has not seen before.
    #[must_use]
    pub fn new(pod: &Value) -> Self {
        let label = |keys: &[&str]| keys.iter().map(|key| pod.label(key)).find(|value| !value.is_empty()).unwrap_or("unknown").to_owned();
        let owner = pod.controller().map_or(pod.name(), |owner| owner.text("/name"));
        let hash = pod.label("pod-template-hash");
        let workload = owner.strip_suffix(hash).and_then(|name| name.strip_suffix('-')).filter(|_| !hash.is_empty()).unwrap_or(owner);
        let container = pod.items("/spec/containers").first().unwrap_or(&Value::Null);
        Self {
            workload: workload.to_owned(),
            app: label(&["app", "app.kubernetes.io/name", "k8s-app"]),
            version: label(&["version", "app.kubernetes.io/version"]),
            image: container.text("/image").to_owned(),
            per_second: 0.0,
            page: Page::default(),
            container: container.text("/name").to_owned(),
            limit_milli: container.pointer("/resources/limits/cpu").and_then(millicores),
            restarts: 0,
            running_since: None,
            ready_since: None,
        }
    }

    /// Takes over what the pod's status says at a moment (ms since the start). A new run of the container forgets its counters.
    pub fn follow(&mut self, pod: &Value, now: u64, exporter: Option<&mut Exporter>) {
        let statuses = pod.items("/status/containerStatuses");
        let status = statuses.iter().find(|status| status.text("/name") == self.container).unwrap_or(&Value::Null);
        let restarts = status.int("/restartCount").unwrap_or(0);
        if restarts != self.restarts {
            self.restarts = restarts;
            self.running_since = None;
            self.ready_since = None;
            if let Some(exporter) = exporter {
                exporter.restart();
            }
        }
        let running = status.pointer("/state/running").is_some() && pod.text("/status/phase") == "Running";
        self.running_since = if running { self.running_since.or(Some(now)) } else { None };
        // A pod that is not ready for a while goes on where it was; only a new run begins anew.
        self.ready_since = self.ready_since.filter(|_| running).or_else(|| (running && status.is_true("/ready")).then_some(now));
        let image = pod.items("/spec/containers").iter().find(|container| container.text("/name") == self.container);
        self.image = image.map_or_else(|| self.image.clone(), |container| container.text("/image").to_owned());
    }

    /// Whether its process listens at a moment.
    #[must_use]
    pub fn listens(&self, profile: &Profile, now: u64) -> bool {
        self.running_since.is_some_and(|since| now.saturating_sub(since) >= profile.start_ms)
    }

    /// Averages in that `requests` came within `seconds`.
    pub fn count(&mut self, requests: u64, seconds: f64) {
        let weight = 1.0 - (-seconds / MEMORY).exp();
        self.per_second += weight * (requests as f64 / seconds - self.per_second);
    }

    /// How it answers at a moment, and the share of requests that it turns away because it has more than it can do.
    ///
    /// Up to 70 % of its capacity a pod is as fast as its image is. From there on its latency grows as a queue does, up to
    /// twentyfold; beyond 100 % it turns the surplus away. The capacity is the profile's, or what the CPU limit allows.
    #[must_use]
    pub fn answers(&self, profile: &Profile, now: u64) -> (Serving, f64) {
        let mut serving = profile.serving(self.ready_since.map_or(0, |since| now.saturating_sub(since)));
        let by_cpu = self.limit_milli.filter(|_| profile.cpu_ms > 0.0).map(|milli| milli / profile.cpu_ms);
        let Some(capacity) = profile.capacity.or(by_cpu).filter(|capacity| *capacity > 0.0) else { return (serving, 0.0) };
        let load = self.per_second / capacity;
        if load > BUSY {
            serving.latency_ms *= ((1.0 - BUSY) / (1.0 - load).max(f64::EPSILON)).min(SLOWEST);
        }
        (serving, (1.0 - 1.0 / load.max(1.0)).max(0.0))
    }
}

/// CPU in thousandths of a core: `250m`, `2`, `0.5`, 2.
fn millicores(quantity: &Value) -> Option<f64> {
    match quantity.as_str() {
        Some(text) => match text.strip_suffix('m') {
            Some(milli) => milli.parse().ok(),
            None => text.parse::<f64>().ok().map(|cores| cores * 1_000.0),
        },
        None => quantity.as_f64().map(|cores| cores * 1_000.0),
    }
}

/// The name of a pod's page among all exporters.
#[must_use]
pub fn page_name(namespace: &str, pod: &str) -> String {
    format!("pod/{namespace}/{pod}")
}

/// Puts up a pod's page once it has an address.
pub fn expose(exporters: &mut Exporters, pod: &Value, container: &str) {
    let name = page_name(pod.namespace(), pod.name());
    let ip = pod.text("/status/podIP");
    if exporters.contains_key(&name) || ip.is_empty() {
        return;
    }
    let annotated = |key: &str| Some(pod.annotation(key)).filter(|value| !value.is_empty());
    let port = pod.items("/spec/containers").iter().find_map(|container| container.int("/ports/0/containerPort"));
    let port = annotated("prometheus.io/port").map_or_else(|| port.unwrap_or(80).to_string(), str::to_owned);
    let path = annotated("prometheus.io/path").unwrap_or("/metrics");
    let mut labels: Labels = pod.labels().iter().filter_map(|(key, value)| Some((label_name(key), value.as_str()?.to_owned()))).collect();
    for (key, value) in [
        ("job", "kubernetes-pods"),
        ("instance", &format!("{ip}:{port}")),
        ("namespace", pod.namespace()),
        ("pod", pod.name()),
        ("container", container),
        ("node", pod.text("/spec/nodeName")),
    ] {
        labels.insert(key.to_owned(), value.to_owned());
    }
    labels.retain(|_, value| !value.is_empty());
    exporters.insert(name, Exporter::new("kubernetes-pods", labels, format!("http://{ip}:{port}{path}")));
}

/// A label's name as Prometheus allows it.
fn label_name(key: &str) -> String {
    key.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

impl Server {
    /// The container that serves.
    #[must_use]
    pub fn container(&self) -> &str {
        &self.container
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::profile::Ramp;
    use super::*;

    fn pod(limit: &str) -> Value {
        json!({
            "metadata": {"name": "backend-canary-5d9f-x", "namespace": "shop", "labels": {"app": "backend", "version": "canary", "pod-template-hash": "5d9f", "app.kubernetes.io/name": "b"},
                "ownerReferences": [{"kind": "ReplicaSet", "name": "backend-canary-5d9f", "controller": true}]},
            "spec": {"containers": [{"name": "main", "image": "i:1", "resources": {"limits": {"cpu": limit}}, "ports": [{"containerPort": 5000}]}]},
            "status": {"phase": "Running", "podIP": "10.0.0.9", "containerStatuses": [{"name": "main", "ready": true, "restartCount": 0, "state": {"running": {}}}]},
        })
    }

    #[test]
    fn a_pod_belongs_to_its_deployment() {
        let server = Server::new(&pod("1"));
        assert_eq!((server.workload.as_str(), server.app.as_str(), server.version.as_str()), ("backend-canary", "backend", "canary"));
    }

    #[test]
    fn too_much_load_slows_it_and_then_turns_requests_away() {
        let profile = Profile { p50_ms: Ramp::constant(40.0), p95_ms: Ramp::constant(100.0), cpu_ms: 10.0, ..Profile::default() };
        let mut server = Server::new(&pod("1000m"));
        let mut at = |per_second| {
            server.per_second = per_second;
            let (serving, turned_away) = server.answers(&profile, 0);
            (serving.latency_ms, turned_away)
        };
        assert_eq!(at(70.0), (40.0, 0.0));
        let (latency, turned_away) = at(90.0);
        assert!((latency - 120.0).abs() < 1e-6 && turned_away == 0.0);
        assert_eq!(at(200.0), (800.0, 0.5));
    }

    #[test]
    fn a_new_run_is_a_new_process() {
        let mut pod = pod("1");
        let mut exporters = Exporters::new();
        expose(&mut exporters, &pod, "main");
        let exporter = exporters.get_mut("pod/shop/backend-canary-5d9f-x").unwrap();
        assert_eq!(exporter.labels["instance"], "10.0.0.9:5000");
        assert_eq!(exporter.labels["app_kubernetes_io_name"], "b");
        let mut server = Server::new(&pod);
        let profile = Profile { start_ms: 1_000, ..Profile::default() };
        server.follow(&pod, 5_000, Some(exporter));
        assert_eq!([5_500, 6_000].map(|now| server.listens(&profile, now)), [false, true]);
        pod["status"]["containerStatuses"][0] = json!({"name": "main", "ready": false, "restartCount": 1, "state": {"waiting": {}}});
        server.follow(&pod, 9_000, Some(exporter));
        assert_eq!(exporter.run(), 1);
        assert!(!server.listens(&profile, 60_000));
    }

    #[test]
    fn the_average_follows_the_requests() {
        let mut server = Server::new(&pod("1"));
        (0..60).for_each(|_| server.count(30, 1.0));
        assert!((server.per_second - 30.0).abs() < 0.01);
        (0..5).for_each(|_| server.count(0, 1.0));
        assert!((server.per_second - 30.0 * (-1.0_f64).exp()).abs() < 0.1);
    }
}
