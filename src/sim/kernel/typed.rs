//! What a typed server does with the built-in kinds: a field of the wrong type is refused, an unknown one is dropped.

use k8s_openapi::{
    api::{apps, autoscaling, batch, coordination, core, discovery, networking, policy},
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::Resource;

/// Drops what the kind does not know and returns the paths of it. Of custom resources only the metadata is looked at.
///
/// # Errors
/// What does not have the type it must have.
pub fn conform(resource: &Resource, object: &mut Value) -> Result<Vec<String>, String> {
    drop_nulls(object);
    if !object.is_object() {
        return Err(format!("json: cannot unmarshal into Go value of type {}", resource.kind));
    }
    if resource.custom {
        let Some(metadata) = object.get_mut("metadata") else { return Ok(Vec::new()) };
        return as_type::<ObjectMeta>("metadata", metadata);
    }
    type Conform = fn(&str, &mut Value) -> Result<Vec<String>, String>;
    let known: [(&Resource, Conform); 19] = {
        use super::resource::*;
        [
            (&NAMESPACE, as_type::<core::v1::Namespace>),
            (&NODE, as_type::<core::v1::Node>),
            (&POD, as_type::<core::v1::Pod>),
            (&SERVICE, as_type::<core::v1::Service>),
            (&CONFIG_MAP, as_type::<core::v1::ConfigMap>),
            (&SECRET, as_type::<core::v1::Secret>),
            (&SERVICE_ACCOUNT, as_type::<core::v1::ServiceAccount>),
            (&RESOURCE_QUOTA, as_type::<core::v1::ResourceQuota>),
            (&EVENT, as_type::<core::v1::Event>),
            (&DEPLOYMENT, as_type::<apps::v1::Deployment>),
            (&REPLICA_SET, as_type::<apps::v1::ReplicaSet>),
            (&STATEFUL_SET, as_type::<apps::v1::StatefulSet>),
            (&DAEMON_SET, as_type::<apps::v1::DaemonSet>),
            (&JOB, as_type::<batch::v1::Job>),
            (&HPA, as_type::<autoscaling::v2::HorizontalPodAutoscaler>),
            (&PDB, as_type::<policy::v1::PodDisruptionBudget>),
            (&ENDPOINT_SLICE, as_type::<discovery::v1::EndpointSlice>),
            (&INGRESS, as_type::<networking::v1::Ingress>),
            (&LEASE, as_type::<coordination::v1::Lease>),
        ]
    };
    known.into_iter().find(|(kind, _)| *kind == resource).map_or(Ok(Vec::new()), |(_, conform)| conform("", object))
}

fn as_type<T: DeserializeOwned + Serialize>(path: &str, value: &mut Value) -> Result<Vec<String>, String> {
    let typed: T = serde_json::from_value(value.clone()).map_err(|error| format!("json: {error}"))?;
    let known = serde_json::to_value(typed).map_err(|error| format!("json: {error}"))?;
    let mut unknown = Vec::new();
    keep(path, value, &known, &mut unknown);
    Ok(unknown)
}

/// Removes from a value what its typed form does not have, and notes the paths.
fn keep(path: &str, value: &mut Value, known: &Value, unknown: &mut Vec<String>) {
    match (value, known) {
        (Value::Object(value), Value::Object(known)) => value.retain(|key, inner| {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            match known.get(key) {
                Some(known) => keep(&path, inner, known, unknown),
                None => unknown.push(path),
            }
            known.contains_key(key)
        }),
        (Value::Array(value), Value::Array(known)) => {
            for (index, (inner, known)) in value.iter_mut().zip(known).enumerate() {
                keep(&format!("{path}[{index}]"), inner, known, unknown);
            }
        }
        _ => {}
    }
}

/// Removes `null` map entries: a typed server cannot hold them.
pub(super) fn drop_nulls(value: &mut Value) {
    // Nor does it write these when they are empty.
    if let Some(Value::Object(metadata)) = value.get_mut("metadata") {
        let empty = |entry: &Value| entry.as_object().is_some_and(serde_json::Map::is_empty) || entry.as_array().is_some_and(Vec::is_empty);
        metadata.retain(|name, entry| !(EMPTY_IS_NOTHING.contains(&name.as_str()) && empty(entry)));
    }
    nulls(value);
}

const EMPTY_IS_NOTHING: [&str; 4] = ["labels", "annotations", "finalizers", "ownerReferences"];

fn nulls(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, entry| !entry.is_null());
            map.values_mut().for_each(nulls);
        }
        Value::Array(list) => list.iter_mut().for_each(nulls),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::sim::kernel::resource::{ALL, DEPLOYMENT, SERVICE, VIRTUAL_SERVICE};

    #[test]
    fn unknown_fields_go_and_known_ones_stay_as_they_were_written() {
        let written = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d", "annotations": {"a/b": "c"}},
            "spec": {"strategy": {"rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 0}}, "template": {"spec": {"containers":
                [{"name": "a", "resources": {"limits": {"cpu": "0.10"}}, "readinessProbe": {"httpGet": {"port": "http"}}}]}}}});
        let mut object = written.clone();
        assert!(conform(&DEPLOYMENT, &mut object).unwrap().is_empty());
        assert_eq!(object, written);
        object["spec"]["nope"] = json!(1);
        object["spec"]["template"]["spec"]["containers"][0]["nope"] = json!({"x": []});
        object["spec"]["paused"] = Value::Null;
        let unknown = conform(&DEPLOYMENT, &mut object).unwrap();
        assert_eq!(unknown, ["spec.nope", "spec.template.spec.containers[0].nope"]);
        assert_eq!(object, written);
    }

    #[test]
    fn wrong_types_are_refused() {
        for (resource, wrong) in [
            (&DEPLOYMENT, json!({"spec": {"replicas": "3"}})),
            (&DEPLOYMENT, json!({"spec": {"template": {"spec": {"containers": {}}}}})),
            (&SERVICE, json!({"spec": {"ports": [{"port": "http"}]}})),
            (&VIRTUAL_SERVICE, json!({"metadata": {"labels": ["a"]}})),
            (&SERVICE, json!([])),
        ] {
            assert!(conform(resource, &mut wrong.clone()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_built_in_kind_has_its_type() {
        for resource in ALL.iter().filter(|resource| !resource.custom) {
            let mut object = json!({"apiVersion": resource.api_version(), "kind": resource.kind, "metadata": {"nope": 1}});
            conform(resource, &mut object).unwrap();
            assert!(object["metadata"].get("nope").is_none(), "{}", resource.kind);
        }
    }
}
