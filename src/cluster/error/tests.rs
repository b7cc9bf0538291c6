use super::*;

fn patch() -> Subject {
    Subject::object("patch", &ObjectRef::new(Kind::VirtualService, "shop", "backend"))
}

#[test]
fn a_failed_test_is_a_conflict_and_a_finding_of_validation_is_not() {
    let test = br#"{"kind":"Status","message":"the server rejected our request due to an error in our request","reason":"Invalid","details":{},"code":422}"#;
    assert!(matches!(patch().refused(422, test), ClusterError::Conflict { .. }));
    let finding = br#"{"message":"Deployment.apps \"web\" is invalid","details":{"name":"web","causes":[{"field":"spec.replicas"}]}}"#;
    assert!(matches!(patch().refused(422, finding), ClusterError::Invalid { .. }));
    assert!(matches!(patch().refused(409, b"{}"), ClusterError::Conflict { .. }));
}

#[test]
fn a_refusal_names_the_rule_to_ask_for() {
    let text = patch().refused(403, br#"{"message":"virtualservices \"backend\" is forbidden"}"#).to_string();
    assert_eq!(
        text,
        "patch VirtualService backend in namespace shop: not allowed; ask for the rule {apiGroups: [\"networking.istio.io\"], \
         resources: [\"virtualservices\"], verbs: [\"patch\"]} in namespace shop; the server said: virtualservices \"backend\" is forbidden"
    );
}

#[test]
fn a_missing_kind_is_told_from_a_missing_object() {
    let object = patch().refused(404, br#"{"message":"not found","details":{"name":"backend"}}"#);
    assert!(matches!(object, ClusterError::NotFound { kind: false, .. }));
    assert!(matches!(patch().refused(404, b"404 page not found\n"), ClusterError::NotFound { kind: true, .. }));
}

#[test]
fn what_may_have_landed_is_unknown() {
    for code in [500, 502, 503, 504] {
        assert!(patch().refused(code, b"").is_unknown(), "{code}");
    }
    for code in [400, 401, 403, 404, 409, 413, 422, 429] {
        assert!(!patch().refused(code, b"").is_unknown(), "{code}");
    }
}

#[test]
fn foreign_words_are_made_safe() {
    let text = patch().refused(500, b"\x1b[2Jboom").to_string();
    assert!(text.ends_with("<U+001B>[2Jboom"), "{text}");
}
