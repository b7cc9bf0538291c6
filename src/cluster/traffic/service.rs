//! A Service's selector: one key that names the side that serves.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{identity, stamp, unfit};
use crate::domain::object::ObjectRef;
use crate::domain::release::{Component, Router, Track};
use crate::domain::route::{Acceptance, RouteEntry, RouteFacts, RouteProblem};
use crate::domain::text::SafeText;

/// A Service that is switched, by what it selects.
pub struct Selector<'a> {
    service: &'a str,
    key: &'a str,
    /// The key's value for each side.
    values: (&'a str, &'a str),
    labels: &'a serde_json::Map<String, Value>,
}

/// The selector of a component's Service, where that is what is switched.
pub fn selector<'a>(component: &'a Component, body: &'a Value) -> Option<Selector<'a>> {
    let Router::Service { service, key, stable, candidate } = &component.router else { return None };
    Some(Selector { service, key, values: (stable, candidate), labels: body.pointer("/spec/selector")?.as_object()? })
}

impl Selector<'_> {
    /// Why it would reach no pod with these labels once it is switched to a side, if so.
    pub fn misses(&self, track: Track, deployment: &str, labels: &BTreeMap<String, String>) -> Option<SafeText> {
        let value = if track == Track::Stable { self.values.0 } else { self.values.1 };
        let wanted = self.labels.iter().filter(|(key, _)| *key != self.key).filter_map(|(k, v)| Some((k.as_str(), v.as_str()?)));
        let (key, value) = wanted.chain([(self.key, value)]).find(|(key, value)| labels.get(*key).map(String::as_str) != Some(*value))?;
        let has = labels.get(key).map_or_else(|| "none".to_owned(), |other| format!("{key}={other}"));
        Some(SafeText::from(format!(
            "Service {} would reach no pod of {deployment}: it selects {key}={value}, and their label is {has}",
            self.service
        )))
    }
}

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
