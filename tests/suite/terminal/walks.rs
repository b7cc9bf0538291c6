//! The main job, walked by keys on the embedded cluster.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use cutover::cluster::{ConnectOptions, Connection, connect};
use serde_json::{Value, json};

use super::rig::Terminal;
use super::{NAMESPACE, confirm, rehearsal, start};

/// Virtual seconds a second: a walk takes seconds, and a Lease still outlives a busy machine's hiccup.
const SPEED: u32 = 20;

#[test]
fn a_canary_goes_to_its_end_step_by_step() {
    let mut terminal = rehearsal("healthy", SPEED);
    start(&terminal);
    // The first weight is held and left by itself.
    terminal.see("10/10/");
    terminal.see("25/25/");
    for percent in ["50", "75", "100"] {
        // It may have gone on by itself while we looked: then there is nothing to do.
        if !terminal.look(|s| s.has(&format!("{percent}/{percent}/"))) {
            terminal.press_until(">", "y advance");
            confirm(&terminal, "y advance");
        }
        terminal.see(&format!("{percent}/{percent}/"));
    }
    terminal.until("the last weight, judged healthy", |s| s.has("100/100/") && s.has("✔ healthy"));
    terminal.see("approval of promote waits");
    terminal.press_until("a", "y approve");
    // Every write of the dialog was looked at by the server.
    terminal.see("✔ dry run");
    terminal.see("backend:v1.5.0");
    confirm(&terminal, "y approve");
    terminal.until("the new version serves alone", |s| s.has("completed") && s.has("backend v1.5.0") && s.has("–/0/"));
    terminal.press("\x03");
    assert_eq!(terminal.ends_clean(), 0);
}

#[test]
fn errors_take_a_release_back_at_a_gate() {
    let terminal = rehearsal("errors", SPEED);
    start(&terminal);
    terminal.until("taken back by itself", |s| s.has("rolled back") && s.has("–/0/"));
    // The reason stays on screen, and Ctrl-R shows what was done.
    terminal.until("the reason", |s| s.has("rolled back: backend: errors") && s.has("> 5 %"));
    terminal.see("✖ 10 %");
    terminal.press("\x12");
    terminal.see("storefront is back on stable");
    terminal.see("by cutover");
}

#[test]
fn errors_are_taken_back_by_two_keys() {
    let terminal = rehearsal("errors", SPEED);
    start(&terminal);
    terminal.see("10/10/");
    // From within a text field.
    terminal.press("w5");
    terminal.see("new weight");
    terminal.press("\x12y");
    terminal.until("back, as asked here", |s| s.has("storefront is back on stable") && s.has("by ada@"));
    terminal.until("no traffic on the canary", |s| s.has("–/0/"));
}

#[test]
fn a_switch_is_approved_and_taken_back() {
    let terminal = rehearsal("blue-green", SPEED);
    start(&terminal);
    terminal.see("approval of switch waits");
    terminal.press_until("a", "y approve");
    terminal.see("selector version blue → green");
    terminal.see("✔ dry run");
    confirm(&terminal, "y approve");
    terminal.see("100/100/");
    terminal.press("\x12");
    terminal.see("selector version green → blue");
    terminal.see("d dry run");
    confirm(&terminal, "y roll back now");
    terminal.see("storefront is back on stable");
    terminal.see("–/0/");
}

/// A weight that somebody else changed: traffic, counters and screen follow it.
#[test]
fn a_foreign_weight_is_followed() {
    let terminal = Terminal::of(&["demo", "healthy", "--speed", "20", "--kubeconfig-out", "kubeconfig"]);
    terminal.see("3/3 ready");
    terminal.press("\r");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let options = ConnectOptions { kubeconfig: Some(terminal.home().join("kubeconfig")), ..ConnectOptions::default() };
    let somebody = Somebody { connection: runtime.block_on(connect(&options)).unwrap(), runtime };
    somebody.patch("apps/v1", "deployments", "fusion-electronics-backend-canary", json!([replace("/spec/replicas", 2)]));
    terminal.see("canary 2/2 ready");
    let weights = json!([replace("/spec/http/0/route/0/weight", 70), replace("/spec/http/0/route/1/weight", 30)]);
    somebody.patch("networking.istio.io/v1", "virtualservices", "fusion-electronics-backend", weights);
    terminal.until("who moved it", |s| s.has("30 % by hand") && s.has("–/30/") && s.has("ROLL BACK 30→0 %"));
    // Three minutes of the cluster's time later the last two rest on the new weight alone.
    let since = somebody.time();
    let deadline = Instant::now() + Duration::from_secs(90);
    while somebody.time() < since + 180.0 {
        assert!(Instant::now() < deadline, "the cluster's time stands still");
    }
    let [stable, canary] = somebody.served();
    let (all, share) = (stable + canary, canary / (stable + canary));
    let sigma = (0.3 * 0.7 / all).sqrt();
    assert!(all > 2_000.0, "{all} requests");
    // Five standard deviations, and what extrapolating to the window's ends can add.
    assert!((share - 0.3).abs() < 5.0 * sigma + 0.005, "{share} of {all} requests went to the canary");
    let seen = terminal.look(|s| observed(&s.text())).expect("an observed share");
    assert!((seen - 30.0).abs() < 6.0, "the screen says {seen} %");
}

fn replace(path: &str, value: u32) -> Value {
    json!({ "op": "replace", "path": path, "value": value })
}

/// The observed share in percent: the third of `–/30/29.6 %`.
fn observed(screen: &str) -> Option<f64> {
    let (_, rest) = screen.split_once("–/30/")?;
    rest.split(' ').next()?.parse().ok()
}

/// Another client of the same cluster, as kubectl would be.
struct Somebody {
    connection: Connection,
    runtime: tokio::runtime::Runtime,
}

impl Somebody {
    fn ask(&self, request: http::Request<Vec<u8>>) -> Value {
        self.runtime.block_on(self.connection.unary.request(request)).unwrap()
    }

    fn patch(&self, group: &str, plural: &str, name: &str, ops: Value) {
        let path = format!("/apis/{group}/namespaces/{NAMESPACE}/{plural}/{name}");
        let request = http::Request::patch(path).header("content-type", "application/json-patch+json");
        self.ask(request.body(ops.to_string().into_bytes()).unwrap());
    }

    fn query(&self, promql: &str) -> Value {
        let encoded: String = promql.bytes().map(|b| format!("%{b:02X}")).collect();
        let path = format!("/api/v1/namespaces/monitoring/services/prometheus-server:80/proxy/api/v1/query?query={encoded}");
        self.ask(http::Request::get(path).body(vec![]).unwrap())["data"]["result"].clone()
    }

    /// Prometheus' clock, in seconds.
    fn time(&self) -> f64 {
        self.query("time()")[1].as_str().unwrap().parse().unwrap()
    }

    /// Requests that each side served in the last two minutes, as counted by its pods.
    fn served(&self) -> [f64; 2] {
        let rows = self.query(&format!("sum by (pod) (increase(http_requests_total{{namespace=\"{NAMESPACE}\"}}[2m]))"));
        let mut sides = BTreeMap::from([(false, 0.0), (true, 0.0)]);
        for row in rows.as_array().unwrap() {
            let is_canary = row["metric"]["pod"].as_str().unwrap().contains("-canary-");
            *sides.get_mut(&is_canary).unwrap() += row["value"][1].as_str().unwrap().parse::<f64>().unwrap();
        }
        [sides[&false], sides[&true]]
    }
}
