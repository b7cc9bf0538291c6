//! Waiting for a condition, never for a time.

use std::fmt::Debug;
use std::time::{Duration, Instant};

/// How long between two looks.
const LOOK: Duration = Duration::from_millis(100);

/// Looks until `look` says `Ok`. The last `Err` says what was seen instead, and becomes the panic's text.
///
/// # Panics
/// When the condition does not hold within `limit`.
pub async fn eventually<T, E: Debug>(what: &str, limit: Duration, mut look: impl AsyncFnMut() -> Result<T, E>) -> T {
    let started = Instant::now();
    loop {
        match look().await {
            Ok(found) => return found,
            Err(seen) if started.elapsed() > limit => panic!("{what}: not within {limit:?}; last seen: {seen:?}"),
            Err(_) => tokio::time::sleep(LOOK).await,
        }
    }
}

/// The same for the start of the servers, where no runtime is at hand. `Err` says what was seen last.
pub fn eventually_sync<T>(what: &str, limit: Duration, mut look: impl FnMut() -> Result<T, String>) -> Result<T, String> {
    let started = Instant::now();
    loop {
        match look() {
            Ok(found) => return Ok(found),
            Err(seen) if started.elapsed() > limit => return Err(format!("{what}: not within {limit:?}; last seen: {seen}")),
            Err(_) => std::thread::sleep(LOOK),
        }
    }
}
