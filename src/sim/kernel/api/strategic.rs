//! Strategic merge patch: lists merged by key, with the directives that kubectl sends.

use serde_json::{Map, Value};

use crate::sim::kernel::{
    Feature, Features, Resource, Status,
    schema::{List, Place},
    typed::go_value,
};

const DIRECTIVE: &str = "$patch";
const RETAIN: &str = "$retainKeys";
const ORDER: &str = "$setElementOrder/";
const DELETE: &str = "$deleteFromPrimitiveList/";

/// Merges `patch` into `object`.
///
/// # Errors
/// An internal error, as over there, for a directive that means nothing or a list entry without its key.
pub fn merge(features: Features, resource: &Resource, object: &mut Value, patch: Value) -> Result<(), Status> {
    let patch = if features.has(Feature::StrategicDirectives) { patch } else { clean(patch) };
    let Value::Object(patch) = patch else { return Err(Status::bad_request(super::patch::no_map(&patch))) };
    let Value::Object(map) = object else { return Err(Status::bad_request("the object is not an object")) };
    maps(Place::root(resource), map, patch)
}

fn maps(place: Place, here: &mut Map<String, Value>, mut patch: Map<String, Value>) -> Result<(), Status> {
    let directive = patch.get(DIRECTIVE).cloned();
    match directive.as_ref().map(Value::as_str) {
        None | Some(Some("merge")) => {}
        Some(Some("replace")) => {
            *here = cleaned(patch);
            return Ok(());
        }
        Some(Some("delete")) => {
            here.clear();
            return Ok(());
        }
        Some(other) => {
            let why = format!("unknown patch type: {} in map: {}", other.unwrap_or_default(), go_value(&Value::Object(patch)));
            return Err(Status::custom(500, "", why, None));
        }
    }
    patch.remove(DIRECTIVE);
    if let Some(Value::Array(retain)) = patch.remove(RETAIN) {
        here.retain(|key, _| retain.iter().any(|kept| kept == key));
    }
    let (directives, fields): (Map<_, _>, Map<_, _>) = patch.into_iter().partition(|(key, _)| key.starts_with('$'));
    for (key, value) in &directives {
        if let (Some(name), Value::Array(gone)) = (key.strip_prefix(DELETE), value)
            && let Some(Value::Array(list)) = here.get_mut(name)
        {
            list.retain(|entry| !gone.contains(entry));
        }
    }
    for (key, value) in fields {
        let order = directives.get(&format!("{ORDER}{key}")).and_then(Value::as_array);
        field(place.field(&key), here, &key, value, order)?;
    }
    // An order may also come alone, when nothing but the order changes.
    for (key, value) in &directives {
        if let (Some(name), Value::Array(order)) = (key.strip_prefix(ORDER), value)
            && let Some(Value::Array(list)) = here.get_mut(name)
        {
            let merge_key = match place.field(name).patch() {
                List::Keyed(keys) => keys.iter().next(),
                _ => None,
            };
            let server_order = list.clone();
            *list = ordered(std::mem::take(list), order, &server_order, merge_key);
        }
    }
    Ok(())
}

fn field(place: Place, here: &mut Map<String, Value>, key: &str, patch: Value, order: Option<&Vec<Value>>) -> Result<(), Status> {
    match (here.get_mut(key), patch) {
        (_, Value::Null) => drop(here.remove(key)),
        (Some(Value::Object(old)), Value::Object(new)) => maps(place, old, new)?,
        (Some(Value::Array(old)), Value::Array(new)) => {
            let merged = lists(place, std::mem::take(old), new, order)?;
            *old = merged;
        }
        (_, Value::Object(new)) => {
            if new.get(DIRECTIVE).is_none_or(|directive| directive != "delete") {
                here.insert(key.to_owned(), Value::Object(cleaned(new)));
            }
        }
        (_, Value::Array(new)) => {
            let merged = lists(place, Vec::new(), new, order)?;
            here.insert(key.to_owned(), Value::Array(merged));
        }
        (_, plain) => drop(here.insert(key.to_owned(), plain)),
    }
    Ok(())
}

