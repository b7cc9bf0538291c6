//! The testers' rule on a real API server: with what it fills in and drops, it is known again, and taken away without a trace.

use cutover::cluster::{apply, traffic};
use cutover::domain::action::{Action, Precondition, WriteOutcome};
use cutover::domain::release::{Component, Destination, Router};
use cutover::domain::route::RouteFacts;
use cutover::domain::testers::{Testers, TestersMove};
use cutover::domain::weight::Weight;
use kube::Client;
use serde_json::{Value, json};

use super::connected;
use crate::harness::control_plane::{ControlPlane, User};
use crate::harness::namespace::TestNamespace;

fn component(router: Router, testers: Testers) -> Component {
    Component {
        name: "web".into(),
        stable: "web".into(),
        candidate: Some("web-canary".into()),
        container: None,
        router,
        testers: Some(testers),
    }
}

fn virtual_service(namespace: &str) -> Value {
    let split = |host: &str, weight: u32| json!({ "destination": { "host": host, "port": { "number": 80 } }, "weight": weight });
    json!({ "apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": { "name": "web", "namespace": namespace }, "spec": {
        "hosts": ["web"],
        "http": [
            { "name": "status", "match": [{ "uri": { "prefix": "/status" } }], "route": [{ "destination": { "host": "web" } }] },
            { "match": [{ "uri": { "prefix": "/" } }], "timeout": "5s", "route": [split("web", 100), split("web-canary", 0)] },
        ] } })
}

fn http_route(namespace: &str) -> Value {
    json!({ "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": { "name": "web", "namespace": namespace }, "spec": {
        "parentRefs": [{ "name": "gateway" }],
        "rules": [
            { "matches": [{ "path": { "value": "/status" } }], "backendRefs": [{ "name": "web", "port": 80 }] },
            { "backendRefs": [{ "name": "web", "port": 80, "weight": 100 }, { "name": "web-canary", "port": 80, "weight": 0 }] },
        ] } })
}

struct Desk {
    client: Client,
    component: Component,
    namespace: String,
}

impl Desk {
    async fn body(&self) -> Value {
        let path = traffic::object(&self.component, &self.namespace).unwrap().path();
        self.client.request(http::Request::get(path).body(vec![]).unwrap()).await.unwrap()
    }

    /// The object as people would diff it.
    async fn as_written(&self) -> Value {
        let mut body = self.body().await;
        for counted in ["managedFields", "resourceVersion", "generation"] {
            body["metadata"].as_object_mut().unwrap().remove(counted);
        }
        body
    }

    async fn facts(&self) -> RouteFacts {
        traffic::facts(&self.component, &traffic::object(&self.component, &self.namespace).unwrap(), &self.body().await).unwrap()
    }

    async fn write(&self, weight: u8, testers: TestersMove, precondition: Precondition) -> WriteOutcome {
        let action = Action::Route { component: "web".into(), facts: self.facts().await, weight: Weight::capped(weight), testers };
        apply::write(&self.client, &action, precondition, "1.1", false).await
    }
}

async fn there_and_back(namespace: &TestNamespace, plane: &ControlPlane, component: Component) {
    let client = connected(namespace, User::Operator, plane.port(), false).await.unary;
    let desk = Desk { client, component, namespace: namespace.name.clone() };
    let before = desk.as_written().await;
    assert!(!desk.facts().await.sends_testers());
    assert_eq!(desk.write(0, TestersMove::Add, Precondition::Unchanged).await, WriteOutcome::Landed);
    let with = desk.facts().await;
    assert!(with.sends_testers() && with.bypass, "known again: {}", desk.as_written().await);
    assert_eq!(desk.write(25, TestersMove::Keep, Precondition::Unchanged).await, WriteOutcome::Landed);
    assert_eq!((desk.facts().await.percent(), desk.facts().await.sends_testers()), (25, true));
    assert_eq!(desk.write(0, TestersMove::Remove, Precondition::Identity).await, WriteOutcome::Landed);
    assert_eq!(desk.as_written().await, before, "nothing is left of it");
}

#[tokio::test]
async fn a_testers_rule_is_known_again_and_leaves_no_trace() {
    let Some(plane) = ControlPlane::get("a_testers_rule_is_known_again_and_leaves_no_trace") else { return };
    let namespace = plane.namespace("testers").await;
    namespace.apply(&[virtual_service(&namespace.name), http_route(&namespace.name)]).await;
    let to = |host: &str| Destination { host: host.into(), subset: None };
    let istio = || Router::Istio { virtual_service: "web".into(), route: None, stable: to("web"), candidate: to("web-canary") };
    let gateway = || Router::Gateway { http_route: "web".into(), rule: None, stable: "web".into(), candidate: "web-canary".into() };
    for testers in [
        Testers::Header { name: "X-Canary".into(), value: "always".into() },
        Testers::Cookie { name: "beta".into(), value: "yes.1".into() },
    ] {
        there_and_back(&namespace, plane, component(istio(), testers.clone())).await;
        there_and_back(&namespace, plane, component(gateway(), testers)).await;
    }
}
