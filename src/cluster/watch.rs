//! Watches: one supervised task per kind, reconnecting for ever, feeding trimmed rows.
//!
//! Nothing here decides anything: rows are for the screen, and a change is a hint to the driver to look sooner. A burst of
//! thousands of events costs one [`Snapshot`]: indexes change at once, snapshots are taken at most every [`PACE`].

mod index;
mod line;
mod stream;
mod usage;
mod wire;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kube::Client;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use crate::domain::live::Snapshot;
use crate::domain::object::Kind;

pub use index::Indexes;
pub use line::LineError;

/// The least time between two snapshots.
pub const PACE: Duration = Duration::from_millis(250);
/// How long a task that ended in a panic rests before it is started again.
const REST: Duration = Duration::from_secs(5);

/// The kinds that are watched, in the order in which their first lists are wanted.
pub const KINDS: [Kind; 10] = [
    Kind::Deployment,
    Kind::VirtualService,
    Kind::HttpRoute,
    Kind::Ingress,
    Kind::Pod,
    Kind::HorizontalPodAutoscaler,
    Kind::Event,
    Kind::ReplicaSet,
    Kind::Service,
    Kind::EndpointSlice,
];

/// The rows of one namespace, kept up to date until it is dropped.
#[derive(Debug)]
pub struct Watching {
    /// The newest snapshot; changes are also the hint that something happened.
    pub snapshots: watch::Receiver<Arc<Snapshot>>,
    tasks: JoinSet<()>,
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.tasks.abort_all();
    }
}

/// Where the present of the watched world comes from.
pub type Present = Arc<dyn Fn() -> jiff::Timestamp + Send + Sync>;

/// What the tasks of one namespace share.
struct Shared {
    client: Client,
    present: Present,
    namespace: String,
    indexes: Mutex<Indexes>,
    changed: Notify,
}

impl Shared {
    /// Changes the indexes and asks for a snapshot.
    fn change(&self, change: impl FnOnce(&mut Indexes)) {
        // A panic elsewhere leaves whole rows behind: an index is only ever replaced row by row.
        change(&mut self.indexes.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_one();
    }
}

/// Watches one namespace. `client` is the one for watches: without a deadline of its own. `present` is the watched world's
/// clock: ages on screen are told from it.
pub fn watch(client: Client, namespace: &str, present: Present) -> Watching {
    let shared = Arc::new(Shared {
        client,
        present,
        namespace: namespace.to_owned(),
        indexes: Mutex::new(Indexes::new(namespace)),
        changed: Notify::new(),
    });
    let first = shared.indexes.lock().unwrap_or_else(PoisonError::into_inner).snapshot();
    let (sender, snapshots) = watch::channel(Arc::new(first));
    let mut tasks = JoinSet::new();
    for kind in KINDS {
        tasks.spawn(supervised(Arc::clone(&shared), move |shared| Box::pin(stream::follow(shared, kind))));
    }
    tasks.spawn(supervised(Arc::clone(&shared), |shared| Box::pin(usage::follow(shared))));
    tasks.spawn(publish(shared, sender));
    Watching { snapshots, tasks }
}

/// Runs a task for ever: one that panics is started again after a rest, the others never notice.
async fn supervised(shared: Arc<Shared>, task: impl Fn(Arc<Shared>) -> futures::future::BoxFuture<'static, ()>) {
    loop {
        let mut one = JoinSet::new();
        one.spawn(task(Arc::clone(&shared)));
        if let Some(Err(error)) = one.join_next().await
            && error.is_panic()
        {
            tracing::error!(namespace = shared.namespace, "a watch task panicked and is started again");
        }
        tokio::time::sleep(REST).await;
    }
}

/// Takes a snapshot after changes, at most every [`PACE`].
async fn publish(shared: Arc<Shared>, sender: watch::Sender<Arc<Snapshot>>) {
    loop {
        shared.changed.notified().await;
        let snapshot = shared.indexes.lock().unwrap_or_else(PoisonError::into_inner).snapshot();
        sender.send_if_modified(|last| {
            let news = **last != snapshot;
            if news {
                *last = Arc::new(snapshot);
            }
            news
        });
        tokio::time::sleep(PACE).await;
    }
}
