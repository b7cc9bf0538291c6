//! Open watches and followed logs.

use std::collections::BTreeMap;

use super::World;

/// Names an open stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct StreamId(u64);

/// What is open.
#[derive(Debug, Default)]
pub struct Streams {
    open: BTreeMap<StreamId, ()>,
}

impl Streams {
    pub(super) fn close(&mut self, id: StreamId) {
        self.open.remove(&id);
    }
}

pub(super) fn poll(world: &mut World, id: StreamId) -> Option<Vec<u8>> {
    world.streams.open.get(&id).map(|()| Vec::new())
}

pub(super) fn bookmark(_world: &World, _id: StreamId) -> Option<Vec<u8>> {
    None
}
