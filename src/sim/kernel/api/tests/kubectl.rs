//! What stock kubectl needs of the API, and what it is told.

use super::*;

const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/default/deployments";

fn deployment() -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {
        "selector": {"matchLabels": {"app": "web"}},
        "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "app", "image": "a:1"}]}}}})
}

#[test]
fn a_document_says_what_can_be_patched_how_and_what_fields_there_are() {
    let mut server = Server::new();
    let index = server.get("/openapi/v3").1;
    assert!(index.pointer("/paths/apis~1apps~1v1/serverRelativeURL").is_some(), "{index}");
    let apps = server.get("/openapi/v3/apis/apps/v1").1;
    let patch = &apps["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]["patch"];
    assert!(patch["requestBody"]["content"].get("application/strategic-merge-patch+json").is_some(), "{patch}");
    assert!(patch["parameters"].to_string().contains("fieldValidation"));
    assert!(apps["components"]["schemas"].get("io.k8s.api.core.v1.Container").is_some());
    let routes = server.get("/openapi/v3/apis/networking.istio.io/v1").1;
    assert!(!routes["paths"].to_string().contains("strategic"), "custom resources know no strategic merge");
    assert_eq!(server.get("/openapi/v3/apis/nope/v1").0, 404);
}

#[test]
fn annotating_a_deployment_is_a_new_generation_except_through_its_status() {
    let mut server = Server::new();
    assert_eq!(server.post(DEPLOYMENTS, deployment()).0, 201);
    server.0.settle();
    let one = format!("{DEPLOYMENTS}/web");
    let first = server.get(&one).1;
    assert_eq!((first.int("/metadata/generation"), first.annotation("deployment.kubernetes.io/revision")), (Some(1), "1"));
    let note = json!({"metadata": {"annotations": {"note": "a"}}});
    assert_eq!(server.patch(&one, "merge", note).1.int("/metadata/generation"), Some(2));
    let note = json!({"metadata": {"annotations": {"note": "b"}, "labels": {"x": "y"}}});
    let third = server.patch(&format!("{one}/status"), "merge", note).1;
    assert_eq!((third.int("/metadata/generation"), third.annotation("note"), third.label("x")), (Some(2), "b", ""));
}

#[test]
fn kubectl_hands_what_it_applied_over_to_the_server_by_writing_managed_fields() {
    let mut server = Server::new();
    let body = |image: &str, label: &str| {
        let mut body = deployment();
        body.put("/spec/template/spec/containers/0/image", image);
        body.put("/metadata/labels/x", label);
        body
    };
    let target = format!("{DEPLOYMENTS}?fieldManager=kubectl-client-side-apply");
    assert_eq!(server.post(&target, body("a:1", "y")).0, 201);
    let one = format!("{DEPLOYMENTS}/web");
    let mut managers = server.get(&one).1["metadata"]["managedFields"].clone();
    let own = managers.as_array_mut().unwrap().iter_mut().find(|entry| entry.text("/manager") == "kubectl-client-side-apply").unwrap();
    own.put("/manager", "kubectl");
    own.put("/operation", "Apply");
    let handed = json!([{"op": "replace", "path": "/metadata/managedFields", "value": managers}]);
    assert_eq!(server.patch(&one, "json", handed).0, 200);
    // What it applies no more is gone; the maps around what it still applies are not.
    let mut less = body("a:2", "y");
    less.cut("/metadata/labels");
    let (code, applied) = server.patch(&format!("{one}?fieldManager=kubectl"), "apply", less);
    assert_eq!(code, 200, "{applied}");
    assert_eq!(applied.text("/spec/template/metadata/labels/app"), "web");
    assert_eq!((applied.label("x"), applied.text("/spec/template/spec/containers/0/image")), ("", "a:2"));
}

#[test]
fn warnings_come_with_a_refusal_too() {
    let mut server = Server::new();
    let mut wrong = deployment();
    wrong.put("/spec/nope", 1);
    wrong.put("/spec/template/spec/containers", json!([]));
    let refused = server.send(Method::Post, DEPLOYMENTS, Some(wrong));
    assert_eq!(refused.status, 422);
    assert!(refused.headers.iter().any(|(name, text)| name == "Warning" && text.contains("spec.nope")), "{refused:?}");
}

#[test]
fn an_expired_list_goes_on_with_the_token_that_comes_with_the_refusal() {
    let mut server = Server::new();
    for name in ["a", "b", "c"] {
        server.config(name, json!({}));
    }
    let next = server.get(&format!("{CONFIGS}?limit=1")).1.text("/metadata/continue").to_owned();
    server.config("d", json!({}));
    server.0.world.store.compact();
    let (code, expired) = server.get(&format!("{CONFIGS}?limit=2&continue={next}"));
    assert_eq!(code, 410);
    let (code, rest) = server.get(&format!("{CONFIGS}?limit=2&continue={}", expired.text("/metadata/continue")));
    assert_eq!((code, rest.items("/items").iter().map(Fields::name).collect::<Vec<_>>()), (200, vec!["b", "c"]));
}

#[test]
fn an_autoscaler_of_the_first_version_is_one_of_the_second() {
    let mut server = Server::new();
    let body = json!({"apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "web"}, "spec": {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}, "maxReplicas": 3, "targetCPUUtilizationPercentage": 70}});
    let (code, made) = server.post("/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers", body);
    assert_eq!((code, made.int("/spec/targetCPUUtilizationPercentage")), (201, Some(70)), "{made}");
    let newer = server.get("/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers/web").1;
    assert_eq!(newer.int("/spec/metrics/0/resource/target/averageUtilization"), Some(70), "{newer}");
}
