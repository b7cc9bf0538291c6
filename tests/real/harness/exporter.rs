//! A gateway and its counters: a bounded load that splits by the *live* VirtualService, and what each pod would have counted of it.
//!
//! kwok's pods answer nobody, so this stands for both the mesh and the applications. Every tick it asks the API server for the route, the subsets and the
//! pods, sends its share of requests to ready pods by the weights that stand there at that moment, and counts them per pod.

mod gateway;
mod page;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

use super::namespace::TestNamespace;
use super::objects::{COMPONENTS, Component};
use gateway::Gateway;

/// How a version of an application answers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Behaviour {
    /// Share of answers with status 500, 0–1.
    pub errors: f64,
    /// Mean duration of an answer; single ones lie between half of it and one and a half.
    pub latency: Duration,
}

/// What every version does unless told otherwise.
pub const HEALTHY: Behaviour = Behaviour { errors: 0.002, latency: Duration::from_millis(80) };

/// Upper edges of the duration histogram, in seconds.
const EDGES: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// One pod's counters since it was first sent a request.
#[derive(Debug, Clone, Default)]
struct PodCounters {
    component: &'static str,
    track: String,
    by_code: BTreeMap<u16, u64>,
    buckets: [u64; EDGES.len()],
    seconds: f64,
}

#[derive(Debug, Default)]
struct State {
    pods: BTreeMap<String, PodCounters>,
    behaviours: BTreeMap<String, Behaviour>,
    served: BTreeMap<(&'static str, String), u64>,
    lost: u64,
}

/// Runs until it is dropped.
#[derive(Debug)]
pub struct Exporter {
    /// `/metrics` is on this port of 127.0.0.1.
    pub port: u16,
    state: Arc<Mutex<State>>,
    tasks: Vec<AbortHandle>,
}

impl Exporter {
    /// Sends `rate` requests a second to each of the first runbook's components in this namespace.
    ///
    /// # Panics
    /// When no port can be had.
    pub async fn start(namespace: &TestNamespace, rate: u32) -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port of our own");
        let port = listener.local_addr().expect("its number").port();
        let mut tasks = vec![tokio::spawn(serve(listener, Arc::clone(&state), namespace.name.clone())).abort_handle()];
        for (component, seed) in COMPONENTS.into_iter().zip(1..) {
            let gateway = Gateway::new(namespace.harness().await, &namespace.name, component, rate, seed);
            tasks.push(tokio::spawn(gateway.run(Arc::clone(&state))).abort_handle());
        }
        Self { port, state, tasks }
    }

    /// From now on, pods of this image behave so.
    pub fn set(&self, image: &str, behaviour: Behaviour) {
        self.state.lock().expect("no panic inside").behaviours.insert(image.to_owned(), behaviour);
    }

    /// Requests that pods of this component and track have answered since the start.
    pub fn served(&self, component: Component, track: &str) -> u64 {
        self.state.lock().expect("no panic inside").served.get(&(component.name, track.to_owned())).copied().unwrap_or_default()
    }

    /// Requests for which no ready pod was found where the route sent them.
    pub fn lost(&self) -> u64 {
        self.state.lock().expect("no panic inside").lost
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

async fn serve(listener: TcpListener, state: Arc<Mutex<State>>, namespace: String) {
    while let Ok((mut stream, _)) = listener.accept().await {
        let page = page::render(&state.lock().expect("no panic inside").pods, &namespace);
        tokio::spawn(async move { answer(&mut stream, &page).await });
    }
}

/// One request, one answer, whatever was asked.
pub async fn answer(stream: &mut TcpStream, page: &str) -> std::io::Result<()> {
    let mut request = Vec::new();
    let mut buffer = [0; 1024];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut buffer).await? {
            0 => return Ok(()),
            count => request.extend_from_slice(&buffer[..count]),
        }
    }
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nConnection: close";
    stream.write_all(format!("{head}\r\nContent-Length: {}\r\n\r\n{page}", page.len()).as_bytes()).await?;
    stream.shutdown().await
}
