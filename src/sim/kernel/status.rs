//! Kubernetes's `Status` answers, with its own texts.

use serde_json::{Value, json};

use super::Resource;

/// A failed request, as the API server words it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct Status {
    /// HTTP status code.
    pub code: u16,
    /// `reason`: the machine-readable word.
    pub reason: &'static str,
    /// `message`: the sentence.
    pub message: String,
    /// `details`.
    pub details: Option<Value>,
    /// `Retry-After` in seconds.
    pub retry_after: Option<u32>,
    /// What few failures have; in a box, because every answer may be a failure.
    pub beside: Option<Box<Beside>>,
}

/// What few failures have.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Beside {
    /// `Warning` headers: what had been noticed before the failure.
    pub warnings: Vec<String>,
    /// `metadata.continue`: where an expired list may go on all the same.
    pub next: Option<String>,
}

/// One field that is wrong.
#[derive(Debug, Clone, PartialEq)]
pub struct Cause {
    /// Path of the field.
    pub field: String,
    /// `FieldValueRequired`, `FieldValueInvalid`, `FieldValueNotSupported`, `FieldValueForbidden`, ...
    pub reason: &'static str,
    /// What is wrong with it.
    pub message: String,
}

impl Cause {
    /// `field: Required value: why`
    pub fn required(field: impl Into<String>, why: &str) -> Self {
        let message = if why.is_empty() { "Required value".into() } else { format!("Required value: {why}") };
        Self { field: field.into(), reason: "FieldValueRequired", message }
    }

    /// `field: Invalid value: VALUE: why`; the value is printed as Go prints it (strings quoted).
    pub fn invalid(field: impl Into<String>, value: &Value, why: &str) -> Self {
        Self { field: field.into(), reason: "FieldValueInvalid", message: format!("Invalid value: {value}: {why}") }
    }

    /// `field: Unsupported value: "VALUE": supported values: ...`
    pub fn unsupported(field: impl Into<String>, value: &Value, supported: &[&str]) -> Self {
        let supported = supported.iter().map(|s| format!("{s:?}")).collect::<Vec<_>>().join(", ");
        Self {
            field: field.into(),
            reason: "FieldValueNotSupported",
            message: format!("Unsupported value: {value}: supported values: {supported}"),
        }
    }

    /// `field: Forbidden: why`
    pub fn forbidden(field: impl Into<String>, why: &str) -> Self {
        Self { field: field.into(), reason: "FieldValueForbidden", message: format!("Forbidden: {why}") }
    }

    /// `field: Duplicate value: VALUE`
    pub fn duplicate(field: impl Into<String>, value: &Value) -> Self {
        Self { field: field.into(), reason: "FieldValueDuplicate", message: format!("Duplicate value: {value}") }
    }
}

impl Status {
    /// Any other failure.
    pub fn custom(code: u16, reason: &'static str, message: impl Into<String>, details: Option<Value>) -> Self {
        Self::new(code, reason, message, details)
    }

    fn new(code: u16, reason: &'static str, message: impl Into<String>, details: Option<Value>) -> Self {
        Self { code, reason, message: message.into(), details, retry_after: None, beside: None }
    }

    /// The same, with warnings that kubectl prints.
    pub fn with_warnings(mut self, warnings: &[String]) -> Self {
        if !warnings.is_empty() {
            self.beside.get_or_insert_default().warnings.extend_from_slice(warnings);
        }
        self
    }

    /// 404 for an object.
    pub fn not_found(resource: &Resource, name: &str) -> Self {
        let message = format!("{} {name:?} not found", resource.qualified());
        Self::new(404, "NotFound", message, Some(details(resource, name)))
    }

    /// 404 for a path that nobody serves.
    pub fn no_such_path() -> Self {
        Self::new(404, "NotFound", "the server could not find the requested resource", Some(json!({})))
    }

    /// 409: the name is taken.
    pub fn already_exists(resource: &Resource, name: &str) -> Self {
        let message = format!("{} {name:?} already exists", resource.qualified());
        Self::new(409, "AlreadyExists", message, Some(details(resource, name)))
    }

