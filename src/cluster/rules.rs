//! Istio DestinationRules: which pod labels a subset stands for.

use std::collections::BTreeMap;

use kube::Client;
use serde_json::Value;

use super::call;
use super::error::Subject;
use super::traffic::istio::same_host;

/// The DestinationRules of a namespace; none where the cluster does not serve them or they may not be listed.
pub(super) async fn read(client: &Client, namespace: &str) -> Vec<Value> {
    if !call::is_name(namespace) {
        return Vec::new();
    }
    let subject = Subject {
        verb: "list",
        group: "networking.istio.io",
        resource: "destinationrules",
        namespace: Some(namespace.to_owned()),
        label: "DestinationRules".to_owned(),
    };
    let path = format!("/apis/networking.istio.io/v1/namespaces/{namespace}/destinationrules");
    call::list_at(client, &subject, &path, "").await.unwrap_or_default()
}

/// The labels that a host's subset selects by, where a rule says so.
pub(super) fn labels(rules: &[Value], host: &str, subset: &str, namespace: &str) -> Option<BTreeMap<String, String>> {
    let of_host = |r: &&Value| r.pointer("/spec/host").and_then(Value::as_str).is_some_and(|h| same_host(h, host, namespace));
    let subsets = rules.iter().filter(of_host).flat_map(|r| r.pointer("/spec/subsets").and_then(Value::as_array).into_iter().flatten());
    let found = subsets.into_iter().find(|s| s.get("name").and_then(Value::as_str) == Some(subset))?;
    let labels = found.get("labels").and_then(Value::as_object)?;
    let text = |(k, v): (&String, &Value)| Some((k.clone(), v.as_str()?.to_owned()));
    Some(labels.iter().filter_map(text).collect()).filter(|l: &BTreeMap<_, _>| !l.is_empty())
}
