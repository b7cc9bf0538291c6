//! The embedded Prometheus against answers that a real one gave.
//!
//! `data/prometheus.json` holds series, requests and the answers of Prometheus 3.15.0, which was fed with the same samples by
//! remote write. Answers are compared whole: status, values to the last digit, times, order where Prometheus orders, warnings,
//! infos and errors.

mod answers;

use cutover::sim::kernel::prom_api::Prometheus;
use cutover::sim::kernel::tsdb::{Labels, stale_marker};
use cutover::sim::kernel::{Kernel, Method, Request};
use serde_json::Value;

fn number(value: &Value) -> f64 {
    match value.as_str() {
        Some("stale") => stale_marker(),
        Some(text) => answers::number(text),
        None => value.as_f64().unwrap(),
    }
}

fn fill(prometheus: &mut Prometheus, series: &Value) {
    for entry in series.as_array().unwrap() {
        let labels: Labels = serde_json::from_value(entry[0].clone()).unwrap();
        for sample in entry[1].as_array().unwrap() {
            assert!(prometheus.series().record(&labels, sample[0].as_i64().unwrap(), number(&sample[1])));
        }
    }
}

fn target(case: &Value) -> String {
    let pairs = case["params"].as_array().unwrap().iter();
    let query: Vec<String> = pairs
        .map(|pair| format!("{}={}", answers::encoded(pair[0].as_str().unwrap()), answers::encoded(pair[1].as_str().unwrap())))
        .collect();
    format!("{}?{}", case["path"].as_str().unwrap(), query.join("&"))
}

#[test]
fn answers_are_those_of_a_real_prometheus() {
    let recorded: Value = serde_json::from_str(include_str!("data/prometheus.json")).unwrap();
    let mut kernel = Kernel::new(1, "2023-11-14T22:43:20Z".parse().unwrap());
    kernel.prometheus.interval = 15_000;
    fill(&mut kernel.prometheus, &recorded["series"]);
    let mut wrong = Vec::new();
    let cases = recorded["cases"].as_array().unwrap();
    for case in cases {
        let response = kernel.handle_prometheus(&Request::new(Method::Get, &target(case)));
        let (ours, theirs) = (String::from_utf8(response.full().to_vec()).unwrap(), case["body"].as_str().unwrap());
        let params = case["params"].to_string();
        let same = answers::agree(&ours, theirs, &params);
        if !same || i64::from(response.status) != case["status"].as_i64().unwrap() {
            wrong.push(format!("{} {params}\n  ours   {} {ours}\n  theirs {} {theirs}", case["path"], response.status, case["status"]));
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}
