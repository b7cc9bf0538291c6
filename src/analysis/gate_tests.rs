//! Gates: what breaks them, for how long, and what follows.

use crate::domain::beside::Beside;
use crate::domain::gate::{Consequence, Gate, Limit, Metric};
use crate::domain::observed::Restart;
use crate::domain::time::Millis;
use crate::domain::verdict::{Doubt, GateVerdict, Verdict};

use super::world::{World, errors, gate, latency};

fn word(v: &GateVerdict) -> (&'static str, u64) {
    (v.verdict.word(), v.broken_for.as_secs())
}

#[test]
fn a_limit_kept_is_healthy_with_its_numbers() {
    let mut w = World::new(vec![errors(Consequence::Rollback)]);
    w.run(2, 100, 2);
    let v = w.verdict();
    assert_eq!(v.verdict, Verdict::Healthy);
    assert_eq!(v.evidence, "errors 2 % ≤ 5 %, 2 of 100 requests");
    assert_eq!((v.candidate, v.requests), (Some(0.02), 100));
    assert!((v.stable.unwrap() - 1.0 / 501.0).abs() < 1e-9);
}

#[test]
fn a_limit_broken_long_enough_rolls_back_and_not_before() {
    let mut w = World::new(vec![errors(Consequence::Rollback)]);
    w.run(3, 100, 0);
    let mut seen = vec![];
    for _ in 0..4 {
        w.run(1, 100, 10);
        seen.push(word(&w.verdict()));
    }
    assert_eq!(seen, [("warn", 15), ("warn", 30), ("rollback", 45), ("rollback", 60)]);
    assert_eq!(w.verdict().evidence, "errors 10 % > 5 % for 1m, 40 of 400 requests");
    w.run(1, 100, 0);
    assert_eq!(word(&w.verdict()), ("healthy", 0), "one good window ends it");
    w.run(1, 1000, 98);
    assert_eq!(w.verdict().evidence, "errors 9.8 % > 5 % for 15s of 45s, 98 of 1 000 requests");
}

#[test]
fn pause_and_warn_only_warn() {
    for then in [Consequence::Pause, Consequence::Warn] {
        let mut w = World::new(vec![errors(then)]);
        w.run(6, 100, 10);
        assert_eq!(word(&w.verdict()).0, "warn");
        assert!(w.verdict().broken_for >= Millis::secs(45));
    }
}

#[test]
fn stable_in_the_same_trouble_is_a_shared_incident() {
    let both = |w: &mut World| {
        w.pod("web-aaaa-11111").serve(450, 50, 80.0);
        w.candidate().serve(90, 10, 80.0);
        w.tick();
    };
    let mut w = World::new(vec![errors(Consequence::Rollback)]);
    w.tick();
    for _ in 0..2 {
        both(&mut w);
    }
    assert_eq!(word(&w.verdict()).0, "warn");
    both(&mut w);
    assert_eq!(w.verdict().verdict, Verdict::SharedIncident);
    assert!(w.verdict().evidence.ends_with("; stable too: 10 %"), "{}", w.verdict().evidence);
    w.run(4, 100, 10);
    assert_eq!(w.verdict().verdict, Verdict::Rollback, "stable has recovered, the candidate has not");
}

#[test]
fn a_short_trouble_of_stable_does_not_shield_the_candidate() {
    let mut w = World::new(vec![errors(Consequence::Rollback)]);
    w.run(4, 100, 10);
    w.pod("web-aaaa-11111").serve(450, 50, 80.0);
    w.candidate().serve(90, 10, 80.0);
    w.tick();
    assert_eq!(w.verdict().verdict, Verdict::Rollback);
}

#[test]
fn a_gap_neither_fires_nor_forgives() {
    let mut w = World::new(vec![errors(Consequence::Rollback)]);
    w.run(3, 100, 10);
    assert_eq!(word(&w.verdict()), ("warn", 30));
    w.now += 20 * 60_000;
    w.judge.outage("timeout", w.at().wall);
    assert!(matches!(w.verdict().verdict, Verdict::Inconclusive(Doubt::Unreachable { .. })));
    w.tick();
    assert!(matches!(w.verdict().verdict, Verdict::Inconclusive(_)), "{:?}", w.verdict());
    assert_eq!(w.verdict().broken_for.as_secs(), 30, "20 minutes nobody saw are not 20 broken minutes");
    w.run(1, 100, 10);
    assert_eq!(word(&w.verdict()), ("rollback", 45));
}

#[test]
fn too_few_requests_are_no_health_and_reach_further_back() {
    let mut w = World::new(vec![errors(Consequence::Rollback)]);
    w.run(2, 8, 0);
    assert_eq!(w.verdict().verdict, Verdict::Inconclusive(Doubt::TooFew { have: 8, need: 20 }));
    assert_eq!(w.verdict().evidence, "errors: too few requests, 8 of 20");
    w.run(2, 8, 0);
    assert_eq!(w.verdict().verdict, Verdict::Healthy);
    assert_eq!(w.verdict().requests, 24);
    let mut w = World::new(vec![errors(Consequence::Rollback)]);
    w.run(40, 1, 0);
    assert_eq!(w.verdict().verdict, Verdict::Inconclusive(Doubt::TooFew { have: 8, need: 20 }), "two minutes and no further");
}

