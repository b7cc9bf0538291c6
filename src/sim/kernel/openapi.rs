//! The OpenAPI schemas of the built-in kinds, as the pinned Kubernetes publishes them (`assets/openapi`).

use std::{
    collections::{BTreeSet, VecDeque},
    sync::LazyLock,
};

use serde_json::{Map, Value};

const PACKED: &[u8] = include_bytes!("../../../assets/openapi/schemas.json.gz");
/// The head of a gzip file without a name: what `gzip --no-name` writes.
const HEAD: usize = 10;
/// How a schema names another one.
const REFERENCE: &str = "#/components/schemas/";

/// All schemas by name, unpacked when the first one is asked for.
static SCHEMAS: LazyLock<Map<String, Value>> = LazyLock::new(|| {
    let packed = PACKED.get(HEAD..).unwrap_or_default();
    let text = miniz_oxide::inflate::decompress_to_vec(packed).unwrap_or_default();
    // Both cannot fail: the file is part of the program, and a test reads it.
    serde_json::from_slice(&text).unwrap_or_default()
});

/// A schema by name.
pub fn get(name: &str) -> Option<&'static Value> {
    SCHEMAS.get(name)
}

/// The name of a kind's schema.
pub fn of_kind(group: &str, version: &str, kind: &str) -> Option<&'static str> {
    let named = |schema: &Value| {
        let kinds = schema.get("x-kubernetes-group-version-kind").and_then(Value::as_array);
        let text = |entry: &Value, key: &str, wanted: &str| entry.get(key).and_then(Value::as_str) == Some(wanted);
        kinds.into_iter().flatten().any(|entry| text(entry, "group", group) && text(entry, "version", version) && text(entry, "kind", kind))
    };
    SCHEMAS.iter().find(|(_, schema)| named(schema)).map(|(name, _)| name.as_str())
}

/// The name of the schema that this one says it is: a `$ref`, alone or with a description beside it.
pub fn reference(schema: &Value) -> Option<&str> {
    let direct = schema.get("$ref");
    let wrapped = || schema.get("allOf")?.as_array()?.first()?.get("$ref");
    direct.or_else(wrapped)?.as_str()?.strip_prefix(REFERENCE)
}

/// These schemas and all that they name, as `components.schemas` has them.
pub fn closure(names: impl IntoIterator<Item = &'static str>) -> Map<String, Value> {
    let mut todo: VecDeque<&'static str> = names.into_iter().collect();
    let mut seen: BTreeSet<&'static str> = todo.iter().copied().collect();
    let mut found = Map::new();
    while let Some(name) = todo.pop_front() {
        let Some(schema) = get(name) else { continue };
        named(schema, &mut |other| {
            if seen.insert(other) {
                todo.push_back(other);
            }
        });
        found.insert(name.to_owned(), schema.clone());
    }
    found
}

/// Calls back with every name inside a schema.
fn named(schema: &'static Value, found: &mut impl FnMut(&'static str)) {
    match schema {
        Value::Object(map) => {
            if let Some(Value::String(text)) = map.get("$ref")
                && let Some(name) = text.strip_prefix(REFERENCE)
            {
                found(name);
            }
            map.values().for_each(|inner| named(inner, found));
        }
        Value::Array(list) => list.iter().for_each(|inner| named(inner, found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::kernel::resource::ALL;

    #[test]
    fn every_built_in_kind_has_a_schema_and_every_name_leads_to_one() {
        for resource in ALL.iter().filter(|resource| !resource.custom) {
            for (group, version) in resource.versions {
                let name = of_kind(group, version, resource.kind).unwrap_or_else(|| panic!("{} {group}/{version}", resource.kind));
                for (inner, schema) in &closure([name]) {
                    named(get(inner).unwrap(), &mut |other| assert!(get(other).is_some(), "{inner} names {other}"));
                    assert!(schema.is_object());
                }
            }
        }
    }

    #[test]
    fn a_document_has_what_its_kinds_reach_and_no_more() {
        let name = of_kind("apps", "v1", "Deployment").unwrap();
        let schemas = closure([name]);
        assert!(schemas.contains_key("io.k8s.api.core.v1.Container"));
        assert!(!schemas.contains_key("io.k8s.api.core.v1.Service"));
    }
}
