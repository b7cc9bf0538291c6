//! What people and servers get wrong: each is told as it is, with what to do, and nothing is lost.

use cutover::sim::kernel::resource::{CONFIG_MAP, DEPLOYMENT};
use serde_json::{Value, json};

use crate::shop::front::Fault;
use crate::shop::{CANARY, NAMESPACE, NEW, STABLE, Shop, canary, kubeconfig, rule};

fn shop() -> Shop {
    let shop = Shop::open("healthy", 20.0);
    shop.file("cutover.yaml", &canary("{ weight: 10, hold: 1h }, { weight: 100 }, { approve: promote }"));
    shop
}

#[test]
fn a_missing_right_is_named_with_the_rule_that_would_grant_it() {
    let shop = shop();
    let run = ["run", "--image", NEW, "--timeout", "30s"];
    // Verb, group, resource, and whether the run can have begun by then.
    let rights = [
        ("list", "apps", "deployments"),
        ("get", "apps", "deployments"),
        ("get", "networking.istio.io", "virtualservices"),
        ("get", "", "configmaps"),
        ("create", "coordination.k8s.io", "leases"),
        ("create", "", "configmaps"),
    ];
    for (verb, group, resource) in rights {
        // No Lease of the round before, so that one has to be created.
        shop.lease_runs_out();
        shop.deny(verb, group, resource);
        let told = shop.cutover(&run);
        assert_eq!(told.code, Some(8), "{verb} {resource}: {told:?}");
        let text = format!("{}{}", told.out, told.err);
        assert!(text.contains(verb) && text.contains(resource), "{verb} {resource}: {told:?}");
        assert_eq!((shop.weights(), shop.image(CANARY) == NEW), ((100, 0), false), "{verb} {resource}");
    }
    // What is refused in the middle stops the run, says why, and can be taken back.
    for (resource, group) in [("deployments", "apps"), ("virtualservices", "networking.istio.io")] {
        shop.deny("patch", group, resource);
        let told = shop.cutover(&["run", "--image", NEW, "--no-wait", "--timeout", "30s"]);
        assert!(matches!(told.code, Some(6 | 8)), "{resource}: {told:?}");
        let text = format!("{}{}", told.out, told.err);
        assert!(text.contains("patch") && text.contains(resource), "{resource}: {told:?}");
        shop.with(|kernel| kernel.world.denied.clear());
        shop.ends(0, &["rollback"]);
        assert_eq!(shop.weights(), (100, 0));
    }
}

#[test]
fn who_cannot_write_at_all_can_look() {
    let shop = shop();
    for verb in ["create", "patch"] {
        shop.deny(verb, "", "");
        shop.ends(0, &["status"]);
        shop.ends(0, &["plan", "--image", NEW]);
        shop.ends(8, &["run", "--image", NEW]);
    }
}

#[test]
fn expired_credentials_and_a_silent_server_are_told_apart() {
    let shop = shop();
    let status = |code: u16, reason: &str| {
        json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": reason, "reason": reason, "code": code}).to_string()
    };
    let expired = status(401, "Unauthorized");
    shop.front.misbehave(rule(move |_, _| Some(Fault::Answer(401, "application/json", expired.clone()))));
    let told = shop.ends(8, &["status"]);
    assert!(told.err.contains("credentials") || told.err.contains("log in"), "{told:?}");
    shop.front.behave();
    shop.file("kubeconfig", &kubeconfig("http://127.0.0.1:1", "{}"));
    for args in [&["status"][..], &["rollback"], &["run", "--image", NEW]] {
        let told = shop.ends(5, args);
        assert!(told.err.contains("127.0.0.1:1"), "{told:?}");
    }
    shop.file("kubeconfig", &kubeconfig(&shop.front.url, "{}"));
    shop.front.misbehave(rule(|_, _| Some(Fault::Answer(200, "text/html", "<html>Sign in</html>".into()))));
    let told = shop.ends(5, &["status"]);
    assert!(told.err.contains("Sign in") || told.err.contains("Kubernetes"), "{told:?}");
}

#[test]
fn credentials_that_expire_in_the_middle_hold_a_run_and_lose_nothing() {
    let shop = shop();
    shop.ends(4, &["run", "--image", NEW, "--timeout", "20s"]);
    let run = shop.spawn(&["run", "--timeout", "60s"]);
    crate::shop::until("it is driven", || !shop.holder().is_empty());
    shop.front.misbehave(rule(|_, _| Some(Fault::Answer(401, "application/json", "{}".into()))));
    crate::shop::until("it asks", || shop.front.take_log().len() > 5);
    shop.front.behave();
    shop.ends(0, &["rollback"]);
    assert_eq!((run.end().code, shop.weights()), (Some(3), (100, 0)));
}

