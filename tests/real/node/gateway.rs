//! A gateway: an HTTP proxy that splits requests by the live VirtualService or HTTPRoute over the ready endpoints behind it, and says of an HTTPRoute
//! that it does. As a mesh does, it knows the cluster by watching, and sends each request where chance and the weights of that moment say.

mod mirror;
mod routes;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

use crate::harness::dice::Dice;
use crate::harness::namespace::TestNamespace;
use crate::harness::objects::{COMPONENTS, Component};
use mirror::Mirror;
use routes::Way;

/// Runs until it is dropped.
#[derive(Debug)]
pub struct Gateway {
    /// It listens on this port of 127.0.0.1; the request's `Host` is the component's name.
    pub port: u16,
    mirror: Arc<Mirror>,
    accept: AbortHandle,
}

impl Gateway {
    /// Returns when it knows the namespace.
    ///
    /// # Panics
    /// When no port can be had.
    pub async fn start(namespace: &TestNamespace) -> Self {
        let mirror = Arc::new(Mirror::start(namespace.harness().await, &namespace.name).await);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port of our own");
        let port = listener.local_addr().expect("its number").port();
        let (known, dice) = (Arc::clone(&mirror), Arc::new(Mutex::new(Dice(7))));
        let accept = tokio::spawn(async move {
            while let Ok((customer, _)) = listener.accept().await {
                tokio::spawn(serve(customer, Arc::clone(&known), Arc::clone(&dice)));
            }
        });
        Self { port, mirror, accept: accept.abort_handle() }
    }

    /// Share of the component's requests that goes to the canary at this moment, in percent; `None` while it knows no route.
    pub fn percent(&self, component: Component) -> Option<u64> {
        let ways = routes::ways(&self.mirror, component.stable);
        let total: u64 = ways.iter().map(|way| way.weight).sum();
        ways.last().filter(|_| total > 0).map(|way| way.weight * 100 / total)
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.accept.abort();
    }
}

/// One request a connection. What the gateway itself has to say against it has a code of its own, which no server of the shop gives.
async fn serve(mut customer: TcpStream, mirror: Arc<Mirror>, dice: Arc<Mutex<Dice>>) -> std::io::Result<()> {
    let Some(head) = read_head(&mut customer).await? else { return Ok(()) };
    let host = head.lines().find_map(|line| line.strip_prefix("host: ").or_else(|| line.strip_prefix("Host: "))).unwrap_or_default();
    let Some(component) = COMPONENTS.iter().find(|component| component.name == host.trim()) else {
        return refuse(&mut customer, "404 Not Found", &format!("nobody is called {host}")).await;
    };
    let drawn = draw(&routes::ways(&mirror, component.stable), &mut dice.lock().expect("no panic inside"));
    let Some(address) = drawn else { return refuse(&mut customer, "503 Service Unavailable", "no healthy upstream").await };
    let answered = pass_on(&mut customer, address, &head).await;
    match answered {
        Ok(0) => refuse(&mut customer, "502 Bad Gateway", &format!("{address} closed without an answer")).await,
        Ok(_) => customer.shutdown().await,
        Err(error) => refuse(&mut customer, "502 Bad Gateway", &format!("{address}: {error}")).await,
    }
}

async fn read_head(stream: &mut TcpStream) -> std::io::Result<Option<String>> {
    let mut head = Vec::new();
    let mut buffer = [0; 1024];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut buffer).await? {
            0 => return Ok(None),
            count => head.extend_from_slice(&buffer[..count]),
        }
    }
    Ok(Some(String::from_utf8_lossy(&head).into_owned()))
}

/// By weight, then evenly among the endpoints. A way without endpoints is no reason to take another one.
fn draw(ways: &[Way], dice: &mut Dice) -> Option<SocketAddr> {
    let mut drawn = dice.below(ways.iter().map(|way| way.weight).sum());
    let way = ways.iter().find(|way| {
        let here = drawn < way.weight;
        drawn = drawn.saturating_sub(way.weight);
        here
    })?;
    let index = usize::try_from(dice.below(way.endpoints.len() as u64)).expect("an index");
    way.endpoints.get(index).copied()
}

async fn pass_on(customer: &mut TcpStream, to: SocketAddr, head: &str) -> std::io::Result<u64> {
    let connecting = tokio::time::timeout(Duration::from_secs(2), TcpStream::connect(to));
    let mut server = connecting.await.map_err(|_| std::io::Error::from(std::io::ErrorKind::TimedOut))??;
    server.write_all(head.as_bytes()).await?;
    tokio::io::copy(&mut server, customer).await
}

async fn refuse(customer: &mut TcpStream, status: &str, why: &str) -> std::io::Result<()> {
    let length = why.len();
    customer.write_all(format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{why}").as_bytes()).await?;
    customer.shutdown().await
}
