//! One step of a driver, by what it is given. A run of two components holds at 25 %; the world answers everything at once.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use criterion::Criterion;
use cutover::domain::port::{LeaseOutcome, StoreOutcome, Stored};
use cutover::domain::release::Track;
use cutover::domain::rollout::Rollout;
use cutover::domain::sample::{Counts, Sample, Scrape, Series};
use cutover::domain::step::Step;
use cutover::domain::time::{Millis, Now};
use cutover::domain::view::Driver;
use cutover::driver::core::io::{Call, Input, Reply, Request};
use cutover::driver::core::{Core, Setup};

use crate::fixture::{holding, now, observed};

const COMPONENTS: [&str; 2] = ["backend", "frontend"];
/// Pods of stable and of the candidate: each is a target of its own, with so many buckets.
const PODS: [(Track, u64); 2] = [(Track::Stable, 9), (Track::Candidate, 3)];
const EDGES: [f64; 11] = [5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2500.0, 5000.0, f64::INFINITY];

/// A driver with a world that answers.
struct Rig {
    core: Core,
    wire: VecDeque<Request>,
    now: Now,
    stored: Rollout,
    version: u64,
}

impl Rig {
    fn new() -> Rig {
        let view = holding(&COMPONENTS);
        let mut stored = view.rollout.unwrap();
        for step in &mut stored.plan {
            if let Step::Hold(length) = step {
                *length = Millis::mins(60 * 24 * 365); // it holds as long as it is measured
            }
        }
        let setup =
            Setup { holder: "ada#1".into(), may_write: true, take_up: true, active: Millis::secs(2), idle: Millis::secs(5), after: None };
        let mut rig = Rig { core: Core::new(setup, view.release, now()), wire: VecDeque::new(), now: now(), stored, version: 1 };
        while rig.core.view().judgement.arms.values().all(|arms| arms[&Track::Candidate].requests == 0) {
            rig.step();
        }
        assert!(matches!(rig.core.view().driver, Driver::Us { .. }));
        rig
    }

    /// The next answer, or the next tick when nothing is open.
    fn input(&mut self) -> Input {
        let Some(Request { id, call }) = self.wire.pop_front() else {
            self.now.mono = self.now.mono.plus(Millis::secs(1));
            self.now.wall += jiff::SignedDuration::from_secs(1);
            return Input::Tick;
        };
        let version = self.version.to_string();
        let reply = match call {
            Call::Load { .. } => Reply::Loaded(Ok(Some(Stored { rollout: Some(self.stored.clone().into()), orders: vec![], version }))),
            Call::Observe { .. } => Reply::Observed(Ok(observed(&COMPONENTS, 25).into())),
            Call::Sample { .. } => Reply::Sampled(Ok(self.scrape())),
            Call::Store { rollout, .. } => {
                (self.stored, self.version) = (std::sync::Arc::unwrap_or_clone(rollout), self.version + 1);
                Reply::Stored(StoreOutcome::Stored { version: self.version.to_string() })
            }
            Call::Lease { .. } => Reply::Leased(LeaseOutcome::Held { epoch: 3 }),
            Call::Journal { .. } => Reply::Journaled(Ok(())),
            Call::Append { .. } => Reply::Appended(Ok(())),
            Call::Write { action, .. } => panic!("a run that holds writes nothing: {action}"),
        };
        Input::Reply { id, reply }
    }

    /// Three samples of every counter, ten requests a second and pod, none failed.
    fn scrape(&self) -> Scrape {
        let at = self.now.wall.as_second();
        let samples = |share: f64| {
            (0..3)
                .rev()
                .map(|n| at - at % 15 - 15 * n)
                .map(|s| Sample { at_ms: s * 1000, value: (s as f64 * 10.0 * share).floor() })
                .collect()
        };
        let mut series = vec![];
        for component in COMPONENTS {
            for (track, pod) in PODS.into_iter().flat_map(|(track, n)| (0..n).map(move |p| (track, format!("{component}-{track}-{p}")))) {
                let one = |counts, label: &str, share| Series {
                    component: component.into(),
                    track,
                    id: format!("{label},pod={pod}"),
                    target: format!("app/{pod}"),
                    pod: Some(pod.clone()),
                    counts,
                    samples: samples(share),
                };
                series.push(one(Counts::Requests { failed: false }, "code=200", 1.0));
                series.push(one(Counts::Requests { failed: true }, "code=500", 0.0));
                series.extend(
                    EDGES
                        .iter()
                        .enumerate()
                        .map(|(n, le)| one(Counts::Bucket { le_ms: *le }, &format!("le={le}"), (n + 1) as f64 / EDGES.len() as f64)),
                );
            }
        }
        Scrape { asked: self.now.wall, ahead: Millis::ZERO, interval: Millis::secs(15), series, queries: vec![], warnings: vec![] }
    }

    /// One step: what it was given, and how long it took.
    fn step(&mut self) -> (&'static str, Duration) {
        let input = self.input();
        let name = match &input {
            Input::Reply { reply: Reply::Loaded(_), .. } => "loaded",
            Input::Reply { reply: Reply::Observed(_), .. } => "observed",
            Input::Reply { reply: Reply::Sampled(_), .. } => "sampled",
            Input::Reply { reply: Reply::Stored(_), .. } => "stored",
            Input::Tick => "tick",
            _ => "other",
        };
        let mut out = vec![];
        let began = Instant::now();
        self.core.step(self.now, input, &mut out);
        let took = began.elapsed();
        self.wire.extend(out);
        (name, took)
    }

    /// The time of so many steps that are given `wanted`.
    fn time(&mut self, wanted: Option<&str>, steps: u64) -> Duration {
        let mut total = Duration::ZERO;
        let mut n = 0;
        while n < steps {
            let (name, took) = self.step();
            if wanted.is_none_or(|w| w == name) {
                (total, n) = (total + took, n + 1);
            }
        }
        total
    }
}

pub fn benches(c: &mut Criterion) {
    let mut group = c.benchmark_group("driver");
    let mut rig = Rig::new();
    group.bench_function("step", |b| b.iter_custom(|steps| rig.time(None, steps)));
    for wanted in ["tick", "loaded", "observed", "stored", "sampled"] {
        group.bench_function(format!("step/{wanted}"), |b| b.iter_custom(|steps| rig.time(Some(wanted), steps)));
    }
    group.bench_function("view", |b| b.iter(|| rig.core.view()));
    group.finish();
}
