//! Requests through every kind of route, counted where they arrive.

use serde_json::{Value, json};

use super::super::profile::{Profile, Ramp};
use super::super::resource::{self, Resource};
use super::super::tsdb::NAME;
use super::super::{Kernel, Method, Request, object::Fields};
use super::pages::labels;
use super::*;

const NS: &str = "shop";
const MANAGER: &str = "test";

/// A cluster with stable and canary pods of one application, and nothing that routes to them yet.
struct Shop {
    kernel: Kernel,
}

impl Shop {
    fn new(seed: u64, flow: Flow, family: Family) -> Self {
        let mut kernel = Kernel::new(seed, "2026-01-01T00:00:00Z".parse().unwrap());
        kernel.world.create_namespace(NS).unwrap();
        kernel.traffic.flows = vec![flow];
        kernel.traffic.family = family;
        kernel.prometheus.interval = 15_000;
        let exact = Profile { errors: Ramp::constant(0.0), start_ms: 0, ..Profile::default() };
        kernel.world.profiles.set("*", exact);
        Self { kernel }
    }

    fn create(&mut self, resource: &'static Resource, mut object: Value) {
        object.put("/metadata/namespace", NS);
        self.kernel.world.create(resource, object, MANAGER).unwrap();
    }

    /// Pods `NAME-0`, `NAME-1`, ... of a version, ready.
    fn pods(&mut self, name: &str, version: &str, count: usize) {
        for i in 0..count {
            let pod = format!("{name}-{i}");
            self.create(&resource::POD, json!({
                "metadata": {"name": pod, "labels": {"app": "backend", "version": version}, "annotations": {"prometheus.io/scrape": "true"}},
                "spec": {"containers": [{"name": "main", "image": format!("backend:{version}"), "ports": [{"containerPort": 8080}]}]},
            }));
            let address = format!("10.1.{}.{i}", version.len());
            self.kernel
                .world
                .modify_status(&resource::POD, NS, &pod, "kubelet", |pod| {
                    pod.put(
                        "/status",
                        json!({"phase": "Running", "podIP": address, "containerStatuses": [
                    {"name": "main", "ready": true, "restartCount": 0, "state": {"running": {}}}]}),
                    );
                })
                .unwrap();
        }
    }

    /// A Service without selector, so that no controller minds its endpoints.
    fn service(&mut self, name: &str, pods: &[&str]) {
        self.create(&resource::SERVICE, json!({"metadata": {"name": name}, "spec": {"ports": [{"port": 80}]}}));
        let endpoint =
            |pod: &&str| json!({"addresses": ["10.1.0.1"], "conditions": {"ready": true}, "targetRef": {"kind": "Pod", "name": pod}});
        self.create(
            &resource::ENDPOINT_SLICE,
            json!({
                "metadata": {"name": format!("{name}-x"), "labels": {"kubernetes.io/service-name": name}},
                "addressType": "IPv4", "endpoints": pods.iter().map(endpoint).collect::<Vec<_>>(),
            }),
        );
    }

    fn run(&mut self, seconds: u64) {
        self.kernel.advance(self.kernel.ms() + seconds * 1_000);
    }

    fn patch(&mut self, resource: &'static Resource, name: &str, pointer: &str, value: Value) {
        self.kernel.world.modify(resource, NS, name, MANAGER, |object| object.put(pointer, value)).unwrap();
        self.kernel.settle();
    }

    /// The sum of a metric over the pages whose name begins so.
    fn sum(&self, page: &str, metric: &str, wanted: &[(&str, &str)]) -> f64 {
        let pages = self.kernel.world.exporters.iter().filter(|(name, _)| name.starts_with(page));
        let metrics = pages.flat_map(|(_, exporter)| exporter.metrics());
        let named = metrics.filter(|line| line.labels.get(NAME).is_some_and(|name| name == metric));
        named.filter(|line| wanted.iter().all(|(k, v)| line.labels.get(*k).is_some_and(|value| value == v))).map(|line| line.value).sum()
    }

    fn served(&self, pods: &str) -> f64 {
        self.sum(&format!("pod/{NS}/{pods}"), "http_requests_total", &[])
    }