fn lists(place: Place, old: Vec<Value>, patch: Vec<Value>, order: Option<&Vec<Value>>) -> Result<Vec<Value>, Status> {
    match place.patch() {
        List::Atomic => Ok(patch.into_iter().map(clean).collect()),
        List::Set => {
            let mut merged = old.clone();
            merged.extend(patch.iter().filter(|value| !old.contains(value)).cloned());
            Ok(ordered(merged, order.unwrap_or(&patch), &old, None))
        }
        List::Keyed(keys) => keyed(place.entry(), old, patch, keys.iter().next().unwrap_or("name"), order),
    }
}

fn keyed(entries: Place, old: Vec<Value>, patch: Vec<Value>, key: &str, order: Option<&Vec<Value>>) -> Result<Vec<Value>, Status> {
    if patch.iter().any(|entry| entry.get(DIRECTIVE).is_some_and(|d| d == "replace")) {
        let kept = patch.into_iter().filter(|entry| entry.get(DIRECTIVE).is_none_or(|d| d != "replace"));
        return Ok(kept.map(clean).collect());
    }
    let mut merged = old.clone();
    let mut mentioned = Vec::new();
    for entry in patch {
        let Some(id) = entry.get(key).cloned() else {
            let why = format!("map: {} does not contain declared merge key: {key}", go_value(&entry));
            return Err(Status::custom(500, "", why, None));
        };
        let same = |other: &Value| other.get(key) == Some(&id);
        if entry.get(DIRECTIVE).is_some_and(|directive| directive == "delete") {
            merged.retain(|other| !same(other));
            continue;
        }
        mentioned.push(entry.clone());
        match (merged.iter_mut().find(|other| same(other)), entry) {
            (Some(Value::Object(here)), Value::Object(entry)) => maps(entries, here, entry)?,
            (_, entry) => merged.push(clean(entry)),
        }
    }
    Ok(ordered(merged, order.unwrap_or(&mentioned), &old, Some(key)))
}

/// A patch as error texts show it: over there, lists that come with an order have been taken out of it by then.
pub fn shown(patch: Value) -> Value {
    let Value::Object(map) = patch else { return patch };
    let ordered: Vec<String> = map.keys().filter_map(|key| key.strip_prefix(ORDER)).map(str::to_owned).collect();
    let kept = map.into_iter().filter(|(key, _)| !key.starts_with(ORDER) && key != RETAIN && !ordered.contains(key));
    Value::Object(kept.map(|(key, value)| (key, shown(value))).collect())
}

/// Orders a merged list: entries named in `order` in that order, the others interleaved by where they stood before.
fn ordered(merged: Vec<Value>, order: &[Value], before: &[Value], key: Option<&str>) -> Vec<Value> {
    let id = |entry: &Value| key.and_then(|key| entry.get(key)).unwrap_or(entry).clone();
    let index = |list: &[Value], entry: &Value| list.iter().position(|other| id(other) == id(entry));
    let (mut named, others): (Vec<Value>, Vec<Value>) = merged.into_iter().partition(|entry| index(order, entry).is_some());
    named.sort_by_key(|entry| index(order, entry));
    let mut out = Vec::with_capacity(named.len() + others.len());
    let (mut others, mut named) = (others.into_iter().peekable(), named.into_iter().peekable());
    loop {
        let other_first = match (others.peek(), named.peek()) {
            (Some(other), Some(name)) => match (index(before, other), index(before, name)) {
                (Some(other), Some(name)) => other < name,
                _ => false,
            },
            (Some(_), None) => true,
            (None, Some(_)) => false,
            (None, None) => return out,
        };
        out.extend(if other_first { others.next() } else { named.next() });
    }
}

/// A patch's part that is new: without directives and nulls.
fn clean(value: Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(cleaned(map)),
        Value::Array(list) => Value::Array(list.into_iter().map(clean).collect()),
        plain => plain,
    }
}

