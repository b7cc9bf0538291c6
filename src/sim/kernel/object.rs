//! Reading and changing objects (`serde_json::Value`) without ceremony.

use serde_json::{Map, Value};

/// The empty map, for missing labels and annotations.
static EMPTY: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);

/// Accessors by JSON pointer (`/spec/replicas`; `~1` stands for `/` in a key) and for the usual metadata.
/// Missing means empty: these never fail.
pub trait Fields {
    /// Text at a pointer; empty when missing or not text.
    fn text(&self, pointer: &str) -> &str;
    /// Integer at a pointer.
    fn int(&self, pointer: &str) -> Option<i64>;
    /// True when there is `true` at a pointer.
    fn is_true(&self, pointer: &str) -> bool;
    /// List at a pointer; empty when missing.
    fn items(&self, pointer: &str) -> &[Value];
    /// Map at a pointer; empty when missing.
    fn map(&self, pointer: &str) -> &Map<String, Value>;
    /// Sets a value, creating the maps on the way. Does nothing when something on the way is no map.
    fn put(&mut self, pointer: &str, value: impl Into<Value>);
    /// Sets a value unless there is one (a `null` counts as none).
    fn put_default(&mut self, pointer: &str, value: impl Into<Value>);
    /// Removes a value.
    fn cut(&mut self, pointer: &str) -> Option<Value>;
    /// The list at a pointer to change, created when missing. `None` when something else is there.
    fn items_mut(&mut self, pointer: &str) -> Option<&mut Vec<Value>>;

    /// `metadata.name`
    fn name(&self) -> &str {
        self.text("/metadata/name")
    }
    /// `metadata.namespace`
    fn namespace(&self) -> &str {
        self.text("/metadata/namespace")
    }
    /// `metadata.uid`
    fn uid(&self) -> &str {
        self.text("/metadata/uid")
    }
    /// `metadata.resourceVersion` as a number; 0 when missing.
    fn revision(&self) -> u64 {
        self.text("/metadata/resourceVersion").parse().unwrap_or(0)
    }
    /// `metadata.labels`
    fn labels(&self) -> &Map<String, Value> {
        self.map("/metadata/labels")
    }
    /// One label; empty when missing.
    fn label(&self, key: &str) -> &str {
        self.labels().get(key).and_then(Value::as_str).unwrap_or_default()
    }
    /// One annotation; empty when missing.
    fn annotation(&self, key: &str) -> &str {
        self.map("/metadata/annotations").get(key).and_then(Value::as_str).unwrap_or_default()
    }
    /// True once deletion has begun.
    fn is_deleting(&self) -> bool {
        !self.text("/metadata/deletionTimestamp").is_empty()
    }
    /// The controlling owner reference, if any.
    fn controller(&self) -> Option<&Value> {
        self.items("/metadata/ownerReferences").iter().find(|owner| owner.is_true("/controller"))
    }
}

impl Fields for Value {
    fn text(&self, pointer: &str) -> &str {
        self.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }
    fn int(&self, pointer: &str) -> Option<i64> {
        self.pointer(pointer).and_then(Value::as_i64)
    }
    fn is_true(&self, pointer: &str) -> bool {
        self.pointer(pointer).and_then(Value::as_bool).unwrap_or(false)
    }
    fn items(&self, pointer: &str) -> &[Value] {
        self.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }
    fn map(&self, pointer: &str) -> &Map<String, Value> {
        self.pointer(pointer).and_then(Value::as_object).unwrap_or_else(|| &EMPTY)
    }
    fn put(&mut self, pointer: &str, value: impl Into<Value>) {
        if let Some(slot) = slot(self, pointer) {
            *slot = value.into();
        }
    }
    fn put_default(&mut self, pointer: &str, value: impl Into<Value>) {
        if self.pointer(pointer).is_none_or(Value::is_null) {
            self.put(pointer, value);
        }
    }
    fn cut(&mut self, pointer: &str) -> Option<Value> {
        let (parent, key) = pointer.rsplit_once('/')?;
        match self.pointer_mut(parent)? {
            Value::Object(map) => map.remove(&unescape(key)),
            Value::Array(list) => {
                let index = key.parse().ok()?;
                (index < list.len()).then(|| list.remove(index))
            }
            _ => None,
        }
    }
    fn items_mut(&mut self, pointer: &str) -> Option<&mut Vec<Value>> {
        let slot = slot(self, pointer)?;
        if slot.is_null() {
            *slot = Value::Array(Vec::new());
        }
        slot.as_array_mut()
    }
}

/// Escapes a map key for use in a pointer.
pub fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

fn unescape(token: &str) -> String {
    token.replace("~1", "/").replace("~0", "~")
}

/// The place of a pointer, with maps created on the way; list indexes must exist.
fn slot<'a>(value: &'a mut Value, pointer: &str) -> Option<&'a mut Value> {
    let mut here = value;
    for token in pointer.split('/').skip(1) {
        if here.is_null() {
            *here = Value::Object(Map::new());
        }
        here = match here {
            Value::Object(map) => map.entry(unescape(token)).or_insert(Value::Null),
            Value::Array(list) => list.get_mut(token.parse::<usize>().ok()?)?,
            _ => return None,
        };
    }
    Some(here)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn put_creates_the_way_and_cut_removes() {
        let mut object = json!({"spec": {"ports": [{"port": 80}]}});
        object.put("/metadata/annotations/a~1b", "x");
        object.put("/spec/ports/0/name", "http");
        object.put_default("/spec/ports/0/port", 81);
        object.put("/spec/ports/9/name", "nowhere");
        assert_eq!(object.annotation("a/b"), "x");
        assert_eq!(object.pointer("/spec/ports/0"), Some(&json!({"port": 80, "name": "http"})));
        assert_eq!(object.cut("/metadata/annotations/a~1b"), Some(json!("x")));
        assert_eq!(object.cut("/spec/ports/0"), Some(json!({"port": 80, "name": "http"})));
        assert!(object.items("/spec/ports").is_empty());
        assert_eq!(object.int("/spec/none"), None);
    }
}
