//! The nuisances of real life together: somebody changes the route twenty times a second, and the connection adds 200 ms.

use std::time::{Duration, Instant};

use super::{BACKEND, SOON, Shop};
use crate::harness::audit;
use crate::harness::changer::Changer;
use crate::harness::control_plane::{ControlPlane, User};
use crate::harness::deadline::eventually;
use crate::harness::objects::virtual_services;
use crate::harness::slow_connection::SlowConnection;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_walk_gets_through_and_a_rollback_lands_at_the_first_try() {
    let Some(plane) = ControlPlane::get("a_walk_gets_through_and_a_rollback_lands_at_the_first_try") else { return };
    let mut shop = Shop::open(plane, "churn").await;
    let slow = SlowConnection::to(shop.plane.port(), Duration::from_millis(200)).await;
    shop.port = slow.port;
    let routes = virtual_services(&shop.namespace.harness().await, &shop.namespace.name);
    let changer = Changer::start(routes, BACKEND.stable, 20);
    eventually("the first changes", SOON, async || if changer.landed() > 5 { Ok(()) } else { Err(changer.landed()) }).await;

    let mut driver = shop.run("driver");
    shop.holds(25, &mut driver).await;
    driver.kill();
    let asked_before = shop.namespace.audit(User::Operator).len();
    let (landed, began) = (changer.landed(), Instant::now());
    let (code, text) = shop.done(User::Operator, "rollback", &["rollback"]).await;
    assert_eq!(code, 0, "{text}");
    let beats = changer.landed() - landed;
    assert!(beats > 10, "it was changed all along: {beats} times in {:?}", began.elapsed());
    shop.assert_is_back().await;

    let log = shop.namespace.audit(User::Operator).split_off(asked_before);
    let patches: Vec<u64> = log.iter().filter(|e| e.verb == "patch" && e.resource == "virtualservices").map(|e| e.code).collect();
    assert_eq!(patches, [200, 200], "one request a route:\n{}", audit::lines(&log, |_| true));
}
