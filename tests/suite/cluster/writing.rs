//! Actions become writes that land as a whole, or not at all, and change nothing else.

use std::collections::BTreeMap;
use std::time::Duration;

use cutover::cluster::{apply, observe};
use cutover::domain::action::{Action, ImageChange, Precondition, Target, WriteOutcome};
use cutover::domain::object::{Kind, ObjectRef};
use cutover::domain::observed::{Observed, Workload};
use cutover::domain::release::Track;
use cutover::domain::weight::Weight;
use kube::Client;
use serde_json::{Value, json};

use super::{Bench, NAMESPACE, path, storefront};

const ISTIO: (&str, &str, &str) = ("networking.istio.io/v1", "virtualservices", "fusion-electronics-backend");
const GATEWAY: (&str, &str, &str) = ("gateway.networking.k8s.io/v1", "httproutes", "fusion-electronics-frontend");
const DEPLOYMENT: (&str, &str, &str) = ("apps/v1", "deployments", "fusion-electronics-backend");

struct Desk {
    bench: Bench,
    client: Client,
    seen: Observed,
}

impl Desk {
    async fn new() -> Desk {
        let bench = Bench::of("two-components").await;
        let client = bench.connect(false).await.unary;
        let seen = observe::observe(&client, &storefront(), jiff::Timestamp::now()).await.unwrap();
        Desk { bench, client, seen }
    }

    async fn look(&mut self) {
        self.seen = observe::observe(&self.client, &storefront(), jiff::Timestamp::now()).await.unwrap();
    }

    fn workload(&self, track: Track) -> &Workload {
        self.seen.workload("backend", track).unwrap()
    }

    fn target(&self, track: Track) -> Target {
        let w = self.workload(track);
        Target {
            track,
            object: ObjectRef::new(Kind::Deployment, NAMESPACE, w.name.clone()),
            uid: w.uid.clone(),
            stamp: w.stamp.clone(),
            resource_version: Some(w.resource_version.clone()),
        }
    }

    fn route(&self, component: &str, weight: u8) -> Action {
        let facts = self.seen.route(component).unwrap().clone();
        Action::Route { component: component.into(), facts, weight: Weight::capped(weight), testers: Default::default() }
    }

    fn scale(&self, track: Track, to: u32) -> Action {
        Action::Scale { component: "backend".into(), target: self.target(track), from: self.workload(track).replicas, to }
    }

    async fn write(&self, action: &Action, precondition: Precondition, stamp: &str) -> WriteOutcome {
        apply::write(&self.client, action, precondition, stamp, false).await
    }

    async fn object(&self, of: (&str, &str, &str)) -> Value {
        self.bench.object(&path(of.0, of.1, of.2)).await
    }

    /// What somebody else does to an object.
    async fn meddle(&self, of: (&str, &str, &str), change: Value) {
        let request = http::Request::patch(path(of.0, of.1, of.2)).header("content-type", "application/merge-patch+json");
        self.client.request::<Value>(request.body(change.to_string().into_bytes()).unwrap()).await.unwrap();
    }
}

fn is_conflict(outcome: &WriteOutcome) -> bool {
    matches!(outcome, WriteOutcome::Conflict { .. })
}

/// Paths whose values differ, without what the server itself keeps.
fn changed(before: &Value, after: &Value) -> Vec<String> {
    let diff = serde_json::to_value(json_patch::diff(before, after)).unwrap();
    let paths = diff.as_array().unwrap().iter().map(|op| op["path"].as_str().unwrap().to_owned());
    paths.filter(|p| !["managedFields", "resourceVersion", "/generation", "/status"].iter().any(|own| p.contains(own))).collect()
}

