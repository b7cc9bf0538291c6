use serde_json::{Value, json};

use super::*;
use crate::domain::action::{Action, Precondition};
use crate::domain::patch::patches;
use crate::domain::release::{Destination, Track};
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

/// What a gateway's controller says of both conditions at a generation.
fn says(controller: &str, gateway: &str, seen: i64, accepted: &str) -> Value {
    let condition = |t: &str, status: &str| json!({"type": t, "status": status, "observedGeneration": seen, "reason": "R", "message": "m"});
    json!({
        "controllerName": format!("{controller}.example/gateway"), "parentRef": {"name": gateway},
        "conditions": [condition("Accepted", accepted), condition("ResolvedRefs", "True")]
    })
}

/// What a route that hangs on two gateways is taken for, at generation 3, where this is said of it.
fn between_two(said: &[&Value]) -> Acceptance {
    let mut body = http_route(3, 3, "True");
    body["spec"]["parentRefs"] = json!([{"name": "public"}, {"name": "internal"}]);
    body["status"]["parents"] = json!(said);
    read(&gateway(), &body).unwrap().accepted
}

#[test]
fn a_gateway_that_the_route_hangs_on_no_more_is_not_waited_for() {
    let mut body = http_route(3, 3, "True");
    body["spec"]["parentRefs"] = json!([{"name": "public"}]);
    body["status"]["parents"] = json!([says("a", "public", 3, "True"), says("b", "removed", 1, "False")]);
    assert_eq!(read(&gateway(), &body).unwrap().accepted, Acceptance::Yes);
}

#[test]
fn a_switch_knows_whose_pods_it_would_reach() {
    let (service, key) = ("web".to_owned(), "version".to_owned());
    let c = component(Router::Service { service, key, stable: "blue".into(), candidate: "green".into() });
    let body = json!({"spec": {"selector": {"app": "web", "version": "blue"}}});
    let selector = service::selector(&c, &body).unwrap();
    let labels =
        |app: &str, version: &str| [("app", app), ("version", version), ("team", "a")].map(|(k, v)| (k.to_owned(), v.to_owned())).into();
    assert_eq!(selector.misses(Track::Stable, "web-blue", &labels("web", "blue")), None);
    assert_eq!(selector.misses(Track::Candidate, "web-green", &labels("web", "green")), None, "the key is told by the release");
    let why = |labels| selector.misses(Track::Candidate, "web-green", &labels).unwrap().to_string();
    let wrong = "Service web would reach no pod of web-green: it selects";
    assert_eq!(why(labels("web", "gren")), format!("{wrong} version=green, and their label is version=gren"));
    assert_eq!(why(labels("web-green", "green")), format!("{wrong} app=web, and their label is app=web-green"));
}

#[test]
fn of_two_gateways_the_one_that_lags_behind_decides() {
    let public = says("a", "public", 3, "True");
    let pending = |second: &Value, why: &str| {
        // Whichever is reported first.
        for said in [[&public, second], [second, &public]] {
            let Acceptance::Pending(told) = between_two(&said) else { panic!("{why}: {:?}", between_two(&said)) };
            assert_eq!(told.as_str(), why);
        }
    };
    assert_eq!(between_two(&[&public, &says("a", "internal", 3, "True")]), Acceptance::Yes);
    pending(&says("a", "internal", 2, "True"), "gateway internal has seen generation 2 of 3");
    pending(&says("a", "internal", 2, "False"), "gateway internal has seen generation 2 of 3");
    let mut half = says("a", "internal", 3, "True");
    half["conditions"][1]["observedGeneration"] = json!(2);
    pending(&half, "gateway internal has seen generation 2 of 3");
    half["conditions"].as_array_mut().unwrap().remove(1);
    pending(&half, "gateway internal has not reported ResolvedRefs");
    half["conditions"] = json!([]);
    pending(&half, "gateway internal has not reported Accepted");
    for said in [[&public, &says("a", "internal", 3, "False")], [&says("a", "internal", 3, "False"), &public]] {
        let Acceptance::Refused(why) = between_two(&said) else { panic!("{:?}", between_two(&said)) };
        assert_eq!(why.as_str(), "gateway internal: Accepted: R m");
    }
    let Acceptance::Pending(why) = between_two(&[&public]) else { panic!("{:?}", between_two(&[&public])) };
    assert_eq!(why.as_str(), "1 of 2 gateways have reported");
}

