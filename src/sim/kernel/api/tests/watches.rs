use super::*;

fn names(events: &[(String, Value)]) -> Vec<String> {
    events.iter().map(|(kind, object)| format!("{kind} {}", object.name())).collect()
}

#[test]
fn a_watch_without_version_begins_with_what_is_there() {
    let mut server = Server::new();
    server.config("a", json!({}));
    let id = server.watch(&format!("{CONFIGS}?watch=true&fieldSelector=metadata.name%3Da"));
    server.patch(&format!("{CONFIGS}/a"), "merge", json!({"data": {"a": "2"}}));
    server.config("b", json!({}));
    server.delete(&format!("{CONFIGS}/a"), None);
    let events = server.events(id);
    assert_eq!(names(&events), ["ADDED a", "MODIFIED a", "DELETED a"]);
    assert!(events[2].1.revision() > events[1].1.revision());
    assert!(server.events(id).is_empty());
    server.0.stream_close(id);
    assert!(server.0.stream_poll(id).is_none());
}

#[test]
fn a_watch_from_a_version_misses_nothing_and_repeats_nothing() {
    let mut server = Server::new();
    server.config("a", json!({}));
    let version = server.get(CONFIGS).1.text("/metadata/resourceVersion").to_owned();
    server.config("b", json!({}));
    let id = server.watch(&format!("{CONFIGS}?watch=1&resourceVersion={version}"));
    server.config("c", json!({}));
    assert_eq!(names(&server.events(id)), ["ADDED b", "ADDED c"]);
}

#[test]
fn a_selector_turns_changes_into_additions_and_deletions() {
    let mut server = Server::new();
    let id = server.watch(&format!("{CONFIGS}?watch=1&labelSelector=app%3Dx"));
    server.config("a", json!({"app": "y"}));
    let one = format!("{CONFIGS}/a");
    server.patch(&one, "merge", json!({"metadata": {"labels": {"app": "x"}}}));
    server.patch(&one, "merge", json!({"data": {"a": "2"}}));
    server.patch(&one, "merge", json!({"metadata": {"labels": {"app": "y"}}}));
    server.delete(&one, None);
    let events = server.events(id);
    assert_eq!(names(&events), ["ADDED a", "MODIFIED a", "DELETED a"]);
    assert_eq!(events[2].1.label("app"), "x", "the object as it was last selected");
}

#[test]
fn a_version_that_is_compacted_away_ends_the_watch_with_410() {
    let mut server = Server::new();
    let old = server.config("a", json!({})).revision();
    let open = server.watch(&format!("{CONFIGS}?watch=1&resourceVersion={old}"));
    server.config("b", json!({}));
    server.0.world.store.compact();
    for id in [open, server.watch(&format!("{CONFIGS}?watch=1&resourceVersion={old}"))] {
        let events = server.events(id);
        assert_eq!(
            (events.len(), events[0].0.as_str(), events[0].1.int("/code"), events[0].1.text("/reason")),
            (1, "ERROR", Some(410), "Expired")
        );
        assert!(events[0].1.text("/message").starts_with("too old resource version: "));
        assert!(server.0.stream_poll(id).is_none());
    }
}

#[test]
fn initial_events_end_with_a_bookmark() {
    let mut server = Server::new();
    server.config("a", json!({}));
    let query = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    let id = server.watch(&format!("{CONFIGS}?{query}"));
    let events = server.events(id);
    assert_eq!(names(&events), ["ADDED a", "ADDED kube-root-ca.crt", "BOOKMARK "]);
    assert_eq!(events[2].1.annotation("k8s.io/initial-events-end"), "true");
    assert_eq!(events[2].1.revision(), server.0.world.store.revision());
    let (code, refused) = server.get(&format!("{CONFIGS}?watch=1&sendInitialEvents=true"));
    assert_eq!((code, refused.text("/reason")), (422, "Invalid"));
    let marked = server.0.stream_bookmark(id).unwrap();
    let mark: Value = serde_json::from_slice(&marked).unwrap();
    assert_eq!((mark.text("/type"), mark.text("/object/kind")), ("BOOKMARK", "ConfigMap"));
}

#[test]
fn a_watched_table_says_its_columns_once() {
    let mut server = Server::new();
    server.config("a", json!({}));
    let mut request = Request::new(Method::Get, &format!("{CONFIGS}?watch=1"));
    request.accept = "application/json;as=Table;v=v1;g=meta.k8s.io".into();
    let Body::Stream { id, .. } = server.0.handle(&request).body else { panic!("no stream") };
    let events = server.events(id);
    assert_eq!(events[0].1.items("/columnDefinitions").len(), 3);
    assert_eq!(events[1].1.pointer("/columnDefinitions"), Some(&Value::Null));
    assert_eq!(events[0].1.pointer("/rows/0/cells/0"), Some(&json!("a")));
}
