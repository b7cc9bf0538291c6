//! Server-side apply.

use serde_json::{Map, Value, json};

use super::{Output, Target, convert, dry_run, write};
use crate::sim::kernel::{
    Feature, Request, Resource, Response, Status, World,
    fields::{FieldSet, difference, key_of},
    managed::{self, Entry},
    object::Fields,
    resource::api_version,
    schema::{List, Place},
    status::Cause,
    store::Stamp,
    typed::{self, Unknown},
    validate,
};

/// PATCH with an apply configuration.
///
/// # Errors
/// `BadRequest` without a manager or for another object's configuration; `Conflict` when others own what would change.
pub fn handle(world: &mut World, request: &Request, target: &Target) -> Result<Response, Status> {
    let output = Output::negotiate(world.store.features, request, target)?;
    let anybody = (!world.has(Feature::ApplyManager)).then(|| super::manager(request));
    let Some(manager) = request.param("fieldManager").filter(|manager| !manager.is_empty()).or(anybody) else {
        let cause = Cause::required("fieldManager", "is required for apply patch");
        return Err(Status::invalid_kind("meta.k8s.io", "PatchOptions", "", &[cause]));
    };
    let config = configuration(world, request, target)?;
    let dry = dry_run(world.store.features, request, "PatchOptions")?;
    let stamp = Stamp { apply: Some(&config), ..Stamp::update(world.now(), manager) };
    let resource = target.resource;
    let Some(live) = world.store.get(resource, target.namespace(), target.name()).cloned() else {
        if !target.subresource.is_empty() {
            return Err(Status::not_found(resource, target.name()));
        }
        let mut object = config.clone();
        world.store.prepare_create(stamp, resource, &mut object)?;
        validate::create(world.store.features, resource, &object)?;
        let stored = if dry { object.into() } else { world.store.insert(resource, object)? };
        return output.one(world, 201, &stored);
    };
    let entries = managed::entries(&live);
    let forced = request.flag("force") && world.has(Feature::ApplyForce);
    if !forced && world.has(Feature::ApplyConflicts) {
        refuse_conflicts(resource, &live, &config, manager, &entries)?;
    }
    let mut merged = Value::clone(&live);
    let root = if world.has(Feature::ApplyLists) { Place::root(resource) } else { Place::UNKNOWN };
    merge(root, &mut merged, &config);
    if world.has(Feature::ApplyPrune) {
        prune(resource, &mut merged, &config, manager, &entries);
    }
    let version = config.text("/metadata/resourceVersion");
    merged.put("/metadata/resourceVersion", if version.is_empty() { live.text("/metadata/resourceVersion") } else { version });
    let stored = write::commit(world, target, stamp, merged, dry)?;
    output.one(world, 200, &stored)
}

/// The configuration in the body: YAML, of which JSON is a part.
fn configuration(world: &World, request: &Request, target: &Target) -> Result<Value, Status> {
    let undecodable = |why: String| Status::bad_request(format!("error decoding YAML: {why}"));
    let mut config: Value = match serde_json::from_slice(&request.body) {
        Ok(value) => value,
        Err(_) => {
            let text = std::str::from_utf8(&request.body).map_err(|error| undecodable(error.to_string()))?;
            serde_saphyr::from_str(text).map_err(|error| undecodable(error.to_string()))?
        }
    };
    let version = api_version(target.group, target.version);
    let fits = config.text("/apiVersion") == version && config.text("/kind") == target.resource.kind;
    if !fits && world.has(Feature::KindOfPath) {
        let given = config.text("/apiVersion");
        let slash = if given.contains('/') { "" } else { "/" };
        return Err(Status::bad_request(format!("invalid object type: {slash}{given}, Kind={}", config.text("/kind"))));
    }
    if !config.items("/metadata/managedFields").is_empty() {
        return Err(Status::bad_request("metadata.managedFields must be nil"));
    }
    if !config.name().is_empty() {
        write::check_name(world, &config, target)?;
    }
    config.put("/metadata/name", target.name());
    let named = config.namespace().to_owned();
    write::place(world, &mut config, target)?;
    let mut config = convert::to_stored(world.store.features, target, config);
    let slash = if version.contains('/') { "" } else { "/" };
    let kind = format!("{slash}{version}, Kind={}", target.resource.kind);
    let object = format!("({named}/{}; {kind})", target.name());
    let failed = |why: String| Status::custom(500, "", why, None);
    let unfit = |why: String| failed(format!("failed to create typed patch object {object}: {why}"));
    let unknown = |unknown: &Unknown| unfit(format!("{}: field not declared in schema", unknown.applied));
    match typed::conform(world.store.features, target.resource, &mut config) {
        Ok(unknown) if unknown.is_empty() || !world.has(Feature::ApplySchema) => Ok(config),
        Ok(some) => Err(some.first().map_or_else(Status::no_such_path, unknown)),
        Err(refused) => Err(match (refused.unknown.first(), refused.mismatch.applied()) {
            (Some(first), _) => unknown(first),
            (None, Some(why)) => unfit(why),
            (None, None) => failed(format!(
                "failed to convert new object {object} to proper version: unable to convert unstructured object to {kind}: {}",
                refused.mismatch.converted()
            )),
        }),
    }
}

