//! PATCH, in its four forms.

use serde_json::Value;

use super::{Output, Target, apply, convert, dry_run, manager, strategic, write};
use crate::sim::kernel::{
    Feature, Features, Request, Response, Status, World, object::Fields, resource::api_version, status::Cause, store::Stamp, typed,
};

const STRATEGIC: &str = "application/strategic-merge-patch+json";

/// PATCH on an object or its status.
///
/// # Errors
/// As the API server's.
pub fn handle(world: &mut World, request: &Request, target: &Target) -> Result<Response, Status> {
    let output = Output::negotiate(world.store.features, request, target)?;
    if media(request) == "application/apply-patch+yaml" {
        return apply::handle(world, request, target);
    }
    let dry = dry_run(world.store.features, request, "PatchOptions")?;
    let current = world.store.find(target.resource, target.namespace(), target.name())?.clone();
    let patched = self::apply(world.store.features, request, target, &convert::to_served(world.store.features, target, &current))?;
    write::check_name(world, &patched, target)?;
    if patched.uid() != current.uid() {
        // Judged twice over there, by the generic and by the kind's own validation.
        let cause = Cause::invalid("metadata.uid", &patched.uid().into(), "field is immutable");
        return Err(Status::invalid(target.resource, target.name(), &[cause.clone(), cause]));
    }
    let (object, warnings) = conform(world, request, target, patched)?;
    let stamp = Stamp::update(world.now(), manager(request));
    let stored = write::commit(world, target, stamp, object, dry).map_err(|refused| refused.with_warnings(&warnings))?;
    Ok(output.one(world, 200, &stored)?.with_warnings(&warnings))
}

/// A patched object as it is stored, when the patch has left it what it was.
fn conform(world: &World, request: &Request, target: &Target, patched: Value) -> Result<(Value, Vec<String>), Status> {
    let features = world.store.features;
    let given = (patched.text("/apiVersion").to_owned(), patched.text("/kind").to_owned());
    // A strategic patch is shown itself, of the others what they lead to.
    let is_strategic = media(request) == STRATEGIC;
    let shown = if is_strategic { typed::go_value(&strategic::shown(decode(features, request)?)) } else { patched.to_string() };
    let refused = |why: String| {
        let cause = Cause::invalid("patch", &shown.as_str().into(), &why);
        Status::invalid_kind("", "", "", &[cause])
    };
    let version = api_version(target.group, target.version);
    if given != (version.clone(), target.resource.kind.to_owned()) {
        return Err(refused(format!("no kind {:?} is registered for version {:?}", given.1, given.0)));
    }
    let mut object = convert::to_stored(features, target, patched);
    let unknown = typed::conform(features, target.resource, &mut object)
        .map_err(|wrong| refused(if is_strategic { wrong.mismatch.converted() } else { wrong.mismatch.decoded() }))?;
    let warnings = write::judge_unknown(features, request, unknown).map_err(refused)?;
    write::place(world, &mut object, target)?;
    Ok((object, warnings))
}

/// A served object after the patch in the request's body.
///
/// # Errors
/// `UnsupportedMediaType`; `BadRequest` for a malformed patch; `Invalid` for a JSON patch that does not apply.
pub fn apply(features: Features, request: &Request, target: &Target, current: &Value) -> Result<Value, Status> {
    let mut object = current.clone();
    match media(request) {
        "application/merge-patch+json" => match as_map(decode(features, request)?)? {
            patch if features.has(Feature::MergePatch) => json_patch::merge(&mut object, &patch),
            patch => patch.as_object().into_iter().flatten().for_each(|(key, value)| object.put(&format!("/{key}"), value.clone())),
        },
        "application/json-patch+json" => {
            let operations = match decode(features, request)? {
                Value::Array(operations) => operations,
                other => {
                    let given = typed::json_name(&other);
                    let why = format!("error decoding patch: json: cannot unmarshal {given} into Go value of type []handlers.jsonPatchOp");
                    return Err(Status::bad_request(why));
                }
            };
            // The real server does not say which operation failed, and neither do we.
            let mut operations = operations.into_iter().filter(|_| features.has(Feature::JsonPatch));
            operations.try_for_each(|operation| operate(features, &mut object, operation)).ok_or_else(Status::unprocessable)?;
        }
        STRATEGIC if !target.resource.custom && features.has(Feature::StrategicMerge) => {
            strategic::merge(features, target.resource, &mut object, decode(features, request)?)?;
        }
        // Without one of these features, all that has no form of its own is a merge patch.
        STRATEGIC if !target.resource.custom => json_patch::merge(&mut object, &decode(features, request)?),
        _ if !features.has(Feature::PatchMediaTypes) => json_patch::merge(&mut object, &decode(features, request)?),
        _ => return Err(unsupported(target)),
    }
    Ok(object)
}

