use serde_json::json;

use super::*;
use crate::sim::kernel::resource::{DEPLOYMENT, VIRTUAL_SERVICE};

fn deployment(image: &str) -> Value {
    json!({"metadata": {"name": "d", "labels": {"app": "d"}}, "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "d"}},
        "strategy": {"rollingUpdate": {"maxSurge": 1}},
        "template": {"spec": {"containers": [{"name": "app", "image": image, "ports": [{"containerPort": 80, "protocol": "TCP"}]}]}}}})
}

#[test]
fn a_new_object_is_owned_field_by_field_as_a_real_server_writes_it() {
    let set = difference(&DEPLOYMENT, None, &deployment("a:1")).changed;
    assert_eq!(
        set.to_value(),
        json!({
            "f:metadata": {"f:labels": {".": {}, "f:app": {}}},
            "f:spec": {
                "f:replicas": {}, "f:selector": {}, "f:strategy": {"f:rollingUpdate": {".": {}, "f:maxSurge": {}}},
                "f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"app\"}": {
                    ".": {}, "f:image": {}, "f:name": {},
                    "f:ports": {".": {}, "k:{\"containerPort\":80,\"protocol\":\"TCP\"}": {".": {}, "f:containerPort": {}, "f:protocol": {}}}}}}}
            }
        })
    );
    assert_eq!(FieldSet::parse(&set.to_value()), set);
}

#[test]
fn a_difference_names_only_what_changed() {
    let (old, mut new) = (deployment("a:1"), deployment("a:2"));
    new.pointer_mut("/metadata/labels").unwrap().as_object_mut().unwrap().clear();
    let difference = difference(&DEPLOYMENT, Some(&old), &new);
    assert_eq!(difference.changed.paths(), [".spec.template.spec.containers[name=\"app\"].image"]);
    assert_eq!(difference.removed.paths(), [".metadata.labels.app"]);
}

#[test]
fn lists_of_custom_resources_are_one_field() {
    let route = |weight: i64| json!({"spec": {"http": [{"route": [{"weight": weight}]}]}});
    let difference = difference(&VIRTUAL_SERVICE, Some(&route(1)), &route(2));
    assert_eq!(difference.changed.paths(), [".spec.http"]);
}

#[test]
fn fields_can_be_removed_from_an_object() {
    let mut object = deployment("a:1");
    let gone = json!({"f:spec": {"f:replicas": {}, "f:strategy": {"f:rollingUpdate": {".": {}, "f:maxSurge": {}}},
        "f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"app\"}": {"f:image": {}}}}}}});
    FieldSet::parse(&gone).remove_from(&DEPLOYMENT, &mut object);
    assert_eq!(object.pointer("/spec/strategy"), Some(&json!({})));
    assert!(object.pointer("/spec/replicas").is_none());
    assert_eq!(object.pointer("/spec/template/spec/containers/0/name"), Some(&json!("app")));
    assert!(object.pointer("/spec/template/spec/containers/0/image").is_none());
}
