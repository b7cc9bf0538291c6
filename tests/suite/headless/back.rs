//! A rollback whose candidate is gone, in the middle of a promotion, and where nothing may be put on record.

use cutover::sim::kernel::Resource;
use cutover::sim::kernel::resource::{DEPLOYMENT, VIRTUAL_SERVICE};
use cutover::sim::kernel::world::Denial;
use serde_json::Value;

use crate::shop::{CANARY, NAMESPACE, NEW, OLD, STABLE, Shop, Told, canary, until};

/// A shop with a release that holds at 10 % for longer than any test takes.
fn open() -> Shop {
    let shop = Shop::open("healthy", 20.0);
    shop.file("cutover.yaml", &canary("{ weight: 10, hold: 1h }, { weight: 100 }, { approve: promote }"));
    shop
}

/// The same with a run at 10 %, whose driver has let go.
fn left_alone() -> Shop {
    let shop = open();
    let run = shop.spawn(&["run", "--image", NEW]);
    until("10 %", || shop.weights() == (90, 10));
    until("the hold is on record", || shop.stored().is_some_and(|r| r["cursor"] == 2));
    run.signal("INT");
    assert_eq!(run.end().code, Some(130));
    shop
}

fn meddle(shop: &Shop, resource: &'static Resource, name: &str, change: impl FnOnce(&mut Value)) {
    shop.with(|kernel| kernel.world.modify(resource, NAMESPACE, name, "kubectl", change).unwrap());
}

/// Nobody may write a state any more. Reading it goes on.
fn deny_records(shop: &Shop) {
    let denial = |verb: &str| Denial { verb: verb.into(), resource: "configmaps".into(), ..Denial::default() };
    shop.with(|kernel| kernel.world.denied = ["create", "patch", "update"].map(denial).into());
}

/// The rollback is done, and it is said what kept it from the record, with the rule that is missing.
fn is_back_without_record(told: &Told, verb: &str) {
    let what = format!("{verb} ConfigMap cutover-storefront in namespace {NAMESPACE}: not allowed; ask for the rule ");
    let why = format!("{what}{{apiGroups: [\"\"], resources: [\"configmaps\"], verbs: [\"{verb}\"]}}");
    let fault = format!("store: {why}");
    assert!(told.out.lines().any(|line| line.contains("Z fault ") && line.contains(&fault)), "{told:?}");
    assert!(told.err.contains(&format!("storefront is back on {OLD}")), "{told:?}");
    assert!(told.err.contains(&format!("; not on record: {why}")), "{told:?}");
}

#[test]
fn a_rollback_works_where_the_candidates_deployment_is_gone() {
    let shop = left_alone();
    shop.with(|kernel| kernel.world.delete(&DEPLOYMENT, NAMESPACE, CANARY, "somebody"));
    assert_eq!(shop.object(&DEPLOYMENT, CANARY), None);
    let told = shop.ends(0, &["rollback", "--timeout", "60s"]);
    assert_eq!((shop.weights(), shop.image(STABLE).as_str()), ((100, 0), OLD), "{told:?}");
    let moved = format!("VirtualService {STABLE}: stable 90 → 100, candidate 10 → 0");
    assert!(told.out.lines().any(|line| line.contains("Z write ") && line.ends_with(&moved)), "{told:?}");
    assert!(!told.out.contains("Z refused "), "{told:?}");
    assert!(told.err.trim_end().ends_with(&format!("storefront is back on {OLD}")), "no word of pods that stay: {told:?}");
    assert_eq!(shop.stored().unwrap()["phase"], "rolledBack");
    assert_eq!(shop.object(&DEPLOYMENT, CANARY), None, "nobody makes it again from memory");
    assert_eq!((shop.orders_left(), shop.holder()), (vec![], String::new()));
}

