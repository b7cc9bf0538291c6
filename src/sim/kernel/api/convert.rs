//! Between the version an object is stored in and the version it is served in.

use serde_json::Value;

use super::Target;
use crate::sim::kernel::{
    Feature, Features,
    resource::{ENDPOINT_SLICE, EVENT, HPA, POD, api_version},
};

mod autoscaler;

/// Fields of an Event: in core/v1, in events.k8s.io/v1.
const EVENT_FIELDS: [(&str, &str); 7] = [
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
    ("reportingComponent", "reportingController"),
];

/// A stored object as this target serves it.
pub fn to_served(features: Features, target: &Target, stored: &Value) -> Value {
    let mut served = stored.clone();
    if let Some(map) = served.as_object_mut() {
        if *target.resource == EVENT {
            for time in ["firstTimestamp", "lastTimestamp", "eventTime"] {
                map.entry(time).or_insert(Value::Null);
            }
            if target.group.is_empty() {
                for text in ["reportingComponent", "reportingInstance"] {
                    map.entry(text).or_insert_with(|| "".into());
                }
            }
            map.entry("source").or_insert_with(|| Value::Object(serde_json::Map::new()));
        }
        if *target.resource == EVENT && target.group == "events.k8s.io" && features.has(Feature::EventForms) {
            rename(map, EVENT_FIELDS.into_iter());
            for text in ["reportingController", "reportingInstance"] {
                if map.get(text).is_some_and(|value| *value == "") {
                    map.remove(text);
                }
            }
        }
        if *target.resource == HPA
            && let Some(Value::Object(status)) = map.get_mut("status")
        {
            status.entry("currentMetrics").or_insert(Value::Null);
            // As Go writes it: none is left out, of v2 but not of v1.
            if target.version != "v1" && status.get("currentReplicas").is_some_and(|count| *count == 0) {
                status.remove("currentReplicas");
            }
        }
        if *target.resource == POD {
            let conditions = map.get_mut("status").and_then(|status| status.get_mut("conditions")).and_then(Value::as_array_mut);
            for condition in conditions.into_iter().flatten().filter_map(Value::as_object_mut) {
                condition.entry("lastProbeTime").or_insert(Value::Null);
            }
        }
        if *target.resource == ENDPOINT_SLICE {
            for list in ["endpoints", "ports"] {
                if map.get(list).and_then(Value::as_array).is_none_or(Vec::is_empty) {
                    map.insert(list.into(), Value::Null);
                }
            }
        }
        map.insert("apiVersion".into(), api_version(target.group, target.version).into());
        map.insert("kind".into(), target.resource.kind.into());
    }
    if *target.resource == HPA && target.version == "v1" {
        autoscaler::to_v1(&mut served);
    }
    served
}

/// An object that came in through this target, as it is stored.
pub fn to_stored(features: Features, target: &Target, mut served: Value) -> Value {
    if *target.resource == HPA && target.version == "v1" && features.has(Feature::AutoscalerForms) {
        autoscaler::from_v1(&mut served);
    }
    if let Some(map) = served.as_object_mut() {
        if *target.resource == EVENT && target.group == "events.k8s.io" {
            rename(map, EVENT_FIELDS.into_iter().map(|(core, newer)| (newer, core)));
        }
        map.insert("apiVersion".into(), target.resource.api_version().into());
    }
    served
}

/// A field selector's field as the stored object names it.
pub fn stored_field(target: &Target, field: &str) -> String {
    if *target.resource != EVENT || target.group != "events.k8s.io" {
        return field.to_owned();
    }
    let (first, rest) = field.split_once('.').map_or((field, ""), |(first, rest)| (first, rest));
    let core = EVENT_FIELDS.iter().find(|(_, newer)| *newer == first).map_or(first, |(core, _)| core);
    if rest.is_empty() { core.to_owned() } else { format!("{core}.{rest}") }
}

fn rename<'a>(map: &mut serde_json::Map<String, Value>, pairs: impl Iterator<Item = (&'a str, &'a str)>) {
    for (from, to) in pairs {
        if let Some(value) = map.remove(from) {
            map.insert(to.to_owned(), value);
        }
    }
}