#[test]
fn a_candidate_that_gets_nothing_is_said_to() {
    let mut w = World::new(vec![errors(Consequence::Rollback)]);
    w.run(3, 0, 0);
    let v = w.verdict();
    assert!(matches!(v.verdict, Verdict::Inconclusive(Doubt::TooFew { have: 0, .. })));
    assert_eq!(v.evidence, "errors: no request reaches the candidate although the route sends it 10 %");
}

#[test]
fn a_new_weight_needs_new_evidence() {
    let mut w = World::new(vec![errors(Consequence::Rollback)]);
    w.run(3, 100, 0);
    assert_eq!(w.verdict().verdict, Verdict::Healthy);
    w.now += 3000;
    w.weight = 25;
    w.notice();
    assert_eq!(w.verdict().verdict, Verdict::Inconclusive(Doubt::NotYet));
    w.now -= 3000;
    w.run(1, 100, 0);
    assert_eq!(w.verdict().verdict, Verdict::Inconclusive(Doubt::NotYet), "half of this window was before");
    w.run(1, 100, 0);
    assert_eq!(w.verdict().verdict, Verdict::Healthy);
}

#[test]
fn without_traffic_for_the_candidate_nothing_is_judged() {
    let mut w = World::new(vec![errors(Consequence::Rollback)]);
    w.run(4, 100, 10);
    w.weight = 0;
    w.notice();
    let v = w.verdict();
    assert_eq!((v.verdict, v.broken_for), (Verdict::Inconclusive(Doubt::NotYet), Millis::ZERO));
    assert_eq!(v.evidence, "errors: not judged, no traffic is meant for the candidate");
    w.images = ["app:v2", "app:v2"];
    w.notice();
    w.run(2, 0, 0);
    assert_eq!(w.verdict().evidence, "errors 0.2 % ≤ 5 %, 1 of 501 requests", "promoted: the new version serves as stable");
    w.beside = Beside::Sends(vec!["HTTPRoute testers".into()]);
    w.notice();
    w.run(2, 0, 0);
    assert_eq!(w.verdict().verdict, Verdict::Healthy, "and testers, who may send nothing, meet the same");
}

#[test]
fn evidence_does_not_cross_versions() {
    let mut w = World::new(vec![errors(Consequence::Rollback)]);
    w.run(5, 100, 10);
    assert_eq!(w.verdict().verdict, Verdict::Rollback);
    w.hash[1] = "cccc";
    w.notice();
    assert_eq!(w.verdict().verdict, Verdict::Inconclusive(Doubt::NoData));
    w.run(3, 100, 10);
    assert_eq!(w.verdict().verdict, Verdict::Inconclusive(Doubt::NoData), "old pods count no more");
    let mut pod = w.pods.remove("web-canary-bbbb-33333").unwrap();
    pod.counters.clear();
    w.pods.insert("web-canary-cccc-55555".into(), pod);
    for _ in 0..3 {
        w.pod("web-canary-cccc-55555").serve(60, 0, 80.0);
        w.tick();
    }
    assert_eq!(w.verdict().evidence, "errors 0 % ≤ 5 %, 0 of 60 requests");
    w.judge.reset_candidate("web", w.at().wall);
    assert_eq!(w.verdict().verdict, Verdict::Inconclusive(Doubt::NoData));
}

#[test]
fn a_rolling_update_tells_its_pods_apart_by_template() {
    let mut w = World::new(vec![errors(Consequence::Rollback)]);
    w.release.components[0].candidate = None;
    w.judge = super::Judge::new(&w.release);
    w.pods.values_mut().for_each(|p| p.track = None);
    w.pods.remove("web-canary-bbbb-33333");
    w.tick();
    w.hash[0] = "bbbb";
    w.pods.insert("web-bbbb-33333".into(), super::world::Pod::default());
    for _ in 0..5 {
        w.pod("web-aaaa-11111").serve(300, 0, 80.0);
        w.pod("web-bbbb-33333").serve(90, 10, 80.0);
        w.tick();
    }
    let v = w.verdict();
    assert_eq!((v.candidate, v.stable), (Some(0.1), Some(0.0)), "{}", v.evidence);
    assert!((w.judgement().observed["web"].0 - 0.25).abs() < 1e-9);
    w.hash[0] = "aaaa";
    for _ in 0..2 {
        w.tick();
        w.pod("web-aaaa-11111").serve(400, 0, 80.0);
    }
    w.tick();
    assert_eq!(w.verdict().evidence.split(',').next(), Some("errors 0 % ≤ 5 %"), "taken back: {}", w.verdict().evidence);
}

