//! The retail platform: a backend in two colours told by `deployment`, three Deployments that roll, Spring's metrics.

use serde_json::{Value, json};

use super::site::{Site, deployment, service, switched};

const NAMESPACE: &str = "production";
const BLUE: &str = "retail-backend-blue";
const GREEN: &str = "retail-backend-green";
const BACKEND: &str = "retail-backend";

fn image(name: &str, tag: &str) -> String {
    format!("registry.example.com/{name}:{tag}")
}

fn colours(strategy: Value) -> Site {
    let labels = |colour: &str| json!({ "app": BACKEND, "deployment": colour });
    let objects = [
        deployment(BLUE, 3, &image(BACKEND, "1.0.0"), labels("blue")),
        deployment(GREEN, 3, &image(BACKEND, "0.9.0"), labels("green")),
        service(BACKEND, labels("blue")),
    ];
    let component = switched("backend", [BLUE, GREEN], BACKEND, "deployment", ["blue", "green"]);
    Site::new(NAMESPACE, objects).release("retail", json!({ "components": [component], "strategy": strategy }))
}

#[test]
fn green_gets_the_traffic_by_its_deployment_label_and_blue_is_scaled_to_nothing() {
    let shop = colours(json!({ "blueGreen": { "hold": "1s", "retire": "1s" } })).open();
    let new = image(BACKEND, "1.1.0");
    shop.does(6, &["run", "--no-wait", "-i", &new]);
    assert_eq!((shop.selector(BACKEND, "deployment"), shop.image_of(GREEN)), ("blue".to_owned(), new));
    shop.does(0, &["approve"]);
    shop.does(0, &["run"]);
    assert_eq!((shop.selector(BACKEND, "deployment"), shop.pods([BLUE, GREEN])), ("green".to_owned(), [0, 3]));
    assert_eq!(shop.selector(BACKEND, "app"), BACKEND);
}

#[test]
fn blue_gets_the_traffic_back() {
    let shop = colours(json!({ "blueGreen": { "approve": false, "hold": "1s", "retire": "1s" } })).open();
    shop.does(0, &["run", "-i", &image(BACKEND, "1.1.0")]);
    assert_eq!((shop.selector(BACKEND, "deployment"), shop.pods([BLUE])), ("green".to_owned(), [0]));
    // Blue is scaled down already: its pods come first, then the traffic.
    shop.does(0, &["rollback"]);
    assert_eq!((shop.selector(BACKEND, "deployment"), shop.pods([BLUE])), ("blue".to_owned(), [3]));
    assert_eq!(shop.versions([BLUE]), ["1.0.0"]);
}

const ALL: [&str; 3] = [BACKEND, "retail-consumer-web", "retail-admin-web"];

fn rolling(strategy: Value, gates: Value) -> Site {
    let app = |name: &str| json!({ "app": name });
    let objects = ALL.iter().flat_map(|name| [deployment(name, 3, &image(name, "1.0.0"), app(name)), service(name, app(name))]);
    let components: Vec<Value> = ALL.iter().map(|name| json!({ "name": name.trim_start_matches("retail-"), "stable": name })).collect();
    Site::new(NAMESPACE, objects)
        .release("retail", json!({ "components": components, "strategy": { "rolling": strategy }, "gates": gates }))
}

#[test]
fn three_deployments_roll_together_and_are_undone() {
    let shop = rolling(json!({}), json!([])).open();
    let wanted = |tag: &str| ALL.map(|name| format!("{}={}", name.trim_start_matches("retail-"), image(name, tag)));
    let [a, b, c] = wanted("1.1.0");
    shop.does(0, &["run", "-i", &a, "-i", &b, "-i", &c]);
    assert_eq!(shop.versions(ALL), ["1.1.0"; 3]);
    let status = shop.does(0, &["status"]).out;
    assert!(status.contains("completed"), "{status}");
    shop.does(0, &["undo", "--component", "backend"]);
    assert_eq!(shop.versions(ALL), ["1.0.0", "1.1.0", "1.1.0"]);
    // All of them at once.
    let [a, b, c] = wanted("1.2.0");
    shop.does(0, &["run", "-i", &a, "-i", &b, "-i", &c]);
    shop.does(0, &["rollback"]);
    assert_eq!(shop.versions(ALL), ["1.0.0", "1.1.0", "1.1.0"]);
}

/// A high error rate or slow answers in the night, with a release under way or without one.
#[test]
fn stable_is_given_more_pods_for_the_night() {
    let shop = rolling(json!({ "steps": [{ "weight": 34, "hold": "1h" }, { "weight": 100 }] }), json!([])).open();
    shop.does(0, &["scale", "backend", "5"]);
    assert_eq!(shop.pods(ALL), [5, 3, 3]);
    shop.does(4, &["run", "-i", &format!("backend={}", image(BACKEND, "1.1.0")), "--timeout", "30s"]);
    shop.does(0, &["scale", "backend", "10"]);
    assert_eq!((shop.pods(ALL), shop.phase("retail")), ([10, 3, 3], json!("progressing")));
    shop.does(0, &["rollback"]);
    assert_eq!((shop.pods(ALL), shop.versions([BACKEND])), ([10, 3, 3], ["1.0.0".to_owned()]));
    // In the morning fewer do, and nothing is under way that counts on them.
    shop.does(0, &["scale", "backend", "3"]);
    assert_eq!(shop.pods(ALL), [3; 3]);
}

#[test]
fn the_backend_goes_to_revision_five() {
    let shop = rolling(json!({}), json!([])).open();
    for n in 2..=6 {
        shop.does(0, &["run", "-i", &format!("backend={}", image(BACKEND, &format!("1.{n}.0")))]);
    }
    let history = shop.does(0, &["history", "-o", "json"]).out;
    let history: Value = serde_json::from_str(&history).unwrap();
    let kept = history["revisions"].as_array().unwrap().iter().filter(|r| r["component"] == "backend").count();
    assert_eq!(kept, 6, "{history:#}");
    shop.does(0, &["undo", "--component", "backend", "--to-revision", "5"]);
    assert_eq!(shop.versions([BACKEND]), ["1.5.0"]);
}

#[test]
fn five_percent_of_errors_for_five_minutes_roll_back() {
    let gates = json!([
        { "errors": { "above": "5%", "for": "5m", "then": "rollback" } },
        { "latency": { "quantile": 0.95, "above": "500ms", "for": "10m", "then": "rollback" } },
    ]);
    let site = rolling(json!({ "steps": [{ "weight": 34, "hold": "30m" }, { "weight": 100 }] }), gates).but("metrics", json!("spring"));
    let site = site.version("*/retail-backend:1.1.0", json!({ "errors": "14%", "startup": "1s" }));
    let story = site.requests(json!({ "service": BACKEND }), 60).rehearse(3, json!({ "backend": image(BACKEND, "1.1.0") }), &[]);
    story.tells("rollback", "> 5 %");
    let minutes = story.minutes(("shift", 0), "rollback");
    assert!((5..8).contains(&minutes), "{minutes} minutes");
    assert_eq!(story.weights(), [34]);
}
