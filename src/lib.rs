//! `cutover`: a terminal release console for Kubernetes.
//!
//! One strategy engine, three faces: an interactive console, headless commands for pipelines, and an embedded cluster
//! to rehearse on. This page is the map of the house.
//!
//! ```text
//! domain  <-  analysis  <-  engine  <-  driver::core  <-  driver::shell  <-  { console, cli }  <-  main
//! domain, engine  <-  app  <-  ui  <-  console
//! domain  <-  cluster, metrics, journal  <-  driver::shell, console, cli
//! theme, term: know nothing of ours.     sim: knows domain and the Kubernetes types only; nobody but cli knows sim.
//! ```

pub mod analysis;
pub mod app;
pub mod cli;
pub mod cluster;
pub mod config;
pub mod console;
pub mod domain;
pub mod driver;
pub mod engine;
pub mod journal;
pub mod metrics;
#[cfg(feature = "sim")]
pub mod sim;
pub mod term;
pub mod theme;
pub mod ui;
