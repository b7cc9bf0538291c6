use serde_json::{Value, json};

use crate::sim::kernel::{Body, Kernel, Method, Request, Response, StreamId, object::Fields, store::seconds};

mod access;
mod kubectl;
mod patches;
mod robust;
mod watches;

/// An embedded cluster to send requests to.
struct Server(Kernel);

impl Server {
    fn new() -> Self {
        let mut kernel = Kernel::new(1, "2026-11-21T03:00:00Z".parse().unwrap());
        kernel.start();
        Self(kernel)
    }

    fn send(&mut self, method: Method, target: &str, body: Option<Value>) -> Response {
        let mut request = Request::new(method, target);
        request.user_agent = "kubectl/v1.32.0 (linux/amd64)".into();
        if let Some(body) = body {
            request = request.with_body("application/json", body.to_string());
        }
        self.0.handle(&request)
    }

    fn get(&mut self, target: &str) -> (u16, Value) {
        read(&self.send(Method::Get, target, None))
    }

    fn post(&mut self, target: &str, body: Value) -> (u16, Value) {
        read(&self.send(Method::Post, target, Some(body)))
    }

    fn put(&mut self, target: &str, body: Value) -> (u16, Value) {
        read(&self.send(Method::Put, target, Some(body)))
    }

    fn delete(&mut self, target: &str, body: Option<Value>) -> (u16, Value) {
        read(&self.send(Method::Delete, target, body))
    }

    fn patch(&mut self, target: &str, kind: &str, body: Value) -> (u16, Value) {
        let kind = match kind {
            "apply" => "application/apply-patch+yaml".to_owned(),
            "json" => "application/json-patch+json".to_owned(),
            kind => format!("application/{kind}-patch+json"),
        };
        let mut request = Request::new(Method::Patch, target).with_body(&kind, body.to_string());
        request.user_agent = "kubectl/v1.32.0".into();
        read(&self.0.handle(&request))
    }

    fn watch(&mut self, target: &str) -> StreamId {
        match self.send(Method::Get, target, None).body {
            Body::Stream { id, .. } => id,
            other => panic!("no stream: {other:?}"),
        }
    }

    /// The events of a watch as (type, object).
    fn events(&mut self, id: StreamId) -> Vec<(String, Value)> {
        let bytes = self.0.stream_poll(id).unwrap();
        let lines = bytes.split(|b| *b == b'\n').filter(|line| !line.is_empty());
        let events = lines.map(|line| serde_json::from_slice::<Value>(line).unwrap());
        events.map(|event| (event.text("/type").to_owned(), event["object"].clone())).collect()
    }

    fn config(&mut self, name: &str, labels: Value) -> Value {
        let body = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": labels}, "data": {"a": "1"}});
        let (code, value) = self.post(CONFIGS, body);
        assert_eq!(code, 201, "{value}");
        value
    }
}

const CONFIGS: &str = "/api/v1/namespaces/default/configmaps";
const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/default/deployments";

fn read(response: &Response) -> (u16, Value) {
    (response.status, serde_json::from_slice(response.full()).unwrap_or(Value::Null))
}

fn deployment(name: &str) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": {"replicas": 2,
        "selector": {"matchLabels": {"app": name}}, "template": {"metadata": {"labels": {"app": name}},
        "spec": {"containers": [{"name": "app", "image": "app:1"}, {"name": "side", "image": "side:1"}]}}}})
}

#[test]
fn an_object_is_created_read_replaced_and_deleted() {
    let mut server = Server::new();
    let (code, created) = server.post(DEPLOYMENTS, deployment("web"));
    assert_eq!(code, 201);
    assert_eq!(created.text("/spec/strategy/rollingUpdate/maxSurge"), "25%");
    assert_eq!(created.text("/spec/template/spec/restartPolicy"), "Always");
    assert_eq!(created.text("/metadata/managedFields/0/manager"), "kubectl");
    let (code, again) = server.post(DEPLOYMENTS, deployment("web"));
    assert_eq!((code, again.text("/reason"), again.text("/message")), (409, "AlreadyExists", "deployments.apps \"web\" already exists"));
    let one = format!("{DEPLOYMENTS}/web");
    let mut wanted = server.get(&one).1;
    wanted.put("/spec/replicas", 3);
    let (code, replaced) = server.put(&one, wanted.clone());
    assert_eq!((code, replaced.int("/spec/replicas"), replaced.int("/metadata/generation")), (200, Some(3), Some(2)));
    let (code, stale) = server.put(&one, wanted);
    let text = "Operation cannot be fulfilled on deployments.apps \"web\": the object has been modified; please apply your changes to the latest version and try again";
    assert_eq!((code, stale.text("/reason"), stale.text("/message")), (409, "Conflict", text));
    let (code, gone) = server.delete(&one, None);
    assert_eq!((code, gone.text("/status"), gone.text("/details/kind")), (200, "Success", "deployments"));
    let (code, missing) = server.get(&one);
    assert_eq!((code, missing.text("/message")), (404, "deployments.apps \"web\" not found"));
    assert_eq!(missing["details"], json!({"name": "web", "group": "apps", "kind": "deployments"}));
}

