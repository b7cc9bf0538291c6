//! When a driver asks what room there is for more pods.

use super::*;
use crate::domain::room::{Limit, Nodes, Room};
use crate::domain::weight::Weight;

const CANARY: &str = "backend-canary";

/// The looks and the writes of what was sent, in order.
fn sent(driver: &Process) -> Vec<&'static str> {
    let requests = driver.trace.iter().flat_map(|(_, _, requests)| requests);
    requests
        .filter_map(|r| match &r.call {
            Call::Observe { haste: Haste::Rising, .. } => Some("room"),
            Call::Observe { .. } => Some("look"),
            Call::Write { action, .. } => match &**action {
                Action::Scale { from, to, .. } if to > from => Some("more"),
                Action::SetImages { .. } => Some("images"),
                _ => Some("write"),
            },
            _ => None,
        })
        .collect()
}

#[test]
fn room_is_asked_for_before_pods_are_made_and_only_then() {
    let mut cluster = Cluster::new(canary(&["backend"]));
    let mut driver = Process::new("a", &cluster);
    let images = [("backend".to_owned(), Image::parse(NEW).unwrap())].into();
    driver.order(&mut cluster, "s", Command::Start { images, cause: None });
    for _ in 0..60 {
        cluster.world.pass(Millis::secs(2));
        driver.tick(&mut cluster);
    }
    assert!(cluster.world.weight("backend") >= 25);
    let sent = sent(&driver);
    for (at, what) in sent.iter().enumerate().filter(|(_, what)| matches!(**what, "more" | "images")) {
        assert_eq!(sent[at - 1], "room", "{what} rests on a look that told it: {sent:?}");
    }
    let count = |what: &str| sent.iter().filter(|s| **s == what).count();
    assert!(count("more") >= 1 && count("room") <= count("more") + count("images") + 1, "{sent:?}");
}

#[test]
fn whoever_weighs_a_step_is_told_and_goes_on_seeing_it_for_a_while() {
    let mut cluster = Cluster::new(canary(&["backend"]));
    let seen = Room { quotas: Ok(vec![]), nodes: Ok(Nodes::default()), budgets: Ok(vec![]) };
    cluster.world.room = Some(seen);
    let mut driver = Process::new("a", &cluster);
    driver.tick(&mut cluster);
    let told = |driver: &Process| driver.core.view().observed.unwrap().room.is_some();
    assert!(!told(&driver), "nobody asked");
    cluster.world.pass(Millis::secs(3));
    driver.input(cluster.world.now, Input::Weigh);
    driver.settle(&mut cluster);
    cluster.world.pass(Millis::secs(1));
    driver.tick(&mut cluster);
    assert!(told(&driver));
    assert_eq!(sent(&driver).iter().filter(|s| **s == "room").count(), 1);
    cluster.world.pass(Millis::secs(10));
    driver.tick(&mut cluster);
    assert!(told(&driver), "a look that did not ask keeps it");
    cluster.world.pass(Millis::secs(30));
    driver.tick(&mut cluster);
    assert!(!told(&driver), "but not for ever");
}

#[test]
fn what_another_process_asks_is_refused_too_where_there_is_no_room() {
    let limit =
        |used| Limit { quota: "team".into(), resource: "pods".into(), hard: 20_000, used, takes: [(CANARY.to_owned(), 1000)].into() };
    let (mut cluster, mut driver) = begun(&["backend"], 20);
    let mut other = Process::new("b", &cluster);
    let mut ask = |cluster: &mut Cluster, id: &str, used| {
        cluster.world.room = Some(Room { quotas: Ok(vec![limit(used)]), nodes: Ok(Nodes::default()), budgets: Ok(vec![]) });
        other.tick(cluster);
        other.order(cluster, id, Command::SetWeight(Weight::capped(90)));
        other.order(cluster, &format!("{id}-pause"), Command::Pause);
        other.settle(cluster);
        assert_eq!(cluster.orders.len(), 2, "left for the driver");
        driver.run(cluster, 3);
        assert_eq!(cluster.orders.len(), 0, "answered");
        let run = &cluster.state.as_ref().unwrap().0;
        (run.answer(id).unwrap().refused.clone(), run.phase.clone(), run.asked.percent())
    };
    let (refused, phase, asked) = ask(&mut cluster, "more", 20_000);
    let why = refused.unwrap();
    assert!(why.contains("90 % needs 3 more pods, and quota team has room for 0"), "{why}");
    assert!(matches!(phase, Phase::Paused { .. }) && asked < 90, "what was asked after it is done all the same: {phase:?}");
    let (refused, phase, asked) = ask(&mut cluster, "again", 10_000);
    assert_eq!((refused, asked), (None, 90));
    assert!(matches!(phase, Phase::Paused { .. }), "in the order in which they were asked: {phase:?}");
}

/// The candidate's pods are all gone, and the server does not tell what room there is.
fn bare(cluster: &mut Cluster) {
    assert_eq!(cluster.world.weight("backend"), 10);
    (cluster.world.broken, cluster.roomless) = (true, true);
    cluster.world.pass(Millis::ZERO);
    assert_eq!(cluster.world.workload("backend", Track::Candidate).ready, 0);
}

#[test]
fn that_nobody_answers_is_counted_also_while_what_is_next_waits_for_room() {
    let (mut cluster, mut driver) = begun(&["backend"], 20);
    let pods = cluster.world.workload("backend", Track::Stable).replicas;
    cluster.failing = 1;
    driver.order(&mut cluster, "more", Command::Scale { component: None, track: Track::Stable, replicas: pods + 2 });
    driver.settle(&mut cluster);
    bare(&mut cluster);
    driver.run(&mut cluster, 5);
    assert_eq!((cluster.world.workload("backend", Track::Stable).replicas, cluster.world.weight("backend")), (pods, 10), "it waits");
    driver.run(&mut cluster, 10);
    assert_eq!(cluster.world.weight("backend"), 0, "nobody answered for ten seconds");
}

#[test]
fn an_order_that_waits_for_room_puts_no_rollback_off() {
    let (mut cluster, mut driver) = begun(&["backend"], 20);
    bare(&mut cluster);
    let mut other = Process::new("b", &cluster);
    other.run(&mut cluster, 1);
    other.order(&mut cluster, "more", Command::SetWeight(Weight::capped(90)));
    other.settle(&mut cluster);
    assert_eq!(cluster.orders.len(), 1, "left for the driver");
    driver.run(&mut cluster, 10);
    assert_eq!(cluster.world.weight("backend"), 0, "nobody answered for ten seconds");
}
