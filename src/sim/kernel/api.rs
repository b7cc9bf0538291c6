//! The Kubernetes API: a request in, an answer out.

use super::{Feature, Features, Kernel, Method, Request, Response, Status, status::Cause, world::Denial};

mod access;
mod apply;
mod convert;
mod delete;
mod discovery;
mod list;
mod log;
mod metrics;
mod openapi;
mod output;
mod patch;
mod protobuf;
mod proxy;
mod route;
mod scale;
mod strategic;
mod table;
mod watch;
mod write;

pub(super) use log::Follow;
use output::Output;
use route::{Route, Target};
pub(super) use watch::Watch;

/// Answers one request.
pub fn handle(kernel: &mut Kernel, request: &Request) -> Response {
    answer(kernel, request).unwrap_or_else(Response::from)
}

fn answer(kernel: &mut Kernel, request: &Request) -> Result<Response, Status> {
    match route::parse(&request.path) {
        Route::Health => Ok(Response::text(200, "ok")),
        Route::Version => Ok(Response::json(200, &discovery::version())),
        Route::Discovery(path) => discovery::handle(&kernel.world, request, path),
        Route::OpenApi(path) => openapi::handle(request, &path),
        Route::OldOpenApi => openapi::old(request),
        Route::Review(kind) => access::review(&kernel.world, request, kind),
        Route::Metrics(target) => metrics::handle(&kernel.world, request, &target),
        Route::Resource(target) => resource(kernel, request, &target),
        Route::Nothing => Err(Status::no_such_path()),
        Route::Unknown if !kernel.world.has(Feature::UnservedApis) => Err(Status::no_such_path()),
        Route::Unknown => Ok(Response::text(404, "404 page not found\n")),
    }
}

fn resource(kernel: &mut Kernel, request: &Request, target: &Target) -> Result<Response, Status> {
    let features = kernel.world.store.features;
    let unserved = || if features.has(Feature::MethodNotAllowed) { Status::method_not_allowed() } else { Status::no_such_path() };
    let verb = target.verb(request).ok_or_else(unserved)?;
    let subresource = match target.subresource.as_str() {
        "scale" => features.has(Feature::ScaleSubresource),
        "status" => features.has(Feature::StatusSubresource),
        _ => true,
    };
    if !subresource {
        return Err(Status::no_such_path());
    }
    let plural = match target.subresource.as_str() {
        "" => target.resource.plural.to_owned(),
        sub => format!("{}/{sub}", target.resource.plural),
    };
    if is_denied(&kernel.world.denied, verb, target.resource.group, &plural, target.namespace()) {
        let (resource, sub) = (target.resource, target.subresource.as_str());
        return Err(Status::forbidden(&request.user, verb, resource, sub, target.namespace(), target.name()));
    }
    let world = &mut kernel.world;
    match (target.subresource.as_str(), verb) {
        ("log", "get") => log::handle(world, request, target),
        ("proxy", _) => proxy::handle(kernel, request, target),
        ("scale", "get" | "update" | "patch") => scale::handle(world, request, target),
        ("", "create") => write::create(world, request, target),
        ("" | "status", "get") => {
            let current = world.store.revision();
            let ahead = list::revision(features, request)?.filter(|asked| *asked > current);
            if let Some(ahead) = ahead.filter(|_| features.has(Feature::FutureVersion)) {
                return Err(Status::too_large_version(ahead, current));
            }
            let object = world.store.find(target.resource, target.namespace(), target.name())?;
            Output::negotiate(features, request, target)?.one(world, 200, object)
        }
        ("" | "status", "update") => write::replace(world, request, target),
        ("" | "status", "patch") => patch::handle(world, request, target),
        ("", "list") => list::handle(world, request, target),
        ("", "watch") => watch::start(world, request, target),
        ("", "delete") => delete::one(world, request, target),
        ("", "deletecollection") => delete::collection(world, request, target),
        _ => Err(Status::method_not_allowed()),
    }
}

