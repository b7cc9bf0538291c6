//! The exact write that an action stands for, with its precondition inside it.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::action::{Action, CHANGE_CAUSE, ImageChange, Precondition, STAMP, Target};
use super::object::{Kind, ObjectRef};
use super::route::{CANARY, CANARY_WEIGHT, RouteEntry, RouteFacts};
use super::testers::TestersMove;
use super::weight::Weight;

/// One PATCH request with an RFC 6902 body.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Patch {
    /// What it changes.
    pub object: ObjectRef,
    /// The operations.
    pub ops: Vec<Value>,
    /// The part of the object that it changes, where that is reached by a path of its own: `status`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subresource: Option<String>,
}

impl Patch {
    /// One of the object itself.
    pub fn new(object: ObjectRef, ops: Vec<Value>) -> Patch {
        Patch { object, ops, subresource: None }
    }

    /// Whether it lands once at most, however often it is sent: it names the version it replaces, or a stamp that it replaces.
    pub fn lands_once(&self) -> bool {
        let stamp = |tested: bool| self.ops.iter().any(|op| is_stamp(op) && (op.get("op") == Some(&json!("test"))) == tested);
        self.ops.iter().any(is_version) || (stamp(true) && stamp(false))
    }

    /// The same as a command that a person can paste. Preconditions are left out: it is for the moment when nothing else works.
    pub fn kubectl(&self) -> String {
        let ops: Vec<&Value> =
            self.ops.iter().filter(|op| op.get("op") != Some(&json!("test")) && !is_version(op) && !is_stamp(op)).collect();
        let body = serde_json::to_string(&ops).unwrap_or_default();
        let part = self.subresource.as_ref().map(|s| format!(" --subresource {s}")).unwrap_or_default();
        format!(
            "kubectl -n {} patch {} {}{part} --type json -p {}",
            quoted(&self.object.namespace),
            self.object.kind.kubectl(),
            quoted(&self.object.name),
            quoted(&body)
        )
    }
}

fn is_version(op: &Value) -> bool {
    op.get("path") == Some(&json!("/metadata/resourceVersion"))
}

fn is_stamp(op: &Value) -> bool {
    op.get("path").and_then(Value::as_str).is_some_and(|p| p.ends_with(&pointer(STAMP)))
}

/// A shell word: quoted unless it is plain.
fn quoted(word: &str) -> String {
    if !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || "-._/:".contains(c)) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// A key as one token of a JSON pointer (RFC 6901).
