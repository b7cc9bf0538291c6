//! Route writes: what they touch, and what can delay them.

use std::time::{Duration, Instant};

use cutover::cluster::apply;
use cutover::domain::action::{Precondition, WriteOutcome};
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use super::{Side, connected};
use crate::harness::changer::Changer;
use crate::harness::control_plane::{ControlPlane, User};
use crate::harness::deadline::eventually;
use crate::harness::objects::{BACKEND, virtual_services, weights};
use crate::harness::slow_connection::SlowConnection;

/// The object as people would diff it: without what the server counts.
async fn as_written(side: &Side) -> Value {
    let object = virtual_services(&side.namespace.harness().await, &side.namespace.name).get(BACKEND.stable).await.unwrap();
    let mut value = serde_json::to_value(object).unwrap();
    for counted in ["managedFields", "resourceVersion", "generation"] {
        value["metadata"].as_object_mut().unwrap().remove(counted);
    }
    value
}

#[tokio::test]
async fn a_route_write_touches_two_weights_and_nothing_else() {
    let Some(plane) = ControlPlane::get("a_route_write_touches_two_weights_and_nothing_else") else { return };
    let side = Side::new(plane, "weights").await;
    let before = as_written(&side).await;
    let up = side.route(25).await;
    assert_eq!(side.write(&up, Precondition::Unchanged, "1.1").await, WriteOutcome::Landed);
    let mut expected = before;
    expected["spec"]["http"][1]["route"][0]["weight"] = json!(75);
    expected["spec"]["http"][1]["route"][1]["weight"] = json!(25);
    assert_eq!(as_written(&side).await, expected);
    assert_eq!(side.backend().await.route.unwrap().percent(), 25);

    let again = side.write(&up, Precondition::Unchanged, "1.2").await;
    assert!(matches!(again, WriteOutcome::Conflict { .. }), "the facts are older than the object: {again:?}");
    let dry = apply::write(&side.connection.unary, &side.route(50).await, Precondition::Unchanged, "1.3", true).await;
    assert_eq!(dry, WriteOutcome::Landed);
    assert_eq!(as_written(&side).await, expected, "a dry run changes nothing");
    // The rollback knows the route as it was long ago, and takes it back all the same.
    let old = match up {
        cutover::domain::action::Action::Route { component, facts, .. } => {
            cutover::domain::action::Action::Route { component, facts, weight: cutover::domain::weight::Weight::ZERO }
        }
        other => other,
    };
    assert_eq!(side.write(&old, Precondition::Identity, "1.4").await, WriteOutcome::Landed);
    assert_eq!(weights(&side.connection.unary, &side.namespace.name, BACKEND).await.unwrap(), (100, 0));
}

#[tokio::test]
async fn a_rollback_of_a_route_lands_through_churn_and_delay_at_the_first_try() {
    let Some(plane) = ControlPlane::get("a_rollback_of_a_route_lands_through_churn_and_delay_at_the_first_try") else { return };
    let mut side = Side::new(plane, "churn").await;
    let slow = SlowConnection::to(plane.port(), Duration::from_millis(200)).await;
    side.connection = connected(&side.namespace, User::Operator, slow.port, false).await;
    let routes = virtual_services(&side.namespace.harness().await, &side.namespace.name);
    let changer = Changer::start(routes.clone(), BACKEND.stable, 20);
    eventually("the first changes", Duration::from_secs(30), async || if changer.landed() > 5 { Ok(()) } else { Err(changer.landed()) })
        .await;

    let mut conflicts = 0;
    for _ in 0..3 {
        let up = side.route(25).await;
        conflicts += u32::from(matches!(side.write(&up, Precondition::Unchanged, "1.1").await, WriteOutcome::Conflict { .. }));
    }
    assert!(conflicts >= 2, "somebody changes it every 50 ms, and there and back takes 400: {conflicts} of 3 conflicted");

    let back = side.route(0).await;
    for _ in 0..5 {
        let foreign = json!([{ "op": "replace", "path": "/spec/http/1/route/0/weight", "value": 40 }, { "op": "replace", "path": "/spec/http/1/route/1/weight", "value": 60 }]);
        routes.patch(BACKEND.stable, &PatchParams::default(), &Patch::Json::<()>(serde_json::from_value(foreign).unwrap())).await.unwrap();
        let began = Instant::now();
        assert_eq!(side.write(&back, Precondition::Identity, "1.2").await, WriteOutcome::Landed);
        assert!(began.elapsed() >= Duration::from_millis(400), "it went over the slow connection");
        assert_eq!(weights(&side.namespace.harness().await, &side.namespace.name, BACKEND).await.unwrap(), (100, 0));
    }
    let log = side.namespace.audit(User::Operator);
    let patches: Vec<u64> = log.iter().filter(|entry| entry.verb == "patch").map(|entry| entry.code).collect();
    assert_eq!(patches[3..], [200; 5], "one request each: {patches:?}");
}
