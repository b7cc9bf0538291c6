use serde_json::json;

use crate::sim::kernel::{
    bench::Bench,
    object::Fields,
    resource::{POD, REPLICA_SET},
};

fn set(replicas: i64, min_ready: i64) -> serde_json::Value {
    json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "rs"},
        "spec": {"replicas": replicas, "minReadySeconds": min_ready, "selector": {"matchLabels": {"app": "a"}},
            "template": {"metadata": {"labels": {"app": "a", "tier": "b"}, "annotations": {"note": "x"}},
                "spec": {"containers": [{"name": "c", "image": "i:1"}]}}},
    })
}

#[test]
fn pods_are_made_in_its_image_and_counted() {
    let mut bench = Bench::bare();
    bench.create(set(2, 0));
    let pods = bench.list(&POD);
    assert_eq!(pods.len(), 2);
    for pod in &pods {
        let suffix = pod.name().strip_prefix("rs-").unwrap();
        assert_eq!((suffix.len(), pod.annotation("note"), pod.label("tier")), (5, "x", "b"));
        assert_eq!(pod.controller().unwrap().text("/uid"), bench.get(&REPLICA_SET, "rs").uid());
        assert!(bench.told("ReplicaSet", &format!("SuccessfulCreate: Created pod: {}", pod.name())));
    }
    let status = bench.get(&REPLICA_SET, "rs");
    assert_eq!((status.int("/status/replicas"), status.int("/status/fullyLabeledReplicas")), (Some(2), Some(2)));
    assert_eq!(status.int("/status/readyReplicas"), None);
    bench.all_ready();
    assert_eq!(bench.get(&REPLICA_SET, "rs").int("/status/availableReplicas"), Some(2));
}

#[test]
fn the_pod_that_is_not_ready_goes_first() {
    let mut bench = Bench::bare();
    bench.create(set(3, 0)).all_ready();
    let broken = bench.list(&POD)[1].name().to_owned();
    bench.set_ready(&[&broken], false);
    bench.patch(&REPLICA_SET, "rs", json!({"spec": {"replicas": 2}}));
    assert!(bench.list(&POD).iter().all(|pod| pod.name() != broken));
    assert!(bench.told("ReplicaSet", &format!("SuccessfulDelete: Deleted pod: {broken}")));
    assert_eq!(bench.get(&REPLICA_SET, "rs").int("/status/readyReplicas"), Some(2));
}

#[test]
fn a_lost_pod_is_replaced_a_strayed_one_let_go_and_an_orphan_taken() {
    let mut bench = Bench::bare();
    bench.create(set(2, 0));
    let lost = bench.list(&POD)[0].name().to_owned();
    bench.kernel.world.delete(&POD, super::super::super::bench::NS, &lost, "test");
    bench.kernel.settle();
    assert_eq!(bench.list(&POD).len(), 2);
    let strayed = bench.list(&POD)[0].name().to_owned();
    bench.patch(&POD, &strayed, json!({"metadata": {"labels": {"app": "other"}}}));
    assert_eq!(bench.list(&POD).len(), 3);
    assert!(bench.get(&POD, &strayed).controller().is_none());
    // Given back its label it fits again; now there is one too many.
    bench.patch(&POD, &strayed, json!({"metadata": {"labels": {"app": "a"}}}));
    assert_eq!(bench.list(&POD).len(), 2);
    assert_eq!(bench.get(&REPLICA_SET, "rs").int("/status/replicas"), Some(2));
}

#[test]
fn min_ready_seconds_delay_availability() {
    let mut bench = Bench::bare();
    bench.create(set(2, 30)).all_ready();
    let available = |bench: &Bench| bench.get(&REPLICA_SET, "rs").int("/status/availableReplicas");
    assert_eq!(bench.get(&REPLICA_SET, "rs").int("/status/readyReplicas"), Some(2));
    assert_eq!(available(&bench), None);
    bench.pass(29);
    assert_eq!(available(&bench), None);
    bench.pass(2);
    assert_eq!(available(&bench), Some(2));
}
