//! Suites that need nothing but this repository: architecture, actions, themes, screens, command line, terminal, embedded cluster.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    missing_docs
)]

mod actions;
mod architecture;
mod cli;
#[cfg(feature = "sim")]
mod cluster;
mod config;
mod console;
#[cfg(feature = "sim")]
mod embedded;
mod fixture;
mod goals;
#[cfg(feature = "sim")]
mod headless;
#[cfg(feature = "sim")]
mod kubectl;
#[cfg(feature = "sim")]
mod metrics;
#[cfg(feature = "sim")]
mod promql;
mod runbooks;
mod screens;
#[cfg(feature = "sim")]
mod shop;
#[cfg(feature = "sim")]
mod terminal;
mod themes;
#[cfg(feature = "sim")]
mod traffic;
