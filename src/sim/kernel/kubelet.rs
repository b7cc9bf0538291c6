//! Scheduler and kubelet of all nodes: binding, pulling, starting, probing, crashing, stopping.
//!
//! A pod costs something only when it moves: each step sets the timer of the next one, and a pod that is ready and
//! well sets none. Steps fall on a grid of [`GRID_MS`], so that many pods that move together are worked off together.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{
    Change, ChangeKind, Part, PartId, World,
    object::Fields,
    resource::{NODE, POD},
    store::{DeleteOptions, seconds},
};

pub mod access_log;
mod lifecycle;
mod nodes;
mod probes;
mod run;
pub mod status;
mod usage;

use nodes::Nodes;
use run::{Run, State};

/// Namespace and name.
type Key = (String, String);

/// Steps of pods happen at multiples of this many virtual milliseconds.
const GRID_MS: u64 = 100;
/// A process that is asked to stop takes this long, in milliseconds.
const STOP_MS: u64 = 1_500;
/// A pod without a running process is cleaned up in this many milliseconds.
const CLEAN_UP_MS: u64 = 500;

/// The scheduler and the kubelets.
#[derive(Debug, Default)]
pub struct Kubelet {
    nodes: Nodes,
    runs: BTreeMap<Key, Run>,
    pulled: BTreeSet<(String, String)>,
    /// Pods that found no node, with the sentence they got.
    homeless: BTreeMap<Key, String>,
}

/// What a timer says: a step of one container's run.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Step<'a> {
    what: &'a str,
    key: Key,
    uid: &'a str,
    index: usize,
    token: u64,
}

impl<'a> Step<'a> {
    fn parse(timer: &'a str) -> Option<Self> {
        let mut parts = timer.split('/');
        let mut next = || parts.next();
        let (what, namespace, name, uid) = (next()?, next()?, next()?, next()?);
        let (index, token) = (next()?.parse().ok()?, next()?.parse().ok()?);
        Some(Self { what, key: (namespace.to_owned(), name.to_owned()), uid, index, token })
    }
}

impl Part for Kubelet {
    fn start(&mut self, world: &mut World) {
        let nodes: Vec<_> = world.store.list(&NODE, None).cloned().collect();
        nodes.iter().for_each(|node| self.nodes.set(node));
        let pods: Vec<_> = world.store.list(&POD, None).cloned().collect();
        for pod in pods {
            self.notice(world, &pod);
        }
        usage::arm(world);
        access_log::arm(world);
    }

    fn reconcile(&mut self, world: &mut World, changes: &[Change]) {
        let mut room = false;
        for change in changes {
            if *change.resource == NODE {
                match change.kind {
                    ChangeKind::Deleted => self.nodes.remove(change.object.name()),
                    _ => self.nodes.set(&change.object),
                }
                room = true;
            } else if *change.resource == POD {
                if change.kind == ChangeKind::Deleted {
                    self.forget(world, &change.object);
                    room = true;
                } else {
                    self.notice(world, &change.object);
                }
            }
        }
        if room {
            for (namespace, name) in self.homeless.keys().cloned().collect::<Vec<_>>() {
                if let Some(pod) = world.store.get(&POD, &namespace, &name).cloned() {
                    self.schedule(world, &pod);
                }
            }
        }
    }

    fn wake(&mut self, world: &mut World, timer: &str) {
        if timer == usage::TIMER {
            return usage::measure(world, &self.runs);
        }
        if timer == access_log::TIMER {
            return access_log::follow(world);
        }
        let Some(step) = Step::parse(timer) else { return };
        let Some(run) = self.runs.get(&step.key).filter(|run| run.uid == step.uid) else { return };
        if step.what == "stop" {
            let options = DeleteOptions { grace: Some(0), ..DeleteOptions::default() };
            world.delete_with(&POD, &step.key.0, &step.key.1, "kubelet", &options).ok();
            return;
        }
        let current = run.containers.get(step.index).is_some_and(|container| container.token == step.token);
        if run.stopping || !current {
            return;
        }
        match step.what {
            "sandbox" => self.sandbox_ready(world, &step.key),
            "pulled" => self.pulled(world, &step.key, step.index),
            "pull" => self.pull(world, &step.key, step.index),
            "hold" => self.hold(world, &step.key, step.index),
            "exit" => self.exit(world, &step.key, step.index),
            "restart" => self.restart(world, &step.key, step.index),
            "probe" => self.probe(world, &step.key, step.index),
            "flap" => self.flap(world, &step.key, step.index),
            "listening" => self.listening(world, &step.key, step.index),
            _ => {}
        }
    }
}

