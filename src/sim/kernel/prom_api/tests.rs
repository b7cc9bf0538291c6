//! Requests to a Prometheus in a running kernel.

use serde_json::{Value, json};

use super::super::exporter::Exporter;
use super::super::tsdb::{Labels, NAME};
use super::super::{Kernel, wire::Body};
use super::*;

fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

/// A kernel with one exporter whose counter rises by 1 a second.
fn kernel() -> Kernel {
    let mut kernel = Kernel::new(1, "2026-01-01T00:00:00Z".parse().unwrap());
    kernel.prometheus.interval = 15_000;
    let mut pod = Exporter::new("pods", labels(&[("job", "pods"), ("pod", "a")]), String::new());
    pod.slot(&labels(&[(NAME, "x_total")]));
    kernel.world.exporters.insert("a".into(), pod);
    kernel
}

fn advance(kernel: &mut Kernel, seconds: u64) {
    for _ in 0..seconds {
        let next = kernel.ms() + 1_000;
        if let Some(pod) = kernel.world.exporters.get_mut("a") {
            pod.add(0, 1.0);
        }
        kernel.advance(next);
    }
}

fn get(kernel: &mut Kernel, target: &str) -> (u16, Value) {
    let response = kernel.handle_prometheus(&Request::new(Method::Get, target));
    (response.status, serde_json::from_slice(response.full()).unwrap_or(Value::Null))
}

#[test]
fn a_rate_is_what_the_exporter_did() {
    let mut kernel = kernel();
    advance(&mut kernel, 120);
    let (status, body) = get(&mut kernel, "/api/v1/query?query=rate(x_total[1m])");
    assert_eq!(status, 200);
    assert_eq!(body["data"]["resultType"], "vector");
    let value = &body["data"]["result"][0]["value"];
    assert_eq!(value[0], 1_767_225_720);
    assert!((value[1].as_str().unwrap().parse::<f64>().unwrap() - 1.0).abs() < 1e-9, "{value}");
    assert_eq!(body["data"]["result"][0]["metric"], json!({"job": "pods", "pod": "a"}));
}

#[test]
fn a_range_selector_shows_when_samples_were_taken() {
    let mut kernel = kernel();
    advance(&mut kernel, 120);
    let (_, body) = get(&mut kernel, "/api/v1/query?query=x_total%5B45s%5D");
    let values = body["data"]["result"][0]["values"].as_array().unwrap();
    assert_eq!(body["data"]["resultType"], "matrix");
    assert_eq!(values.len(), 3);
    let times: Vec<f64> = values.iter().map(|value| value[0].as_f64().unwrap()).collect();
    assert!(times.windows(2).all(|pair| (pair[1] - pair[0] - 15.0).abs() < 1e-6), "{times:?}");
    assert!(times[2] > 1_767_225_705.0 && times[2] <= 1_767_225_720.0);
}

#[test]
fn a_pod_that_goes_takes_its_series_with_it() {
    let mut kernel = kernel();
    advance(&mut kernel, 60);
    kernel.world.exporters.clear();
    advance(&mut kernel, 32);
    let (_, body) = get(&mut kernel, "/api/v1/query?query=x_total");
    assert_eq!(body["data"]["result"], json!([]));
    let (_, body) = get(&mut kernel, "/api/v1/query?query=x_total&time=2026-01-01T00:00:55Z");
    assert_eq!(body["data"]["result"].as_array().unwrap().len(), 1);
}

#[test]
fn nothing_is_scraped_while_it_is_down() {
    let mut kernel = kernel();
    kernel.prometheus.outages = vec![Outage { from: 60_000, until: 120_000, fault: Fault::Down }];
    advance(&mut kernel, 90);
    let response = kernel.handle_prometheus(&Request::new(Method::Get, "/-/ready"));
    assert!(matches!(response.body, Body::Hangup));
    advance(&mut kernel, 90);
    let (_, body) = get(&mut kernel, "/api/v1/query?query=count_over_time(up%5B3m%5D)");
    assert_eq!(body["data"]["result"][0]["value"][1], "8");
}

#[test]
fn paths_and_methods_that_are_not_served_are_refused() {
    let mut kernel = kernel();
    assert_eq!(get(&mut kernel, "/api/v1/nothing").0, 404);
    assert_eq!(get(&mut kernel, "/").0, 404);
    let delete = Request::new(Method::Delete, "/api/v1/query");
    assert_eq!(kernel.handle_prometheus(&delete).status, 405);
    let post = Request::new(Method::Post, "/api/v1/query").with_body("application/x-www-form-urlencoded", "query=1%2B1");
    let response = kernel.handle_prometheus(&post);
    assert_eq!(response.status, 200);
    assert!(String::from_utf8_lossy(response.full()).contains(r#""result":[1767225600,"2"]"#));
    assert_eq!(get(&mut kernel, "/api/v1/label/pod/values").1, json!({"status": "success", "data": []}));
}
