//! A connection that takes its time: bytes arrive, in order and unchanged, but later.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::Instant;

/// A proxy on loopback, until it is dropped.
#[derive(Debug)]
pub struct SlowConnection {
    /// Where to connect instead.
    pub port: u16,
    accept: AbortHandle,
}

impl SlowConnection {
    /// Passes every connection on to `127.0.0.1:to`; each byte arrives `delay` after it was sent, in both directions, so a round trip takes
    /// `2 * delay` longer. The bandwidth is not limited.
    ///
    /// # Panics
    /// When no port can be had.
    pub async fn to(to: u16, delay: Duration) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port of our own");
        let port = listener.local_addr().expect("its number").port();
        let accept = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(pass_on(near, SocketAddr::from((Ipv4Addr::LOCALHOST, to)), delay));
            }
        });
        Self { port, accept: accept.abort_handle() }
    }
}

impl Drop for SlowConnection {
    fn drop(&mut self) {
        self.accept.abort();
    }
}

async fn pass_on(near: TcpStream, to: SocketAddr, delay: Duration) {
    let Ok(far) = TcpStream::connect(to).await else { return };
    let _ = (near.set_nodelay(true), far.set_nodelay(true));
    let (near_in, near_out) = near.into_split();
    let (far_in, far_out) = far.into_split();
    tokio::join!(delayed(near_in, far_out, delay), delayed(far_in, near_out, delay));
}

/// Reading goes on while earlier bytes wait, so the delay does not add up over a stream.
async fn delayed(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, delay: Duration) {
    let (on_the_way, mut arriving) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
    let read = async move {
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(count @ 1..) = from.read(&mut buffer).await {
            if on_the_way.send((Instant::now() + delay, buffer[..count].to_vec())).is_err() {
                break;
            }
        }
    };
    let write = async move {
        while let Some((due, bytes)) = arriving.recv().await {
            tokio::time::sleep_until(due).await;
            if to.write_all(&bytes).await.is_err() {
                return;
            }
        }
        let _ = to.shutdown().await;
    };
    tokio::join!(read, write);
}
