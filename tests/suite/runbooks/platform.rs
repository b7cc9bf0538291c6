//! The GitOps platform: a gateway in two colours, a service that rolls, and a controller that puts things back.

use cutover::sim::kernel::resource::{DEPLOYMENT, SERVICE};
use serde_json::{Value, json};

use super::site::{Site, deployment, service, switched};
use crate::shop::until;

const NAMESPACE: &str = "production";
const GATEWAY: &str = "api-gateway";
const BLUE: &str = "api-gateway-blue";
const GREEN: &str = "api-gateway-green";

fn image(name: &str, tag: &str) -> String {
    format!("ghcr.io/company/{name}:{tag}")
}

fn gates() -> Value {
    json!([{ "errors": { "above": "5%", "for": "5m", "then": "rollback" } }])
}

fn gateway(strategy: Value, gates: Value) -> Site {
    gateway_with(service(GATEWAY, json!({ "app": GATEWAY, "version": "blue" })), [], strategy, gates)
}

/// The same with a Service that somebody manages, and what manages it.
fn gateway_with(route: Value, more: impl IntoIterator<Item = Value>, strategy: Value, gates: Value) -> Site {
    let labels = |version: &str| json!({ "app": GATEWAY, "version": version });
    let objects = [
        deployment(BLUE, 2, &image(GATEWAY, "v1.2.3"), labels("blue")),
        deployment(GREEN, 0, &image(GATEWAY, "v1.2.3"), labels("green")),
        route,
    ];
    let objects = objects.into_iter().chain(more);
    let component = switched("gateway", [BLUE, GREEN], GATEWAY, "version", ["blue", "green"]);
    Site::new(NAMESPACE, objects).release("gateway", json!({ "components": [component], "strategy": strategy, "gates": gates }))
}

#[test]
fn green_is_watched_for_half_an_hour_and_blue_is_removed() {
    let site = gateway(json!({ "blueGreen": { "hold": "30m", "retire": "1m" } }), gates()).requests(json!({ "service": GATEWAY }), 20);
    let site = site.but("approvals", json!([{ "after": "1m", "do": "approve" }]));
    let story = site.rehearse(0, json!({ "gateway": image(GATEWAY, "v1.3.0") }), &[]);
    assert_eq!(story.writes("Service api-gateway"), ["selector version blue → green"]);
    let minutes = story.minutes(("shift", 0), "held");
    assert!((30..33).contains(&minutes), "{minutes} minutes");
    assert_eq!(story.writes("Deployment api-gateway-blue"), ["replicas 2 → 0"]);
}

/// A label that the selector does not know would switch everybody to nobody.
#[test]
fn a_colour_that_the_selector_would_not_reach_gets_no_traffic() {
    let labels = |version: &str| json!({ "app": GATEWAY, "version": version });
    let objects = [
        deployment(BLUE, 2, &image(GATEWAY, "v1.2.3"), labels("blue")),
        deployment(GREEN, 0, &image(GATEWAY, "v1.2.3"), labels("gren")),
        service(GATEWAY, labels("blue")),
    ];
    let component = switched("gateway", [BLUE, GREEN], GATEWAY, "version", ["blue", "green"]);
    let release = json!({ "components": [component], "strategy": { "blueGreen": { "hold": "1m" } }, "gates": gates() });
    let shop = Site::new(NAMESPACE, objects).release("gateway", release).open();
    let told = shop.does(1, &["run", "-i", &image(GATEWAY, "v1.3.0")]);
    let why = format!("Service {GATEWAY} would reach no pod of {GREEN}: it selects version=green, and their label is version=gren");
    assert!(told.err.contains(&why), "{told:?}");
    assert_eq!((shop.selector(GATEWAY, "version"), shop.image_of(GREEN)), ("blue".to_owned(), image(GATEWAY, "v1.2.3")));
}

