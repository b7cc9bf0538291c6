//! Open watches and followed logs.

use std::collections::BTreeMap;

use super::{World, api};

/// Names an open stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct StreamId(u64);

/// What is open.
#[derive(Debug, Default)]
pub struct Streams {
    open: BTreeMap<StreamId, Stream>,
    last: u64,
}

/// One open stream.
#[derive(Debug)]
pub(super) enum Stream {
    /// A watch.
    Watch(Box<api::Watch>),
    /// A followed log.
    Log(api::Follow),
}

impl Streams {
    pub(super) fn open(&mut self, stream: Stream) -> StreamId {
        self.last += 1;
        let id = StreamId(self.last);
        self.open.insert(id, stream);
        id
    }

    /// The containers whose logs are followed: namespace, pod, container.
    pub(super) fn followed(&self) -> Vec<(String, String, String)> {
        let logs = self.open.values().filter_map(|stream| if let Stream::Log(follow) = stream { Some(follow.place()) } else { None });
        logs.collect()
    }

    pub(super) fn close(&mut self, id: StreamId) {
        self.open.remove(&id);
    }
}

/// What a stream has to say since the last call. It is taken out of the registry meanwhile, and put back unless it ended.
pub(super) fn poll(world: &mut World, id: StreamId) -> Option<Vec<u8>> {
    let mut stream = world.streams.open.remove(&id)?;
    let mut out = Vec::new();
    let goes_on = match &mut stream {
        Stream::Watch(watch) => watch.poll(world, &mut out),
        Stream::Log(follow) => follow.poll(world, &mut out),
    };
    if goes_on {
        world.streams.open.insert(id, stream);
    }
    (goes_on || !out.is_empty()).then_some(out)
}

/// A bookmark for a watch, after everything it has to say.
pub(super) fn bookmark(world: &mut World, id: StreamId) -> Option<Vec<u8>> {
    let mut out = poll(world, id)?;
    if let Some(Stream::Watch(watch)) = world.streams.open.get(&id) {
        watch.bookmark(&mut out);
    }
    Some(out)
}
