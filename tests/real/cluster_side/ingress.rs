//! Canary annotations on a real API server, with the operator's rights.

use cutover::cluster::{apply, discover, observe};
use cutover::domain::action::{Action, Precondition, WriteOutcome};
use cutover::domain::release::{Release, Router};
use cutover::domain::route::RouteFacts;
use cutover::domain::testers::TestersMove;
use cutover::domain::weight::Weight;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use super::connected;
use crate::harness::audit;
use crate::harness::control_plane::{ControlPlane, User};
use crate::harness::namespace::TestNamespace;
use crate::harness::objects::api;

const KEY: &str = "nginx.ingress.kubernetes.io";

/// Two versions without pods, a Service each, and an Ingress each for the same host and path.
fn objects(namespace: &str) -> Vec<Value> {
    let both = [("web", "stable"), ("web-canary", "canary")];
    both.iter()
        .flat_map(|(name, track)| {
            let meta = json!({ "name": name, "namespace": namespace });
            let labels = json!({ "app": "web", "track": track });
            let annotations = if *track == "canary" { json!({ format!("{KEY}/canary"): "true", "z.example/team": "z", "a.example/team": " a " }) } else { json!({}) };
            [
                json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": {
                    "replicas": 0, "selector": { "matchLabels": labels },
                    "template": { "metadata": { "labels": labels }, "spec": { "containers": [{ "name": "web", "image": "web:1" }] } } } }),
                json!({ "apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": { "selector": labels, "ports": [{ "port": 80 }] } }),
                json!({ "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
                    "metadata": { "name": name, "namespace": namespace, "annotations": annotations },
                    "spec": { "ingressClassName": "nginx", "rules": [{ "host": "shop.example", "http": { "paths": [
                        { "path": "/", "pathType": "Prefix", "backend": { "service": { "name": name, "port": { "number": 80 } } } }] } }] } }),
            ]
        })
        .collect()
}

struct Shop {
    namespace: TestNamespace,
    client: kube::Client,
    release: Release,
}

impl Shop {
    async fn new(plane: &'static ControlPlane) -> Shop {
        let namespace = plane.namespace("ingress").await;
        namespace.apply(&objects(&namespace.name)).await;
        let client = connected(&namespace, User::Operator, plane.port(), false).await.unary;
        let there = discover::read(&client, &namespace.name).await.unwrap();
        let release = there.propose(&namespace.name, "dev", None).remove(0);
        Shop { namespace, client, release }
    }

    async fn facts(&self) -> RouteFacts {
        let seen = observe::observe(&self.client, &self.release, jiff::Timestamp::now()).await.unwrap();
        seen.components["web"].route.clone().unwrap()
    }

    async fn write(&self, facts: RouteFacts, weight: u8, precondition: Precondition) -> WriteOutcome {
        let action = Action::Route { component: "web".into(), facts, weight: Weight::capped(weight), testers: TestersMove::Keep };
        apply::write(&self.client, &action, precondition, "1.1", false).await
    }

    /// The canary Ingress as people would diff it.
    async fn as_written(&self) -> Value {
        let object =
            api(&self.namespace.harness().await, &self.namespace.name, "networking.k8s.io", "v1", "Ingress").get("web-canary").await;
        let mut value = serde_json::to_value(object.unwrap()).unwrap();
        for counted in ["managedFields", "resourceVersion", "generation"] {
            value["metadata"].as_object_mut().unwrap().remove(counted);
        }
        value
    }

    async fn meddle(&self, annotations: Value) {
        let ingresses = api(&self.namespace.harness().await, &self.namespace.name, "networking.k8s.io", "v1", "Ingress");
        let change = Patch::Merge(json!({ "metadata": { "annotations": annotations } }));
        ingresses.patch("web-canary", &PatchParams::default(), &change).await.unwrap();
    }
}

#[tokio::test]
async fn an_annotation_is_moved_and_taken_back_and_nothing_else_changes() {
    let Some(plane) = ControlPlane::get("an_annotation_is_moved_and_taken_back_and_nothing_else_changes") else { return };
    let shop = Shop::new(plane).await;
    assert!(matches!(&shop.release.components[0].router, Router::Nginx { ingress, .. } if ingress == "web-canary"), "{:?}", shop.release);
    let (before, old) = (shop.as_written().await, shop.facts().await);
    assert_eq!(shop.write(old.clone(), 25, Precondition::Unchanged).await, WriteOutcome::Landed);
    let mut expected = before.clone();
    expected["metadata"]["annotations"][format!("{KEY}/canary-weight")] = json!("25");
    assert_eq!(shop.as_written().await, expected);
    let stale = shop.write(old.clone(), 50, Precondition::Unchanged).await;
    assert!(matches!(stale, WriteOutcome::Conflict { .. }), "{stale:?}");
    // By value, through a foreign write; then not, since the value is another.
    let up = shop.facts().await;
    shop.meddle(json!({ "z.example/team": "y" })).await;
    assert_eq!(shop.write(up.clone(), 50, Precondition::Value).await, WriteOutcome::Landed);
    let late = shop.write(up, 75, Precondition::Value).await;
    assert!(matches!(late, WriteOutcome::Conflict { .. }), "{late:?}");
    // The way back rests on nothing but the entry.
    shop.meddle(json!({ format!("{KEY}/canary-weight"): "90" })).await;
    assert_eq!(shop.write(old, 0, Precondition::Identity).await, WriteOutcome::Landed);
    expected["metadata"]["annotations"][format!("{KEY}/canary-weight")] = json!("0");
    expected["metadata"]["annotations"]["z.example/team"] = json!("y");
    assert_eq!(shop.as_written().await, expected);
    let log = shop.namespace.audit(User::Operator);
    assert_eq!(audit::lines(&log, |entry| entry.code == 403), "", "the operator's role lacks something");
}

#[tokio::test]
async fn an_ingress_without_annotations_is_given_them_only_as_it_was_read() {
    let Some(plane) = ControlPlane::get("an_ingress_without_annotations_is_given_them_only_as_it_was_read") else { return };
    let shop = Shop::new(plane).await;
    shop.meddle(Value::Null).await;
    let bare = shop.facts().await;
    assert_eq!(bare.percent(), 0);
    let back = shop.write(bare.clone(), 0, Precondition::Identity).await;
    assert!(matches!(back, WriteOutcome::Conflict { .. }), "nothing to take back, nothing made: {back:?}");
    shop.meddle(json!({ "a.example/team": "a" })).await;
    let stale = shop.write(bare, 10, Precondition::Unchanged).await;
    assert!(matches!(stale, WriteOutcome::Conflict { .. }), "it would wipe what somebody else wrote: {stale:?}");
    shop.meddle(Value::Null).await;
    assert_eq!(shop.write(shop.facts().await, 10, Precondition::Unchanged).await, WriteOutcome::Landed);
    let annotations = &shop.as_written().await["metadata"]["annotations"];
    assert_eq!(annotations, &json!({ format!("{KEY}/canary"): "true", format!("{KEY}/canary-weight"): "10" }));
    assert_eq!(shop.facts().await.percent(), 10);
}
