//! What the suites stand on: a real control plane, a real Prometheus, an exporter whose traffic follows the live routes,
//! and the two nuisances of real life, a slow connection and somebody else who keeps changing the same object.

pub mod assets;
pub mod audit;
pub mod bastion;
pub mod changer;
pub mod control_plane;
pub mod deadline;
pub mod dice;
pub mod exporter;
pub mod namespace;
pub mod node;
pub mod objects;
pub mod ports;
pub mod prometheus;
pub mod slow_connection;
pub mod supervised;
