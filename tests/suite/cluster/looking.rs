//! Fresh looks and live rows, over HTTP.

use std::sync::Arc;
use std::time::Duration;

use cutover::cluster::{discover, logs, observe, watch};
use cutover::domain::beside::Beside;
use cutover::domain::live::{Feed, Snapshot};
use cutover::domain::object::Kind;
use cutover::domain::port::Haste;
use cutover::domain::release::{Prometheus, Router, Track};
use cutover::domain::route::{Acceptance, RouteProblem};
use cutover::domain::time::Millis;
use cutover::sim::http::{Clock, Options};
use serde_json::{Value, json};

use super::{Bench, NAMESPACE, path, storefront};

const CANARY: &str = "fusion-electronics-backend-canary";
const SOON: Duration = Duration::from_secs(30);

async fn patch(bench: &Bench, target: String, change: Value) {
    let client = bench.connect(false).await.unary;
    let request = http::Request::patch(target).header("content-type", "application/merge-patch+json");
    client.request::<Value>(request.body(change.to_string().into_bytes()).unwrap()).await.unwrap();
}

/// The first snapshot that is as wanted, within a deadline.
async fn until(watching: &mut watch::Watching, what: &str, wanted: impl Fn(&Snapshot) -> bool) -> Arc<Snapshot> {
    let found = tokio::time::timeout(SOON, watching.snapshots.wait_for(|s| wanted(s))).await;
    found.unwrap_or_else(|_| panic!("{what} did not come")).unwrap().clone()
}

#[tokio::test]
async fn a_look_shows_both_sides_and_the_routes() {
    let bench = Bench::of("two-components").await;
    let client = bench.connect(false).await.unary;
    let seen = observe::observe(&client, &storefront(), jiff::Timestamp::now()).await.unwrap();
    for component in ["backend", "frontend"] {
        let stable = seen.workload(component, Track::Stable).unwrap();
        assert!(stable.is_settled(), "{stable:?}");
        assert_eq!((stable.ready_addresses, stable.revision), (stable.replicas, Some(1)));
        assert!(stable.replicas >= 3, "{stable:?}");
        assert!(stable.template_hash.is_some() && stable.digest.is_some() && stable.problems.is_empty(), "{stable:?}");
        assert_eq!(stable.change_cause.as_ref().map(|c| c.as_str()), Some("release v1.4.2"));
        assert_eq!(stable.hpa.as_ref().map(|h| (h.min, h.max)), Some((3, 10)));
        let candidate = seen.workload(component, Track::Candidate).unwrap();
        assert_eq!((candidate.replicas, candidate.ready_addresses), (0, 0));
        assert_eq!(seen.route(component).unwrap().percent(), 0);
    }
    assert_eq!(seen.route("backend").unwrap().accepted, Acceptance::Yes);
}

#[tokio::test]
async fn a_candidates_addresses_are_counted_when_they_are_ready() {
    let bench = Bench::of("two-components").await;
    let client = bench.connect(false).await.unary;
    for component in ["backend", "frontend"] {
        let name = format!("fusion-electronics-{component}-canary");
        patch(&bench, path("apps/v1", "deployments", &name), json!({ "spec": { "replicas": 2 } })).await;
    }
    let at_once = observe::observe(&client, &storefront(), jiff::Timestamp::now()).await.unwrap();
    let ready = |seen: &cutover::domain::observed::Observed| {
        ["backend", "frontend"].map(|c| seen.workload(c, Track::Candidate).unwrap().ready_addresses)
    };
    assert_eq!(ready(&at_once), [0, 0]);
    bench.pass(Duration::from_secs(120));
    let later = observe::observe(&client, &storefront(), jiff::Timestamp::now()).await.unwrap();
    assert_eq!(ready(&later), [2, 2]);
    let stable = later.workload("backend", Track::Stable).unwrap();
    assert_eq!(stable.ready_addresses, stable.ready, "one Service, told apart by pod");
}

#[tokio::test]
async fn what_is_missing_is_said_and_what_exists_is_still_seen() {
    let bench = Bench::of("two-components").await;
    let client = bench.connect(false).await.unary;
    let mut release = storefront();
    release.components[0].candidate = Some("nobody".into());
    if let Router::Istio { virtual_service, .. } = &mut release.components[0].router {
        *virtual_service = "nothing".into();
    }
    let seen = observe::observe(&client, &release, jiff::Timestamp::now()).await.unwrap();
    let backend = &seen.components["backend"];
    assert!(backend.stable.is_some() && backend.candidate.is_none());
    assert!(matches!(&backend.route, Err(RouteProblem::Missing(object)) if object.name == "nothing"), "{:?}", backend.route);
    assert!(seen.route("frontend").is_some());
}