/// Whether a scenario has taken this verb away. `plural` carries a subresource after a slash.
fn is_denied(denied: &[Denial], verb: &str, group: &str, plural: &str, namespace: &str) -> bool {
    denied.iter().any(|denial| {
        let any_or = |wanted: &str, actual: &str| wanted.is_empty() || wanted == actual;
        let kind = denial.resource.is_empty() || (denial.resource == plural && denial.group == group);
        any_or(&denial.verb, verb) && kind && any_or(&denial.namespace, namespace)
    })
}

/// A request's body as JSON; the inner error says what is wrong with it.
fn body(features: Features, request: &Request) -> Result<serde_json::Value, Status> {
    let media = request.content_type.split(';').next().unwrap_or_default().trim();
    let unreadable = |error: &dyn std::fmt::Display| Status::bad_request(format!("couldn't get version/kind; json parse error: {error}"));
    match media {
        "" | "application/json" => match serde_json::from_slice(&request.body) {
            Err(_) if !features.has(Feature::BodySyntax) => Ok(serde_json::json!({})),
            read => read.map_err(|error| unreadable(&error)),
        },
        "application/yaml" => {
            let text = String::from_utf8_lossy(&request.body);
            serde_saphyr::from_str(&text).map_err(|error| unreadable(&error))
        }
        "application/vnd.kubernetes.protobuf" => protobuf::decode(&request.body).map_err(|why| {
            let mut refused = Status::unsupported_media_type("application/json, application/yaml");
            refused.message.push_str(&format!(" (protobuf: {why})"));
            refused
        }),
        _ if !features.has(Feature::BodyMediaTypes) => serde_json::from_slice(&request.body).map_err(|error| unreadable(&error)),
        _ => Err(Status::unsupported_media_type("application/json, application/yaml, application/vnd.kubernetes.protobuf")),
    }
}

/// The field manager of a write: named by the request, or the first word of its user agent.
fn manager(request: &Request) -> &str {
    request.param("fieldManager").filter(|name| !name.is_empty()).unwrap_or_else(|| {
        let agent = request.user_agent.split('/').next().unwrap_or_default();
        if agent.is_empty() { "unknown" } else { agent }
    })
}

/// Judges a write's options; true when it is only to be tried. `options` names the kind of options that carry it.
fn dry_run(features: Features, request: &Request, options: &str) -> Result<bool, Status> {
    let values: Vec<&str> = request.params("dryRun").filter(|_| features.has(Feature::DryRun)).collect();
    if !features.has(Feature::WriteOptions) {
        return Ok(!values.is_empty());
    }
    if let Some(other) = request.param("fieldValidation").filter(|v| !matches!(*v, "" | "Ignore" | "Strict" | "Warn")) {
        let cause = Cause::unsupported("fieldValidation", &other.into(), &["", "Ignore", "Strict", "Warn"]);
        return Err(Status::invalid_kind("meta.k8s.io", options, "", &[cause]));
    }
    if values.iter().all(|value| *value == "All") {
        return Ok(!values.is_empty());
    }
    let cause = Cause::unsupported("dryRun", &values.into(), &["All"]);
    Err(Status::invalid_kind("meta.k8s.io", options, "", &[cause]))
}

impl Target {
    /// The verb that access control sees; `None`: no such method here.
    fn verb(&self, request: &Request) -> Option<&'static str> {
        let named = self.name.is_some();
        Some(match request.method {
            Method::Get | Method::Head if named => "get",
            Method::Get | Method::Head if request.flag("watch") => "watch",
            Method::Get | Method::Head => "list",
            Method::Post if self.subresource == "proxy" || !named => "create",
            Method::Put if named => "update",
            Method::Patch if named => "patch",
            Method::Delete if named => "delete",
            Method::Delete => "deletecollection",
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests;