#[tokio::test]
async fn a_shift_changes_two_numbers_of_a_route() {
    let desk = Desk::new().await;
    let kinds = [("backend", ISTIO, "/spec/http/0/route"), ("frontend", GATEWAY, "/spec/rules/0/backendRefs")];
    for (component, object, list) in kinds {
        let before = desk.object(object).await;
        assert_eq!(desk.write(&desk.route(component, 25), Precondition::Unchanged, "1.1").await, WriteOutcome::Landed);
        let after = desk.object(object).await;
        assert_eq!(changed(&before, &after), [format!("{list}/0/weight"), format!("{list}/1/weight")]);
        assert_eq!(
            (after.pointer(&format!("{list}/0/weight")), after.pointer(&format!("{list}/1/weight"))),
            (Some(&json!(75)), Some(&json!(25)))
        );
        assert_eq!(after["metadata"]["managedFields"].as_array().unwrap().iter().filter(|m| m["manager"] == "cutover").count(), 1);
    }
}

#[tokio::test]
async fn raising_traffic_fails_on_any_change_and_going_back_does_not() {
    let desk = Desk::new().await;
    desk.meddle(ISTIO, json!({ "metadata": { "labels": { "touched": "yes" } } })).await;
    assert!(is_conflict(&desk.write(&desk.route("backend", 25), Precondition::Unchanged, "1.1").await));
    assert_eq!(desk.write(&desk.route("backend", 0), Precondition::Identity, "1.2").await, WriteOutcome::Landed);
    // Another order of destinations is another entry: nothing may be written blindly.
    let swapped = json!({ "spec": { "http": [{ "name": "primary", "route": [
        { "destination": { "host": "fusion-electronics-backend", "subset": "canary" }, "weight": 60 },
        { "destination": { "host": "fusion-electronics-backend", "subset": "stable" }, "weight": 40 },
    ] }] } });
    desk.meddle(ISTIO, swapped).await;
    let before = desk.object(ISTIO).await;
    assert!(is_conflict(&desk.write(&desk.route("backend", 0), Precondition::Identity, "1.3").await));
    assert_eq!(desk.object(ISTIO).await, before);
    let mut desk = desk;
    desk.look().await;
    assert_eq!(desk.write(&desk.route("backend", 0), Precondition::Identity, "1.4").await, WriteOutcome::Landed);
    assert_eq!(desk.seen.route("backend").unwrap().percent(), 60);
    desk.look().await;
    assert_eq!(desk.seen.route("backend").unwrap().percent(), 0);
}

#[tokio::test]
async fn a_contested_route_is_written_by_its_values_and_our_stamp() {
    let mut desk = Desk::new().await;
    let fence = |desk: &Desk| Action::Fence { component: "backend".into(), object: desk.seen.route("backend").unwrap().object.clone() };
    let unstamped = desk.route("backend", 25);
    assert_eq!(desk.write(&fence(&desk), Precondition::Identity, "1.1").await, WriteOutcome::Landed);
    desk.look().await;
    assert_eq!(desk.seen.route("backend").unwrap().stamp.as_deref(), Some("1.1"));
    // Whatever else is written to it meanwhile is in nobody's way.
    let planned = desk.route("backend", 25);
    desk.meddle(ISTIO, json!({ "metadata": { "labels": { "touched": "yes" } } })).await;
    assert_eq!(desk.write(&planned, Precondition::Value, "1.2").await, WriteOutcome::Landed);
    assert!(is_conflict(&desk.write(&planned, Precondition::Value, "1.3").await), "the weights are others now");
    assert!(is_conflict(&desk.write(&unstamped, Precondition::Value, "1.3").await));
    // Another fence: what was planned before can no longer land, though the weights are as they were.
    desk.look().await;
    let late = desk.route("backend", 50);
    assert_eq!(desk.write(&fence(&desk), Precondition::Identity, "2.1").await, WriteOutcome::Landed);
    assert!(is_conflict(&desk.write(&late, Precondition::Value, "1.4").await));
}

