//! Route writes: what they touch, and what can delay them.

use std::time::{Duration, Instant};

use cutover::cluster::apply;
use cutover::domain::action::{Precondition, WriteOutcome};
use cutover::domain::drift::Writer;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use super::{Side, connected};
use crate::harness::changer::Changer;
use crate::harness::control_plane::{ControlPlane, User};
use crate::harness::deadline::eventually;
use crate::harness::objects::{BACKEND, api, virtual_services, weights};
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
        cutover::domain::action::Action::Route { component, facts, testers, .. } => {
            cutover::domain::action::Action::Route { component, facts, weight: cutover::domain::weight::Weight::ZERO, testers }
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

#[tokio::test]
async fn who_wrote_weights_images_and_replicas_is_what_the_server_keeps() {
    let Some(plane) = ControlPlane::get("who_wrote_weights_images_and_replicas_is_what_the_server_keeps") else { return };
    let side = Side::new(plane, "writers").await;
    let name = |writer: &Option<Writer>| writer.as_ref().map(|w| w.manager.as_str().to_owned()).unwrap_or_default();
    assert_eq!(side.write(&side.route(25).await, Precondition::Unchanged, "1.1").await, WriteOutcome::Landed);
    let ours = side.backend().await.route_by;
    assert!(ours.as_ref().is_some_and(|w| w.is_us() && w.at.is_some()), "{ours:?}");

    let harness = side.namespace.harness().await;
    let as_manager = |manager: &str| PatchParams { field_manager: Some(manager.to_owned()), ..PatchParams::default() };
    let json_patch = |ops: Value| Patch::Json::<()>(serde_json::from_value(ops).unwrap());
    let back = json!([{ "op": "replace", "path": "/spec/http/1/route/0/weight", "value": 100 }, { "op": "replace", "path": "/spec/http/1/route/1/weight", "value": 0 }]);
    let routes = virtual_services(&harness, &side.namespace.name);
    routes.patch(BACKEND.stable, &as_manager("argocd-controller"), &json_patch(back)).await.unwrap();
    let before = jiff::Timestamp::now();
    let theirs = side.backend().await.route_by;
    assert_eq!(name(&theirs), "argocd-controller");
    let age = before.as_second() - theirs.unwrap().at.unwrap().as_second();
    assert!((-2..60).contains(&age), "{age} s ago");

    let deployments = api(&harness, &side.namespace.name, "apps", "v1", "Deployment");
    let image = json!([{ "op": "replace", "path": "/spec/template/spec/containers/0/image", "value": BACKEND.image("v9.9.9") }]);
    deployments.patch(BACKEND.canary, &as_manager("kubectl-set"), &json_patch(image)).await.unwrap();
    let scale = json!([{ "op": "replace", "path": "/spec/replicas", "value": 2 }]);
    deployments.patch(BACKEND.canary, &as_manager("kubectl-edit"), &json_patch(scale)).await.unwrap();
    let canary = side.backend().await.candidate.unwrap();
    assert_eq!((name(&canary.images_by), name(&canary.replicas_by)), ("kubectl-set".to_owned(), "kubectl-edit".to_owned()));
    let to_one = json!({ "spec": { "replicas": 1 } });
    deployments.patch_scale(BACKEND.canary, &as_manager("some-scaler"), &Patch::Merge(to_one)).await.unwrap();
    let canary = side.backend().await.candidate.unwrap();
    assert_eq!((name(&canary.images_by), name(&canary.replicas_by)), ("kubectl-set".to_owned(), "some-scaler".to_owned()));
}
