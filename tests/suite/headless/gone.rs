//! What a rollback goes by is deleted, or the API server fails half of the time: the traffic is back on stable all the same.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use cutover::sim::kernel::Resource;
use cutover::sim::kernel::resource::{CONFIG_MAP, VIRTUAL_SERVICE};

use crate::shop::front::{Fault, Rule};
use crate::shop::{CANARY, NAMESPACE, NEW, OLD, Running, STABLE, Shop, canary, rule, until};

/// A shop whose run holds at 10 %, with its driver.
fn driven() -> (Shop, Running) {
    let shop = Shop::open("healthy", 20.0);
    shop.file("cutover.yaml", &canary("{ weight: 10, hold: 1h }, { weight: 100 }, { approve: promote }"));
    let run = shop.spawn(&["run", "--image", NEW]);
    until("10 %", || shop.weights() == (90, 10));
    until("the hold is on record", || shop.stored().is_some_and(|r| r["cursor"] == 2));
    (shop, run)
}

/// The same after its driver has let go.
fn left_alone() -> Shop {
    let (shop, run) = driven();
    run.signal("INT");
    assert_eq!(run.end().code, Some(130));
    shop
}

fn delete(shop: &Shop, resource: &'static Resource, name: &str) {
    shop.with(|kernel| kernel.world.delete(resource, NAMESPACE, name, "somebody"));
    assert_eq!(shop.object(resource, name), None);
}

fn overloaded() -> Fault {
    Fault::Answer(500, "text/plain", "etcdserver: request timed out".into())
}

/// Of the requests that are meant every second one is answered with 500 and not carried out: the first one, or the one after it.
fn every_second(meant: fn(&str) -> bool, first: bool) -> Rule {
    let asked = AtomicUsize::new(usize::from(first));
    rule(move |method, _| (meant(method) && asked.fetch_add(1, Ordering::Relaxed) % 2 == 1).then(overloaded))
}

fn reads(method: &str) -> bool {
    method == "GET"
}

#[test]
fn while_every_second_write_fails_a_rollback_comes_to_its_end() {
    let shop = left_alone();
    shop.front.misbehave(every_second(|method| !reads(method), true));
    let begun = Instant::now();
    let told = shop.ends(0, &["rollback"]);
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
    assert_eq!(shop.weights(), (100, 0), "{told:?}");
    assert!(told.out.contains("the server answered 500") && told.err.contains(&format!("storefront is back on {OLD}")), "{told:?}");
    // The record may be among what was lost at the end: that is told, and waited for no longer.
    let phase = shop.stored().unwrap()["phase"].clone();
    assert!(phase == "rolledBack" || told.err.contains("; not on record: patch ConfigMap cutover-storefront"), "{phase}: {told:?}");
}

#[test]
fn while_every_second_read_fails_the_traffic_goes_back_at_once_and_its_end_is_told_when_it_can_be_seen() {
    let shop = left_alone();
    shop.front.misbehave(every_second(reads, false));
    let begun = Instant::now();
    let mut rollback = shop.spawn(&["rollback"]);
    until("the traffic is back", || shop.weights() == (100, 0) || rollback.is_over());
    assert_eq!(shop.weights(), (100, 0));
    assert!(begun.elapsed() < Duration::from_secs(20), "it waits for no read: {:?}", begun.elapsed());
    shop.front.behave();
    let told = rollback.end();
    assert_eq!((told.code, shop.weights()), (Some(0), (100, 0)), "{told:?}");
    assert_eq!(shop.stored().unwrap()["phase"], "rolledBack");
}

#[test]
fn a_rollback_ends_and_is_on_record_while_every_second_request_fails() {
    let shop = left_alone();
    shop.front.misbehave(every_second(|_| true, false));
    let told = shop.cutover(&["rollback", "--timeout", "60s"]);
    assert_eq!((told.code, shop.weights()), (Some(0), (100, 0)), "{told:?}");
    assert_eq!(shop.stored().unwrap()["phase"], "rolledBack", "{told:?}");
}

#[test]
fn a_run_goes_forward_while_every_second_request_fails() {
    let shop = left_alone();
    shop.file("cutover.yaml", &canary("{ weight: 10, hold: 1s }, { weight: 60, hold: 1s }, { weight: 100 }"));
    shop.ends(0, &["rollback"]);
    shop.front.misbehave(every_second(|_| true, false));
    let told = shop.cutover(&["run", "--image", NEW, "--timeout", "80s"]);
    assert_eq!((told.code, shop.image(STABLE).as_str()), (Some(0), NEW), "{told:?}");
    assert_eq!(shop.stored().unwrap()["phase"], "completed", "{told:?}");
}