/// With selfHeal, what Git does not say is put back within seconds.
#[test]
fn what_a_gitops_controller_puts_back_pauses_the_run() {
    let heal =
        json!({ "apiVersion": "v1", "kind": "Service", "name": GATEWAY, "merge": { "spec": { "selector": { "version": "blue" } } } });
    let site = gateway(json!({ "blueGreen": { "approve": false, "hold": "30m" } }), gates()).requests(json!({ "service": GATEWAY }), 20);
    let site = site.but("events", json!([{ "at": "8m", "by": "argocd-controller", "do": { "patch": heal } }]));
    let story = site.rehearse(4, json!({ "gateway": image(GATEWAY, "v1.3.0") }), &["--timeout", "20m"]);
    story.tells("paused", "Service api-gateway: selector version green → blue by argocd-controller");
    assert_eq!(story.writes("Service api-gateway"), ["selector version blue → green"], "nobody fights over it");
}

/// An application as the runbook has it: its auto-sync is off while the traffic moves, and nothing is put back.
#[test]
fn an_application_that_heals_itself_is_suspended_first_and_restored_by_a_person() {
    let mut route = service(GATEWAY, json!({ "app": GATEWAY, "version": "blue" }));
    route["metadata"]["annotations"] = json!({ "argocd.argoproj.io/tracking-id": format!("platform:/Service:{NAMESPACE}/{GATEWAY}") });
    let policy = json!({ "automated": { "prune": true, "selfHeal": true } });
    let application = json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": { "name": "platform", "namespace": "argocd" },
        "spec": { "project": "default", "syncPolicy": policy },
    });
    let site = gateway_with(route, [application], json!({ "blueGreen": { "approve": false, "hold": "1m" } }), json!([]));
    let site = site.but("argoCd", json!({ "heals": "3s" }));
    let story = site.rehearse(0, json!({ "gateway": image(GATEWAY, "v1.3.0") }), &[]);
    assert_eq!(story.writes("Application platform"), ["auto-sync on (prune, selfHeal) → off"]);
    assert_eq!(story.writes("Service api-gateway"), ["selector version blue → green"], "and nobody sets it back");
    story.tells("note", "Argo CD app platform: auto-sync stays off: commit what runs now to git, then restore it");
}

#[test]
fn the_gateway_goes_back_to_blue() {
    let shop = gateway(json!({ "blueGreen": { "approve": false, "hold": "1s" } }), json!([])).open();
    shop.does(0, &["run", "-i", &image(GATEWAY, "v1.3.0")]);
    assert_eq!(shop.selector(GATEWAY, "version"), "green");
    let begun = std::time::Instant::now();
    shop.does(0, &["rollback"]);
    assert_eq!((shop.selector(GATEWAY, "version"), shop.versions([BLUE])), ("blue".to_owned(), ["v1.2.3".to_owned()]));
    assert!(begun.elapsed().as_secs() < 300, "the runbook promises five minutes");
}

