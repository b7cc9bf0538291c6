//! The Kubernetes side, kept thin: connect, read fresh, write one change, watch, discover. It decides nothing.
//!
//! Every request is bounded in time and size and sent once: what became of it is reported, never repeated here.

pub mod access;
pub mod apply;
mod call;
pub mod connect;
pub mod discover;
pub mod error;
mod items;
pub mod lease;
pub mod logs;
pub mod namespaces;
pub mod observe;
mod owners;
mod quantity;
pub mod read_only;
mod rules;
pub mod state;
pub mod traffic;
pub mod watch;
mod written;

pub use connect::{ConnectError, ConnectOptions, Connection, connect};
pub use error::ClusterError;

/// The annotation in which the Deployment controller keeps a revision's number.
const REVISION: &str = "deployment.kubernetes.io/revision";
/// The label by which the Deployment controller tells its ReplicaSets' pods apart.
const TEMPLATE_HASH: &str = "pod-template-hash";
