//! What each command does to the cluster, and how it ends.

use cutover::sim::kernel::resource::{CONFIG_MAP, DEPLOYMENT};
use serde_json::{Value, json};

use crate::shop::{CANARY, NEW, OLD, STABLE, Shop, canary};

/// A run that holds at 10 % for longer than any test takes.
fn holding(shop: &Shop) {
    shop.file("cutover.yaml", &canary("{ weight: 10, hold: 1h }, { weight: 50, hold: 1h }, { weight: 100 }, { approve: promote }"));
    let told = shop.ends(4, &["run", "--image", &format!("backend={NEW}"), "--timeout", "20s", "-o", "jsonl"]);
    assert_eq!(shop.weights(), (90, 10), "{told:?}");
}

#[test]
fn a_run_is_walked_by_hand() {
    let shop = Shop::open("healthy", 20.0);
    holding(&shop);
    assert_eq!((shop.image(STABLE).as_str(), shop.image(CANARY).as_str()), (OLD, NEW));
    assert!(shop.replicas(CANARY) >= 1);
    assert_eq!(shop.stored().unwrap()["phase"], "progressing");
    assert_eq!(shop.holder(), "", "a driver that ends lets go");

    let status = shop.status();
    let facts =
        json!({"release": "storefront", "namespace": "fusion-ecommerce", "strategy": "canary", "phase": "progressing", "asked": 10});
    for (key, value) in facts.as_object().unwrap() {
        assert_eq!(status[key], *value, "{status}");
    }
    let component = &status["components"][0];
    assert_eq!((&component["stable"], &component["candidate"], &component["accepted"]), (&json!(OLD), &json!(NEW), &json!(10)));
    assert_eq!(status["driver"], Value::Null);
    let table = shop.ends(0, &["status"]).out;
    assert!(table.contains("canary 10 %  v1.4.2 → v1.5.0") && table.contains("no driver: nobody rolls back"), "{table}");

    let told = shop.ends(0, &["step"]);
    assert_eq!(shop.weights(), (50, 50));
    assert!(!told.out.contains(" start ") && told.out.contains("advance by ada@"), "only what is new is told: {}", told.out);
    shop.ends(0, &["step", "--back"]);
    assert_eq!(shop.weights(), (90, 10));
    assert_eq!(shop.status()["phase"], "paused");
    shop.ends(0, &["step", "--back"]);
    assert_eq!(shop.weights(), (100, 0), "before the first weight there is none");
    shop.ends(0, &["step"]);
    assert_eq!(shop.weights(), (90, 10));
    shop.ends(0, &["step", "--to", "5"]);
    assert_eq!(shop.weights(), (95, 5), "less than the first weight");
    shop.ends(0, &["step"]);
    assert_eq!(shop.weights(), (90, 10));
    shop.ends(0, &["step", "--to", "30"]);
    assert_eq!(shop.weights(), (70, 30));
    let refused = shop.ends(1, &["pause"]);
    assert!(refused.err.contains("already paused by ada@"), "{refused:?}");
    shop.ends(0, &["resume"]);
    assert_eq!(shop.stored().unwrap()["phase"], "progressing");
    let refused = shop.ends(1, &["approve"]);
    assert!(refused.err.contains("nothing waits for an approval"), "{refused:?}");
    shop.ends(0, &["pause"]);
    assert!(shop.stored().unwrap()["phase"]["paused"].is_object());
    let waits = shop.ends(6, &["run", "--no-wait"]);
    assert!(waits.err.contains("`cutover resume`"), "{waits:?}");

    shop.ends(0, &["promote"]);
    assert_eq!((shop.image(STABLE).as_str(), shop.weights()), (NEW, (100, 0)));
    assert_eq!(shop.stored().unwrap()["phase"], "completed");
    assert_eq!(shop.ends(1, &["step"]).err.lines().count(), 1);

    shop.ends(0, &["rollback"]);
    assert_eq!((shop.image(STABLE).as_str(), shop.weights()), (OLD, (100, 0)));
    let status = &shop.object(&DEPLOYMENT, STABLE).unwrap()["status"];
    let pods = ["replicas", "updatedReplicas", "readyReplicas"].map(|key| status[key].as_u64());
    assert_eq!(pods, [Some(3); 3], "it is back when every pod runs the old version, not before");
    let again = shop.ends(0, &["rollback"]);
    assert!(again.err.contains("rolled back already"), "{again:?}");
    assert_eq!(shop.holder(), "");
    assert_eq!(shop.orders_left(), [""; 0]);
}

