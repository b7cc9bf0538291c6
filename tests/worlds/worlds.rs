//! One script, three worlds: what a driver asks is asked of the compact world of the simulation, of the embedded cluster and
//! of a real API server, and the replies must agree. That is what makes the simulation's verdicts worth something.
//!
//! The scripts are data, `scripts/TOPIC.yaml`; [`script`] says how one is written. Replies are compared after the few
//! [`normal`]isations of what differs between any two worlds.

pub mod cluster;
pub mod compact;
mod compare;
mod hand;
mod layout;
mod normal;
mod objects;
mod plan;
pub mod play;
mod run;
pub mod script;
