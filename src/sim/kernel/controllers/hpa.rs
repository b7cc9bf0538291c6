//! The horizontal pod autoscaler (autoscaling/v2): every 15 s, the size that brings CPU or memory to its target.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Key, MANAGER};
use crate::sim::kernel::{
    Change, ChangeKind, Feature, PartId, Resource, World,
    object::Fields,
    resource::{DEPLOYMENT, HPA, POD, REPLICA_SET, STATEFUL_SET},
    selector,
    store::seconds,
};

pub mod behavior;
pub mod calculate;
mod samples;

use behavior::Memory;
use calculate::{Proposal, Target};

/// Who the events of this controller come from.
const COMPONENT: &str = "horizontal-pod-autoscaler";
/// Milliseconds between two looks at one autoscaler.
const PERIOD_MS: u64 = 15_000;

/// What all autoscalers remember.
#[derive(Debug, Default)]
pub struct Autoscalers {
    memory: BTreeMap<Key, Memory>,
}

impl Autoscalers {
    /// An autoscaler is new: it gets its first look.
    pub fn notice(&mut self, world: &mut World, change: &Change) {
        let key = (change.object.namespace().to_owned(), change.object.name().to_owned());
        if change.kind == ChangeKind::Added && !self.memory.contains_key(&key) {
            let at = world.ms() + PERIOD_MS;
            world.timers.at(at, PartId::Controllers, format!("hpa/{}/{}", key.0, key.1));
            self.memory.insert(key, Memory::default());
        }
    }

    /// One look. The next one follows as long as the autoscaler exists.
    pub fn sync(&mut self, world: &mut World, namespace: &str, name: &str) {
        let key = (namespace.to_owned(), name.to_owned());
        let Some(hpa) = world.store.get(&HPA, namespace, name).cloned() else {
            self.memory.remove(&key);
            return;
        };
        let at = world.ms() + PERIOD_MS;
        world.timers.at(at, PartId::Controllers, format!("hpa/{namespace}/{name}"));
        let memory = self.memory.entry(key).or_default();
        let mut look = Look { status: hpa.pointer("/status").cloned().unwrap_or_default(), now: seconds(world.now()), hpa: &hpa };
        look.run(world, memory);
        let mut status = look.status;
        status.put_default("/desiredReplicas", 0);
        if !world.has(Feature::AutoscalerConditions) {
            status.cut("/conditions");
        }
        world.modify_status(&HPA, namespace, name, MANAGER, |hpa| hpa.put("/status", status)).ok();
    }
}

/// One look at one autoscaler; the status is written at its end.
struct Look<'a> {
    hpa: &'a Value,
    status: Value,
    now: String,
}

/// What is scaled.
struct Scale {
    resource: &'static Resource,
    name: String,
    replicas: i64,
    selector: Value,
}

