//! Looking: connections, fresh looks, watches, the Lease, orders, and the guard that lets nothing else pass.

use cutover::cluster::{lease, state, watch};
use cutover::domain::action::{Precondition, WriteOutcome};
use cutover::domain::command::{Command, Order};
use cutover::domain::live::Feed;
use cutover::domain::port::{LeaseAsk, LeaseOutcome};
use cutover::domain::reference::Presence;
use cutover::domain::route::Acceptance;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::json;

use super::{Side, connected};
use crate::harness::audit;
use crate::harness::control_plane::{ControlPlane, User};
use crate::harness::deadline::eventually;
use crate::harness::objects::{self, BACKEND};

#[tokio::test]
async fn an_operator_connects_and_sees_what_decisions_rest_on() {
    let Some(plane) = ControlPlane::get("an_operator_connects_and_sees_what_decisions_rest_on") else { return };
    let side = Side::new(plane, "look").await;
    assert_eq!((side.connection.version.as_str(), side.connection.namespace.as_str()), ("v1.36.1", side.namespace.name.as_str()));
    let seen = side.backend().await;
    let (stable, canary, route) = (seen.stable.unwrap(), seen.candidate.unwrap(), seen.route.unwrap());
    assert_eq!([stable.replicas, stable.current, stable.updated, stable.ready, stable.available, stable.ready_addresses], [3; 6]);
    assert_eq!((canary.ready_addresses, canary.revision, canary.revisions.len()), (1, Some(1), 1));
    assert_eq!(stable.hpa.map(|hpa| (hpa.min, hpa.max)), Some((3, 10)));
    assert_eq!((route.stable, route.candidate, route.accepted, route.bypass), (100, 0, Acceptance::Yes, false));
    let log = side.namespace.audit(User::Operator);
    // Kinds of other controllers are asked for, and not there.
    assert_eq!(audit::lines(&log, |entry| entry.code >= 400 && entry.code != 404), "", "the operator's role lacks something");
}

