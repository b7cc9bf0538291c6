//! Tables of the small core kinds.

use jiff::Timestamp;
use serde_json::Value;

use super::{AGE, Columns, NAME, age, column, since, wide};
use crate::sim::kernel::object::Fields;

pub const NAMESPACE: Columns = Columns {
    columns: &[NAME, column("Status", "string"), AGE],
    cells: |object, now| vec![object.name().into(), object.text("/status/phase").into(), age(object, now)],
};

pub const CONFIG_MAP: Columns = Columns {
    columns: &[NAME, column("Data", "string"), AGE],
    cells: |object, now| {
        let entries = object.map("/data").len() + object.map("/binaryData").len();
        vec![object.name().into(), entries.into(), age(object, now)]
    },
};

pub const SECRET: Columns = Columns {
    columns: &[NAME, column("Type", "string"), column("Data", "string"), AGE],
    cells: |object, now| vec![object.name().into(), object.text("/type").into(), object.map("/data").len().into(), age(object, now)],
};

pub const SERVICE_ACCOUNT: Columns = Columns { columns: &[NAME, AGE], cells: |object, now| vec![object.name().into(), age(object, now)] };

pub const LEASE: Columns = Columns {
    columns: &[NAME, column("Holder", "string"), AGE],
    cells: |object, now| vec![object.name().into(), object.text("/spec/holderIdentity").into(), age(object, now)],
};

pub const RESOURCE_QUOTA: Columns = Columns {
    columns: &[NAME, column("Request", "string"), column("Limit", "string"), AGE],
    cells: |object, now| {
        let used = |limits: bool| {
            let hard = object.map("/status/hard").iter().filter(|(name, _)| name.starts_with("limits") == limits);
            let pairs = hard.map(|(name, hard)| {
                let used = object.map("/status/used").get(name).and_then(Value::as_str).unwrap_or("0");
                format!("{name}: {used}/{}", hard.as_str().unwrap_or_default())
            });
            pairs.collect::<Vec<_>>().join(", ")
        };
        vec![object.name().into(), used(false).into(), used(true).into(), age(object, now)]
    },
};

pub const EVENT: Columns = Columns {
    columns: &[
        column("Last Seen", "string"),
        column("Type", "string"),
        column("Reason", "string"),
        column("Object", "string"),
        wide("Subobject", "string"),
        wide("Source", "string"),
        column("Message", "string"),
        wide("First Seen", "string"),
        wide("Count", "string"),
        super::Column { priority: 1, ..NAME },
    ],
    cells: event,
};

fn event(object: &Value, now: Timestamp) -> Vec<Value> {
    let time = |pointers: [&str; 2]| {
        let found = pointers.into_iter().map(|pointer| object.text(pointer)).find(|time| !time.is_empty());
        Value::from(found.map_or_else(|| "<unknown>".into(), |time| since(time, now)))
    };
    let series = object.pointer("/series").is_some();
    let last = if series { time(["/series/lastObservedTime", "/lastTimestamp"]) } else { time(["/lastTimestamp", "/eventTime"]) };
    let seen = object.int("/series/count").or_else(|| object.int("/count")).filter(|count| *count > 0).unwrap_or(1);
    let about = format!("{}/{}", object.text("/involvedObject/kind").to_lowercase(), object.text("/involvedObject/name"));
    let component = match object.text("/source/component") {
        "" => object.text("/reportingComponent"),
        component => component,
    };
    let source = match object.text("/source/host") {
        "" => component.to_owned(),
        host => format!("{component}, {host}"),
    };
    vec![
        last,
        object.text("/type").into(),
        object.text("/reason").into(),
        about.into(),
        object.text("/involvedObject/fieldPath").into(),
        source.into(),
        object.text("/message").trim().into(),
        time(["/firstTimestamp", "/eventTime"]),
        seen.into(),
        object.name().into(),
    ]
}
