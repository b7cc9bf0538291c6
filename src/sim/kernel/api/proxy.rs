//! The service proxy: `services/[SCHEME:]NAME[:PORT]/proxy/PATH`.

use serde_json::Value;

use super::Target;
use crate::sim::kernel::{
    Body, Kernel, Request, Response, Status,
    object::Fields,
    resource::{ENDPOINT_SLICE, SERVICE},
};

/// Passes a request on to what answers for the Service.
///
/// # Errors
/// `NotFound` for no such Service, `ServiceUnavailable` when nobody answers for it.
pub fn handle(kernel: &mut Kernel, request: &Request, target: &Target) -> Result<Response, Status> {
    let (name, port) = parse(target.name());
    let service = kernel.world.store.find(&SERVICE, target.namespace(), name)?.clone();
    let unavailable = |why: String| Status::custom(503, "ServiceUnavailable", why, None);
    let known = port.is_empty()
        || service.items("/spec/ports").iter().any(|p| p.text("/name") == port || p.int("/port").is_some_and(|n| n.to_string() == port));
    if !known {
        return Err(unavailable(format!("no service port {port:?} found for service {name:?}")));
    }
    let inner = Request { path: target.rest.clone(), ..request.clone() };
    let prometheus = kernel.prometheus.service.as_ref().is_some_and(|(ns, wanted)| ns == target.namespace() && wanted == name);
    if prometheus {
        let answer = kernel.prometheus.handle(&kernel.world, &inner);
        return match answer.body {
            Body::Hangup => Err(unavailable("error trying to reach service: dial tcp: connect: connection refused".into())),
            _ => Ok(answer),
        };
    }
    if !has_ready_endpoint(kernel, target.namespace(), name) {
        return Err(unavailable(format!("no endpoints available for service {name:?}")));
    }
    Err(unavailable("error trying to reach service: the pods of the embedded cluster do not listen".into()))
}

/// Name and port of `[SCHEME:]NAME[:PORT]`.
fn parse(text: &str) -> (&str, &str) {
    let parts: Vec<&str> = text.split(':').collect();
    match parts.as_slice() {
        [_scheme, name, port] => (name, port),
        [name, port] => (name, port),
        _ => (text, ""),
    }
}

fn has_ready_endpoint(kernel: &Kernel, namespace: &str, service: &str) -> bool {
    let slices = kernel.world.store.list(&ENDPOINT_SLICE, Some(namespace));
    let mut own = slices.filter(|slice| slice.label("kubernetes.io/service-name") == service);
    own.any(|slice| slice.items("/endpoints").iter().any(|e| e.pointer("/conditions/ready").and_then(Value::as_bool).unwrap_or(true)))
}
