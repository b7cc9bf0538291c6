//! The GitOps platform's user service, which Argo Rollouts carries out: what `kubectl argo rollouts` was for.

use cutover::sim::kernel::resource::{REPLICA_SET, ROLLOUT};
use serde_json::{Value, json};

use super::site::{Open, Site, deployment, service};
use crate::shop::until;

const NAMESPACE: &str = "production";
const USERS: &str = "user-service";

fn image(tag: &str) -> String {
    format!("ghcr.io/company/{USERS}:{tag}")
}

/// A Rollout with a pause for a person, and one that ends by itself.
fn rollout() -> Value {
    let labels = json!({ "app": USERS });
    let mut object = deployment(USERS, 5, &image("v1.2.3"), labels);
    (object["apiVersion"], object["kind"]) = (json!("argoproj.io/v1alpha1"), json!("Rollout"));
    let steps = json!([{ "setWeight": 20 }, { "pause": {} }, { "setWeight": 60 }, { "pause": { "duration": "20s" } }]);
    object["spec"]["strategy"] = json!({ "canary": { "steps": steps } });
    object
}

fn site() -> Site {
    let release = json!({ "components": [{ "name": "users", "stable": USERS }], "strategy": { "argoRollout": {} } });
    Site::new(NAMESPACE, [rollout(), service(USERS, json!({ "app": USERS }))]).release("users", release)
}

fn version(shop: &Open) -> String {
    let object = shop.get(&ROLLOUT, USERS);
    object["spec"]["template"]["spec"]["containers"][0]["image"].as_str().unwrap().rsplit(':').next().unwrap().to_owned()
}

fn status(shop: &Open, field: &str) -> Value {
    shop.get(&ROLLOUT, USERS)["status"][field].clone()
}

/// How many pods run each version.
fn pods(shop: &Open) -> Vec<(String, u64)> {
    shop.with(|kernel| {
        let sets = kernel.world.store.list(&REPLICA_SET, Some(NAMESPACE));
        let of = |rs: &Value| {
            let image = rs["spec"]["template"]["spec"]["containers"][0]["image"].as_str().unwrap().rsplit(':').next().unwrap().to_owned();
            (image, rs["status"]["replicas"].as_u64().unwrap_or(0))
        };
        let mut all: Vec<_> = sets.map(|rs| of(rs)).filter(|(_, pods)| *pods > 0).collect();
        all.sort();
        all
    })
}

fn healthy(shop: &Open) {
    until("Argo Rollouts has nothing to do", || status(shop, "phase") == "Healthy");
}

/// The runbook's gradual rollback is a release of the version before, promoted by a person.
#[test]
fn the_user_service_is_set_to_another_version_and_promoted() {
    let shop = site().open();
    healthy(&shop);
    let told = shop.does(0, &["plan"]).out;
    assert!(told.contains("follow Argo Rollouts: setWeight 20 → pause → setWeight 60 → pause 20s"), "{told}");
    let waits = shop.does(6, &["run", "--no-wait", "-i", &image("v1.3.0")]);
    assert!(waits.out.contains("step 2 of 4 (pause)"), "{waits:?}");
    assert_eq!(pods(&shop), [("v1.2.3".to_owned(), 4), ("v1.3.0".to_owned(), 1)]);
    let told = shop.does(0, &["status"]).out;
    assert!(told.contains("waits for approval: users: step 2 of 4 (pause)"), "{told}");
    shop.does(0, &["approve"]);
    shop.does(0, &["run"]);
    assert_eq!((version(&shop).as_str(), status(&shop, "phase")), ("v1.3.0", json!("Healthy")));

    shop.does(6, &["run", "--no-wait", "-i", &image("v1.2.3")]);
    shop.does(0, &["promote"]);
    assert_eq!(pods(&shop), [("v1.2.3".to_owned(), 5)]);
    assert_eq!(shop.phase("users"), "completed");
}

