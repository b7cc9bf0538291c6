//! FeastFrenzy: a canary by pods and by Istio, ten pods that roll, blue and green, and what triggers a rollback.

use cutover::sim::kernel::resource::{DEPLOYMENT, VIRTUAL_SERVICE};
use serde_json::{Value, json};

use super::site::{Open, Site, Story, deployment, service, switched, virtual_service};

const NAMESPACE: &str = "feastfrenzy-production";
const BACKEND: &str = "feastfrenzy-backend";
const CANARY: &str = "feastfrenzy-backend-canary";

fn image(tag: &str) -> String {
    format!("registry.io/feastfrenzy-backend:{tag}")
}

fn labels(version: &str) -> Value {
    json!({ "app": BACKEND, "version": version })
}

/// Ten pods behind one Service, the canary's among them.
fn by_pods(steps: Value, gates: Value) -> Site {
    let objects = [
        deployment(BACKEND, 10, &image("v1.1.0"), labels("stable")),
        deployment(CANARY, 0, &image("v1.1.0"), labels("canary")),
        service(BACKEND, json!({ "app": BACKEND })),
    ];
    let component = json!({ "name": "backend", "stable": BACKEND, "candidate": CANARY, "traffic": { "replicas": {} } });
    let release = json!({ "components": [component], "strategy": { "canary": { "steps": steps } }, "gates": gates });
    Site::new(NAMESPACE, objects).release("feastfrenzy", release)
}

#[test]
fn nine_pods_and_one_then_five_and_five_then_all_new() {
    let steps = json!([{ "weight": 10 }, { "approve": "metrics" }, { "weight": 50 }, { "approve": "still" }, { "weight": 100 }]);
    let shop = by_pods(steps, json!([])).open();
    let pods = |shop: &Open| shop.pods([BACKEND, CANARY]);
    shop.does(6, &["run", "--no-wait", "-i", &image("v1.2.0")]);
    assert_eq!(pods(&shop), [9, 1]);
    shop.does(0, &["approve"]);
    shop.does(6, &["run", "--no-wait"]);
    assert_eq!(pods(&shop), [5, 5]);
    shop.does(0, &["promote"]);
    assert_eq!((pods(&shop), shop.versions([BACKEND])), ([10, 0], ["v1.2.0".to_owned()]));
}

/// A canary of the new version with the runbook's triggers, as far as they go. It never gets beyond its first step.
fn triggered(how: Value) -> Story {
    let gates = json!([
        { "errors": { "above": "1%", "for": "5m", "then": "rollback" } },
        { "latency": { "quantile": 0.95, "above": "1s", "for": "10m", "then": "rollback" } },
        { "restarts": { "atLeast": 3, "within": "15m", "then": "rollback" } },
    ]);
    let site = by_pods(json!([{ "weight": 50, "hold": "1h" }, { "weight": 100 }]), gates).version("*:v1.2.0", how);
    let story = site.requests(json!({ "service": BACKEND }), 40).rehearse(3, json!({ "backend": image("v1.2.0") }), &[]);
    assert_eq!(story.writes(&format!("Deployment {BACKEND}")).last(), Some(&"replicas 5 → 10"), "{story:?}");
    story
}

#[test]
fn one_percent_of_errors_for_five_minutes_rolls_back() {
    let story = triggered(json!({ "errors": "6%", "startup": "1s" }));
    story.tells("rollback", "> 1 %");
    let minutes = story.minutes(("shift", 0), "rollback");
    assert!((5..8).contains(&minutes), "{minutes} minutes");
}

#[test]
fn a_second_of_p95_for_ten_minutes_rolls_back() {
    let story = triggered(json!({ "latency": { "p50": "400ms", "p95": "1800ms" }, "startup": "1s" }));
    story.tells("rollback", "> 1000 ms");
    let minutes = story.minutes(("shift", 0), "rollback");
    assert!((10..13).contains(&minutes), "{minutes} minutes");
}

#[test]
fn three_restarts_in_a_quarter_of_an_hour_roll_back() {
    let story = triggered(json!({ "startup": "1s", "crash": { "after": "90s", "reason": "OOMKilled" } }));
    story.tells("rollback", "restarts");
    assert!(story.minutes(("shift", 0), "rollback") < 15);
}

