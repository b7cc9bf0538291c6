//! What counters say, and for how long that holds.

use super::*;
use crate::domain::gate::{Consequence, Gate, Limit, Metric};
use crate::domain::release::{Endpoint, Prometheus};
use crate::domain::sample::{QueryValue, Scrape};
use crate::domain::verdict::Verdict;

const INTERVAL: Millis = Millis::secs(10);

fn measured() -> Cluster {
    let metric = Metric::Query { name: "orders".into(), promql: "orders".into() };
    let gate =
        Gate { name: "orders".into(), metric, limit: Limit::Above(5.0), lasting: INTERVAL, then: Consequence::Rollback, min_requests: 1 };
    let endpoint = Endpoint::Url { url: "http://prometheus:9090".into(), token_from: None, headers: vec![] };
    let prometheus = Some(Prometheus { endpoint, interval: INTERVAL, preset: None, label: None });
    let mut cluster = Cluster::new(Release { prometheus, ..canary(&["backend"]) });
    cluster.world.release.gates = vec![gate];
    cluster
}

/// Answers everything; where it is asked for counters, as they are or not at all.
fn settle(process: &mut Process, cluster: &mut Cluster, up: bool) {
    let asked = cluster.world.now.wall;
    let query = QueryValue { gate: "orders".into(), value: Ok(1.0), at: asked };
    let scrape = Scrape { asked, ahead: Millis::ZERO, interval: INTERVAL, series: vec![], queries: vec![query], warnings: vec![] };
    while let Some(Request { id, call }) = process.wire.pop_front() {
        let reply = match call {
            Call::Sample { .. } if up => Reply::Sampled(Ok(scrape.clone())),
            call => cluster.execute(call),
        };
        process.input(cluster.world.now, Input::Reply { id, reply });
    }
}

fn live(process: &mut Process, cluster: &mut Cluster, ticks: usize, up: bool) {
    for _ in 0..ticks {
        cluster.world.pass(Millis::secs(2));
        process.input(cluster.world.now, Input::Tick);
        settle(process, cluster, up);
    }
}

#[test]
fn counters_that_are_gone_are_no_news_where_the_clock_is_set_back() {
    let mut cluster = measured();
    let mut process = Process::new("a", &cluster);
    process.start(&mut cluster);
    live(&mut process, &mut cluster, 20, true);
    let verdict = |process: &Process| process.core.judgement().gates[0].verdict.clone();
    assert_eq!((cluster.world.weight("backend"), verdict(&process)), (10, Verdict::Healthy));
    live(&mut process, &mut cluster, 5, false);
    cluster.world.now.wall -= std::time::Duration::from_secs(30);
    live(&mut process, &mut cluster, 11, false);
    assert!(matches!(verdict(&process), Verdict::Inconclusive(_)), "{:?}", verdict(&process));
}
