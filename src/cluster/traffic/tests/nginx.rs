use super::*;

const WEIGHT: &str = "/metadata/annotations/nginx.ingress.kubernetes.io~1canary-weight";
const CANARY: &str = "/metadata/annotations/nginx.ingress.kubernetes.io~1canary";
const BOTH: [Precondition; 2] = [Precondition::Unchanged, Precondition::Value];

fn behind(prefix: &str) -> Component {
    component(Router::Nginx {
        ingress: "backend-canary".into(),
        prefix: prefix.into(),
        controller: "ingress-nginx".into(),
        stable: "backend".into(),
        candidate: "backend-canary".into(),
    })
}

fn nginx() -> Component {
    behind("nginx.ingress.kubernetes.io")
}

/// A canary Ingress with much that is not ours, in no order.
fn ingress(annotations: Value) -> Value {
    let mut all = json!({
        "zeta.example/last": "1",
        "kubectl.kubernetes.io/last-applied-configuration": "{\"metadata\":{\"annotations\":{\"nginx.ingress.kubernetes.io/canary-weight\":\"5\"}}}\n",
        "a.example/first": " spaces ",
        "other.example/canary-weight": "77",
    });
    all.as_object_mut().unwrap().extend(annotations.as_object().unwrap().clone());
    let to = |path: &str| json!({"path": path, "pathType": "Prefix", "backend": {"service": {"name": "backend-canary", "port": {"number": 80}}}});
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"name": "backend-canary", "namespace": "shop", "uid": "u1", "resourceVersion": "9", "annotations": all},
        "spec": {"ingressClassName": "nginx", "tls": [{"secretName": "t"}], "rules": [{"host": "shop.example", "http": {"paths": [to("/api"), to("/v2")]}}]}
    })
}

fn with(more: Value) -> Value {
    let mut all = json!({"nginx.ingress.kubernetes.io/canary": "true", "nginx.ingress.kubernetes.io/canary-weight": "25"});
    all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    ingress(all)
}

#[test]
fn one_annotation_changes_and_nothing_else() {
    let body =
        with(json!({"nginx.ingress.kubernetes.io/canary-by-header": "x-canary", "nginx.ingress.kubernetes.io/canary-by-cookie": "c"}));
    for (weight, text) in [(0, "0"), (50, "50"), (100, "100")] {
        for precondition in [Precondition::Unchanged, Precondition::Value, Precondition::Identity] {
            assert_eq!(changed(&body, &nginx(), weight, precondition), [(WEIGHT.into(), json!(text))]);
        }
    }
}

#[test]
fn an_ingress_that_is_no_canary_yet_gets_no_share_until_it_is_made_one() {
    for odd in [json!({}), json!({"nginx.ingress.kubernetes.io/canary": "false"})] {
        let mut body = ingress(json!({"nginx.ingress.kubernetes.io/canary-weight": "25"}));
        body["metadata"]["annotations"].as_object_mut().unwrap().extend(odd.as_object().unwrap().clone());
        let facts = read(&nginx(), &body).unwrap();
        assert_eq!((facts.stable, facts.candidate), (100, 0), "a weight without `canary` moves nothing");
        for precondition in BOTH {
            let now = changed(&body, &nginx(), 10, precondition);
            assert!(
                now.contains(&(CANARY.into(), json!("true"))) && now.contains(&(WEIGHT.into(), json!("10"))) && now.len() == 2,
                "{now:?}"
            );
        }
        let back = changed(&body, &nginx(), 0, Precondition::Identity);
        assert_eq!(back, [(WEIGHT.into(), json!("0"))], "a rollback switches nothing on");
    }
}

#[test]
fn an_object_without_annotations_is_given_some_unless_it_has_changed() {
    let mut body = ingress(json!({}));
    body["metadata"].as_object_mut().unwrap().remove("annotations");
    for precondition in BOTH {
        let now = changed(&body, &nginx(), 10, precondition);
        let wanted = json!({"nginx.ingress.kubernetes.io/canary": "true", "nginx.ingress.kubernetes.io/canary-weight": "10"});
        assert_eq!(now, [("/metadata/annotations".into(), wanted)]);
        let action = Action::Route {
            component: "backend".into(),
            facts: read(&nginx(), &body).unwrap(),
            weight: Weight::capped(10),
            testers: Default::default(),
        };
        let ops = patches(&action, precondition, "1.1").remove(0).ops;
        assert!(ops.contains(&json!({"op": "replace", "path": "/metadata/resourceVersion", "value": "9"})), "{ops:?}");
    }
    let action = Action::Route {
        component: "backend".into(),
        facts: read(&nginx(), &body).unwrap(),
        weight: Weight::ZERO,
        testers: Default::default(),
    };
    let ops = patches(&action, Precondition::Identity, "1.1").remove(0).ops;
    assert!(ops.iter().all(|o| o["path"] != "/metadata/annotations"), "a rollback from old facts wipes nothing: {ops:?}");
}