    fn sent(&self) -> f64 {
        self.sum("clients", "client_requests_total", &[])
    }
}

fn flow(enters: Entry) -> Flow {
    Flow { name: "backend".into(), namespace: NS.into(), enters, rate: 100.0, wobble: None, paths: Vec::new(), headers: Vec::new() }
}

fn route_of(stable: u64, canary: u64) -> Value {
    let to = |subset: &str, weight: u64| json!({"destination": {"host": "backend", "subset": subset}, "weight": weight});
    json!([to("stable", stable), to("canary", canary)])
}

/// A shop behind a VirtualService with subsets, at the given weights.
fn istio_shop(seed: u64, flow: Flow, family: Family, stable: u64, canary: u64) -> Shop {
    let mut shop = Shop::new(seed, flow, family);
    shop.pods("backend-stable", "stable", 3);
    shop.pods("backend-canary", "canary", 1);
    shop.service("backend", &["backend-stable-0", "backend-stable-1", "backend-stable-2", "backend-canary-0"]);
    let subset = |name: &str| json!({"name": name, "labels": {"version": name}});
    shop.create(&resource::DESTINATION_RULE, json!({
        "metadata": {"name": "backend"}, "spec": {"host": "backend.shop.svc.cluster.local", "subsets": [subset("stable"), subset("canary")]}}));
    shop.create(
        &resource::VIRTUAL_SERVICE,
        json!({
        "metadata": {"name": "backend"}, "spec": {"hosts": ["backend"], "http": [{"route": route_of(stable, canary)}]}}),
    );
    shop
}

/// Whether `part` of `whole` is `share` within four standard deviations of a fair draw.
fn assert_share(part: f64, whole: f64, share: f64) {
    let off = (part - whole * share).abs();
    assert!(off <= 4.0 * (whole * share * (1.0 - share)).sqrt() + 1e-9, "{part} of {whole} is not {share}");
}

#[test]
fn weights_split_requests_and_a_change_moves_them_at_once() {
    let mut shop = istio_shop(7, flow(Entry::VirtualService("backend".into())), Family::Http, 75, 25);
    shop.run(120);
    let (stable, canary) = (shop.served("backend-stable"), shop.served("backend-canary"));
    assert_eq!(stable + canary, shop.sent());
    assert!((shop.sent() - 12_000.0).abs() < 5.0 * 12_000.0_f64.sqrt());
    assert_share(canary, shop.sent(), 0.25);
    assert_share(shop.served("backend-stable-0"), stable, 1.0 / 3.0);
    shop.patch(&resource::VIRTUAL_SERVICE, "backend", "/spec/http/0/route", route_of(0, 100));
    shop.run(60);
    assert_eq!(shop.served("backend-stable"), stable);
    shop.patch(&resource::VIRTUAL_SERVICE, "backend", "/spec/http/0/route", route_of(3, 1));
    let (sent, canary) = (shop.sent(), shop.served("backend-canary"));
    shop.run(120);
    assert_share(shop.served("backend-canary") - canary, shop.sent() - sent, 0.25);
}

#[test]
fn one_seed_repeats_and_two_seeds_differ() {
    let counts = |seed| {
        let mut shop = istio_shop(seed, flow(Entry::VirtualService("backend".into())), Family::Http, 50, 50);
        shop.run(30);
        (shop.served("backend-stable"), shop.served("backend-canary"), shop.sum("pod/", "http_request_duration_seconds_sum", &[]))
    };
    assert_eq!(counts(1), counts(1));
    assert_ne!(counts(1), counts(2));
    let in_pieces = |step: u64| {
        let mut shop = istio_shop(1, flow(Entry::VirtualService("backend".into())), Family::Http, 50, 50);
        (0..30_000 / step).for_each(|i| shop.kernel.advance((i + 1) * step));
        shop.served("backend-canary")
    };
    assert_eq!(in_pieces(100), in_pieces(15_000));
}

