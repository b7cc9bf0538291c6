//! The Deployment controller: one ReplicaSet per template, moved from one to the next within surge and availability.

use std::sync::Arc;

use serde_json::Value;

use super::MANAGER;
use crate::sim::kernel::{
    Feature, PartId, World,
    object::{Fields, escape},
    resource::{DEPLOYMENT, REPLICA_SET},
    selector,
};

mod hash;
mod revision;
pub mod rolling;
pub mod spec;
mod status;

pub(super) use hash::template_hash;
use spec::{DESIRED_REPLICAS, MAX_REPLICAS, Set, Sets, Wishes};

/// Who the events of this controller come from.
const COMPONENT: &str = "deployment-controller";

/// Brings one Deployment a step further. Each write comes back as a change, and with it the next step.
pub fn sync(world: &mut World, namespace: &str, name: &str) {
    let Some(deployment) = world.store.get(&DEPLOYMENT, namespace, name).cloned() else { return };
    let job = Job { wishes: wishes(world, &deployment), namespace, name };
    adopt(world, &deployment);
    if deployment.is_deleting() {
        let sets = sets_of(world, &deployment);
        return status::write(world, &job, &sets, false);
    }
    status::note_pause(world, &job);
    if job.wishes.paused || scaled(&sets_of(world, &deployment), &job.wishes) {
        return job.rescale(world);
    }
    if job.wishes.rolling { job.roll(world) } else { job.recreate(world) }
}

/// What the Deployment asks for, as far as it is listened to.
fn wishes(world: &World, deployment: &Value) -> Wishes {
    let asked = Wishes::of(deployment);
    let limit = |feature: Feature, limit: i64| if world.has(feature) { limit } else { asked.replicas };
    Wishes {
        paused: asked.paused && world.has(Feature::Pause),
        surge: limit(Feature::SurgeLimit, asked.surge),
        unavailable: limit(Feature::UnavailableLimit, asked.unavailable),
        deadline: asked.deadline.filter(|_| world.has(Feature::ProgressDeadline)),
        rolling: asked.rolling || !world.has(Feature::Recreate),
        history: asked.history.filter(|_| world.has(Feature::HistoryLimit)),
        ..asked
    }
}

/// One Deployment being worked on.
struct Job<'a> {
    wishes: Wishes,
    namespace: &'a str,
    name: &'a str,
}

impl Job<'_> {
    fn deployment(&self, world: &World) -> Option<Arc<Value>> {
        world.store.get(&DEPLOYMENT, self.namespace, self.name).cloned()
    }

    fn sets(&self, world: &World) -> Sets {
        self.deployment(world).map(|deployment| sets_of(world, &deployment)).unwrap_or_default()
    }

    /// Paused, or its size has changed: everything in proportion, nothing rolls.
    fn rescale(&self, world: &mut World) {
        revision::sync(world, self, false);
        let replicas = self.deployment(world).and_then(|d| d.int("/status/replicas")).unwrap_or(0);
        let (sizes, force) = rolling::rescale(&self.wishes, &self.sets(world), replicas);
        for (set, size) in sizes {
            self.resize(world, &set, size, force);
        }
        if self.wishes.paused {
            self.clean_up(world);
        }
        status::write(world, self, &self.sets(world), false);
    }

    fn roll(&self, world: &mut World) {
        revision::sync(world, self, true);
        if let Some((set, size)) = rolling::grow(&self.wishes, &self.sets(world)) {
            self.resize(world, &set, size, false);
            return status::write(world, self, &self.sets(world), true);
        }
        let down = rolling::shrink(&self.wishes, &self.sets(world));
        for (set, size) in &down {
            self.resize(world, set, *size, false);
        }
        if down.is_empty() && self.deployment(world).is_some_and(|d| status::is_complete(&d, &self.wishes)) {
            self.clean_up(world);
        }
        status::write(world, self, &self.sets(world), true);
    }

    /// All old pods go before the first new one comes.
    fn recreate(&self, world: &mut World) {
        revision::sync(world, self, false);
        let sets = self.sets(world);
        let active: Vec<&Set> = sets.old.iter().filter(|set| set.size > 0).collect();
        for set in &active {
            self.resize(world, &set.name, 0, false);
        }
        if !active.is_empty() || sets.old.iter().any(|set| set.actual > 0 || has_pods(world, &set.uid)) {
            return status::write(world, self, &self.sets(world), true);
        }
        revision::sync(world, self, true);
        if let Some(new) = self.sets(world).new {
            self.resize(world, &new.name, self.wishes.replicas, false);
        }
        if self.deployment(world).is_some_and(|d| status::is_complete(&d, &self.wishes)) {
            self.clean_up(world);
        }
        status::write(world, self, &self.sets(world), true);
    }

    /// Gives a ReplicaSet a size and notes the Deployment's own beside it.
    fn resize(&self, world: &mut World, set: &str, size: i64, force: bool) {
        let Some(before) = world.store.get(&REPLICA_SET, self.namespace, set).map(|rs| Set::of(rs)) else { return };
        if before.size == size && !force {
            return;
        }
        let (desired, ceiling) = (self.wishes.replicas, self.wishes.ceiling());
        let written = world.modify(&REPLICA_SET, self.namespace, set, MANAGER, |rs| {
            rs.put("/spec/replicas", size);
            annotate(rs, DESIRED_REPLICAS, &desired.to_string());
            annotate(rs, MAX_REPLICAS, &ceiling.to_string());
        });
        if written.is_ok() && before.size != size {
            let way = if size > before.size { "up" } else { "down" };
            self.event(world, "ScalingReplicaSet", &format!("Scaled {way} replica set {set} from {} to {size}", before.size));
        }
    }

    fn clean_up(&self, world: &mut World) {
        for set in rolling::beyond_history(&self.wishes, &self.sets(world)) {
            world.delete(&REPLICA_SET, self.namespace, &set, MANAGER);
        }
    }

    fn event(&self, world: &mut World, reason: &str, message: &str) {
        if let Some(deployment) = self.deployment(world) {
            world.event(&deployment, "Normal", reason, message, COMPONENT);
        }
    }

    /// Looks again at a time, because nothing else may wake the controller then.
    fn look_again(&self, world: &mut World, at_ms: u64) {
        world.timers.at(at_ms, PartId::Controllers, format!("deployment/{}/{}", self.namespace, self.name));
    }
}

