//! PATCH, in its four forms.

use serde_json::Value;

use super::{Output, Target, apply, convert, dry_run, manager, strategic, write};
use crate::sim::kernel::{Request, Response, Status, World, object::Fields, status::Cause, store::Stamp};

/// PATCH on an object or its status.
///
/// # Errors
/// As the API server's.
pub fn handle(world: &mut World, request: &Request, target: &Target) -> Result<Response, Status> {
    let output = Output::negotiate(request, target)?;
    if media(request) == "application/apply-patch+yaml" {
        return apply::handle(world, request, target);
    }
    let current = world.store.find(target.resource, target.namespace(), target.name())?.clone();
    let patched = self::apply(request, target, &convert::to_served(target, &current))?;
    if patched.name() != target.name() {
        let cause = Cause::invalid("metadata.name", &patched.name().into(), "field is immutable");
        return Err(Status::invalid(target.resource, target.name(), &[cause]));
    }
    let mut object = convert::to_stored(target, patched);
    write::place(&mut object, target)?;
    let stamp = Stamp::update(world.now(), manager(request));
    let stored = write::commit(world, target, stamp, object, dry_run(request)?)?;
    output.one(world, 200, &stored)
}

/// A served object after the patch in the request's body.
///
/// # Errors
/// `UnsupportedMediaType`; `BadRequest` for a malformed patch; `Invalid` for a JSON patch that does not apply.
pub fn apply(request: &Request, target: &Target, current: &Value) -> Result<Value, Status> {
    let mut object = current.clone();
    match media(request) {
        "application/merge-patch+json" => json_patch::merge(&mut object, &as_map(decode(request)?)?),
        "application/json-patch+json" => {
            let patch: json_patch::Patch = serde_json::from_slice(&request.body).map_err(undecodable)?;
            // The real server does not say which operation failed, and neither do we.
            json_patch::patch(&mut object, &patch).map_err(|_| Status::unprocessable())?;
        }
        "application/strategic-merge-patch+json" if !target.resource.custom => {
            strategic::merge(target.resource, &mut object, decode(request)?)?;
        }
        other => return Err(unsupported(other, target)),
    }
    Ok(object)
}

fn media(request: &Request) -> &str {
    request.content_type.split(';').next().unwrap_or_default().trim()
}

fn decode(request: &Request) -> Result<Value, Status> {
    serde_json::from_slice(&request.body).map_err(undecodable)
}

fn as_map(patch: Value) -> Result<Value, Status> {
    if patch.is_object() { Ok(patch) } else { Err(Status::bad_request("error decoding patch: not an object")) }
}

fn undecodable(error: serde_json::Error) -> Status {
    Status::bad_request(format!("error decoding patch: {error}"))
}

fn unsupported(media: &str, target: &Target) -> Status {
    let mut accepted = vec!["application/json-patch+json", "application/merge-patch+json"];
    if !target.resource.custom {
        accepted.push("application/strategic-merge-patch+json");
    }
    accepted.push("application/apply-patch+yaml");
    let message = format!("the body of the request was in an unknown format - accepted media types include: {}", accepted.join(", "));
    let mut status = Status::unsupported_media_type(media);
    status.message = message;
    status
}
