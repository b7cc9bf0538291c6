use serde_json::json;

use super::*;
use crate::sim::kernel::defaults;

fn deployment(change: impl FnOnce(&mut Value)) -> Value {
    let mut object = json!({"metadata": {"name": "web"}, "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": {
        "metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "app", "image": "a:1"}]}}}});
    change(&mut object);
    defaults::apply(&DEPLOYMENT, &mut object);
    object
}

fn refusal(resource: &Resource, object: &Value) -> String {
    create(Features::default(), resource, object).unwrap_err().message
}

#[test]
fn a_plain_deployment_is_valid_and_each_fault_has_its_text() {
    create(Features::default(), &DEPLOYMENT, &deployment(|_| ())).unwrap();
    let negative = deployment(|d| d.put("/spec/replicas", -1));
    let text = "Deployment.apps \"web\" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0";
    assert_eq!(refusal(&DEPLOYMENT, &negative), text);
    let mismatch = deployment(|d| d.put("/spec/template/metadata/labels/app", "x"));
    let text = "Deployment.apps \"web\" is invalid: spec.template.metadata.labels: Invalid value: {\"app\":\"x\"}: `selector` does not match template `labels`";
    assert_eq!(refusal(&DEPLOYMENT, &mismatch), text);
    let no_image = deployment(|d| drop(d.cut("/spec/template/spec/containers/0/image")));
    assert!(refusal(&DEPLOYMENT, &no_image).ends_with("spec.template.spec.containers[0].image: Required value"));
    let name = deployment(|d| d.put("/metadata/name", "Web"));
    assert!(refusal(&DEPLOYMENT, &name).contains("metadata.name: Invalid value: \"Web\": a lowercase RFC 1123 subdomain must consist of"));
    let both_zero =
        deployment(|d| d.put("/spec/strategy", json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}})));
    assert!(refusal(&DEPLOYMENT, &both_zero).contains("may not be 0 when `maxSurge` is 0"));
}

#[test]
fn several_faults_are_listed_in_brackets() {
    let object = deployment(|d| {
        d.put("/spec/replicas", -1);
        d.put("/spec/template/spec/containers", json!([]));
    });
    let text = refusal(&DEPLOYMENT, &object);
    assert!(text.contains("is invalid: [spec.replicas: ") && text.ends_with("spec.template.spec.containers: Required value]"), "{text}");
}

#[test]
fn a_selector_never_changes() {
    let new = deployment(|d| {
        d.put("/spec/selector/matchLabels/tier", "x");
        d.put("/spec/template/metadata/labels/tier", "x");
    });
    let refused = update(Features::default(), &DEPLOYMENT, &deployment(|_| ()), &new).unwrap_err();
    let text = "Deployment.apps \"web\" is invalid: spec.selector: Invalid value: {\"matchLabels\":{\"app\":\"web\",\"tier\":\"x\"}}: field is immutable";
    assert_eq!((refused.code, refused.message.as_str()), (422, text));
}

#[test]
fn weights_of_routes_are_numbers_in_range() {
    let route = |weight: Value| json!({"metadata": {"name": "r"}, "spec": {"rules": [{"backendRefs": [{"name": "a", "weight": weight}]}]}});
    create(Features::default(), &HTTP_ROUTE, &route(json!(0))).unwrap();
    assert!(refusal(&HTTP_ROUTE, &route(json!(-1))).contains("should be greater than or equal to 0"));
    assert!(refusal(&HTTP_ROUTE, &route(json!(1_000_001))).contains("should be less than or equal to 1000000"));
    let text = "spec.rules[0].backendRefs[0].weight in body must be of type integer: \"string\"";
    assert!(refusal(&HTTP_ROUTE, &route(json!("50"))).contains(text));
}

#[test]
fn a_pod_changes_its_image_and_nothing_else() {
    let pod = |image: &str, host: &str| json!({"metadata": {"name": "p"}, "spec": {"hostname": host, "containers": [{"name": "a", "image": image}]}});
    update(Features::default(), &POD, &pod("a:1", "h"), &pod("a:2", "h")).unwrap();
    assert!(
        update(Features::default(), &POD, &pod("a:1", "h"), &pod("a:1", "i"))
            .unwrap_err()
            .message
            .contains("pod updates may not change fields")
    );
}
