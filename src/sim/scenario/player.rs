//! Plays a scenario's events into the running cluster.

use std::collections::BTreeSet;

use serde_json::Value;

use super::script::{Event, Happening, ObjectName};
use crate::sim::kernel::{
    Change, Part, PartId, World,
    object::Fields,
    resource::{self, POD},
    selector::LabelSelector,
};

/// The events of a scenario as a part of the kernel.
#[derive(Debug)]
pub struct Player {
    id: PartId,
    namespace: String,
    events: Vec<Event>,
}

impl Event {
    /// What is wrong with it, if anything.
    pub(super) fn fault(&self, streams: &BTreeSet<&String>) -> Option<String> {
        let at = self.at.0;
        let kind = |api_version: &str, kind: &str| {
            resource::of_kind(api_version, kind)
                .is_none()
                .then(|| format!("events, at {at}ms: the embedded cluster knows no kind {kind} of {api_version}"))
        };
        match &self.action {
            Happening::Apply(object) => kind(object.text("/apiVersion"), object.text("/kind")),
            Happening::Patch(patch) => kind(&patch.api_version, &patch.kind),
            Happening::Delete(object) => kind(&object.api_version, &object.kind),
            Happening::KillPods(kill) => {
                LabelSelector::parse(&kill.selector).err().map(|why| format!("events, at {at}ms: killPods.selector: {why}"))
            }
            Happening::Behave(images) => images.iter().find_map(super::Image::fault),
            Happening::Rate(change) => {
                (!streams.contains(&change.stream)).then(|| format!("events, at {at}ms: no stream of `traffic` is named {}", change.stream))
            }
        }
    }
}

impl Player {
    /// A player for the events of a scenario.
    pub fn new(id: PartId, namespace: &str, events: Vec<Event>) -> Self {
        Self { id, namespace: namespace.into(), events }
    }

    fn play(&self, world: &mut World, event: &Event) {
        let by = event.by.as_str();
        match &event.action {
            Happening::Apply(object) => apply(world, &self.namespace, object.clone(), by),
            Happening::Patch(patch) => {
                let object = ObjectName {
                    api_version: patch.api_version.clone(),
                    kind: patch.kind.clone(),
                    namespace: patch.namespace.clone(),
                    name: patch.name.clone(),
                };
                if let Some((resource, namespace)) = self.place(&object) {
                    world.modify(resource, namespace, &object.name, by, |stored| json_patch::merge(stored, &patch.merge)).ok();
                }
            }
            Happening::Delete(object) => {
                if let Some((resource, namespace)) = self.place(object) {
                    world.delete(resource, namespace, &object.name, by);
                }
            }
            Happening::KillPods(kill) => self.kill(world, &kill.selector, kill.count, by),
            Happening::Behave(images) => {
                for image in images.iter().rev() {
                    world.profiles.set(image.pattern.clone(), image.profile());
                }
            }
            Happening::Rate(change) => drop(world.measured.demand.insert(change.stream.clone(), change.rate)),
        }
    }

    fn place<'a>(&'a self, object: &'a ObjectName) -> Option<(&'static resource::Resource, &'a str)> {
        let resource = resource::of_kind(&object.api_version, &object.kind)?;
        let namespace = object.namespace.as_deref().unwrap_or(&self.namespace);
        Some((resource, if resource.namespaced { namespace } else { "" }))
    }

    fn kill(&self, world: &mut World, selector: &str, count: usize, by: &str) {
        let selector = LabelSelector::parse(selector).unwrap_or_default();
        let pods = world.store.list(&POD, Some(&self.namespace)).filter(|pod| !pod.is_deleting() && selector.matches(pod.labels()));
        let mut pods: Vec<_> = pods.map(|pod| (pod.text("/metadata/creationTimestamp").to_owned(), pod.name().to_owned())).collect();
        pods.sort();
        for (_, name) in pods.into_iter().take(count) {
            world.delete(&POD, &self.namespace, &name, by);
        }
    }
}

/// Creates an object or replaces the one of its name; its status is taken too.
pub(super) fn apply(world: &mut World, namespace: &str, mut object: Value, by: &str) {
    let Some(resource) = resource::of_kind(object.text("/apiVersion"), object.text("/kind")) else { return };
    if resource.namespaced {
        object.put_default("/metadata/namespace", namespace);
    }
    let (place, name) = (object.namespace().to_owned(), object.name().to_owned());
    if world.exists(resource, &place, &name) {
        world.modify(resource, &place, &name, by, |stored| json_patch::merge(stored, &object)).ok();
    } else {
        world.create(resource, object, by).ok();
    }
}

impl Part for Player {
    fn start(&mut self, world: &mut World) {
        for (index, event) in self.events.iter().enumerate() {
            world.timers.at(event.at.0, self.id, index.to_string());
        }
    }

    fn reconcile(&mut self, _world: &mut World, _changes: &[Change]) {}

    fn wake(&mut self, world: &mut World, key: &str) {
        let event = key.parse::<usize>().ok().and_then(|index| self.events.get(index));
        if let Some(event) = event {
            self.play(world, event);
        }
    }
}