#[tokio::test]
async fn what_pods_need_to_start_is_looked_for_by_name_and_its_contents_are_never_asked_for() {
    let Some(plane) = ControlPlane::get("what_pods_need_to_start_is_looked_for") else { return };
    let side = Side::new(plane, "references").await;
    let namespace = side.namespace.name.as_str();
    let deployments = objects::api(&side.namespace.harness().await, namespace, "apps", "v1", "Deployment");
    let needs = json!([{ "secretRef": { "name": "db" } }, { "configMapRef": { "name": "settings" } }, { "secretRef": { "name": "maybe", "optional": true } }]);
    let change = json!({ "spec": { "template": { "spec": { "containers": [{ "name": BACKEND.name, "envFrom": needs }] } } } });
    deployments.patch(BACKEND.stable, &PatchParams::default(), &Patch::Strategic(change)).await.unwrap();
    let found = |c: &cutover::domain::observed::ComponentObserved| {
        c.checked.iter().map(|c| (c.reference.to_string(), c.presence.clone())).collect::<Vec<_>>()
    };
    let seen = side.backend().await;
    let expected = [("ConfigMap settings".to_owned(), Presence::Missing), ("Secret db".to_owned(), Presence::Forbidden)];
    assert_eq!(found(&seen), expected, "the operator's role gives no right to Secrets, and that fails nothing");

    let meta = |name: &str| json!({ "name": name, "namespace": namespace });
    let rules = json!([{ "apiGroups": [""], "resources": ["secrets"], "resourceNames": ["db"], "verbs": ["get"] }]);
    let role = json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "names" });
    let group = json!([{ "apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "system:authenticated" }]);
    side.namespace
        .apply(&[
            json!({ "apiVersion": "v1", "kind": "Secret", "metadata": meta("db"), "data": { "password": "aHVudGVyMg==" } }),
            json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": meta("settings"), "data": { "a": "b" } }),
            json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": meta("names"), "rules": rules }),
            json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": meta("names"), "roleRef": role, "subjects": group }),
        ])
        .await;
    side.until("both are there", |c| c.checked.len() == 2 && c.checked.iter().all(|c| c.presence == Presence::Present)).await;
    let log = side.namespace.audit(User::Operator);
    assert_eq!(audit::lines(&log, |e| e.uri.contains("/secrets") && (e.verb != "get" || !e.uri.ends_with("/secrets/db"))), "");
}

#[tokio::test]
async fn watches_follow_the_namespace() {
    let Some(plane) = ControlPlane::get("watches_follow_the_namespace") else { return };
    let side = Side::new(plane, "watch").await;
    let watching = watch::watch(side.connection.watch.clone(), &side.namespace.name, std::sync::Arc::new(jiff::Timestamp::now));
    let now = || watching.snapshots.borrow().clone();
    eventually("every feed live and eight ready pods", super::SOON, async || {
        let snapshot = now();
        let live = snapshot.feeds.len() == watch::KINDS.len() && snapshot.feeds.values().all(|state| state.feed == Feed::Live);
        let ready = snapshot.pods.iter().filter(|pod| pod.is_ready()).count();
        if live && ready == 8 && snapshot.deployments.len() == 4 { Ok(()) } else { Err((snapshot.feeds.clone(), ready)) }
    })
    .await;
    let snapshot = now();
    assert_eq!(snapshot.routes.len(), 2, "{:?}", snapshot.routes);
    assert!(snapshot.hpas.iter().any(|hpa| hpa.target == BACKEND.stable && hpa.scale.max == 10), "{:?}", snapshot.hpas);
    assert!(
        snapshot.services.iter().any(|service| service.name.as_str() == BACKEND.stable && service.ready == 4),
        "{:?}",
        snapshot.services
    );
    assert!(snapshot.events.iter().any(|event| event.reason.as_str() == "ScalingReplicaSet"), "{:?}", snapshot.events);

    let pods = objects::api(&side.namespace.harness().await, &side.namespace.name, "", "v1", "Pod");
    let gone = snapshot.pods[0].clone();
    pods.delete(gone.name.as_str(), &DeleteParams::default()).await.unwrap();
    eventually("another pod in its place", super::SOON, async || {
        let snapshot = now();
        let without = snapshot.pods.iter().all(|pod| pod.uid != gone.uid);
        if without && snapshot.pods.iter().filter(|pod| pod.is_ready()).count() == 8 { Ok(()) } else { Err(snapshot.pods.len()) }
    })
    .await;
}

#[tokio::test]
async fn one_holds_the_lease_and_others_leave_orders() {
    let Some(plane) = ControlPlane::get("one_holds_the_lease_and_others_leave_orders") else { return };
    let side = Side::new(plane, "lease").await;
    let client = &side.connection.unary;
    let ask = async |who: &str, what: LeaseAsk| lease::ask(client, &side.namespace.name, "storefront", who, &what).await;
    assert_eq!(ask("a", LeaseAsk::Read).await, LeaseOutcome::Free);
    assert_eq!(ask("a", LeaseAsk::Acquire { expired: None, after: 0 }).await, LeaseOutcome::Held { epoch: 1 });
    let LeaseOutcome::Taken { holder, epoch: 1, version, .. } = ask("b", LeaseAsk::Acquire { expired: None, after: 0 }).await else {
        panic!()
    };
    assert_eq!(holder, "a");
    assert_eq!(ask("a", LeaseAsk::Renew { epoch: 1 }).await, LeaseOutcome::Held { epoch: 1 });
    let late = ask("b", LeaseAsk::Acquire { expired: Some(version), after: 0 }).await;
    let LeaseOutcome::Taken { version, .. } = late else { panic!("it was renewed since: {late:?}") };
    assert_eq!(ask("b", LeaseAsk::Acquire { expired: Some(version), after: 0 }).await, LeaseOutcome::Held { epoch: 2 });
    assert!(matches!(ask("a", LeaseAsk::Renew { epoch: 1 }).await, LeaseOutcome::Taken { epoch: 2, .. }));
    assert_eq!(ask("b", LeaseAsk::Release { epoch: 2 }).await, LeaseOutcome::Free);

    let order = |id: &str, command| Order {
        id: id.to_owned(),
        command,
        actor: "you@bastion".to_owned(),
        at: jiff::Timestamp::UNIX_EPOCH,
        mark: None,
    };
    for order in [order("o-1", Command::Pause), order("o-2", Command::RollBack)] {
        state::append_order(client, &side.namespace.name, "storefront", &order).await.unwrap();
    }
    let stored = state::load(client, &side.namespace.name, "storefront").await.unwrap().unwrap();
    assert_eq!(stored.orders.iter().map(|order| order.id.as_str()).collect::<Vec<_>>(), ["o-1", "o-2"]);
    assert!(stored.rollout.is_none());
}

/// Read-only as cluster-admin: rights would allow everything, the guard lets nothing out.
#[tokio::test]
async fn the_guard_lets_no_write_out() {
    let Some(plane) = ControlPlane::get("the_guard_lets_no_write_out") else { return };
    let mut side = Side::new(plane, "guard").await;
    let writing = side.route(25).await;
    side.connection = connected(&side.namespace, User::Admin, plane.port(), true).await;
    side.backend().await;
    for precondition in [Precondition::Unchanged, Precondition::Value, Precondition::Identity] {
        let refused = side.write(&writing, precondition, "1.1").await;
        assert!(matches!(refused, WriteOutcome::Refused { .. }), "{refused:?}");
    }
    let lease =
        lease::ask(&side.connection.unary, &side.namespace.name, "storefront", "a", &LeaseAsk::Acquire { expired: None, after: 0 }).await;
    assert!(matches!(lease, LeaseOutcome::Refused { .. }), "{lease:?}");
    let log = side.namespace.audit(User::Admin);
    assert!(log.iter().any(|entry| entry.verb == "get"), "the look before was seen");
    assert_eq!(audit::lines(&log, audit::Entry::writes), "");

    side.connection = connected(&side.namespace, User::Admin, plane.port(), false).await;
    assert_eq!(side.write(&writing, Precondition::Unchanged, "1.1").await, WriteOutcome::Landed);
    assert!(side.namespace.audit(User::Admin).iter().any(|entry| entry.writes()), "the log would have shown it");
}
