//! The embedded Prometheus against answers that a real one gave.
//!
//! `data/prometheus.json` holds series, requests and the answers of Prometheus 3.15.0, which was fed with the same samples by
//! remote write. Answers are compared whole: status, values to the last digit, times, order where Prometheus orders, warnings,
//! infos and errors.

use cutover::sim::kernel::prom_api::Prometheus;
use cutover::sim::kernel::tsdb::{Labels, stale_marker};
use cutover::sim::kernel::{Kernel, Method, Request};
use serde_json::Value;

/// Requests whose refusal differs in its words only: the parser names another reason or place.
fn words_differ(ours: &Value, theirs: &Value) -> bool {
    let is_parse_error = |answer: &Value| answer["error"].as_str().is_some_and(|error| error.contains("parse error: "));
    ours["errorType"] == theirs["errorType"] && is_parse_error(ours) && is_parse_error(theirs)
}

/// Whether two values differ in the last digits only, as logarithms of two mathematical libraries do.
fn nearly(ours: &Value, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Value::Array(ours), Value::Array(theirs)) => ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(a, b)| nearly(a, b)),
        (Value::Object(ours), Value::Object(theirs)) => {
            ours.len() == theirs.len() && ours.iter().all(|(key, a)| theirs.get(key).is_some_and(|b| nearly(a, b)))
        }
        (Value::String(a), Value::String(b)) => match (a.parse::<f64>(), b.parse::<f64>()) {
            (Ok(x), Ok(y)) => a == b || (x - y).abs() <= 1e-14 * x.abs(),
            _ => a == b,
        },
        _ => ours == theirs,
    }
}

fn number(value: &Value) -> f64 {
    match value.as_str() {
        Some("NaN") => f64::NAN,
        Some("+Inf") => f64::INFINITY,
        Some("-Inf") => f64::NEG_INFINITY,
        Some("stale") => stale_marker(),
        _ => value.as_f64().unwrap(),
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

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

fn target(case: &Value) -> String {
    let pairs = case["params"].as_array().unwrap().iter();
    let query: Vec<String> =
        pairs.map(|pair| format!("{}={}", encoded(pair[0].as_str().unwrap()), encoded(pair[1].as_str().unwrap()))).collect();
    format!("{}?{}", case["path"].as_str().unwrap(), query.join("&"))
}

/// Elements of an instant vector have no order unless the query gives them one.
fn normalised(mut answer: Value, ordered: bool) -> Value {
    let is_vector = answer["data"]["resultType"] == "vector";
    if let Some(elements) = answer.pointer_mut("/data/result").and_then(Value::as_array_mut).filter(|_| is_vector && !ordered) {
        elements.sort_by_key(|element| element["metric"].to_string());
    }
    for notes in ["warnings", "infos"] {
        if let Some(notes) = answer.get_mut(notes).and_then(Value::as_array_mut) {
            notes.sort_by_key(Value::to_string);
        }
    }
    answer
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
        let same = match (serde_json::from_str::<Value>(&ours), serde_json::from_str::<Value>(theirs)) {
            (Ok(ours), Ok(theirs)) => {
                let ordered = params.contains("\"sort");
                let (ours, theirs) = (normalised(ours, ordered), normalised(theirs, ordered));
                let inexact = ["exp(", "ln(", "log2(", "log10("].iter().any(|name| params.contains(name));
                ours == theirs || words_differ(&ours, &theirs) || (inexact && nearly(&ours, &theirs))
            }
            _ => ours == theirs,
        };
        if !same || i64::from(response.status) != case["status"].as_i64().unwrap() {
            wrong.push(format!("{} {params}\n  ours   {} {ours}\n  theirs {} {theirs}", case["path"], response.status, case["status"]));
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}
