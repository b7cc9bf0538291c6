//! What a watch's events cost, at ten thousand pods.

use std::hint::black_box;

use criterion::Criterion;
use cutover::domain::object::Kind;

use crate::pods::{PODS, indexed, line};

/// Events about other objects in a storm.
const EVENTS: usize = 5_000;

pub fn benches(c: &mut Criterion) {
    let mut group = c.benchmark_group("watch");
    let mut indexes = indexed();
    let lines: Vec<Vec<u8>> = (0..PODS).step_by(7).map(|n| line(n, 2, n % 2 == 0)).collect();
    let mut next = 0;
    group.bench_function("pod event", |b| {
        b.iter(|| {
            next = (next + 1) % lines.len();
            indexes.take(Kind::Pod, black_box(&lines[next])).unwrap()
        });
    });
    group.bench_function("snapshot after a pod event", |b| {
        b.iter(|| {
            indexes.take(Kind::Pod, black_box(&lines[0])).unwrap();
            indexes.snapshot()
        });
    });
    let storm: Vec<Vec<u8>> = (0..EVENTS).map(event).collect();
    group.bench_function("storm of 5000 events, one snapshot", |b| {
        b.iter(|| {
            for line in &storm {
                indexes.take(Kind::Event, line).unwrap();
            }
            indexes.snapshot()
        });
    });
    group.finish();
}

/// A line of a watch on Events.
fn event(n: usize) -> Vec<u8> {
    let at = jiff::Timestamp::from_second(1_800_000_000 + i64::try_from(n).unwrap()).unwrap();
    let event = serde_json::json!({
        "metadata": {"name": format!("backend.{n:x}"), "uid": format!("uid-{n}"), "resourceVersion": n.to_string()},
        "type": "Warning", "reason": "Unhealthy", "message": "Readiness probe failed: HTTP probe failed with statuscode: 503", "count": 3,
        "lastTimestamp": at.to_string(), "involvedObject": {"kind": "Pod", "name": format!("backend-7f9c4bd5c8-{n}")},
    });
    format!(r#"{{"type":"ADDED","object":{event}}}"#).into_bytes()
}
