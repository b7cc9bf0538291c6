use serde_json::{Value, json};

use super::*;
use crate::domain::declared::DeclaredRouter;
use crate::domain::release::Destination;

fn deployment(name: &str, labels: Value, pods: Value) -> Value {
    json!({"metadata": {"name": name, "labels": labels}, "spec": {"template": {"metadata": {"labels": pods}}}})
}

fn service(name: &str, selector: Value) -> Value {
    json!({"metadata": {"name": name}, "spec": {"selector": selector, "ports": [{"port": 9090}]}})
}

fn objects(deployments: Vec<Value>, services: Vec<Value>, virtual_services: Vec<Value>, http_routes: Vec<Value>) -> Objects {
    let read = |v: Vec<Value>| serde_json::from_value(Value::Array(v)).unwrap();
    Objects {
        deployments: read(deployments),
        services: serde_json::from_value(Value::Array(services)).unwrap(),
        virtual_services,
        http_routes,
        ingresses: vec![],
        destination_rules: vec![],
        rollouts: vec![],
    }
}

fn virtual_service(name: &str, to: &[Value]) -> Value {
    let route: Vec<Value> = to.iter().map(|d| json!({"destination": d, "weight": 50})).collect();
    json!({"metadata": {"name": name, "namespace": "shop"}, "spec": {"http": [{"route": route}]}})
}

/// The first runbook's canary: frontend and backend, each with a Service a track and a VirtualService.
fn runbook() -> Objects {
    let mut all = (vec![], vec![], vec![]);
    for c in ["frontend", "backend"] {
        let name = format!("fusion-electronics-{c}");
        let part = json!({"app.kubernetes.io/part-of": "fusion-electronics"});
        for (suffix, version) in [("", "stable"), ("-canary", "canary")] {
            all.0.push(deployment(&format!("{name}{suffix}"), part.clone(), json!({"app": name, "version": version})));
            all.1.push(service(&format!("{name}{suffix}"), json!({"app": name, "version": version})));
        }
        all.2.push(virtual_service(&name, &[json!({"host": name}), json!({"host": format!("{name}-canary")})]));
    }
    objects(all.0, all.1, all.2, vec![])
}

#[test]
fn the_runbooks_canary_is_one_release_of_two_components() {
    let releases = runbook().propose("fusion-ecommerce", "prod-eu", None);
    let [release] = releases.as_slice() else { panic!("{releases:?}") };
    assert_eq!((release.name.as_str(), release.production, release.strategy.word()), ("fusion-electronics", true, "canary"));
    assert_eq!(release.components.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), ["backend", "frontend"]);
    let to = |host: &str| Destination { host: host.into(), subset: None };
    let backend = Router::Istio {
        virtual_service: "fusion-electronics-backend".into(),
        route: None,
        stable: to("fusion-electronics-backend"),
        candidate: to("fusion-electronics-backend-canary"),
    };
    assert_eq!(release.components[0].router, backend);
}

#[test]
fn blue_and_green_are_a_switch_turned_the_way_it_stands() {
    let colours = |active: &str| {
        let d = |c: &str| deployment(&format!("web-{c}"), json!({}), json!({"app": "web", "version": c}));
        objects(vec![d("blue"), d("green")], vec![service("web", json!({"app": "web", "version": active}))], vec![], vec![])
    };
    for (active, idle) in [("blue", "green"), ("green", "blue")] {
        let releases = colours(active).propose("shop", "dev", None);
        let [release] = releases.as_slice() else { panic!("{releases:?}") };
        let c = &release.components[0];
        assert_eq!(
            (release.strategy.word(), c.stable.as_str(), c.candidate.as_deref()),
            ("blue-green", format!("web-{active}").as_str(), Some(format!("web-{idle}").as_str()))
        );
        assert_eq!(
            c.router,
            Router::Service { service: "web".into(), key: "version".into(), stable: active.into(), candidate: idle.into() }
        );
    }
}

#[test]
fn one_service_over_both_is_a_replica_ratio_and_a_lone_deployment_rolls() {
    let d = |name: &str, track: &str| deployment(name, json!({}), json!({"app": "web", "track": track}));
    let both = objects(
        vec![d("web", "stable"), d("web-canary", "canary"), deployment("jobs", json!({}), json!({"app": "jobs"}))],
        vec![service("web", json!({"app": "web"}))],
        vec![],
        vec![],
    );
    let releases = both.propose("shop", "dev", None);
    assert_eq!(releases.iter().map(|r| (r.name.as_str(), r.strategy.word())).collect::<Vec<_>>(), [("jobs", "rolling"), ("web", "canary")]);
    assert_eq!(releases[1].components[0].router, Router::Replicas { service: Some("web".into()) });
}

