//! Requests that flow by what the routing objects say at that moment, and the counters that result.

use super::{Change, Part, World};

/// The traffic of all scenarios' services.
#[derive(Debug, Default)]
pub struct Traffic {}

impl Part for Traffic {
    fn start(&mut self, _world: &mut World) {}
    fn reconcile(&mut self, _world: &mut World, _changes: &[Change]) {}
    fn wake(&mut self, _world: &mut World, _key: &str) {}
}
