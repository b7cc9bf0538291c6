use serde_json::{Value, json};

use super::*;

fn pod(name: &str, ready: bool) -> Value {
    json!({
        "metadata": {
            "name": name, "uid": "u1", "labels": {"app": "web", "pod-template-hash": "7f9c", "noise": "x"},
            "ownerReferences": [{"kind": "ReplicaSet", "name": "web-canary-7f9c", "controller": true}]
        },
        "spec": {"containers": [{"name": "app", "image": "web:1"}], "volumes": [{"name": "ignored"}]},
        "status": {"phase": "Running", "containerStatuses": [{"name": "app", "ready": ready, "restartCount": 2, "imageID": "web@sha256:ab12"}]}
    })
}

fn apply<T: Rows + serde::de::DeserializeOwned>(to: &mut Indexes, object: Value) {
    let _ = serde_json::from_value::<T>(object).unwrap().apply(to);
}

#[test]
fn pods_are_trimmed_and_know_their_deployment() {
    let mut indexes = Indexes::new("shop");
    apply::<wire::Pod>(&mut indexes, pod("web-canary-7f9c-x", true));
    let snapshot = indexes.snapshot();
    let row = &snapshot.pods[0];
    assert_eq!((row.deployment.as_deref(), row.template_hash.as_deref()), (Some("web-canary"), Some("7f9c")));
    assert_eq!((row.ready, row.containers, row.restarts), (1, 1, 2));
    assert!(row.is_ready());
}

#[test]
fn the_end_of_a_list_leaves_no_ghosts_and_a_quiet_list_is_shared() {
    let mut indexes = Indexes::new("shop");
    for name in ["a", "b"] {
        apply::<wire::Pod>(&mut indexes, pod(name, true));
    }
    let before = indexes.snapshot();
    apply::<wire::Deployment>(&mut indexes, json!({"metadata": {"name": "web"}, "spec": {"replicas": 2}}));
    assert!(Arc::ptr_eq(&before.pods, &indexes.snapshot().pods), "pods did not change");
    let there = serde_json::from_value::<wire::Pod>(pod("b", false)).unwrap().apply(&mut indexes);
    wire::Pod::retain(&mut indexes, Kind::Pod, &BTreeSet::from([there]));
    let names: Vec<String> = indexes.snapshot().pods.iter().map(|p| p.name.to_string()).collect();
    assert_eq!(names, ["b"]);
    serde_json::from_value::<wire::Pod>(pod("b", true)).unwrap().delete(&mut indexes);
    assert!(indexes.snapshot().pods.is_empty());
}

#[test]
fn statuses_read_as_in_kubectl() {
    let state = |state: Value, extra: Value| {
        let mut p = pod("x", false);
        p["status"]["containerStatuses"][0]["state"] = state;
        for (k, v) in extra.as_object().unwrap() {
            p[k] = v.clone();
        }
        let row = rows::pod(serde_json::from_value(p).unwrap());
        (row.status.to_string(), row.reason.map(|r| r.to_string()))
    };
    let none = json!({});
    assert_eq!(
        state(json!({"waiting": {"reason": "ImagePullBackOff", "message": "not found"}}), none.clone()),
        ("ImagePullBackOff".into(), Some("not found".into()))
    );
    assert_eq!(state(json!({"terminated": {"reason": "OOMKilled", "exitCode": 137}}), none.clone()).0, "OOMKilled");
    assert_eq!(state(json!({"running": {}}), none).0, "Running");
    let gone = json!({"metadata": {"name": "x", "uid": "u", "deletionTimestamp": "2026-01-01T00:00:00Z"}});
    assert_eq!(state(json!({"running": {}}), gone).0, "Terminating");
}

#[test]
fn escapes_in_names_labels_and_events_are_shown_not_sent() {
    let mut indexes = Indexes::new("shop");
    apply::<wire::Pod>(&mut indexes, pod("evil\u{1b}[2J", true));
    let labels = json!({"version": "\u{202e}v1", "noise": "x"});
    apply::<wire::Deployment>(&mut indexes, json!({"metadata": {"name": "web", "labels": labels}}));
    assert_eq!(indexes.snapshot().deployments[0].labels.len(), 1, "labels that tell nothing are not kept");
    apply::<wire::Event>(
        &mut indexes,
        json!({"metadata": {"uid": "e"}, "type": "Warning", "reason": "\u{7}Bell", "message": "\u{1b}]0;x\u{7}", "involvedObject": {"kind": "Pod", "name": "p"}}),
    );
    let shown = format!("{:?}", indexes.snapshot());
    assert!(!shown.contains("\\u{1b}") && !shown.contains("\\u{7}") && !shown.contains("\\u{202e}"), "{shown}");
    assert!(shown.contains("<U+001B>"));
}

#[test]
fn events_are_newest_first_and_bounded() {
    let mut indexes = Indexes::new("shop");
    for n in 0..2_000 {
        let at = jiff::Timestamp::from_second(1_000_000 + n).unwrap().to_string();
        apply::<wire::Event>(
            &mut indexes,
            json!({"metadata": {"uid": format!("e{n:05}")}, "lastTimestamp": at, "count": 2, "reason": "Unhealthy"}),
        );
    }
    let events = indexes.snapshot().events;
    assert!(events.len() <= EVENTS_KEPT + EVENTS_KEPT / 4);
    assert_eq!((events[0].uid.as_str(), events[0].count), ("e01999", 2));
}

#[test]
fn autoscalers_show_metrics_and_odd_conditions_only() {
    let mut indexes = Indexes::new("shop");
    let metric = json!([{"type": "Resource", "resource": {"name": "cpu", "target": {"averageUtilization": 70}, "current": {"averageUtilization": 54}}}]);
    let conditions = json!([{"type": "AbleToScale", "status": "True", "reason": "ReadyForNewScale"}, {"type": "ScalingActive", "status": "False", "reason": "FailedGetResourceMetric"}, {"type": "ScalingLimited", "status": "False", "reason": "DesiredWithinRange"}]);
    let hpa = json!({"metadata": {"name": "web"}, "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "web"}, "minReplicas": 3, "maxReplicas": 20, "metrics": metric}, "status": {"currentReplicas": 9, "currentMetrics": metric, "conditions": conditions}});
    apply::<wire::Autoscaler>(&mut indexes, hpa);
    let row = indexes.snapshot().hpas.remove(0);
    assert_eq!((row.metrics[0].as_str(), row.scale.max, row.scale.limited), ("cpu 54/70 %", 20, false));
    assert_eq!(row.conditions.iter().map(|c| c.as_str()).collect::<Vec<_>>(), ["ScalingActive=False FailedGetResourceMetric"]);
}

#[test]
fn services_count_ready_addresses() {
    let mut indexes = Indexes::new("shop");
    apply::<wire::Service>(&mut indexes, json!({"metadata": {"name": "web"}, "spec": {"selector": {"app": "web"}}}));
    let ends = json!([{"addresses": ["10.0.0.1"], "conditions": {"ready": true}}, {"addresses": ["10.0.0.2"], "conditions": {"ready": false}}, {"addresses": ["10.0.0.3"]}]);
    apply::<wire::EndpointSlice>(
        &mut indexes,
        json!({"metadata": {"name": "web-1", "labels": {"kubernetes.io/service-name": "web"}}, "endpoints": ends}),
    );
    let row = indexes.snapshot().services.remove(0);
    assert_eq!((row.ready, row.addresses), (2, 3));
}
