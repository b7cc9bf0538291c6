//! Defaults that the API server writes into objects.

use serde_json::{Value, json};

use super::{Resource, object::Fields, resource::NAMESPACE};

/// Fills in what the client left out. Doing it twice changes nothing.
pub fn apply(resource: &Resource, object: &mut Value) {
    if *resource == NAMESPACE {
        namespace(object);
    }
}

fn namespace(object: &mut Value) {
    let name = object.name().to_owned();
    object.put("/metadata/labels/kubernetes.io~1metadata.name", name);
    if !object.is_deleting() {
        object.put_default("/spec/finalizers", json!(["kubernetes"]));
        object.put_default("/status/phase", "Active");
    }
}