pub fn pointer(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

pub(super) fn test(path: &str, value: impl Into<Value>) -> Value {
    json!({"op": "test", "path": path, "value": value.into()})
}

pub(super) fn replace(path: &str, value: impl Into<Value>) -> Value {
    json!({"op": "replace", "path": path, "value": value.into()})
}

/// Sets a member whether or not it is there yet (RFC 6902 §4.1).
pub(super) fn set(path: &str, value: impl Into<Value>) -> Value {
    json!({"op": "add", "path": path, "value": value.into()})
}

/// The patches an action stands for: one each for most, two for the replica ratio. `stamp` is written beside changes of
/// Deployments, and of a route where it takes the place of another. [`Action::Clone`] and [`Action::Undo`] need another object's
/// text first, [`Action::Fence`] is a merge patch: they have none here.
pub fn patches(action: &Action, precondition: Precondition, stamp: &str) -> Vec<Patch> {
    match action {
        Action::Route { facts, weight, testers, .. } => {
            with_testers(facts, *testers, precondition, route(facts, *weight, precondition, stamp))
        }
        Action::Scale { target, from, to, .. } => {
            let mut ops = guard(target, precondition);
            if precondition == Precondition::Value {
                ops.push(test("/spec/replicas", *from));
            }
            ops.push(replace("/spec/replicas", *to));
            vec![stamped(target, ops, stamp)]
        }
        Action::SetImages { target, images, cause, paused, .. } => {
            let mut ops = guard(target, precondition);
            ops.extend(image_ops(images, precondition));
            ops.extend(paused.map(|p| set("/spec/paused", p)));
            let mut patch = stamped(target, ops, stamp);
            patch.ops.extend(cause.as_ref().map(|c| set(&format!("/metadata/annotations/{}", pointer(CHANGE_CAUSE)), c.as_str())));
            vec![patch]
        }
        Action::SetPaused { target, paused, .. } => {
            let mut ops = guard(target, precondition);
            ops.push(set("/spec/paused", *paused));
            vec![stamped(target, ops, stamp)]
        }
        Action::Steer { target, how, .. } => {
            let ops = guard(target, precondition).into_iter().chain(how.ops()).collect();
            vec![Patch { subresource: Some("status".to_owned()), ..Patch::new(target.object.clone(), ops) }]
        }
        Action::SuspendSync { application, .. } => application.suspend().into_iter().collect(),
        Action::RestoreSync { application, .. } => application.restore().ok().flatten().into_iter().collect(),
        Action::Clone { .. } | Action::Undo { .. } | Action::Fence { .. } => Vec::new(),
    }
}

/// What must be true of a Deployment: it is the same one, and nobody of ours wrote since. That it carries no stamp cannot be
/// tested, so until it does nobody at all may have written.
pub fn guard(target: &Target, precondition: Precondition) -> Vec<Value> {
    let mut ops = vec![test("/metadata/uid", target.uid.as_str())];
    if precondition != Precondition::Identity {
        ops.extend(match (&target.stamp, &target.resource_version) {
            (Some(stamp), _) => Some(test(&stamp_path(), stamp.as_str())),
            (None, version) => version.as_ref().map(|v| replace("/metadata/resourceVersion", v.as_str())),
        });
    }
    ops
}

fn stamp_path() -> String {
    format!("/metadata/annotations/{}", pointer(STAMP))
}

/// Adds the stamp. A Deployment that the controller has seen always has annotations (its revision), so the map exists.
pub fn stamped(target: &Target, mut ops: Vec<Value>, stamp: &str) -> Patch {
    ops.push(set(&stamp_path(), stamp));
    Patch::new(target.object.clone(), ops)
}

fn image_ops(images: &[ImageChange], precondition: Precondition) -> Vec<Value> {
    let mut ops = Vec::new();
    for i in images {
        let at = format!("/spec/template/spec/containers/{}", i.index);
        ops.push(test(&format!("{at}/name"), i.container.as_str()));
        if precondition == Precondition::Value {
            ops.push(test(&format!("{at}/image"), i.from.as_str()));
        }
        ops.push(replace(&format!("{at}/image"), i.to.as_str()));
    }
    ops
}

fn route(facts: &RouteFacts, weight: Weight, precondition: Precondition, stamp: &str) -> Vec<Patch> {
    let mut ops = vec![test("/metadata/uid", facts.uid.as_str())];
    if precondition == Precondition::Unchanged {
        // A stale value in a `replace` is a 409, which tells a moved world from a malformed patch; a `test` would be a 422.
        ops.push(replace("/metadata/resourceVersion", facts.resource_version.as_str()));
    }
    if precondition == Precondition::Value {
        // A new one goes with it: what is sent twice, and the second time arrives after the weights were taken back, finds another.
        ops.extend(facts.stamp.iter().flat_map(|old| [test(&stamp_path(), old.as_str()), set(&stamp_path(), stamp)]));
    }
    let (stable, candidate) = facts.parts(weight);
    // The two weights as read, where their being so is what is asked.
    let by_value = precondition == Precondition::Value;
    let olds = (by_value && facts.written.0).then_some(facts.stable);
    let oldc = (by_value && facts.written.1).then_some(facts.candidate);
    match &facts.entry {
        RouteEntry::VirtualService { route, http, stable: (si, sd), candidate: (ci, cd) } => {
            ops.extend(named(&format!("/spec/http/{http}"), route.as_ref()));
            for (i, destination, old, part) in [(si, sd, olds, stable), (ci, cd, oldc, candidate)] {
                let at = format!("/spec/http/{http}/route/{i}");
                ops.push(test(&format!("{at}/destination/host"), destination.host.as_str()));
                ops.extend(destination.subset.as_ref().map(|s| test(&format!("{at}/destination/subset"), s.as_str())));
                ops.extend(old.map(|old| test(&format!("{at}/weight"), old)));
                ops.push(set(&format!("{at}/weight"), part));
            }
        }
        RouteEntry::HttpRoute { name, rule, stable: (si, ss), candidate: (ci, cs) } => {
            ops.extend(named(&format!("/spec/rules/{rule}"), name.as_ref()));
            for (i, service, old, part) in [(si, ss, olds, stable), (ci, cs, oldc, candidate)] {
                let at = format!("/spec/rules/{rule}/backendRefs/{i}");
                ops.push(test(&format!("{at}/name"), service.as_str()));
                ops.extend(old.map(|old| test(&format!("{at}/weight"), old)));
                ops.push(set(&format!("{at}/weight"), part));
            }
        }
        RouteEntry::Ingress { .. } => ops.extend(annotations(facts, candidate, precondition)),
        RouteEntry::Service { key, stable, candidate, current } => {
            let path = format!("/spec/selector/{}", pointer(key));
            if precondition != Precondition::Identity {
                ops.push(test(&path, current.as_str()));
            }
            ops.push(set(&path, if weight == Weight::ZERO { stable.as_str() } else { candidate.as_str() }));
        }
        RouteEntry::Replicas { stable: s, candidate: c } => return ratio(facts, (s, stable), (c, candidate), precondition),
    }
    vec![Patch::new(facts.object.clone(), ops)]
}

/// Two entries may send to the same pair and change places: the name tells them apart.
fn named(entry: &str, name: Option<&String>) -> Option<Value> {
    name.map(|name| test(&format!("{entry}/name"), name.as_str()))
}

/// Turns the testers' rule round, after the weights, whose places are told without it. Going back the weights do not hang on it:
/// somebody may have taken the rule away already, so it is a write of its own.
fn with_testers(facts: &RouteFacts, wanted: TestersMove, precondition: Precondition, mut all: Vec<Patch>) -> Vec<Patch> {
    let Some(rule) = facts.testers.as_ref().filter(|_| wanted != TestersMove::Keep) else { return all };
    match all.last_mut() {
        Some(patch) if precondition != Precondition::Identity => patch.ops.extend(rule.turn.iter().cloned()),
        _ => {
            let ops = std::iter::once(test("/metadata/uid", facts.uid.as_str())).chain(rule.turn.iter().cloned()).collect();
            all.push(Patch::new(facts.object.clone(), ops));
        }
    }
    all
}

/// The canary's weight, and `canary` where it is not switched on yet. Annotations are texts.
fn annotations(facts: &RouteFacts, part: u32, precondition: Precondition) -> Vec<Value> {
    let RouteEntry::Ingress { prefix, candidate: (place, service), canary, weight, annotated } = &facts.entry else { return Vec::new() };
    let at = |name: &str| format!("/metadata/annotations/{}", pointer(&format!("{prefix}/{name}")));
    let mut ops = vec![test(place, service.as_str())];
    if precondition == Precondition::Value {
        ops.extend(canary.as_ref().map(|old| test(&at(CANARY), old.as_str())));
        ops.extend(weight.as_ref().map(|old| test(&at(CANARY_WEIGHT), old.as_str())));
    }
    // Without annotations there is no weight to take back. To make the map, nobody else may have made it since.
    if !annotated && precondition != Precondition::Identity {
        if precondition == Precondition::Value {
            ops.push(replace("/metadata/resourceVersion", facts.resource_version.as_str()));
        }
        ops.push(set("/metadata/annotations", json!({})));
    }
    ops.push(set(&at(CANARY_WEIGHT), part.to_string()));
    if part > 0 && canary.as_deref() != Some("true") {
        ops.push(set(&at(CANARY), "true"));
    }
    ops
}

/// The replica ratio is two Deployments. The side that grows comes first, so that a refusal between the two leaves too many pods, not too few.
fn ratio(
    facts: &RouteFacts,
    stable: (&(String, String), u32),
    candidate: (&(String, String), u32),
    precondition: Precondition,
) -> Vec<Patch> {
    let patch = |((name, uid), to): (&(String, String), u32), from: u32| {
        let mut ops = vec![test("/metadata/uid", uid.as_str())];
        if precondition != Precondition::Identity {
            ops.push(test("/spec/replicas", from));
        }
        ops.push(replace("/spec/replicas", to));
        Patch::new(ObjectRef::new(Kind::Deployment, facts.object.namespace.clone(), name.clone()), ops)
    };
    let both = [patch(stable, facts.stable), patch(candidate, facts.candidate)];
    if candidate.1 > facts.candidate { both.into_iter().rev().collect() } else { both.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::release::Destination;
    use crate::domain::route::Acceptance;

    fn facts(entry: RouteEntry) -> RouteFacts {
        let object = ObjectRef::new(Kind::VirtualService, "shop", "backend");
        RouteFacts {
            object,
            uid: "u1".into(),
            resource_version: "7".into(),
            entry,
            stable: 75,
            candidate: 25,
            accepted: Acceptance::Yes,
            bypass: false,
            notes: vec![],
            alone: true,
            written: (true, true),
            stamp: None,
            candidate_labels: Default::default(),
            testers: None,
        }
    }

    fn istio() -> RouteFacts {
        let at = |i, host: &str| (i, Destination { host: host.into(), subset: None });
        facts(RouteEntry::VirtualService { route: None, http: 2, stable: at(0, "backend"), candidate: at(1, "backend-canary") })
    }

    #[test]
    fn raising_compares_the_version_and_going_back_only_the_entry() {
        let up = &route(&istio(), Weight::capped(50), Precondition::Unchanged, "2.9")[0];
        assert!(up.ops.contains(&json!({"op": "replace", "path": "/metadata/resourceVersion", "value": "7"})));
        assert!(up.ops.contains(&json!({"op": "add", "path": "/spec/http/2/route/1/weight", "value": 50})));
        let back = &route(&istio(), Weight::ZERO, Precondition::Identity, "2.9")[0];
        let tests: Vec<&str> = back.ops.iter().filter(|o| o["op"] == "test").map(|o| o["path"].as_str().unwrap()).collect();
        assert_eq!(tests, ["/metadata/uid", "/spec/http/2/route/0/destination/host", "/spec/http/2/route/1/destination/host"]);
        assert!(back.ops.iter().all(|o| o["path"] != "/metadata/resourceVersion"));
    }

    #[test]
    fn an_entry_with_a_name_is_written_under_that_name_only() {
        let mut named = istio();
        if let RouteEntry::VirtualService { route, .. } = &mut named.entry {
            *route = Some("main".into());
        }
        let pair = [(0, "web".to_owned()), (1, "web-canary".to_owned())];
        let [stable, candidate] = pair;
        let rule = facts(RouteEntry::HttpRoute { name: Some("main".into()), rule: 1, stable, candidate });
        for (facts, at) in [(named, "/spec/http/2/name"), (rule, "/spec/rules/1/name")] {
            for precondition in [Precondition::Unchanged, Precondition::Value, Precondition::Identity] {
                let patch = &route(&facts, Weight::ZERO, precondition, "2.9")[0];
                assert!(patch.ops.contains(&json!({"op": "test", "path": at, "value": "main"})), "{precondition:?}: {:?}", patch.ops);
            }
        }
    }

    #[test]
    fn by_value_the_two_weights_and_the_stamp_are_as_read_and_the_version_is_not_asked() {
        let mut facts = istio();
        (facts.stamp, facts.written) = (Some("3.7".into()), (true, false));
        let up = &route(&facts, Weight::capped(50), Precondition::Value, "2.9")[0];
        let tests: Vec<(&str, &Value)> =
            up.ops.iter().filter(|o| o["op"] == "test").map(|o| (o["path"].as_str().unwrap(), &o["value"])).collect();
        let expected = [
            ("/metadata/uid", json!("u1")),
            ("/metadata/annotations/cutover.dev~1stamp", json!("3.7")),
            ("/spec/http/2/route/0/destination/host", json!("backend")),
            ("/spec/http/2/route/0/weight", json!(75)),
            ("/spec/http/2/route/1/destination/host", json!("backend-canary")),
        ];
        assert_eq!(tests, expected.each_ref().map(|(path, value)| (*path, value)), "an absent weight cannot be tested");
        assert!(up.ops.iter().all(|o| o["path"] != "/metadata/resourceVersion"));
        let stamped = json!({ "op": "add", "path": "/metadata/annotations/cutover.dev~1stamp", "value": "2.9" });
        assert!(up.ops.contains(&stamped) && up.lands_once(), "sent twice it finds another stamp: {:?}", up.ops);
        assert!(!up.kubectl().contains("stamp"), "{}", up.kubectl());
    }

    #[test]
    fn the_command_for_people_carries_only_the_change() {
        let back = &route(&istio(), Weight::ZERO, Precondition::Identity, "2.9")[0];
        assert_eq!(
            back.kubectl(),
            r#"kubectl -n shop patch virtualservice.networking.istio.io backend --type json -p '[{"op":"add","path":"/spec/http/2/route/0/weight","value":100},{"op":"add","path":"/spec/http/2/route/1/weight","value":0}]'"#
        );
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }

    #[test]
    fn the_ratio_grows_one_side_before_the_other_shrinks() {
        let both = RouteEntry::Replicas { stable: ("web".into(), "u1".into()), candidate: ("web-canary".into(), "u2".into()) };
        let mut facts = facts(both);
        (facts.stable, facts.candidate) = (3, 1);
        let names = |w, p| {
            route(&facts, w, p, "2.9").into_iter().map(|x| (x.object.name, x.ops.last().unwrap()["value"].clone())).collect::<Vec<_>>()
        };
        assert_eq!(names(Weight::capped(50), Precondition::Unchanged), [("web-canary".into(), json!(2)), ("web".into(), json!(2))]);
        assert_eq!(names(Weight::ZERO, Precondition::Identity), [("web".into(), json!(4)), ("web-canary".into(), json!(0))]);
    }

    #[test]
    fn a_selector_key_may_hold_a_slash() {
        let entry = RouteEntry::Service {
            key: "app.kubernetes.io/version".into(),
            stable: "blue".into(),
            candidate: "green".into(),
            current: "blue".into(),
        };
        let patch = &route(&facts(entry), Weight::FULL, Precondition::Unchanged, "2.9")[0];
        assert_eq!(patch.ops.last().unwrap(), &json!({"op": "add", "path": "/spec/selector/app.kubernetes.io~1version", "value": "green"}));
    }
}
