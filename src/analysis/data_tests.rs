//! The data contract with Prometheus: each hazard and its rule.

use crate::domain::gate::Consequence;
use crate::domain::release::Track;
use crate::domain::sample::Counts;
use crate::domain::time::{Millis, Now};
use crate::domain::verdict::{ArmStats, Doubt, Verdict};

use super::world::{INTERVAL, Pod, World, errors, latency};

fn world() -> World {
    let mut w = World::new(vec![errors(Consequence::Rollback)]);
    w.run(2, 100, 0);
    w
}

fn stats(w: &World, track: Track) -> ArmStats {
    w.judgement().arms["web"][&track].clone()
}

fn totals(w: &World, track: Track) -> (u64, u64) {
    let s = stats(w, track);
    (s.total_requests, s.total_failed)
}

#[test]
fn what_was_counted_before_is_the_baseline() {
    let mut w = World::new(vec![]);
    w.tick();
    assert_eq!(totals(&w, Track::Candidate), (0, 0), "1010 requests before we came");
    w.run(1, 100, 4);
    assert_eq!(totals(&w, Track::Candidate), (100, 4));
    assert_eq!(totals(&w, Track::Stable), (501, 1));
}

#[test]
fn a_sample_counts_once_however_often_it_is_seen() {
    let mut w = world();
    let before = totals(&w, Track::Candidate);
    for _ in 0..5 {
        w.now += 1000;
        w.feed();
    }
    assert_eq!(totals(&w, Track::Candidate), before);
    w.now += INTERVAL - 5000;
    w.candidate().serve(50, 0, 80.0);
    w.scrape();
    w.feed();
    assert_eq!(totals(&w, Track::Candidate).0, before.0 + 50);
}

#[test]
fn a_missed_look_loses_nothing() {
    let mut w = world();
    let before = totals(&w, Track::Candidate).0;
    w.candidate().serve(30, 0, 80.0);
    w.now += INTERVAL;
    w.scrape();
    w.candidate().serve(30, 0, 80.0);
    w.tick();
    assert_eq!(totals(&w, Track::Candidate).0, before + 60);
}

#[test]
fn a_new_series_on_a_known_pod_counts_from_zero() {
    let mut w = world();
    w.candidate().bump_code("code=503", 7);
    w.tick();
    assert_eq!(totals(&w, Track::Candidate).1, 7, "the first errors with a new label set");
}

#[test]
fn a_new_pod_brings_its_baseline() {
    let mut w = world();
    let before = totals(&w, Track::Candidate);
    let mut pod = Pod { track: Some(Track::Candidate), ..Pod::default() };
    pod.serve(5000, 5000, 80.0);
    w.pods.insert("web-canary-bbbb-44444".into(), pod);
    w.tick();
    assert_eq!(totals(&w, Track::Candidate), before, "nobody knows since when");
    w.pod("web-canary-bbbb-44444").serve(40, 2, 80.0);
    w.tick();
    assert_eq!(totals(&w, Track::Candidate), (before.0 + 42, before.1 + 2));
}

#[test]
fn a_reset_counts_what_was_counted_since() {
    let mut w = world();
    let before = totals(&w, Track::Candidate).0;
    for (_, value, _) in w.candidate().counters.values_mut() {
        *value = 0.0;
    }
    w.candidate().serve(25, 0, 80.0);
    w.tick();
    assert_eq!(totals(&w, Track::Candidate).0, before + 25);
    assert!(w.verdict().evidence.ends_with("1 process began anew"), "{}", w.verdict().evidence);
}

#[test]
fn a_pod_that_went_away_is_said() {
    let mut w = world();
    let mut second = Pod { track: Some(Track::Candidate), ..Pod::default() };
    second.serve(100, 0, 80.0);
    w.pods.insert("web-canary-bbbb-44444".into(), second);
    w.run(2, 100, 0);
    w.pods.remove("web-canary-bbbb-44444");
    w.run(1, 100, 0);
    assert!(w.verdict().evidence.contains("1 pod went away"), "{}", w.verdict().evidence);
    w.run(1, 100, 0);
    assert!(!w.verdict().evidence.contains("went away"), "once");
}

