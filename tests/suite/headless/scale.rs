//! `cutover scale`: with nobody driving, beside a run in another process, and what refuses it.

use cutover::sim::kernel::resource::{HPA, RESOURCE_QUOTA};
use serde_json::{Value, json};

use crate::shop::{CANARY, NAMESPACE, NEW, STABLE, Shop, canary, until};

/// The shop without its autoscaler.
fn open() -> Shop {
    let shop = Shop::open("healthy", 20.0);
    shop.with(|kernel| kernel.world.delete(&HPA, NAMESPACE, "fusion-electronics-backend-hpa", "kubectl"));
    shop.file("cutover.yaml", &canary("{ weight: 10, hold: 1h }, { weight: 50, hold: 1h }, { weight: 100 }, { approve: promote }"));
    shop
}

#[test]
fn without_a_run_stable_gets_its_pods_and_no_run_is_begun() {
    let shop = open();
    let shown = shop.ends(0, &["scale", "5", "--dry-run", "-o", "json"]);
    let shown: Value = serde_json::from_str(&shown.out).unwrap();
    let change = json!({ "field": "replicas", "before": "3", "after": "5" });
    for (key, value) in change.as_object().unwrap() {
        assert_eq!(&shown["changes"][0][key], value, "{shown:#}");
    }
    assert_eq!(shop.replicas(STABLE), 3, "nothing was written");

    let told = shop.ends(0, &["scale", "backend", "5", "-o", "json"]);
    assert!(told.lines().iter().any(|l| l["kind"] == "write" && l["text"].as_str().unwrap().ends_with("replicas 3 → 5")), "{told:?}");
    let end = told.lines().pop().unwrap();
    assert_eq!(end["text"], format!("backend: Deployment {STABLE} has 5 of 5 pods ready"), "{told:?}");
    assert_eq!((shop.replicas(STABLE), shop.holder()), (5, String::new()));
    assert_eq!((shop.status()["state"].as_str(), shop.status()["phase"].as_str()), (Some("no run yet"), Some("idle")));
    let history = shop.ends(0, &["history"]).out;
    assert!(history.contains("scale backend to 5") && history.contains("replicas 3 → 5: done"), "{history}");
    shop.front.take_writes();
    shop.ends(0, &["scale", "storefront", "backend", "5"]);
    let writes = shop.front.take_writes();
    assert!(!writes.iter().any(|w| w.target.contains("deployments")), "it has them already: {writes:?}");
    shop.ends(1, &["rollback"]);

    // A run over it knows the new size.
    shop.ends(4, &["run", "--image", NEW, "--timeout", "20s"]);
    assert_eq!(shop.stored().unwrap()["targets"]["backend"]["stable"]["replicas"], 5);
    shop.ends(0, &["scale", "backend/candidate", "2"]);
    assert_eq!(shop.replicas(CANARY), 2);
    shop.ends(0, &["rollback"]);
    assert_eq!((shop.weights(), shop.replicas(STABLE)), ((100, 0), 5));
}

#[test]
fn a_run_in_another_process_takes_the_order_and_counts_on_it() {
    let shop = open();
    let run = shop.spawn(&["run", "--image", NEW]);
    until("10 %", || shop.weights() == (90, 10));
    until("the hold is on record", || shop.stored().is_some_and(|r| r["cursor"] == 2));
    let driver = shop.holder();
    let refused = shop.ends(1, &["scale", "backend", "2"]);
    assert!(refused.err.contains("backend: stable bears 90 % of the traffic, which needs 3 of 3 pods"), "{refused:?}");
    let told = shop.ends(0, &["scale", "backend", "6"]);
    assert!(told.err.contains("6 of 6 pods ready"), "{told:?}");
    assert_eq!((shop.replicas(STABLE), shop.holder()), (6, driver));
    let stored = shop.stored().unwrap();
    assert!(stored["phase"] == "progressing" && stored["drifts"] == json!([]), "{stored:#}");
    shop.ends(0, &["step"]);
    assert_eq!((shop.weights(), shop.replicas(CANARY)), ((50, 50), 3), "half of what six bear");
    shop.ends(0, &["rollback"]);
    assert_eq!((shop.weights(), shop.replicas(STABLE)), ((100, 0), 6), "a way back leaves them");
    let told = run.end();
    assert!(told.code == Some(3) && told.out.contains("scale backend to 6 by ada@"), "{told:?}");
}

#[test]
fn an_autoscaler_a_quota_a_missing_right_and_a_wrong_name_refuse_it() {
    let shop = open();
    let quota = json!({"metadata": {"name": "team", "namespace": NAMESPACE}, "spec": {"hard": {"pods": "4"}}});
    shop.with(|kernel| kernel.world.create(&RESOURCE_QUOTA, quota, "kubectl").map(drop)).unwrap();
    until("it is counted", || shop.object(&RESOURCE_QUOTA, "team").is_some_and(|q| q["status"]["used"].is_object()));
    let refused = shop.ends(1, &["scale", "6"]);
    let why =
        format!("backend: {STABLE} to 6 needs 3 more pods, and quota team has room for 1 (pods 3 of 4 used); at the most it can have 4");
    assert!(refused.err.contains(&why), "{refused:?}");
    shop.with(|kernel| kernel.world.delete(&RESOURCE_QUOTA, NAMESPACE, "team", "kubectl"));

    let scaler = json!({
        "metadata": { "name": "backend", "namespace": NAMESPACE },
        "spec": { "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": STABLE }, "minReplicas": 3, "maxReplicas": 8 },
    });
    shop.with(|kernel| kernel.world.create(&HPA, scaler, "kubectl").map(drop)).unwrap();
    let refused = shop.ends(1, &["scale", "6"]);
    let why = format!("backend: HPA backend owns the replicas of Deployment {STABLE} (min 3, max 8, 3 now)");
    let how = format!("kubectl -n {NAMESPACE} patch hpa backend -p '{{\"spec\":{{\"minReplicas\":6}}}}'");
    assert!(refused.err.contains(&why) && refused.err.contains(&how), "{refused:?}");
    shop.with(|kernel| kernel.world.delete(&HPA, NAMESPACE, "backend", "kubectl"));

    for (args, code, words) in [
        (&["scale", "0"][..], 1, "nobody would answer it without a pod"),
        (&["scale", "frontend", "4"], 2, "nothing is called `frontend`; there are (release and component): storefront backend"),
        (&["scale", "backend"], 2, "is no number of pods"),
        (&["scale", "backend/green", "4"], 2, "`green` is no side"),
        (&["scale", "5", "--read-only"], 8, "read-only"),
    ] {
        let refused = shop.ends(code, args);
        assert!(refused.err.contains(words), "{refused:?}");
    }
    shop.deny("patch", "apps", "deployments");
    let refused = shop.ends(8, &["scale", "5"]);
    assert!(refused.err.contains("deployments"), "{refused:?}");
    assert_eq!(shop.replicas(STABLE), 3);
}
