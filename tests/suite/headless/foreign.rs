//! Somebody else writes to a release's objects while a run is under way: who it was is told, and a person decides.

use cutover::sim::kernel::Resource;
use cutover::sim::kernel::resource::{DEPLOYMENT, VIRTUAL_SERVICE};
use serde_json::Value;

use crate::shop::{CANARY, NAMESPACE, NEW, Running, STABLE, Shop, canary, until};

fn at_ten(shop: &Shop) -> Running {
    shop.file("cutover.yaml", &canary("{ weight: 10, hold: 1h }, { weight: 100 }, { approve: promote }"));
    let run = shop.spawn(&["run", "--image", NEW]);
    until("10 %", || shop.weights() == (90, 10));
    until("the hold is on record", || shop.stored().is_some_and(|r| r["cursor"] == 2));
    run
}

fn meddle(shop: &Shop, resource: &'static Resource, name: &str, by: &str, change: impl FnOnce(&mut Value)) {
    shop.with(|kernel| kernel.world.modify(resource, NAMESPACE, name, by, change).unwrap());
}

fn paused(shop: &Shop) -> String {
    let why = || shop.stored().and_then(|r| r["phase"]["paused"]["why"].as_str().map(str::to_owned));
    until("it is paused", || why().is_some());
    why().unwrap()
}

fn set_weights(stable: u64, candidate: u64) -> impl FnOnce(&mut Value) {
    move |route| {
        let sides = &mut route["spec"]["http"][0]["route"];
        (sides[0]["weight"], sides[1]["weight"]) = (stable.into(), candidate.into());
    }
}

#[test]
fn a_weight_that_a_gitops_controller_sets_back_is_told_with_its_name_and_may_be_accepted() {
    let shop = Shop::open("healthy", 20.0);
    let run = at_ten(&shop);
    let refused = shop.ends(1, &["accept"]);
    assert!(refused.err.contains("nothing was changed by anybody else"), "{refused:?}");
    meddle(&shop, &VIRTUAL_SERVICE, STABLE, "argocd-controller", set_weights(100, 0));
    let why = paused(&shop);
    assert!(why.starts_with(&format!("backend: VirtualService {STABLE}: candidate 10 → 0 by argocd-controller at ")), "{why}");
    let shown = shop.ends(0, &["accept", "--dry-run"]);
    for line in [
        "candidate 10 → 0 by argocd-controller",
        "accept (A): the plan goes on from 0 % at step 1 of",
        &format!("resume (p): sets ours again: VirtualService {STABLE}: stable 100 → 90; VirtualService {STABLE}: candidate 0 → 10"),
        "roll back (Ctrl-R)",
    ] {
        assert!(shown.out.contains(line), "{line}: {shown:?}");
    }
    let accepted = shop.ends(0, &["accept"]);
    assert!(accepted.err.contains("is paused by ada@") && accepted.err.contains("accepted: backend"), "{accepted:?}");
    assert_eq!(shop.weights(), (100, 0), "nothing is written");
    shop.ends(0, &["resume"]);
    until("the plan goes on from nothing", || shop.weights() == (90, 10));
    shop.ends(0, &["rollback"]);
    assert_eq!(shop.weights(), (100, 0));
    let told = run.end();
    assert_eq!(told.code, Some(3), "{told:?}");
    assert!(told.out.contains("by argocd-controller"), "{told:?}");
}

#[test]
fn another_image_in_the_candidate_stops_the_run_and_resume_sets_ours_again() {
    let shop = Shop::open("healthy", 20.0);
    let run = at_ten(&shop);
    let theirs = "registry.io/fusion-electronics-backend:v1.9.9";
    meddle(&shop, &DEPLOYMENT, CANARY, "kubectl-set", |d| d["spec"]["template"]["spec"]["containers"][0]["image"] = theirs.into());
    let why = paused(&shop);
    assert!(why.contains(&format!("Deployment {CANARY}: image of backend {NEW} → {theirs} by kubectl-set at ")), "{why}");
    assert_eq!((shop.image(CANARY).as_str(), shop.weights()), (theirs, (90, 10)), "what stands is left alone");
    let waiting = shop.ends(6, &["run", "--image", NEW, "--no-wait"]);
    assert!(waiting.err.contains("`cutover accept`"), "{waiting:?}");
    shop.ends(0, &["resume"]);
    until("ours stands again", || shop.image(CANARY) == NEW);
    shop.ends(0, &["rollback"]);
    assert_eq!(run.end().code, Some(3));
}

#[test]
fn who_else_manages_the_objects_is_told_before_the_first_write_and_a_second_controller_refused() {
    let shop = Shop::open("gitops-sync", 20.0);
    shop.file("cutover.yaml", &canary("{ weight: 10, hold: 1h }, { weight: 100 }, { approve: promote }"));
    let told = shop.ends(0, &["plan", "--image", NEW]);
    let argo = format!("VirtualService {STABLE}: Argo CD application storefront puts it back with its next change");
    assert!(told.out.contains("who else manages them") && told.out.contains(&argo), "{told:?}");
    assert!(told.out.contains("HorizontalPodAutoscaler fusion-electronics-backend-hpa sets its replicas"), "{told:?}");
    let asked = shop.ends(0, &["run", "--image", NEW, "--dry-run"]);
    assert!(asked.out.contains(&format!("also managed: {argo}")), "{asked:?}");
    let managers = shop.status()["components"][0]["managers"].to_string();
    assert!(managers.contains("Argo CD application storefront"), "{managers}");

    meddle(&shop, &VIRTUAL_SERVICE, STABLE, "flagger", |route| {
        let canary =
            serde_json::json!({ "apiVersion": "flagger.app/v1beta1", "kind": "Canary", "name": "shop", "uid": "u", "controller": true });
        route["metadata"]["ownerReferences"] = serde_json::json!([canary]);
    });
    meddle(&shop, &VIRTUAL_SERVICE, STABLE, "flagger", set_weights(70, 30));
    let refused = shop.ends(1, &["run", "--image", NEW]);
    assert!(refused.err.contains("Flagger Canary shop moves this traffic itself, and two controllers would fight"), "{refused:?}");
    shop.ends(0, &["rollback"]);
    assert_eq!(shop.weights(), (100, 0), "a rollback never asks whose it is");
}
