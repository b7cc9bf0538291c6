//! A testers' rule, written as the engine writes it, moves the requests that it names and no others.

use cutover::cluster::traffic::{facts, object};
use cutover::config;
use cutover::domain::action::{Action, Precondition};
use cutover::domain::patch::patches;
use cutover::domain::release::{Component, Destination, Router};
use cutover::domain::testers::TestersMove;
use cutover::domain::weight::Weight;

use super::*;

const FRONTEND: &str = "fusion-electronics-frontend";

/// `two-components`, where one request in ten carries a cookie (backend) or a header (frontend).
fn scenario() -> Scenario {
    let marked = |stream: &str, name: &str, value: &str| {
        (
            format!("- name: {stream}\n  enters:"),
            format!("- name: {stream}\n  headers: [ {{ name: {name}, value: \"{value}\", share: 10% }} ]\n  enters:"),
        )
    };
    let mut text = include_str!("../../../assets/scenarios/two-components.yaml").to_owned();
    for (from, to) in [marked("backend", "Cookie", "a=1; beta=yes; z=2"), marked("frontend", "X-Canary", "always")] {
        assert!(text.contains(&from), "{from}");
        text = text.replacen(&from, &to, 1);
    }
    for (from, mark) in
        [("backend } }", "cookie: { name: beta, value: \"yes\" }"), ("frontend } }", "header: { name: x-canary, value: always }")]
    {
        let at = text.find("release:").unwrap();
        let tail = text[at..].replacen(from, &format!("{} testers: {{ {mark} }} }}", from.strip_suffix(" }").unwrap().to_owned() + ","), 1);
        text = text[..at].to_owned() + &tail;
    }
    Scenario::parse(&text, "testers.yaml").unwrap()
}

/// The two components with nothing left open.
fn components(scenario: &Scenario) -> [Component; 2] {
    let declared = config::parse("testers.yaml", &scenario.release_text().unwrap()).unwrap().remove(0);
    let to = |subset: &str| Destination { host: BACKEND.into(), subset: Some(subset.into()) };
    let routers = [
        Router::Istio { virtual_service: BACKEND.into(), route: None, stable: to("stable"), candidate: to("canary") },
        Router::Gateway {
            http_route: FRONTEND.into(),
            rule: None,
            stable: format!("{FRONTEND}-stable"),
            candidate: format!("{FRONTEND}-canary"),
        },
    ];
    let mut both = declared.components.into_iter().zip(routers);
    std::array::from_fn(|_| {
        let (c, router) = both.next().unwrap();
        Component { name: c.name, stable: c.stable, candidate: c.candidate, container: None, router, testers: c.testers }
    })
}

/// Writes a component's route as it is read.
fn write(kernel: &mut Kernel, component: &Component, weight: u8, testers: TestersMove, precondition: Precondition) {
    let object = object(component, "fusion-ecommerce").unwrap();
    let body: Value = serde_json::from_slice(kernel.handle(&Request::new(Method::Get, &object.path())).full()).unwrap();
    let facts = facts(component, &object, &body).unwrap();
    assert_ne!(facts.testers_move(testers == TestersMove::Add), TestersMove::Keep, "{facts:?}");
    let action = Action::Route { component: component.name.clone(), facts, weight: Weight::capped(weight), testers };
    for write in patches(&action, precondition, "1.1") {
        patch(kernel, &write.object.path(), "json-patch+json", &Value::Array(write.ops));
    }
}

fn canary_share(kernel: &mut Kernel, component: &str) -> f64 {
    let rate = |version: &str| format!("sum(rate(http_requests_total{{component=\"{component}\"{version}}}[2m]))");
    query(kernel, &format!("({} or vector(0)) / {}", rate(",version=\"canary\""), rate("")))
}

#[test]
fn testers_meet_the_candidate_at_weight_nothing_and_nobody_does_after_a_rollback() {
    let mut kernel = Kernel::new(11, "2026-01-01T00:00:00Z".parse().unwrap());
    let scenario = scenario();
    scenario.install(&mut kernel).unwrap();
    let both = components(&scenario);
    for name in [CANARY, "fusion-electronics-frontend-canary"] {
        scale(&mut kernel, name, 2);
    }
    run(&mut kernel, 240);
    for c in &both {
        assert_eq!(canary_share(&mut kernel, &c.name), 0.0, "{}: nobody asked for anything yet", c.name);
        write(&mut kernel, c, 0, TestersMove::Add, Precondition::Unchanged);
    }
    run(&mut kernel, 240);
    for c in &both {
        let share = canary_share(&mut kernel, &c.name);
        assert!((share - 0.1).abs() < 0.02, "{}: only testers, at weight 0: {share}", c.name);
        let object = object(c, "fusion-ecommerce").unwrap();
        let body: Value = serde_json::from_slice(kernel.handle(&Request::new(Method::Get, &object.path())).full()).unwrap();
        let facts = facts(c, &object, &body).unwrap();
        let action = Action::Route { component: c.name.clone(), facts, weight: Weight::capped(25), testers: TestersMove::Keep };
        for write in patches(&action, Precondition::Unchanged, "1.1") {
            patch(&mut kernel, &write.object.path(), "json-patch+json", &Value::Array(write.ops));
        }
    }
    run(&mut kernel, 240);
    for c in &both {
        let share = canary_share(&mut kernel, &c.name);
        assert!((share - 0.325).abs() < 0.04, "{}: testers and a quarter of the others: {share}", c.name);
        write(&mut kernel, c, 0, TestersMove::Remove, Precondition::Identity);
    }
    run(&mut kernel, 240);
    for c in &both {
        assert_eq!(canary_share(&mut kernel, &c.name), 0.0, "{}", c.name);
    }
}