#[test]
fn what_does_not_fit_the_request_is_refused() {
    let mut server = Server::new();
    let mut object = deployment("web");
    object.put("/metadata/namespace", "other");
    let refused = server.post(DEPLOYMENTS, object).1;
    assert_eq!(refused.text("/message"), "the namespace of the provided object does not match the namespace sent on the request");
    server.post(DEPLOYMENTS, deployment("web"));
    let refused = server.put(&format!("{DEPLOYMENTS}/web"), deployment("api")).1;
    assert_eq!(refused.text("/message"), "the name of the object (api) does not match the name on the URL (web)");
    assert_eq!(server.post(CONFIGS, deployment("web")).0, 400);
    assert_eq!(
        server.post("/api/v1/namespaces/nowhere/configmaps", json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}})).0,
        404
    );
    let mut invalid = deployment("web");
    invalid.put("/spec/replicas", -1);
    assert_eq!(server.post(DEPLOYMENTS, invalid).0, 422, "validation comes before the name is looked up");
    let protobuf = Request::new(Method::Post, DEPLOYMENTS).with_body("application/vnd.kubernetes.protobuf", "k8s\0");
    assert_eq!(server.0.handle(&protobuf).status, 415);
    assert_eq!(server.send(Method::Post, &format!("{DEPLOYMENTS}/web"), Some(deployment("web"))).status, 405);
    assert_eq!(server.get("/apis/apps/v1/widgets").0, 404);
}

#[test]
fn a_dry_run_answers_and_changes_nothing() {
    let mut server = Server::new();
    let before = server.0.world.store.revision();
    let (code, object) = server.post(&format!("{DEPLOYMENTS}?dryRun=All"), deployment("web"));
    assert_eq!((code, object.uid().len()), (201, 36));
    assert_eq!(server.get(&format!("{DEPLOYMENTS}/web")).0, 404);
    assert_eq!(server.0.world.store.revision(), before);
    server.config("a", json!({}));
    let one = format!("{CONFIGS}/a?dryRun=All");
    let (_, patched) = server.patch(&one, "merge", json!({"data": {"a": "2"}}));
    assert_eq!(patched.text("/data/a"), "2");
    assert_eq!(server.delete(&one, None).0, 200);
    assert_eq!(server.get(&format!("{CONFIGS}/a")).1.text("/data/a"), "1");
    assert_eq!(
        server.post(&format!("{CONFIGS}?dryRun=Some"), json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "b"}})).0,
        422
    );
}

#[test]
fn lists_are_selected_and_paged_over_one_consistent_state() {
    let mut server = Server::new();
    for (name, app) in [("a", "x"), ("b", "y"), ("c", "x"), ("d", "x")] {
        server.config(name, json!({"app": app}));
    }
    let names = |list: &Value| list.items("/items").iter().map(|o| o.name().to_owned()).collect::<Vec<_>>();
    let (_, list) = server.get(&format!("{CONFIGS}?labelSelector=app%3Dx"));
    assert_eq!((names(&list).join(" "), list.text("/kind")), ("a c d".into(), "ConfigMapList"));
    assert!(list.pointer("/items/0/kind").is_none());
    assert_eq!(names(&server.get(&format!("{CONFIGS}?fieldSelector=metadata.name%3Db")).1), ["b"]);
    let (code, refused) = server.get(&format!("{CONFIGS}?fieldSelector=data.a%3D1"));
    assert_eq!(
        (code, refused.text("/message")),
        (400, "\"data.a\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\"")
    );
    let (_, first) = server.get(&format!("{CONFIGS}?limit=2"));
    assert_eq!((names(&first), first.int("/metadata/remainingItemCount")), (vec!["a".to_owned(), "b".to_owned()], Some(3)));
    server.delete(&format!("{CONFIGS}/c"), None);
    server.config("zz", json!({}));
    let next = format!("{CONFIGS}?limit=10&continue={}", first.text("/metadata/continue"));
    let (_, second) = server.get(&next);
    assert_eq!(names(&second), ["c", "d", "kube-root-ca.crt"], "as it was when the first page was read");
    assert_eq!(second.text("/metadata/resourceVersion"), first.text("/metadata/resourceVersion"));
    server.0.world.store.compact();
    let (code, expired) = server.get(&next);
    assert_eq!((code, expired.text("/reason")), (410, "Expired"));
    let (code, ahead) = server.get(&format!("{CONFIGS}?resourceVersion=999999"));
    assert_eq!((code, ahead.text("/reason")), (504, "Timeout"));
}

