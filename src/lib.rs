//! `cutover`: a terminal release console for Kubernetes.
//!
//! One strategy engine, three faces: an interactive console, headless commands for pipelines, and an embedded cluster
//! to rehearse on. This page is the map of the house.
//!
//! ```text
//! domain  <-  analysis  <-  engine  <-  driver::core  <-  driver::shell, driver::world  <-  { console, cli }  <-  main
//! domain, engine  <-  app  <-  ui  <-  console
//! domain  <-  cluster, metrics, journal, config  <-  driver::world, console, cli
//! theme, term: know nothing of ours.     sim: knows domain and the Kubernetes types only; nobody but cli knows sim.
//! ```
//!
//! A test reads the `use` lines and fails on a breach. `domain`, `analysis`, `engine`, `driver::core`, `sim::kernel`, `app`
//! and `ui` name no clock, no I/O and no randomness: time comes in as an argument.
//!
//! One key press, from the terminal to the cluster and back: [`term`] decodes it, [`app`] turns it into an effect (an order
//! for a release), [`console`] hands the order to that release's [`driver`]. Its core asks the [`engine`] for the new state,
//! stores it with the intents in it, and only then sends the writes; a rollback's route writes leave first. The shell
//! executes them through [`cluster`], feeds the answers back, and publishes a snapshot that [`ui`] draws.
//!
//! What was asked, decided, sent and answered stands in the [`journal`]: a line before each write and one after it, each of which
//! names the digest of the line before. A step is passed on what its gates said, and the line says what that was, with the figures
//! and the requests they were counted over; the text of a query stands in the release that is stored with the run. Gates are
//! limits, so there are no odds to cite.
//!
//! Two writes go to no object of a release: an Argo CD Application that would put back what is written has its auto-sync suspended
//! first ([`engine::auto_sync`]; a rollback waits for none of it), and a person's order to restore it is carried out by whichever
//! process it is given to, run or no run. What it was stands in the Application itself ([`domain::auto_sync`]).
//!
//! Of a release that Argo Rollouts carries out, its controller is the engine: the plan is one step, [`domain::step::Step::Follow`],
//! and what the controller says of itself ([`domain::argo_rollout`]) is what is approved, judged and taken back.
//!
//! A console that is left while it drives lets go of the Lease and starts a process of this same program that takes it
//! ([`driver::handover`], [`cli::background`]): no state passes between them but the one in the cluster.

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
