//! The control plane itself: that it is what the other suites take it for.

use std::time::Duration;

use kube::api::{Api, DynamicObject, ListParams, Patch, PatchParams};
use serde_json::{Value, json};

use crate::harness::changer::Changer;
use crate::harness::control_plane::{ControlPlane, User};
use crate::harness::deadline::eventually;
use crate::harness::exporter::{Behaviour, Exporter};
use crate::harness::namespace::TestNamespace;
use crate::harness::objects::{self, BACKEND, FRONTEND, virtual_services, weights};
use crate::harness::prometheus::Prometheus;
use crate::harness::slow_connection::SlowConnection;

/// The answer's code and reason.
fn refusal(result: Result<DynamicObject, kube::Error>) -> (u16, String, String) {
    match result {
        Err(kube::Error::Api(status)) => (status.code, status.reason.clone(), status.message.clone()),
        other => panic!("expected a refusal by the API server, got {other:?}"),
    }
}

async fn backend_only(namespace: &TestNamespace) {
    namespace.apply(&BACKEND.objects(&namespace.name, "v1.1.0", 1)).await;
}

#[tokio::test]
async fn deployments_become_ready_and_the_service_has_their_addresses() {
    let Some(plane) = ControlPlane::get("deployments_become_ready_and_the_service_has_their_addresses") else { return };
    let namespace = plane.namespace("ready").await;
    objects::deploy(&namespace, "v1.1.0", 1).await;
    let client = namespace.client(User::Watcher).await;
    let slices = objects::api(&client, &namespace.name, "discovery.k8s.io", "v1", "EndpointSlice");
    let of_backend = ListParams::default().labels(&format!("kubernetes.io/service-name={}", BACKEND.stable));
    eventually("four ready addresses", Duration::from_secs(30), async || {
        let slices = slices.list(&of_backend).await.map_err(|error| error.to_string())?;
        let endpoints = slices.items.iter().filter_map(|slice| slice.data["endpoints"].as_array()).flatten();
        match endpoints.filter(|endpoint| endpoint["conditions"]["ready"] == true).count() {
            4 => Ok(()),
            other => Err(other.to_string()),
        }
    })
    .await;
}

/// The three rows that every precondition in `cutover` rests on.
#[tokio::test]
async fn stale_versions_conflict_and_failed_tests_are_invalid() {
    let Some(plane) = ControlPlane::get("stale_versions_conflict_and_failed_tests_are_invalid") else { return };
    let namespace = plane.namespace("conflict").await;
    backend_only(&namespace).await;
    let client = namespace.client(User::Operator).await;
    let deployments = objects::api(&client, &namespace.name, "apps", "v1", "Deployment");
    let routes = virtual_services(&client, &namespace.name);
    let params = PatchParams::default();

    let stale = json!({ "metadata": { "resourceVersion": "1" }, "spec": { "replicas": 4 } });
    for patch in [Patch::Merge(&stale), Patch::Strategic(&stale)] {
        let (code, reason, _) = refusal(deployments.patch(BACKEND.stable, &params, &patch).await);
        assert_eq!((code, reason.as_str()), (409, "Conflict"));
    }
    let on_scale: Result<Value, kube::Error> = {
        let url = format!("/apis/apps/v1/namespaces/{}/deployments/{}/scale", namespace.name, BACKEND.stable);
        let request = http::Request::patch(url).header("content-type", "application/merge-patch+json");
        client.request(request.body(serde_json::to_vec(&stale).unwrap()).unwrap()).await
    };
    assert!(matches!(on_scale, Err(kube::Error::Api(ref status)) if status.code == 409), "{on_scale:?}");

    let json_patch = |operations: Value| Patch::Json::<()>(serde_json::from_value(operations).unwrap());
    let weight = json!({ "op": "replace", "path": "/spec/http/1/route/1/weight", "value": 10 });
    let swap = json!([{ "op": "replace", "path": "/metadata/resourceVersion", "value": "1" }, weight]);
    let (code, reason, _) = refusal(routes.patch(BACKEND.stable, &params, &json_patch(swap)).await);
    assert_eq!((code, reason.as_str()), (409, "Conflict"));

    let test = json!([{ "op": "test", "path": "/spec/http/1/route/1/weight", "value": 99 }, weight]);
    let (code, reason, message) = refusal(routes.patch(BACKEND.stable, &params, &json_patch(test)).await);
    assert_eq!((code, reason.as_str()), (422, "Invalid"));
    assert_eq!(message, "the server rejected our request due to an error in our request");

    assert_eq!(weights(&client, &namespace.name, BACKEND).await.unwrap(), (100, 0), "nothing of it landed");
    let log = namespace.audit(User::Operator);
    let codes: Vec<(&str, u64)> = log.iter().filter(|entry| entry.writes()).map(|entry| (entry.resource.as_str(), entry.code)).collect();
    let expected =
        [("deployments", 409), ("deployments", 409), ("deployments/scale", 409), ("virtualservices", 409), ("virtualservices", 422)];
    assert_eq!(codes, expected);
    assert_eq!(log[0].body["spec"]["replicas"], 4, "bodies of writes are in the log: {:?}", log[0]);
}

