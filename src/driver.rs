//! Joins engine and world: observe, decide, store the intent, act, journal.
//!
//! [`core`] is a synchronous state machine without I/O: inputs go in, numbered requests come out. [`shell`] executes the
//! requests on the real world and decides nothing. The same core runs in the console, headless and in tests; its recorded
//! inputs, fed to a fresh core, give byte-identical requests.

pub mod core;
pub mod handover;
pub mod shell;
pub mod world;