#[test]
fn a_rollback_in_the_middle_of_a_promotion_brings_the_old_version_back() {
    // Slow enough that the pods of stable are still being replaced when the driver dies.
    let shop = Shop::open("healthy", 5.0);
    shop.file("cutover.yaml", &canary("{ weight: 10, hold: 1s }, { weight: 100 }"));
    let run = shop.spawn(&["run", "--image", NEW]);
    until("stable is replaced", || shop.image(STABLE) == NEW);
    run.signal("KILL");
    let killed = run.end();
    assert_eq!(killed.code, None, "{killed:?}");
    let phase = shop.stored().unwrap()["phase"].clone();
    assert_eq!((phase.as_str(), shop.weights()), (Some("progressing"), (0, 100)), "it is not promoted yet: {killed:?}");

    let told = shop.ends(0, &["rollback"]);
    assert_eq!((shop.weights(), shop.image(STABLE).as_str()), ((100, 0), OLD), "{told:?}");
    let restored = format!("Deployment {STABLE}: image of backend {NEW} → {OLD}");
    assert!(told.out.lines().any(|line| line.contains("Z write ") && line.contains(&restored)), "{told:?}");
    assert!(told.err.contains(&format!("storefront is back on {OLD}")), "{told:?}");
    let status = &shop.object(&DEPLOYMENT, STABLE).unwrap()["status"];
    assert_eq!(status["updatedReplicas"], status["replicas"], "it is back when every pod runs the old version, not before");
    assert_eq!(shop.stored().unwrap()["phase"], "rolledBack");
    assert_eq!((shop.orders_left(), shop.holder()), (vec![], String::new()));
}

#[test]
fn a_rollback_works_where_the_state_may_not_be_written() {
    let shop = left_alone();
    deny_records(&shop);
    let told = shop.ends(0, &["rollback", "--timeout", "60s"]);
    assert_eq!(shop.weights(), (100, 0), "{told:?}");
    is_back_without_record(&told, "patch");
    assert!(told.err.contains("; the candidate's pods stay until somebody scales them down"), "{told:?}");
    assert_eq!((shop.stored().unwrap()["phase"].as_str(), shop.holder().as_str()), (Some("progressing"), ""), "as it was");
    // Once it may be written again, the same order puts it on record.
    shop.with(|kernel| kernel.world.denied.clear());
    let told = shop.ends(0, &["rollback", "--timeout", "60s"]);
    assert!(!told.err.contains("not on record"), "{told:?}");
    assert_eq!((shop.stored().unwrap()["phase"].as_str(), shop.weights()), (Some("rolledBack"), (100, 0)));

    // What somebody began by hand has no record, and gets none.
    let shop = open();
    deny_records(&shop);
    meddle(&shop, &DEPLOYMENT, CANARY, |d| d["spec"]["template"]["spec"]["containers"][0]["image"] = NEW.into());
    meddle(&shop, &VIRTUAL_SERVICE, STABLE, |route| {
        let sides = &mut route["spec"]["http"][0]["route"];
        (sides[0]["weight"], sides[1]["weight"]) = (70.into(), 30.into());
    });
    assert_eq!(shop.weights(), (70, 30));
    let told = shop.ends(0, &["rollback", "--timeout", "60s"]);
    assert_eq!((shop.weights(), shop.stored()), ((100, 0), None), "{told:?}");
    is_back_without_record(&told, "create");
}

#[test]
fn pods_that_somebodys_own_route_sends_to_stay_and_it_is_said_whose() {
    let shop = left_alone();
    let testers = serde_json::json!([{ "headers": { "x-canary": { "exact": "always" } } }]);
    let candidate = shop.object(&VIRTUAL_SERVICE, STABLE).unwrap()["spec"]["http"][0]["route"][1]["destination"].clone();
    let http = serde_json::json!([{ "match": testers, "route": [{ "destination": candidate }] }]);
    shop.with(|kernel| {
        let body = serde_json::json!({
            "apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": { "name": "testers", "namespace": NAMESPACE },
            "spec": { "hosts": ["beta.example"], "http": http },
        });
        kernel.world.create(&VIRTUAL_SERVICE, body, "somebody").unwrap();
    });
    let dry = shop.ends(0, &["rollback", "--dry-run"]);
    assert!(dry.out.contains("VirtualService testers (header x-canary) also sends to the candidate"), "{dry:?}");
    let told = shop.ends(0, &["rollback", "--timeout", "60s"]);
    assert_eq!(shop.weights(), (100, 0), "{told:?}");
    let why = "; backend: the candidate's pods stay, since VirtualService testers (header x-canary) sends to them";
    assert!(told.err.contains(why), "{told:?}");
    assert!(shop.object(&DEPLOYMENT, CANARY).unwrap()["spec"]["replicas"].as_u64().unwrap() > 0);
    let refused = shop.ends(1, &["scale", "backend/candidate", "0"]);
    assert!(refused.err.contains("sends to the candidate, and nobody would answer without a pod"), "{refused:?}");
    shop.with(|kernel| kernel.world.delete(&VIRTUAL_SERVICE, NAMESPACE, "testers", "somebody"));
    shop.ends(0, &["scale", "backend/candidate", "0"]);
}
