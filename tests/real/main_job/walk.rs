//! Walking and taking back, with the driver killed on the way.

use std::time::Duration;

use cutover::domain::rollout::Phase;

use super::requests::COUNT;
use super::{BACKEND, COMPONENTS, NEW, OLD, SOON, Shop};
use crate::harness::audit;
use crate::harness::control_plane::{ControlPlane, User};
use crate::harness::deadline::eventually;
use crate::harness::exporter::Behaviour;

/// What the operator may write, by resource: everything else in the audit log is a defect.
const WRITTEN: [&str; 5] = ["configmaps", "deployments", "deployments/scale", "leases", "virtualservices"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_walk_goes_on_after_kill_9_and_ends_promoted() {
    let Some(plane) = ControlPlane::get("a_walk_goes_on_after_kill_9_and_ends_promoted") else { return };
    let shop = Shop::open(plane, "walk").await;
    let mut first = shop.run("first");
    shop.holds(25, &mut first).await;
    first.kill();
    let left = shop.stored().await;
    assert_eq!((left.asked.percent(), &left.phase), (25, &Phase::Progressing), "what was under way stands in the cluster");
    assert_eq!(shop.weights().await, [25, 25], "and nobody goes on with it");

    let before = shop.served(BACKEND);
    eventually("a thousand requests", SOON, async || if shop.split(BACKEND, before).1 > 1000 { Ok(()) } else { Err(()) }).await;
    let (share, requests) = shop.split(BACKEND, before);
    let deviation = (0.25 * 0.75 / requests as f64).sqrt();
    assert!((share - 0.25).abs() < 4.5 * deviation, "{share} of {requests} requests reached the canary");

    promoted_and_undone(&shop).await;
}

/// From wherever the rollout is to the new version on stable, and back to the old one by `undo`.
pub async fn promoted_and_undone(shop: &Shop) {
    let mut second = shop.run("second");
    shop.holds(100, &mut second).await;
    let waits = async || shop.done(User::Operator, "status", &["status", "-o", "json"]).await;
    eventually("the approval that is waited for", SOON, async || {
        let (_, text) = waits().await;
        if text.contains("approv") { Ok(()) } else { Err(text) }
    })
    .await;
    let (code, text) = shop.done(User::Operator, "approve", &["approve"]).await;
    assert_eq!(code, 0, "an order reaches the driver, in another process: {text}");
    let (code, second) = tokio::task::spawn_blocking(move || (second.wait(super::PATIENT), second)).await.unwrap();
    assert_eq!(code, 0, "{}{}", second.read_out(), second.read_err());

    assert_eq!(shop.weights().await, [0, 0], "traffic is back on stable");
    for component in COMPONENTS {
        assert_eq!(shop.runs(component.stable).await, (component.image(NEW), 3), "which carries the new version");
        assert_eq!(shop.runs(component.canary).await.1, 0, "and the canary rests");
    }
    assert_eq!(shop.exporter.lost(), 0, "no request met a side without a ready pod");
    let log = shop.namespace.audit(User::Operator);
    assert_eq!(audit::lines(&log, |e| e.writes() && !WRITTEN.contains(&e.resource.as_str())), "");
    // What all nodes have room for is asked, and need not be told.
    let lacking = |e: &audit::Entry| e.code == 403 && e.uri != COUNT;
    assert_eq!(audit::lines(&log, lacking), "", "the operator's role lacks something, or more is asked than is needed");

    let (code, text) = shop.done(User::Operator, "undo", &["undo", "--yes", "--component", "backend"]).await;
    assert_eq!(code, 0, "{text}");
    assert_eq!(shop.runs(BACKEND.stable).await.0, BACKEND.image(OLD), "undo puts the kept revision back");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rollback_takes_over_from_a_killed_driver() {
    let Some(plane) = ControlPlane::get("a_rollback_takes_over_from_a_killed_driver") else { return };
    let shop = Shop::open(plane, "killed").await;
    let mut driver = shop.run("driver");
    shop.holds(25, &mut driver).await;
    driver.kill();
    let (code, text) = shop.done(User::Operator, "rollback", &["rollback"]).await;
    assert_eq!(code, 0, "{text}");
    shop.assert_is_back().await;
    assert_eq!(shop.exporter.lost(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_driver_obeys_a_rollback_from_another_process() {
    let Some(plane) = ControlPlane::get("a_driver_obeys_a_rollback_from_another_process") else { return };
    let shop = Shop::open(plane, "obeys").await;
    let mut driver = shop.run("driver");
    shop.holds(25, &mut driver).await;
    let (code, text) = shop.done(User::Operator, "rollback", &["rollback"]).await;
    assert_eq!(code, 0, "{text}");
    let (code, driver) = tokio::task::spawn_blocking(move || (driver.wait(super::PATIENT), driver)).await.unwrap();
    assert_eq!(code, 3, "rolled back although promotion was asked: {}{}", driver.read_out(), driver.read_err());
    shop.assert_is_back().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_of_the_candidate_bring_it_back_by_themselves() {
    let Some(plane) = ControlPlane::get("errors_of_the_candidate_bring_it_back_by_themselves") else { return };
    let shop = Shop::open(plane, "errors").await;
    shop.exporter.set(&BACKEND.image(NEW), Behaviour { errors: 0.2, latency: Duration::from_millis(80) });
    let driver = shop.run("driver");
    let (code, driver) = tokio::task::spawn_blocking(move || {
        let mut driver = driver;
        (driver.wait(super::PATIENT), driver)
    })
    .await
    .unwrap();
    let said = driver.read_out();
    assert_eq!(code, 3, "{said}{}", driver.read_err());
    assert!(said.contains("rollback") && said.contains("errors"), "the reason is told: {said}");
    shop.assert_is_back().await;
}
