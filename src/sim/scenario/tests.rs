use jiff::Timestamp;

use super::*;
use crate::sim::kernel::{
    Kernel,
    object::Fields,
    prom_api::{Fault, Outage},
    resource, traffic,
};

fn minimal(more: &str) -> Result<Scenario, ScenarioError> {
    Scenario::parse(&format!("name: x\ndescription: y\nnamespace: z\n{more}"), "x.yaml")
}

#[test]
fn every_built_in_scenario_is_whole() {
    for (name, _) in BUILT_IN {
        let scenario = Scenario::built_in(name).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(scenario.name, *name);
        let release = scenario.release.as_ref().unwrap();
        assert_eq!(release.text("/namespace"), scenario.namespace);
        let declared: Vec<_> = release.items("/components").iter().map(|c| c.text("/name")).collect();
        let (started, sent): (Vec<_>, Vec<_>) =
            (scenario.start.images.keys().collect(), scenario.traffic.iter().map(|stream| &stream.name).collect());
        assert_eq!((declared.clone(), declared), (started.iter().map(|s| s.as_str()).collect(), sent.iter().map(|s| s.as_str()).collect()));
        assert!(scenario.ends.is_some());
        let mut kernel = Kernel::new(1, Timestamp::UNIX_EPOCH);
        scenario.install(&mut kernel).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(kernel.world.store.list(&resource::NODE, None).count(), 3);
    }
}

#[test]
fn the_release_comes_out_as_a_document_with_nothing_lost() {
    let scenario = Scenario::built_in("errors").unwrap();
    let text = scenario.release_text().unwrap();
    let again: Value = serde_saphyr::from_str(&text).unwrap();
    assert_eq!(Some(&again), scenario.release.as_ref(), "{text}");
    assert!(text.contains("weight: 10") && text.contains("5%"), "{text}");
}

#[test]
fn an_unknown_key_is_named_with_its_place() {
    let error = minimal("nodes: { count: 2, ram: 1Gi }\n").unwrap_err();
    let ScenarioError::Malformed { line, ref message, .. } = error else { panic!("{error}") };
    assert_eq!(line, 4);
    assert!(message.contains("ram"), "{message}");
    assert!(error.to_string().starts_with("x.yaml:4:"), "{error}");
}

