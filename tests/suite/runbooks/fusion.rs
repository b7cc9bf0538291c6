//! Fusion Electronics: a frontend and a backend that move together, by colour, by weight, by pods, or rolling.

use cutover::sim::kernel::resource::{DEPLOYMENT, VIRTUAL_SERVICE};
use serde_json::{Value, json};

use super::site::{Site, deployment, service, switched, virtual_service};

const NAMESPACE: &str = "fusion-ecommerce";
const BACKEND: &str = "fusion-electronics-backend";
const FRONTEND: &str = "fusion-electronics-frontend";
const IMAGES: [&str; 4] =
    ["-i", "backend=registry.io/fusion-electronics-backend:v1.2.0", "-i", "frontend=registry.io/fusion-electronics-frontend:v1.2.0"];

fn image(name: &str) -> String {
    format!("registry.io/{name}:v1.1.0")
}

fn labels(name: &str, version: &str) -> Value {
    json!({ "app": "fusion-electronics", "component": name, "version": version })
}

/// Both components in blue, with an empty green beside each.
fn colours(strategy: Value) -> Site {
    let both = [BACKEND, FRONTEND];
    let objects = both.iter().flat_map(|name| {
        let colour = |c: &str, pods| deployment(&format!("{name}-{c}"), pods, &image(name), labels(name, c));
        [colour("blue", 3), colour("green", 0), service(name, labels(name, "blue"))]
    });
    let component = |name: &str, service: &str| {
        let sides = [&*format!("{service}-blue"), &*format!("{service}-green")];
        switched(name, sides, service, "version", ["blue", "green"])
    };
    let release = json!({ "components": [component("backend", BACKEND), component("frontend", FRONTEND)], "strategy": strategy });
    Site::new(NAMESPACE, objects).release("storefront", release)
}

#[test]
fn both_services_go_to_green_after_a_yes_and_blue_is_cleaned_up() {
    let shop = colours(json!({ "blueGreen": { "hold": "1s", "retire": "1s" } })).open();
    shop.does(6, &[&["run", "--no-wait"][..], &IMAGES].concat());
    let colours = || [BACKEND, FRONTEND].map(|s| shop.selector(s, "version"));
    assert_eq!(colours(), ["blue", "blue"], "nobody has said yes yet");
    let green = ["fusion-electronics-backend-green", "fusion-electronics-frontend-green"];
    let blue = ["fusion-electronics-backend-blue", "fusion-electronics-frontend-blue"];
    assert_eq!((shop.versions(green), shop.pods(green)), (["v1.2.0", "v1.2.0"].map(String::from), [3, 3]));
    shop.does(0, &["approve"]);
    assert_eq!(colours(), ["green", "green"]);
    shop.does(0, &["run"]);
    assert_eq!((shop.pods(blue), shop.phase("storefront")), ([0, 0], json!("completed")));
    // The next release goes the other way round.
    let next = IMAGES.map(|word| word.replace("v1.2.0", "v1.3.0"));
    let next: Vec<&str> = ["run", "--dry-run"].into_iter().chain(next.iter().map(String::as_str)).collect();
    let shown = shop.does(0, &next).out;
    assert!(blue.iter().all(|name| shown.contains(&format!("Deployment {name}: image of"))), "{shown}");
    assert!(!green.iter().any(|name| shown.contains(name)), "{shown}");
}

#[test]
fn both_services_go_back_to_blue() {
    let shop = colours(json!({ "blueGreen": { "hold": "1h" } })).open();
    shop.does(6, &[&["run", "--no-wait"][..], &IMAGES].concat());
    shop.does(0, &["approve"]);
    assert_eq!(shop.selector(FRONTEND, "version"), "green");
    shop.does(0, &["rollback"]);
    assert_eq!([BACKEND, FRONTEND].map(|s| shop.selector(s, "version")), ["blue", "blue"]);
    assert_eq!(shop.versions(["fusion-electronics-backend-blue", "fusion-electronics-frontend-blue"]), ["v1.1.0", "v1.1.0"]);
}

/// Stable and canary of the backend behind a mesh.
fn mesh(canary_pods: u32, weights: [u32; 2]) -> Site {
    let canary = format!("{BACKEND}-canary");
    let to = |host: &str, weight: u32| json!({ "destination": { "host": host }, "weight": weight });
    let route = json!([{ "route": [to(BACKEND, weights[0]), to(&canary, weights[1])] }]);
    let objects = [
        deployment(BACKEND, 3, &image(BACKEND), labels("backend", "stable")),
        deployment(&canary, canary_pods, &image(BACKEND), labels("backend", "canary")),
        service(BACKEND, labels("backend", "stable")),
        service(&canary, labels("backend", "canary")),
        virtual_service(BACKEND, route),
    ];
    Site::new(NAMESPACE, objects)
}

/// The runbook's table and limits.
fn canary() -> Site {
    let steps = json!([
        { "weight": 10, "hold": "10m" }, { "weight": 25, "hold": "10m" }, { "weight": 50, "hold": "15m" },
        { "weight": 75, "hold": "15m" }, { "approve": "full promotion" }, { "weight": 100 },
    ]);
    let component = json!({ "name": "backend", "stable": BACKEND, "candidate": format!("{BACKEND}-canary"),
        "traffic": { "istio": { "virtualService": BACKEND } } });
    let gates = json!([
        { "errors": { "above": "5%", "for": "5m", "then": "rollback" } },
        { "latency": { "quantile": 0.95, "above": "stable + 20%", "for": "5m", "then": "pause" } },
        { "restarts": { "atLeast": 3, "within": "15m", "then": "rollback" } },
    ]);
    let release = json!({ "components": [component], "strategy": { "canary": { "steps": steps } }, "gates": gates });
    mesh(0, [100, 0]).release("storefront", release).requests(json!({ "virtualService": BACKEND }), 60)
}