/// `helm upgrade` brought the new version; its record keeps it when the objects go back.
#[test]
fn what_helm_installed_goes_back_and_its_own_record_is_told() {
    let name = "user-service";
    let helm = |mut object: Value| {
        object["metadata"]["labels"]["app.kubernetes.io/managed-by"] = json!("Helm");
        object["metadata"]["annotations"]["meta.helm.sh/release-name"] = json!("ecommerce-platform");
        object["metadata"]["annotations"]["meta.helm.sh/release-namespace"] = json!(NAMESPACE);
        object
    };
    let labels = json!({ "app": name });
    let objects = [helm(deployment(name, 3, &image(name, "v1.2.3"), labels.clone())), service(name, labels)];
    let release = json!({ "components": [{ "name": "users", "stable": name }], "strategy": { "rolling": {} } });
    let shop = Site::new(NAMESPACE, objects).release("users", release).open();
    let how = format!("to put its record right afterwards: helm -n {NAMESPACE} rollback ecommerce-platform");
    let owner = format!("Deployment {name}: Helm release ecommerce-platform puts it back with its next change");

    // Who owns it is told before the first write. What we bring ourselves was never in Helm's record.
    let new = image(name, "v1.3.0");
    let told = shop.does(0, &["run", "-i", &new, "--dry-run"]).out;
    assert!(told.contains(&format!("also managed: {owner}")), "{told}");
    shop.does(0, &["run", "-i", &new]);
    let told = shop.does(0, &["undo", "--dry-run"]).out;
    assert!(told.contains(&owner) && !told.contains("helm -n"), "{told}");
    shop.does(0, &["undo"]);

    shop.with(|kernel| {
        let upgrade = |d: &mut Value| d["spec"]["template"]["spec"]["containers"][0]["image"] = json!(image(name, "v1.4.0"));
        kernel.world.modify(&DEPLOYMENT, NAMESPACE, name, "helm", upgrade).unwrap();
    });
    let rolled = || shop.get(&DEPLOYMENT, name)["status"]["updatedReplicas"] == 3;
    until("the upgrade is out", || shop.image_of(name).ends_with("v1.4.0") && rolled());
    let told = shop.does(0, &["undo", "--dry-run"]).out;
    assert!(told.contains("Helm release ecommerce-platform wrote what is taken back") && told.contains(&how), "{told}");
    shop.does(0, &["undo"]);
    assert_eq!(shop.versions([name]), ["v1.2.3"]);
    let labels = &shop.get(&DEPLOYMENT, name)["metadata"]["labels"];
    assert_eq!(labels["app.kubernetes.io/managed-by"], "Helm", "it is Helm's as before");
}

/// `helm upgrade` turned the Service to green.
#[test]
fn a_route_that_helm_turned_goes_back_and_its_own_record_is_told() {
    let helm = json!({ "metadata": { "labels": { "app.kubernetes.io/managed-by": "Helm" }, "annotations": { "meta.helm.sh/release-name": "ecommerce-platform" } } });
    let shop = gateway(json!({ "blueGreen": { "hold": "1s" } }), json!([])).open();
    shop.patch(&SERVICE, GATEWAY, &helm);
    shop.patch(&DEPLOYMENT, GREEN, &json!({ "spec": { "replicas": 2 } }));
    shop.does(6, &["run", "--no-wait", "-i", &image(GATEWAY, "v1.3.0")]);
    shop.with(|kernel| {
        kernel.world.modify(&SERVICE, NAMESPACE, GATEWAY, "helm", |s| s["spec"]["selector"]["version"] = json!("green")).unwrap();
    });
    let told = shop.does(0, &["rollback", "--dry-run"]).out;
    assert!(told.contains(&format!("afterwards: helm -n {NAMESPACE} rollback ecommerce-platform")), "{told}");
    shop.does(0, &["rollback"]);
    assert_eq!(shop.selector(GATEWAY, "version"), "blue");
}

#[test]
fn the_user_service_rolls_without_losing_a_pod() {
    let name = "user-service";
    let labels = json!({ "app": name, "component": "authentication" });
    let objects = [deployment(name, 3, &image(name, "v1.2.3"), labels.clone()), service(name, labels)];
    let release = json!({ "components": [{ "name": "users", "stable": name }], "strategy": { "rolling": { "steps": [{ "weight": 34 }, { "approve": "look" }] } } });
    let shop = Site::new(NAMESPACE, objects).release("users", release).open();
    let new = image(name, "v1.3.0");
    let available = || shop.get(&DEPLOYMENT, name)["status"]["availableReplicas"].as_u64().unwrap_or(0);
    shop.does(6, &["run", "--no-wait", "-i", &new]);
    assert!(available() >= 3, "{}", available());
    let mut run = shop.spawn(&["-n", NAMESPACE, "--yes", "promote"]);
    until("the run is over", || {
        assert!(available() >= 3, "{}", available());
        run.is_over()
    });
    assert_eq!(run.end().code, Some(0));
    let rolled = shop.get(&DEPLOYMENT, name);
    assert_eq!((shop.image_of(name), &rolled["status"]["updatedReplicas"], &rolled["spec"]["replicas"]), (new, &json!(3), &json!(3)));
}
