//! Sets of fields of an object: `fieldsV1`, and the differences that fill it.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{
    Resource,
    schema::{Keys, List, Place},
};

/// Metadata that nobody owns: the server's own.
const UNOWNED: [&str; 10] = [
    "name",
    "namespace",
    "uid",
    "creationTimestamp",
    "resourceVersion",
    "generation",
    "managedFields",
    "selfLink",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
];

/// A tree of fields. Keys are those of `fieldsV1`: `f:NAME`, `k:{KEYS}`, `v:VALUE`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FieldSet {
    here: bool,
    children: BTreeMap<String, FieldSet>,
}

/// What differs between two objects.
#[derive(Debug, Default)]
pub struct Difference {
    /// Fields that are new or have another value.
    pub changed: FieldSet,
    /// Fields that are gone.
    pub removed: FieldSet,
}

impl FieldSet {
    /// Reads `fieldsV1`; what makes no sense is left out.
    pub fn parse(value: &Value) -> Self {
        let mut set = Self::default();
        for (key, value) in value.as_object().into_iter().flatten() {
            if key == "." {
                set.here = true;
            } else {
                let mut child = Self::parse(value);
                child.here |= child.children.is_empty();
                set.children.insert(key.clone(), child);
            }
        }
        set
    }

    /// Writes `fieldsV1`.
    pub fn to_value(&self) -> Value {
        let mut map = Map::new();
        if self.here && !self.children.is_empty() {
            map.insert(".".into(), Value::Object(Map::new()));
        }
        map.extend(self.children.iter().map(|(key, child)| (key.clone(), child.to_value())));
        Value::Object(map)
    }

    /// The fields that an apply configuration names: its values, not the maps around them.
    pub fn of(resource: &Resource, config: &Value) -> Self {
        let mut set = Self::default();
        Walk { applied: true }.fields(Place::root(resource), &ownable(config), &mut set);
        set.prune();
        set
    }

    /// True when it names nothing.
    pub fn is_empty(&self) -> bool {
        !self.here && self.children.values().all(Self::is_empty)
    }

    /// Adds the fields of another set.
    pub fn add(&mut self, other: &Self) {
        self.here |= other.here;
        for (key, child) in &other.children {
            self.children.entry(key.clone()).or_default().add(child);
        }
    }

    /// Takes the fields of another set out.
    pub fn subtract(&mut self, other: &Self) {
        self.here &= !other.here;
        for (key, child) in &other.children {
            if let Some(own) = self.children.get_mut(key) {
                own.subtract(child);
                if own.is_empty() {
                    self.children.remove(key);
                }
            }
        }
    }

    /// The same, and everything on the way to what it names.
    pub fn with_parents(mut self) -> Self {
        self.here = true;
        self.children = self.children.into_iter().map(|(key, child)| (key, child.with_parents())).collect();
        self
    }

    /// The fields that both name.
    pub fn common(&self, other: &Self) -> Self {
        let children = self.children.iter().filter_map(|(key, child)| {
            let both = child.common(other.children.get(key)?);
            (!both.is_empty()).then(|| (key.clone(), both))
        });
        Self { here: self.here && other.here, children: children.collect() }
    }

    /// The fields as error texts name them: `.spec.containers[name="app"].image`.
    pub fn paths(&self) -> Vec<String> {
        let mut out = Vec::new();
        self.collect("", &mut out);
        out
    }

    fn collect(&self, prefix: &str, out: &mut Vec<String>) {
        if self.here {
            out.push(prefix.to_owned());
        }
        for (key, child) in &self.children {
            let part = match (key.strip_prefix("f:"), key.strip_prefix("k:"), key.strip_prefix("v:")) {
                (Some(name), ..) => format!(".{name}"),
                (_, Some(keys), _) => bracketed(keys),
                (_, _, Some(value)) => format!("[={value}]"),
                _ => key.clone(),
            };
            child.collect(&format!("{prefix}{part}"), out);
        }
    }

    /// Removes these fields from an object of a kind.
    pub fn remove_from(&self, resource: &Resource, object: &mut Value) {
        self.remove_at(Place::root(resource), object);
    }

    fn remove_at(&self, place: Place, value: &mut Value) {
        for (key, child) in &self.children {
            match value {
                Value::Object(map) => {
                    let Some(name) = key.strip_prefix("f:") else { continue };
                    let Some(inner) = map.get_mut(name) else { continue };
                    child.remove_at(place.field(name), inner);
                    if child.here && (child.children.is_empty() || is_bare(inner)) {
                        map.remove(name);
                    }
                }
                Value::Array(list) => {
                    let Some(index) = list.iter().position(|entry| is_entry(place, key, entry)) else { continue };
                    if child.here {
                        list.remove(index);
                    } else if let Some(entry) = list.get_mut(index) {
                        child.remove_at(place.entry(), entry);
                    }
                }
                _ => {}
            }
        }
    }
}

/// What differs between an object and its successor; `old` is `None` for a new one.
pub fn difference(resource: &Resource, old: Option<&Value>, new: &Value) -> Difference {
    let mut difference = Difference::default();
    let (walk, root) = (Walk { applied: false }, Place::root(resource));
    let new = ownable(new);
    match old {
        Some(old) => walk.compare(root, &ownable(old), &new, &mut difference.changed, &mut difference.removed),
        None => walk.fields(root, &new, &mut difference.changed),
    }
    difference.removed.prune();
    difference.changed.prune();
    difference
}

impl FieldSet {
    fn prune(&mut self) {
        self.children.retain(|_, child| {
            child.prune();
            !child.is_empty()
        });
    }
}

/// The part of an object that can be owned.
fn ownable(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(map) = object.as_object_mut() {
        map.remove("apiVersion");
        map.remove("kind");
        if let Some(metadata) = map.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.retain(|key, _| !UNOWNED.contains(&key.as_str()));
        }
    }
    object
}

