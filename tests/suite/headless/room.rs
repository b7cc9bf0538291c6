//! Room for more pods: quotas refuse with numbers, nodes and budgets are told, and a rollback asks for none of it.

use cutover::sim::kernel::resource::{DEPLOYMENT, NODE, RESOURCE_QUOTA};
use serde_json::{Value, json};

use crate::shop::{CANARY, NAMESPACE, NEW, STABLE, Shop, canary, until};

fn quota(shop: &Shop, hard: Value) {
    let object = json!({"metadata": {"name": "team", "namespace": NAMESPACE}, "spec": {"hard": hard}});
    shop.with(|kernel| {
        kernel.world.delete(&RESOURCE_QUOTA, NAMESPACE, "team", "kubectl");
        kernel.world.create(&RESOURCE_QUOTA, object, "kubectl").unwrap();
    });
    until("it is counted", || shop.object(&RESOURCE_QUOTA, "team").is_some_and(|q| q["status"]["used"].is_object()));
}

#[test]
fn what_a_quota_would_refuse_is_refused_before_it_is_written() {
    let shop = Shop::open("healthy", 20.0);
    shop.file("cutover.yaml", &canary("{ weight: 10, hold: 1h }, { weight: 50, hold: 1h }, { weight: 100 }, { approve: promote }"));
    quota(&shop, json!({"pods": "20", "requests.cpu": "700m"}));
    let image = format!("backend={NEW}");
    let why = "backend: 10 % needs 1 more pod, and quota team has room for 0 (requests.cpu 0.6 of 0.7 used, 0.2 a pod); the highest safe weight is 0 %";
    for args in [&["run", "--image", &image][..], &["run", "--image", &image, "--dry-run"]] {
        let refused = shop.ends(1, args);
        assert!(refused.err.contains(why) || refused.out.contains(why), "{refused:?}");
    }
    assert!(shop.ends(0, &["plan", "--image", &image]).out.contains(&format!("none: {why}")));
    assert_eq!(shop.replicas(CANARY), 0, "nothing was written");

    quota(&shop, json!({"pods": "4"}));
    shop.ends(4, &["run", "--image", &image, "--timeout", "20s"]);
    assert_eq!(shop.weights(), (90, 10));
    let refused = shop.ends(1, &["step"]);
    let why = "backend: 50 % needs 1 more pod, and quota team has room for 0 (pods 4 of 4 used); the highest safe weight is 33 %";
    assert!(refused.err.contains(why), "{refused:?}");
    shop.ends(0, &["step", "--to", "33"]);
    assert_eq!((shop.weights(), shop.replicas(CANARY)), ((67, 33), 1));

    quota(&shop, json!({"pods": "5"}));
    shop.ends(0, &["step"]);
    assert_eq!((shop.weights(), shop.replicas(CANARY)), ((50, 50), 2));
    quota(&shop, json!({"pods": "1"}));
    shop.ends(0, &["rollback"]);
    assert_eq!(shop.weights(), (100, 0), "a way back asks for no room");
}

#[test]
fn a_run_waits_for_room_says_why_and_goes_on_when_there_is() {
    let shop = Shop::open("healthy", 20.0);
    quota(&shop, json!({"pods": "4"}));
    shop.file("cutover.yaml", &canary("{ weight: 10 }, { weight: 50, hold: 1h }, { weight: 100 }, { approve: promote }"));
    let run = shop.spawn(&["run", "--image", NEW]);
    let waiting = || shop.stored().and_then(|r| r["waiting"].as_str().map(str::to_owned)).unwrap_or_default();
    until("it waits for room", || waiting().contains("has room for 0 (pods 4 of 4 used)"));
    assert_eq!((shop.weights(), shop.replicas(CANARY)), ((90, 10), 1));
    quota(&shop, json!({"pods": "9"}));
    until("it goes on", || shop.weights() == (50, 50));
    shop.ends(0, &["rollback"]);
    assert_eq!(run.end().code, Some(3));
}

#[test]
fn pods_that_a_quota_refused_are_the_reason_why_it_is_stuck() {
    let shop = Shop::open("healthy", 20.0);
    shop.file("cutover.yaml", &canary("{ weight: 100, hold: 1h }, { approve: promote }"));
    shop.deny("list", "", "resourcequotas");
    quota(&shop, json!({"pods": "4"}));
    let told = shop.ends(0, &["run", "--image", NEW, "--dry-run"]);
    assert!(told.out.contains("not known: quotas: no right to list resourcequotas in namespace"), "{told:?}");
    let run = shop.spawn(&["run", "--image", NEW]);
    let waiting = || shop.stored().and_then(|r| r["waiting"].as_str().map(str::to_owned)).unwrap_or_default();
    until("it is told why", || waiting().contains("FailedCreate: pods") && waiting().contains("exceeded quota: team"));
    let status = &shop.object(&DEPLOYMENT, CANARY).unwrap()["status"];
    assert_eq!(status["replicas"], 1, "one fits: {status}");
    shop.ends(0, &["rollback"]);
    assert_eq!(run.end().code, Some(3));
}

#[test]
fn nodes_and_budgets_are_told_and_hold_nothing() {
    let shop = Shop::open("healthy", 20.0);
    shop.file("cutover.yaml", &canary("{ weight: 100 }, { approve: promote }"));
    let close = |name: &str| {
        shop.with(|kernel| kernel.world.modify(&NODE, "", name, "kubectl", |n| n["spec"]["unschedulable"] = true.into()).unwrap())
    };
    close("node-1");
    close("node-2");
    let small = json!({"cpu": "500m", "memory": "8Gi", "pods": "110"});
    shop.with(|kernel| kernel.world.modify_status(&NODE, "", "node-3", "kubelet", |n| n["status"]["allocatable"] = small).unwrap());
    let told = shop.ends(0, &["run", "--image", NEW, "--dry-run"]);
    let line = "backend: 100 % needs 3 more pods, and 1 node has room for";
    assert!(told.out.contains(line) && told.out.contains("for a node"), "{told:?}");
    let planned = shop.ends(0, &["plan", "--image", NEW]);
    assert!(planned.out.contains("room for its pods") && planned.out.contains(line), "{planned:?}");
    shop.deny("list", "", "nodes");
    let told = shop.ends(0, &["run", "--image", NEW, "--dry-run"]);
    assert!(told.out.contains("not known: room on the nodes: no right to list nodes in the cluster"), "{told:?}");
    shop.with(|kernel| {
        kernel.world.denied.clear();
        for name in ["node-1", "node-2"] {
            kernel.world.modify(&NODE, "", name, "kubectl", |n| n["spec"]["unschedulable"] = false.into()).unwrap();
        }
    });
    shop.ends(6, &["run", "--image", NEW, "--no-wait"]);
    let told = shop.ends(0, &["promote", "--dry-run"]);
    let budget = "backend: budget fusion-electronics-backend (minAvailable 2; 3 healthy, 1 may be evicted) does not hold what a Deployment does with its own pods";
    assert!(told.out.contains(budget), "{told:?}");
    quota(&shop, json!({"pods": "6"}));
    let refused = shop.ends(1, &["promote"]);
    assert!(
        refused.err.contains(&format!("backend: the update of {STABLE} needs 1 more pod, and quota team has room for 0")),
        "{refused:?}"
    );
    quota(&shop, json!({"pods": "7"}));
    shop.ends(0, &["promote"]);
    assert_eq!(shop.image(STABLE), NEW);
}
