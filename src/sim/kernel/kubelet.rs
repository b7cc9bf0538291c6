//! Scheduler and kubelet of all nodes.

use super::{Change, Part, World};

/// The scheduler and the kubelets.
#[derive(Debug, Default)]
pub struct Kubelet {}

impl Part for Kubelet {
    fn start(&mut self, _world: &mut World) {}
    fn reconcile(&mut self, _world: &mut World, _changes: &[Change]) {}
    fn wake(&mut self, _world: &mut World, _key: &str) {}
}