#[test]
fn a_header_route_takes_the_requests_that_carry_it() {
    let header = Header { name: "X-Canary".into(), value: "always".into(), share: 0.1 };
    let mut shop = istio_shop(3, Flow { headers: vec![header], ..flow(Entry::VirtualService("backend".into())) }, Family::Http, 100, 0);
    shop.patch(&resource::VIRTUAL_SERVICE, "backend", "/spec/http", json!([
        {"match": [{"headers": {"x-canary": {"exact": "always"}}}], "route": [{"destination": {"host": "backend", "subset": "canary"}}]},
        {"route": route_of(100, 0)},
    ]));
    shop.run(100);
    assert_share(shop.served("backend-canary"), shop.sent(), 0.1);
}

#[test]
fn no_ready_pod_means_errors_that_people_see() {
    let mut shop = istio_shop(4, flow(Entry::VirtualService("backend".into())), Family::Istio, 50, 50);
    shop.patch(&resource::ENDPOINT_SLICE, "backend-x", "/endpoints/3/conditions/ready", json!(false));
    shop.run(60);
    let failed = shop.sum("clients", "client_requests_total", &[("code", "503")]);
    assert_share(failed, shop.sent(), 0.5);
    let refused = [("reporter", "source"), ("response_code", "503"), ("response_flags", "UH"), ("destination_service_name", "backend")];
    assert_eq!(shop.sum("istio-ingressgateway", "istio_requests_total", &refused), failed);
    assert_eq!(shop.sum("pod/shop/backend-canary", "istio_requests_total", &[]), 0.0);
}

#[test]
fn sidecars_and_gateway_count_the_same_requests() {
    let mut shop = istio_shop(5, flow(Entry::VirtualService("backend".into())), Family::Istio, 70, 30);
    shop.run(60);
    for (workload, version) in [("backend-stable-0", "stable"), ("backend-canary-0", "canary")] {
        let of =
            |page: &str| shop.sum(page, "istio_requests_total", &[("destination_workload", workload), ("destination_version", version)]);
        assert!(of("pod/") > 0.0);
        assert_eq!(of("pod/"), of("istio-ingressgateway"));
    }
    let all = shop.sum("istio-ingressgateway", "istio_request_duration_milliseconds_bucket", &[("le", "+Inf")]);
    assert_eq!(all, shop.sent());
}

#[test]
fn an_http_route_reads_unset_weights_as_one_and_zero_as_nothing() {
    let mut shop = Shop::new(6, flow(Entry::HttpRoute("backend".into())), Family::Http);
    shop.pods("stable", "stable", 2);
    shop.pods("canary", "canary", 1);
    shop.service("backend", &["stable-0", "stable-1"]);
    shop.service("backend-canary", &["canary-0"]);
    shop.create(&resource::HTTP_ROUTE, json!({"metadata": {"name": "backend"}, "spec": {"rules": [
        {"matches": [{"path": {"type": "PathPrefix", "value": "/"}}], "backendRefs": [{"name": "backend", "port": 80}, {"name": "backend-canary", "port": 80, "weight": 3}]}]}}));
    shop.run(60);
    assert_share(shop.served("canary"), shop.sent(), 0.75);
    shop.patch(&resource::HTTP_ROUTE, "backend", "/spec/rules/0/backendRefs/1/weight", json!(0));
    let canary = shop.served("canary");
    shop.run(20);
    assert_eq!(shop.served("canary"), canary);
    shop.patch(&resource::HTTP_ROUTE, "backend", "/spec/rules/0/backendRefs/0/weight", json!(0));
    shop.run(10);
    assert!(shop.sum("clients", "client_requests_total", &[("code", "500")]) > 500.0);
}

#[test]
fn a_service_spreads_over_both_tracks_by_their_pods() {
    let mut shop = Shop::new(8, flow(Entry::Service("backend".into())), Family::Spring);
    shop.pods("stable", "stable", 3);
    shop.pods("canary", "canary", 1);
    shop.service("backend", &["stable-0", "stable-1", "stable-2", "canary-0"]);
    shop.run(100);
    let count = |page: &str| shop.sum(page, "http_server_requests_seconds_count", &[("outcome", "SUCCESS")]);
    assert_eq!(count("pod/"), shop.sent());
    assert_share(count("pod/shop/canary"), shop.sent(), 0.25);
}

