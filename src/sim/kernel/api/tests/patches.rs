use super::*;

const ROUTES: &str = "/apis/networking.istio.io/v1/namespaces/default/virtualservices";

fn server_with_route() -> Server {
    let mut server = Server::new();
    let route = |weights: [i64; 2]| json!([{"destination": {"host": "web"}, "weight": weights[0]}, {"destination": {"host": "web-canary"}, "weight": weights[1]}]);
    let body = json!({"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {"name": "web"},
        "spec": {"hosts": ["web"], "http": [{"route": route([100, 0])}]}});
    assert_eq!(server.post(ROUTES, body).0, 201);
    server
}

#[test]
fn json_patch_compares_and_swaps_as_the_real_server_does() {
    let mut server = server_with_route();
    let one = format!("{ROUTES}/web");
    let version = server.get(&one).1.text("/metadata/resourceVersion").to_owned();
    let swap = |version: &str, weight: i64| {
        json!([{"op": "replace", "path": "/metadata/resourceVersion", "value": version},
            {"op": "replace", "path": "/spec/http/0/route/1/weight", "value": weight}])
    };
    assert_eq!(server.patch(&one, "json", swap(&version, 10)).0, 200);
    let (code, stale) = server.patch(&one, "json", swap(&version, 20));
    assert_eq!((code, stale.text("/reason")), (409, "Conflict"));
    let test = json!([{"op": "test", "path": "/spec/http/0/route/1/weight", "value": 99}, {"op": "replace", "path": "/spec/http/0/route/1/weight", "value": 1}]);
    let (code, failed) = server.patch(&one, "json", test);
    assert_eq!(code, 422);
    assert_eq!(
        (failed.text("/reason"), failed.text("/message")),
        ("Invalid", "the server rejected our request due to an error in our request")
    );
    assert_eq!(failed["details"], json!({}));
    assert_eq!(server.patch(&one, "json", json!([{"op": "remove", "path": "/nowhere/at/all"}])).0, 422);
    assert_eq!(server.patch(&one, "json", json!([{"op": "frobnicate", "path": "/spec"}])).0, 422);
    let new = json!([{"op": "replace", "path": "/metadata/annotations", "value": {"a": "b"}}]);
    assert_eq!(server.patch(&one, "json", new).1.annotation("a"), "b", "replacing a missing key adds it");
    assert_eq!(server.patch(&one, "json", json!({"op": "no list"})).0, 400);
    assert_eq!(server.get(&one).1.int("/spec/http/0/route/1/weight"), Some(10));
}

#[test]
fn merge_patch_replaces_lists_and_a_stale_version_conflicts() {
    let mut server = server_with_route();
    let one = format!("{ROUTES}/web");
    let (code, patched) = server.patch(&one, "merge", json!({"spec": {"hosts": ["a", "b"], "http": null}}));
    assert_eq!((code, patched["spec"].clone()), (200, json!({"hosts": ["a", "b"]})));
    let stale = json!({"metadata": {"resourceVersion": "1"}, "spec": {"hosts": ["c"]}});
    assert_eq!(server.patch(&one, "merge", stale).0, 409);
    assert_eq!(server.patch(&one, "merge", json!({"metadata": {"name": "other"}})).0, 400);
    assert_eq!(server.patch(&one, "merge", json!({"metadata": {"uid": "other"}})).0, 422);
    assert_eq!(server.patch(&one, "merge", json!([1])).0, 400);
    let (code, refused) = server.patch(&one, "strategic-merge", json!({"spec": {}}));
    assert_eq!(code, 415);
    let text = "the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml";
    assert_eq!(refused.text("/message"), text);
}

#[test]
fn a_patch_that_changes_nothing_keeps_the_version() {
    let mut server = server_with_route();
    let one = format!("{ROUTES}/web");
    let before = server.get(&one).1;
    let (_, after) = server.patch(&one, "merge", json!({"spec": {"hosts": ["web"]}}));
    assert_eq!(before, after);
}

