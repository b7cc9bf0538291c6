//! What things cost: `cargo bench`, or one group: `cargo bench -- engine`.
//!
//! Goals, for two components: `engine/decide` at most 5 µs, `driver/step` at most 20 µs; 10,000 rollouts a second of one
//! component by the engine alone. Everything about pods is measured with 10,000 of them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod driver;
mod engine;
#[path = "../tests/suite/fixture.rs"]
#[allow(dead_code, unused_imports)]
mod fixture;
mod frames;
mod pods;
mod rollouts;
mod watch;

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};

/// Short: the whole run stays under two minutes.
fn quick() -> Criterion {
    Criterion::default().sample_size(30).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2)).without_plots()
}

criterion_group! {
    name = cost;
    config = quick();
    targets = engine::benches, rollouts::benches, driver::benches, watch::benches, frames::benches
}
criterion_main!(cost);
