//! Executes the core's requests on a world and feeds the answers back. It decides nothing.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;

use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, watch};

use crate::domain::journal::Entry;
use crate::domain::time::{Millis, Now};
use crate::domain::view::View;

use super::core::Core;
use super::core::io::{Call, Input, Reply, Request};

/// Where requests are carried out.
pub trait World: Send + Sync + 'static {
    /// Carries one request out. Must end by itself: every request has a deadline inside.
    fn execute(&self, call: Call) -> BoxFuture<'static, Reply>;
}

/// Where time comes from.
pub trait Clock: Send + Sync + 'static {
    /// The present.
    fn now(&self) -> Now;
    /// Ends when the monotonic clock reaches `at`.
    fn wait_until(&self, at: Millis) -> BoxFuture<'_, ()>;
    /// Whether time moves only while it is waited for (a rehearsal in lock-step): then answers are waited for first and
    /// taken in the order in which they were asked for, so that a run repeats exactly.
    fn is_virtual(&self) -> bool {
        false
    }
}

/// The machine's clock.
#[derive(Debug)]
pub struct SystemClock {
    start: std::time::Instant,
}

impl Default for SystemClock {
    fn default() -> Self {
        SystemClock { start: std::time::Instant::now() }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Now {
        let mono = Millis(u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX));
        Now { mono, wall: jiff::Timestamp::now() }
    }

    fn wait_until(&self, at: Millis) -> BoxFuture<'_, ()> {
        let until = self.start.checked_add(at.duration());
        Box::pin(async move {
            match until {
                Some(until) => tokio::time::sleep_until(until.into()).await,
                None => std::future::pending().await,
            }
        })
    }
}

/// One recorded step of a core.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recorded {
    /// The present that was passed in.
    pub now: Now,
    /// What happened.
    pub input: Input,
    /// What followed.
    pub requests: Vec<Request>,
}

/// Looks at a snapshot.
pub type Onlooker = Box<dyn FnMut(&Arc<View>) + Send>;

/// Where a driver tells what it does.
#[derive(Default)]
pub struct Outlets {
    /// A snapshot after every step; the latest wins.
    pub view: Option<watch::Sender<Option<Arc<View>>>>,
    /// Looks at every snapshot, in order, before the next input is taken.
    pub each: Option<Onlooker>,
    /// Every journal line as it is written.
    pub lines: Option<mpsc::UnboundedSender<Entry>>,
    /// Every step, as JSON lines of [`Recorded`].
    pub record: Option<Box<dyn Write + Send>>,
}

/// Runs a core until it has let go. Ends also when every sender of `inbox` is gone.
pub async fn drive(mut core: Core, world: Arc<dyn World>, clock: Arc<dyn Clock>, mut inbox: mpsc::Receiver<Input>, mut outlets: Outlets) {
    let (answer, mut answers) = mpsc::unbounded_channel::<(u64, Reply)>();
    let mut ready: BTreeMap<u64, Reply> = BTreeMap::new();
    let mut open = 0_usize;
    let mut listening = true;
    // What is asked from the start comes before anything is read.
    let mut input = inbox.try_recv().unwrap_or(Input::Tick);
    loop {
        let now = clock.now();
        let mut requests = Vec::new();
        core.step(now, input.clone(), &mut requests);
        outlets.record(now, input, &requests);
        for Request { id, call } in requests {
            if let Call::Journal { entry, .. } = &call {
                if let Some(lines) = &outlets.lines {
                    let _ = lines.send(entry.clone());
                }
                // In order: what follows an intent is not sent before the intent is on disk.
                let reply = world.execute(call).await;
                ready.insert(id, reply);
                continue;
            }
            open += 1;
            let (work, answer) = (world.execute(call), answer.clone());
            tokio::spawn(async move {
                // One that breaks is answered too: the core must not wait for ever.
                let reply = tokio::spawn(work).await.unwrap_or_else(|e| Reply::Journaled(Err(e.to_string())));
                let _ = answer.send((id, reply));
            });
        }
        outlets.show(&core);
        if core.is_detached() {
            return;
        }
        while clock.is_virtual() && open > 0 {
            let Some((id, reply)) = answers.recv().await else { return };
            open -= 1;
            ready.insert(id, reply);
        }
        if let Some((id, reply)) = ready.pop_first() {
            input = Input::Reply { id, reply };
            continue;
        }
        input = tokio::select! {
            biased;
            asked = inbox.recv(), if listening => asked.unwrap_or_else(|| { listening = false; Input::Detach }),
            Some((id, reply)) = answers.recv() => { open -= 1; Input::Reply { id, reply } }
            () = clock.wait_until(core.wake_at()) => Input::Tick,
        };
    }
}

impl Outlets {
    fn show(&mut self, core: &Core) {
        if self.view.is_none() && self.each.is_none() {
            return;
        }
        let view = Arc::new(core.view());
        if let Some(each) = &mut self.each {
            each(&view);
        }
        if let Some(latest) = &self.view {
            latest.send_replace(Some(view));
        }
    }

    fn record(&mut self, now: Now, input: Input, requests: &[Request]) {
        let Some(file) = &mut self.record else { return };
        let step = Recorded { now, input, requests: requests.to_vec() };
        // A recording that cannot be written ends; the driving goes on.
        let line = serde_json::to_string(&step).map(|line| line + "\n");
        let written = line.is_ok_and(|line| file.write_all(line.as_bytes()).and_then(|()| file.flush()).is_ok());
        if !written {
            self.record = None;
        }
    }
}
