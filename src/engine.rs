//! The strategy engine: pure, deterministic, total functions.
//!
//! It is a reconciler. [`decide`] computes from the rollout's state what the world should be, compares it with what was
//! read and emits the difference in a safe order: capacity before traffic going up, traffic before capacity going down.
//! Killing the program at any point and starting it again reaches the same end.

mod accept;
mod argo;
pub mod auto_sync;
pub mod checklist;
pub mod choices;
pub mod command;
pub mod decide;
pub mod drift;
mod fits;
pub mod guard;
pub mod leftovers;
pub mod load;
pub mod needs;
pub mod orient;
pub mod plan;
pub mod preview;
pub mod promote;
pub mod ratio;
pub mod rollback;
pub mod room;
pub mod scale;
mod stalled;
pub mod start;
pub mod way_back;

#[cfg(test)]
mod props;
#[cfg(test)]
pub(crate) mod world;

pub use checklist::checklist;
pub use command::command;
pub use decide::{Decision, decide};
pub use plan::compile;
pub use preview::{Preview, preview};
pub use way_back::{WayBack, way_back};
