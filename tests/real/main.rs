//! Suites against real servers, found through `KUBEBUILDER_ASSETS` (`tests/control-plane/build` makes that folder).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    missing_docs
)]

mod harness;

mod cluster_side;
#[cfg(feature = "sim")]
mod conformance;
#[cfg(feature = "sim")]
mod kubectl;
mod main_job;
mod node;
mod plane;
#[cfg(feature = "sim")]
mod promql;
// The pseudo-terminal that the other binary has; what this one does not press is no dead code.
#[allow(dead_code)]
#[path = "../suite/terminal/rig.rs"]
mod rig;
mod supervision;

// The compact world of the simulation, and the releases it knows; what only the simulation does with them is no dead code.
#[cfg(feature = "sim")]
#[allow(dead_code)]
#[path = "../simulation"]
mod simulation {
    pub mod world;
    pub mod script {
        mod shape;
        pub use shape::Shape;
    }
}
#[cfg(feature = "sim")]
#[path = "../worlds/worlds.rs"]
mod worlds;
#[cfg(feature = "sim")]
use simulation::{script, world};

/// The same without a real API server is in the simulation's binary.
#[cfg(feature = "sim")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_cluster_answers_as_the_compact_world_and_the_embedded_one() {
    let Some(plane) = harness::control_plane::ControlPlane::get("a_real_cluster_answers_as_the_compact_world_and_the_embedded_one") else {
        return;
    };
    worlds::play::agree(Some(plane.kubeconfig("harness", "default", plane.port()))).await;
}
