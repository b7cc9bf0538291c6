//! Create and replace.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Output, Target, body, convert, dry_run, manager};
use crate::sim::kernel::{
    Feature, Features, Request, Resource, Response, Status, World,
    object::Fields,
    quota,
    resource::{EVENT, LEASE, SERVICE, api_version, of_kind},
    status::Cause,
    store::Stamp,
    typed::{self, Unknown},
    validate,
};

/// POST to a collection.
///
/// # Errors
/// As the API server's.
pub fn create(world: &mut World, request: &Request, target: &Target) -> Result<Response, Status> {
    let output = Output::negotiate(world.store.features, request, target)?;
    let (object, warnings) = incoming(world, request, target)?;
    let stored = create_stored(world, request, target, object).map_err(|refused| refused.with_warnings(&warnings))?;
    Ok(output.one(world, 201, &stored)?.with_warnings(&warnings))
}

/// Creates an object that has been read and converted.
///
/// # Errors
/// As the API server's.
pub fn create_stored(world: &mut World, request: &Request, target: &Target, mut object: Value) -> Result<Arc<Value>, Status> {
    let resource = target.resource;
    if !object.text("/metadata/resourceVersion").is_empty() && world.has(Feature::NoVersionOnCreate) {
        return Err(Status::custom(500, "", "resourceVersion should not be set on objects to be created", None));
    }
    if resource.status {
        object.cut("/status");
    }
    let stamp = Stamp::update(world.now(), manager(request));
    let dry = dry_run(world.store.features, request, "CreateOptions")?;
    world.store.prepare_create(stamp, resource, &mut object)?;
    validate::create(world.store.features, resource, &object)?;
    quota::admit(&world.store, resource, &object)?;
    let name = object.name().to_owned();
    let wants_any_name = !object.text("/metadata/generateName").is_empty();
    let stored = match dry {
        true => world.store.vacant(resource, &object).map(|()| Arc::new(object)),
        false => world.store.insert(resource, object),
    };
    stored.map_err(|refused| if wants_any_name { Status::not_unique(resource, &name) } else { refused })
}

/// PUT on an object or its status.
///
/// # Errors
/// As the API server's.
pub fn replace(world: &mut World, request: &Request, target: &Target) -> Result<Response, Status> {
    let output = Output::negotiate(world.store.features, request, target)?;
    let (object, warnings) = incoming(world, request, target)?;
    let resource = target.resource;
    if !object.name().is_empty() {
        check_name(world, &object, target)?;
    }
    let exists = world.exists(resource, target.namespace(), target.name());
    let version = object.text("/metadata/resourceVersion");
    let creates = creates_on_update(resource) && world.has(Feature::CreateOnUpdate);
    if !exists && target.subresource.is_empty() && creates && version.is_empty() {
        let stored = create_stored(world, request, target, object).map_err(|refused| refused.with_warnings(&warnings))?;
        return Ok(output.one(world, 201, &stored)?.with_warnings(&warnings));
    }
    if exists && version.is_empty() && world.has(Feature::VersionRequired) && (resource.custom || *resource == LEASE) {
        let cause = Cause::invalid("metadata.resourceVersion", &0.into(), "must be specified for an update");
        return Err(Status::invalid_kind(resource.group, resource.plural, target.name(), &[cause]));
    }
    let stored = update_stored(world, request, target, object).map_err(|refused| refused.with_warnings(&warnings))?;
    Ok(output.one(world, 200, &stored)?.with_warnings(&warnings))
}

/// Updates the object or its status with a converted one.
///
/// # Errors
/// As the API server's.
pub fn update_stored(world: &mut World, request: &Request, target: &Target, mut object: Value) -> Result<Arc<Value>, Status> {
    object.put("/metadata/name", target.name());
    let stamp = Stamp::update(world.now(), manager(request));
    commit(world, target, stamp, object, dry_run(world.store.features, request, "UpdateOptions")?)
}

/// The end of every update: compare-and-swap, validation, and storing unless it is a dry run.
///
/// # Errors
/// As the API server's.
pub fn commit(world: &mut World, target: &Target, stamp: Stamp<'_>, object: Value, dry: bool) -> Result<Arc<Value>, Status> {
    let resource = target.resource;
    let (old, new) = match target.subresource.as_str() {
        "status" if world.has(Feature::StatusApart) => world.store.prepare_update_status(stamp, resource, object)?,
        _ => world.store.prepare_update(stamp, resource, object)?,
    };
    if target.subresource != "status" {
        validate::update(world.store.features, resource, &old, &new)?;
    }
    if dry {
        return Ok(Arc::new(new));
    }
    Ok(world.store.commit(resource, old, new))
}

/// Whether an object has the name of the request.
///
/// # Errors
/// `BadRequest` when it has another.
pub fn check_name(world: &World, object: &Value, target: &Target) -> Result<(), Status> {
    let (given, wanted) = (object.name(), target.name());
    if given == wanted || !world.has(Feature::NameOfPath) {
        return Ok(());
    }
    Err(Status::bad_request(format!("the name of the object ({given}) does not match the name on the URL ({wanted})")))
}