/// Fields that others own and whose value would change.
fn refuse_conflicts(resource: &Resource, live: &Value, config: &Value, manager: &str, entries: &[Entry]) -> Result<(), Status> {
    let mut merged = live.clone();
    merge(Place::root(resource), &mut merged, config);
    let changed = difference(resource, Some(live), &merged).changed;
    let (mut sentences, mut causes, mut count) = (Vec::new(), Vec::new(), 0);
    for entry in entries.iter().filter(|entry| !(entry.manager == manager && entry.operation == "Apply")) {
        let paths = entry.fields.common(&changed).paths();
        if paths.is_empty() {
            continue;
        }
        let owner = described(entry);
        causes.extend(
            paths.iter().map(|path| json!({"reason": "FieldManagerConflict", "message": format!("conflict with {owner}"), "field": path})),
        );
        count += paths.len();
        sentences.push(match paths.as_slice() {
            [one] => format!("conflict with {owner}: {one}"),
            many => format!("conflicts with {owner}:\n- {}", many.join("\n- ")),
        });
    }
    if count == 0 {
        return Ok(());
    }
    let noun = if count == 1 { "conflict" } else { "conflicts" };
    let message = format!("Apply failed with {count} {noun}: {}", sentences.join("\n"));
    Err(Status::custom(409, "Conflict", message, Some(json!({"causes": causes}))))
}

fn described(entry: &Entry) -> String {
    let mut text = format!("{:?}", entry.manager);
    if !entry.subresource.is_empty() {
        text.push_str(&format!(" with subresource {:?}", entry.subresource));
    }
    if entry.operation == "Update" {
        text.push_str(&format!(" using {}", entry.api_version));
    }
    text
}

/// Removes what this manager applied before, applies no more, and nobody else owns.
fn prune(resource: &Resource, merged: &mut Value, config: &Value, manager: &str, entries: &[Entry]) {
    let own = |entry: &&Entry| entry.manager == manager && entry.operation == "Apply";
    let Some(previous) = entries.iter().find(own) else { return };
    let mut gone = previous.fields.clone();
    // What is still named keeps the maps around it.
    gone.subtract(&FieldSet::of(resource, config).with_parents());
    for other in entries.iter().filter(|entry| !own(entry)) {
        gone.subtract(&other.fields.clone().with_parents());
    }
    gone.remove_from(resource, merged);
}

/// Merges a configuration into the live object, by the list types of the schema.
fn merge(place: Place, live: &mut Value, config: &Value) {
    match (live, config, place.list()) {
        (Value::Object(live), Value::Object(config), _) if !place.is_atomic() => merge_maps(place, live, config),
        (Value::Array(live), Value::Array(config), List::Keyed(keys)) => {
            for entry in config {
                let same = |other: &Value| keys.iter().all(|key| key_of(place, other, key) == key_of(place, entry, key));
                match (live.iter_mut().find(|other| same(other)), entry) {
                    (Some(Value::Object(here)), Value::Object(entry)) => merge_maps(place.entry(), here, entry),
                    _ => live.push(entry.clone()),
                }
            }
        }
        (Value::Array(live), Value::Array(config), List::Set) => {
            let new: Vec<Value> = config.iter().filter(|entry| !live.contains(entry)).cloned().collect();
            live.extend(new);
        }
        (live, config, _) => *live = config.clone(),
    }
}

fn merge_maps(place: Place, live: &mut Map<String, Value>, config: &Map<String, Value>) {
    for (name, value) in config {
        match live.get_mut(name) {
            Some(here) => merge(place.field(name), here, value),
            None => drop(live.insert(name.clone(), value.clone())),
        }
    }
}
