//! Whatever is sent, there is an answer, and what was stored before still is.

use proptest::{
    prelude::*,
    sample::{Index, select},
};

use super::*;

/// Any JSON, with the field names that the kernel looks at.
fn json_value() -> impl Strategy<Value = Value> {
    let names =
        ["metadata", "name", "spec", "replicas", "containers", "status", "$patch", "labels", "ports", "selector", "template", "finalizers"];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        select(vec!["", "web", "delete", "replace", "50%", "a/b~c", "\u{1b}[31m", "é"]).prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::btree_map(select(names.to_vec()), inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())),
        ]
    })
}

/// A known object with a part of it replaced.
fn body() -> impl Strategy<Value = Value> {
    let broken = (json_value(), any::<Index>()).prop_map(|(part, place)| {
        let pointers = [
            "",
            "/metadata",
            "/metadata/labels",
            "/spec",
            "/spec/replicas",
            "/spec/selector",
            "/spec/template",
            "/spec/template/spec/containers",
        ];
        let mut object = deployment("web");
        let pointer = pointers[place.index(pointers.len())];
        if pointer.is_empty() {
            return part;
        }
        object.put(pointer, part);
        object
    });
    prop_oneof![broken, json_value()]
}

fn request() -> impl Strategy<Value = Request> {
    let methods = vec![Method::Get, Method::Post, Method::Put, Method::Patch, Method::Delete, Method::Other];
    let paths = vec![
        "/apis/apps/v1/namespaces/default/deployments",
        "/apis/apps/v1/namespaces/default/deployments/web",
        "/api/v1/namespaces/default",
        "/apis/apps/v1/namespaces/default/deployments/web/scale",
        "/apis/apps/v1/namespaces/default/deployments/web/status",
        "/api/v1/pods",
        "/api/v1/namespaces/default/pods/web/log",
        "/api/v1/namespaces/default/services/a:b:c/proxy/x",
        "/apis",
        "/openapi/v3",
        "//",
        "",
        "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
        "/apis/metrics.k8s.io/v1beta1/pods",
        "/apis/events.k8s.io/v1/events",
    ];
    let queries = vec![
        "",
        "watch=1",
        "limit=1",
        "continue=zz",
        "limit=-1",
        "dryRun=All",
        "fieldManager=x&force=true",
        "labelSelector=a%20in%20(",
        "fieldSelector=%3D",
        "resourceVersion=18446744073709551616",
        "propagationPolicy=Orphan",
        "tailLines=-5&sinceSeconds=-9223372036854775808",
        "%zz=%",
        "gracePeriodSeconds=-1",
    ];
    let media = vec![
        "application/json",
        "application/yaml",
        "application/merge-patch+json",
        "application/json-patch+json",
        "application/apply-patch+yaml",
        "application/strategic-merge-patch+json",
        "application/vnd.kubernetes.protobuf",
        "",
    ];
    let bytes = prop_oneof![
        body().prop_map(|body| body.to_string().into_bytes()),
        prop::collection::vec(any::<u8>(), 0..40),
        prop::collection::vec(any::<u8>(), 0..40).prop_map(|bytes| [b"k8s\0".to_vec(), bytes].concat()),
    ];
    (select(methods), select(paths), select(queries), select(media), bytes).prop_map(|(method, path, query, media, bytes)| {
        let mut request = Request::new(method, &format!("{path}?{query}")).with_body(media, bytes);
        request.accept = "application/json;as=Table;v=v1;g=meta.k8s.io,*/*".into();
        request
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 400 } else { 4_000 }))]

    #[test]
    fn every_request_has_an_answer_and_the_store_stays_whole(requests in prop::collection::vec(request(), 1..12)) {
        let mut server = Server::new();
        server.post(DEPLOYMENTS, deployment("web"));
        server.config("bystander", json!({}));
        for request in &requests {
            let answer = server.0.handle(request);
            prop_assert!((200..600).contains(&answer.status));
            if let Body::Stream { id, .. } = answer.body {
                server.0.stream_poll(id);
                server.0.stream_close(id);
            }
        }
        // A namespace that was deleted takes its contents along; nothing else touches the bystander.
        if server.get("/api/v1/namespaces/default").0 == 200 {
            let bystander = server.get(&format!("{CONFIGS}/bystander")).1;
            prop_assert_eq!(bystander.text("/data/a"), "1");
        }
        let (code, list) = server.get(DEPLOYMENTS);
        prop_assert_eq!(code, 200);
        for object in list.items("/items") {
            prop_assert!(object.pointer("/spec/replicas").is_some_and(Value::is_i64), "{}", object);
            prop_assert!(!object.items("/spec/template/spec/containers").is_empty());
        }
    }
}