/// Reads the object in the body, checks its kind and namespace and brings it into its stored form; warnings come with it.
fn incoming(world: &World, request: &Request, target: &Target) -> Result<(Value, Vec<String>), Status> {
    let kind = target.resource.kind;
    let unrecognized = |why: &str| {
        Status::bad_request(format!("the object provided is unrecognized (must be of type {kind}): {why} ({})", excerpt(request)))
    };
    let mut object =
        body(world.store.features, request).map_err(|wrong| if wrong.code == 400 { unrecognized(&wrong.message) } else { wrong })?;
    let version = api_version(target.group, target.version);
    if object.text("/kind").is_empty() {
        if target.resource.custom {
            let raw = String::from_utf8_lossy(&request.body);
            return Err(unrecognized(&format!("Object 'Kind' is missing in '{raw}'")));
        }
        object.put("/kind", kind);
        object.put_default("/apiVersion", version.clone());
    }
    let (given_version, given_kind) = (object.text("/apiVersion").to_owned(), object.text("/kind").to_owned());
    match of_kind(&given_version, &given_kind) {
        _ if !world.has(Feature::KindOfPath) => {}
        Some(given) if given != target.resource => {
            let from = given_version.rsplit('/').next().unwrap_or_default();
            let to = target.group.split('.').next().filter(|group| !group.is_empty()).unwrap_or("core");
            return Err(Status::bad_request(format!(
                "{given_kind} in version {from:?} cannot be handled as a {kind}: converting ({from}.{given_kind}) to ({to}.{kind}): unknown conversion"
            )));
        }
        None if !target.resource.custom => {
            return Err(Status::bad_request(format!(
                "{given_kind} in version {given_version:?} cannot be handled as a {kind}: no kind {given_kind:?} is registered for version {given_version:?} in scheme \"pkg/runtime/scheme.go:111\""
            )));
        }
        None => {
            return Err(Status::bad_request(format!(
                "{given_kind} in version {given_version:?} cannot be handled as a {kind}: no kind {given_kind:?} is registered for version {given_version:?}"
            )));
        }
        _ if given_version != version => {
            return Err(Status::bad_request(format!(
                "the API version in the data ({given_version}) does not match the expected API version ({version})"
            )));
        }
        Some(_) => {}
    }
    place(world, &mut object, target)?;
    let mut object = convert::to_stored(world.store.features, target, object);
    let unfit = |why: String| Status::bad_request(format!("{kind} in version {:?} cannot be handled as a {kind}: {why}", target.version));
    let unknown =
        typed::conform(world.store.features, target.resource, &mut object).map_err(|refused| unfit(refused.mismatch.decoded()))?;
    let warnings = judge_unknown(world.store.features, request, unknown).map_err(unfit)?;
    Ok((object, warnings))
}

/// What `fieldValidation` makes of unknown fields: an error, warnings, or nothing.
pub fn judge_unknown(features: Features, request: &Request, unknown: Vec<Unknown>) -> Result<Vec<String>, String> {
    let sentences: Vec<String> = unknown.iter().map(|unknown| format!("unknown field {:?}", unknown.path)).collect();
    match request.param("fieldValidation") {
        Some("Strict") if !sentences.is_empty() && features.has(Feature::StrictFields) => {
            Err(format!("strict decoding error: {}", sentences.join(", ")))
        }
        Some("Ignore") if features.has(Feature::IgnoredFields) => Ok(Vec::new()),
        _ if !features.has(Feature::FieldWarnings) => Ok(Vec::new()),
        _ => Ok(sentences),
    }
}

/// The beginning of a body, for error texts.
fn excerpt(request: &Request) -> String {
    const SHOWN: usize = 30;
    let text = String::from_utf8_lossy(&request.body);
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{} ...", text.get(..end).unwrap_or_default()),
        None => text.into_owned(),
    }
}

/// Sets the namespace the request names.
///
/// # Errors
/// `BadRequest` when the object names another one.
pub fn place(world: &World, object: &mut Value, target: &Target) -> Result<(), Status> {
    let given = object.namespace();
    if !given.is_empty() && given != target.namespace() && world.has(Feature::NamespaceOfPath) {
        let why = if target.resource.namespaced {
            "the namespace of the provided object does not match the namespace sent on the request"
        } else {
            "namespace may not be set on cluster-scoped objects"
        };
        return Err(Status::bad_request(why));
    }
    if target.resource.namespaced {
        if target.namespace.is_none() {
            return Err(Status::bad_request("an empty namespace may not be set during creation"));
        }
        object.put("/metadata/namespace", target.namespace());
    }
    Ok(())
}

fn creates_on_update(resource: &Resource) -> bool {
    [&SERVICE, &EVENT, &LEASE].contains(&resource)
}

/// The `Status` of a finished deletion.
pub fn success(resource: &Resource, object: &Value) -> Value {
    let mut details = json!({"name": object.name(), "kind": resource.plural, "uid": object.uid()});
    if !resource.group.is_empty() {
        details.put("/group", resource.group);
    }
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details})
}