#[tokio::test]
async fn a_route_of_ones_gets_weights_that_can_say_a_share() {
    let mut desk = Desk::new().await;
    let ones = |service: &str| json!({ "name": format!("fusion-electronics-frontend-{service}"), "port": 80 });
    let mut canary = ones("canary");
    canary["weight"] = json!(0);
    desk.meddle(GATEWAY, json!({ "spec": { "rules": [{ "backendRefs": [ones("stable"), canary] }] } })).await;
    desk.look().await;
    let facts = desk.seen.route("frontend").unwrap();
    assert_eq!((facts.stable, facts.candidate, facts.alone), (1, 0, true));
    assert_eq!(desk.write(&desk.route("frontend", 10), Precondition::Value, "1.1").await, WriteOutcome::Landed);
    desk.look().await;
    let facts = desk.seen.route("frontend").unwrap();
    assert_eq!((facts.stable, facts.candidate), (90, 10));
    assert!(facts.holds(Weight::capped(10)));
}

#[tokio::test]
async fn a_deployment_is_scaled_from_the_value_that_was_read_and_under_our_stamp() {
    let mut desk = Desk::new().await;
    let first = desk.scale(Track::Stable, 4);
    let before = desk.object(DEPLOYMENT).await;
    assert_eq!(desk.write(&first, Precondition::Value, "1.1").await, WriteOutcome::Landed);
    assert_eq!(changed(&before, &desk.object(DEPLOYMENT).await), ["/metadata/annotations/cutover.dev~1stamp", "/spec/replicas"]);
    assert!(is_conflict(&desk.write(&first, Precondition::Value, "1.2").await), "it has four already");
    desk.look().await;
    let planned = desk.scale(Track::Stable, 5);
    assert_eq!(desk.workload(Track::Stable).stamp.as_deref(), Some("1.1"));
    // Another driver's fence: what was planned before can no longer land.
    let fence = Action::Fence { component: "backend".into(), object: desk.target(Track::Stable).object };
    assert_eq!(desk.write(&fence, Precondition::Identity, "2.1").await, WriteOutcome::Landed);
    assert!(is_conflict(&desk.write(&planned, Precondition::Value, "1.3").await));
    // Status is written all the time; it is in nobody's way.
    desk.look().await;
    desk.bench.pass(Duration::from_secs(60));
    assert_eq!(desk.write(&desk.scale(Track::Stable, 5), Precondition::Value, "2.2").await, WriteOutcome::Landed);
}

#[tokio::test]
async fn a_dry_run_is_checked_in_full_and_changes_nothing() {
    let desk = Desk::new().await;
    let before = desk.object(ISTIO).await;
    let write = |precondition| apply::write(&desk.client, &DRY, precondition, "1.1", true);
    static DRY: std::sync::LazyLock<Action> = std::sync::LazyLock::new(|| Action::Fence {
        component: "backend".into(),
        object: ObjectRef::new(Kind::VirtualService, NAMESPACE, ISTIO.2),
    });
    assert_eq!(write(Precondition::Identity).await, WriteOutcome::Landed);
    assert_eq!(apply::write(&desk.client, &desk.route("backend", 25), Precondition::Unchanged, "1.1", true).await, WriteOutcome::Landed);
    assert_eq!(desk.object(ISTIO).await, before);
    desk.meddle(ISTIO, json!({ "metadata": { "labels": { "touched": "yes" } } })).await;
    assert!(is_conflict(&apply::write(&desk.client, &desk.route("backend", 25), Precondition::Unchanged, "1.1", true).await));
}

