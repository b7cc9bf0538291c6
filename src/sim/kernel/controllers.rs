//! The controllers: Deployment, ReplicaSet, EndpointSlice, HPA.

use super::{Change, Part, World};

/// All controllers of the kernel.
#[derive(Debug, Default)]
pub struct Controllers {}

impl Part for Controllers {
    fn start(&mut self, _world: &mut World) {}
    fn reconcile(&mut self, _world: &mut World, _changes: &[Change]) {}
    fn wake(&mut self, _world: &mut World, _key: &str) {}
}