#[test]
fn a_rollback_whose_first_request_fails_asks_again() {
    let shop = left_alone();
    shop.front.misbehave(every_second(|_| true, true));
    let mut rollback = shop.spawn(&["rollback", "--timeout", "60s"]);
    until("the traffic is back", || shop.weights() == (100, 0) || rollback.is_over());
    assert_eq!(shop.weights(), (100, 0), "{:?}", rollback.end());
}

#[test]
fn a_state_that_is_deleted_beside_its_driver_keeps_nobody_else_from_going_back() {
    let (shop, run) = driven();
    let driver = shop.holder();
    assert!(driver.ends_with(&format!("#{}", run.id())), "{driver}");
    delete(&shop, &CONFIG_MAP, "cutover-storefront");
    let told = shop.ends(0, &["rollback"]);
    assert_eq!(shop.weights(), (100, 0), "{told:?}");
    // Whoever drove had the run in memory: it does not go on with it.
    let driven = run.end();
    assert_eq!((driven.code, shop.weights()), (Some(3), (100, 0)), "{driven:?}");
    assert_eq!((shop.image(STABLE).as_str(), shop.stored().unwrap()["phase"].as_str()), (OLD, Some("rolledBack")), "on record again");
    assert_eq!((shop.holder().as_str(), shop.orders_left()), ("", vec![]));
}

#[test]
fn a_route_that_was_deleted_keeps_no_rollback_open_and_is_said_to_be_missing() {
    let shop = left_alone();
    delete(&shop, &VIRTUAL_SERVICE, STABLE);
    let told = shop.ends(0, &["rollback", "--timeout", "60s"]);
    let missing = format!("patch VirtualService {STABLE} in namespace {NAMESPACE}: it does not exist");
    assert!(told.out.lines().any(|line| line.contains("Z refused ") && line.contains(&missing)), "{told:?}");
    assert_eq!((shop.image(STABLE).as_str(), shop.stored().unwrap()["phase"].as_str()), (OLD, Some("rolledBack")));
    assert_eq!(shop.object(&VIRTUAL_SERVICE, STABLE), None, "nobody makes it again from memory");
}

#[test]
fn a_driver_whose_route_is_deleted_waits_for_a_person_who_can_go_back_without_it() {
    let (shop, run) = driven();
    delete(&shop, &VIRTUAL_SERVICE, STABLE);
    let why = || shop.stored().and_then(|r| r["phase"]["paused"]["why"].as_str().map(str::to_owned));
    until("it is paused", || why().is_some());
    let deleted = format!("backend: VirtualService {STABLE}: deleted");
    assert!(why().unwrap().starts_with(&deleted), "{:?}", why());
    let told = shop.ends(0, &["rollback", "--timeout", "60s"]);
    assert!(told.out.lines().next().is_some_and(|line| line.contains(&deleted)), "{told:?}");
    let driven = run.end();
    assert_eq!(driven.code, Some(3), "{driven:?}");
    assert!(driven.out.contains(&deleted), "{driven:?}");
    assert_eq!((shop.image(STABLE).as_str(), shop.stored().unwrap()["phase"].as_str()), (OLD, Some("rolledBack")));
    assert_eq!((shop.object(&VIRTUAL_SERVICE, STABLE), shop.holder().as_str()), (None, ""));
}

#[test]
fn while_a_route_cannot_be_read_it_is_written_as_it_was_known_and_the_new_pods_stay() {
    let shop = left_alone();
    let pods = shop.replicas(CANARY);
    assert!(pods > 0);
    shop.front.misbehave(rule(|method, target| (reads(method) && target.contains("/virtualservices/")).then(overloaded)));
    let told = shop.cutover(&["rollback", "--timeout", "20s"]);
    assert_ne!(told.code, Some(0), "{told:?}");
    assert!(told.err.contains("it may still send to the candidate, whose pods stay"), "{told:?}");
    assert_eq!((shop.weights(), shop.replicas(CANARY)), ((100, 0), pods), "{told:?}");
    shop.front.behave();
    let told = shop.ends(0, &["rollback"]);
    assert_eq!(shop.stored().unwrap()["phase"], "rolledBack", "{told:?}");
}
