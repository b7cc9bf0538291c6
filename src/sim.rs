//! The embedded cluster behind `cutover demo`: a small Kubernetes API and a Prometheus API in one process.
//!
//! [`kernel`] is synchronous and deterministic: it is a function of the seed, the virtual time and the requests it was
//! given. Everything that touches sockets or a clock wraps it from outside.

pub mod http;
pub mod kernel;
pub mod scenario;