#[test]
fn a_namespace_without_workloads_says_where_to_look() {
    let shop = Shop::open("healthy", 20.0);
    for (args, code) in [(&["status"][..], 0), (&["run"], 2), (&["rollback"], 2), (&["init"], 2), (&["plan"], 2), (&["history"], 2)] {
        let told = shop.ends(code, &[args, &["-n", "default"]].concat());
        let text = format!("{}{}", told.out, told.err);
        assert!(text.contains("no Deployment") && text.contains("-n"), "{args:?}: {told:?}");
    }
    let told = shop.ends(2, &["rollback", "storefrnt"]);
    assert!(told.err.contains("no release `storefrnt` in namespace fusion-ecommerce"), "{told:?}");
}

#[test]
fn a_candidate_without_a_ready_address_gets_no_traffic() {
    let shop = Shop::open("image-pull", 20.0);
    shop.file("cutover.yaml", &canary("{ weight: 10, hold: 1h }, { weight: 100 }, { approve: promote }"));
    let nowhere = NEW;
    let told = shop.ends(4, &["run", "--image", nowhere, "--timeout", "6s"]);
    // Told once while it happens, however often the kubelet tries, and again where the time has run out.
    let pods: Vec<&str> = told.out.lines().filter(|line| line.contains("Z pods ") && line.contains("ImagePullBackOff")).collect();
    assert_eq!(pods.len(), 1, "{told:?}");
    assert!(told.err.contains("prepare; ") && (told.err.contains("ErrImagePull") || told.err.contains("ImagePullBackOff")), "{told:?}");
    assert_eq!((shop.image(CANARY).as_str(), shop.weights()), (nowhere, (100, 0)));
    let refused = shop.ends(1, &["step", "--to", "50"]);
    assert!(refused.err.contains("not ready"), "{refused:?}");
    let refused = shop.ends(1, &["promote"]);
    assert!(refused.err.contains("not ready"), "{refused:?}");
    shop.ends(0, &["rollback"]);
    assert_eq!(shop.weights(), (100, 0));
}

fn damage(shop: &Shop, rollout: Value) {
    let rollout = rollout.as_str().map_or_else(|| rollout.to_string(), str::to_owned);
    shop.with(|kernel| {
        kernel.world.modify(&CONFIG_MAP, NAMESPACE, "cutover-storefront", "test", |map| map["data"]["rollout"] = rollout.into()).unwrap();
    });
}

#[test]
fn a_stored_state_that_cannot_be_read_stops_everything_but_a_rollback() {
    let shop = shop();
    let damages = [json!("{\"schema\": 1, \"id\":"), json!({"schema": 99, "anything": true}), json!("")];
    for damaged in damages {
        shop.ends(4, &["run", "--image", NEW, "--timeout", "20s"]);
        assert_eq!(shop.weights(), (90, 10));
        damage(&shop, damaged.clone());
        let told = shop.ends(1, &["step"]);
        assert!(told.err.contains("ConfigMap cutover-storefront"), "{damaged}: {told:?}");
        shop.ends(1, &["run", "--image", NEW, "--timeout", "20s"]);
        assert_eq!(shop.weights(), (90, 10), "{damaged}");
        let status = shop.ends(0, &["status"]);
        assert!(status.out.contains("ConfigMap cutover-storefront"), "{status:?}");
        let told = shop.ends(0, &["rollback"]);
        assert_eq!(shop.weights(), (100, 0), "{damaged}: {told:?}");
        shop.with(|kernel| kernel.world.delete(&CONFIG_MAP, NAMESPACE, "cutover-storefront", "test"));
    }
}

#[test]
fn a_release_file_that_does_not_fit_the_cluster_says_what_does_not() {
    let shop = shop();
    let fits = canary("{ weight: 100 }");
    for (from, to, part) in [
        ("virtualService: fusion-electronics-backend", "virtualService: nosuch", "nosuch"),
        (&*format!("stable: {STABLE}\n"), "stable: nosuch\n", "nosuch"),
        ("{ weight: 100 }", "{ weight: 101 }", "cutover.yaml:9"),
        ("steps", "stepz", "steps"),
        ("gates: []", "gates: 7", "cutover.yaml:10"),
    ] {
        assert!(fits.contains(from), "{from}");
        shop.file("cutover.yaml", &fits.replace(from, to));
        for args in [&["plan"][..], &["run", "--image", NEW, "--timeout", "20s"]] {
            let told = shop.cutover(args);
            assert!(matches!(told.code, Some(1 | 2)), "{to}: {told:?}");
            assert!(told.err.contains(part) || told.out.contains(part), "{to}: {told:?}");
        }
    }
    assert_eq!(shop.object(&CONFIG_MAP, "cutover-storefront"), None);
    assert!(shop.object(&DEPLOYMENT, CANARY).is_some());
}
