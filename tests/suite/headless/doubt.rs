//! When Prometheus misbehaves, a run holds: nothing is healthy that was not measured.

use std::time::Duration;

use cutover::sim::scenario::Scenario;

use crate::shop::front::{Fault, Rule};
use crate::shop::{NAMESPACE, NEW, Shop, canary, rule, until};

/// Scenario `healthy` with a new version that starts at once and a Prometheus that scrapes every second: real time is enough.
fn shop() -> Shop {
    let text = include_str!("../../../assets/scenarios/healthy.yaml");
    let quick = text.replace("scrape: 15s", "scrape: 1s").replace("pull: 4s", "pull: 0s").replace("startup: 2s", "startup: 0s");
    let quick = quick.replace("readyAfter: 2s", "readyAfter: 0s").replace("rate: 60", "rate: 200");
    let quick = quick.replace("initialDelaySeconds: 3, periodSeconds: 5", "periodSeconds: 1");
    let shop = Shop::of(&Scenario::parse(&quick, "quick").unwrap(), 1.0);
    let gates = "gates:\n- errors: { above: 5%, for: 8s, then: rollback }\nprometheus: { service: monitoring/prometheus-server:80, interval: 4s }\n";
    shop.file("cutover.yaml", &canary("{ weight: 20, hold: 2s }, { weight: 100 }").replace("gates: []\n", gates));
    shop
}

fn on_metrics(fault: Fault) -> Rule {
    rule(move |_, target| target.contains("/proxy/").then(|| fault.clone()))
}

/// A good answer with one series of 20 samples that end now.
fn counters(value: &str) -> String {
    let now = jiff::Timestamp::now().as_second();
    let values: Vec<String> = (0..20).map(|n| format!("[{},\"{value}\"]", now - 20 + n)).collect();
    format!(
        "{{\"status\":\"success\",\"data\":{{\"resultType\":\"matrix\",\"result\":[{{\"metric\":{{\"__name__\":\"http_requests_total\",\
         \"status\":\"200\",\"pod\":\"p\"}},\"values\":[{}]}}]}}}}",
        values.join(",")
    )
}

#[test]
fn with_a_prometheus_that_answers_a_run_is_healthy_and_ends() {
    let shop = shop();
    let told = shop.ends(0, &["run", "--image", NEW, "--timeout", "80s"]);
    assert!(told.out.contains(" healthy ") && told.out.contains("errors"), "{told:?}");
}

#[test]
fn a_prometheus_that_misbehaves_holds_and_is_never_healthy() {
    let shop = shop();
    let faults = [
        ("404", Fault::Answer(404, "text/plain", "404 page not found".into())),
        ("500", Fault::Answer(500, "text/plain", "boom".into())),
        ("HTML", Fault::Answer(200, "text/html", "<html>Sign in</html>".into())),
        ("garbage", Fault::Answer(200, "application/json", "\u{1b}]0;x\u{7}\u{1}garbage".into())),
        ("truncated", Fault::BreaksOff("{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":[{\"met".into())),
        ("cut JSON", Fault::Answer(200, "application/json", "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\"".into())),
        ("empty", Fault::Answer(200, "application/json", r#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#.into())),
        ("NaN", Fault::Answer(200, "application/json", counters("NaN"))),
        ("slow", Fault::Late(Duration::from_secs(30))),
    ];
    // To the first weight, where a verdict is due.
    shop.front.misbehave(on_metrics(faults[0].1.clone()));
    let run = shop.spawn(&["run", "--image", NEW]);
    until("20 %", || shop.weights().1 == 20);
    until("it is on record", || shop.stored().is_some_and(|r| r["cursor"] == 2));
    run.signal("INT");
    assert_eq!(run.end().code, Some(130));
    for (name, fault) in faults {
        shop.front.misbehave(on_metrics(fault));
        let told = shop.cutover(&["run", "--timeout", "7s"]);
        assert_eq!(told.code, Some(7), "{name}: {told:?}");
        assert!(!told.out.contains(" healthy "), "{name}: {told:?}");
        assert!(told.out.contains(" inconclusive "), "{name}: {told:?}");
        assert!(!told.out.contains('\u{1b}') && !told.err.contains('\u{1b}'), "{name}: {told:?}");
        assert!(shop.weights().1 <= 20, "{name}");
        let status = shop.status();
        assert_eq!(status["verdict"], "inconclusive", "{name}: {status}");
        assert_eq!(status["namespace"], NAMESPACE);
    }
    // A rollback asks no metrics.
    let told = shop.ends(0, &["rollback"]);
    assert_eq!(shop.weights(), (100, 0), "{told:?}");
}
