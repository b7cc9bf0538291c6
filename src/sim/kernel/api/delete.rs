//! Deleting one object or a collection.

use std::sync::Arc;

use serde_json::Value;

use super::{Output, Target, dry_run, list::Selectors, manager, output::ListMeta, write::success};
use crate::sim::kernel::{
    Feature, Features, Request, Resource, Response, Status, World,
    object::Fields,
    resource::{POD, RESOURCE_QUOTA, SERVICE, SERVICE_ACCOUNT},
    status::Cause,
    store::{DeleteOptions, Preconditions, Propagation},
};

/// DELETE on an object.
///
/// # Errors
/// As the API server's.
pub fn one(world: &mut World, request: &Request, target: &Target) -> Result<Response, Status> {
    let output = Output::negotiate(world.store.features, request, target)?;
    let (options, dry) = options(world.store.features, request)?;
    let resource = target.resource;
    if dry {
        let object = world.store.find(resource, target.namespace(), target.name())?;
        return Ok(Response::json(200, &success(resource, object)));
    }
    let (object, gone) = world.delete_with(resource, target.namespace(), target.name(), manager(request), &options)?;
    if gone && !returns_object(resource) && world.has(Feature::DeletionStatus) {
        return Ok(Response::json(200, &success(resource, &object)));
    }
    output.one(world, 200, &object)
}

/// DELETE on a collection.
///
/// # Errors
/// As the API server's.
pub fn collection(world: &mut World, request: &Request, target: &Target) -> Result<Response, Status> {
    let output = Output::negotiate(world.store.features, request, target)?;
    let (options, dry) = options(world.store.features, request)?;
    let selectors = Selectors::of(world.store.features, request, target)?;
    let listed = world.store.list(target.resource, target.namespace.as_deref());
    let selected: Vec<Arc<Value>> = listed.filter(|object| selectors.matches(object)).cloned().collect();
    if !dry {
        for object in &selected {
            world.delete_with(target.resource, object.namespace(), object.name(), manager(request), &options).ok();
        }
    }
    let meta = ListMeta { revision: world.store.revision(), ..ListMeta::default() };
    let list = output.list(world, selected.iter().map(|object| &**object), &meta);
    Ok(Response::json(200, &list))
}

/// Some kinds answer with the object that is gone, the others with a `Status`.
fn returns_object(resource: &Resource) -> bool {
    [&POD, &SERVICE, &SERVICE_ACCOUNT, &RESOURCE_QUOTA].contains(&resource)
}

/// `DeleteOptions` from the body, or from the query when there is none.
fn options(features: Features, request: &Request) -> Result<(DeleteOptions, bool), Status> {
    let body = if request.body.is_empty() { Value::Null } else { super::body(features, request)? };
    let dry = dry_run(features, request, "DeleteOptions")? || body.items("/dryRun").iter().any(|value| value == "All");
    let grace = body.int("/gracePeriodSeconds").or_else(|| request.param("gracePeriodSeconds")?.parse().ok());
    let named = match body.text("/propagationPolicy") {
        "" => request.param("propagationPolicy").unwrap_or_default(),
        named => named,
    };
    let propagation = match named {
        "" | "Background" => Propagation::Background,
        "Foreground" => Propagation::Foreground,
        "Orphan" => Propagation::Orphan,
        other => {
            let known = ["Foreground", "Background", "Orphan", "nil"];
            let cause = Cause::unsupported("propagationPolicy", &other.into(), &known);
            return Err(Status::invalid_kind("meta.k8s.io", "DeleteOptions", "", &[cause]));
        }
    };
    let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let preconditions = Preconditions { uid: text("/preconditions/uid"), resource_version: text("/preconditions/resourceVersion") };
    Ok((DeleteOptions { grace, propagation, preconditions }, dry))
}
