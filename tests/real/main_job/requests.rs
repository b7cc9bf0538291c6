//! What is asked of the API server by a walk and by a rollback, request by request: nothing more is read than is needed, nothing
//! is read before a rollback's first write but the run it takes back, and no field is written that is not ours.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Shop;
use crate::harness::audit::{self, Entry};
use crate::harness::control_plane::{ControlPlane, User};

/// Fields that may be written, by resource. `#` is any index or container.
const FIELDS: [(&str, &[&str]); 4] = [
    ("virtualservices", &["/spec/http/#/route/#/weight", "/metadata/annotations/cutover.dev~1stamp"]),
    (
        "deployments",
        &[
            "/spec/replicas",
            "/spec/template/spec/containers/#/image",
            "/metadata/annotations/kubernetes.io~1change-cause",
            "/metadata/annotations/cutover.dev~1stamp",
        ],
    ),
    ("deployments/scale", &["/spec/replicas"]),
    // The annotations as a whole only where there are none.
    ("applications", &["/spec/syncPolicy/automated", "/metadata/annotations/cutover.dev~1auto-sync", "/metadata/annotations"]),
];
/// Fields that only say which object is meant, or which version of it.
const PRECONDITIONS: [&str; 3] = ["/metadata/uid", "/metadata/resourceVersion", "/metadata/name"];
/// Objects that are ours as a whole.
const OURS: [&str; 2] = ["configmaps", "leases"];
/// What a look lists. Pods, ReplicaSets and addresses are asked for by selector: a namespace may hold thousands of others'.
const LISTED: [(&str, bool); 10] = [
    ("endpointslices", true),
    ("horizontalpodautoscalers", false),
    ("pods", true),
    ("replicasets", true),
    ("configmaps", true),
    // Of other controllers there are few.
    ("canaries", false),
    ("rollouts", false),
    // Another one may send to the candidate.
    ("virtualservices", false),
    // Of these there are few, and they are read before more pods are asked for only.
    ("resourcequotas", false),
    ("poddisruptionbudgets", false),
];
/// What bounds more pods. How many pods there are in all is asked, with a list of one; an operator may not be told.
const ROOM: [&str; 3] = ["resourcequotas", "poddisruptionbudgets", "nodes"];
pub(super) const COUNT: &str = "/api/v1/pods?limit=1";
/// What is listed once, to find out what the release file does not say.
const ONCE: [&str; 5] = ["deployments", "services", "destinationrules", "httproutes", "ingresses"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_walk_and_a_rollback_ask_for_what_they_need() {
    let Some(plane) = ControlPlane::get("a_walk_and_a_rollback_ask_for_what_they_need") else { return };
    let shop = Shop::open(plane, "requests").await;
    let mut driver = shop.run("driver");
    shop.holds(50, &mut driver).await;
    driver.kill();
    let walk = logged(&shop).await;
    let (code, text) = shop.done(User::Operator, "rollback", &["rollback"]).await;
    assert_eq!(code, 0, "{text}");
    shop.assert_is_back().await;
    let mut back = shop.namespace.audit(User::Operator).split_off(walk.len());
    eprintln!("the walk to 50 %:\n{}the rollback:\n{}", summary(&walk), audit::lines(&back, |_| true));

    back.sort_by(|a, b| a.received.cmp(&b.received));
    let first_write = back.iter().position(Entry::writes).expect("it writes");
    let before: Vec<_> = back[..first_write].iter().map(|e| (e.verb.as_str(), e.resource.as_str())).collect();
    assert!(matches!(before[..], [("list" | "get", "configmaps")]), "only the run that is taken back is read first: {before:?}");
    assert_eq!(back[first_write].resource, "virtualservices", "traffic first: {}", back[first_write]);

    let room = |log: &[Entry]| log.iter().filter(|e| e.uri == COUNT || ROOM.contains(&e.resource.as_str())).count();
    assert_eq!(room(&back), 0, "a rollback asks for no room");
    let pods = walk.iter().filter(|e| e.writes() && e.resource.starts_with("deployments")).count();
    assert!((1..=3 * (pods + 2)).contains(&room(&walk)), "{} questions for room, {pods} writes that may make pods", room(&walk));

    for (what, log) in [("walk", &walk), ("rollback", &back)] {
        assert_eq!(audit::lines(log, |e| !is_needed(e, &shop.namespace.name)), "", "{what}: read without need");
        for resource in ONCE {
            let times = log.iter().filter(|e| e.verb == "list" && e.resource == resource).count();
            assert!(times <= usize::from(what == "walk"), "{what}: {times} lists of {resource}");
        }
        assert_eq!(storm(log), "", "{what}: looked at again and again");
        // Once to find out what the release file does not say, and then every ten seconds.
        let routes = log.iter().filter(|e| e.verb == "list" && e.resource == "virtualservices").count();
        assert!((1..=2 + seconds(log) / 10).contains(&routes), "{what}: {routes} lists of routes in {} s", seconds(log));
        let foreign: Vec<String> = log.iter().filter(|e| e.writes()).flat_map(foreign_fields).collect();
        assert_eq!(foreign, Vec::<String>::new(), "{what}: written although it is not ours");
        assert!(log.iter().any(|e| e.writes() && e.resource == "virtualservices"), "{what}: the route was written");
    }
}

/// From the first request to the last one.
fn seconds(log: &[Entry]) -> usize {
    let at = |entry: &Entry| entry.received.parse::<jiff::Timestamp>().expect("a time").as_second();
    let (first, last) = (log.iter().map(at).min(), log.iter().map(at).max());
    first.zip(last).map_or(0, |(first, last)| usize::try_from(last - first).expect("forward"))
}

/// What is on the log once the server is done with what a killed process had asked.
async fn logged(shop: &Shop) -> Vec<Entry> {
    let mut before = shop.namespace.audit(User::Operator);
    for _ in 0..20 {
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        let now = shop.namespace.audit(User::Operator);
        if now.len() == before.len() {
            break;
        }
        before = now;
    }
    before
}

/// How often the release was looked at, if that is more than once a second and once for each write. A look reads the
/// autoscalers once.
fn storm(log: &[Entry]) -> String {
    let at = |entry: &Entry| entry.received.parse::<jiff::Timestamp>().expect("a time").as_millisecond();
    let looks: Vec<i64> = log.iter().filter(|e| e.verb == "list" && e.resource == "horizontalpodautoscalers").map(at).collect();
    let (Some(first), Some(last)) = (looks.iter().min(), looks.iter().max()) else { return String::new() };
    let seconds = (last - first) as f64 / 1000.0;
    let writes = log.iter().filter(|e| e.writes()).count() as f64;
    let most = seconds + writes + 2.0;
    if looks.len() as f64 <= most { String::new() } else { format!("{} looks in {seconds:.1} s with {writes} writes", looks.len()) }
}

/// How often each thing was asked for.
fn summary(log: &[Entry]) -> String {
    let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
    for entry in log {
        *counts.entry((entry.verb.clone(), entry.resource.clone())).or_default() += 1;
    }
    counts.iter().map(|((verb, resource), n)| format!("{n:>5} {verb} {resource}\n")).collect()
}

/// Whether a read is one that the job needs: single objects of the namespace, and the lists that a look is made of.
fn is_needed(entry: &Entry, namespace: &str) -> bool {
    let here = entry.uri.contains(&format!("/namespaces/{namespace}/"));
    match entry.verb.as_str() {
        "get" if entry.resource.is_empty() => true, // the version, and which groups are served
        "get" => here,
        "list" if entry.uri == COUNT => true,
        "list" => {
            if ONCE.contains(&entry.resource.as_str()) {
                return here;
            }
            let known = LISTED.iter().find(|(resource, _)| *resource == entry.resource);
            here && known.is_some_and(|(_, by_selector)| !by_selector || entry.uri.contains("labelSelector="))
        }
        "watch" => here,
        _ => true,
    }
}

/// Fields of a write that are neither ours to write nor preconditions.
pub(super) fn foreign_fields(entry: &Entry) -> Vec<String> {
    if OURS.contains(&entry.resource.as_str()) {
        let ours = entry.name.starts_with("cutover-") || (entry.name.is_empty() && entry.verb == "create");
        return if ours { vec![] } else { vec![entry.to_string()] };
    }
    let allowed = FIELDS.iter().find(|(resource, _)| *resource == entry.resource).map_or(&[][..], |(_, fields)| fields);
    let written: BTreeSet<String> = match &entry.body {
        Value::Array(operations) => operations.iter().filter(|op| op["op"] != "test").map(|op| text(&op["path"])).collect(),
        body => leaves(body, ""),
    };
    let of = |field: &String| !allowed.contains(&pattern(field).as_str()) && !PRECONDITIONS.contains(&field.as_str());
    written.iter().filter(|field| of(field)).map(|field| format!("{} {}: {field}", entry.verb, entry.uri)).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Paths of everything that a merge patch sets. The name of a list's element says which one is meant.
fn leaves(value: &Value, path: &str) -> BTreeSet<String> {
    match value {
        Value::Object(fields) => {
            let inside = |(key, value): (&String, &Value)| leaves(value, &format!("{path}/{}", key.replace('~', "~0").replace('/', "~1")));
            fields.iter().filter(|(key, _)| !(path.ends_with("/0") && *key == "name")).flat_map(inside).collect()
        }
        Value::Array(items) => items.iter().flat_map(|item| leaves(item, &format!("{path}/0"))).collect(),
        _ => BTreeSet::from([path.to_owned()]),
    }
}

/// A path with every index as `#`.
fn pattern(path: &str) -> String {
    path.split('/')
        .map(|part| if !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()) { "#" } else { part })
        .collect::<Vec<_>>()
        .join("/")
}