impl Kubelet {
    /// A pod is new or has changed.
    fn notice(&mut self, world: &mut World, pod: &Value) {
        let key = key_of(pod);
        if let Some(run) = self.runs.get(&key).filter(|run| run.uid == pod.uid()) {
            if pod.is_deleting() && !run.stopping {
                self.stop(world, &key, pod);
            }
        } else if pod.is_deleting() {
            // It never came to a node of ours: nothing has to end.
            let options = DeleteOptions { grace: Some(0), ..DeleteOptions::default() };
            world.delete_with(&POD, &key.0, &key.1, "kubelet", &options).ok();
        } else if matches!(pod.text("/status/phase"), "Succeeded" | "Failed") {
            // Ended in an earlier life: it stays as it is.
        } else if pod.text("/spec/nodeName").is_empty() {
            // Another scheduler's pods are not ours to place.
            let ours = matches!(pod.text("/spec/schedulerName"), "" | "default-scheduler");
            if ours && !self.homeless.contains_key(&key) {
                self.schedule(world, pod);
            }
        } else {
            self.admit(world, pod);
        }
    }

    /// Puts a pod on a node.
    fn schedule(&mut self, world: &mut World, pod: &Value) {
        let key = key_of(pod);
        let now = seconds(world.now());
        let generation = pod.int("/metadata/generation");
        match self.nodes.choose(pod) {
            Ok(node) => {
                self.homeless.remove(&key);
                let bound = world.modify(&POD, &key.0, &key.1, "kube-scheduler", |pod| pod.put("/spec/nodeName", node.clone()));
                let Ok(bound) = bound else { return };
                let text = format!("Successfully assigned {}/{} to {node}", key.0, key.1);
                world.event(&bound, "Normal", "Scheduled", &text, "default-scheduler");
                self.admit(world, &bound);
            }
            Err(why) => {
                if self.homeless.get(&key) == Some(&why) {
                    return;
                }
                world.event(pod, "Warning", "FailedScheduling", &why, "default-scheduler");
                let condition = status::condition(pod, "PodScheduled", false, "Unschedulable", &why, &now, generation);
                let conditions = json!([condition]);
                world.modify_status(&POD, &key.0, &key.1, "kube-scheduler", |pod| pod.put("/status/conditions", conditions)).ok();
                self.homeless.insert(key, why);
            }
        }
    }

    /// The kubelet of the pod's node takes it on.
    fn admit(&mut self, world: &mut World, pod: &Value) {
        let key = key_of(pod);
        let node = pod.text("/spec/nodeName");
        let ip = self.nodes.admit(node, pod);
        let run = Run::new(pod, node, ip, world.now(), world.profiles.fallback());
        let delay = 300 + world.rng.fork(pod.uid()).below(500);
        self.runs.insert(key.clone(), run);
        self.after(world, &key, 0, "sandbox", delay);
        self.report(world, &key);
    }

    fn stop(&mut self, world: &mut World, key: &Key, pod: &Value) {
        let Some(run) = self.runs.get_mut(key) else { return };
        run.stopping = true;
        let running: Vec<String> =
            run.containers.iter().filter(|c| matches!(c.state, State::Running(..))).map(|c| c.name.clone()).collect();
        for name in &running {
            world.event(pod, "Normal", "Killing", &format!("Stopping container {name}"), "kubelet");
        }
        let grace = pod.int("/metadata/deletionGracePeriodSeconds").unwrap_or(30).unsigned_abs() * 1000;
        let hooks = pod.items("/spec/containers").iter().filter_map(|c| c.int("/lifecycle/preStop/sleep/seconds"));
        let hook = hooks.max().unwrap_or(0).unsigned_abs() * 1000;
        let delay = if running.is_empty() { CLEAN_UP_MS } else { (STOP_MS + hook).min(grace) };
        self.after(world, key, 0, "stop", delay);
    }

    /// A pod is gone.
    fn forget(&mut self, world: &mut World, pod: &Value) {
        let key = key_of(pod);
        self.homeless.remove(&key);
        if self.runs.get(&key).is_some_and(|run| run.uid == pod.uid())
            && let Some(run) = self.runs.remove(&key)
        {
            self.nodes.release(&run.node, pod, &run.ip);
            world.logs.forget(&key.0, &key.1);
            world.measured.pods.remove(&key);
            world.measured.load.remove(&key);
        }
    }

    /// Sets the timer of a container's next step.
    fn after(&self, world: &mut World, key: &Key, index: usize, what: &str, delay: u64) {
        let Some(run) = self.runs.get(key) else { return };
        let token = run.containers.get(index).map_or(0, |container| container.token);
        let at = (world.ms() + delay).next_multiple_of(GRID_MS);
        world.timers.at(at, PartId::Kubelet, format!("{what}/{}/{}/{}/{index}/{token}", key.0, key.1, run.uid));
    }

    /// Writes what the kubelet knows of a pod into its status.
    fn report(&self, world: &mut World, key: &Key) {
        let Some(run) = self.runs.get(key) else { return };
        let (host, now) = (self.nodes.address(&run.node), world.now());
        world.modify_status(&POD, &key.0, &key.1, "kubelet", |pod| status::write(pod, run, host, now)).ok();
    }

    fn event(&self, world: &mut World, key: &Key, kind: &str, reason: &str, message: &str) {
        if let Some(pod) = world.store.get(&POD, &key.0, &key.1).cloned() {
            world.event(&pod, kind, reason, message, "kubelet");
        }
    }
}

fn key_of(pod: &Value) -> Key {
    (pod.namespace().to_owned(), pod.name().to_owned())
}

#[cfg(test)]
mod tests;
