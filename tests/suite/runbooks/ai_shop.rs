//! The AI-enhanced shop: Services that are patched by hand, a rolling backend, a canary in half hours.

use cutover::sim::kernel::resource::SERVICE;
use serde_json::{Value, json};

use super::site::{Site, deployment, service, switched};

const NAMESPACE: &str = "ecommerce-production";
const BACKEND: &str = "backend-deployment";

fn image(name: &str, tag: &str) -> String {
    format!("ghcr.io/your-org/ecommerce-{name}:{tag}")
}

fn labels(app: &str, version: &str) -> Value {
    json!({ "app": app, "version": version })
}

#[test]
fn the_frontend_service_goes_to_green_and_back() {
    let (blue, green) = ("frontend-deployment-blue", "frontend-deployment-green");
    let objects = [
        deployment(blue, 2, &image("frontend", "v1"), labels("frontend", "blue")),
        deployment(green, 2, &image("frontend", "v2"), labels("frontend", "green")),
        service("frontend-service", labels("frontend", "blue")),
    ];
    let component = switched("frontend", [blue, green], "frontend-service", "version", ["blue", "green"]);
    let release = json!({ "components": [component], "strategy": { "blueGreen": { "approve": false, "hold": "1s" } } });
    let shop = Site::new(NAMESPACE, objects).release("frontend", release).open();
    // Green runs the new version already: it was applied beforehand.
    shop.does(0, &["run"]);
    assert_eq!(shop.selector("frontend-service", "version"), "green");
    shop.does(0, &["rollback"]);
    assert_eq!(shop.selector("frontend-service", "version"), "blue");
    assert_eq!(shop.selector("frontend-service", "app"), "frontend");
}

/// Somebody has sent all requests to the canary by hand. Nothing is on record.
fn in_trouble() -> Site {
    let canary = format!("{BACKEND}-canary");
    let objects = [
        deployment(BACKEND, 3, &image("backend", "v1"), labels("backend", "stable")),
        deployment(&canary, 3, &image("backend", "v2"), labels("backend", "canary")),
        service("backend-service", labels("backend", "stable")),
    ];
    let component = switched("backend", [BACKEND, &canary], "backend-service", "version", ["stable", "canary"]);
    Site::new(NAMESPACE, objects).release("backend", json!({ "components": [component], "strategy": { "blueGreen": {} } }))
}

#[test]
fn in_an_emergency_the_backend_service_goes_back_to_stable() {
    for shop in [in_trouble().open(), in_trouble().open_undeclared()] {
        shop.patch(&SERVICE, "backend-service", &json!({ "spec": { "selector": { "version": "canary" } } }));
        let shown = shop.does(0, &["rollback", "--dry-run"]);
        assert!(shown.out.contains("selector version canary → stable"), "{shown:?}");
        let told = shop.does(0, &["rollback"]);
        assert_eq!(shop.selector("backend-service", "version"), "stable", "{told:?}");
        assert_eq!(shop.versions([BACKEND]), ["v1"]);
    }
}

#[test]
fn the_backend_rolls_is_undone_and_goes_to_revision_two() {
    let objects = [
        deployment(BACKEND, 3, &image("backend", "v1"), json!({ "app": "backend" })),
        service("backend-service", json!({ "app": "backend" })),
    ];
    let release = json!({ "components": [{ "name": "backend", "stable": BACKEND }], "strategy": { "rolling": {} } });
    let shop = Site::new(NAMESPACE, objects).release("backend", release).open();
    for tag in ["v2", "v3", "v4"] {
        shop.does(0, &["run", "-i", &image("backend", tag)]);
        assert_eq!(shop.versions([BACKEND]), [tag]);
    }
    shop.does(0, &["undo"]);
    assert_eq!(shop.versions([BACKEND]), ["v3"]);
    shop.does(0, &["undo", "--to-revision", "2"]);
    assert_eq!(shop.versions([BACKEND]), ["v2"]);
}

#[test]
fn the_canary_grows_after_half_an_hour_each() {
    let canary = format!("{BACKEND}-canary");
    let backend = |name: &str| json!({ "name": name, "port": 80, "weight": if name.ends_with("-canary") { 0 } else { 100 } });
    let route = json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": { "name": "backend" },
        "spec": { "parentRefs": [{ "name": "gateway" }],
            "rules": [{ "backendRefs": [backend("backend-service"), backend("backend-service-canary")] }] },
    });
    let hpa = json!({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": { "name": "backend-hpa" },
        "spec": { "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": BACKEND }, "minReplicas": 3, "maxReplicas": 10,
            "metrics": [{ "type": "Resource", "resource": { "name": "cpu", "target": { "type": "Utilization", "averageUtilization": 70 } } }] },
    });
    let gateway = json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": { "name": "gateway" },
        "spec": { "gatewayClassName": "embedded", "listeners": [{ "name": "http", "port": 80, "protocol": "HTTP" }] },
    });
    let objects = [
        gateway,
        deployment(BACKEND, 3, &image("backend", "v1"), labels("backend", "stable")),
        deployment(&canary, 0, &image("backend", "v1"), labels("backend", "canary")),
        service("backend-service", labels("backend", "stable")),
        service("backend-service-canary", labels("backend", "canary")),
        route,
        hpa,
    ];
    let component =
        json!({ "name": "backend", "stable": BACKEND, "candidate": canary, "traffic": { "gateway": { "httpRoute": "backend" } } });
    let steps =
        json!([{ "weight": 10, "hold": "30m" }, { "weight": 25, "hold": "30m" }, { "weight": 50, "hold": "30m" }, { "weight": 100 }]);
    let gates = json!([
        { "errors": { "above": "5%", "for": "2m", "then": "rollback" } },
        { "latency": { "quantile": 0.95, "above": "2s", "for": "5m", "then": "pause" } },
    ]);
    let release = json!({ "components": [component], "strategy": { "canary": { "steps": steps } }, "gates": gates });
    let site = Site::new(NAMESPACE, objects).release("backend", release).requests(json!({ "httpRoute": "backend" }), 40);
    let story = site.rehearse(0, json!({ "backend": image("backend", "v2") }), &[]);
    assert_eq!(story.weights(), [10, 25, 50, 100]);
    let held: Vec<i64> = (0..3).map(|n| story.minutes(("shift", n), "held")).collect();
    assert!(held.iter().all(|minutes| (30..33).contains(minutes)), "{held:?}");
}