#[test]
fn the_weights_behind_a_header_match_move_and_the_match_stays() {
    let to = |subset: &str, weight: u32| json!({ "destination": { "host": BACKEND, "subset": subset }, "weight": weight });
    let testers = json!({ "match": [{ "headers": { "canary": { "exact": "true" } } }], "route": [to("canary", 100)] });
    let subset = |name: &str| json!({ "name": name, "labels": { "version": name } });
    let rule = json!({
        "apiVersion": "networking.istio.io/v1", "kind": "DestinationRule", "metadata": { "name": BACKEND },
        "spec": { "host": BACKEND, "subsets": [subset("stable"), subset("canary")] },
    });
    let objects = [
        deployment(BACKEND, 4, &image("v1.1.0"), labels("stable")),
        deployment(CANARY, 1, &image("v1.1.0"), labels("canary")),
        service(BACKEND, json!({ "app": BACKEND })),
        rule,
        virtual_service(BACKEND, json!([testers, { "route": [to("stable", 100), to("canary", 0)] }])),
    ];
    let component =
        json!({ "name": "backend", "stable": BACKEND, "candidate": CANARY, "traffic": { "istio": { "virtualService": BACKEND } } });
    let steps = json!([{ "weight": 10 }, { "approve": "monitor" }, { "weight": 50 }, { "weight": 100 }]);
    let release = json!({ "components": [component], "strategy": { "canary": { "steps": steps } } });
    let shop = Site::new(NAMESPACE, objects).release("feastfrenzy", release).open();
    let weights = || {
        let http = shop.get(&VIRTUAL_SERVICE, BACKEND)["spec"]["http"].clone();
        assert_eq!(http[0], testers, "who asks for the canary by a header gets it");
        [0, 1].map(|n| http[1]["route"][n]["weight"].as_u64().unwrap())
    };
    shop.does(6, &["run", "--no-wait", "-i", &image("v1.2.0")]);
    assert_eq!(weights(), [90, 10]);
    shop.does(0, &["rollback"]);
    assert_eq!(weights(), [100, 0]);
    assert_ne!(shop.pods([CANARY]), [0], "testers are still sent there");
}

#[test]
fn green_is_switched_on_and_blue_is_cleaned_up() {
    let (blue, green) = ("feastfrenzy-backend-blue", "feastfrenzy-backend-green");
    let objects = [
        deployment(blue, 3, &image("v1.1.0"), labels("blue")),
        deployment(green, 0, &image("v1.1.0"), labels("green")),
        service(BACKEND, labels("blue")),
    ];
    let component = switched("backend", [blue, green], BACKEND, "version", ["blue", "green"]);
    let release = json!({ "components": [component], "strategy": { "blueGreen": { "hold": "1s", "retire": "1s" } } });
    let shop = Site::new(NAMESPACE, objects).release("feastfrenzy", release).open();
    shop.does(6, &["run", "--no-wait", "-i", &image("v1.2.0")]);
    assert_eq!((shop.selector(BACKEND, "version"), shop.pods([blue, green])), ("blue".to_owned(), [3, 3]));
    shop.does(0, &["approve"]);
    shop.does(0, &["run"]);
    assert_eq!((shop.selector(BACKEND, "version"), shop.pods([blue, green])), ("green".to_owned(), [0, 3]));
}

fn rolling(pods: u32, watch: &str, gates: Value) -> Site {
    let objects = [deployment(BACKEND, pods, &image("v1.1.0"), json!({ "app": BACKEND })), service(BACKEND, json!({ "app": BACKEND }))];
    let component = json!({ "name": "backend", "stable": BACKEND });
    let release = json!({ "components": [component], "strategy": { "rolling": {} }, "watch": watch, "gates": gates });
    Site::new(NAMESPACE, objects).release("feastfrenzy", release)
}

#[test]
fn ten_pods_roll_one_by_one_and_go_to_a_revision_by_its_cause() {
    let shop = rolling(10, "1s", json!([])).open();
    let causes = [("v1.2.0", "Feature: new checkout flow"), ("v1.3.0", "Bugfix: balance calculation"), ("v1.4.0", "Feature: analytics")];
    for (tag, cause) in causes {
        shop.does(0, &["run", "-i", &image(tag), "--cause", cause]);
    }
    let kept = &shop.get(&DEPLOYMENT, BACKEND)["spec"]["strategy"]["rollingUpdate"];
    assert_eq!([&kept["maxSurge"], &kept["maxUnavailable"]], [1, 0]);
    let history = shop.does(0, &["history"]).out;
    assert!(history.contains("Initial deployment") && causes.iter().all(|(_, cause)| history.contains(cause)), "{history}");
    shop.does(0, &["undo"]);
    assert_eq!(shop.versions([BACKEND]), ["v1.3.0"]);
    shop.does(0, &["undo", "--to-revision", "2"]);
    assert_eq!(shop.versions([BACKEND]), ["v1.2.0"]);
}

#[test]
fn a_release_is_judged_for_an_hour_after_its_end() {
    let played = |code: i32, how: Value| {
        let gates = json!([{ "errors": { "above": "1%", "for": "5m", "then": "rollback" } }]);
        let site = rolling(2, "1h", gates).version("*:v1.2.0", how).requests(json!({ "service": BACKEND }), 20);
        site.rehearse(code, json!({ "backend": image("v1.2.0") }), &[])
    };
    let story = played(0, json!({ "startup": "1s" }));
    assert!(story.minutes(("shift", 0), "watched") >= 60, "{story:?}");
    let late = json!({ "errors": "20%", "startup": "1s", "ramp": { "after": "20m", "over": "1m", "from": { "errors": "0%" } } });
    let minutes = played(3, late).minutes(("shift", 0), "rollback");
    assert!((24..32).contains(&minutes), "{minutes} minutes");
}