#[test]
fn two_controllers_of_one_gateway_do_not_speak_for_the_other() {
    let both = [says("a", "public", 3, "True"), says("b", "public", 3, "True")];
    let accepted = between_two(&[&both[0], &both[1]]);
    assert!(matches!(accepted, Acceptance::Pending(_)), "nobody has said anything of gateway internal: {accepted:?}");
    let three = between_two(&[&both[0], &both[1], &says("a", "internal", 3, "True")]);
    assert_eq!(three, Acceptance::Yes, "both are there, however many speak");
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

/// The pair stands in two entries, the named one second: with another share, and with what is not ours.
fn twice(first: &str, named: &str) -> (Value, Value) {
    let mut istio = virtual_service();
    let mut other = istio["spec"]["http"][1].clone();
    other["name"] = json!(first);
    other["match"] = json!([{"uri": {"prefix": "/beta"}}]);
    (other["route"][1]["weight"], other["route"][2]["weight"]) = (json!(40), json!(50));
    istio["spec"]["http"][1]["name"] = json!(named);
    istio["spec"]["http"][0] = other;

    let mut gateway = http_route(3, 3, "True");
    let mut other = gateway["spec"]["rules"][1].clone();
    other["name"] = json!(first);
    other["matches"] = json!([{"path": {"value": "/beta"}}]);
    (other["backendRefs"][0]["weight"], other["backendRefs"][1]["weight"]) = (json!(40), json!(50));
    gateway["spec"]["rules"][1]["name"] = json!(named);
    gateway["spec"]["rules"][0] = other;
    (istio, gateway)
}

/// The two components with the entry that is meant named.
fn by_name(name: &str) -> (Component, Component) {
    let (mut i, mut g) = (istio(), gateway());
    if let (Router::Istio { route, .. }, Router::Gateway { rule, .. }) = (&mut i.router, &mut g.router) {
        (*route, *rule) = (Some(name.to_owned()), Some(name.to_owned()));
    }
    (i, g)
}

#[test]
fn an_entry_that_is_named_is_written_and_one_before_it_with_the_same_pair_is_not() {
    let (virtual_service, route) = twice("beta", "main");
    let (i, g) = by_name("main");
    let facts = read(&i, &virtual_service).unwrap();
    assert!(matches!(&facts.entry, RouteEntry::VirtualService { route: Some(name), http: 1, .. } if name == "main"), "{facts:?}");
    assert_eq!((facts.stable, facts.candidate, facts.bypass), (75, 15, true), "the other one sends to the candidate, too");
    assert_eq!(facts.notes[0].as_str(), "rule `beta` above takes its requests first (path prefix /beta) and sends to the candidate");
    let facts = read(&g, &route).unwrap();
    assert!(matches!(&facts.entry, RouteEntry::HttpRoute { name: Some(name), rule: 1, .. } if name == "main"), "{facts:?}");
    assert_eq!((facts.stable, facts.candidate, facts.bypass), (1, 0, true));
    assert_eq!(facts.notes[0].as_str(), "another rule (path /beta) also sends to the candidate");
    for precondition in [Precondition::Unchanged, Precondition::Value, Precondition::Identity] {
        let by_istio = |weight| changed(&virtual_service, &i, weight, precondition);
        let at = |n: u8| format!("/spec/http/1/route/{n}/weight");
        assert_eq!(by_istio(0), [(at(1), json!(90)), (at(2), json!(0))], "{precondition:?}");
        assert_eq!(by_istio(50), [(at(1), json!(45)), (at(2), json!(45))], "{precondition:?}");
        let by_gateway = |weight| changed(&route, &g, weight, precondition);
        let at = |n: u8| format!("/spec/rules/1/backendRefs/{n}/weight");
        assert_eq!(by_gateway(0), [(at(0), json!(1))], "{precondition:?}");
        assert_eq!(by_gateway(50), [(at(0), json!(50)), (at(1), json!(50))], "{precondition:?}");
    }
}

#[test]
fn without_a_name_or_with_a_wrong_one_neither_entry_is_taken() {
    let (virtual_service, route) = twice("beta", "main");
    let why = |c: &Component, body: &Value| read(c, body).unwrap_err().to_string();
    assert!(why(&istio(), &virtual_service).contains("2 routes send to both backend and backend-canary: name one with `route:`"));
    assert!(why(&gateway(), &route).contains("2 rules send to both backend and backend-canary: name one with `rule:`"));
    let (i, g) = by_name("gamma");
    assert!(why(&i, &virtual_service).contains("no http route named `gamma` sends to both backend and backend-canary"));
    assert!(why(&g, &route).contains("no rule named `gamma` sends to both backend and backend-canary"));
    // Two of one name are as good as none.
    let (virtual_service, route) = twice("main", "main");
    let (i, g) = by_name("main");
    assert!(why(&i, &virtual_service).contains("2 routes send to both"));
    assert!(why(&g, &route).contains("2 rules send to both"));
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

mod beside;
mod nginx;
mod testers;

/// Whether an object that does not fit is said to send something to the candidate.
fn sends(c: &Component, body: &Value) -> bool {
    let Err(problem @ RouteProblem::Unfit { .. }) = read(c, body) else { panic!("it fits: {body}") };
    problem.may_send()
}

#[test]
fn what_does_not_fit_and_names_the_candidate_may_send_to_it() {
    let to = |destination: Value| json!({"spec": {"http": [{"route": [{"destination": destination}]}]}});
    let subset = |name: &str| Destination { host: "backend".into(), subset: Some(name.into()) };
    let subsets =
        component(Router::Istio { virtual_service: "backend".into(), route: None, stable: subset("v1"), candidate: subset("v2") });
    let istios = [
        (istio(), json!({"host": "backend-canary.shop.svc.cluster.local"}), true),
        (istio(), json!({"host": "backend-canary", "subset": "v9"}), true),
        (istio(), json!({"host": "backend"}), false),
        (istio(), json!({"host": "backend-canary.other"}), false),
        (subsets.clone(), json!({"host": "backend"}), true),
        (subsets.clone(), json!({"host": "backend", "subset": "v2"}), true),
        (subsets, json!({"host": "backend", "subset": "v1"}), false),
    ];
    for (c, destination, told) in istios {
        assert_eq!(sends(&c, &to(destination.clone())), told, "{destination}");
    }
    // A gateway of the candidate's name is no backend.
    let rule = |name: &str| json!({"spec": {"parentRefs": [{"name": "backend-canary"}], "rules": [{"backendRefs": [{"name": name}]}]}});
    assert_eq!(["backend-canary", "backend"].map(|name| sends(&gateway(), &rule(name))), [true, false]);
    let service =
        component(Router::Service { service: "backend".into(), key: "version".into(), stable: "blue".into(), candidate: "green".into() });
    let selector = |selector: Value| json!({"spec": {"selector": selector}});
    assert!(sends(&service, &selector(json!({"app": "backend"}))), "both colours");
    assert!(!sends(&service, &selector(json!({"app": "backend", "version": "maintenance"}))));
}
