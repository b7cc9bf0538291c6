//! Whole scenarios: what the embedded Prometheus counts while routes, pods and images change through the API.

use cutover::sim::kernel::{Kernel, Method, Request};
use cutover::sim::scenario::Scenario;
use serde_json::{Value, json};

mod testers;

const BACKEND: &str = "fusion-electronics-backend";
const CANARY: &str = "fusion-electronics-backend-canary";
const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/fusion-ecommerce/deployments";
const VIRTUAL_SERVICE: &str = "/apis/networking.istio.io/v1/namespaces/fusion-ecommerce/virtualservices/fusion-electronics-backend";

fn cluster(name: &str, seed: u64) -> Kernel {
    let mut kernel = Kernel::new(seed, "2026-01-01T00:00:00Z".parse().unwrap());
    Scenario::built_in(name).unwrap().install(&mut kernel).unwrap();
    run(&mut kernel, 60);
    kernel
}

fn run(kernel: &mut Kernel, seconds: u64) {
    kernel.advance(kernel.ms() + seconds * 1_000);
}

fn patch(kernel: &mut Kernel, path: &str, kind: &str, body: &Value) {
    let request = Request::new(Method::Patch, path).with_body(&format!("application/{kind}"), body.to_string());
    let response = kernel.handle(&request);
    assert_eq!(response.status, 200, "{}", String::from_utf8_lossy(response.full()));
}

/// As `kubectl scale`.
fn scale(kernel: &mut Kernel, deployment: &str, replicas: u64) {
    patch(kernel, &format!("{DEPLOYMENTS}/{deployment}/scale"), "merge-patch+json", &json!({"spec": {"replicas": replicas}}));
}

/// As `kubectl set image`.
fn set_image(kernel: &mut Kernel, deployment: &str, image: &str) {
    let body = json!({"spec": {"template": {"spec": {"containers": [{"name": "backend", "image": image}]}}}});
    patch(kernel, &format!("{DEPLOYMENTS}/{deployment}"), "strategic-merge-patch+json", &body);
}

/// Both weights of the VirtualService's one route.
fn weigh(kernel: &mut Kernel, stable: u64, canary: u64) {
    let replace = |i: usize, weight: u64| json!({"op": "replace", "path": format!("/spec/http/0/route/{i}/weight"), "value": weight});
    patch(kernel, VIRTUAL_SERVICE, "json-patch+json", &json!([replace(0, stable), replace(1, canary)]));
}

/// The sum of an instant query's values, asked through the API server's service proxy.
fn query(kernel: &mut Kernel, query: &str) -> f64 {
    let encoded: String = query.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let path = "/api/v1/namespaces/monitoring/services/prometheus-server:80/proxy/api/v1/query";
    let response = kernel.handle(&Request::new(Method::Get, &format!("{path}?query={encoded}")));
    let answer: Value = serde_json::from_slice(response.full()).unwrap();
    let result = answer["data"]["result"].as_array().unwrap_or_else(|| panic!("{answer}"));
    result.iter().map(|element| element["value"][1].as_str().unwrap().parse::<f64>().unwrap()).sum()
}

/// Requests that the pods of a version have served, by their last scrapes.
fn served(kernel: &mut Kernel, version: &str) -> f64 {
    query(kernel, &format!("http_requests_total{{version=\"{version}\",component=\"backend\"}}"))
}

/// Whether `part` of `whole` is `share` within four standard deviations. Pods are scraped at different moments, up to 15 s
/// apart, so what came in one interval may be missing on one side.
fn assert_share(part: f64, whole: f64, share: f64, per_interval: f64) {
    let off = (part - whole * share).abs();
    let noise = 4.0 * (whole * share * (1.0 - share)).sqrt();
    assert!(off <= noise + per_interval, "{part} of {whole} is not {share}");
}

#[test]
fn a_weight_changed_from_outside_moves_the_counts() {
    let mut kernel = cluster("healthy", 3);
    scale(&mut kernel, CANARY, 2);
    run(&mut kernel, 60);
    assert_eq!(served(&mut kernel, "canary"), 0.0);
    for (stable, canary) in [(75, 25), (50, 50), (10, 90)] {
        weigh(&mut kernel, stable, canary);
        run(&mut kernel, 20);
        let before = (served(&mut kernel, "stable"), served(&mut kernel, "canary"));
        run(&mut kernel, 300);
        let (by_stable, by_canary) = (served(&mut kernel, "stable") - before.0, served(&mut kernel, "canary") - before.1);
        assert!(by_stable + by_canary > 10_000.0);
        assert_share(by_canary, by_stable + by_canary, canary as f64 / 100.0, 15.0 * 60.0 * 0.15);
    }
    weigh(&mut kernel, 100, 0);
    run(&mut kernel, 20);
    let canary = served(&mut kernel, "canary");
    run(&mut kernel, 60);
    assert_eq!(served(&mut kernel, "canary"), canary);
}