#[test]
fn each_precondition_asks_what_it_should() {
    let tests = |precondition| {
        let facts = read(&nginx(), &with(json!({}))).unwrap();
        let action = Action::Route { component: "backend".into(), facts, weight: Weight::ZERO, testers: Default::default() };
        let ops = patches(&action, precondition, "1.1").remove(0).ops;
        let asked: Vec<String> = ops.iter().filter(|o| o["op"] == "test").map(|o| o["path"].as_str().unwrap().to_owned()).collect();
        (asked, ops.iter().any(|o| o["path"] == "/metadata/resourceVersion"))
    };
    let entry = ["/metadata/uid", "/spec/rules/0/http/paths/0/backend/service/name"].map(str::to_owned).to_vec();
    assert_eq!(tests(Precondition::Identity), (entry.clone(), false));
    assert_eq!(tests(Precondition::Unchanged), (entry.clone(), true));
    assert_eq!(tests(Precondition::Value), ([entry, vec![CANARY.to_owned(), WEIGHT.to_owned()]].concat(), false));
}

#[test]
fn the_preview_names_the_annotations() {
    let said = |body: &Value, weight| {
        let facts = read(&nginx(), body).unwrap();
        Action::Route { component: "backend".into(), facts, weight: Weight::capped(weight), testers: Default::default() }.to_string()
    };
    let changes = said(&with(json!({})), 50);
    assert_eq!(changes, "backend: Ingress backend-canary: nginx.ingress.kubernetes.io/canary-weight 25 → 50");
    let both = said(&ingress(json!({})), 10);
    assert_eq!(
        both,
        "backend: Ingress backend-canary: nginx.ingress.kubernetes.io/canary-weight – → 10, nginx.ingress.kubernetes.io/canary – → true"
    );
}

#[test]
fn another_total_is_kept_and_what_it_cannot_say_is_refused() {
    let body = with(json!({"nginx.ingress.kubernetes.io/canary-weight-total": "1000", "nginx.ingress.kubernetes.io/canary-weight": "250"}));
    let facts = read(&nginx(), &body).unwrap();
    assert_eq!((facts.percent(), facts.parts(Weight::capped(33))), (25, (670, 330)));
    assert!(facts.notes[0].as_str().contains("canary-weight-total is 1000"), "{:?}", facts.notes);
    let small = with(json!({"nginx.ingress.kubernetes.io/canary-weight-total": "10", "nginx.ingress.kubernetes.io/canary-weight": "1"}));
    let facts = read(&nginx(), &small).unwrap();
    assert_eq!(facts.parts(Weight::capped(50)), (5, 5));
    let why = facts.cannot_express(Weight::capped(25)).unwrap();
    assert!(why.contains("canary-weight-total is 10, which cannot express 25 %; set it to 100"), "{why}");
    let over = read(&nginx(), &with(json!({"nginx.ingress.kubernetes.io/canary-weight": "150"}))).unwrap();
    assert_eq!((over.percent(), over.is_full()), (100, true));
}

#[test]
fn headers_and_cookies_are_said_and_count_as_traffic() {
    let of = |more: Value| {
        let facts = read(&nginx(), &with(more)).unwrap();
        (facts.bypass, facts.notes.iter().map(|n| n.as_str().to_owned()).collect::<Vec<_>>())
    };
    let key = |name: &str| format!("nginx.ingress.kubernetes.io/{name}");
    assert_eq!(of(json!({})), (false, vec![]));
    let header = of(json!({key("canary-by-header"): "x-canary"}));
    assert_eq!(header, (true, vec!["header x-canary: always also sends to the candidate".to_owned()]));
    let value = of(json!({key("canary-by-header"): "x-canary", key("canary-by-header-value"): "eu", key("canary-by-cookie"): "beta"}));
    let both = ["header x-canary: eu also sends to the candidate", "cookie beta=always also sends to the candidate"];
    assert_eq!(value, (true, both.map(str::to_owned).to_vec()));
    assert!(of(json!({key("affinity"): "cookie"})).1[0].contains("sticky"));
    let off = read(&nginx(), &ingress(json!({key("canary-by-header"): "x-canary"}))).unwrap();
    assert!(!off.bypass && off.notes[0].as_str().contains("once it is a canary"), "{:?}", off.notes);
}