fn cleaned(map: Map<String, Value>) -> Map<String, Value> {
    let kept = map.into_iter().filter(|(key, value)| !key.starts_with('$') && !value.is_null());
    kept.map(|(key, value)| (key, clean(value))).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::sim::kernel::{object::Fields, resource::DEPLOYMENT};

    fn deployment() -> Value {
        json!({"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}, "template": {"spec": {
            "containers": [
                {"name": "app", "image": "a:1", "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}], "ports": [{"containerPort": 80}]},
                {"name": "side", "image": "s:1"}],
            "tolerations": [{"key": "x"}]}}}})
    }

    fn patched(patch: Value) -> Value {
        let mut object = deployment();
        merge(Features::default(), &DEPLOYMENT, &mut object, json!({"spec": patch})).unwrap();
        object
    }

    fn names(object: &Value) -> Vec<&str> {
        object.items("/spec/template/spec/containers").iter().map(|c| c.text("/name")).collect()
    }

    #[test]
    fn containers_are_merged_by_name_and_the_order_follows_the_order_directive() {
        let patch = json!({"template": {"spec": {
            "$setElementOrder/containers": [{"name": "side"}, {"name": "app"}],
            "containers": [{"name": "side", "image": "s:2"}]}}});
        let object = patched(patch);
        assert_eq!(names(&object), ["side", "app"]);
        assert_eq!(object.text("/spec/template/spec/containers/0/image"), "s:2");
        assert_eq!(object.text("/spec/template/spec/containers/1/image"), "a:1");
    }

    #[test]
    fn a_patched_entry_keeps_its_place_and_a_new_one_comes_first() {
        let set_image = json!({"template": {"spec": {"containers": [{"name": "side", "image": "s:3"}]}}});
        assert_eq!(names(&patched(set_image)), ["app", "side"]);
        let add = json!({"template": {"spec": {"containers": [{"name": "new", "image": "n:1"}]}}});
        assert_eq!(names(&patched(add)), ["new", "app", "side"]);
    }

    #[test]
    fn delete_replace_and_retain() {
        let object = patched(json!({"template": {"spec": {"containers": [
            {"name": "side", "$patch": "delete"}, {"name": "app", "env": [{"name": "A", "value": null, "valueFrom": {"x": 1}}]}]}}}));
        assert_eq!(names(&object), ["app"]);
        assert_eq!(object.pointer("/spec/template/spec/containers/0/env/0"), Some(&json!({"name": "A", "valueFrom": {"x": 1}})));
        assert_eq!(object.items("/spec/template/spec/containers/0/env").len(), 2);
        let object = patched(json!({"template": {"spec": {"containers": [{"$patch": "replace"}, {"name": "only", "image": "o"}]}}}));
        assert_eq!(names(&object), ["only"]);
        let object = patched(json!({"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}));
        assert_eq!(object.pointer("/spec/strategy"), Some(&json!({"type": "Recreate"})));
        let object = patched(json!({"strategy": {"$patch": "replace", "type": "Recreate"}}));
        assert_eq!(object.pointer("/spec/strategy"), Some(&json!({"type": "Recreate"})));
    }

    #[test]
    fn lists_without_a_key_are_replaced_and_null_removes() {
        let object = patched(json!({"template": {"spec": {"tolerations": [{"key": "y"}]}}, "strategy": null}));
        assert_eq!(object.pointer("/spec/template/spec/tolerations"), Some(&json!([{"key": "y"}])));
        assert!(object.pointer("/spec/strategy").is_none());
    }

    #[test]
    fn an_entry_without_its_key_is_an_error() {
        let mut object = deployment();
        let patch = json!({"spec": {"template": {"spec": {"containers": [{"image": "x"}]}}}});
        assert!(
            merge(Features::default(), &DEPLOYMENT, &mut object, patch)
                .unwrap_err()
                .message
                .contains("does not contain declared merge key: name")
        );
    }
}