#[test]
fn a_bad_image_fails_in_its_own_pods_and_people_see_its_share() {
    let mut kernel = cluster("errors", 5);
    set_image(&mut kernel, CANARY, "registry.io/fusion-electronics-backend:v1.5.0");
    scale(&mut kernel, CANARY, 2);
    run(&mut kernel, 120);
    weigh(&mut kernel, 50, 50);
    run(&mut kernel, 240);
    let errors = |kernel: &mut Kernel, version: &str| {
        let rate = |code: &str| format!("sum(rate(http_requests_total{{version=\"{version}\"{code}}}[3m]))");
        query(kernel, &format!("{} / {}", rate(",code=~\"5..\""), rate("")))
    };
    let (stable, canary) = (errors(&mut kernel, "stable"), errors(&mut kernel, "canary"));
    assert!(stable < 0.01 && (0.08..0.12).contains(&canary), "{stable} {canary}");
    let seen = query(&mut kernel, "sum(rate(client_requests_total{code=~\"5..\"}[3m])) / sum(rate(client_requests_total[3m]))");
    assert!((seen - (stable + canary) / 2.0).abs() < 0.01, "{seen}");
}

#[test]
fn a_service_selector_switches_all_requests() {
    let mut kernel = cluster("blue-green", 7);
    scale(&mut kernel, "fusion-electronics-backend-green", 3);
    run(&mut kernel, 60);
    let path = format!("/api/v1/namespaces/fusion-ecommerce/services/{BACKEND}");
    patch(&mut kernel, &path, "json-patch+json", &json!([{"op": "replace", "path": "/spec/selector/version", "value": "green"}]));
    run(&mut kernel, 20);
    let (blue, green) = (served(&mut kernel, "blue"), served(&mut kernel, "green"));
    let failed = query(&mut kernel, "sum(client_requests_total{code=\"503\"})");
    run(&mut kernel, 60);
    assert_eq!(served(&mut kernel, "blue"), blue);
    assert!(served(&mut kernel, "green") - green > 2_000.0);
    assert_eq!(query(&mut kernel, "sum(client_requests_total{code=\"503\"})"), failed);
}

#[test]
fn an_http_route_and_a_virtual_service_split_side_by_side() {
    let mut kernel = cluster("two-components", 9);
    scale(&mut kernel, CANARY, 1);
    scale(&mut kernel, "fusion-electronics-frontend-canary", 1);
    run(&mut kernel, 60);
    weigh(&mut kernel, 80, 20);
    let path = "/apis/gateway.networking.k8s.io/v1/namespaces/fusion-ecommerce/httproutes/fusion-electronics-frontend";
    let replace =
        |i: usize, weight: u64| json!({"op": "replace", "path": format!("/spec/rules/0/backendRefs/{i}/weight"), "value": weight});
    patch(&mut kernel, path, "json-patch+json", &json!([replace(0, 60), replace(1, 40)]));
    run(&mut kernel, 240);
    for (component, share) in [("backend", 0.2), ("frontend", 0.4)] {
        let rate = |version: &str| format!("sum(rate(http_requests_total{{component=\"{component}\"{version}}}[3m]))");
        let canary = query(&mut kernel, &format!("{} / {}", rate(",version=\"canary\""), rate("")));
        assert!((canary - share).abs() < 0.03, "{component}: {canary}");
    }
}

#[test]
fn one_seed_counts_the_same_twice() {
    let counted = |seed: u64| {
        let mut kernel = cluster("two-components", seed);
        run(&mut kernel, 120);
        let sums = ["http_requests_total", "http_request_duration_seconds_sum", "container_cpu_usage_seconds_total"];
        sums.map(|metric| query(&mut kernel, metric).to_bits())
    };
    assert_eq!(counted(1), counted(1));
    assert_ne!(counted(1), counted(2));
}
