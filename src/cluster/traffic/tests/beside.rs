use super::super::beside::{Neighbour, senders};
use super::*;

fn told(component: &Component, all: Value) -> Vec<String> {
    let all: Vec<Neighbour> = serde_json::from_value(all).unwrap();
    senders(component, "shop", &all).iter().map(|s| s.as_str().to_owned()).collect()
}

#[test]
fn another_http_route_that_sends_to_the_candidate_is_told_with_what_it_captures() {
    let to = |service: &str, weight: Option<u32>| json!({"name": service, "port": 80, "weight": weight});
    let testers = json!([{"headers": [{"name": "x-canary", "value": "always"}], "path": {"type": "PathPrefix", "value": "/"}}]);
    let route = |name: &str, rules: Value| json!({"metadata": {"name": name, "annotations": {}}, "spec": {"rules": rules}});
    let all = json!([
        route("backend", json!([{"backendRefs": [to("backend", Some(90)), to("backend-canary", Some(10))]}])),
        route("testers", json!([{"matches": testers, "backendRefs": [to("backend-canary", None)]}])),
        route("split", json!([{"backendRefs": [to("backend", Some(1)), to("backend-canary", Some(0))]}])),
        route("shop", json!([{"backendRefs": [to("backend", None)]}])),
        route("elsewhere", json!([{"backendRefs": [{"name": "backend-canary", "namespace": "other"}]}])),
        route("redirect", json!([{"filters": [{"type": "RequestRedirect"}]}])),
        {"metadata": {"name": "empty"}, "spec": {}},
        {"metadata": {"name": "odd"}, "spec": {"rules": "all"}},
    ]);
    assert_eq!(told(&gateway(), all), ["HTTPRoute testers (header x-canary: always)"], "not the route itself");
}

#[test]
fn another_virtual_service_that_sends_to_the_candidate_is_told() {
    let route = |name: &str, host: &str, weight: Option<u32>| {
        let to = json!([{"destination": {"host": host}, "weight": weight}, {"destination": {"host": "backend"}}]);
        json!({"metadata": {"name": name}, "spec": {"http": [{"match": [{"uri": {"prefix": "/beta"}}], "route": to}]}})
    };
    let all = json!([
        route("backend", "backend-canary", Some(5)),
        route("beta", "backend-canary.shop.svc.cluster.local", Some(5)),
        route("off", "backend-canary", Some(0)),
        route("unset", "backend-canary", None),
        {"metadata": {"name": "alone"}, "spec": {"http": [{"route": [{"destination": {"host": "backend-canary"}}]}]}},
    ]);
    assert_eq!(told(&istio(), all), ["VirtualService beta (path prefix /beta)", "VirtualService alone"]);
}

#[test]
fn another_ingress_sends_to_the_candidate_unless_it_is_a_canary_that_gives_it_nothing() {
    let annotated = |name: &str, annotations: Value| {
        let path = json!({"path": "/", "backend": {"service": {"name": "backend-canary"}}});
        let rules = json!([{"host": format!("{name}.example"), "http": {"paths": [path]}}]);
        json!({"metadata": {"name": name, "annotations": annotations}, "spec": {"rules": rules}})
    };
    let key = |name: &str| format!("nginx.ingress.kubernetes.io/{name}");
    let all = json!([
        annotated("backend-canary", json!({key("canary"): "true", key("canary-weight"): "50"})),
        annotated("preview", json!({})),
        annotated("idle", json!({key("canary"): "true", key("canary-weight"): "0"})),
        annotated("bare", json!({key("canary"): "true"})),
        annotated("half", json!({key("canary"): "true", key("canary-weight"): "50"})),
        annotated("header", json!({key("canary"): "true", key("canary-by-header"): "x-canary"})),
        {"metadata": {"name": "default", "annotations": null}, "spec": {"defaultBackend": {"service": {"name": "backend-canary"}}}},
        {"metadata": {"name": "stable"}, "spec": {"defaultBackend": {"service": {"name": "backend"}}}},
    ]);
    let router = Router::Nginx {
        ingress: "backend-canary".into(),
        prefix: "nginx.ingress.kubernetes.io".into(),
        controller: "ingress-nginx".into(),
        stable: "backend".into(),
        candidate: "backend-canary".into(),
    };
    let wanted = [
        "Ingress preview (host preview.example)",
        "Ingress half (host half.example)",
        "Ingress header (host header.example, header x-canary: always)",
        "Ingress default",
    ];
    assert_eq!(told(&component(router), all), wanted);
}

#[test]
fn a_switch_has_no_neighbours() {
    let switch = component(Router::Service { service: "backend".into(), key: "v".into(), stable: "a".into(), candidate: "b".into() });
    assert_eq!(
        told(&switch, json!([{"metadata": {"name": "x"}, "spec": {"defaultBackend": {"service": {"name": "b"}}}}])),
        Vec::<String>::new()
    );
}