#[test]
fn another_prefix_is_read_and_written_and_no_other() {
    let body = with(json!({}));
    let facts = read(&behind("other.example"), &body).unwrap();
    assert_eq!(facts.percent(), 0, "`canary` stands under another prefix");
    let now = changed(&body, &behind("other.example"), 10, Precondition::Unchanged);
    assert_eq!(
        now,
        [
            ("/metadata/annotations/other.example~1canary".into(), json!("true")),
            ("/metadata/annotations/other.example~1canary-weight".into(), json!("10"))
        ]
    );
}

#[test]
fn what_is_no_canary_ingress_of_the_candidate_says_so() {
    let mut shared = with(json!({}));
    shared["spec"]["rules"][0]["http"]["paths"][1]["backend"]["service"]["name"] = json!("search-canary");
    let problem = read(&nginx(), &shared).unwrap_err().to_string();
    assert!(problem.contains("also sends to Service search-canary, whose share the same weight would move"), "{problem}");
    let mut empty = with(json!({}));
    empty["spec"]["rules"] = json!([]);
    assert!(read(&nginx(), &empty).unwrap_err().to_string().contains("sends to no Service"));
    let odd = with(json!({"nginx.ingress.kubernetes.io/canary-weight": "ten"}));
    let problem = read(&nginx(), &odd).unwrap_err().to_string();
    assert!(problem.contains("nginx.ingress.kubernetes.io/canary-weight is `ten`, which is not a whole number"), "{problem}");
}

#[test]
fn testers_have_annotations_of_their_own_where_there_is_room() {
    use crate::domain::testers::{Testers, TestersMove};
    let header = Testers::Header { name: "X-Canary".into(), value: "me".into() };
    let cookie = Testers::Cookie { name: "beta".into(), value: "always".into() };
    let key = |name: &str| format!("nginx.ingress.kubernetes.io/{name}");
    let turned = |body: &Value, c: &Component, testers, precondition| {
        let action = Action::Route { component: "backend".into(), facts: read(c, body).unwrap(), weight: Weight::ZERO, testers };
        let mut after = body.clone();
        for patch in patches(&action, precondition, "1.1") {
            json_patch::patch(&mut after, &serde_json::from_value::<json_patch::Patch>(Value::Array(patch.ops)).unwrap()).unwrap();
        }
        after
    };
    for (testers, wanted) in [
        (header.clone(), json!({key("canary-by-header"): "X-Canary", key("canary-by-header-value"): "me"})),
        (cookie, json!({key("canary-by-cookie"): "beta"})),
    ] {
        let mut c = nginx();
        c.testers = Some(testers);
        // Not a canary yet: it becomes one with weight 0.
        let body = ingress(json!({}));
        let now = turned(&body, &c, TestersMove::Add, Precondition::Unchanged);
        let mut expected = body.clone();
        let all = expected["metadata"]["annotations"].as_object_mut().unwrap();
        all.extend(wanted.as_object().unwrap().clone());
        all.extend([(key("canary"), json!("true")), (key("canary-weight"), json!("0"))]);
        assert_eq!(now, expected);
        let facts = read(&c, &now).unwrap();
        assert!(facts.sends_testers() && facts.bypass && facts.notes.len() == 1, "{:?}", facts.notes);
        for precondition in [Precondition::Unchanged, Precondition::Identity] {
            let back = turned(&now, &c, TestersMove::Remove, precondition);
            let mut left = body.clone();
            left["metadata"]["annotations"]
                .as_object_mut()
                .unwrap()
                .extend([(key("canary"), json!("true")), (key("canary-weight"), json!("0"))]);
            assert_eq!(back, left);
        }
    }
    let mut c = nginx();
    c.testers = Some(header);
    let taken = read(&c, &with(json!({key("canary-by-header"): "x-other"}))).unwrap_err().to_string();
    assert!(taken.contains("canary-by-header is there already and there is room for one"), "{taken}");
    c.testers = Some(Testers::Cookie { name: "beta".into(), value: "1".into() });
    assert!(read(&c, &with(json!({}))).unwrap_err().to_string().contains("`always` only"));
}