#[test]
fn labels_pair_deployments_whose_names_do_not() {
    let d = |name: &str, track: &str| deployment(name, json!({}), json!({"app": "pay", "track": track}));
    let services =
        vec![service("pay-a", json!({"app": "pay", "track": "stable"})), service("pay-b", json!({"app": "pay", "track": "canary"}))];
    let route = json!({"metadata": {"name": "pay", "namespace": "shop"}, "spec": {"rules": [{"backendRefs": [{"name": "pay-a"}, {"name": "pay-b"}]}]}});
    let releases = objects(vec![d("payments-main", "stable"), d("payments-next", "canary")], services, vec![], vec![route])
        .propose("shop", "dev", None);
    let c = &releases[0].components[0];
    assert_eq!((c.stable.as_str(), c.candidate.as_deref()), ("payments-main", Some("payments-next")));
    assert_eq!(c.router, Router::Gateway { http_route: "pay".into(), rule: None, stable: "pay-a".into(), candidate: "pay-b".into() });
}

#[test]
fn subsets_are_told_by_pod_labels() {
    let d = |name: &str, v: &str| deployment(name, json!({}), json!({"app": "web", "version": v}));
    let vs = virtual_service("web", &[json!({"host": "web", "subset": "v1"}), json!({"host": "web", "subset": "v2"})]);
    let releases = objects(vec![d("web", "v1"), d("web-canary", "v2")], vec![service("web", json!({"app": "web"}))], vec![vs], vec![])
        .propose("shop", "dev", None);
    let Router::Istio { stable, candidate, .. } = &releases[0].components[0].router else { panic!("{releases:?}") };
    assert_eq!((stable.subset.as_deref(), candidate.subset.as_deref()), (Some("v1"), Some("v2")));
}

#[test]
fn a_destination_rule_says_what_a_subset_is() {
    let rule = json!({"spec": {"host": "web.shop.svc.cluster.local", "subsets": [
        {"name": "old", "labels": {"lane": "blue"}},
        {"name": "new", "labels": {"lane": "green"}},
    ]}});
    let vs = virtual_service("web", &[json!({"host": "web", "subset": "old"}), json!({"host": "web", "subset": "new"})]);
    let d = |name: &str, lane: &str| deployment(name, json!({}), json!({"app": "web", "lane": lane}));
    let web = || vec![service("web", json!({"app": "web"}))];
    // Both are there: their labels are not the subsets' names, and are told by the rule.
    let mut both = objects(vec![d("web", "blue"), d("web-canary", "green")], web(), vec![vs.clone()], vec![]);
    assert!(matches!(both.propose("shop", "dev", None)[0].components[0].router, Router::Replicas { .. }), "without the rule");
    both.destination_rules = vec![rule.clone()];
    let router = both.propose("shop", "dev", None)[0].components[0].router.clone();
    let Router::Istio { stable, candidate, .. } = &router else { panic!("{router:?}") };
    assert_eq!((stable.subset.as_deref(), candidate.subset.as_deref()), (Some("old"), Some("new")));
    // One is still to be made: it would be reached with the rule's label.
    let mut one = objects(vec![d("web", "blue")], web(), vec![vs], vec![]);
    one.destination_rules = vec![rule];
    assert_eq!(routers::resolve(&one, None, "web", "web-canary", &Strategy::Canary(default_canary())), Ok(router));
}

/// Two Ingresses for one host and path, the second one a canary under a prefix of its own.
fn two_ingresses(class: &str, canary: Value) -> Objects {
    let d = |name: &str, track: &str| deployment(name, json!({}), json!({"app": "web", "track": track}));
    let to = |service: &str| json!([{"host": "shop.example", "http": {"paths": [{"path": "/", "backend": {"service": {"name": service, "port": {"number": 80}}}}]}}]);
    let ingress = |name: &str, service: &str, annotations: Value| json!({"metadata": {"name": name, "annotations": annotations}, "spec": {"ingressClassName": class, "rules": to(service)}});
    let services =
        vec![service("web", json!({"app": "web", "track": "stable"})), service("web-canary", json!({"app": "web", "track": "canary"}))];
    let mut all = objects(vec![d("web", "stable"), d("web-canary", "canary")], services, vec![], vec![]);
    all.ingresses = vec![ingress("web-next", "web-canary", canary), ingress("web", "web", json!({"a.example/b": "c"}))];
    all
}