#[test]
fn the_canary_walks_its_table_and_is_promoted() {
    let site = canary().but("approvals", json!([{ "at": "full promotion", "after": "2m", "do": "approve" }]));
    let story = site.rehearse(0, json!({ "backend": "registry.io/fusion-electronics-backend:v1.2.0" }), &[]);
    assert_eq!(story.weights(), [10, 25, 50, 75, 100]);
    let held: Vec<i64> = (0..4).map(|n| story.minutes(("shift", n), "held")).collect();
    for (minutes, at_least) in held.iter().zip([10, 10, 15, 15]) {
        assert!((at_least..at_least + 6).contains(minutes), "{held:?}");
    }
    assert_eq!(story.minutes(("waiting", 0), "shift"), 2, "75 % until somebody says yes");
    assert!(story.writes("Deployment fusion-electronics-backend-canary").last().unwrap().ends_with("→ 0"), "{story:?}");
    story.tells("end", "promoted");
}

#[test]
fn more_than_five_percent_of_errors_bring_the_canary_back() {
    let site = canary().version("*:v1.2.0", json!({ "errors": "12%", "startup": "1s" }));
    let story = site.rehearse(3, json!({ "backend": "registry.io/fusion-electronics-backend:v1.2.0" }), &[]);
    assert_eq!(story.weights(), [10]);
    let minutes = story.minutes(("shift", 0), "rollback");
    assert!((5..8).contains(&minutes), "{minutes} minutes");
    story.tells("rollback", "> 5 %");
    assert!(story.writes(&format!("VirtualService {BACKEND}")).last().unwrap().contains("→ 100"), "{story:?}");
}

#[test]
fn a_canary_that_was_begun_by_hand_is_taken_back() {
    let shop = mesh(2, [75, 25]).open_undeclared();
    let told = shop.does(0, &["rollback"]);
    let route = shop.get(&VIRTUAL_SERVICE, BACKEND)["spec"]["http"][0]["route"].clone();
    assert_eq!([&route[0]["weight"], &route[1]["weight"]], [100, 0], "{told:?}");
}

#[test]
fn without_a_mesh_the_replica_counts_share_the_traffic() {
    let canary = format!("{FRONTEND}-canary");
    let all = json!({ "app": "fusion-electronics", "component": "frontend" });
    let objects = [
        deployment(FRONTEND, 4, &image(FRONTEND), labels("frontend", "stable")),
        deployment(&canary, 0, &image(FRONTEND), labels("frontend", "canary")),
        service(FRONTEND, all),
    ];
    let steps = json!([{ "weight": 25 }, { "approve": "monitor" }, { "weight": 50 }, { "approve": "monitor again" }, { "weight": 100 }]);
    let component = json!({ "name": "frontend", "stable": FRONTEND, "candidate": canary, "traffic": { "replicas": {} } });
    let release = json!({ "components": [component], "strategy": { "canary": { "steps": steps } } });
    let shop = Site::new(NAMESPACE, objects).release("frontend", release).open();
    let pods = || shop.pods([FRONTEND, &canary]);
    shop.does(6, &["run", "--no-wait", "-i", IMAGES[3]]);
    assert_eq!(pods(), [3, 1]);
    shop.does(0, &["approve"]);
    shop.does(6, &["run", "--no-wait"]);
    assert_eq!(pods(), [2, 2]);
    shop.does(0, &["rollback"]);
    assert_eq!((pods()[0], shop.versions([FRONTEND])), (4, ["v1.1.0".to_owned()]));
    shop.does(6, &["run", "--no-wait", "-i", IMAGES[3]]);
    shop.does(0, &["promote"]);
    assert_eq!((pods(), shop.versions([FRONTEND])), ([4, 0], ["v1.2.0".to_owned()]));
}

#[test]
fn frontend_and_backend_roll_and_are_undone() {
    let both = [BACKEND, FRONTEND];
    let objects = both.iter().flat_map(|name| [deployment(name, 3, &image(name), labels(name, "v1")), service(name, labels(name, "v1"))]);
    let components = json!([{ "name": "backend", "stable": BACKEND }, { "name": "frontend", "stable": FRONTEND }]);
    let release = json!({ "components": components, "strategy": { "rolling": {} } });
    let shop = Site::new(NAMESPACE, objects).release("storefront", release).open();
    shop.does(0, &[&["run"][..], &IMAGES].concat());
    let settled = |name: &str| {
        let status = shop.get(&DEPLOYMENT, name)["status"].clone();
        assert_eq!([&status["updatedReplicas"], &status["availableReplicas"], &status["replicas"]], [3, 3, 3], "{name}");
    };
    assert_eq!(shop.versions(both), ["v1.2.0", "v1.2.0"]);
    both.iter().for_each(|name| settled(name));
    shop.does(0, &["undo", "--component", "frontend"]);
    assert_eq!(shop.versions(both), ["v1.2.0", "v1.1.0"]);
    shop.does(0, &["undo", "--component", "backend"]);
    assert_eq!(shop.versions(both), ["v1.1.0", "v1.1.0"]);
    both.iter().for_each(|name| settled(name));
}
