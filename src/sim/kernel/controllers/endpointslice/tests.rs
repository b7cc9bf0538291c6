use serde_json::{Value, json};

use super::SERVICE_NAME;
use crate::sim::kernel::{
    bench::{Bench, NS},
    object::Fields,
    resource::{DEPLOYMENT, ENDPOINT_SLICE, POD, SERVICE},
};

fn service(target: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "labels": {"team": "x"}},
        "spec": {"selector": {"app": "web"}, "ports": [{"name": "http", "port": 80, "targetPort": target}]}})
}

#[test]
fn a_service_without_pods_has_one_empty_slice() {
    let mut bench = Bench::bare();
    bench.create(service(json!(8080)));
    let [slice] = bench.list(&ENDPOINT_SLICE).try_into().unwrap();
    assert!(slice.name().starts_with("web-") && slice.name().len() == 9);
    assert_eq!((slice.label(SERVICE_NAME), slice.label("team"), slice.text("/addressType")), ("web", "x", "IPv4"));
    assert!(slice.items("/endpoints").is_empty());
}

#[test]
fn endpoints_follow_readiness_and_deletion() {
    let mut bench = Bench::with_nodes();
    bench.create(service(json!("http"))).deploy("web", 2, "web:v1").pass(15);
    let [slice] = bench.list(&ENDPOINT_SLICE).try_into().unwrap();
    assert_eq!(slice.pointer("/ports"), Some(&json!([{"name": "http", "port": 8080, "protocol": "TCP"}])));
    let [a, b] = slice.items("/endpoints") else { panic!("{slice}") };
    for endpoint in [a, b] {
        assert_eq!(endpoint.pointer("/conditions"), Some(&json!({"ready": true, "serving": true, "terminating": false})));
        let pod = bench.get(&POD, endpoint.text("/targetRef/name"));
        assert_eq!(endpoint.pointer("/addresses/0").unwrap(), pod.text("/status/podIP"));
        assert_eq!(endpoint.text("/nodeName"), pod.text("/spec/nodeName"));
        assert!(endpoint.text("/zone").starts_with("eu-central-1"));
    }
    bench.patch(&DEPLOYMENT, "web", json!({"spec": {"replicas": 1}}));
    let conditions = |bench: &Bench| -> Vec<Value> {
        let slices = bench.list(&ENDPOINT_SLICE);
        slices.iter().flat_map(|s| s.items("/endpoints")).map(|e| e.pointer("/conditions").unwrap().clone()).collect()
    };
    let leaving = json!({"ready": false, "serving": true, "terminating": true});
    assert!(conditions(&bench).contains(&leaving), "{:?}", conditions(&bench));
    bench.pass(10);
    assert_eq!(conditions(&bench).len(), 1);
}

#[test]
fn a_selector_that_is_switched_moves_all_endpoints() {
    let mut bench = Bench::bare();
    bench.create(service(json!(8080))).deploy("web", 2, "web:v1").all_ready();
    let kept = bench.list(&ENDPOINT_SLICE)[0].name().to_owned();
    bench.deploy("green", 1, "web:v2").all_ready();
    bench.patch(&SERVICE, "web", json!({"spec": {"selector": {"app": "green"}}}));
    let [slice] = bench.list(&ENDPOINT_SLICE).try_into().unwrap();
    let [only] = slice.items("/endpoints") else { panic!("{slice}") };
    assert!(only.text("/targetRef/name").starts_with("green-"));
    assert_eq!(slice.name(), kept, "the slice is filled anew, not replaced");
}

#[test]
fn more_than_a_hundred_pods_need_another_slice() {
    let mut bench = Bench::bare();
    bench.create(service(json!(8080))).deploy("web", 230, "web:v1").all_ready();
    let mut sizes: Vec<usize> = bench.list(&ENDPOINT_SLICE).iter().map(|s| s.items("/endpoints").len()).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [30, 100, 100]);
    bench.patch(&DEPLOYMENT, "web", json!({"spec": {"replicas": 0}}));
    let slices = bench.list(&ENDPOINT_SLICE);
    assert_eq!((slices.len(), slices[0].items("/endpoints").len()), (1, 0));
    bench.kernel.world.delete(&SERVICE, NS, "web", "test");
    bench.kernel.settle();
    assert!(bench.list(&ENDPOINT_SLICE).is_empty());
}
