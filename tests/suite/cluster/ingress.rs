//! Canary annotations against the embedded cluster: found, read, written, taken back.

use cutover::cluster::{apply, discover, observe};
use cutover::domain::action::{Action, Precondition, WriteOutcome};
use cutover::domain::object::Kind;
use cutover::domain::release::{Release, Router};
use cutover::domain::route::RouteFacts;
use cutover::domain::testers::TestersMove;
use cutover::domain::weight::Weight;
use kube::Client;
use serde_json::{Value, json};

use super::{Bench, NAMESPACE, path};

const CANARY: &str = "fusion-electronics-backend-canary";

struct Desk {
    bench: Bench,
    client: Client,
    release: Release,
}

impl Desk {
    async fn new() -> Desk {
        let bench = Bench::of("ingress").await;
        let client = bench.connect(false).await.unary;
        let there = discover::read(&client, NAMESPACE).await.unwrap();
        let release = there.propose(NAMESPACE, "dev", None).into_iter().find(|r| r.strategy.word() == "canary").expect("a pair");
        Desk { bench, client, release }
    }

    fn name(&self) -> &str {
        &self.release.components[0].name
    }

    async fn facts(&self) -> RouteFacts {
        let seen = observe::observe(&self.client, &self.release, jiff::Timestamp::now()).await.unwrap();
        seen.components[self.name()].route.clone().unwrap()
    }

    async fn write(&self, facts: RouteFacts, weight: u8, precondition: Precondition) -> WriteOutcome {
        let action = Action::Route { component: self.name().into(), facts, weight: Weight::capped(weight), testers: TestersMove::Keep };
        apply::write(&self.client, &action, precondition, "1.1", false).await
    }

    async fn annotations(&self) -> Value {
        self.bench.object(&path("networking.k8s.io/v1", "ingresses", CANARY)).await["metadata"]["annotations"].clone()
    }

    async fn meddle(&self, annotations: Value) {
        let request =
            http::Request::patch(path("networking.k8s.io/v1", "ingresses", CANARY)).header("content-type", "application/merge-patch+json");
        let body = json!({"metadata": {"annotations": annotations}}).to_string().into_bytes();
        self.client.request::<Value>(request.body(body).unwrap()).await.unwrap();
    }
}

#[tokio::test]
async fn two_ingresses_are_found_and_the_weight_of_one_is_moved_and_taken_back() {
    let desk = Desk::new().await;
    let router = Router::Nginx {
        ingress: CANARY.into(),
        prefix: "nginx.ingress.kubernetes.io".into(),
        controller: "ingress-nginx".into(),
        stable: "fusion-electronics-backend".into(),
        candidate: CANARY.into(),
    };
    assert_eq!(desk.release.components[0].router, router);
    let old = desk.facts().await;
    assert_eq!((old.object.kind, old.stable, old.candidate), (Kind::Ingress, 100, 0));
    let key = |name: &str| format!("nginx.ingress.kubernetes.io/{name}");
    desk.meddle(json!({"zeta.example/team": "z", "a.example/team": " a ", key("canary-by-header"): "x-canary"})).await;
    let refused = desk.write(old.clone(), 25, Precondition::Unchanged).await;
    assert!(matches!(refused, WriteOutcome::Conflict { .. }), "somebody wrote in between: {refused:?}");
    let before = desk.annotations().await;
    assert_eq!(desk.write(desk.facts().await, 25, Precondition::Unchanged).await, WriteOutcome::Landed);
    let mut expected = before.clone();
    expected[key("canary-weight")] = json!("25");
    assert_eq!(desk.annotations().await, expected, "one annotation and nothing else");
    let up = desk.facts().await;
    assert_eq!((up.percent(), up.bypass), (25, true));
    // Where somebody keeps writing, the annotations are compared by value.
    desk.meddle(json!({"a.example/team": "b"})).await;
    assert_eq!(desk.write(up.clone(), 50, Precondition::Value).await, WriteOutcome::Landed);
    let late = desk.write(up, 75, Precondition::Value).await;
    assert!(matches!(late, WriteOutcome::Conflict { .. }), "50 is not 25: {late:?}");
    // The way back goes from what was known long ago, through whatever happened since.
    assert_eq!(desk.write(old, 0, Precondition::Identity).await, WriteOutcome::Landed);
    assert_eq!(desk.facts().await.percent(), 0);
    assert_eq!(
        (&desk.annotations().await[key("canary-by-header")], &desk.annotations().await["a.example/team"]),
        (&json!("x-canary"), &json!("b"))
    );
}

#[tokio::test]
async fn an_ingress_without_annotations_becomes_a_canary_with_the_first_weight() {
    let desk = Desk::new().await;
    desk.meddle(Value::Null).await;
    let bare = desk.facts().await;
    assert_eq!((desk.annotations().await, bare.percent()), (Value::Null, 0));
    // A rollback from here has nothing to take back, and makes nothing.
    let back = desk.write(bare.clone(), 0, Precondition::Identity).await;
    assert!(matches!(back, WriteOutcome::Conflict { .. }), "{back:?}");
    assert_eq!(desk.write(bare, 10, Precondition::Unchanged).await, WriteOutcome::Landed);
    let key = |name: &str| format!("nginx.ingress.kubernetes.io/{name}");
    assert_eq!(desk.annotations().await, json!({key("canary"): "true", key("canary-weight"): "10"}));
    assert_eq!(desk.facts().await.percent(), 10);
}
