//! Tables of the workload kinds.

use jiff::Timestamp;
use serde_json::Value;

use super::{AGE, Columns, NAME, age, column, containers, count, human, or_none, selector, wide};
use crate::sim::kernel::object::Fields;

pub const DEPLOYMENT: Columns = Columns {
    columns: &[
        NAME,
        column("Ready", "string"),
        column("Up-to-date", "string"),
        column("Available", "string"),
        AGE,
        wide("Containers", "string"),
        wide("Images", "string"),
        wide("Selector", "string"),
    ],
    cells: |object, now| {
        let ready = format!("{}/{}", object.int("/status/readyReplicas").unwrap_or(0), object.int("/spec/replicas").unwrap_or(0));
        let [names, images] = containers(object);
        let (updated, available) = (count(object, "/status/updatedReplicas"), count(object, "/status/availableReplicas"));
        vec![object.name().into(), ready.into(), updated, available, age(object, now), names, images, selector(object)]
    },
};

pub const REPLICA_SET: Columns = Columns {
    columns: &[
        NAME,
        column("Desired", "integer"),
        column("Current", "integer"),
        column("Ready", "integer"),
        AGE,
        wide("Containers", "string"),
        wide("Images", "string"),
        wide("Selector", "string"),
    ],
    cells: |object, now| {
        let [names, images] = containers(object);
        let [desired, current, ready] = ["/spec/replicas", "/status/replicas", "/status/readyReplicas"].map(|p| count(object, p));
        vec![object.name().into(), desired, current, ready, age(object, now), names, images, selector(object)]
    },
};

pub const STATEFUL_SET: Columns = Columns {
    columns: &[NAME, column("Ready", "string"), AGE, wide("Containers", "string"), wide("Images", "string")],
    cells: |object, now| {
        let ready = format!("{}/{}", object.int("/status/readyReplicas").unwrap_or(0), object.int("/spec/replicas").unwrap_or(0));
        let [names, images] = containers(object);
        vec![object.name().into(), ready.into(), age(object, now), names, images]
    },
};

pub const DAEMON_SET: Columns = Columns {
    columns: &[
        NAME,
        column("Desired", "integer"),
        column("Current", "integer"),
        column("Ready", "integer"),
        column("Up-to-date", "integer"),
        column("Available", "integer"),
        column("Node Selector", "string"),
        AGE,
        wide("Containers", "string"),
        wide("Images", "string"),
        wide("Selector", "string"),
    ],
    cells: |object, now| {
        let [names, images] = containers(object);
        let numbers = ["desiredNumberScheduled", "currentNumberScheduled", "numberReady", "updatedNumberScheduled", "numberAvailable"];
        let mut cells = vec![Value::from(object.name())];
        cells.extend(numbers.map(|name| count(object, &format!("/status/{name}"))));
        let nodes = super::map_text(object.map("/spec/template/spec/nodeSelector")).join(",");
        cells.extend([or_none(nodes), age(object, now), names, images, selector(object)]);
        cells
    },
};

pub const JOB: Columns = Columns {
    columns: &[
        NAME,
        column("Status", "string"),
        column("Completions", "string"),
        column("Duration", "string"),
        AGE,
        wide("Containers", "string"),
        wide("Images", "string"),
        wide("Selector", "string"),
    ],
    cells: job,
};

fn job(object: &Value, now: Timestamp) -> Vec<Value> {
    let [names, images] = containers(object);
    let holds = |kind: &str| object.items("/status/conditions").iter().any(|c| c.text("/type") == kind && c.text("/status") == "True");
    let status = match ["Complete", "Failed", "Suspended", "FailureTarget"].into_iter().find(|kind| holds(kind)) {
        Some(kind) => kind,
        None if object.is_deleting() => "Terminating",
        None => "Running",
    };
    let succeeded = object.int("/status/succeeded").unwrap_or(0);
    let completions = match (object.int("/spec/completions"), object.int("/spec/parallelism").unwrap_or(0)) {
        (Some(wanted), _) => format!("{succeeded}/{wanted}"),
        (None, parallel) if parallel > 1 => format!("{succeeded}/1 of {parallel}"),
        _ => format!("{succeeded}/1"),
    };
    let time = |pointer: &str| object.text(pointer).parse::<Timestamp>().ok();
    let duration = time("/status/startTime").map(|start| time("/status/completionTime").unwrap_or(now).duration_since(start).as_secs());
    vec![
        object.name().into(),
        status.into(),
        completions.into(),
        duration.map(human).unwrap_or_default().into(),
        age(object, now),
        names,
        images,
        selector(object),
    ]
}
