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
