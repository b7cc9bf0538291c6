//! Whole runs against a world where everything goes wrong: drivers die, answers are lost, writes land late, other people
//! write, clocks jump. A seed gives one run, always the same; what must hold is looked at after every message and write.
//!
//! `cargo test --test simulation` plays 2,000 seeds. Many, with a report: `SEEDS=10000000 FIRST=1000000 cargo test --release --test
//! simulation seeds_break -- --nocapture`. One seed, told step by step: `SEED=7 cargo test --test simulation one_seed -- --nocapture`;
//! with `SHORT=1` only what it takes to break the law. Engines that are wrong on purpose: `--features mutants`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::nonminimal_bool,
    missing_docs
)]

mod crashes;
mod laws;
#[cfg(feature = "mutants")]
mod mutants;
mod report;
mod run;
mod script;
mod seeds;
mod shrink;
mod world;
#[path = "../worlds/worlds.rs"]
mod worlds;

/// A run is made of small pieces that come and go: half of its time went into finding room for them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The same against a real API server is in the other binary.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_compact_world_and_the_embedded_cluster_answer_alike() {
    worlds::play::agree(None).await;
}
