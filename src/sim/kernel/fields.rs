//! Sets of fields of an object: `fieldsV1`, and the differences that fill it.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{
    Resource,
    schema::{self, List},
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
        Walk { resource, path: Vec::new(), applied: true }.fields(&ownable(config), &mut set);
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

    /// Removes these fields from a value.
    pub fn remove_from(&self, value: &mut Value) {
        for (key, child) in &self.children {
            match value {
                Value::Object(map) => {
                    let Some(name) = key.strip_prefix("f:") else { continue };
                    let Some(inner) = map.get_mut(name) else { continue };
                    child.remove_from(inner);
                    if child.here && (child.children.is_empty() || is_bare(inner)) {
                        map.remove(name);
                    }
                }
                Value::Array(list) => {
                    let Some(index) = list.iter().position(|entry| entry_matches(key, entry)) else { continue };
                    if child.here {
                        list.remove(index);
                    } else if let Some(entry) = list.get_mut(index) {
                        child.remove_from(entry);
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
    let mut walk = Walk { resource, path: Vec::new(), applied: false };
    let new = ownable(new);
    match old {
        Some(old) => walk.compare(&ownable(old), &new, &mut difference.changed, &mut difference.removed),
        None => walk.fields(&new, &mut difference.changed),
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

struct Walk<'a> {
    resource: &'a Resource,
    path: Vec<String>,
    /// Leave out the maps and lists around the values.
    applied: bool,
}

impl Walk<'_> {
    fn list(&self) -> List {
        schema::list(self.resource, &self.path.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn is_atomic(&self) -> bool {
        schema::is_atomic(self.resource, &self.path.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn at<T>(&mut self, name: &str, run: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(name.to_owned());
        let result = run(self);
        self.path.pop();
        result
    }

    /// Adds all fields of the value at the present path to `set`.
    fn fields(&mut self, value: &Value, set: &mut FieldSet) {
        let structural = self.path.last().is_none_or(|name| schema::is_structural(self.resource, name));
        let counts = !structural && !self.applied;
        match (value, self.list()) {
            (Value::Object(map), _) if !map.is_empty() && !self.is_atomic() => {
                set.here |= counts;
                for (name, inner) in map {
                    let child = set.children.entry(format!("f:{name}")).or_default();
                    self.at(name, |walk| walk.fields(inner, child));
                }
            }
            (Value::Array(list), List::Keyed(keys)) if !list.is_empty() => {
                set.here |= counts;
                for entry in list {
                    let child = set.children.entry(entry_key(keys, entry)).or_default();
                    child.here = true;
                    self.entry(entry, child);
                }
            }
            (Value::Array(list), List::Set) if !list.is_empty() => {
                set.here |= counts;
                for entry in list {
                    set.children.entry(format!("v:{entry}")).or_default().here = true;
                }
            }
            _ => set.here = !(structural && is_bare(value)),
        }
    }

    fn entry(&mut self, entry: &Value, set: &mut FieldSet) {
        for (name, inner) in entry.as_object().into_iter().flatten() {
            let child = set.children.entry(format!("f:{name}")).or_default();
            self.at(name, |walk| walk.fields(inner, child));
        }
    }

    fn compare(&mut self, old: &Value, new: &Value, changed: &mut FieldSet, removed: &mut FieldSet) {
        if old == new {
            return;
        }
        match (old, new, self.list()) {
            (Value::Object(old), Value::Object(new), _) if !self.is_atomic() => self.compare_maps(old, new, changed, removed),
            (Value::Array(old), Value::Array(new), List::Keyed(keys)) => {
                let keyed = |list: &[Value]| -> BTreeMap<String, Value> { list.iter().map(|e| (entry_key(keys, e), e.clone())).collect() };
                let (old, new) = (keyed(old), keyed(new));
                for (key, entry) in &new {
                    let child = changed.children.entry(key.clone()).or_default();
                    match old.get(key).and_then(Value::as_object).zip(entry.as_object()) {
                        Some((before, after)) => {
                            let gone = removed.children.entry(key.clone()).or_default();
                            self.compare_maps(before, after, child, gone);
                        }
                        None => {
                            child.here = true;
                            self.entry(entry, child);
                        }
                    }
                }
                for (key, entry) in old.iter().filter(|(key, _)| !new.contains_key(*key)) {
                    let child = removed.children.entry(key.clone()).or_default();
                    child.here = true;
                    self.entry(entry, child);
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
                self.fields(old, removed);
                self.fields(new, changed);
                removed.subtract(changed);
            }
        }
    }

    fn compare_maps(&mut self, old: &Map<String, Value>, new: &Map<String, Value>, changed: &mut FieldSet, removed: &mut FieldSet) {
        for (name, after) in new {
            let key = format!("f:{name}");
            let child = changed.children.entry(key.clone()).or_default();
            match old.get(name) {
                Some(before) => {
                    let gone = removed.children.entry(key).or_default();
                    self.at(name, |walk| walk.compare(before, after, child, gone));
                }
                None => self.at(name, |walk| walk.fields(after, child)),
            }
        }
        for (name, before) in old.iter().filter(|(name, _)| !new.contains_key(*name)) {
            let child = removed.children.entry(format!("f:{name}")).or_default();
            self.at(name, |walk| walk.fields(before, child));
        }
    }
}

/// `k:{"name":"app"}`.
fn entry_key(keys: &[&str], entry: &Value) -> String {
    let pairs = keys.iter().filter_map(|key| {
        // The one key that has a default.
        let value = entry.get(key).cloned().or_else(|| (*key == "protocol").then(|| "TCP".into()))?;
        Some(((*key).to_owned(), value))
    });
    format!("k:{}", Value::Object(pairs.collect()))
}

fn entry_matches(key: &str, entry: &Value) -> bool {
    match (key.strip_prefix("k:"), key.strip_prefix("v:")) {
        (Some(keys), _) => serde_json::from_str::<Map<String, Value>>(keys).is_ok_and(|keys| {
            keys.iter().all(|(name, value)| entry.get(name) == Some(value) || (name == "protocol" && entry.get(name).is_none()))
        }),
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
