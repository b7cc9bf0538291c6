//! The rehearsal's time, for drivers.

use std::sync::Arc;

use futures::future::BoxFuture;

use crate::domain::time::{Millis, Now};
use crate::driver::shell::Clock;
use crate::sim::http::Handle;

/// Time that moves only while somebody waits for it.
#[derive(Debug)]
pub struct LockStep(pub Handle);

/// Time that runs so many times as fast as the machine's.
#[derive(Debug)]
pub struct Scaled {
    /// The embedded cluster.
    pub handle: Handle,
    /// Virtual seconds a real second.
    pub speed: f64,
}

fn now(handle: &Handle) -> Now {
    handle.with(|kernel| Now { mono: Millis(kernel.ms()), wall: kernel.now() })
}

impl Clock for LockStep {
    fn now(&self) -> Now {
        now(&self.0)
    }

    fn wait_until(&self, at: Millis) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let handle = self.0.clone();
            // Moving the world is work: off the runtime's threads.
            let moved = tokio::task::spawn_blocking(move || handle.advance_to(at.0)).await;
            if moved.is_err() {
                std::future::pending::<()>().await;
            }
        })
    }

    fn is_virtual(&self) -> bool {
        true
    }
}

impl Clock for Scaled {
    fn now(&self) -> Now {
        now(&self.handle)
    }

    fn wait_until(&self, at: Millis) -> BoxFuture<'_, ()> {
        let ahead = at.minus(self.now().mono);
        let real = ahead.0 as f64 / self.speed.max(0.001);
        Box::pin(tokio::time::sleep(std::time::Duration::from_millis(real.min(1e12) as u64)))
    }
}

/// As a driver wants it.
pub fn shared(clock: impl Clock) -> Arc<dyn Clock> {
    Arc::new(clock)
}