#[tokio::test]
async fn a_watcher_reads_and_is_refused_every_write() {
    let Some(plane) = ControlPlane::get("a_watcher_reads_and_is_refused_every_write") else { return };
    let namespace = plane.namespace("watcher").await;
    backend_only(&namespace).await;
    let client = namespace.client(User::Watcher).await;
    let routes = virtual_services(&client, &namespace.name);
    routes.get(BACKEND.stable).await.expect("a watcher may read");
    let change = json!({ "metadata": { "annotations": { "by": "a watcher" } } });
    let (code, reason, message) = refusal(routes.patch(BACKEND.stable, &PatchParams::default(), &Patch::Merge(change)).await);
    assert_eq!((code, reason.as_str()), (403, "Forbidden"));
    assert!(message.contains("cannot patch resource \"virtualservices\""), "{message}");
    let secrets: Api<DynamicObject> = objects::api(&client, &namespace.name, "", "v1", "Secret");
    assert!(matches!(secrets.list(&ListParams::default()).await, Err(kube::Error::Api(status)) if status.code == 403));

    let log = namespace.audit(User::Watcher);
    let seen: Vec<(&str, &str, u64)> = log.iter().map(|entry| (entry.verb.as_str(), entry.resource.as_str(), entry.code)).collect();
    assert_eq!(seen, [("get", "virtualservices", 200), ("patch", "virtualservices", 403), ("list", "secrets", 403)]);
    assert!(log[1].writes() && log[1].uri.contains("/namespaces/watcher-"), "{:?}", log[1]);
}

#[tokio::test]
async fn counters_follow_the_live_route_into_prometheus() {
    let Some(plane) = ControlPlane::get("counters_follow_the_live_route_into_prometheus") else { return };
    let namespace = plane.namespace("traffic").await;
    objects::deploy(&namespace, "v1.1.0", 1).await;
    let exporter = Exporter::start(&namespace, 200).await;
    exporter.set(&FRONTEND.image("v1.1.0"), Behaviour { errors: 0.5, latency: Duration::from_millis(400) });
    let prometheus = Prometheus::start(plane.assets(), &[exporter.port], Duration::from_secs(1)).await;
    let requests = |pods: &str| format!("sum(increase(http_requests_total{{namespace=\"{}\",pod=~\"{pods}\"}}[5s]))", namespace.name);
    let canary = requests("fusion-electronics-backend-canary-.*");
    let all = requests("fusion-electronics-backend-.*");

    eventually("backend requests in Prometheus", Duration::from_secs(60), async || match prometheus.number(&all).await {
        Ok(count) if count > 500.0 => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .await;
    assert_eq!(exporter.served(BACKEND, "canary"), 0, "the route says 100 to 0");

    let shift = json!([{ "op": "replace", "path": "/spec/http/1/route/0/weight", "value": 60 }, { "op": "replace", "path": "/spec/http/1/route/1/weight", "value": 40 }]);
    let routes = virtual_services(&namespace.client(User::Operator).await, &namespace.name);
    routes.patch(BACKEND.stable, &PatchParams::default(), &Patch::Json::<()>(serde_json::from_value(shift).unwrap())).await.unwrap();
    let share = format!("{canary} / {all}");
    eventually("40 % on the canary", Duration::from_secs(60), async || match prometheus.number(&share).await {
        // 1,000 requests in the window: four standard deviations are 6.2 points.
        Ok(share) if (share - 0.4).abs() < 0.062 => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .await;

    let frontend =
        |code: &str| format!("sum(increase(http_requests_total{{pod=~\"fusion-electronics-frontend-.*\",code=~\"{code}\"}}[5s]))");
    let errors = prometheus.number(&format!("{} / {}", frontend("5.."), frontend(".*"))).await.unwrap();
    assert!((errors - 0.5).abs() < 0.1, "half of the frontend's answers fail: {errors}");
    let slow =
        "histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket{pod=~\"fusion-electronics-frontend-.*\"}[5s])))";
    let slow = prometheus.number(slow).await.unwrap();
    assert!((0.5..=1.0).contains(&slow), "400 ms on average, 600 ms at most: in the bucket from 0.5 to 1: {slow}");
    assert_eq!(exporter.lost(), 0);

    prometheus.scrape(&[]);
    eventually("a blackout", Duration::from_secs(30), async || match prometheus.number("sum(http_requests_total)").await {
        Err(_) => Ok(()),
        Ok(count) => Err(count),
    })
    .await;
}

#[tokio::test]
async fn the_slow_connection_is_slow_and_the_changer_is_quick() {
    let Some(plane) = ControlPlane::get("the_slow_connection_is_slow_and_the_changer_is_quick") else { return };
    let namespace = plane.namespace("nuisance").await;
    backend_only(&namespace).await;
    let slow = SlowConnection::to(plane.port(), Duration::from_millis(200)).await;
    let routes = virtual_services(&namespace.client_through(User::Operator, slow.port).await, &namespace.name);
    let before = routes.get(BACKEND.stable).await.unwrap();
    let began = std::time::Instant::now();
    routes.get(BACKEND.stable).await.unwrap();
    assert!(began.elapsed() >= Duration::from_millis(400), "there and back on an open connection: {:?}", began.elapsed());

    let changer = Changer::start(virtual_services(&namespace.harness().await, &namespace.name), BACKEND.stable, 20);
    eventually("forty changes", Duration::from_secs(30), async || match changer.landed() {
        count @ ..40 => Err(count),
        _ => Ok(()),
    })
    .await;
    let swap = json!([{ "op": "replace", "path": "/metadata/resourceVersion", "value": before.metadata.resource_version },
        { "op": "replace", "path": "/spec/http/1/route/1/weight", "value": 10 }]);
    let (code, ..) =
        refusal(routes.patch(BACKEND.stable, &PatchParams::default(), &Patch::Json::<()>(serde_json::from_value(swap).unwrap())).await);
    assert_eq!(code, 409);
}
