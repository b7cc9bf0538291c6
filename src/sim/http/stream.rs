//! Watches and followed logs as chunked bodies.

use std::{convert::Infallible, pin::Pin, time::Duration};

use bytes::Bytes;
use futures::{Stream, stream};
use http_body_util::StreamBody;
use hyper::body::Frame;
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

use super::Handle;
use crate::sim::kernel::StreamId;

/// Time between two bookmarks, as a real server's.
const BOOKMARKS: Duration = Duration::from_secs(60);

/// How long before its end a watch says where it has come to.
const BEFORE_END: Duration = Duration::from_secs(2);

/// A chunked body.
pub(super) type Chunks = StreamBody<Pin<Box<dyn Stream<Item = Result<Frame<Bytes>, Infallible>> + Send>>>;

/// The body of an open stream: whatever it says as it says it, until it ends, times out or the server stops.
pub(super) fn chunks(shared: Handle, id: StreamId, timeout: Option<Duration>, bookmarks: bool, stopped: watch::Receiver<bool>) -> Chunks {
    let now = Instant::now();
    let moved = shared.inner.moved.subscribe();
    let end = timeout.map(|timeout| now + timeout);
    let bookmark = bookmarks.then(|| next_bookmark(now, end)).flatten();
    let follow = Follow { open: Open { shared, id }, moved, stopped, end, bookmark, done: false };
    let chunks = stream::unfold(follow, |mut follow| async move {
        let bytes = follow.next().await?;
        Some((Ok(Frame::data(Bytes::from(bytes))), follow))
    });
    StreamBody::new(Box::pin(chunks))
}

/// Closes the kernel's stream when the client has gone.
struct Open {
    shared: Handle,
    id: StreamId,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.shared.lock().stream_close(self.id);
    }
}

struct Follow {
    open: Open,
    moved: watch::Receiver<u64>,
    stopped: watch::Receiver<bool>,
    end: Option<Instant>,
    bookmark: Option<Instant>,
    done: bool,
}

impl Follow {
    /// The next bytes; `None` at the end.
    async fn next(&mut self) -> Option<Vec<u8>> {
        while !self.done {
            self.moved.mark_unchanged();
            let bytes = self.open.shared.lock().stream_poll(self.open.id)?;
            if !bytes.is_empty() {
                return Some(bytes);
            }
            tokio::select! {
                moved = self.moved.changed() => self.done = moved.is_err(),
                _ = self.stopped.wait_for(|stopped| *stopped) => return None,
                () = at(self.bookmark) => {
                    self.bookmark = next_bookmark(Instant::now(), self.end);
                    return self.open.shared.lock().stream_bookmark(self.open.id);
                }
                () = at(self.end) => return None,
            }
        }
        None
    }
}

/// Every minute, and once shortly before the end: where to go on from.
fn next_bookmark(now: Instant, end: Option<Instant>) -> Option<Instant> {
    let last = end.and_then(|end| end.checked_sub(BEFORE_END)).filter(|last| *last > now);
    let next = now + BOOKMARKS;
    match end {
        Some(end) if next >= end => last,
        _ => Some(last.map_or(next, |last| last.min(next))),
    }
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}
