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

/// A chunked body.
pub(super) type Chunks = StreamBody<Pin<Box<dyn Stream<Item = Result<Frame<Bytes>, Infallible>> + Send>>>;

/// The body of an open stream: whatever it says as it says it, until it ends, times out or the server stops.
pub(super) fn chunks(shared: Handle, id: StreamId, timeout: Option<Duration>, bookmarks: bool, stopped: watch::Receiver<bool>) -> Chunks {
    let now = Instant::now();
    let moved = shared.inner.moved.subscribe();
    let end = timeout.map(|timeout| now + timeout);
    let follow = Follow { open: Open { shared, id }, moved, stopped, end, bookmark: bookmarks.then_some(now + BOOKMARKS), done: false };
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
                    self.bookmark = Some(Instant::now() + BOOKMARKS);
                    return self.open.shared.lock().stream_bookmark(self.open.id);
                }
                () = at(self.end) => {
                    self.done = true;
                    // The last word of a watch is where to go on from.
                    self.bookmark?;
                    return self.open.shared.lock().stream_bookmark(self.open.id);
                }
            }
        }
        None
    }
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}
