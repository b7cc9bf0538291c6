//! Writes to Deployments: replicas, images, pauses, undo, a cloned candidate, fences.

use std::collections::BTreeMap;

use cutover::domain::action::{Action, ImageChange, Precondition, WriteOutcome};
use cutover::domain::observed::Workload;
use cutover::domain::release::Track;
use kube::api::DeleteParams;

use super::Side;
use crate::harness::control_plane::{ControlPlane, User};
use crate::harness::objects::{self, BACKEND};

fn images(to: &str, workload: &Workload) -> Vec<ImageChange> {
    let container = &workload.containers[0];
    vec![ImageChange { index: 0, container: container.name.clone(), from: container.image.clone(), to: BACKEND.image(to) }]
}

#[tokio::test]
async fn replicas_images_pauses_and_undo_do_what_they_say() {
    let Some(plane) = ControlPlane::get("replicas_images_pauses_and_undo_do_what_they_say") else { return };
    let side = Side::new(plane, "workloads").await;
    let component = || BACKEND.name.to_owned();
    let canary = side.backend().await.candidate.unwrap();
    let scale = Action::Scale { component: component(), target: side.target(Track::Candidate, &canary), from: 1, to: 2 };
    assert_eq!(side.write(&scale, Precondition::Value, "1.1").await, WriteOutcome::Landed);
    let canary = side.until("two canary pods", |c| c.candidate.as_ref().is_some_and(|w| w.ready_addresses == 2)).await.candidate.unwrap();
    assert_eq!(canary.stamp.as_deref(), Some("1.1"));
    let stale = side.write(&scale, Precondition::Value, "1.2").await;
    assert!(matches!(stale, WriteOutcome::Conflict { .. }), "neither stamp nor replicas are as they were: {stale:?}");

    let cause = Some("release v1.2.0".to_owned());
    let target = side.target(Track::Candidate, &canary);
    let set = Action::SetImages { component: component(), target, images: images("v1.2.0", &canary), cause, paused: None };
    assert_eq!(side.write(&set, Precondition::Value, "1.3").await, WriteOutcome::Landed);
    let settled = |c: &super::ComponentObserved| c.candidate.as_ref().is_some_and(|w| w.revision == Some(2) && w.is_settled());
    let canary = side.until("the new image runs", settled).await.candidate.unwrap();
    assert_eq!(canary.containers[0].image, BACKEND.image("v1.2.0"));
    assert_eq!(canary.change_cause.as_ref().map(|cause| cause.as_str()), Some("release v1.2.0"));
    assert_eq!(canary.revisions.iter().map(|kept| kept.revision).collect::<Vec<_>>(), [2, 1]);

    let pause = Action::SetPaused { component: component(), target: side.target(Track::Candidate, &canary), paused: true };
    assert_eq!(side.write(&pause, Precondition::Value, "1.4").await, WriteOutcome::Landed);
    let canary = side.backend().await.candidate.unwrap();
    assert!(canary.paused);
    let resume = Action::SetPaused { component: component(), target: side.target(Track::Candidate, &canary), paused: false };
    assert_eq!(side.write(&resume, Precondition::Value, "1.5").await, WriteOutcome::Landed);

    let canary = side.backend().await.candidate.unwrap();
    let first = &canary.revisions[1];
    let undo = Action::Undo {
        component: component(),
        target: side.target(Track::Candidate, &canary),
        revision: 1,
        replica_set: first.replica_set.clone(),
        cause: Some("undo to revision 1".to_owned()),
    };
    assert_eq!(side.write(&undo, Precondition::Value, "1.6").await, WriteOutcome::Landed);
    let back = |c: &super::ComponentObserved| c.candidate.as_ref().is_some_and(|w| w.revision == Some(3) && w.is_settled());
    let canary = side.until("the old image runs again, as revision 3", back).await.candidate.unwrap();
    assert_eq!(
        (canary.containers[0].image.clone(), canary.template_hash.clone()),
        (BACKEND.image("v1.1.0"), Some(first.template_hash.clone()))
    );
    let gone = side.write(&undo, Precondition::Identity, "1.7").await;
    assert!(matches!(gone, WriteOutcome::Conflict { .. }), "revision 1 has become revision 3: {gone:?}");
}

#[tokio::test]
async fn a_missing_candidate_is_cloned_and_comes_up() {
    let Some(plane) = ControlPlane::get("a_missing_candidate_is_cloned_and_comes_up") else { return };
    let side = Side::new(plane, "clone").await;
    let deployments = objects::api(&side.namespace.harness().await, &side.namespace.name, "apps", "v1", "Deployment");
    deployments.delete(BACKEND.canary, &DeleteParams::default()).await.unwrap();
    let seen = side.until("no canary", |c| c.candidate.is_none()).await;
    let stable = seen.stable.unwrap();
    let clone = Action::Clone {
        component: BACKEND.name.to_owned(),
        from: side.target(Track::Stable, &stable),
        name: BACKEND.canary.to_owned(),
        labels: BTreeMap::from([("version".to_owned(), "canary".to_owned())]),
        images: images("v1.2.0", &stable),
        replicas: 1,
        cause: Some("try v1.2.0".to_owned()),
    };
    assert_eq!(side.write(&clone, Precondition::Value, "1.1").await, WriteOutcome::Landed);
    let ready = |c: &super::ComponentObserved| c.candidate.as_ref().is_some_and(|w| w.is_settled() && w.ready_addresses == 1);
    let canary = side.until("the clone is ready", ready).await.candidate.unwrap();
    assert_eq!((canary.containers[0].image.clone(), canary.stamp.as_deref()), (BACKEND.image("v1.2.0"), Some("1.1")));
    assert_eq!(side.backend().await.stable.unwrap().ready_addresses, 3, "stable keeps its own pods");
    assert!(matches!(side.write(&clone, Precondition::Value, "1.2").await, WriteOutcome::Conflict { .. }), "it exists now");
}

/// A write that was sent before the fence and arrives after it must not land.
#[tokio::test]
async fn a_fence_keeps_late_writes_out() {
    let Some(plane) = ControlPlane::get("a_fence_keeps_late_writes_out") else { return };
    let side = Side::new(plane, "fence").await;
    let component = || BACKEND.name.to_owned();
    let canary = side.backend().await.candidate.unwrap();
    let first = Action::Scale { component: component(), target: side.target(Track::Candidate, &canary), from: 1, to: 1 };
    assert_eq!(side.write(&first, Precondition::Value, "1.1").await, WriteOutcome::Landed, "it carries a stamp from now on");
    let canary = side.backend().await.candidate.unwrap();
    let late = Action::Scale { component: component(), target: side.target(Track::Candidate, &canary), from: 1, to: 5 };

    let fence = Action::Fence { component: component(), object: side.target(Track::Candidate, &canary).object };
    assert_eq!(side.write(&fence, Precondition::Identity, "2.1").await, WriteOutcome::Landed);
    let refused = side.write(&late, Precondition::Value, "1.2").await;
    assert!(matches!(refused, WriteOutcome::Conflict { .. }), "{refused:?}");
    assert_eq!(side.backend().await.candidate.unwrap().replicas, 1);
    let log = side.namespace.audit(User::Operator);
    assert_eq!(log.iter().filter(|entry| entry.writes()).map(|entry| entry.code).collect::<Vec<_>>(), [200, 200, 422]);
}
