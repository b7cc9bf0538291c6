//! `managedFields`: who wrote a field last.

use jiff::Timestamp;
use serde_json::Value;

use crate::domain::drift::Writer;
use crate::domain::release::{Component, Router};
use crate::domain::route::{CANARY, CANARY_WEIGHT};
use crate::domain::text::SafeText;

/// The writer of what decides over a component's traffic.
pub fn route(component: &Component, object: &Value) -> Option<Writer> {
    match &component.router {
        Router::Istio { .. } => last(object, &["f:spec", "f:http"]),
        Router::Gateway { .. } => last(object, &["f:spec", "f:rules"]),
        Router::Service { key, .. } => last(object, &["f:spec", "f:selector", &format!("f:{key}")]),
        // Of the two that decide whoever came last; within one second, which is all that is told, who set the weight.
        Router::Nginx { prefix, .. } => {
            let both = [CANARY, CANARY_WEIGHT].into_iter().filter_map(|name| annotation(object, &format!("{prefix}/{name}")));
            both.max_by_key(|w| w.at)
        }
        _ => None,
    }
}

/// The writer of a Deployment's replicas.
pub fn replicas(deployment: &Value) -> Option<Writer> {
    last(deployment, &["f:spec", "f:replicas"])
}

/// The writer of a Deployment's images: the newest, where containers were written by several.
pub fn images(deployment: &Value) -> Option<Writer> {
    let containers = deployment.pointer("/spec/template/spec/containers").and_then(Value::as_array).into_iter().flatten();
    let names = containers.filter_map(|c| c.get("name")).map(|name| format!("k:{{\"name\":{name}}}"));
    names.filter_map(|key| last(deployment, &["f:spec", "f:template", "f:spec", "f:containers", &key, "f:image"])).max_by_key(|w| w.at)
}

/// The writer of an annotation.
pub fn annotation(object: &Value, name: &str) -> Option<Writer> {
    last(object, &["f:metadata", "f:annotations", &format!("f:{name}")])
}

/// Every manager of an object.
pub fn managers(object: &Value) -> Vec<&str> {
    let entries = object.pointer("/metadata/managedFields").and_then(Value::as_array).into_iter().flatten();
    entries.filter_map(|entry| entry.get("manager")?.as_str()).collect()
}

/// Whoever owns a field: the newest of several, somebody else before ourselves.
fn last(object: &Value, path: &[&str]) -> Option<Writer> {
    let entries = object.pointer("/metadata/managedFields").and_then(Value::as_array).into_iter().flatten();
    let owners = entries.filter(|entry| entry.get("fieldsV1").is_some_and(|fields| owns(fields, path))).map(writer);
    owners.max_by_key(|w| (!w.is_us(), w.at))
}

/// Whether a set holds a field, by itself or with a list or map that is owned as a whole.
fn owns(fields: &Value, path: &[&str]) -> bool {
    let Some((first, rest)) = path.split_first() else { return true };
    match fields.get(first).and_then(Value::as_object) {
        None => false,
        Some(whole) if whole.is_empty() => true,
        Some(_) => owns(fields.get(first).unwrap_or(&Value::Null), rest),
    }
}

fn writer(entry: &Value) -> Writer {
    let text = |key: &str| entry.get(key).and_then(Value::as_str);
    Writer {
        manager: SafeText::from(text("manager").unwrap_or("an unknown manager")),
        at: text("time").and_then(|time| time.parse::<Timestamp>().ok()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn managed(entries: Value) -> Value {
        json!({
            "metadata": { "managedFields": entries },
            "spec": { "template": { "spec": { "containers": [{ "name": "app" }, { "name": "proxy" }] } } },
        })
    }

    fn entry(manager: &str, time: &str, fields: Value) -> Value {
        json!({ "manager": manager, "operation": "Update", "time": time, "fieldsType": "FieldsV1", "fieldsV1": fields })
    }

    fn told(writer: Option<Writer>) -> Option<(String, Option<String>)> {
        writer.map(|w| (w.manager.as_str().to_owned(), w.at.map(|at| at.to_string())))
    }

    #[test]
    fn a_field_of_a_keyed_list_is_found() {
        let image =
            |key: &str| json!({ "f:spec": { "f:template": { "f:spec": { "f:containers": { key: { ".": {}, "f:image": {} } } } } } });
        let replicas = json!({ "f:spec": { "f:replicas": {} } });
        let object = managed(json!([
            entry("helm", "2026-01-01T00:00:00Z", image(r#"k:{"name":"proxy"}"#)),
            entry("kubectl-set", "2026-01-01T00:00:05Z", image(r#"k:{"name":"app"}"#)),
            entry("kubectl-scale", "", replicas),
        ]));
        assert_eq!(told(images(&object)), Some(("kubectl-set".into(), Some("2026-01-01T00:00:05Z".into()))));
        assert_eq!(told(replicas_of(&object)), Some(("kubectl-scale".into(), None)), "a scale leaves no time");
        assert_eq!(told(images(&json!({}))), None);
    }

    fn replicas_of(object: &Value) -> Option<Writer> {
        super::replicas(object)
    }

    #[test]
    fn a_canary_is_whose_who_wrote_either_of_its_annotations_last() {
        let router = Router::Nginx {
            ingress: "web".into(),
            prefix: "nginx.ingress.kubernetes.io".into(),
            controller: "k8s.io/ingress-nginx".into(),
            stable: "web".into(),
            candidate: "web-canary".into(),
        };
        let (name, stable) = ("web".to_owned(), "web".to_owned());
        let component = Component { name, stable, candidate: None, container: None, router, testers: None };
        let own = |name: &str| json!({ "f:metadata": { "f:annotations": { format!("f:nginx.ingress.kubernetes.io/{name}"): {} } } });
        let object = |theirs: &str| {
            managed(json!([
                entry("cutover", "2026-01-01T00:00:07Z", own("canary-weight")),
                entry("kubectl-annotate", theirs, own("canary")),
            ]))
        };
        let last = |theirs: &str| route(&component, &object(theirs)).map(|w| w.manager.as_str().to_owned());
        assert_eq!(last("2026-01-01T00:00:09Z").as_deref(), Some("kubectl-annotate"));
        assert_eq!(last("2026-01-01T00:00:05Z").as_deref(), Some("cutover"));
    }

    #[test]
    fn who_owns_a_list_as_a_whole_owns_what_is_in_it_and_others_come_before_us() {
        let whole = json!({ "f:spec": { "f:http": {}, "f:selector": {} } });
        let rest = json!({ "f:spec": { "f:hosts": {} } });
        let object = managed(json!([
            entry("argocd-controller\n", "2026-01-01T00:00:07Z", whole.clone()),
            entry("cutover", "2026-01-01T00:00:09Z", whole),
            entry("kubectl-edit", "2026-01-01T00:00:10Z", rest),
        ]));
        let own = |path: &[&str]| last(&object, path).map(|w| w.manager.as_str().to_owned());
        assert_eq!(own(&["f:spec", "f:http"]).as_deref(), Some("argocd-controller "));
        assert_eq!(own(&["f:spec", "f:selector", "f:version"]).as_deref(), Some("argocd-controller "));
        assert_eq!(own(&["f:spec", "f:gateways"]), None);
    }
}
