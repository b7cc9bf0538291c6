use serde_json::{Value, json};

use super::*;
use crate::domain::action::{Action, Precondition};
use crate::domain::patch::patches;
use crate::domain::release::Destination;
use crate::domain::weight::Weight;

fn component(router: Router) -> Component {
    Component {
        name: "backend".into(),
        stable: "backend".into(),
        candidate: Some("backend-canary".into()),
        container: None,
        router,
        testers: None,
    }
}

fn istio() -> Component {
    let to = |host: &str| Destination { host: host.into(), subset: None };
    component(Router::Istio { virtual_service: "backend".into(), route: None, stable: to("backend"), candidate: to("backend-canary") })
}

fn gateway() -> Component {
    component(Router::Gateway { http_route: "backend".into(), rule: None, stable: "backend".into(), candidate: "backend-canary".into() })
}

fn read(c: &Component, body: &Value) -> Result<RouteFacts, RouteProblem> {
    facts(c, &object(c, "shop").unwrap(), body)
}

/// A VirtualService with much that is not ours.
fn virtual_service() -> Value {
    json!({
        "apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
        "metadata": {"name": "backend", "namespace": "shop", "uid": "u1", "resourceVersion": "9", "annotations": {"team": "a"}},
        "spec": {
            "hosts": ["api.shop.example"], "gateways": ["public"],
            "http": [
                {"name": "testers", "match": [{"headers": {"x-canary": {"exact": "always"}}}], "route": [{"destination": {"host": "backend-canary"}}], "retries": {"attempts": 3}},
                {"name": "main", "timeout": "5s", "mirror": {"host": "shadow"}, "route": [
                    {"destination": {"host": "other", "port": {"number": 80}}, "weight": 10},
                    {"destination": {"host": "backend.shop.svc.cluster.local", "port": {"number": 80}}, "weight": 75, "headers": {"request": {"set": {"a": "b"}}}},
                    {"destination": {"host": "backend-canary", "port": {"number": 80}}, "weight": 15}
                ], "fault": {"delay": {"percentage": {"value": 0.1}}}}
            ]
        }
    })
}

fn http_route(generation: i64, seen: i64, status: &str) -> Value {
    let condition = |t: &str| json!({"type": t, "status": status, "observedGeneration": seen, "reason": "R", "message": "m"});
    json!({
        "metadata": {"name": "backend", "namespace": "shop", "uid": "u1", "resourceVersion": "9", "generation": generation},
        "spec": {"parentRefs": [{"name": "gw"}], "rules": [
            {"matches": [{"path": {"value": "/admin"}}], "backendRefs": [{"name": "admin", "port": 80}]},
            {"filters": [{"type": "RequestHeaderModifier"}], "backendRefs": [{"name": "backend", "port": 80}, {"name": "backend-canary", "port": 80, "weight": 0}]}
        ]},
        "status": {"parents": [{"parentRef": {"name": "gw"}, "conditions": [condition("Accepted"), condition("ResolvedRefs")]}]}
    })
}

#[test]
fn a_route_is_found_among_foreign_ones() {
    let facts = read(&istio(), &virtual_service()).unwrap();
    assert_eq!((facts.stable, facts.candidate, facts.percent()), (75, 15, 17));
    assert!(
        matches!(&facts.entry, RouteEntry::VirtualService { http: 1, stable: (1, s), candidate: (2, _), .. } if s.host == "backend.shop.svc.cluster.local")
    );
    assert!(facts.bypass, "the testers' rule sends to the candidate whatever the weights say");
    assert!(facts.notes[0].as_str().contains("header x-canary"), "{:?}", facts.notes);
    assert!(facts.notes[1].as_str().contains("other destinations hold 10"));
}

