//! Somebody else who keeps changing an object: its `resourceVersion` is stale before an answer has arrived.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use kube::api::{Api, DynamicObject, Patch, PatchParams};
use tokio::task::AbortHandle;
use tokio::time::MissedTickBehavior;

/// Changes one annotation of one object, until it is dropped.
#[derive(Debug)]
pub struct Changer {
    landed: Arc<AtomicU64>,
    task: AbortHandle,
}

impl Changer {
    /// `times` changes a second. Nothing but the annotation `harness/beat` is touched.
    pub fn start(api: Api<DynamicObject>, name: &str, times: u32) -> Self {
        let (name, landed) = (name.to_owned(), Arc::new(AtomicU64::new(0)));
        let count = Arc::clone(&landed);
        let task = tokio::spawn(async move {
            let mut beat = tokio::time::interval(Duration::from_secs(1) / times);
            beat.set_missed_tick_behavior(MissedTickBehavior::Burst);
            for number in 0_u64.. {
                beat.tick().await;
                let change = serde_json::json!({ "metadata": { "annotations": { "harness/beat": number.to_string() } } });
                if api.patch(&name, &PatchParams::default(), &Patch::Merge(change)).await.is_ok() {
                    count.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        Self { landed, task: task.abort_handle() }
    }

    /// How many changes the API server has taken so far.
    pub fn landed(&self) -> u64 {
        self.landed.load(Ordering::Relaxed)
    }
}

impl Drop for Changer {
    fn drop(&mut self) {
        self.task.abort();
    }
}
