//! Recording Events the way client-go's recorder does: one object per message, counted.

use serde_json::{Value, json};

use super::{Feature, World, object::Fields, resource::EVENT, store::seconds};

/// Records an Event about `about`.
pub(super) fn record(world: &mut World, about: &Value, kind: &str, reason: &str, message: &str, component: &str) {
    let namespace = if about.namespace().is_empty() { "default" } else { about.namespace() };
    let now = world.now();
    let key = [about.uid(), kind, reason, message, component].join("\u{1f}");
    if let Some(name) = world.events.get(&key).cloned()
        && world.has(Feature::EventCounts)
        && world.exists(&EVENT, namespace, &name)
    {
        let counted = world.modify(&EVENT, namespace, &name, component, |event| {
            event.put("/count", event.int("/count").unwrap_or(1) + 1);
            event.put("/lastTimestamp", seconds(now));
        });
        counted.ok();
        return;
    }
    let nanos = now.as_nanosecond() + i128::from(world.events.len() as u64);
    let name = format!("{}.{nanos:x}", about.name());
    let event = json!({
        "metadata": {"name": name, "namespace": namespace},
        "involvedObject": {
            "apiVersion": about.text("/apiVersion"), "kind": about.text("/kind"), "name": about.name(),
            "namespace": about.namespace(), "uid": about.uid(), "resourceVersion": about.text("/metadata/resourceVersion"),
        },
        "type": kind, "reason": reason, "message": message, "count": 1,
        "firstTimestamp": seconds(now), "lastTimestamp": seconds(now), "eventTime": null,
        "source": {"component": component}, "reportingComponent": component, "reportingInstance": "",
    });
    if world.create(&EVENT, event, component).is_ok() {
        world.events.insert(key, name);
    }
}
