//! Prometheus: scrapes of the traffic's counters, and its query API.

use super::{Change, Part, Request, Response, World};

/// The scenario's Prometheus.
#[derive(Debug, Default)]
pub struct Prometheus {
    /// Namespace and name of the Service that reaches it through the API server's proxy.
    pub service: Option<(String, String)>,
}

impl Prometheus {
    /// Answers a request; the path is Prometheus's own (`/api/v1/query`, ...), whichever way it came.
    pub fn handle(&mut self, _world: &World, _request: &Request) -> Response {
        Response::text(404, "404 page not found\n")
    }
}

impl Part for Prometheus {
    fn start(&mut self, _world: &mut World) {}
    fn reconcile(&mut self, _world: &mut World, _changes: &[Change]) {}
    fn wake(&mut self, _world: &mut World, _key: &str) {}
}
