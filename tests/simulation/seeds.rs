//! Many seeds, on all cores.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::laws::Violation;
use crate::report::Report;
use crate::run::{End, Run};
use crate::script::Script;
use crate::shrink::shrink;

/// How a script ended, and the law it broke.
pub fn play(script: &Script) -> (End, Option<Violation>) {
    let mut run = Run::new(script);
    let end = run.go();
    (end, run.laws.violation().cloned())
}

/// Plays seeds and tells what came of them.
pub fn sweep(first: u64, count: u64) -> Report {
    let next = AtomicU64::new(first);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let work = || {
        let mut report = Report::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= first + count {
                return report;
            }
            let script = Script::draw(seed);
            let mut run = Run::new(&script);
            let end = run.go();
            report.runs += 1;
            report.landed += run.landed;
            report.steps += run.steps;
            *report.ends.entry(end).or_default() += 1;
            report.coverage.add(&run.coverage);
            if let Some(v) = run.laws.violation() {
                report.broken.entry(v.law).or_default().insert(seed, v.to_string());
            }
        }
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let mut all = Report::default();
        workers.into_iter().for_each(|w| all.add(&w.join().unwrap()));
        all
    })
}

fn wanted(otherwise: u64) -> u64 {
    std::env::var("SEEDS").ok().and_then(|s| s.parse().ok()).unwrap_or(otherwise)
}

/// The first seed of a sweep, so that the nights do not play the same ones.
fn first() -> u64 {
    std::env::var("FIRST").ok().and_then(|s| s.parse().ok()).unwrap_or(0)
}

#[test]
fn seeds_break_no_law() {
    let began = std::time::Instant::now();
    let report = sweep(first(), wanted(2_000));
    println!("{report}  {:.0} seeds/s", report.runs as f64 / began.elapsed().as_secs_f64());
    if let Some((law, seed)) = report.broken.iter().find_map(|(law, seeds)| Some((law, seeds.keys().next()?))) {
        let short = shrink(&Script::draw(*seed));
        let told = play(&short).1.map_or_else(String::new, |v| v.to_string());
        panic!("{report}\n{law} is broken by seed {seed}; what it takes:\n{short}{told}");
    }
    for end in [End::Done, End::RolledBack, End::Parked] {
        assert!(report.share(end) >= 0.1, "{end:?} is reached too rarely");
    }
    // In a whole sweep, every kind of trouble is met in every phase.
    let thin = if report.runs >= 200_000 { report.coverage.thin(100) } else { vec![] };
    assert!(thin.is_empty(), "met too rarely: {thin:?}");
}

#[test]
fn a_seed_is_always_the_same_run() {
    for seed in 0..60 {
        let script = Script::draw(seed);
        let once = || {
            let mut run = Run::new(&script);
            run.trace = Some(vec![]);
            run.go();
            run.trace.take().unwrap()
        };
        assert_eq!(once(), once(), "seed {seed}");
    }
}

/// Tells one seed, step by step: `SEED=7`.
#[test]
fn one_seed() {
    let Some(seed) = std::env::var("SEED").ok().and_then(|s| s.parse().ok()) else { return };
    let mut script = Script::draw(seed);
    if std::env::var("SHORT").is_ok() {
        script = shrink(&script);
    }
    println!("{script}");
    let mut run = Run::new(&script);
    run.trace = Some(vec![]);
    let end = run.go();
    println!("{}\n{end:?}", run.trace.take().unwrap().join("\n"));
    if let Some(violation) = run.laws.violation() {
        if std::env::var("WORLD").is_ok() {
            println!("{:#?}", run.world.parts);
        }
        println!("{violation}");
    }
}