#[test]
fn nonsense_makes_the_interval_unfit_and_is_never_zero() {
    for nonsense in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0, 1234.5] {
        let mut w = world();
        let before = totals(&w, Track::Candidate).0;
        let kept = w.candidate().counters["code=200"].1;
        w.candidate().counters.get_mut("code=200").unwrap().1 = nonsense;
        w.tick();
        let v = w.verdict();
        assert_eq!(v.verdict, Verdict::Inconclusive(Doubt::NotANumber), "{nonsense}: {}", v.evidence);
        assert_eq!(totals(&w, Track::Candidate).0, before);
        // The next difference starts at the nonsense, the one after that is sound again.
        w.candidate().counters.get_mut("code=200").unwrap().1 = kept;
        w.run(1, 100, 0);
        assert_eq!(w.verdict().verdict, Verdict::Inconclusive(Doubt::NotANumber));
        w.run(1, 100, 0);
        assert_eq!(w.verdict().verdict, Verdict::Healthy, "{nonsense}: {}", w.verdict().evidence);
    }
}

#[test]
fn a_series_that_always_was_there_does_not_count_from_zero_at_the_edge_of_the_look() {
    let mut w = world();
    // Another series of the same target with times of its own, as federation would have it.
    let before = totals(&w, Track::Candidate).0;
    w.candidate().counters.insert("odd".into(), (Counts::Requests { failed: false }, 90_000.0, vec![]));
    for _ in 0..6 {
        let at_ms = w.now + 7000;
        w.candidate().counters.get_mut("odd").unwrap().2.push(crate::domain::sample::Sample { at_ms, value: 90_000.0 });
        w.run(1, 10, 0);
        w.candidate().counters.get_mut("odd").unwrap().2.retain(|s| s.at_ms % INTERVAL == at_ms % INTERVAL);
    }
    let counted = totals(&w, Track::Candidate).0 - before;
    assert!(counted <= 90_000 + 60, "counted {counted}: at most once from zero, when it really was new");
}

#[test]
fn old_data_is_stale_and_says_how_old() {
    let mut w = world();
    w.run(1, 100, 0);
    assert_eq!(w.verdict().verdict, Verdict::Healthy);
    // Prometheus answers, but scrapes nothing any more.
    for _ in 0..3 {
        w.now += INTERVAL;
        w.feed();
    }
    let v = w.verdict();
    assert!(matches!(v.verdict, Verdict::Inconclusive(Doubt::Stale { age }) if age.as_secs() == 45), "{v:?}");
}

#[test]
fn what_a_late_clock_is_shown_says_nothing_of_the_present() {
    let mut w = world();
    w.run(1, 100, 0);
    assert_eq!(w.verdict().verdict, Verdict::Healthy);
    // Prometheus' clock is as far ahead as its samples are apart: whatever is shown is of this moment, near enough.
    w.ahead = Millis(INTERVAL as u64);
    w.run(1, 100, 0);
    assert_eq!(w.verdict().verdict, Verdict::Healthy);
    w.ahead = Millis::secs(182);
    w.run(1, 100, 0);
    let v = w.verdict();
    assert!(matches!(v.verdict, Verdict::Inconclusive(Doubt::LateClock { .. })), "{v:?}");
    assert!(v.evidence.ends_with("this machine's clock is 3m2s behind Prometheus': set it right"), "{}", v.evidence);
    w.ahead = Millis::ZERO;
    w.run(1, 100, 0);
    assert_eq!(w.verdict().verdict, Verdict::Healthy, "set right");
}

#[test]
fn nobody_looked_for_a_while() {
    let mut w = world();
    w.now += INTERVAL * 2 + 11_000;
    assert!(matches!(w.verdict().verdict, Verdict::Inconclusive(Doubt::Stale { .. })));
}

#[test]
fn a_clock_that_is_set_back_makes_no_old_look_new() {
    let mut w = world();
    let asked = w.at();
    w.judge.heard_at(asked.mono);
    let judged = |w: &World, seconds: u64| {
        let later = Now { mono: asked.mono.plus(Millis::secs(seconds)), ..asked };
        w.judge.judge(&w.release, &w.observed(), later).gates[0].verdict.clone()
    };
    assert_eq!(judged(&w, 40), Verdict::Healthy, "two intervals of 15 s, and 10 s");
    assert!(matches!(judged(&w, 41), Verdict::Inconclusive(Doubt::Stale { age }) if age == Millis::secs(41)));
    w.feed();
    assert_eq!(judged(&w, 41), Verdict::Healthy, "who has no clock of its own goes by the other one");
}

