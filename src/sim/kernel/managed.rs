//! `managedFields`: who wrote which field last.

use serde_json::{Value, json};

use super::{
    Feature, Features, Resource,
    fields::{self, FieldSet},
    object::Fields,
    store::{Stamp, seconds},
};

/// One manager's entry.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Its name.
    pub manager: String,
    /// `Apply` or `Update`.
    pub operation: String,
    /// The version it wrote in.
    pub api_version: String,
    /// The subresource it wrote to, or empty.
    pub subresource: String,
    /// When it last changed its set.
    pub time: String,
    /// The fields it owns.
    pub fields: FieldSet,
}

/// Reads an object's entries.
pub fn entries(object: &Value) -> Vec<Entry> {
    let entries = object.items("/metadata/managedFields").iter();
    entries
        .map(|entry| Entry {
            manager: entry.text("/manager").to_owned(),
            operation: entry.text("/operation").to_owned(),
            api_version: entry.text("/apiVersion").to_owned(),
            subresource: entry.text("/subresource").to_owned(),
            time: entry.text("/time").to_owned(),
            fields: entry.get("fieldsV1").map(FieldSet::parse).unwrap_or_default(),
        })
        .collect()
}

/// Records in `new` what `stamp.manager` changed since `old`. An update that changes nothing records nothing.
pub fn record(features: Features, resource: &Resource, old: Option<&Value>, new: &mut Value, stamp: Stamp<'_>) {
    if stamp.manager.is_empty() || !features.has(Feature::ManagedFields) {
        return;
    }
    let subresource = stamp.subresource;
    let mut seen = new.clone();
    if subresource != "status" && resource.status {
        // The main resource's writers never own status.
        seen.cut("/status");
    }
    let before = old.map(|old| {
        let mut old = old.clone();
        if subresource != "status" && resource.status {
            old.cut("/status");
        }
        old
    });
    let difference = fields::difference(resource, before.as_ref(), &seen);
    let mut entries = entries(new);
    let untouched = entries.clone();
    let operation = if stamp.apply.is_some() { "Apply" } else { "Update" };
    let api_version = resource.api_version();
    let is_own = |entry: &Entry| {
        let same_version = operation == "Apply" || entry.api_version == api_version;
        entry.manager == stamp.manager && entry.operation == operation && entry.subresource == subresource && same_version
    };
    let mut own = match entries.iter().position(&is_own) {
        Some(index) => entries.remove(index),
        None => Entry {
            manager: stamp.manager.to_owned(),
            operation: operation.to_owned(),
            api_version: api_version.clone(),
            subresource: subresource.to_owned(),
            time: String::new(),
            fields: FieldSet::default(),
        },
    };
    for entry in entries.iter_mut().filter(|_| features.has(Feature::OwnershipMoves)) {
        entry.fields.subtract(&difference.changed);
        entry.fields.subtract(&difference.removed);
    }
    let owned_before = own.fields.clone();
    match stamp.apply {
        Some(applied) => own.fields = FieldSet::of(resource, applied),
        None => {
            own.fields.subtract(&difference.removed);
            own.fields.add(&difference.changed);
        }
    }
    let silent = difference.changed.is_empty() && difference.removed.is_empty();
    // The real server forgets the time of writes to the scale subresource.
    // Nor does it give one to an apply that changes nothing but who owns what.
    let timed = if operation == "Apply" { !silent } else { own.fields != owned_before || !silent || own.time.is_empty() };
    if subresource != "scale" && timed {
        own.time = seconds(stamp.at);
    }
    entries.push(own);
    entries.retain(|entry| !entry.fields.is_empty());
    entries.sort_by(|a, b| {
        let key = |e: &Entry| (e.operation.clone(), e.time.clone(), e.manager.clone(), e.api_version.clone(), e.subresource.clone());
        key(a).cmp(&key(b))
    });
    if entries != untouched {
        new.put("/metadata/managedFields", entries.iter().map(to_value).collect::<Vec<_>>());
    }
}

fn to_value(entry: &Entry) -> Value {
    let mut value = json!({
        "manager": entry.manager, "operation": entry.operation, "apiVersion": entry.api_version,
        "fieldsType": "FieldsV1", "fieldsV1": entry.fields.to_value(),
    });
    if !entry.time.is_empty() {
        value.put("/time", entry.time.clone());
    }
    if !entry.subresource.is_empty() {
        value.put("/subresource", entry.subresource.clone());
    }
    value
}
