//! The Kubernetes side, kept thin: connect, read fresh, write one change, watch, discover. It decides nothing.
//!
//! Every request is bounded in time and size, and sent again only where that does no harm: what became of it is reported.

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

/// The annotations in which the Deployment controller and Argo Rollouts keep a revision's number.
const REVISIONS: [&str; 2] = ["deployment.kubernetes.io/revision", "rollout.argoproj.io/revision"];
/// The labels by which they tell their ReplicaSets' pods apart.
const TEMPLATE_HASHES: [&str; 2] = ["pod-template-hash", "rollouts-pod-template-hash"];

type Map = std::collections::BTreeMap<String, String>;

/// The revision that a workload, or a ReplicaSet of one, has by its annotations.
fn revision_of(annotations: &Map) -> Option<u64> {
    REVISIONS.iter().find_map(|key| annotations.get(*key))?.parse().ok()
}

/// The hash of the pod template, by the labels of a ReplicaSet or a pod.
fn hash_of(labels: &Map) -> Option<&String> {
    TEMPLATE_HASHES.iter().find_map(|key| labels.get(*key))
}
