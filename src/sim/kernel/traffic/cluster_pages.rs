//! The pages every monitored cluster has: container usage by node (cAdvisor) and kube-state-metrics.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::super::World;
use super::super::exporter::{Exporter, Exporters, Slot};
use super::super::object::Fields;
use super::super::resource::POD;
use super::super::tsdb::NAME;
use super::pages::labels;

/// The page of kube-state-metrics.
const STATE: &str = "kube-state-metrics";

/// Namespace, pod and container.
type Container = (String, String, String);

/// What stands on these pages.
#[derive(Debug, Default)]
pub struct ClusterPages {
    usage: BTreeMap<Container, (String, [Slot; 2])>,
    restarts: BTreeMap<Container, Slot>,
}

impl ClusterPages {
    /// Brings both up to date after `seconds`.
    pub fn tick(&mut self, world: &mut World, seconds: f64) {
        self.usages(world, seconds);
        self.restarts(world);
    }

    fn usages(&mut self, world: &mut World, seconds: f64) {
        let mut seen = BTreeSet::new();
        for ((namespace, pod), measured) in &world.measured.pods {
            let Some(object) = world.store.get(&POD, namespace, pod) else { continue };
            let node = object.text("/spec/nodeName");
            for (container, usage) in &measured.containers {
                let key = (namespace.clone(), pod.clone(), container.clone());
                seen.insert(key.clone());
                let page = format!("cadvisor/{node}");
                let exporter = world.exporters.entry(page.clone()).or_insert_with(|| node_page(node));
                let (_, [cpu, memory]) = self.usage.entry(key).or_insert_with_key(|key| (page, slots(exporter, key)));
                exporter.add(*cpu, usage.cpu_milli as f64 / 1_000.0 * seconds);
                exporter.set(*memory, usage.memory as f64);
            }
        }
        let exporters = &mut world.exporters;
        self.usage.retain(|key, (page, slots)| {
            let lives = seen.contains(key);
            if let Some(exporter) = exporters.get_mut(page).filter(|_| !lives) {
                slots.iter().for_each(|slot| exporter.retire(*slot));
            }
            lives
        });
    }

    fn restarts(&mut self, world: &mut World) {
        let exporters: &mut Exporters = &mut world.exporters;
        let target = labels(&[("job", STATE), ("instance", "10.0.0.249:8080")]);
        let exporter =
            exporters.entry(STATE.to_owned()).or_insert_with(|| Exporter::new(STATE, target, "http://10.0.0.249:8080/metrics".to_owned()));
        let mut seen = BTreeSet::new();
        for pod in world.store.list(&POD, None) {
            for status in pod.items("/status/containerStatuses") {
                let key = (pod.namespace().to_owned(), pod.name().to_owned(), status.text("/name").to_owned());
                seen.insert(key.clone());
                let slot = *self.restarts.entry(key).or_insert_with(|| exporter.slot(&restart_labels(pod, status)));
                exporter.set(slot, status.int("/restartCount").unwrap_or(0) as f64);
            }
        }
        self.restarts.retain(|key, slot| {
            let lives = seen.contains(key);
            if !lives {
                exporter.retire(*slot);
            }
            lives
        });
    }
}

fn node_page(node: &str) -> Exporter {
    let job = "kubernetes-nodes-cadvisor";
    Exporter::new(
        job,
        labels(&[("job", job), ("instance", node)]),
        format!("https://kubernetes.default.svc/api/v1/nodes/{node}/proxy/metrics/cadvisor"),
    )
}

fn slots(exporter: &mut Exporter, (namespace, pod, container): &Container) -> [Slot; 2] {
    ["container_cpu_usage_seconds_total", "container_memory_working_set_bytes"]
        .map(|name| exporter.slot(&labels(&[(NAME, name), ("namespace", namespace), ("pod", pod), ("container", container)])))
}

fn restart_labels(pod: &Value, status: &Value) -> super::super::tsdb::Labels {
    labels(&[
        (NAME, "kube_pod_container_status_restarts_total"),
        ("namespace", pod.namespace()),
        ("pod", pod.name()),
        ("container", status.text("/name")),
        ("uid", pod.uid()),
    ])
}
