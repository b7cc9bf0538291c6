use super::*;
use crate::domain::testers::{Testers, TestersMove};

fn header() -> Testers {
    Testers::Header { name: "X-Canary".into(), value: "always".into() }
}

fn cookie() -> Testers {
    Testers::Cookie { name: "beta".into(), value: "always".into() }
}

fn admitting(mut c: Component, testers: Testers) -> Component {
    c.testers = Some(testers);
    c
}

/// What a write of the route makes of an object.
fn after(body: &Value, c: &Component, weight: u8, testers: TestersMove, precondition: Precondition) -> Value {
    let facts = read(c, body).unwrap();
    let action = Action::Route { component: c.name.clone(), facts, weight: Weight::capped(weight), testers };
    let mut after = body.clone();
    for patch in patches(&action, precondition, "1.1") {
        let ops: json_patch::Patch = serde_json::from_value(Value::Array(patch.ops)).unwrap();
        json_patch::patch(&mut after, &ops).unwrap();
    }
    after
}

/// Adds the rule and takes it away again, each way; everything else is as it was.
fn there_and_back(body: &Value, c: &Component, weight: u8) -> Value {
    let with = after(body, c, weight, TestersMove::Add, Precondition::Unchanged);
    let facts = read(c, &with).unwrap();
    assert!(facts.sends_testers() && facts.bypass, "it counts as traffic");
    assert_eq!(facts.notes[0].as_str(), format!("testers: {} goes to the candidate", c.testers.as_ref().unwrap()));
    assert_eq!(facts.notes.len(), 1 + read(c, body).unwrap().notes.len(), "said once: {:?}", facts.notes);
    assert_eq!((facts.testers_move(true), facts.testers_move(false)), (TestersMove::Keep, TestersMove::Remove));
    let plain = after(body, c, 0, TestersMove::Keep, Precondition::Unchanged);
    for precondition in [Precondition::Unchanged, Precondition::Value, Precondition::Identity] {
        assert_eq!(after(&with, c, 0, TestersMove::Remove, precondition), plain, "{precondition:?}");
    }
    with
}

#[test]
fn in_a_virtual_service_testers_go_first_by_a_copy_of_the_weighted_route() {
    let body = virtual_service();
    let with = there_and_back(&body, &admitting(istio(), header()), 10);
    let http = &with["spec"]["http"];
    assert_eq!((&http[0], http.as_array().unwrap().len()), (&body["spec"]["http"][0], 3), "the foreign rule above stays first");
    let mut rule = body["spec"]["http"][1].clone();
    rule["name"] = json!("cutover-testers");
    rule["match"] = json!([{"headers": {"x-canary": {"exact": "always"}}}]);
    rule["route"] = json!([{"destination": {"host": "backend-canary", "port": {"number": 80}}}]);
    assert_eq!(http[1], rule);
    let weights = |route: &Value| [1, 2].map(|i| route["route"][i]["weight"].as_u64().unwrap());
    assert_eq!(weights(&http[2]), [81, 9], "the weights are moved in the same write, where they stand by then");
    let by_cookie = there_and_back(&body, &admitting(istio(), cookie()), 0);
    assert_eq!(by_cookie["spec"]["http"][1]["match"][0]["headers"]["cookie"]["regex"], json!("(.*; ?)?beta=always(;.*)?"));
}

#[test]
fn conditions_of_the_weighted_route_hold_for_testers_too() {
    let mut body = virtual_service();
    body["spec"]["http"][1]["match"] =
        json!([{"uri": {"prefix": "/api"}, "headers": {"x-team": {"exact": "a"}}}, {"uri": {"prefix": "/v2"}}]);
    let with = there_and_back(&body, &admitting(istio(), header()), 0);
    let canary = json!({"exact": "always"});
    let expected = json!([
        {"uri": {"prefix": "/api"}, "headers": {"x-team": {"exact": "a"}, "x-canary": canary}},
        {"uri": {"prefix": "/v2"}, "headers": {"x-canary": canary}}
    ]);
    assert_eq!(with["spec"]["http"][1]["match"], expected);
}