#[test]
fn canary_annotations_split_at_the_ingress() {
    let mut shop = Shop::new(9, flow(Entry::Ingress("backend".into())), Family::Nginx);
    shop.pods("stable", "stable", 1);
    shop.pods("canary", "canary", 1);
    shop.service("backend", &["stable-0"]);
    shop.service("backend-canary", &["canary-0"]);
    let rules = |service: &str| {
        json!([{"host": "shop.example", "http": {"paths": [
        {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": service, "port": {"number": 80}}}}]}}])
    };
    shop.create(&resource::INGRESS, json!({"metadata": {"name": "backend"}, "spec": {"rules": rules("backend")}}));
    let annotations = json!({"nginx.ingress.kubernetes.io/canary": "true", "nginx.ingress.kubernetes.io/canary-weight": "20"});
    shop.create(
        &resource::INGRESS,
        json!({"metadata": {"name": "canary", "annotations": annotations}, "spec": {"rules": rules("backend-canary")}}),
    );
    shop.run(60);
    let canary = shop.sum(
        "ingress-nginx",
        "nginx_ingress_controller_requests",
        &[("canary", "shop-backend-canary-80"), ("ingress", "backend"), ("service", "backend")],
    );
    assert_eq!(shop.sum("ingress-nginx", "nginx_ingress_controller_requests", &[]), shop.sent());
    assert_share(canary, shop.sent(), 0.2);
    // All of it is counted as the canary's, and nothing any more as stable's.
    let by_canary = shop.sum("ingress-nginx", "nginx_ingress_controller_requests", &[("canary", "shop-backend-canary-80")]);
    let sent = shop.sent();
    shop.patch(&resource::INGRESS, "canary", "/metadata/annotations/nginx.ingress.kubernetes.io~1canary-weight", json!("100"));
    shop.run(60);
    let now = shop.sum("ingress-nginx", "nginx_ingress_controller_requests", &[("canary", "shop-backend-canary-80")]);
    assert_eq!(now - by_canary, shop.sent() - sent);
}

#[test]
fn at_a_canary_ingress_a_header_goes_before_a_cookie_and_both_before_the_weight() {
    let carried = |name: &str, value: &str| Header { name: name.into(), value: value.into(), share: 0.25 };
    let mut senders = flow(Entry::Ingress("backend".into()));
    senders.headers = vec![carried("x-canary", "always"), carried("Cookie", "a=b; beta=always"), carried("x-canary", "never")];
    let mut shop = Shop::new(12, senders, Family::Nginx);
    shop.pods("stable", "stable", 1);
    shop.pods("canary", "canary", 1);
    shop.service("backend", &["stable-0"]);
    shop.service("backend-canary", &["canary-0"]);
    let rules = |service: &str| json!([{"http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": {"service": {"name": service, "port": {"number": 80}}}}]}}]);
    shop.create(&resource::INGRESS, json!({"metadata": {"name": "backend"}, "spec": {"rules": rules("backend")}}));
    let key = |name: &str| format!("canary.example/{name}");
    let annotations =
        json!({key("canary"): "true", key("canary-weight"): "0", key("canary-by-header"): "X-Canary", key("canary-by-cookie"): "beta"});
    shop.create(
        &resource::INGRESS,
        json!({"metadata": {"name": "canary", "annotations": annotations}, "spec": {"rules": rules("backend-canary")}}),
    );
    shop.run(60);
    let canary = shop.sum("ingress-nginx", "nginx_ingress_controller_requests", &[("canary", "shop-backend-canary-80")]);
    assert_share(canary, shop.sent(), 0.5);
}

#[test]
fn failing_slow_and_overloaded_pods_show() {
    let mut shop = istio_shop(10, flow(Entry::VirtualService("backend".into())), Family::Http, 50, 50);
    let bad = Profile {
        errors: Ramp::constant(0.2),
        p50_ms: Ramp::constant(300.0),
        p95_ms: Ramp::constant(400.0),
        start_ms: 0,
        ..Profile::default()
    };
    shop.kernel.world.profiles.set("backend:canary", bad);
    shop.run(60);
    let canary = shop.served("backend-canary");
    assert_share(shop.sum("pod/shop/backend-canary", "http_requests_total", &[("code", "500")]), canary, 0.2);
    let below = shop.sum("pod/shop/backend-canary", "http_request_duration_seconds_bucket", &[("le", "0.25")]);
    assert!(below / canary < 0.2, "{below} of {canary}");
    assert_eq!(shop.sum("pod/", "http_requests_total", &[("code", "503")]), 0.0);
    shop.kernel.world.profiles.set("backend:canary", Profile { capacity: Some(25.0), start_ms: 0, ..Profile::default() });
    let (before, canary) = (shop.sum("pod/", "http_requests_total", &[("code", "503")]), canary);
    shop.run(60);
    let refused = shop.sum("pod/", "http_requests_total", &[("code", "503")]) - before;
    let share = refused / (shop.served("backend-canary") - canary);
    assert!((0.4..0.6).contains(&share), "{share}");
}

#[test]
fn a_container_that_restarts_counts_from_zero_and_a_dead_one_is_down() {
    let mut shop = istio_shop(11, flow(Entry::VirtualService("backend".into())), Family::Http, 50, 50);
    shop.run(60);
    let restart = json!([{"name": "main", "ready": false, "restartCount": 1, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]);
    shop.kernel
        .world
        .modify_status(&resource::POD, NS, "backend-canary-0", "kubelet", |pod| pod.put("/status/containerStatuses", restart))
        .unwrap();
    shop.kernel.settle();
    shop.run(20);
    assert_eq!(shop.served("backend-canary"), 0.0);
    assert!(shop.sum("clients", "client_requests_total", &[("code", "503")]) > 500.0);
    let up = shop.query("up{pod=\"backend-canary-0\"}");
    assert_eq!(up["data"]["result"][0]["value"][1], "0");
    assert_eq!(shop.query("http_requests_total{pod=\"backend-canary-0\"}")["data"]["result"], json!([]));
    shop.kernel.world.delete(&resource::POD, NS, "backend-canary-0", MANAGER);
    shop.kernel.settle();
    assert!(shop.kernel.world.store.get(&resource::POD, NS, "backend-canary-0").is_none_or(|pod| pod.is_deleting()));
}

impl Shop {
    fn query(&mut self, query: &str) -> Value {
        let encoded: String = query.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let response = self.kernel.handle_prometheus(&Request::new(Method::Get, &format!("/api/v1/query?query={encoded}")));
        serde_json::from_slice(response.full()).unwrap()
    }
}

#[test]
fn prometheus_sees_what_the_routes_do() {
    let mut shop = istio_shop(12, flow(Entry::VirtualService("backend".into())), Family::Http, 90, 10);
    shop.run(180);
    let answer = shop.query("sum by (version) (rate(http_requests_total{namespace=\"shop\",app=\"backend\"}[2m]))");
    let rate = |version: &str| {
        let result = answer["data"]["result"].as_array().unwrap();
        let found = result.iter().find(|element| element["metric"]["version"] == version).unwrap();
        found["value"][1].as_str().unwrap().parse::<f64>().unwrap()
    };
    assert!((rate("stable") - 90.0).abs() < 6.0 && (rate("canary") - 10.0).abs() < 3.0, "{answer}");
    let quantile = shop.query("histogram_quantile(0.5, sum by (le) (rate(http_request_duration_seconds_bucket[2m])))");
    let median: f64 = quantile["data"]["result"][0]["value"][1].as_str().unwrap().parse().unwrap();
    assert!((0.03..0.05).contains(&median), "{median}");
    assert!(shop.kernel.world.measured.load[&(NS.to_owned(), "backend-canary-0".to_owned())].per_second > 3.0);
    assert_eq!(
        shop.kernel.world.exporters["pod/shop/backend-canary-0"].labels,
        labels(&[
            ("job", "kubernetes-pods"),
            ("instance", "10.1.6.0:8080"),
            ("namespace", NS),
            ("pod", "backend-canary-0"),
            ("container", "main"),
            ("app", "backend"),
            ("version", "canary"),
        ])
    );
}
