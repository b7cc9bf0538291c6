//! The pods that answer for a Service.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::object::Fields;
use super::super::resource::{ENDPOINT_SLICE, POD};
use super::super::store::Store;
use super::route::Backend;

/// The names of the pods to which requests for a backend go, as its EndpointSlices say: the ready ones; while there are none,
/// those that are ending but still serve.
#[must_use]
pub fn pods(store: &Store, backend: &Backend) -> Vec<String> {
    let slices = store.list(&ENDPOINT_SLICE, Some(&backend.namespace));
    let own = slices.filter(|slice| slice.label("kubernetes.io/service-name") == backend.service);
    let (mut ready, mut ending) = (BTreeSet::new(), BTreeSet::new());
    for endpoint in own.flat_map(|slice| slice.items("/endpoints")) {
        let name = endpoint.text("/targetRef/name");
        if name.is_empty() || !in_subset(store, backend, name) {
            continue;
        }
        // Missing means true for `ready`, and `serving` follows `ready`.
        let condition = |pointer: &str| endpoint.pointer(pointer).and_then(Value::as_bool);
        let is_ready = condition("/conditions/ready").unwrap_or(true);
        if is_ready {
            ready.insert(name.to_owned());
        } else if condition("/conditions/serving").unwrap_or(is_ready) && condition("/conditions/terminating").unwrap_or(false) {
            ending.insert(name.to_owned());
        }
    }
    let found = if ready.is_empty() { ending } else { ready };
    found.into_iter().collect()
}

fn in_subset(store: &Store, backend: &Backend, pod: &str) -> bool {
    if backend.subset.is_empty() {
        return true;
    }
    let Some(pod) = store.get(&POD, &backend.namespace, pod) else { return false };
    backend.subset.iter().all(|(name, value)| pod.labels().get(name) == Some(value))
}
