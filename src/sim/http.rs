//! The embedded cluster over HTTP: a Kubernetes API and a Prometheus API on loopback, around one [`Kernel`].

use std::{
    io,
    net::SocketAddr,
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::TcpListener,
    sync::{Semaphore, watch},
    task::JoinHandle,
};

use super::kernel::Kernel;

mod clock;
mod kubeconfig;
mod serve;
mod stream;

pub use clock::Clock;

/// How often a scaled clock moves the kernel: 20 times a second.
const PACE: Duration = Duration::from_millis(50);
/// Connections served at a time; more wait.
const CONNECTIONS: usize = 512;
/// How long a connection may take to send its request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// How long connections get to finish when the server stops.
const GRACE: Duration = Duration::from_secs(2);

/// Where and how to serve.
#[derive(Debug, Clone)]
pub struct Options {
    /// Address of the Kubernetes API; port 0 picks a free one.
    pub listen: SocketAddr,
    /// Address of Prometheus's own port, when it shall have one.
    pub prometheus: Option<SocketAddr>,
    /// Bearer token that every request to the Kubernetes API must carry; `None`: anybody may. kubectl sends no token over
    /// plain HTTP: leave it out where kubectl shall work.
    pub token: Option<String>,
    /// How virtual time moves.
    pub clock: Clock,
}

impl Default for Options {
    /// Loopback, free ports, no token, real time.
    fn default() -> Self {
        let free = SocketAddr::from(([127, 0, 0, 1], 0));
        Self { listen: free, prometheus: Some(free), token: None, clock: Clock::Scaled { speed: 1.0 } }
    }
}

/// A running server. Dropping it without [`Server::stop`] closes its ports at once.
#[derive(Debug)]
pub struct Server {
    shared: Handle,
    address: SocketAddr,
    prometheus: Option<SocketAddr>,
    token: Option<String>,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

/// Access to the served kernel from inside the process.
#[derive(Debug, Clone)]
pub struct Handle {
    inner: Arc<Inner>,
}

struct Inner {
    kernel: Mutex<Kernel>,
    clock: Mutex<clock::Running>,
    /// Counts up whenever there may be something new for a stream.
    moved: watch::Sender<u64>,
    in_flight: AtomicUsize,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inner").field("in_flight", &self.in_flight).finish_non_exhaustive()
    }
}

/// Which of the two APIs a port speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Port {
    Kubernetes,
    Prometheus,
}

impl Server {
    /// Binds the ports and starts to serve.
    ///
    /// # Errors
    /// When an address cannot be bound.
    pub async fn start(mut kernel: Kernel, options: Options) -> io::Result<Self> {
        kernel.start();
        let listener = TcpListener::bind(options.listen).await?;
        let address = listener.local_addr()?;
        let prometheus = match options.prometheus {
            Some(address) => Some(TcpListener::bind(address).await?),
            None => None,
        };
        let prometheus_address = prometheus.as_ref().map(TcpListener::local_addr).transpose()?;
        let clock = clock::Running::new(options.clock, kernel.ms());
        let inner =
            Inner { kernel: Mutex::new(kernel), clock: Mutex::new(clock), moved: watch::channel(0).0, in_flight: AtomicUsize::new(0) };
        let shared = Handle { inner: Arc::new(inner) };
        let (stop, stopped) = watch::channel(false);
        let token: Option<Arc<str>> = options.token.as_deref().map(Arc::from);
        let mut tasks = vec![
            tokio::spawn(pace(shared.clone(), stopped.clone())),
            tokio::spawn(accept(listener, Port::Kubernetes, shared.clone(), token, stopped.clone())),
        ];
        if let Some(listener) = prometheus {
            tasks.push(tokio::spawn(accept(listener, Port::Prometheus, shared.clone(), None, stopped)));
        }
        Ok(Self { shared, address, prometheus: prometheus_address, token: options.token, stop, tasks })
    }

    /// Address of the Kubernetes API.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Address of Prometheus's own port.
    pub fn prometheus_url(&self) -> Option<String> {
        self.prometheus.map(|address| format!("http://{address}"))
    }

    /// Access from inside the process.
    pub fn handle(&self) -> Handle {
        self.shared.clone()
    }