/// Applies our patch and lists the paths of values that changed.
fn changed(body: &Value, c: &Component, weight: u8, precondition: Precondition) -> Vec<(String, Value)> {
    let facts = read(c, body).unwrap();
    let action = Action::Route { component: c.name.clone(), facts, weight: Weight::capped(weight), testers: Default::default() };
    let mut after = body.clone();
    for patch in patches(&action, precondition, "1.1") {
        let ops: json_patch::Patch = serde_json::from_value(Value::Array(patch.ops)).unwrap();
        json_patch::patch(&mut after, &ops).unwrap();
    }
    let diff = serde_json::to_value(json_patch::diff(body, &after)).unwrap();
    diff.as_array().unwrap().iter().map(|op| (op["path"].as_str().unwrap().to_owned(), op["value"].clone())).collect()
}

#[test]
fn two_numbers_change_and_nothing_else() {
    for precondition in [Precondition::Unchanged, Precondition::Identity] {
        let virtual_service = changed(&virtual_service(), &istio(), 0, precondition);
        assert_eq!(virtual_service, [("/spec/http/1/route/1/weight".into(), json!(90)), ("/spec/http/1/route/2/weight".into(), json!(0))]);
        let route = changed(&http_route(3, 3, "True"), &gateway(), 0, precondition);
        assert_eq!(route, [("/spec/rules/1/backendRefs/0/weight".into(), json!(1))], "an unset weight is 1: only its being written is new");
    }
}

#[test]
fn accepted_is_every_parent_at_this_generation() {
    let accepted = |g, s, status| read(&gateway(), &http_route(g, s, status)).unwrap().accepted;
    assert_eq!(accepted(3, 3, "True"), Acceptance::Yes);
    assert!(matches!(accepted(4, 3, "True"), Acceptance::Pending(_)));
    assert!(matches!(accepted(3, 3, "False"), Acceptance::Refused(_)));
    let mut silent = http_route(1, 1, "True");
    silent["status"] = json!({});
    assert!(matches!(read(&gateway(), &silent).unwrap().accepted, Acceptance::Pending(_)));
}

#[test]
fn what_does_not_fit_says_what_would() {
    let mut lone = virtual_service();
    lone["spec"]["http"] = json!([{"route": [{"destination": {"host": "backend"}}]}]);
    let problem = read(&istio(), &lone).unwrap_err().to_string();
    assert!(problem.contains("no http route sends to both backend and backend-canary; it sends to: backend"), "{problem}");
    let mut twice = virtual_service();
    let main = twice["spec"]["http"][1].clone();
    twice["spec"]["http"].as_array_mut().unwrap().push(main);
    assert!(read(&istio(), &twice).unwrap_err().to_string().contains("name one with `route:`"));
    let mut odd = virtual_service();
    odd["spec"]["http"][1]["route"][2]["weight"] = json!("15");
    assert!(read(&istio(), &odd).unwrap_err().to_string().contains("not a whole number"));
}

#[test]
fn a_selector_names_the_side_that_serves() {
    let c = component(Router::Service { service: "web".into(), key: "version".into(), stable: "blue".into(), candidate: "green".into() });
    let service = |v: &str| json!({"metadata": {"uid": "u", "resourceVersion": "1"}, "spec": {"selector": {"app": "web", "version": v}}});
    assert_eq!(read(&c, &service("green")).unwrap().percent(), 100);
    assert!(read(&c, &service("red")).unwrap_err().to_string().contains("neither blue nor green"));
    let bare = json!({"metadata": {}, "spec": {"selector": {"app": "web"}}});
    assert!(read(&c, &bare).unwrap_err().to_string().contains("no key `version`"));
    assert_eq!(changed(&service("blue"), &c, 100, Precondition::Unchanged), [("/spec/selector/version".into(), json!("green"))]);
}

#[test]
fn hosts_are_the_same_in_every_spelling() {
    for other in ["web", "web.shop", "web.shop.svc", "web.shop.svc.cluster.local"] {
        assert!(istio::same_host("web", other, "shop"), "{other}");
    }
    assert!(!istio::same_host("web", "web.other", "shop"));
}

mod nginx;
mod testers;