#[tokio::test]
async fn images_and_their_cause_are_set_and_a_kept_revision_put_back() {
    let mut desk = Desk::new().await;
    let image = |from: &str, to: &str| ImageChange {
        index: 0,
        container: "backend".into(),
        from: format!("registry.io/fusion-electronics-backend:{from}"),
        to: format!("registry.io/fusion-electronics-backend:{to}"),
    };
    let set = |desk: &Desk, from: &str| Action::SetImages {
        component: "backend".into(),
        target: desk.target(Track::Stable),
        images: vec![image(from, "v1.5.0")],
        cause: Some("try v1.5.0".into()),
        paused: Some(true),
    };
    assert!(is_conflict(&desk.write(&set(&desk, "v0"), Precondition::Value, "1.1").await), "the image is another");
    assert_eq!(desk.write(&set(&desk, "v1.4.2"), Precondition::Value, "1.1").await, WriteOutcome::Landed);
    desk.look().await;
    assert!(desk.workload(Track::Stable).paused);
    let go = Action::SetPaused { component: "backend".into(), target: desk.target(Track::Stable), paused: false };
    assert_eq!(desk.write(&go, Precondition::Value, "1.2").await, WriteOutcome::Landed);
    desk.bench.pass(Duration::from_secs(300));
    desk.look().await;
    let new = desk.workload(Track::Stable).clone();
    assert!(new.is_settled(), "{new:?}");
    assert_eq!((new.revision, new.change_cause.as_ref().map(|c| c.as_str())), (Some(2), Some("try v1.5.0")));
    let old = new.revisions.iter().find(|r| r.revision == 1).unwrap();

    let undo = |revision, replica_set: &str| Action::Undo {
        component: "backend".into(),
        target: desk.target(Track::Stable),
        revision,
        replica_set: replica_set.into(),
        cause: Some("undo to revision 1".into()),
    };
    assert!(is_conflict(&desk.write(&undo(7, &old.replica_set), Precondition::Value, "1.3").await), "it keeps another revision");
    assert!(matches!(desk.write(&undo(1, "gone"), Precondition::Value, "1.3").await, WriteOutcome::Refused { code: 404, .. }));
    assert_eq!(desk.write(&undo(1, &old.replica_set), Precondition::Value, "1.4").await, WriteOutcome::Landed);
    let (hash, images) = (old.template_hash.clone(), old.images.clone());
    desk.bench.pass(Duration::from_secs(300));
    desk.look().await;
    let back = desk.workload(Track::Stable);
    assert_eq!(
        (back.template_hash.as_deref(), &back.containers),
        (Some(hash.as_str()), &images),
        "the same template, so the same ReplicaSet"
    );
    assert_eq!((back.revision, back.is_settled()), (Some(3), true));
}

#[tokio::test]
async fn a_missing_candidate_is_cloned_once() {
    let desk = Desk::new().await;
    let clone = Action::Clone {
        component: "backend".into(),
        from: desk.target(Track::Stable),
        name: "fusion-electronics-backend-next".into(),
        labels: BTreeMap::from([("version".into(), "next".into())]),
        images: vec![ImageChange {
            index: 0,
            container: "backend".into(),
            from: String::new(),
            to: "registry.io/fusion-electronics-backend:v1.5.0".into(),
        }],
        replicas: 2,
        cause: Some("try v1.5.0".into()),
    };
    assert_eq!(desk.write(&clone, Precondition::Value, "1.1").await, WriteOutcome::Landed);
    assert!(is_conflict(&desk.write(&clone, Precondition::Value, "1.1").await), "it exists");
    desk.bench.pass(Duration::from_secs(300));
    let copy = desk.object(("apps/v1", "deployments", "fusion-electronics-backend-next")).await;
    assert_eq!((&copy["status"]["readyReplicas"], &copy["metadata"]["annotations"]["cutover.dev/stamp"]), (&json!(2), &json!("1.1")));
    let stable = desk.object(DEPLOYMENT).await;
    assert_eq!((&stable["spec"]["replicas"], &stable["status"]["readyReplicas"]), (&json!(3), &json!(3)), "stable keeps its own pods");
}

#[tokio::test]
async fn what_is_not_allowed_names_the_rule() {
    let desk = Desk::new().await;
    desk.bench.deny("patch", "networking.istio.io", "virtualservices");
    let outcome = desk.write(&desk.route("backend", 25), Precondition::Unchanged, "1.1").await;
    let WriteOutcome::Refused { code: 403, why } = outcome else { panic!("{outcome:?}") };
    assert!(why.contains(r#"{apiGroups: ["networking.istio.io"], resources: ["virtualservices"], verbs: ["patch"]}"#), "{why}");
}