#[tokio::test]
async fn autoscalers_that_may_not_be_listed_are_unknown_and_not_none() {
    let bench = Bench::of("two-components").await;
    bench.deny("list", "autoscaling", "horizontalpodautoscalers");
    let client = bench.connect(false).await.unary;
    let seen = observe::observe(&client, &storefront(), jiff::Timestamp::now()).await.unwrap();
    let stable = seen.workload("backend", Track::Stable).unwrap();
    assert!(stable.hpa.is_none() && stable.hpa_unknown && stable.may_autoscale());
}

/// Somebody's own route for testers, beside the release's.
async fn make_neighbour(bench: &Bench, candidate: Value) {
    let testers = json!([{ "headers": { "x-canary": { "exact": "always" } } }]);
    let route = json!([{ "destination": candidate }]);
    let body = json!({
        "apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": { "name": "testers", "namespace": NAMESPACE },
        "spec": { "hosts": ["beta.example"], "http": [{ "match": testers, "route": route }] },
    });
    let client = bench.connect(false).await.unary;
    let request = http::Request::post(format!("/apis/networking.istio.io/v1/namespaces/{NAMESPACE}/virtualservices"));
    client.request::<Value>(request.body(body.to_string().into_bytes()).unwrap()).await.unwrap();
}

#[tokio::test]
async fn another_route_to_the_candidate_is_seen_and_one_list_is_good_for_ten_seconds() {
    let bench = Bench::of("healthy").await;
    let client = bench.connect(false).await.unary;
    let there = discover::read(&client, NAMESPACE).await.unwrap();
    let release = there.propose(NAMESPACE, "dev", None).into_iter().find(|r| r.strategy.word() == "canary").expect("a pair");
    let component = &release.components[0];
    let Router::Istio { candidate, .. } = &component.router else { panic!("{:?}", component.router) };
    let candidate = json!({ "host": candidate.host, "subset": candidate.subset });
    let (memory, at) = (observe::Memory::default(), jiff::Timestamp::now());
    let look = async |after: u64, haste| {
        let at = at + Duration::from_secs(after);
        let seen = observe::observe_with(&client, &release, at, (&memory, haste)).await.unwrap();
        seen.components[&component.name].beside.clone()
    };
    let none = Beside::default();
    assert_eq!(look(0, Haste::Waited).await, none);
    make_neighbour(&bench, candidate).await;
    assert_eq!([look(9, Haste::Waited).await, look(59, Haste::Calm).await], [none.clone(), none]);
    let sends = Beside::Sends(vec!["VirtualService testers (header x-canary)".into()]);
    assert_eq!(look(10, Haste::Back).await, sends);
    assert!(matches!(look(11, Haste::AtOnce).await, Beside::Unread(_)), "the first look of a rollback does not ask");
    // That it cannot be read is a fact of its own, and fails no look.
    bench.deny("list", "networking.istio.io", "virtualservices");
    assert_eq!(look(12, Haste::Waited).await, sends, "from memory");
    let Beside::Forbidden(why) = look(30, Haste::Waited).await else { panic!("it may not be listed") };
    assert!(why.as_str().contains("virtualservices"), "{why}");
}

#[tokio::test]
async fn a_candidate_that_is_still_to_be_made_is_labelled_as_its_destination_rule_says() {
    let bench = Bench::of("two-components").await;
    let client = bench.connect(false).await.unary;
    let rules = bench.object(&format!("/apis/networking.istio.io/v1/namespaces/{NAMESPACE}/destinationrules")).await;
    let name = rules["items"][0]["metadata"]["name"].as_str().unwrap();
    let subsets = json!([{ "name": "stable", "labels": { "lane": "a" } }, { "name": "canary", "labels": { "lane": "b" } }]);
    patch(&bench, path("networking.istio.io/v1", "destinationrules", name), json!({ "spec": { "subsets": subsets } })).await;
    let mut release = storefront();
    release.components[0].candidate = Some("nobody".into());
    let look = async || observe::observe(&client, &release, jiff::Timestamp::now()).await.unwrap();
    let labels = look().await.route("backend").unwrap().candidate_labels.clone();
    assert_eq!(labels, [("lane".to_owned(), "b".to_owned())].into());
    bench.deny("list", "networking.istio.io", "destinationrules");
    assert!(look().await.route("backend").unwrap().candidate_labels.is_empty(), "not a reason to see nothing");
}

#[tokio::test]
async fn a_prometheus_is_found_behind_a_service_and_one_that_is_named_is_taken() {
    let bench = Bench::of("two-components").await;
    let client = bench.connect(false).await.unary;
    let look = async |named| discover::read_with_prometheus(&client, NAMESPACE, named).await.unwrap().1;
    let found = look(None).await.expect("it is behind a Service of another namespace");
    let named = Prometheus { interval: Millis::secs(7), ..found };
    assert_eq!(look(Some(named.clone())).await, Some(named));
}