#[test]
fn scale_reads_and_writes_replicas_only() {
    let mut server = Server::new();
    server.post(DEPLOYMENTS, deployment("web"));
    let path = format!("{DEPLOYMENTS}/web/scale");
    let (_, mut scale) = server.get(&path);
    assert_eq!((scale.text("/kind"), scale.int("/spec/replicas"), scale.text("/status/selector")), ("Scale", Some(2), "app=web"));
    scale.put("/spec/replicas", 5);
    assert_eq!(server.put(&path, scale.clone()).1.int("/spec/replicas"), Some(5));
    assert_eq!(server.put(&path, scale).0, 409);
    assert_eq!(server.patch(&path, "merge", json!({"spec": {"replicas": 4}})).0, 200);
    let stale = json!({"metadata": {"resourceVersion": "1"}, "spec": {"replicas": 1}});
    assert_eq!(server.patch(&path, "merge", stale).0, 409);
    let object = server.get(&format!("{DEPLOYMENTS}/web")).1;
    assert_eq!(object.int("/spec/replicas"), Some(4));
    let of_clients = object.items("/metadata/managedFields").iter().filter(|m| m.text("/manager") != "kube-controller-manager");
    let subresources: Vec<&str> = of_clients.map(|m| m.text("/subresource")).collect();
    assert_eq!(subresources, ["scale", ""], "writes to scale carry no time, so they come first");
    assert_eq!(server.patch(&path, "merge", json!({"spec": {"replicas": -1}})).0, 422);
}

#[test]
fn status_is_written_only_through_its_subresource() {
    let mut server = Server::new();
    server.post(DEPLOYMENTS, deployment("web"));
    let one = format!("{DEPLOYMENTS}/web");
    server.patch(&one, "merge", json!({"status": {"replicas": 9}}));
    assert_eq!(server.get(&one).1.int("/status/replicas"), Some(2));
    let written = server.patch(&format!("{one}/status"), "merge", json!({"status": {"collisionCount": 1}, "spec": {"replicas": 9}})).1;
    assert_eq!(
        (written.int("/status/collisionCount"), written.int("/spec/replicas"), written.int("/metadata/generation")),
        (Some(1), Some(2), Some(1))
    );
}

#[test]
fn tables_have_columns_rows_and_metadata() {
    let mut server = Server::new();
    server.post(DEPLOYMENTS, deployment("web"));
    let mut request = Request::new(Method::Get, DEPLOYMENTS);
    request.accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json".into();
    let (_, table) = read(&server.0.handle(&request));
    let names: Vec<&str> = table.items("/columnDefinitions").iter().map(|c| c.text("/name")).collect();
    assert_eq!(names, ["Name", "Ready", "Up-to-date", "Available", "Age", "Containers", "Images", "Selector"]);
    assert_eq!(table.pointer("/rows/0/cells/6"), Some(&json!("app:1,side:1")));
    assert_eq!(table.text("/rows/0/object/kind"), "PartialObjectMetadata");
    request.accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1".into();
    let (_, list) = read(&server.0.handle(&request));
    assert_eq!((list.text("/kind"), list.text("/items/0/metadata/name")), ("PartialObjectMetadataList", "web"));
    assert!(list.pointer("/items/0/spec").is_none());
    request.accept = "application/cbor".into();
    assert_eq!(server.0.handle(&request).status, 406);
}

#[test]
fn events_are_served_in_both_groups() {
    let mut server = Server::new();
    let about = server.config("a", json!({}));
    server.0.world.event(&about, "Warning", "Broken", "it broke", "tester");
    server.0.world.event(&about, "Warning", "Broken", "it broke", "tester");
    let core = server.get("/api/v1/namespaces/default/events?fieldSelector=involvedObject.name%3Da").1;
    assert_eq!((core.items("/items").len(), core.int("/items/0/count"), core.text("/items/0/message")), (1, Some(2), "it broke"));
    let newer = server.get("/apis/events.k8s.io/v1/events?fieldSelector=regarding.name%3Da,reason%3DBroken").1;
    assert_eq!(
        (newer.text("/items/0/note"), newer.int("/items/0/deprecatedCount"), newer.text("/items/0/regarding/kind")),
        ("it broke", Some(2), "ConfigMap")
    );
    assert_eq!(newer.text("/items/0/deprecatedLastTimestamp"), seconds(server.0.now()));
}

#[test]
fn a_collection_is_deleted_by_selector() {
    let mut server = Server::new();
    for (name, app) in [("a", "x"), ("b", "y"), ("c", "x")] {
        server.config(name, json!({"app": app}));
    }
    let (code, list) = server.delete(&format!("{CONFIGS}?labelSelector=app%3Dx"), None);
    assert_eq!((code, list.items("/items").len()), (200, 2));
    let left: Vec<String> = server.get(CONFIGS).1.items("/items").iter().map(|o| o.name().to_owned()).collect();
    assert_eq!(left, ["b", "kube-root-ca.crt"]);
    let wrong = json!({"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": {"uid": "x"}});
    let (code, refused) = server.delete(&format!("{CONFIGS}/b"), Some(wrong));
    assert_eq!(code, 409);
    assert!(refused.text("/message").contains("the UID in the precondition (x) does not match the UID in record ("));
}
