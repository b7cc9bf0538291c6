//! Properties that hold for any input.

use jiff::Timestamp;
use proptest::prelude::*;

use crate::domain::gate::{Consequence, Limit, Metric};
use crate::domain::release::Track;
use crate::domain::sample::{Counts, QueryValue, Sample, Scrape, Series};
use crate::domain::time::Millis;
use crate::domain::verdict::Verdict;

use super::Judge;
use super::world::{INTERVAL, T0, World, errors, gate, latency};

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![3 => (0_u32..5000).prop_map(f64::from), 1 => any::<f64>(), 1 => Just(f64::NAN), 1 => Just(f64::INFINITY)]
}

/// JSON is read back to the last digit only within reason.
fn answer() -> impl Strategy<Value = f64> {
    prop_oneof![4 => -1e9..1e9_f64, 1 => Just(f64::NAN), 1 => Just(f64::NEG_INFINITY)]
}

fn series() -> impl Strategy<Value = Series> {
    let counts = prop_oneof![
        any::<bool>().prop_map(|failed| Counts::Requests { failed }),
        prop_oneof![number(), Just(f64::INFINITY)].prop_map(|le_ms| Counts::Bucket { le_ms })
    ];
    let at = prop_oneof![8 => (0..40_i64).prop_map(|n| T0 + n * INTERVAL / 2), 1 => any::<i64>()];
    let samples = prop::collection::vec((at, number()).prop_map(|(at_ms, value)| Sample { at_ms, value }), 0..6);
    let pod = prop::sample::select(vec!["web-aaaa-11111", "web-canary-bbbb-33333", "web-canary-cccc-33333", "x", ""]);
    (any::<bool>(), pod, counts, samples).prop_map(|(canary, pod, counts, samples)| Series {
        component: "web".into(),
        track: if canary { Track::Candidate } else { Track::Stable },
        id: format!("{pod}{counts:?}"),
        target: pod.into(),
        pod: Some(pod.into()),
        counts,
        samples,
    })
}

#[derive(Clone, Debug)]
enum Event {
    Feed(i64, u64, Vec<Series>, f64),
    Outage,
    Weight(u32),
    Hash(bool),
    Restore,
    Reset,
}

fn event() -> impl Strategy<Value = Event> {
    let offset = prop_oneof![8 => (0..20_i64).prop_map(|n| n * INTERVAL), 1 => -100_000_000_i64..100_000_000];
    let interval = prop_oneof![8 => Just(INTERVAL as u64), 1 => any::<u64>()];
    prop_oneof![
        6 => (offset, interval, prop::collection::vec(series(), 0..12), answer()).prop_map(|(o, i, s, q)| Event::Feed(o, i, s, q)),
        1 => Just(Event::Outage),
        1 => (0..=100_u32).prop_map(Event::Weight),
        1 => any::<bool>().prop_map(Event::Hash),
        1 => Just(Event::Restore),
        1 => Just(Event::Reset),
    ]
}

fn world() -> World {
    let query = Metric::Query { name: "orders".into(), promql: "x".into() };
    World::new(vec![
        errors(Consequence::Rollback),
        latency(Limit::Above(100.0)),
        latency(Limit::AboveStable { relative: 0.2 }),
        gate(query, Limit::Below(10.0), 0, Consequence::Pause),
    ])
}

proptest! {
    /// Whatever comes, in whatever order: no panic, figures that are numbers, and a state that survives being stored.
    #[test]
    fn nothing_upsets_it(events in prop::collection::vec(event(), 0..25)) {
        let mut w = world();
        for event in events {
            w.now += INTERVAL;
            match event {
                Event::Feed(offset, interval, series, answer) => {
                    let asked = Timestamp::from_millisecond(T0 + offset).unwrap();
                    let queries = vec![QueryValue { gate: "orders".into(), value: Ok(answer), at: asked }];
                    let scrape = Scrape { asked, ahead: Millis::ZERO, interval: Millis(interval), series, queries, warnings: vec![] };
                    w.judge.feed(&w.release, &scrape);
                }
                Event::Outage => w.judge.outage("no", w.at().wall),
                Event::Weight(weight) => { w.weight = weight; w.notice(); }
                Event::Hash(other) => { w.hash[1] = if other { "cccc" } else { "bbbb" }; w.notice(); }
                Event::Restore => {
                    let text = serde_json::to_string(&w.judge).unwrap();
                    let back: Judge = serde_json::from_str(&text).unwrap();
                    prop_assert_eq!(&back, &w.judge);
                    w.judge = back;
                }
                Event::Reset => w.judge.reset_candidate("web", w.at().wall),
            }
            let judgement = w.judgement();
            for v in &judgement.gates {
                prop_assert!(v.candidate.is_none_or(f64::is_finite) && v.stable.is_none_or(f64::is_finite), "{:?}", v);
                prop_assert!(!v.evidence.is_empty());
            }
            for s in judgement.arms.values().flat_map(|a| a.values()) {
                prop_assert!(s.errors.is_none_or(|e| (0.0..=1.0).contains(&e)));
                prop_assert!(s.failed <= s.requests || s.requests == 0);
            }
            prop_assert!(judgement.observed.values().all(|s| (0.0..=1.0).contains(&s.0)));
        }
    }

    /// A gate on traffic is healthy only if the judged side was sampled within two intervals and enough requests were counted.
    #[test]
    fn health_needs_fresh_data(
        looks in prop::collection::vec((prop::bool::weighted(0.8), prop::bool::weighted(0.8), 0..60_u64, 0..4_u64), 1..30), pause in 0..10_i64,
    ) {
        let mut w = World::new(vec![errors(Consequence::Rollback)]);
        let mut last_scrape = None;
        for (scraped, looked, requests, failed) in looks {
            w.candidate().serve(requests, failed, 80.0);
            w.now += INTERVAL;
            if scraped { w.scrape(); last_scrape = Some(w.now); }
            if looked { w.feed(); } else { w.judge.outage("timeout", w.at().wall); }
        }
        w.now += pause * INTERVAL / 2;
        let v = w.verdict();
        if v.verdict == Verdict::Healthy {
            prop_assert!(v.requests >= 20);
            prop_assert!(v.candidate.is_some_and(|e| e <= 0.05));
            prop_assert!(last_scrape.is_some_and(|at| w.now - at <= INTERVAL * 4 + 10_000), "{:?}", v);
        }
    }

    /// What the candidate served is counted exactly once, however scrapes and looks fall, as long as no look comes later than
    /// two scrapes after the one before.
    #[test]
    fn every_request_is_counted_once(looks in prop::collection::vec((prop::bool::weighted(0.6), 0..500_u64, 0..50_u64), 1..40)) {
        let mut w = World::new(vec![]);
        w.tick();
        let (mut served, mut failures, mut missed) = (0, 0, false);
        for (looked, requests, failed) in looks {
            w.candidate().serve(requests, failed, 80.0);
            (served, failures) = (served + requests + failed, failures + failed);
            w.now += INTERVAL;
            w.scrape();
            if looked || missed { w.feed(); missed = false; } else { missed = true; }
        }
        w.feed();
        let arm = w.judgement().arms["web"][&Track::Candidate].clone();
        prop_assert_eq!((arm.total_requests, arm.total_failed), (served, failures));
    }
}