#[test]
fn what_cannot_be_is_refused_in_words() {
    let cases = [
        ("traffic:\n- { name: a, enters: { service: s }, rate: -1 }\n", "rate is a number of requests per second"),
        ("traffic:\n- { name: a, enters: { service: s }, rate: 1 }\n- { name: a, enters: { service: s }, rate: 1 }\n", "two streams"),
        ("images:\n- { match: x, latency: { p50: 5s, p95: 1s } }\n", "0 < p50 <= p95"),
        ("images:\n- { match: x, crash: { after: 1s, reason: Boredom } }\n", "not Boredom"),
        ("nodes: { count: 0 }\n", "count is 1 to 250"),
        ("events:\n- { at: 1m, do: { rate: { stream: none, rate: 5 } } }\n", "no stream of `traffic` is named none"),
        ("events:\n- { at: 1m, do: { delete: { apiVersion: v1, kind: Secretary, name: x } } }\n", "no kind Secretary of v1"),
        ("images:\n- { match: x, errors: 0.5 }\n", "not a percentage"),
        ("prometheus: { service: prometheus }\n", "namespace/name:port"),
        ("prometheus: { scrape: 0s }\n", "scrape is 1s or more"),
        ("images:\n- { match: x, capacity: 0 }\n", "capacity is a number"),
        (
            "traffic:\n- { name: a, enters: { service: s }, rate: 1, headers: [ { name: x, value: y, share: 60% }, { name: z, value: y, share: 60% } ] }\n",
            "at most one of its headers",
        ),
    ];
    for (text, expected) in cases {
        let error = minimal(text).unwrap_err().to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
    assert!(Scenario::built_in("nope").unwrap_err().to_string().contains("healthy, errors"));
}

#[test]
fn a_manifest_of_a_kind_nobody_serves_is_refused_by_name() {
    let scenario = minimal("manifests:\n- { apiVersion: v9, kind: Wish, metadata: { name: w } }\n").unwrap();
    let error = scenario.install(&mut Kernel::new(1, Timestamp::UNIX_EPOCH)).unwrap_err().to_string();
    assert!(error.contains("refuses Wish w"), "{error}");
}

#[test]
fn events_happen_at_their_time_under_the_name_of_their_author() {
    let scenario = minimal(
        "manifests:\n- { apiVersion: v1, kind: ConfigMap, metadata: { name: c }, data: { a: '1', b: '2' } }\n\
         traffic: [ { name: s, enters: { service: s }, rate: 1 } ]\n\
         images: [ { match: 'app:*', errors: 1% } ]\n\
         events:\n\
         - { at: 10s, by: argocd-controller, do: { patch: { apiVersion: v1, kind: ConfigMap, name: c, merge: { data: { a: '9', b: null } } } } }\n\
         - { at: 20s, do: { behave: [ { match: 'app:*', errors: 50% } ] } }\n\
         - { at: 20s, do: { rate: { stream: s, rate: 99 } } }\n\
         - { at: 30s, do: { delete: { apiVersion: v1, kind: ConfigMap, name: c } } }\n",
    )
    .unwrap();
    let mut kernel = Kernel::new(1, Timestamp::UNIX_EPOCH);
    scenario.install(&mut kernel).unwrap();
    let data = |kernel: &Kernel| kernel.world.store.get(&resource::CONFIG_MAP, "z", "c").map(|c| c.map("/data").clone());
    kernel.advance(9_999);
    assert_eq!(data(&kernel).unwrap().len(), 2);
    kernel.advance(10_000);
    assert_eq!(serde_json::json!(data(&kernel).unwrap()), serde_json::json!({"a": "9"}));
    assert_eq!(kernel.world.profiles.of("app:v1").serving(0).error_share, 0.01);
    kernel.advance(20_000);
    assert_eq!(kernel.world.profiles.of("app:v1").serving(0).error_share, 0.5);
    assert_eq!(kernel.world.measured.demand.get("s"), Some(&99.0));
    kernel.advance(30_000);
    assert_eq!(data(&kernel), None);
}

#[test]
fn traffic_and_prometheus_are_set_up() {
    let scenario = minimal(
        "metrics: spring\nprometheus: { service: m/p:80, scrape: 10s, blackouts: [ { at: 1m, for: 30s, how: nan }, { at: 2m, for: 1s } ] }\n\
         traffic:\n- { name: a, enters: { httpRoute: r }, rate: 5, wobble: { by: 10%, period: 1m }, paths: [ { path: /x, share: 100% } ] }\n",
    );
    let mut kernel = Kernel::new(1, Timestamp::UNIX_EPOCH);
    scenario.unwrap().install(&mut kernel).unwrap();
    let [flow] = kernel.traffic.flows.as_slice() else { panic!("{:?}", kernel.traffic.flows) };
    assert_eq!((flow.namespace.as_str(), flow.rate, flow.enters.clone()), ("z", 5.0, traffic::Entry::HttpRoute("r".into())));
    assert_eq!((flow.wobble.unwrap().period_ms, flow.paths[0].method.as_str()), (60_000, "GET"));
    assert_eq!(kernel.traffic.family, traffic::Family::Spring);
    assert_eq!((kernel.prometheus.interval, kernel.prometheus.service.clone()), (10_000, Some(("m".into(), "p".into()))));
    let outage = |from, until, fault| Outage { from, until, fault };
    assert_eq!(kernel.prometheus.outages, [outage(60_000, 90_000, Fault::NotANumber), outage(120_000, 121_000, Fault::Down)]);
}
