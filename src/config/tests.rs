//! A good file, every kind of bad one, and whatever else may come.

use proptest::prelude::*;

use super::*;
use crate::domain::declared::{Found, MIN_REQUESTS, default_canary, default_gates};
use crate::domain::gate::{Consequence, Gate, Limit, Metric};
use crate::domain::release::{Destination, Router, Source, Strategy};
use crate::domain::testers::Testers;
use crate::domain::time::Millis;
use proptest::strategy::Strategy as _;

const GOOD: &str = include_str!("../../assets/examples/storefront.yaml");

fn one(text: &str) -> Declared {
    parse("cutover.yaml", text).unwrap().remove(0)
}

#[test]
fn a_good_file_is_read() {
    let release = one(GOOD);
    assert_eq!((release.name.as_str(), release.components.len()), ("storefront", 2));
    let Strategy::Canary(canary) = &release.strategy else { panic!("{:?}", release.strategy) };
    assert_eq!(canary.steps.len(), 5);
    let gates = release.gates.unwrap();
    let names: Vec<&str> = gates.iter().map(|g| g.name.as_str()).collect();
    assert_eq!(
        names,
        ["errors above 5 %", "errors above stable + 20 %", "p95 above 500 ms", "p95 above stable + 20 %", "restarts 3 in 15m", "orders"]
    );
    assert_eq!((gates[0].limit, gates[0].lasting, gates[0].then), (Limit::Above(0.05), Millis::mins(5), Consequence::Rollback));
    assert_eq!(gates[1].min_requests, 200);
    assert_eq!((gates[4].then, &gates[4].metric), (Consequence::Rollback, &Metric::Restarts { within: Millis::mins(15) }));
    assert_eq!(gates[5].limit, Limit::Below(0.8));
}

fn completed(text: &str) -> Release {
    let found = Found { namespace: "elsewhere".into(), ..Found::default() };
    let mut release = one(text).complete(found);
    release.source = Source::Discovered;
    release
}

#[test]
fn what_is_written_is_what_was_read() {
    let mut release = completed(GOOD);
    release.components[0].router = Router::Istio {
        virtual_service: "fusion-electronics-backend".into(),
        route: Some("primary".into()),
        stable: Destination { host: "backend".into(), subset: Some("stable".into()) },
        candidate: Destination { host: "backend".into(), subset: Some("canary".into()) },
    };
    assert_eq!(completed(&to_yaml(&release).unwrap()), release);
    let mark = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let (name, value) = mark("x-canary", "always or so");
    release.components[0].testers = Some(Testers::Header { name, value });
    assert_eq!(completed(&to_yaml(&release).unwrap()), release);
    let (name, value) = mark("x-canary", "always");
    release.components[0].testers = Some(Testers::Cookie { name, value });
    for (prefix, controller) in [("nginx.ingress.kubernetes.io", "ingress-nginx"), ("canary.example", "traefik")] {
        release.components[0].router = Router::Nginx {
            ingress: "backend-canary".into(),
            prefix: prefix.into(),
            controller: controller.into(),
            stable: "backend".into(),
            candidate: "backend-canary".into(),
        };
        assert_eq!(completed(&to_yaml(&release).unwrap()), release);
    }
}

#[test]
fn little_is_enough() {
    let release = completed(
        "name: web\ncomponents: [ {name: web, stable: web, candidate: web-canary, traffic: {replicas: {}}} ]\nstrategy: {canary: {}}\n",
    );
    assert_eq!(release.namespace, "elsewhere");
    assert_eq!(release.strategy, Strategy::Canary(default_canary()));
    assert_eq!(release.gates, default_gates(false), "no Prometheus, no gate on errors");
    assert_eq!((release.keep, release.production), (Millis::mins(30), false));
    let none = completed("name: web\ncomponents: [ {name: web, stable: web} ]\nstrategy: {rolling: {}}\ngates: []\n");
    assert_eq!(none.gates, [], "declared to be none");
}

#[test]
fn several_releases_may_share_a_file() {
    let two = format!("{GOOD}---\n{}", GOOD.replace("name: storefront", "name: other"));
    assert_eq!(parse("f", &two).unwrap().iter().map(|r| r.name.as_str()).collect::<Vec<_>>(), ["storefront", "other"]);
    let twice = parse("f", &format!("{GOOD}---\n{GOOD}")).unwrap_err().to_string();
    assert_eq!(twice, "f:27:7: name: two releases are called `storefront`");
    let second = parse("f", &format!("{GOOD}---\n{}", GOOD.replace("watch:", "wtach:"))).unwrap_err().to_string();
    assert_eq!(second, "f:50:1: wtach: unknown key `wtach`; did you mean `watch`?");
}

