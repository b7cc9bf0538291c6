//! The two patches of an Application: all or nothing, and nothing of it besides.

use cutover::cluster::{apply, observe};
use cutover::domain::action::{Action, Precondition, WriteOutcome};
use cutover::domain::auto_sync::Application;
use cutover::domain::observed::Observed;
use cutover::domain::owner::Reverts;
use kube::Client;
use serde_json::{Value, json};

use super::{Bench, storefront};

const PATH: &str = "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications/storefront";
const POLICY: &str = r#"{"prune":true,"selfHeal":true}"#;

/// The release of the scenario: its one component.
async fn look(client: &Client) -> Observed {
    let mut release = storefront();
    release.components.truncate(1);
    observe::observe(client, &release, jiff::Timestamp::now()).await.unwrap()
}

async fn read(client: &Client) -> (Reverts, Application) {
    let seen = look(client).await;
    let owner = seen.components["backend"].owners.iter().find(|o| o.application.is_some()).unwrap().clone();
    (owner.reverts, *owner.application.unwrap())
}

fn suspend(application: &Application) -> Action {
    Action::SuspendSync { component: "backend".into(), application: Box::new(application.clone()) }
}

fn restore(application: &Application) -> Action {
    Action::RestoreSync { component: "backend".into(), application: Box::new(application.clone()) }
}

async fn write(client: &Client, action: &Action) -> WriteOutcome {
    apply::write(client, action, Precondition::Value, "1.1", false).await
}

fn without_server_fields(mut object: Value) -> Value {
    object["metadata"]
        .as_object_mut()
        .unwrap()
        .retain(|key, _| !["managedFields", "resourceVersion", "generation"].contains(&key.as_str()));
    object.as_object_mut().unwrap().remove("status");
    object
}

#[tokio::test]
async fn suspending_and_restoring_leaves_an_application_as_it_was() {
    let bench = Bench::of("gitops").await;
    let client = bench.connect(false).await.unary;
    let before = without_server_fields(bench.object(PATH).await);
    let (reverts, application) = read(&client).await;
    assert_eq!((reverts, application.automated.as_deref(), application.annotated), (Reverts::AtOnce, Some(POLICY), false));
    assert_eq!(apply::dry_run(&client, &[(suspend(&application), Precondition::Value)]).await, [WriteOutcome::Landed]);
    assert_eq!(without_server_fields(bench.object(PATH).await), before, "a dry run changes nothing");

    assert_eq!(write(&client, &suspend(&application)).await, WriteOutcome::Landed);
    let mut expected = before.clone();
    expected["spec"]["syncPolicy"].as_object_mut().unwrap().remove("automated");
    expected["metadata"]["annotations"] = json!({ "cutover.dev/auto-sync": POLICY });
    assert_eq!(without_server_fields(bench.object(PATH).await), expected);
    assert!(matches!(write(&client, &suspend(&application)).await, WriteOutcome::Conflict { .. }), "it is not what was read any more");

    let (reverts, suspended) = read(&client).await;
    assert!(reverts == Reverts::ByHand && suspended.is_suspended() && suspended.since.is_some(), "{suspended:?}");
    assert_eq!(write(&client, &restore(&suspended)).await, WriteOutcome::Landed);
    let mut expected = before;
    expected["metadata"]["annotations"] = json!({});
    let mut after = without_server_fields(bench.object(PATH).await);
    after["metadata"].as_object_mut().unwrap().entry("annotations").or_insert(json!({}));
    assert_eq!(after, expected);
    assert!(matches!(write(&client, &restore(&suspended)).await, WriteOutcome::Conflict { .. }), "nor twice");
}

#[tokio::test]
async fn what_somebody_else_did_meanwhile_is_a_conflict_or_stays() {
    let bench = Bench::of("gitops").await;
    let client = bench.connect(false).await.unary;
    let (_, application) = read(&client).await;
    let meddle = async |change: Value| {
        let request = http::Request::patch(PATH).header("content-type", "application/merge-patch+json");
        client.request::<Value>(request.body(change.to_string().into_bytes()).unwrap()).await.unwrap();
    };
    meddle(json!({ "spec": { "syncPolicy": { "automated": { "prune": false } } } })).await;
    assert!(matches!(write(&client, &suspend(&application)).await, WriteOutcome::Conflict { .. }));
    let (_, application) = read(&client).await;
    // A map that is not there is made only where nobody else has made it since.
    meddle(json!({ "metadata": { "annotations": { "mine": "yes" } } })).await;
    assert!(matches!(write(&client, &suspend(&application)).await, WriteOutcome::Conflict { .. }));
    let (_, application) = read(&client).await;
    assert_eq!(write(&client, &suspend(&application)).await, WriteOutcome::Landed);
    assert_eq!(bench.object(PATH).await["metadata"]["annotations"]["mine"], "yes");
    meddle(json!({ "spec": { "syncPolicy": { "automated": { "allowEmpty": true } } } })).await;
    let (_, theirs) = read(&client).await;
    assert_eq!(write(&client, &restore(&theirs)).await, WriteOutcome::Landed);
    let left = bench.object(PATH).await;
    assert_eq!(
        (&left["spec"]["syncPolicy"]["automated"], &left["metadata"]["annotations"]),
        (&json!({ "allowEmpty": true }), &json!({ "mine": "yes" }))
    );
}

#[tokio::test]
async fn whether_it_may_be_written_is_known_and_read_only_sends_nothing() {
    let bench = Bench::of("gitops").await;
    let watcher = bench.connect(true).await.unary;
    let (_, application) = read(&watcher).await;
    assert_eq!(application.denied, None, "the server would allow it: only we do not");
    for action in [suspend(&application), restore(&application)] {
        let outcome = write(&watcher, &action).await;
        // What is not suspended has no patch to restore it.
        let nothing = matches!(action, Action::RestoreSync { .. }) && outcome == WriteOutcome::Landed;
        assert!(nothing || matches!(&outcome, WriteOutcome::Refused { code: 403, why } if why.contains("read-only")), "{outcome:?}");
    }
    assert_eq!(bench.object(PATH).await["spec"]["syncPolicy"]["automated"], json!({ "prune": true, "selfHeal": true }));
    bench.deny("patch", "argoproj.io", "applications");
    let (_, application) = read(&watcher).await;
    assert!(
        application.denied.as_deref().is_some_and(|why| why.starts_with("needs patch on applications in namespace argocd")),
        "{application:?}"
    );
}
