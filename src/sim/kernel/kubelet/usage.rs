//! What the metrics server measures: CPU and memory of running containers, every 15 s.

use std::collections::BTreeMap;

use super::{
    Key,
    run::{Container, Run, State},
};
use crate::sim::kernel::{
    PartId, World,
    usage::{PodUsage, Usage},
};

/// The timer of the next measurement.
pub(super) const TIMER: &str = "measure";
/// Milliseconds between two measurements.
const PERIOD_MS: u64 = 15_000;
/// A container is measured only after it has run this long, in milliseconds.
const SETTLE_MS: u64 = 10_000;

/// Sets the timer of the first measurement.
pub(super) fn arm(world: &mut World) {
    let at = world.ms() + PERIOD_MS;
    world.timers.at(at, PartId::Kubelet, TIMER);
}

/// Measures all pods that run, and sets the next timer.
pub(super) fn measure(world: &mut World, runs: &BTreeMap<Key, Run>) {
    arm(world);
    if !world.measured.metrics_server {
        return;
    }
    let (now, ms) = (world.now(), world.ms());
    world.measured.at = Some(now);
    let mut noise = world.rng.fork("usage").fork(&ms.to_string());
    for (key, run) in runs.iter().filter(|(_, run)| !run.stopping) {
        let load = world.measured.load.get(key).map_or(0.0, |load| load.per_second);
        let main = run.containers.iter().filter(|c| !c.init).count().max(1) as f64;
        let mut containers = BTreeMap::new();
        for container in &run.containers {
            if let State::Running(since, _) = container.state
                && ms - since >= SETTLE_MS
            {
                let wobble = 0.95 + 0.1 * noise.unit();
                containers.insert(container.name.clone(), usage(container, ms - since, load / main, wobble));
            }
        }
        if containers.is_empty() {
            world.measured.pods.remove(key);
        } else {
            world.measured.pods.insert(key.clone(), PodUsage { at: now, containers });
        }
    }
}

fn usage(container: &Container, age: u64, load: f64, wobble: f64) -> Usage {
    let profile = &container.profile;
    let cpu = (profile.cpu_idle_milli as f64 + load * profile.cpu_ms) * wobble;
    // What ends by running out of memory gets there by growing.
    let leak = profile.crash.as_ref().filter(|crash| crash.reason == "OOMKilled" && crash.after_ms > 0);
    let grown = leak.map_or(1.0, |crash| 0.3 + 0.7 * (age as f64 / crash.after_ms as f64).min(1.0));
    Usage { cpu_milli: cpu.round() as u64, memory: (profile.memory as f64 * grown * (0.98 + 0.04 * (wobble - 0.95) / 0.1)) as u64 }
}