#[test]
fn latency_by_quantile() {
    let slow = |w: &mut World, ms: f64| {
        w.pod("web-aaaa-11111").serve(500, 0, 80.0);
        w.candidate().serve(90, 0, 80.0);
        w.candidate().serve(10, 0, ms);
        w.tick();
    };
    let mut w = World::new(vec![latency(Limit::Above(250.0))]);
    w.tick();
    slow(&mut w, 200.0);
    assert_eq!(w.verdict().verdict, Verdict::Healthy, "{}", w.verdict().evidence);
    for _ in 0..3 {
        slow(&mut w, 400.0);
    }
    assert_eq!(w.verdict().verdict, Verdict::Rollback);
    assert_eq!(w.verdict().evidence, "p95 375 ms > 250 ms for 45s, 300 requests");
    slow(&mut w, 9000.0);
    assert_eq!((w.verdict().verdict, w.verdict().candidate), (Verdict::Rollback, Some(500.0)), "beyond the last edge");
    let mut w = World::new(vec![latency(Limit::Above(700.0))]);
    w.tick();
    slow(&mut w, 9000.0);
    assert_eq!(w.verdict().verdict, Verdict::Inconclusive(Doubt::BeyondBuckets { edge: 500.0 }), "900 ms or 9 s, who knows");
}

#[test]
fn latency_against_stable_live_and_before_the_switch() {
    let mut w = World::new(vec![latency(Limit::AboveStable { relative: 0.2 })]);
    w.run(3, 100, 0);
    assert_eq!(w.verdict().verdict, Verdict::Healthy);
    assert_eq!(w.verdict().evidence, "p95 97.5 ms ≤ stable 97.5 ms + 20 % = 117 ms, 100 requests");
    for _ in 0..3 {
        w.candidate().serve(100, 0, 200.0);
        w.tick();
    }
    assert_eq!(w.verdict().verdict, Verdict::Rollback);
    assert!(w.verdict().evidence.contains("> stable before the switch 97.5 ms + 20 %"), "{}", w.verdict().evidence);
    let mut w = World::new(vec![latency(Limit::AboveStable { relative: 0.2 })]);
    w.tick();
    w.candidate().serve(100, 0, 200.0);
    w.tick();
    assert_eq!(w.verdict().verdict, Verdict::Inconclusive(Doubt::NoBaseline));
}

fn restarts(limit: u64, then: Consequence) -> Gate {
    gate(Metric::Restarts { within: Millis::mins(15) }, Limit::AtLeast(limit), 0, then)
}

fn crashed(count: u32) -> Vec<Restart> {
    vec![Restart { pod: "uid-1".into(), container: "app".into(), count, ago: Some(Millis::secs(5)), reason: Some("OOMKilled".into()) }]
}

#[test]
fn restarts_need_no_traffic_and_no_prometheus() {
    let mut w = World::new(vec![restarts(3, Consequence::Rollback)]);
    w.release.prometheus = None;
    w.weight = 0;
    w.notice();
    assert_eq!(w.verdict().evidence, "0 restarts in 15m, limit 3 in 15m");
    w.restarts = crashed(2);
    w.notice();
    assert_eq!((w.verdict().verdict, w.verdict().candidate), (Verdict::Healthy, Some(2.0)));
    w.restarts = crashed(3);
    w.notice();
    let v = w.verdict();
    assert_eq!((v.verdict, v.evidence.as_str()), (Verdict::Rollback, "3 restarts in 15m, limit 3 in 15m, last: OOMKilled"));
    w.now += 20 * 60_000;
    w.notice();
    assert_eq!(w.verdict().verdict, Verdict::Healthy);
    let observed = w.observed();
    w.now += 20 * 60_000;
    let v = w.judge.judge(&w.release, &observed, w.at()).gates.remove(0);
    assert!(matches!(v.verdict, Verdict::Inconclusive(Doubt::Stale { .. })), "objects read 20 minutes ago: {v:?}");
}

#[test]
fn a_query_is_judged_once_per_release() {
    let metric = Metric::Query { name: "orders".into(), promql: "x".into() };
    let mut w = World::new(vec![gate(metric, Limit::Below(80.0), 30, Consequence::Pause)]);
    w.tick();
    assert_eq!(w.verdict().verdict, Verdict::Inconclusive(Doubt::NoData));
    w.answer = Some(84.0);
    w.tick();
    let v = w.verdict();
    assert_eq!((v.verdict, v.component.as_str(), v.evidence.as_str()), (Verdict::Healthy, "shop", "orders 84 ≥ 80"));
    w.answer = Some(71.0);
    w.tick();
    w.tick();
    assert_eq!(w.verdict().evidence, "orders 71 < 80 for 30s");
    assert_eq!(word(&w.verdict()), ("warn", 30));
    w.answer = Some(f64::NAN);
    w.tick();
    assert_eq!(w.verdict().verdict, Verdict::Inconclusive(Doubt::NotANumber));
    w.weight = 0;
    w.notice();
    assert_eq!(w.verdict().verdict, Verdict::Inconclusive(Doubt::NotYet));
}