#[test]
fn a_canary_ingress_beside_the_main_one_splits() {
    let router = |controller: &str, prefix: &str| Router::Nginx {
        ingress: "web-next".into(),
        prefix: prefix.into(),
        controller: controller.into(),
        stable: "web".into(),
        candidate: "web-canary".into(),
    };
    for (class, controller, prefix) in
        [("public", "ingress-nginx", "nginx.ingress.kubernetes.io"), ("traefik-internal", "traefik", "canary.example")]
    {
        let there = two_ingresses(class, json!({format!("{prefix}/canary"): "true"}));
        let releases = there.propose("shop", "dev", None);
        assert_eq!((releases[0].strategy.word(), &releases[0].components[0].router), ("canary", &router(controller, prefix)));
    }
    // Not a canary yet: it is not found by itself, and taken where it is declared.
    let plain = two_ingresses("nginx", json!({}));
    let strategy = Strategy::Canary(default_canary());
    assert!(!matches!(plain.propose("shop", "dev", None)[0].components[0].router, Router::Nginx { .. }));
    let declared = |ingress: &str| DeclaredRouter::Nginx {
        ingress: ingress.into(),
        prefix: None,
        controller: Some("mine".into()),
        stable: None,
        candidate: None,
    };
    let resolve = |ingress: &str| routers::resolve(&plain, Some(&declared(ingress)), "web", "web-canary", &strategy);
    assert_eq!(resolve("web-next"), Ok(router("mine", "nginx.ingress.kubernetes.io")));
    assert!(resolve("web").unwrap_err().contains("Ingress web does not send to a Service of web-canary alone"));
}

#[test]
fn a_prometheus_is_known_by_its_name() {
    let found =
        objects(vec![], vec![service("kube-prometheus-stack-prometheus", json!({}))], vec![], vec![]).prometheus("monitoring").unwrap();
    assert_eq!(
        found.endpoint,
        Endpoint::Service { namespace: "monitoring".into(), name: "kube-prometheus-stack-prometheus".into(), port: "9090".into() }
    );
}

#[test]
fn prefixes_end_at_a_dash() {
    assert_eq!(pairs::common_prefix(&["a-b-front", "a-b-back"]), Some("a-b-"));
    assert_eq!(pairs::common_prefix(&["front", "from"]), None);
}

#[test]
fn a_candidate_that_is_still_to_be_made_gets_the_label_that_reaches_it() {
    use crate::domain::declared::{DeclaredComponent, DeclaredRouter, default_canary};
    let stable = deployment("web", json!({}), json!({"app": "web", "version": "stable"}));
    let vs = virtual_service("web", &[json!({"host": "web", "subset": "stable"}), json!({"host": "web", "subset": "canary"})]);
    let there = objects(vec![stable], vec![service("web", json!({"app": "web"}))], vec![vs], vec![]);
    let traffic = DeclaredRouter::Istio { virtual_service: "web".into(), route: None, stable: None, candidate: None };
    let component = DeclaredComponent {
        name: "web".into(),
        stable: "web".into(),
        candidate: Some("web-canary".into()),
        container: None,
        testers: None,
        traffic: Some(traffic),
    };
    let declared = Declared {
        name: "web".into(),
        namespace: None,
        components: vec![component],
        strategy: Strategy::Canary(default_canary()),
        prometheus: None,
        gates: None,
        watch: None,
        keep: Millis::ZERO,
        contacts: vec![],
        production: None,
        source: "t".into(),
    };
    let found = there.fill(&declared, "shop", "dev", None).unwrap();
    let Router::Istio { candidate, .. } = &found.routers["web"] else { panic!("{found:?}") };
    assert_eq!(candidate.subset.as_deref(), Some("canary"));
}

#[test]
fn a_replica_ratio_is_counted_by_the_service_over_both_and_refused_by_one_that_selects_stable_alone() {
    let of = |selector: Value, made: bool| {
        let labels = |track: &str| json!({"app": "web", "track": track});
        let mut deployments = vec![deployment("web", json!({}), labels("stable"))];
        deployments.extend(made.then(|| deployment("web-canary", json!({}), labels("canary"))));
        let objects = objects(deployments, vec![service("front", selector)], vec![], vec![]);
        let declared = DeclaredRouter::Replicas { service: None };
        let strategy = Strategy::Canary(crate::domain::release::Canary { steps: vec![] });
        routers::resolve(&objects, Some(&declared), "web", "web-canary", &strategy)
    };
    for made in [true, false] {
        assert_eq!(of(json!({"app": "web"}), made), Ok(Router::Replicas { service: Some("front".into()) }), "{made}");
        assert_eq!(of(json!({"app": "api"}), made), Ok(Router::Replicas { service: None }), "{made}: workers have none");
        let why = of(json!({"app": "web", "track": "stable"}), made).unwrap_err();
        assert!(why.contains("Service front selects the pods of web and not those of web-canary"), "{why}");
    }
}