#[tokio::test]
async fn watches_feed_rows_and_follow_changes() {
    let bench = Bench::of("two-components").await;
    let connection = bench.connect(true).await;
    let mut watching = watch::watch(connection.watch, NAMESPACE, std::sync::Arc::new(jiff::Timestamp::now));
    let live = |s: &Snapshot| s.feeds.values().all(|f| f.feed == Feed::Live);
    let snapshot = until(&mut watching, "all feeds", live).await;
    let of_canary = |s: &Snapshot| s.pods.iter().filter(|p| p.is_ready() && p.deployment.as_deref() == Some(CANARY)).count();
    assert_eq!((snapshot.pods.is_empty(), of_canary(&snapshot)), (false, 0));
    assert!(snapshot.pods.iter().all(|p| p.deployment.is_some()));
    assert_eq!((snapshot.deployments.len(), snapshot.hpas.is_empty(), snapshot.routes.len()), (4, false, 2));
    assert!(snapshot.feeds.values().all(|f| f.heard.is_some()));

    patch(&bench, path("apps/v1", "deployments", CANARY), json!({ "spec": { "replicas": 2 } })).await;
    bench.pass(Duration::from_secs(120));
    let grown = until(&mut watching, "the new pods", |s| of_canary(s) == 2).await;
    assert!(grown.events.iter().any(|e| e.about.0.as_str() == "Deployment" || e.about.0.as_str() == "ReplicaSet"), "{:?}", grown.events);
    // Watches that can no longer go on where they stood begin anew.
    bench.server.handle().with(|kernel| kernel.world.store.compact());
    patch(&bench, path("apps/v1", "deployments", CANARY), json!({ "spec": { "replicas": 0 } })).await;
    bench.pass(Duration::from_secs(120));
    until(&mut watching, "the pods' end", |s| !s.pods.iter().any(|p| p.deployment.as_deref() == Some(CANARY))).await;
}

#[tokio::test]
async fn a_watch_outlives_its_server_and_a_denied_kind_says_so() {
    let bench = Bench::of("two-components").await;
    bench.deny("list", "", "events");
    let address = bench.server.url().trim_start_matches("http://").parse().unwrap();
    let connection = bench.connect(true).await;
    let mut watching = watch::watch(connection.watch, NAMESPACE, std::sync::Arc::new(jiff::Timestamp::now));
    let snapshot =
        until(&mut watching, "the pods", |s| s.feeds[&Kind::Pod].feed == Feed::Live && s.feeds[&Kind::Event].feed != Feed::Syncing).await;
    assert!(matches!(snapshot.feeds[&Kind::Event].feed, Feed::Denied { .. }), "{:?}", snapshot.feeds);
    bench.server.stop().await;
    let cut = until(&mut watching, "the break", |s| matches!(s.feeds[&Kind::Pod].feed, Feed::Reconnecting { .. })).await;
    let names = |s: &Snapshot| s.pods.iter().map(|p| p.uid.clone()).collect::<Vec<_>>();
    assert_eq!(names(&cut), names(&snapshot), "what was seen stays on the screen");
    let again = Bench::with("healthy", Options { listen: address, clock: Clock::LockStep, ..Options::default() }).await;
    let healed = until(&mut watching, "the way back", |s| s.feeds[&Kind::Pod].feed == Feed::Live && names(s) != names(&cut)).await;
    let there = again.object(&format!("/api/v1/namespaces/{NAMESPACE}/pods")).await["items"].as_array().unwrap().len();
    assert_eq!(healed.pods.len(), there, "the old pods are gone");
}

#[tokio::test]
async fn a_log_is_followed_and_its_end_told() {
    let bench = Bench::of("healthy").await;
    let connection = bench.connect(true).await;
    let pods = bench.object(&format!("/api/v1/namespaces/{NAMESPACE}/pods")).await;
    let pod = pods["items"][0]["metadata"]["name"].as_str().unwrap().to_owned();
    let ask = |pod: &str, previous| logs::LogRequest { namespace: NAMESPACE.into(), pod: pod.into(), container: None, previous, tail: 5 };
    let mut tail = logs::tail(connection.watch.clone(), ask(&pod, false));
    bench.pass(Duration::from_secs(60));
    let first = tokio::time::timeout(SOON, tail.events.recv()).await.expect("no line came");
    assert!(matches!(first, Some(logs::LogEvent::Line(_))), "{first:?}");
    for (pod, previous) in [("nobody", false), ("../secrets", false), (pod.as_str(), true)] {
        let mut none = logs::tail(connection.watch.clone(), ask(pod, previous));
        let end = tokio::time::timeout(SOON, none.events.recv()).await.unwrap();
        assert!(matches!(&end, Some(logs::LogEvent::End(why)) if !why.as_str().is_empty()), "{pod}: {end:?}");
    }
}