#[test]
fn a_run_goes_to_its_end_by_itself_and_says_so_line_by_line() {
    let shop = Shop::open("healthy", 20.0);
    shop.file("cutover.yaml", &canary("{ weight: 20, hold: 1s }, { weight: 60, hold: 1s }, { weight: 100 }"));
    let told = shop.ends(0, &["run", "--image", NEW, "--cause", "release 214", "-o", "jsonl"]);
    assert_eq!((shop.image(STABLE).as_str(), shop.weights(), shop.replicas(CANARY)), (NEW, (100, 0), 0));
    let lines = told.lines();
    let kinds: Vec<&str> = lines.iter().filter_map(|l| l["kind"].as_str()).collect();
    assert_eq!(kinds.first(), Some(&"start"));
    assert_eq!(kinds.last(), Some(&"end"));
    assert_eq!(lines.last().unwrap()["exit"], 0);
    let weights: Vec<u64> = lines.iter().filter(|l| l["kind"] == "shift").filter_map(|l| l["weight"].as_u64()).collect();
    assert_eq!(weights, [20, 60, 100]);
    for line in &lines[..lines.len() - 1] {
        let mut keys: Vec<&String> = line.as_object().unwrap().keys().collect();
        keys.sort();
        assert_eq!(keys, ["at", "kind", "phase", "release", "step", "text", "verdict", "weight"]);
    }
    let cause = shop.object(&DEPLOYMENT, STABLE).unwrap();
    assert!(cause["metadata"]["annotations"]["kubernetes.io/change-cause"].as_str().unwrap().contains("release 214"));

    let history: Value = serde_json::from_str(&shop.ends(0, &["history", "-o", "json"]).out).unwrap();
    let current: Vec<&Value> = history["revisions"].as_array().unwrap().iter().filter(|r| r["current"] == true).collect();
    assert_eq!(current[0]["images"][0], NEW);
    assert!(history["journal"].as_array().unwrap().iter().any(|e| e["kind"] == "intent"), "the machine's journal is part of it");

    // A job that is started again finds it done: `approve && run` ends well, too, where the approval was all that it took.
    for args in [["run"].as_slice(), &["run", "--image", NEW]] {
        let again = shop.ends(0, args);
        assert!(again.err.contains("storefront is promoted"), "{again:?}");
    }
    assert_eq!((shop.image(STABLE).as_str(), shop.weights()), (NEW, (100, 0)));

    shop.ends(0, &["undo"]);
    assert_eq!(shop.image(STABLE), OLD);
    shop.ends(1, &["undo", "--to-revision", "99"]);
    shop.ends(1, &["undo", "--component", "nosuch"]);
    shop.ends(0, &["run", "--image", OLD]);
    assert_eq!(shop.image(STABLE), OLD);
}