struct Walk {
    /// Leave out the maps and lists around the values.
    applied: bool,
}

impl Walk {
    /// Adds all fields of the value at a place to `set`.
    fn fields(&self, place: Place, value: &Value, set: &mut FieldSet) {
        let counts = !place.is_structural() && !self.applied;
        match (value, place.list()) {
            (Value::Object(map), _) if !map.is_empty() && !place.is_atomic() => {
                set.here |= counts;
                self.each(place, map, set);
            }
            (Value::Array(list), List::Keyed(keys)) if !list.is_empty() => {
                set.here |= counts;
                for entry in list {
                    let child = set.children.entry(entry_key(keys, place, entry)).or_default();
                    child.here = true;
                    self.entry(place, entry, child);
                }
            }
            (Value::Array(list), List::Set) if !list.is_empty() => {
                set.here |= counts;
                for entry in list {
                    set.children.entry(format!("v:{entry}")).or_default().here = true;
                }
            }
            _ => set.here = !(place.is_structural() && is_bare(value)),
        }
    }

    fn each(&self, place: Place, map: &Map<String, Value>, set: &mut FieldSet) {
        for (name, inner) in map {
            self.fields(place.field(name), inner, set.children.entry(format!("f:{name}")).or_default());
        }
    }

    /// Adds the fields of an entry of the list at a place.
    fn entry(&self, place: Place, entry: &Value, set: &mut FieldSet) {
        entry.as_object().into_iter().for_each(|map| self.each(place.entry(), map, set));
    }

    fn compare(&self, place: Place, old: &Value, new: &Value, changed: &mut FieldSet, removed: &mut FieldSet) {
        if old == new {
            return;
        }
        match (old, new, place.list()) {
            (Value::Object(old), Value::Object(new), _) if !place.is_atomic() => self.compare_maps(place, old, new, changed, removed),
            (Value::Array(old), Value::Array(new), List::Keyed(keys)) => {
                let keyed = |list: &[Value]| -> BTreeMap<String, Value> {
                    list.iter().map(|entry| (entry_key(keys, place, entry), entry.clone())).collect()
                };
                let (old, new) = (keyed(old), keyed(new));
                for (key, entry) in &new {
                    let child = changed.children.entry(key.clone()).or_default();
                    match old.get(key).and_then(Value::as_object).zip(entry.as_object()) {
                        Some((before, after)) => {
                            let gone = removed.children.entry(key.clone()).or_default();
                            self.compare_maps(place.entry(), before, after, child, gone);
                        }
                        None => {
                            child.here = true;
                            self.entry(place, entry, child);
                        }
                    }
                }
                for (key, entry) in old.iter().filter(|(key, _)| !new.contains_key(*key)) {
                    let child = removed.children.entry(key.clone()).or_default();
                    child.here = true;
                    self.entry(place, entry, child);
                }
            }
            (Value::Array(old), Value::Array(new), List::Set) => {
                for entry in new.iter().filter(|entry| !old.contains(entry)) {
                    changed.children.entry(format!("v:{entry}")).or_default().here = true;
                }
                for entry in old.iter().filter(|entry| !new.contains(entry)) {
                    removed.children.entry(format!("v:{entry}")).or_default().here = true;
                }
            }
            _ => {
                self.fields(place, old, removed);
                self.fields(place, new, changed);
                removed.subtract(changed);
            }
        }
    }

    fn compare_maps(
        &self,
        place: Place,
        old: &Map<String, Value>,
        new: &Map<String, Value>,
        changed: &mut FieldSet,
        removed: &mut FieldSet,
    ) {
        for (name, after) in new {
            let key = format!("f:{name}");
            let child = changed.children.entry(key.clone()).or_default();
            match old.get(name) {
                Some(before) => {
                    let gone = removed.children.entry(key).or_default();
                    self.compare(place.field(name), before, after, child, gone);
                }
                None => self.fields(place.field(name), after, child),
            }
        }
        for (name, before) in old.iter().filter(|(name, _)| !new.contains_key(*name)) {
            let child = removed.children.entry(format!("f:{name}")).or_default();
            self.fields(place.field(name), before, child);
        }
    }
}

/// One key of an entry of the list at a place, or the value that it has when it is not given.
pub fn key_of(place: Place, entry: &Value, key: &str) -> Option<Value> {
    entry.get(key).or_else(|| place.entry().field(key).default()).cloned()
}

/// `k:{"name":"app"}`.
fn entry_key(keys: Keys, place: Place, entry: &Value) -> String {
    let pairs = keys.iter().filter_map(|key| Some((key.to_owned(), key_of(place, entry, key)?)));
    format!("k:{}", Value::Object(pairs.collect()))
}

/// Whether an entry of the list at a place is the one that a key of `fieldsV1` means.
fn is_entry(place: Place, key: &str, entry: &Value) -> bool {
    match (key.strip_prefix("k:"), key.strip_prefix("v:")) {
        (Some(keys), _) => serde_json::from_str::<Map<String, Value>>(keys)
            .is_ok_and(|keys| keys.iter().all(|(name, value)| key_of(place, entry, name).as_ref() == Some(value))),
        (_, Some(value)) => serde_json::from_str::<Value>(value).is_ok_and(|value| value == *entry),
        _ => false,
    }
}

fn bracketed(keys: &str) -> String {
    let keys: Map<String, Value> = serde_json::from_str(keys).unwrap_or_default();
    format!("[{}]", keys.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(","))
}

fn is_bare(value: &Value) -> bool {
    value.as_object().is_some_and(Map::is_empty) || value.as_array().is_some_and(Vec::is_empty)
}

#[cfg(test)]
mod tests;
