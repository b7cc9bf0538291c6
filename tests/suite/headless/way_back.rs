//! Whether a rollback would find what it goes back to is told before anybody asks for one.

use cutover::sim::kernel::resource::{DEPLOYMENT, SECRET};
use serde_json::{Value, json};

use crate::shop::{NAMESPACE, NEW, STABLE, Shop, canary, until};

/// A shop whose pods need a Secret, with a run that holds at 10 %.
fn needing_a_secret() -> Shop {
    let shop = Shop::open("healthy", 20.0);
    shop.with(|kernel| {
        let sources = json!([{ "secretRef": { "name": "shop-db" } }]);
        let needs = |d: &mut Value| d["spec"]["template"]["spec"]["containers"][0]["envFrom"] = sources;
        kernel.world.modify(&DEPLOYMENT, NAMESPACE, STABLE, "kubectl", needs).unwrap();
    });
    secret(&shop);
    until("its pods are replaced", || {
        let status = shop.object(&DEPLOYMENT, STABLE).unwrap()["status"].clone();
        let is = |key: &str| status[key].as_u64() == status["replicas"].as_u64();
        status["observedGeneration"].as_u64() >= Some(2) && is("updatedReplicas") && is("readyReplicas")
    });
    shop.file("cutover.yaml", &canary("{ weight: 10, hold: 1h }, { weight: 100 }, { approve: promote }"));
    shop.ends(4, &["run", "--image", NEW, "--timeout", "20s"]);
    shop
}

fn secret(shop: &Shop) {
    let secret = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "shop-db", "namespace": NAMESPACE }, "data": { "password": "aHVudGVyMg==" } });
    shop.with(|kernel| kernel.world.create(&SECRET, secret, "kubectl").unwrap());
}

fn way_back(shop: &Shop) -> Value {
    shop.status()["components"][0]["wayBack"].clone()
}

#[test]
fn status_and_the_dry_run_tell_whether_it_can_go_back_and_what_is_missing() {
    let shop = needing_a_secret();
    shop.front.take_log();
    let ready = way_back(&shop);
    assert_eq!((&ready["stand"], &ready["revision"], &ready["reason"]), (&json!("ready"), &json!(2), &Value::Null), "{ready}");
    let table = shop.ends(0, &["status"]).out;
    assert!(table.contains("rev 2 ready"), "{table}");
    let asked: Vec<_> = shop.front.take_log().into_iter().filter(|seen| seen.target.contains("/secrets")).collect();
    assert!(!asked.is_empty(), "it was looked for");
    assert!(asked.iter().all(|seen| seen.method == "GET" && seen.target.ends_with("/secrets/shop-db")), "never listed: {asked:?}");

    shop.deny("get", "", "secrets");
    let unchecked = way_back(&shop);
    assert_eq!(unchecked["stand"], "ready", "its pods run: {unchecked}");
    assert!(unchecked["notes"].to_string().contains("Secret shop-db not checked: no right to get secrets"), "{unchecked}");

    shop.with(|kernel| {
        kernel.world.denied.clear();
        kernel.world.delete(&SECRET, NAMESPACE, "shop-db", "somebody");
    });
    let gone = way_back(&shop);
    assert_eq!(gone["stand"], "not sure", "{gone}");
    let dry = shop.ends(0, &["rollback", "--dry-run"]);
    assert!(dry.out.contains("back to revision 2: not sure: Secret shop-db does not exist"), "{dry:?}");

    // Somebody brings another image into stable: now its pods would have to start again, and cannot.
    shop.with(|kernel| {
        let other = |d: &mut Value| d["spec"]["template"]["spec"]["containers"][0]["image"] = NEW.into();
        kernel.world.modify(&DEPLOYMENT, NAMESPACE, STABLE, "kubectl", other).unwrap();
    });
    let no = way_back(&shop);
    assert_eq!(no["stand"], "no way back", "{no}");
    assert!(no["reason"].as_str().unwrap().ends_with("pods do not start without it: create it again"), "{no}");
    let json: Value = serde_json::from_str(&shop.ends(0, &["rollback", "--dry-run", "-o", "json"]).out).unwrap();
    assert_eq!(json["wayBack"]["stand"], "no way back", "{json}");

    shop.front.take_log();
    shop.ends(0, &["rollback", "--timeout", "60s"]);
    assert_eq!(shop.weights(), (100, 0), "the light refuses nothing");
    let log = shop.front.take_log();
    let back = log.iter().position(|seen| seen.method == "PATCH" && seen.target.contains("virtualservices")).expect("the route's write");
    let beside = |target: &&String| ["/secrets", "/canaries", "/rollouts"].iter().any(|part| target.contains(part));
    assert_eq!(log[..back].iter().map(|seen| &seen.target).find(beside), None, "a rollback waits for none of it");
}