    /// A kubeconfig for this server, with `namespace` as the context's.
    pub fn kubeconfig(&self, namespace: &str) -> String {
        kubeconfig::text(&self.url(), self.token.as_deref(), namespace)
    }

    /// Writes [`Server::kubeconfig`] to a file that only its owner can read, replacing it as a whole.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_kubeconfig(&self, path: &Path, namespace: &str) -> io::Result<()> {
        kubeconfig::write(path, &self.kubeconfig(namespace))
    }

    /// Ends streams, lets requests in progress finish for a moment, and closes the ports.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        for task in self.tasks.drain(..) {
            let abort = task.abort_handle();
            if tokio::time::timeout(GRACE * 2, task).await.is_err() {
                abort.abort();
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Handle {
    /// Runs something on the kernel at the present virtual time; streams learn of what it changed.
    pub fn with<T>(&self, run: impl FnOnce(&mut Kernel) -> T) -> T {
        let due = self.clock().due();
        self.moving(|kernel| {
            if let Some(ms) = due {
                kernel.advance(ms);
            }
            let result = run(kernel);
            kernel.settle();
            result
        })
    }

    /// Runs something on the kernel and wakes the streams if there is something new for them.
    fn moving<T>(&self, run: impl FnOnce(&mut Kernel) -> T) -> T {
        let state = |kernel: &Kernel| (kernel.world.store.revision(), kernel.world.store.oldest(), kernel.world.logs.written());
        let mut kernel = self.lock();
        let before = state(&kernel);
        let result = run(&mut kernel);
        let after = state(&kernel);
        drop(kernel);
        if before != after {
            self.inner.moved.send_modify(|n| *n += 1);
        }
        result
    }

    /// Moves virtual time, in lock-step, to `ms` since the kernel's start. A scaled clock goes on from there.
    pub fn advance_to(&self, ms: u64) {
        self.moving(|kernel| kernel.advance(ms));
        self.clock().jump(ms);
    }

    /// Changes how virtual time moves, from now on.
    pub fn set_clock(&self, clock: Clock) {
        let ms = self.with(|kernel| kernel.ms());
        *self.clock() = clock::Running::new(clock, ms);
    }

    /// Requests that have come in and are not answered yet; open streams do not count.
    pub fn in_flight(&self) -> usize {
        self.inner.in_flight.load(Ordering::SeqCst)
    }

    fn lock(&self) -> MutexGuard<'_, Kernel> {
        self.inner.kernel.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn clock(&self) -> MutexGuard<'_, clock::Running> {
        self.inner.clock.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Moves the kernel with the clock, whether anybody asks or not.
async fn pace(shared: Handle, mut stopped: watch::Receiver<bool>) {
    let mut ticks = tokio::time::interval(PACE);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = stopped.wait_for(|stopped| *stopped) => return,
        }
        if let Some(due) = shared.clock().due() {
            shared.moving(|kernel| kernel.advance(due));
        }
    }
}

async fn accept(listener: TcpListener, port: Port, shared: Handle, token: Option<Arc<str>>, mut stopped: watch::Receiver<bool>) {
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let slot = tokio::select! {
            slot = slots.clone().acquire_owned() => slot,
            _ = stopped.wait_for(|stopped| *stopped) => break,
        };
        let socket = tokio::select! {
            socket = listener.accept() => socket,
            _ = stopped.wait_for(|stopped| *stopped) => break,
        };
        let Ok((socket, _)) = socket else { continue };
        // Small answers must not wait for more: patches and watch events are all small.
        socket.set_nodelay(true).ok();
        let (shared, token, mut ended) = (shared.clone(), token.clone(), stopped.clone());
        let (stream_end, while_connections) = (stopped.clone(), slot);
        connections.spawn(async move {
            let _slot = while_connections;
            let service = service_fn(move |request| serve::answer(shared.clone(), port, token.clone(), request, stream_end.clone()));
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD_TIMEOUT)
                .serve_connection(TokioIo::new(socket), service);
            tokio::pin!(connection);
            tokio::select! {
                _ = connection.as_mut() => return,
                _ = ended.wait_for(|ended| *ended) => connection.as_mut().graceful_shutdown(),
            }
            tokio::time::timeout(GRACE, connection).await.ok();
        });
        while connections.try_join_next().is_some() {}
    }
    while connections.join_next().await.is_some() {}
}
