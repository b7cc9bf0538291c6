//! A read-only connection reads everything and sends nothing that could change anything.

use cutover::cluster::{ClusterError, access, apply, lease, observe, state};
use cutover::domain::action::{Action, Precondition, WriteOutcome};
use cutover::domain::object::{Kind, ObjectRef};
use cutover::domain::port::{LeaseAsk, LeaseOutcome, StoreOutcome};

use super::{Bench, NAMESPACE, state::rollout, storefront};

#[tokio::test]
async fn nothing_of_ours_gets_through_but_reads_and_reviews() {
    let bench = Bench::of("two-components").await;
    let writer = bench.connect(false).await.unary;
    let run = rollout();
    let StoreOutcome::Stored { version } = state::store(&writer, &run, None, &[]).await else { panic!() };
    let before = bench.server.handle().with(|kernel| kernel.world.store.revision());

    let watcher = bench.connect(true).await;
    assert!(watcher.read_only);
    let client = &watcher.unary;
    let object = ObjectRef::new(Kind::Deployment, NAMESPACE, "fusion-electronics-backend");
    let fence = Action::Fence { component: "backend".into(), object };
    let outcome = apply::write(client, &fence, Precondition::Identity, "1.1", false).await;
    assert!(matches!(&outcome, WriteOutcome::Refused { code: 403, why } if why.contains("read-only")), "{outcome:?}");
    assert!(
        matches!(apply::write(client, &fence, Precondition::Identity, "1.1", true).await, WriteOutcome::Refused { .. }),
        "nor a dry run"
    );
    assert!(matches!(state::store(client, &run, Some(&version), &[]).await, StoreOutcome::Refused { .. }));
    let asked = lease::ask(client, NAMESPACE, "storefront", "me", &LeaseAsk::Acquire { expired: None, after: 0 }).await;
    assert!(matches!(asked, LeaseOutcome::Refused { .. }), "{asked:?}");

    for (verb, target) in [
        ("GET", "pods/x/exec?command=sh"),
        ("GET", "pods/x/attach"),
        ("GET", "pods/x/portforward?ports=80"),
        ("GET", "services/x/proxy/quit"),
        ("POST", "pods/x/exec"),
        ("DELETE", "pods/x"),
        ("PUT", "configmaps/x"),
    ] {
        let uri = format!("/api/v1/namespaces/{NAMESPACE}/{target}");
        let error = watcher.watch.request_text(http::Request::builder().method(verb).uri(uri).body(vec![]).unwrap()).await.unwrap_err();
        assert!(error.to_string().contains("read-only"), "{verb} {target}: {error}");
    }
    assert_eq!(bench.server.handle().with(|kernel| kernel.world.store.revision()), before);

    assert!(observe::observe(client, &storefront(), jiff::Timestamp::now()).await.is_ok());
    assert_eq!(state::load(client, NAMESPACE, "storefront").await.unwrap().unwrap().rollout, Some(run.into()));
    assert_eq!(lease::ask(client, NAMESPACE, "storefront", "me", &LeaseAsk::Read).await, LeaseOutcome::Free);
    assert!(access::access(client, &storefront()).await.unwrap().may_write(), "the server would allow it: only we do not");
}

#[tokio::test]
async fn rights_are_known_before_they_matter() {
    let bench = Bench::of("two-components").await;
    let client = bench.connect(false).await.unary;
    bench.deny("patch", "gateway.networking.k8s.io", "httproutes");
    let rights = access::access(&client, &storefront()).await.unwrap();
    let missing = rights.missing();
    assert_eq!(missing.len(), 1);
    assert!(missing[0].starts_with("needs patch on httproutes in namespace fusion-ecommerce; ask for the rule"), "{missing:?}");
    let seen = observe::observe(&client, &storefront(), jiff::Timestamp::now()).await.unwrap();
    let route = |component: &str| Action::Route {
        component: component.into(),
        facts: seen.route(component).unwrap().clone(),
        weight: cutover::domain::weight::Weight::ZERO,
        testers: Default::default(),
    };
    assert_eq!(rights.refusal(&route("frontend")), Some(missing[0].clone()));
    assert_eq!(rights.refusal(&route("backend")), None);
    assert!(access::may_write(&client, NAMESPACE).await.unwrap());
    bench.deny("patch", "", "");
    bench.deny("create", "", "");
    assert!(!access::may_write(&client, NAMESPACE).await.unwrap());
    let none = access::access(&client, &storefront()).await.unwrap();
    assert!(!none.may_write() && none.cannot_drive().is_some());
    bench.deny("list", "", "pods");
    let error = observe::observe(&client, &storefront(), jiff::Timestamp::now()).await.unwrap_err();
    assert!(matches!(&error, ClusterError::Forbidden { rule, .. } if rule.contains("pods")), "{error}");
}
