//! The objects, one revision counter, and the log of changes that watches follow.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use jiff::Timestamp;
use serde_json::Value;

use super::{Feature, Features, Resource, Status, object::Fields, rng::Rng};

mod delete;
mod write;

pub use delete::{DeleteOptions, Preconditions, Propagation};
pub use write::seconds;

/// Changes kept for watches that start in the past.
const KEEP: usize = 8_000;

/// What happened to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// It is different.
    Modified,
    /// It is gone.
    Deleted,
}

/// One entry of the change log.
#[derive(Debug, Clone)]
pub struct Change {
    /// The store's revision after the change.
    pub revision: u64,
    /// The kind of object.
    pub resource: &'static Resource,
    /// What happened.
    pub kind: ChangeKind,
    /// The object afterwards; for a deletion its last state, with the deletion's `resourceVersion`.
    pub object: Arc<Value>,
    /// The object before; `None` when it is new.
    pub previous: Option<Arc<Value>>,
}

/// Who writes, and when.
#[derive(Debug, Clone, Copy)]
pub struct Stamp<'a> {
    /// Virtual time of the write.
    pub at: Timestamp,
    /// Field manager; empty: the write is not recorded in `managedFields`.
    pub manager: &'a str,
    /// The write is a server-side apply of these fields.
    pub apply: Option<&'a Value>,
    /// The subresource it goes to; empty for the object itself.
    pub subresource: &'a str,
}

impl<'a> Stamp<'a> {
    /// A plain write to the object itself.
    pub fn update(at: Timestamp, manager: &'a str) -> Self {
        Self { at, manager, apply: None, subresource: "" }
    }
}

/// A place of an object: kind, namespace (empty when cluster-scoped), name.
pub type Place = (u8, String, String);

type Objects = BTreeMap<String, BTreeMap<String, Arc<Value>>>;

/// All objects of the cluster.
#[derive(Debug)]
pub struct Store {
    /// What the cluster does: a test may take one thing away.
    pub features: Features,
    objects: BTreeMap<u8, Objects>,
    owned: BTreeMap<String, BTreeSet<Place>>,
    log: VecDeque<Change>,
    revision: u64,
    compacted: u64,
    rng: Rng,
    next_ip: u32,
}

impl Store {
    /// An empty store; uids and generated names follow from `rng`.
    pub fn new(rng: Rng) -> Self {
        let (objects, owned, log) = (BTreeMap::new(), BTreeMap::new(), VecDeque::new());
        Self { features: Features::default(), objects, owned, log, revision: 1, compacted: 0, rng, next_ip: 0 }
    }

    /// The revision of the last change: the `resourceVersion` of lists.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The oldest revision a watch can still start from.
    pub fn oldest(&self) -> u64 {
        if self.features.has(Feature::Expiry) { self.compacted } else { 0 }
    }

    /// One object. `namespace` is empty for cluster-scoped kinds.
    pub fn get(&self, resource: &Resource, namespace: &str, name: &str) -> Option<&Arc<Value>> {
        self.objects.get(&resource.id)?.get(namespace)?.get(name)
    }

    /// One object, or the API server's 404.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn find(&self, resource: &Resource, namespace: &str, name: &str) -> Result<&Arc<Value>, Status> {
        let missing = || if self.features.has(Feature::NamedNotFound) { Status::not_found(resource, name) } else { Status::no_such_path() };
        self.get(resource, namespace, name).ok_or_else(missing)
    }

    /// All objects of a kind in a namespace (`None`: in all), ordered by namespace and name.
    pub fn list<'a>(&'a self, resource: &Resource, namespace: Option<&'a str>) -> impl Iterator<Item = &'a Arc<Value>> {
        let spaces = self.objects.get(&resource.id).into_iter().flatten();
        spaces.filter(move |(ns, _)| namespace.is_none_or(|wanted| wanted == ns.as_str())).flat_map(|(_, objects)| objects.values())
    }

    /// The objects that name this uid among their owners.
    pub fn owned_by(&self, uid: &str) -> Vec<(&'static Resource, Arc<Value>)> {
        let places = self.owned.get(uid).into_iter().flatten();
        places
            .filter_map(|(id, namespace, name)| {
                let resource = super::resource::ALL.iter().copied().find(|r| r.id == *id)?;
                Some((resource, self.get(resource, namespace, name)?.clone()))
            })
            .collect()
    }

    /// The changes after a revision, in order.
    pub fn changes_since(&self, revision: u64) -> Vec<Change> {
        let start = self.log.partition_point(|change| change.revision <= revision);
        self.log.range(start..).cloned().collect()
    }

    /// Forgets all changes up to now: watches that want to start before get 410, as after etcd's compaction.
    pub fn compact(&mut self) {
        self.compacted = self.revision;
        self.log.clear();
    }

    /// Drops the oldest changes beyond what is kept.
    pub fn trim(&mut self) {
        while self.log.len() > KEEP {
            if let Some(change) = self.log.pop_front() {
                self.compacted = change.revision;
            }
        }
    }

    /// A cluster IP that nobody has.
    pub fn allocate_ip(&mut self) -> String {
        self.next_ip += 1;
        let n = self.next_ip;
        format!("10.96.{}.{}", (n >> 8) & 0xff, n & 0xff)
    }

    fn put(&mut self, resource: &'static Resource, mut object: Value) -> Arc<Value> {
        self.revision += 1;
        object.put("/metadata/resourceVersion", self.revision.to_string());
        let object = Arc::new(object);
        let (namespace, name) = (object.namespace().to_owned(), object.name().to_owned());
        let place = (resource.id, namespace.clone(), name.clone());
        let objects = self.objects.entry(resource.id).or_default().entry(namespace).or_default();
        let previous = objects.insert(name, object.clone());
        if let Some(previous) = &previous {
            self.disown(previous, &place);
        }
        for owner in object.items("/metadata/ownerReferences") {
            self.owned.entry(owner.text("/uid").to_owned()).or_default().insert(place.clone());
        }
        let kind = if previous.is_some() { ChangeKind::Modified } else { ChangeKind::Added };
        self.log.push_back(Change { revision: self.revision, resource, kind, object: object.clone(), previous });
        object
    }

    fn remove(&mut self, resource: &'static Resource, namespace: &str, name: &str) -> Option<Arc<Value>> {
        let objects = self.objects.get_mut(&resource.id)?.get_mut(namespace)?;
        let previous = objects.remove(name)?;
        self.disown(&previous, &(resource.id, namespace.to_owned(), name.to_owned()));
        self.revision += 1;
        let mut last = Value::clone(&previous);
        last.put("/metadata/resourceVersion", self.revision.to_string());
        let object = Arc::new(last);
        let change =
            Change { revision: self.revision, resource, kind: ChangeKind::Deleted, object: object.clone(), previous: Some(previous) };
        self.log.push_back(change);
        Some(object)
    }

    fn disown(&mut self, object: &Value, place: &Place) {
        for owner in object.items("/metadata/ownerReferences") {
            let uid = owner.text("/uid");
            if let Some(places) = self.owned.get_mut(uid) {
                places.remove(place);
                if places.is_empty() {
                    self.owned.remove(uid);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
