//! The Kubernetes API: paths to answers.

use super::{Kernel, Request, Response, Status};

/// Answers one request.
pub fn handle(_kernel: &mut Kernel, request: &Request) -> Response {
    match request.path.as_str() {
        "/healthz" | "/livez" | "/readyz" => Response::text(200, "ok"),
        _ => Status::no_such_path().into(),
    }
}
