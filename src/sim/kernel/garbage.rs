//! The garbage collector: owner references and ending namespaces.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    Change, ChangeKind, Feature, Part, Resource, World,
    object::Fields,
    resource::{ALL, NAMESPACE},
    store::{DeleteOptions, Propagation},
};

const MANAGER: &str = "kube-controller-manager";

/// The collector. It keeps nothing: what has to go follows from the store.
#[derive(Debug)]
pub struct Garbage;

impl Part for Garbage {
    fn start(&mut self, _world: &mut World) {}

    fn reconcile(&mut self, world: &mut World, changes: &[Change]) {
        let mut owners = BTreeSet::new();
        for change in changes {
            let uid = change.object.uid().to_owned();
            match change.kind {
                ChangeKind::Deleted => {
                    collect(world, &uid);
                    // A waiting owner may be free to go now.
                    owners.extend(change.object.items("/metadata/ownerReferences").iter().map(|o| o.text("/uid").to_owned()));
                    if change.resource.namespaced {
                        empty_namespace(world, change.object.namespace());
                    }
                }
                ChangeKind::Added if *change.resource == NAMESPACE => world.furnish_namespace(change.object.name()),
                _ if change.object.is_deleting() => propagate(world, change.resource, &change.object),
                _ => {}
            }
        }
        for uid in owners {
            let waiting =
                ALL.iter().find_map(|r| Some((*r, world.store.list(r, None).find(|o| o.uid() == uid && o.is_deleting())?.clone())));
            if let Some((resource, owner)) = waiting {
                propagate(world, resource, &owner);
            }
        }
    }

    fn wake(&mut self, _world: &mut World, _key: &str) {}
}

/// The owner is gone: what has no other owner goes too.
fn collect(world: &mut World, uid: &str) {
    let owned = if world.has(Feature::GarbageCollection) { world.store.owned_by(uid) } else { Vec::new() };
    for (resource, object) in owned {
        let others = object.items("/metadata/ownerReferences").iter().any(|o| o.text("/uid") != uid);
        if others {
            disown(world, resource, &object, uid);
        } else {
            world.delete(resource, object.namespace(), object.name(), MANAGER);
        }
    }
}

/// An object is marked for deletion: do for its dependents what its finalizers ask.
fn propagate(world: &mut World, resource: &'static Resource, owner: &Value) {
    if *resource == NAMESPACE {
        empty_namespace(world, owner.name());
    }
    let has = |finalizer: &str| owner.items("/metadata/finalizers").iter().any(|f| f == finalizer);
    if has("orphan") {
        for (kind, object) in world.store.owned_by(owner.uid()) {
            disown(world, kind, &object, owner.uid());
        }
        drop_finalizer(world, resource, owner, "orphan");
    } else if has("foregroundDeletion") {
        let dependents = world.store.owned_by(owner.uid());
        if dependents.is_empty() {
            drop_finalizer(world, resource, owner, "foregroundDeletion");
        }
        let options = DeleteOptions { propagation: Propagation::Foreground, ..DeleteOptions::default() };
        for (kind, object) in dependents.into_iter().filter(|(_, o)| !o.is_deleting()) {
            world.delete_with(kind, object.namespace(), object.name(), MANAGER, &options).ok();
        }
    }
}

fn disown(world: &mut World, resource: &'static Resource, object: &Value, uid: &str) {
    let (namespace, name) = (object.namespace(), object.name());
    world
        .modify(resource, namespace, name, MANAGER, |o| {
            if let Some(owners) = o.items_mut("/metadata/ownerReferences") {
                owners.retain(|owner| owner.text("/uid") != uid);
            }
            if o.items("/metadata/ownerReferences").is_empty() {
                o.cut("/metadata/ownerReferences");
            }
        })
        .ok();
}

fn drop_finalizer(world: &mut World, resource: &'static Resource, object: &Value, finalizer: &str) {
    world
        .modify(resource, object.namespace(), object.name(), MANAGER, |o| {
            if let Some(list) = o.items_mut("/metadata/finalizers") {
                list.retain(|f| f != finalizer);
            }
            if o.items("/metadata/finalizers").is_empty() {
                o.cut("/metadata/finalizers");
            }
        })
        .ok();
}

/// Deletes what a namespace under deletion still holds, and the namespace itself once it is empty.
fn empty_namespace(world: &mut World, namespace: &str) {
    if !world.store.get(&NAMESPACE, "", namespace).is_some_and(|ns| ns.is_deleting()) {
        return;
    }
    let mut empty = true;
    for resource in ALL.iter().copied().filter(|r| r.namespaced) {
        let names: Vec<(String, bool)> =
            world.store.list(resource, Some(namespace)).map(|o| (o.name().to_owned(), o.is_deleting())).collect();
        for (name, deleting) in names {
            if !deleting {
                world.delete(resource, namespace, &name, MANAGER);
            }
            empty &= world.store.get(resource, namespace, &name).is_none();
        }
    }
    if empty {
        world.modify(&NAMESPACE, "", namespace, MANAGER, |ns| drop(ns.cut("/spec/finalizers"))).ok();
    }
}
