//! A Service's selector: one key that names the side that serves.

use serde_json::Value;

use super::{identity, stamp, unfit};
use crate::domain::object::ObjectRef;
use crate::domain::route::{Acceptance, RouteEntry, RouteFacts, RouteProblem};

/// Reads which side serves.
///
/// # Errors
/// When the key is missing or names neither side.
pub fn facts(object: &ObjectRef, body: &Value, key: &str, stable: &str, candidate: &str) -> Result<RouteFacts, RouteProblem> {
    let selector = body.pointer("/spec/selector").and_then(Value::as_object);
    let Some(current) = selector.and_then(|s| s.get(key)).and_then(Value::as_str) else {
        let have: Vec<String> = selector.into_iter().flatten().map(|(k, v)| format!("{k}={}", v.as_str().unwrap_or("?"))).collect();
        return Err(unfit(
            object,
            format!("its selector has no key `{key}` (it has: {}); without the key both versions would be served", have.join(", ")),
        ));
    };
    let share = match current {
        c if c == stable => 0,
        c if c == candidate => 100,
        other => return Err(unfit(object, format!("its selector has {key}={other}, which is neither {stable} nor {candidate}"))),
    };
    let (uid, resource_version) = identity(body);
    Ok(RouteFacts {
        object: object.clone(),
        uid,
        resource_version,
        entry: RouteEntry::Service {
            key: key.to_owned(),
            stable: stable.to_owned(),
            candidate: candidate.to_owned(),
            current: current.to_owned(),
        },
        stable: 100 - share,
        candidate: share,
        accepted: Acceptance::Yes,
        bypass: false,
        notes: Vec::new(),
        alone: true,
        written: (true, true),
        stamp: stamp(body),
        candidate_labels: Default::default(),
        testers: None,
    })
}