#[test]
fn in_an_http_route_testers_have_the_more_specific_rule_whatever_the_server_fills_in() {
    let mut body = http_route(3, 3, "True");
    body["spec"]["rules"][1]["name"] = json!("main");
    let c = admitting(gateway(), header());
    let with = there_and_back(&body, &c, 0);
    assert_eq!(
        with["spec"]["rules"][2],
        json!({
            "filters": [{"type": "RequestHeaderModifier"}],
            "matches": [{"path": {"type": "PathPrefix", "value": "/"}, "headers": [{"type": "Exact", "name": "x-canary", "value": "always"}]}],
            "backendRefs": [{"name": "backend-canary", "port": 80}]
        })
    );
    let mut filled = with.clone();
    filled["spec"]["rules"][2]["backendRefs"][0] =
        json!({"group": "", "kind": "Service", "name": "backend-canary", "port": 80, "weight": 1});
    filled["spec"]["rules"][2]["matches"][0]["headers"][0] = json!({"name": "X-Canary", "value": "always"});
    let facts = read(&c, &filled).unwrap();
    assert!(facts.sends_testers());
    assert_eq!(
        after(&filled, &c, 0, TestersMove::Remove, Precondition::Identity),
        after(&body, &c, 0, TestersMove::Keep, Precondition::Identity)
    );
    there_and_back(&body, &admitting(gateway(), cookie()), 0);
}

#[test]
fn somebody_elses_rule_is_not_ours() {
    // Same name, other destination; same destination, other header; the candidate beside others.
    let c = admitting(istio(), header());
    let mut body = virtual_service();
    body["spec"]["http"][0]["name"] = json!("cutover-testers");
    body["spec"]["http"][0]["route"][0]["destination"] = json!({"host": "search-canary"});
    assert!(!read(&c, &body).unwrap().sends_testers());
    assert!(!read(&c, &virtual_service()).unwrap().sends_testers(), "its header is ours, its name is not");
    let c = admitting(gateway(), header());
    let rule = |header: &str, backends: Value| {
        let mut body = http_route(3, 3, "True");
        let matches = json!([{"headers": [{"name": header, "value": "always"}]}]);
        body["spec"]["rules"].as_array_mut().unwrap().push(json!({"matches": matches, "backendRefs": backends}));
        read(&c, &body).unwrap()
    };
    let canary = json!({"name": "backend-canary"});
    assert!(rule("x-canary", json!([canary])).sends_testers(), "what says the same is taken for ours, and refused at the start");
    let other = rule("x-other", json!([canary]));
    assert!(
        !other.sends_testers()
            && other.bypass
            && other.notes[0].as_str() == "another rule (header x-other: always) also sends to the candidate",
        "{:?}",
        other.notes
    );
    assert!(!rule("x-canary", json!([canary, {"name": "more"}])).sends_testers());
}

#[test]
fn a_rollback_takes_the_weights_back_even_if_the_rule_is_gone_already() {
    let c = admitting(gateway(), header());
    let body = http_route(3, 3, "True");
    let with = after(&body, &c, 10, TestersMove::Add, Precondition::Unchanged);
    let facts = read(&c, &with).unwrap();
    let action = Action::Route { component: c.name.clone(), facts, weight: Weight::ZERO, testers: TestersMove::Remove };
    let [weights, rule] = <[_; 2]>::try_from(patches(&action, Precondition::Identity, "1.1")).unwrap();
    let gone = after(&body, &c, 10, TestersMove::Keep, Precondition::Unchanged);
    let apply = |to: &mut Value, ops: Vec<Value>| json_patch::patch(to, &serde_json::from_value::<json_patch::Patch>(json!(ops)).unwrap());
    let mut now = gone.clone();
    apply(&mut now, weights.ops).unwrap();
    assert_eq!(read(&c, &now).unwrap().percent(), 0);
    assert!(apply(&mut now, rule.ops).is_err(), "what is not there is not taken away");
    assert_eq!(action.to_string(), "backend: HTTPRoute backend: stable 90 → 100, candidate 10 → 0, testers header X-Canary: always → –");
}