    /// 409: the object was changed in between.
    pub fn conflict(resource: &Resource, name: &str) -> Self {
        Self::conflict_because(
            resource,
            name,
            "the object has been modified; please apply your changes to the latest version and try again",
        )
    }

    /// 409 for another reason.
    pub fn conflict_because(resource: &Resource, name: &str, why: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {} {name:?}: {why}", resource.qualified());
        Self::new(409, "Conflict", message, Some(details(resource, name)))
    }

    /// 422: fields are wrong.
    pub fn invalid(resource: &Resource, name: &str, causes: &[Cause]) -> Self {
        Self::invalid_kind(resource.group, resource.kind, name, causes)
    }

    /// 422 of a kind that is none of ours (`Scale`, `ListOptions`), or is named by its plural.
    pub fn invalid_kind(group: &str, kind: &str, name: &str, causes: &[Cause]) -> Self {
        let mut sentences: Vec<String> = causes.iter().map(|cause| format!("{}: {}", cause.field, cause.message)).collect();
        sentences.dedup();
        let why = match sentences.as_slice() {
            [one] => one.clone(),
            many => format!("[{}]", many.join(", ")),
        };
        let mut details = serde_json::Map::new();
        if !name.is_empty() {
            details.insert("name".into(), name.into());
        }
        if !group.is_empty() {
            details.insert("group".into(), group.into());
        }
        if !kind.is_empty() {
            details.insert("kind".into(), kind.into());
        }
        let causes = causes.iter().map(|c| json!({"reason": c.reason, "message": c.message, "field": c.field}));
        details.insert("causes".into(), causes.collect());
        let dot = if group.is_empty() { "" } else { "." };
        let message = format!("{kind}{dot}{group} {name:?} is invalid: {why}");
        Self::new(422, "Invalid", message, Some(Value::Object(details)))
    }

    /// 409: the name that was asked for is taken, although a generated one was wanted.
    pub fn not_unique(resource: &Resource, name: &str) -> Self {
        let mut status = Self::already_exists(resource, name);
        status.message.push_str(", the server was not able to generate a unique name for the object");
        if let Some(Value::Object(details)) = &mut status.details {
            details.insert("retryAfterSeconds".into(), 1.into());
        }
        Self { retry_after: Some(1), ..status }
    }

    /// 409: a deletion's precondition does not hold. The real server names the kind here, not the plural.
    pub fn precondition(resource: &Resource, name: &str, why: &str) -> Self {
        let kind = match resource.group {
            "" => resource.kind.to_owned(),
            group => format!("{}.{group}", resource.kind),
        };
        let mut status = Self::conflict_because(resource, name, why);
        status.message = format!("Operation cannot be fulfilled on {kind} {name:?}: {why}");
        if let Some(Value::Object(details)) = &mut status.details {
            details.insert("kind".into(), resource.kind.into());
        }
        status
    }

    /// 422 for a JSON patch that cannot be applied: the real server does not say why.
    pub fn unprocessable() -> Self {
        Self::new(422, "Invalid", "the server rejected our request due to an error in our request", Some(json!({})))
    }

