//! The interactive console: one loop that wires terminal, model, view and drivers. It decides nothing.
//!
//! ```text
//! keys, signals  ─┐                       ┌─ frames
//! drivers' views ─┼─> app::update(model) ─┼─ orders to drivers
//! watches, logs  ─┘                       └─ logs, switches, copies
//! ```

mod effects;
mod handover;
mod journey;
mod loops;
mod session;

use std::sync::Arc;

use thiserror::Error;

use crate::cluster::{ConnectError, ConnectOptions};
use crate::domain::declared::Declared;
use crate::driver::shell::Clock;
use crate::term::guard::EnterError;
use crate::theme::Depth;

pub use loops::run;

/// What the console is opened with.
#[derive(Clone)]
pub struct Options {
    /// Which cluster.
    pub connect: ConnectOptions,
    /// Look at all namespaces.
    pub all_namespaces: bool,
    /// Releases that a file declares; found in the cluster when there are none.
    pub declared: Vec<Declared>,
    /// The theme's name; by the terminal when not given.
    pub theme: Option<String>,
    /// The colour depth asked for.
    pub depth: Option<Depth>,
    /// Draw with ASCII only.
    pub ascii: bool,
    /// Where the world's time comes from.
    pub clock: Arc<dyn Clock>,
    /// When rollouts that are driven here are handed over to a driver in the background.
    pub hand_over: HandOver,
}

/// When rollouts that are driven here are handed over to a driver in the background.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HandOver {
    /// Never: the cluster ends with this process.
    Never,
    /// When a person who quits says so; not when the terminal hangs up.
    OnQuit,
    /// Also when the terminal hangs up.
    #[default]
    Always,
}

/// How the console ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// Exit code.
    pub code: i32,
    /// Lines to print once the terminal is given back: what is stuck, and how to do it by hand.
    pub farewell: Vec<String>,
}

/// Why the console could not be opened.
#[derive(Debug, Error)]
pub enum ConsoleError {
    /// There is no cluster to look at.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// There is no terminal to show it on.
    #[error("{0}; on a pipe use the commands, e.g. `cutover status`")]
    Terminal(#[from] EnterError),
    /// The terminal or the system failed.
    #[error("the terminal failed: {0}")]
    Io(#[from] std::io::Error),
}