/// One operation of a JSON patch; `None` when it does not apply.
fn operate(features: Features, object: &mut Value, mut operation: Value) -> Option<()> {
    if operation.text("/op") == "test" && !features.has(Feature::JsonPatchTests) {
        return Some(());
    }
    let path = operation.text("/path").to_owned();
    // To the real server, replacing a key that a map does not have is adding it.
    let parent_is_map = features.has(Feature::JsonPatchLenience)
        && path.rsplit_once('/').and_then(|(parent, _)| object.pointer(parent)).is_some_and(Value::is_object);
    if operation.text("/op") == "replace" && object.pointer(&path).is_none() && parent_is_map {
        operation.put("/op", "add");
    }
    // And what is not there passes for null in a test, as long as it could be there.
    let wants_null = operation.get("value").is_none_or(Value::is_null);
    if operation.text("/op") == "test" && wants_null && object.pointer(&path).is_none() && parent_is_map {
        return Some(());
    }
    let operation: json_patch::PatchOperation = serde_json::from_value(operation).ok()?;
    json_patch::patch(object, &[operation]).ok()
}

fn media(request: &Request) -> &str {
    request.content_type.split(';').next().unwrap_or_default().trim()
}

fn decode(features: Features, request: &Request) -> Result<Value, Status> {
    // The strategic way decodes elsewhere, and says no more than the decoder.
    let begin = if media(request) == STRATEGIC { "" } else { "error decoding patch: " };
    match serde_json::from_slice(&request.body) {
        Err(_) if !features.has(Feature::PatchSyntax) => Ok(serde_json::json!({})),
        read => read.map_err(|error| Status::bad_request(format!("{begin}{}", undecodable(&request.body, &error)))),
    }
}

fn as_map(patch: Value) -> Result<Value, Status> {
    if patch.is_object() { Ok(patch) } else { Err(Status::bad_request(format!("error decoding patch: {}", no_map(&patch)))) }
}

/// What Go's decoder says of a patch that is no map.
pub fn no_map(patch: &Value) -> String {
    format!("json: cannot unmarshal {} into Go value of type map[string]interface {{}}", typed::json_name(patch))
}

/// What Go's decoder says of a text that is no JSON, as far as it is wrong from its first word on.
fn undecodable(body: &[u8], error: &serde_json::Error) -> String {
    if error.is_eof() {
        return "unexpected end of JSON input".into();
    }
    let text = String::from_utf8_lossy(body);
    let text = text.trim_start();
    let first = text.chars().next().unwrap_or_default();
    if let Some(literal) = ["null", "true", "false"].into_iter().find(|literal| literal.starts_with(first)) {
        let wrong = text.chars().zip(literal.chars()).find(|(given, wanted)| given != wanted);
        if let Some((given, wanted)) = wrong {
            return format!("invalid character '{given}' in literal {literal} (expecting '{wanted}')");
        }
    }
    if first.is_ascii_digit() || matches!(first, '{' | '[' | '"' | '-') {
        return error.to_string();
    }
    format!("invalid character '{first}' looking for beginning of value")
}

/// Custom resources are answered by the patch handler, built-in kinds by the routing before it.
fn unsupported(target: &Target) -> Status {
    if target.resource.custom {
        return Status::unsupported_media_type("application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml");
    }
    Status::custom(415, "UnsupportedMediaType", "415: Unsupported Media Type", Some(serde_json::json!({})))
}