impl Look<'_> {
    fn run(&mut self, world: &mut World, memory: &mut Memory) {
        let Some(scale) = self.scale(world) else { return };
        self.condition("AbleToScale", true, "SucceededGetScale", "the HPA controller was able to get the target's current scale");
        let current = scale.replicas;
        memory.begin(world.ms(), current);
        let (min, max) = (self.hpa.int("/spec/minReplicas").unwrap_or(1), self.hpa.int("/spec/maxReplicas").unwrap_or(1));
        let bounded = world.has(Feature::AutoscalerBounds);
        let (desired, why) = if current == 0 && world.has(Feature::ScaledToZero) {
            self.condition("ScalingActive", false, "ScalingDisabled", "scaling is disabled since the replica count of the target is zero");
            (0, String::new())
        } else if current > max && bounded {
            (max, "Current number of replicas above Spec.MaxReplicas".into())
        } else if current < min && bounded {
            (min, "Current number of replicas below Spec.MinReplicas".into())
        } else {
            match self.measured(world, &scale).filter(|_| world.has(Feature::ResourceMetrics)) {
                Some((wanted, metric)) => {
                    let why = if wanted > current { format!("{metric} above target") } else { "All metrics below target".into() };
                    (self.judge(world, memory, current, wanted, (min, max)), why)
                }
                None => return self.status.put("/currentReplicas", current),
            }
        };
        self.status.put("/currentReplicas", current);
        self.status.put("/desiredReplicas", desired);
        if desired != current {
            self.rescale(world, &scale, desired, &why);
            memory.scaled(world.ms(), current, desired);
        }
    }

    /// The target's size, or the conditions that say why not.
    fn scale(&mut self, world: &mut World) -> Option<Scale> {
        let (kind, name) = (self.hpa.text("/spec/scaleTargetRef/kind"), self.hpa.text("/spec/scaleTargetRef/name"));
        let resource = [&DEPLOYMENT, &REPLICA_SET, &STATEFUL_SET].into_iter().find(|resource| resource.kind == kind);
        let found = match resource {
            Some(resource) => world.store.find(resource, self.hpa.namespace(), name).cloned().map_err(|why| why.to_string()),
            None => Err(format!("no matches for kind {kind:?} in group \"\"")),
        };
        match (found, resource) {
            (Ok(object), Some(resource)) => Some(Scale {
                resource,
                name: name.to_owned(),
                replicas: object.int("/spec/replicas").unwrap_or(1),
                selector: object.pointer("/spec/selector").cloned().unwrap_or_default(),
            }),
            (found, _) => {
                let why = found.err().unwrap_or_default();
                world.event(self.hpa, "Warning", "FailedGetScale", &why, COMPONENT);
                let text = format!("the HPA controller was unable to get the target's current scale: {why}");
                self.condition("AbleToScale", false, "FailedGetScale", &text);
                None
            }
        }
    }

    /// The largest size that a metric asks for, and that metric's name.
    fn measured(&mut self, world: &mut World, scale: &Scale) -> Option<(i64, String)> {
        let pods = world.store.list(&POD, Some(self.hpa.namespace()));
        let pods: Vec<_> = pods.filter(|pod| selector::matches_spec(Some(&scale.selector), pod.labels())).cloned().collect();
        let metrics = self.hpa.items("/spec/metrics");
        let (mut best, mut first, mut statuses) = (None::<(i64, String)>, None, Vec::new());
        let mut invalid = 0;
        for metric in metrics {
            match samples::resource(world, metric, &pods, scale.replicas) {
                Ok((name, target, proposal)) => {
                    statuses.push(metric_status(&name, target, proposal));
                    let text = match target {
                        Target::Utilization(_) => format!("{name} resource utilization (percentage of request)"),
                        Target::Average(_) => format!("{name} resource"),
                    };
                    if best.as_ref().is_none_or(|(replicas, _)| proposal.replicas > *replicas) {
                        best = Some((proposal.replicas, text));
                    }
                }
                Err(failure) => {
                    invalid += 1;
                    // As over there: the place of a metric that says nothing stays empty.
                    statuses.push(json!({"type": ""}));
                    world.event(self.hpa, "Warning", failure.reason, &failure.why, COMPONENT);
                    first.get_or_insert(failure);
                }
            }
        }
        self.status.put("/currentMetrics", statuses);
        let shrinks = best.as_ref().is_none_or(|(replicas, _)| *replicas < scale.replicas);
        if let Some(failure) = first.filter(|_| invalid >= metrics.len() || shrinks) {
            let text = format!("the HPA was unable to compute the replica count: {}", failure.why);
            self.condition("ScalingActive", false, failure.reason, &text);
            let text = format!(
                "invalid metrics ({invalid} invalid out of {}), first error is: failed to get {}: {}",
                metrics.len(),
                failure.what,
                failure.why
            );
            world.event(self.hpa, "Warning", "FailedComputeMetricsReplicas", &text, COMPONENT);
            return None;
        }
        let (_, metric) = best.as_ref()?;
        let text = format!("the HPA was able to successfully calculate a replica count from {metric}");
        self.condition("ScalingActive", true, "ValidMetricFound", &text);
        best
    }

    fn judge(&mut self, world: &World, memory: &mut Memory, current: i64, wanted: i64, limits: (i64, i64)) -> i64 {
        let limits = if world.has(Feature::AutoscalerLimits) { limits } else { (0, i64::MAX) };
        let judged = memory.judge(world.ms(), self.hpa.pointer("/spec/behavior"), current, wanted, limits);
        self.condition("AbleToScale", true, judged.able.0, judged.able.1);
        self.condition("ScalingLimited", judged.is_limited, judged.limited.0, judged.limited.1);
        judged.replicas
    }

    fn rescale(&mut self, world: &mut World, scale: &Scale, desired: i64, why: &str) {
        let namespace = self.hpa.namespace();
        let written = world.modify(scale.resource, namespace, &scale.name, MANAGER, |o| o.put("/spec/replicas", desired));
        if written.is_err() {
            return;
        }
        let text = format!("the HPA controller was able to update the target scale to {desired}");
        self.condition("AbleToScale", true, "SucceededRescale", &text);
        self.status.put("/lastScaleTime", self.now.clone());
        world.event(self.hpa, "Normal", "SuccessfulRescale", &format!("New size: {desired}; reason: {why}"), COMPONENT);
    }

    fn condition(&mut self, kind: &str, yes: bool, reason: &str, message: &str) {
        let status = if yes { "True" } else { "False" };
        let now = self.now.clone();
        let Some(list) = self.status.items_mut("/conditions") else { return };
        let index = list.iter().position(|c| c.text("/type") == kind).unwrap_or_else(|| {
            list.push(json!({"type": kind}));
            list.len() - 1
        });
        let Some(entry) = list.get_mut(index) else { return };
        if entry.text("/status") != status {
            entry.put("/lastTransitionTime", now);
        }
        entry.put("/status", status);
        entry.put("/reason", reason);
        entry.put("/message", message);
    }
}

fn metric_status(name: &str, target: Target, proposal: Proposal) -> Value {
    let average = match name {
        "memory" => (proposal.average / 1000).to_string(),
        _ => format!("{}m", proposal.average),
    };
    let current = match target {
        Target::Utilization(_) => json!({"averageUtilization": proposal.utilization, "averageValue": average}),
        Target::Average(_) => json!({"averageValue": average}),
    };
    json!({"type": "Resource", "resource": {"name": name, "current": current}})
}

#[cfg(test)]
mod tests;