#[test]
fn the_schema_knows_every_key_and_no_other() {
    let schema = schema();
    let keys: Vec<&str> = schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
    for key in ["name", "namespace", "components", "strategy", "prometheus", "gates", "watch", "keep", "contacts", "production"] {
        assert!(keys.contains(&key), "{key}");
    }
    let objects = |v: &serde_json::Value| v["properties"].is_object() && v["additionalProperties"] != false;
    let open: Vec<&String> = schema["$defs"].as_object().unwrap().iter().filter(|(_, v)| objects(v)).map(|(k, _)| k).collect();
    assert!(open.is_empty(), "{open:?} take any key");
    let silent: Vec<&String> =
        schema["$defs"].as_object().unwrap().iter().filter(|(_, v)| v["description"].as_str().is_none()).map(|(k, _)| k).collect();
    assert!(silent.is_empty(), "{silent:?} have no description");
}

fn gates() -> impl proptest::strategy::Strategy<Value = Gate> {
    let limit = prop_oneof![
        (0u32..=10_000).prop_map(|v| Limit::Above(f64::from(v) / 10_000.0)),
        (0u32..=10_000).prop_map(|v| Limit::Below(f64::from(v) / 10_000.0)),
        (0u32..=10_000).prop_map(|v| Limit::AboveStable { relative: f64::from(v) / 1000.0 }),
    ];
    let metric = prop_oneof![
        Just(Metric::Errors),
        (1u32..1000).prop_map(|q| Metric::Latency { quantile: f64::from(q) / 1000.0 }),
        Just(Metric::Restarts { within: Millis::mins(7) }),
    ];
    let then = prop_oneof![Just(Consequence::Warn), Just(Consequence::Pause), Just(Consequence::Rollback)];
    (metric, limit, then, 0u64..5_000_000, 0u64..500, 1u64..9).prop_map(|(metric, limit, then, ms, least, n)| {
        let restarts = matches!(metric, Metric::Restarts { .. });
        Gate {
            name: "g".into(),
            metric,
            limit: if restarts { Limit::AtLeast(n) } else { limit },
            lasting: if restarts { Millis::ZERO } else { Millis(ms) },
            then,
            min_requests: if restarts { MIN_REQUESTS } else { least },
        }
    })
}

proptest! {
    #[test]
    fn nothing_panics_on_any_text(text in any::<String>()) {
        let _ = parse("f", &text);
    }

    #[test]
    fn nothing_panics_on_yaml_like_text(text in "([a-z&*!<>|{}\\[\\]:,#'\"% \n-]|  |- |: |name|steps|<<: |\t|0x|~){0,60}") {
        let _ = parse("f", &text);
    }

    #[test]
    fn a_damaged_file_is_refused_at_a_place_that_exists(at in 0usize..1200, with in "[ -~\n\t]{0,3}", cut in 0usize..9) {
        let at = at.min(GOOD.len() - 10);
        let text = format!("{}{with}{}", &GOOD[..at], &GOOD[at + cut..]);
        if let Err(ConfigError::Faulty { faults, .. }) = parse("f", &text) {
            let lines = text.lines().count() as u64 + 1;
            prop_assert!(!faults.is_empty());
            for fault in faults {
                prop_assert!((1..=lines).contains(&fault.at.line) && fault.at.column >= 1, "{:?} of {} lines", fault, lines);
            }
        }
    }

    #[test]
    fn gates_survive_writing(gate in gates()) {
        let mut release = completed(GOOD);
        release.components[0].router = Router::Replicas { service: None };
        release.gates = vec![gate];
        prop_assert_eq!(completed(&to_yaml(&release).unwrap()), release);
    }
}

#[test]
fn an_argo_rollout_is_one_object_and_has_no_route_of_its_own() {
    let text = "name: users\ncomponents: [{ name: users, stable: users }]\nstrategy: { argoRollout: {} }\n";
    let release = completed(text);
    assert_eq!(release.strategy, Strategy::ArgoRollout);
    assert_eq!(completed(&to_yaml(&release).unwrap()), release);
    for (wrong, why) in [("candidate: canary", "Argo Rollouts has one Rollout"), ("traffic: { replicas: {} }", "stands in it")] {
        let faults = parse("cutover.yaml", &text.replace("stable: users", &format!("stable: users, {wrong}"))).unwrap_err().to_string();
        assert!(faults.contains(why), "{faults}");
    }
    assert!(parse("cutover.yaml", &text.replace("{}", "{ steps: [] }")).unwrap_err().to_string().contains("steps"));
}