#[test]
fn it_goes_back_in_the_middle_and_from_the_end() {
    let shop = site().open();
    healthy(&shop);
    shop.does(6, &["run", "--no-wait", "-i", &image("v1.3.0")]);
    let shown = shop.does(0, &["rollback", "--dry-run"]).out;
    assert!(shown.contains("Rollout user-service: abort false → true"), "{shown}");
    shop.does(0, &["rollback"]);
    assert_eq!((version(&shop).as_str(), pods(&shop)), ("v1.2.3", vec![("v1.2.3".to_owned(), 5)]));
    // At the end nothing is aborted, and the old version does not wait in the pauses of the new one.
    shop.does(6, &["run", "--no-wait", "-i", &image("v1.4.0")]);
    shop.does(0, &["promote"]);
    shop.does(0, &["rollback"]);
    assert_eq!((version(&shop).as_str(), pods(&shop)), ("v1.2.3", vec![("v1.2.3".to_owned(), 5)]));
}

/// Somebody typed what the runbook says, and it goes wrong.
#[test]
fn what_was_begun_by_hand_is_found_and_taken_back() {
    let shop = site().open_undeclared();
    healthy(&shop);
    let found = shop.does(0, &["status"]).out;
    assert!(found.contains("user-service") && found.contains("argo-rollout"), "{found}");
    let by_hand = |o: &mut Value| o["spec"]["template"]["spec"]["containers"][0]["image"] = json!(image("v6.6.6"));
    shop.with(|kernel| kernel.world.modify(&ROLLOUT, NAMESPACE, USERS, "kubectl-argo-rollouts", by_hand)).unwrap();
    until("it stands in its pause", || status(&shop, "phase") == "Paused");
    shop.does(0, &["rollback", USERS]);
    assert_eq!((version(&shop).as_str(), pods(&shop)), ("v1.2.3", vec![("v1.2.3".to_owned(), 5)]));
    assert_eq!(status(&shop, "phase"), "Healthy");
}

/// The gates are ours also where the steps are not.
#[test]
fn a_version_that_answers_with_errors_is_aborted_in_its_pause() {
    let gates = json!([{ "errors": { "above": "5%", "for": "30s", "then": "rollback" } }]);
    let release = json!({ "components": [{ "name": "users", "stable": USERS }], "strategy": { "argoRollout": {} }, "gates": gates });
    let site = Site::new(NAMESPACE, [rollout(), service(USERS, json!({ "app": USERS }))]).release("users", release);
    let site = site.requests(json!({ "service": USERS }), 40).version("*:v1.3.*", json!({ "errors": "40%" }));
    let story = site.rehearse(3, json!({ "users": image("v1.3.0") }), &[]);
    let writes = story.writes("Rollout user-service");
    assert_eq!(writes.len(), 3, "{writes:?}");
    assert!(writes[0].starts_with("image of user-service ghcr.io/company/user-service:v1.2.3 → ghcr.io/company/user-service:v1.3.0"));
    assert_eq!(writes[1], "abort false → true");
    assert!(writes[2].contains("→ ghcr.io/company/user-service:v1.2.3"), "{writes:?}");
    story.tells("rollback", "errors");
}

#[test]
fn what_argo_rollouts_would_not_take_is_refused_before_anything_is_written() {
    let mut elsewhere = rollout();
    elsewhere["spec"].as_object_mut().unwrap().remove("template");
    elsewhere["spec"]["workloadRef"] = json!({ "apiVersion": "apps/v1", "kind": "Deployment", "name": USERS });
    let release = json!({ "components": [{ "name": "users", "stable": USERS }], "strategy": { "argoRollout": {} } });
    let shop = Site::new(NAMESPACE, [elsewhere]).release("users", release).open();
    let told = shop.does(1, &["run", "-i", &image("v1.3.0")]);
    assert!(told.err.contains("is that of Deployment user-service (workloadRef): set the image there"), "{told:?}");
}