    /// 400.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message, None)
    }

    /// 403: the verb is denied to the user.
    pub fn forbidden(user: &str, verb: &str, resource: &Resource, subresource: &str, namespace: &str, name: &str) -> Self {
        let plural = match subresource {
            "" => resource.plural.to_owned(),
            sub => format!("{}/{sub}", resource.plural),
        };
        let place = match namespace {
            "" => "at the cluster scope".to_owned(),
            namespace => format!("in the namespace {namespace:?}"),
        };
        let object = if name.is_empty() { resource.qualified() } else { format!("{} {name:?}", resource.qualified()) };
        let message =
            format!("{object} is forbidden: User {user:?} cannot {verb} resource {plural:?} in API group {:?} {place}", resource.group);
        Self::new(403, "Forbidden", message, Some(details(resource, name)))
    }

    /// 403: nothing new in a namespace that is being deleted.
    pub fn namespace_terminating(resource: &Resource, name: &str, namespace: &str) -> Self {
        let message = format!(
            "{} {name:?} is forbidden: unable to create new content in namespace {namespace} because it is being terminated",
            resource.qualified()
        );
        let why = format!("namespace {namespace} is being terminated");
        let cause = json!({"reason": "NamespaceTerminating", "message": why, "field": "metadata.namespace"});
        let mut details = details(resource, name);
        if let Some(map) = details.as_object_mut() {
            map.insert("causes".into(), json!([cause]));
        }
        Self::new(403, "Forbidden", message, Some(details))
    }

    /// 405.
    pub fn method_not_allowed() -> Self {
        Self::new(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", Some(json!({})))
    }

    /// 406: none of the media types in `Accept` is served. Built-in and custom kinds say it differently.
    pub fn not_acceptable(resource: &Resource) -> Self {
        const MEDIA: &str = "application/json, application/yaml, application/vnd.kubernetes.protobuf";
        const STREAMS: &str = "application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch";
        if resource.custom {
            return Self::new(406, "NotAcceptable", format!("only the following media types are accepted: {MEDIA}"), None);
        }
        let message = format!("406: Not Acceptable\n\nAvailable representations: {MEDIA}, {STREAMS}");
        Self::new(406, "NotAcceptable", message, Some(json!({})))
    }

    /// 410: the resource version is older than what is kept.
    pub fn expired(asked: u64, oldest: u64) -> Self {
        Self::new(410, "Expired", format!("too old resource version: {asked} ({oldest})"), None)
    }

    /// 410: a continue token is too old; `next` goes on from the same place in what is there now.
    pub fn expired_continue(next: String) -> Self {
        let message = "The provided continue parameter is too old to display a consistent list result. You can start a new list \
                       without the continue parameter, or use the continue token in this response to retrieve the remainder of the \
                       results. Continuing with the provided token results in an inconsistent list - objects that were created, \
                       modified, or deleted between the time the first chunk was returned and now may show up in the list.";
        let beside = Beside { next: Some(next), ..Beside::default() };
        Self { beside: Some(Box::new(beside)), ..Self::new(410, "Expired", message, None) }
    }

    /// 415.
    pub fn unsupported_media_type(accepted: &str) -> Self {
        let message = format!("the body of the request was in an unknown format - accepted media types include: {accepted}");
        Self::new(415, "UnsupportedMediaType", message, None)
    }

    /// 429 or 503 or 504: an injected fault.
    pub fn overloaded(code: u16, reason: &'static str, message: &str, retry_after: Option<u32>) -> Self {
        Self { retry_after, ..Self::new(code, reason, message, None) }
    }

    /// 504: the server does not know this resource version yet.
    pub fn too_large_version(asked: u64, current: u64) -> Self {
        let details =
            json!({"causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}], "retryAfterSeconds": 1});
        let message = format!("Timeout: Too large resource version: {asked}, current: {current}");
        Self { retry_after: Some(1), ..Self::new(504, "Timeout", message, Some(details)) }
    }

    /// The body.
    pub fn to_value(&self) -> Value {
        let mut value = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": self.message, "code": self.code,
        });
        if let (false, Some(map)) = (self.reason.is_empty(), value.as_object_mut()) {
            map.insert("reason".into(), self.reason.into());
        }
        if let (Some(details), Some(map)) = (&self.details, value.as_object_mut()) {
            map.insert("details".into(), details.clone());
        }
        let next = self.beside.as_ref().and_then(|beside| beside.next.as_ref());
        if let (Some(next), Some(map)) = (next, value.as_object_mut()) {
            map.insert("metadata".into(), json!({"continue": next}));
        }
        value
    }
}

fn details(resource: &Resource, name: &str) -> Value {
    let mut details = serde_json::Map::new();
    if !name.is_empty() {
        details.insert("name".into(), name.into());
    }
    if !resource.group.is_empty() {
        details.insert("group".into(), resource.group.into());
    }
    details.insert("kind".into(), resource.plural.into());
    Value::Object(details)
}
