use serde_json::json;

use super::*;
use crate::sim::kernel::{
    Kernel, World,
    resource::{CONFIG_MAP, DEPLOYMENT, NAMESPACE, POD, REPLICA_SET},
};

fn kernel() -> Kernel {
    Kernel::new(1, "2026-11-21T03:00:00Z".parse().unwrap())
}

fn config(world: &mut World, data: Value) -> Arc<Value> {
    world.create(&CONFIG_MAP, json!({"metadata": {"name": "c", "namespace": "default"}, "data": data}), "test").unwrap()
}

#[test]
fn create_fills_metadata_and_a_second_one_is_refused() {
    let mut world = kernel().world;
    let object = config(&mut world, json!({"a": "1"}));
    assert_eq!(object.text("/metadata/creationTimestamp"), "2026-11-21T03:00:00Z");
    assert_eq!((object.text("/apiVersion"), object.text("/kind"), object.uid().len()), ("v1", "ConfigMap", 36));
    let again = world.create(&CONFIG_MAP, json!({"metadata": {"name": "c", "namespace": "default"}}), "test");
    assert_eq!(again.unwrap_err().message, "configmaps \"c\" already exists");
    let nowhere = world.create(&CONFIG_MAP, json!({"metadata": {"name": "c", "namespace": "x"}}), "test");
    assert_eq!(nowhere.unwrap_err().message, "namespaces \"x\" not found");
}

#[test]
fn a_stale_version_conflicts_and_a_no_op_keeps_the_version() {
    let mut world = kernel().world;
    let first = config(&mut world, json!({"a": "1"}));
    let same = world.modify(&CONFIG_MAP, "default", "c", "test", |_| {}).unwrap();
    assert_eq!(first.revision(), same.revision());
    let second = world.modify(&CONFIG_MAP, "default", "c", "test", |c| c.put("/data/a", "2")).unwrap();
    assert!(second.revision() > first.revision());
    let stamp = Stamp::update(world.now(), "test");
    let stale = world.store.update(stamp, &CONFIG_MAP, Value::clone(&first)).unwrap_err();
    assert_eq!((stale.code, stale.reason), (409, "Conflict"));
    assert!(stale.message.starts_with("Operation cannot be fulfilled on configmaps \"c\": the object has been modified"));
}

#[test]
fn generation_follows_the_spec_and_not_the_status() {
    let mut world = kernel().world;
    let object = json!({"metadata": {"name": "d", "namespace": "default"}, "spec": {"replicas": 1}});
    world.create(&DEPLOYMENT, object, "test").unwrap();
    world.modify_status(&DEPLOYMENT, "default", "d", "test", |d| d.put("/status/replicas", 1)).unwrap();
    world.modify(&DEPLOYMENT, "default", "d", "test", |d| d.put("/metadata/labels/a", "b")).unwrap();
    let object = world.modify(&DEPLOYMENT, "default", "d", "test", |d| d.put("/status/replicas", 7)).unwrap();
    assert_eq!((object.int("/metadata/generation"), object.int("/status/replicas")), (Some(1), Some(1)));
    let object = world.modify(&DEPLOYMENT, "default", "d", "test", |d| d.put("/spec/replicas", 2)).unwrap();
    assert_eq!(object.int("/metadata/generation"), Some(2));
}

fn family(kernel: &mut Kernel) {
    let owner = json!({"metadata": {"name": "d", "namespace": "default"}, "spec": {"replicas": 0}});
    let owner = kernel.world.create(&DEPLOYMENT, owner, "test").unwrap();
    let reference = |o: &Value, kind: &str| json!([{"uid": o.uid(), "name": o.name(), "kind": kind, "controller": true}]);
    let child = json!({"metadata": {"name": "r", "namespace": "default", "ownerReferences": reference(&owner, "Deployment")},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "d"}}}});
    let child = kernel.world.create(&REPLICA_SET, child, "test").unwrap();
    let pod = json!({"metadata": {"name": "p", "namespace": "default", "labels": {"app": "d"}, "ownerReferences": reference(&child, "ReplicaSet")}, "spec": {}});
    kernel.world.create(&POD, pod, "test").unwrap();
}