#[test]
fn a_switch_is_approved_or_rejected() {
    let shop = Shop::open("blue-green", 20.0);
    let file = "name: storefront\nnamespace: fusion-ecommerce\ncomponents:\n- name: backend\n  stable: fusion-electronics-backend-blue\n  \
                candidate: fusion-electronics-backend-green\n  traffic: { service: { service: fusion-electronics-backend, key: version, \
                stable: blue, candidate: green } }\nstrategy:\n  blueGreen: { approve: true, hold: 1h, retire: 1h }\ngates: []\n";
    shop.file("cutover.yaml", file);
    let run = ["run", "--image", NEW, "--no-wait"];
    let told = shop.ends(6, &run);
    assert!(told.err.contains("`cutover approve`, then `cutover run`"), "{told:?}");
    assert_eq!((shop.colour().as_str(), shop.image("fusion-electronics-backend-green").as_str()), ("blue", NEW));

    shop.ends(0, &["reject"]);
    assert_eq!(shop.colour(), "blue");
    assert_eq!(shop.stored().unwrap()["phase"], "rolledBack");
    assert_eq!(shop.replicas("fusion-electronics-backend-green"), 3, "the other colour stays: the next release goes there");

    // What is in the other colour already needs no image.
    shop.ends(6, &["run", "--no-wait"]);
    let done = shop.ends(0, &["approve"]);
    assert_eq!(shop.colour(), "green", "{done:?}");
    shop.ends(0, &["rollback"]);
    assert_eq!(shop.colour(), "blue");
}

#[test]
fn a_look_writes_nothing_and_shows_what_would_be_written() {
    let shop = Shop::open("healthy", 20.0);
    shop.file("cutover.yaml", &canary("{ weight: 10, hold: 1h }, { weight: 100 }, { approve: promote }"));
    let image = format!("backend={NEW}");
    let looks: &[(&[&str], &str)] = &[
        (&["status"], "no run yet"),
        (&["plan", "--image", &image], "  2  10 %"),
        (&["run", "--image", &image, "--dry-run"], "image of backend registry.io/fusion-electronics-backend:v1.4.2 → registry"),
        (&["run", "--image", &image, "--dry-run", "-o", "json"], "\"refused\": null"),
        (&["history"], "* backend"),
        (&["init"], "virtualService: fusion-electronics-backend"),
        (&["init", "-o", "json"], "\"virtualService\": \"fusion-electronics-backend\""),
    ];
    for (args, part) in looks {
        let told = shop.ends(0, args);
        assert!(told.out.contains(part), "{args:?}: {told:?}");
    }
    let refused = shop.ends(1, &["step", "--dry-run"]);
    assert!(refused.out.contains("refused: no rollout is under way"), "{refused:?}");
    assert_eq!(shop.front.take_writes(), []);
    assert_eq!(shop.object(&CONFIG_MAP, "cutover-storefront"), None);

    // What init writes down is a release file that works.
    let written = shop.ends(0, &["init"]).out;
    shop.file("cutover.yaml", &written);
    assert!(shop.ends(0, &["plan", "--image", &image]).out.contains("→ registry.io/fusion-electronics-backend:v1.5.0"));
}

#[test]
fn what_nobody_declared_needs_a_yes_and_production_needs_it_too() {
    let shop = Shop::open("healthy", 20.0);
    let image = format!("{STABLE}={NEW}");
    let told = shop.ends(2, &["run", "--image", &image]);
    assert!(told.err.contains("this release was found, not declared; add --yes"), "{told:?}");
    let told = shop.ends(1, &["run"]);
    assert!(told.err.contains("nothing would change"), "a refusal is told before a yes is asked for: {told:?}");
    let told = shop.ends(2, &["run", "--image", "bakend=a:1", "--yes"]);
    assert!(told.err.contains("no component `bakend`; there are: fusion-electronics-backend"), "{told:?}");
    shop.file("cutover.yaml", &format!("{}production: true\n", canary("{ weight: 10, hold: 1h }, { weight: 100 }")));
    let told = shop.ends(2, &["run", "--image", NEW]);
    assert!(told.err.contains("this is production; add --yes"), "{told:?}");
    assert_eq!(shop.front.take_writes(), []);
    shop.ends(4, &["run", "--image", NEW, "--yes", "--timeout", "20s"]);
    // Going back never asks.
    shop.ends(0, &["rollback"]);
    assert_eq!(shop.weights(), (100, 0));
}