#[test]
fn both_versions_of_a_custom_resource_show_one_object() {
    let mut server = server_with_route();
    let older = server.get("/apis/networking.istio.io/v1beta1/namespaces/default/virtualservices/web").1;
    assert_eq!((older.text("/apiVersion"), older.text("/kind")), ("networking.istio.io/v1beta1", "VirtualService"));
    let list = server.get("/apis/networking.istio.io/v1beta1/virtualservices").1;
    assert_eq!(list.text("/items/0/kind"), "VirtualService", "custom resources keep their kind in lists");
    let (code, refused) = server.put(
        &format!("{ROUTES}/web"),
        json!({"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {"name": "web"}}),
    );
    assert_eq!(code, 422);
    assert!(refused.text("/message").ends_with("metadata.resourceVersion: Invalid value: 0: must be specified for an update"));
}

#[test]
fn strategic_merge_is_what_kubectl_set_image_sends() {
    let mut server = Server::new();
    server.post(DEPLOYMENTS, deployment("web"));
    let patch = json!({"spec": {"template": {"spec": {
        "$setElementOrder/containers": [{"name": "app"}, {"name": "side"}], "containers": [{"name": "app", "image": "app:2"}]}}}});
    let (code, object) = server.patch(&format!("{DEPLOYMENTS}/web?fieldManager=kubectl-set"), "strategic-merge", patch);
    assert_eq!((code, object.int("/metadata/generation")), (200, Some(2)));
    assert_eq!(object.text("/spec/template/spec/containers/0/image"), "app:2");
    assert_eq!(object.text("/spec/template/spec/containers/1/image"), "side:1");
    let owner = object.items("/metadata/managedFields").iter().find(|m| m.text("/manager") == "kubectl-set").unwrap();
    let image = "/fieldsV1/f:spec/f:template/f:spec/f:containers/k:{\"name\":\"app\"}";
    assert_eq!(owner.pointer(image), Some(&json!({"f:image": {}})));
}

#[test]
fn the_manager_of_a_changed_weight_is_known() {
    let mut server = server_with_route();
    let one = format!("{ROUTES}/web?fieldManager=argocd-controller");
    let weight = json!([{"op": "replace", "path": "/spec/http/0/route/1/weight", "value": 5}]);
    let (_, object) = server.patch(&one, "json", weight);
    let owners: Vec<&str> = object
        .items("/metadata/managedFields")
        .iter()
        .filter(|m| m.pointer("/fieldsV1/f:spec/f:http").is_some())
        .map(|m| m.text("/manager"))
        .collect();
    assert_eq!(owners, ["argocd-controller"]);
}

#[test]
fn apply_creates_merges_prunes_and_conflicts() {
    let mut server = Server::new();
    let one = format!("{CONFIGS}/c");
    let config = |data: Value| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": data});
    assert_eq!(server.patch(&one, "apply", config(json!({"a": "1"}))).0, 422, "a manager is required");
    let mine = format!("{one}?fieldManager=me");
    assert_eq!(server.patch(&mine, "apply", config(json!({"a": "1", "b": "1"}))).0, 201);
    let before = server.get(&one).1;
    assert_eq!(server.patch(&mine, "apply", config(json!({"a": "1", "b": "1"}))).1, before, "applying the same again changes nothing");
    let (_, object) = server.patch(&mine, "apply", config(json!({"a": "2"})));
    assert_eq!(object["data"], json!({"a": "2"}), "what is applied no more goes");
    let (code, refused) = server.patch(&format!("{one}?fieldManager=you"), "apply", config(json!({"a": "3", "c": "1"})));
    assert_eq!((code, refused.text("/message")), (409, "Apply failed with 1 conflict: conflict with \"me\": .data.a"));
    assert_eq!(refused.text("/details/causes/0/reason"), "FieldManagerConflict");
    let (code, object) = server.patch(&format!("{one}?fieldManager=you&force=true"), "apply", config(json!({"a": "3", "c": "1"})));
    assert_eq!((code, object["data"].clone()), (200, json!({"a": "3", "c": "1"})));
    let (_, object) = server.patch(&mine, "apply", config(json!({})));
    assert_eq!(object["data"], json!({"a": "3", "c": "1"}), "what another one owns stays");
}
