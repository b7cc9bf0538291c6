//! The real world behind a driver: a Kubernetes API, a Prometheus, a journal on disk.

use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use kube::Client;

use super::core::io::{Call, Reply};
use super::shell::{Clock, World};
use crate::cluster::{apply, lease, observe, state};
use crate::domain::journal::Entry;
use crate::domain::port::Fault;
use crate::domain::release::{Endpoint, Prometheus, Release};
use crate::domain::text::sanitize;
use crate::journal::Journal;
use crate::metrics::Sampler;

/// How long a journal line may take.
const LINE: Duration = Duration::from_secs(2);

/// The sampler in use, with the address it was made for.
type Kept = Arc<Mutex<Option<(Prometheus, Sampler)>>>;

/// Executes requests over HTTP.
pub struct Kubernetes {
    client: Client,
    clock: Arc<dyn Clock>,
    journal: Arc<Mutex<Journal>>,
    sampler: Kept,
    pods: observe::Memory,
}

impl Kubernetes {
    /// A world reached by `client` (one with deadlines), writing to `journal`. Times of samples are the clock's.
    pub fn new(client: Client, clock: Arc<dyn Clock>, journal: Journal) -> Kubernetes {
        Kubernetes { client, clock, journal: Arc::new(Mutex::new(journal)), sampler: Arc::default(), pods: observe::Memory::default() }
    }

    /// Shares with other worlds what pods told.
    #[must_use]
    pub fn sharing(self, pods: observe::Memory) -> Kubernetes {
        Kubernetes { pods, ..self }
    }

    fn append(&self, entry: Entry, durable: bool) -> BoxFuture<'static, Reply> {
        let journal = Arc::clone(&self.journal);
        async move {
            // A line that hangs (a dead network disk) holds the lock: those after it are not waited for at all.
            let write = move || match journal.try_lock() {
                Ok(mut open) => open.append(&entry, durable).map_err(|e| e.to_string()),
                Err(TryLockError::Poisoned(open)) => open.into_inner().append(&entry, durable).map_err(|e| e.to_string()),
                Err(TryLockError::WouldBlock) => Err("the disk has not taken the line before yet: this one is not kept".to_owned()),
            };
            // A slow disk must not stop the runtime, nor a rollback.
            let late = || Err(format!("the disk took no line within {} s", LINE.as_secs()));
            let done = tokio::time::timeout(LINE, tokio::task::spawn_blocking(write)).await;
            Reply::Journaled(done.map_or_else(|_| late(), |d| d.unwrap_or_else(|e| Err(e.to_string()))))
        }
        .boxed()
    }

    fn sample(&self, release: Arc<Release>) -> BoxFuture<'static, Reply> {
        let clock = Arc::clone(&self.clock);
        let (kept, client, of) = (Arc::clone(&self.sampler), self.client.clone(), Arc::clone(&release));
        async move {
            // Making one reads all certificates that this machine trusts: the driver goes on meanwhile.
            let made = tokio::task::spawn_blocking(move || sampler(&kept, &client, &of)).await;
            Reply::Sampled(match made.unwrap_or_else(|e| Err(e.to_string())) {
                Ok(sampler) => sampler.sample(&release, &|| clock.now().wall).await.map_err(|e| e.to_string()),
                Err(why) => Err(why),
            })
        }
        .boxed()
    }
}

/// The sampler of a release, kept while its Prometheus stays the same.
fn sampler(kept: &Kept, client: &Client, release: &Release) -> Result<Sampler, String> {
    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((prometheus, sampler)) = &*kept
        && Some(prometheus) == release.prometheus.as_ref()
    {
        return Ok(sampler.clone());
    }
    let token = match release.prometheus.as_ref().map(|p| &p.endpoint) {
        Some(Endpoint::Url { token_from: Some(name), .. }) => Some(
            std::env::var(name)
                .map_err(|_| format!("the environment variable {} holds no token: set it, or remove `tokenFrom`", sanitize(name)))?,
        ),
        _ => None,
    };
    let sampler = Sampler::new(release, Some(client), token).map_err(|e| e.to_string())?;
    *kept = release.prometheus.clone().map(|p| (p, sampler.clone()));
    Ok(sampler)
}

impl World for Kubernetes {
    fn execute(&self, call: Call) -> BoxFuture<'static, Reply> {
        let client = self.client.clone();
        match call {
            Call::Load { namespace, release } => {
                async move { Reply::Loaded(state::load(&client, &namespace, &release).await.map_err(Fault::from)) }.boxed()
            }
            Call::Observe { release, haste } => {
                let at = self.clock.now().wall;
                let pods = self.pods.clone();
                async move {
                    Reply::Observed(observe::observe_with(&client, &release, at, (&pods, haste)).await.map(Arc::new).map_err(Fault::from))
                }
                .boxed()
            }
            Call::Sample { release } => self.sample(release),
            Call::Store { rollout, expect, spent } => {
                async move { Reply::Stored(state::store(&client, &rollout, expect.as_deref(), &spent).await) }.boxed()
            }
            Call::Lease { namespace, release, holder, ask } => {
                async move { Reply::Leased(lease::ask(&client, &namespace, &release, &holder, &ask).await) }.boxed()
            }
            Call::Append { namespace, release, order } => {
                async move { Reply::Appended(state::append_order(&client, &namespace, &release, &order).await.map_err(Fault::from)) }
                    .boxed()
            }
            Call::Write { action, precondition, stamp } => {
                let memory = self.pods.clone();
                async move {
                    let outcome = apply::write(&client, &action, precondition, &stamp, false).await;
                    if action.is_beside() {
                        // Whatever became of it: the next look reads it anew.
                        memory.forget_answer(&action.object().path());
                    }
                    Reply::Written(outcome)
                }
                .boxed()
            }
            Call::Journal { entry, durable } => self.append(entry, durable),
        }
    }
}