/// Sets an annotation.
fn annotate(object: &mut Value, key: &str, value: &str) {
    object.put(&format!("/metadata/annotations/{}", escape(key)), value);
}

/// The Deployment's size is not the one its ReplicaSets were last scaled by.
fn scaled(sets: &Sets, wishes: &Wishes) -> bool {
    sets.active().any(|set| set.desired.is_some_and(|desired| desired != wishes.replicas))
}

fn has_pods(world: &World, uid: &str) -> bool {
    let pods = world.store.owned_by(uid);
    pods.iter().any(|(_, pod)| !matches!(pod.text("/status/phase"), "Succeeded" | "Failed"))
}

/// The ReplicaSets that a Deployment owns.
fn sets_of(world: &World, deployment: &Value) -> Sets {
    let mut owned: Vec<(Set, Arc<Value>)> = world
        .store
        .owned_by(deployment.uid())
        .into_iter()
        .filter(|(kind, rs)| **kind == REPLICA_SET && rs.controller().is_some_and(|owner| owner.text("/uid") == deployment.uid()))
        .map(|(_, rs)| (Set::of(&rs), rs))
        .collect();
    owned.sort_by(|(a, _), (b, _)| a.age().cmp(&b.age()));
    let template = deployment.pointer("/spec/template").unwrap_or(&Value::Null);
    let current = owned.iter().position(|(_, rs)| rs.pointer("/spec/template").is_some_and(|t| spec::same_template(t, template)));
    let new = current.map(|index| owned.remove(index).0);
    Sets { new, old: owned.into_iter().map(|(set, _)| set).collect() }
}

/// Takes ReplicaSets that nobody owns and that the selector covers.
fn adopt(world: &mut World, deployment: &Value) {
    let selector = deployment.pointer("/spec/selector");
    let orphans: Vec<String> = world
        .store
        .list(&REPLICA_SET, Some(deployment.namespace()))
        .filter(|rs| rs.controller().is_none() && !rs.is_deleting() && selector::matches_spec(selector, rs.labels()))
        .map(|rs| rs.name().to_owned())
        .collect();
    for name in orphans {
        let owner = super::controller_reference(deployment);
        world
            .modify(&REPLICA_SET, deployment.namespace(), &name, MANAGER, |rs| {
                if let Some(owners) = rs.items_mut("/metadata/ownerReferences") {
                    owners.push(owner);
                }
            })
            .ok();
    }
}

#[cfg(test)]
mod tests;