#[test]
fn an_outage_is_told_at_once_and_doubted_when_a_second_look_is_lost() {
    let mut w = world();
    w.now += INTERVAL;
    w.judge.outage("HTTP 503\u{1b}[2J", w.at().wall);
    let (why, since) = w.judgement().outage.unwrap();
    assert_eq!((why.as_str(), since), ("HTTP 503<U+001B>[2J", w.at().wall));
    assert_eq!(w.verdict().verdict, Verdict::Healthy, "one lost look is no doubt yet");
    w.now += INTERVAL + 1;
    w.judge.outage("HTTP 503", w.at().wall);
    assert!(matches!(w.verdict().verdict, Verdict::Inconclusive(Doubt::Unreachable { .. })));
    assert_eq!(w.judgement().outage.unwrap().1, since, "since the first one");
    w.run(2, 100, 0);
    assert_eq!(w.judgement().outage, None);
    assert_eq!(w.verdict().verdict, Verdict::Healthy);
}

#[test]
fn without_prometheus_or_data_it_says_so() {
    let mut w = World::new(vec![errors(Consequence::Rollback), latency(crate::domain::gate::Limit::Above(500.0))]);
    assert_eq!(w.verdict().verdict, Verdict::Inconclusive(Doubt::NotYet));
    w.pods.clear();
    w.tick();
    assert_eq!(w.verdict().verdict, Verdict::Inconclusive(Doubt::NoData));
    w.judge.outage("connection refused", w.at().wall);
    w.release.prometheus = None;
    assert_eq!(w.verdict().verdict, Verdict::Inconclusive(Doubt::NoMetrics));
}

#[test]
fn a_judge_that_never_got_an_answer_says_unreachable() {
    let mut w = World::new(vec![errors(Consequence::Rollback)]);
    w.judge.outage("connection refused", w.at().wall);
    assert_eq!(w.verdict().verdict, Verdict::Inconclusive(Doubt::Unreachable { why: "connection refused".into() }));
}

#[test]
fn figures_of_both_sides() {
    let mut w = World::new(vec![]);
    w.tick();
    for _ in 0..6 {
        w.pod("web-aaaa-11111").serve(450, 0, 80.0);
        w.candidate().serve(40, 5, 80.0);
        w.candidate().serve(5, 0, 300.0);
        w.tick();
    }
    let c = stats(&w, Track::Candidate);
    assert_eq!((c.requests, c.failed), (200, 20), "a minute's");
    assert!((c.rps.unwrap() - 200.0 / 60.0).abs() < 1e-9);
    assert!((c.errors.unwrap() - 0.1).abs() < 1e-9);
    assert!(c.p95.unwrap() > 250.0 && c.p50.unwrap() < 100.0);
    assert_eq!(c.at.unwrap().as_millisecond(), w.now);
    assert_eq!((c.error_history.len(), c.error_history.back().copied()), (7, Some(Some(0.1))));
    let share = w.judgement().observed["web"].0;
    assert!((share - 0.1).abs() < 1e-9, "{share}");
    w.now += 10 * 60_000;
    assert_eq!(stats(&w, Track::Candidate).errors, None, "too old to be shown");
    assert!(w.judgement().observed.is_empty());
}

#[test]
fn it_survives_a_restart_and_stays_small() {
    let mut w = World::new(vec![errors(Consequence::Rollback), latency(crate::domain::gate::Limit::Above(500.0))]);
    w.run(300, 100, 7);
    let text = serde_json::to_string(&w.judge).unwrap();
    assert!(text.len() < 16 * 1024, "{} bytes", text.len());
    let back: super::Judge = serde_json::from_str(&text).unwrap();
    assert_eq!(back, w.judge);
    let judged = back.judge(&w.release, &w.observed(), w.at());
    assert_eq!(judged, w.judgement());
    w.judge = back;
    let before = totals(&w, Track::Candidate).0;
    w.run(1, 100, 0);
    assert_eq!(totals(&w, Track::Candidate).0, before + 100, "goes on where it was");
}

impl Pod {
    fn bump_code(&mut self, id: &str, by: u64) {
        self.counters.insert(id.into(), (Counts::Requests { failed: true }, by as f64, vec![]));
    }
}
