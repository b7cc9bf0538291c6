//! The whole vocabulary as plain types: no I/O, no clock, no Kubernetes crate. Every other room speaks in these words
//! (release, component, track, strategy, plan, step, rollout, weight, gate, verdict, action, driver, journal).

pub mod action;
pub mod argo_rollout;
pub mod auto_sync;
pub mod beside;
pub mod checklist;
pub mod command;
pub mod declared;
pub mod drift;
pub mod gate;
pub mod holder;
pub mod image;
pub mod journal;
pub mod live;
pub mod mutant;
pub mod object;
pub mod observed;
pub mod opaque;
pub mod owner;
pub mod patch;
pub mod port;
pub mod reference;
pub mod release;
pub mod rollout;
pub mod room;
pub mod route;
pub mod sample;
pub mod step;
pub mod testers;
pub mod text;
pub mod time;
pub mod verdict;
pub mod view;
pub mod weight;