fn delete(kernel: &mut Kernel, propagation: Propagation) {
    let options = DeleteOptions { propagation, ..DeleteOptions::default() };
    kernel.world.delete_with(&DEPLOYMENT, "default", "d", "test", &options).unwrap();
    kernel.settle();
}

#[test]
fn background_deletion_takes_the_whole_family() {
    let mut kernel = kernel();
    family(&mut kernel);
    delete(&mut kernel, Propagation::Background);
    for resource in [&DEPLOYMENT, &REPLICA_SET, &POD] {
        assert_eq!(kernel.world.store.list(resource, Some("default")).count(), 0, "{}", resource.kind);
    }
}

#[test]
fn foreground_deletion_ends_children_first() {
    let mut kernel = kernel();
    family(&mut kernel);
    let before = kernel.world.store.revision();
    delete(&mut kernel, Propagation::Foreground);
    let gone: Vec<&str> =
        kernel.world.store.changes_since(before).iter().filter(|c| c.kind == ChangeKind::Deleted).map(|c| c.resource.kind).collect();
    assert_eq!(gone, ["Pod", "ReplicaSet", "Deployment"]);
}

#[test]
fn orphaning_leaves_the_child_without_owner() {
    let mut kernel = kernel();
    family(&mut kernel);
    delete(&mut kernel, Propagation::Orphan);
    assert!(!kernel.world.exists(&DEPLOYMENT, "default", "d"));
    let child = kernel.world.store.get(&REPLICA_SET, "default", "r").unwrap();
    assert!(child.items("/metadata/ownerReferences").is_empty());
}

#[test]
fn a_namespace_takes_its_contents_with_it() {
    let mut kernel = kernel();
    kernel.world.create_namespace("shop").unwrap();
    kernel.world.create(&CONFIG_MAP, json!({"metadata": {"name": "c", "namespace": "shop"}}), "test").unwrap();
    kernel.world.delete(&NAMESPACE, "", "shop", "test");
    let refused = kernel.world.create(&CONFIG_MAP, json!({"metadata": {"name": "d", "namespace": "shop"}}), "test");
    assert_eq!(refused.unwrap_err().code, 403);
    kernel.settle();
    assert!(!kernel.world.exists(&NAMESPACE, "", "shop"));
    assert_eq!(kernel.world.store.list(&CONFIG_MAP, Some("shop")).count(), 0);
}

#[test]
fn a_running_pod_gets_its_grace_period() {
    let mut kernel = kernel();
    let pod = json!({"metadata": {"name": "p", "namespace": "default"}, "spec": {"nodeName": "n", "terminationGracePeriodSeconds": 5}});
    kernel.world.create(&POD, pod, "test").unwrap();
    kernel.world.delete(&POD, "default", "p", "test");
    let pod = kernel.world.store.get(&POD, "default", "p").unwrap();
    assert_eq!(pod.text("/metadata/deletionTimestamp"), "2026-11-21T03:00:05Z");
    let now = DeleteOptions { grace: Some(0), ..DeleteOptions::default() };
    kernel.world.delete_with(&POD, "default", "p", "test", &now).unwrap();
    assert!(!kernel.world.exists(&POD, "default", "p"));
}

#[test]
fn equal_seeds_give_equal_stores() {
    let dump = |seed| {
        let mut kernel = Kernel::new(seed, Timestamp::UNIX_EPOCH);
        kernel.world.create(&CONFIG_MAP, json!({"metadata": {"generateName": "c-", "namespace": "default"}}), "t").unwrap();
        kernel.world.store.changes_since(0).iter().map(|c| c.object.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(dump(3), dump(3));
    assert_ne!(dump(3), dump(4));
}
