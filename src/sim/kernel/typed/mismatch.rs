//! A field of the wrong type, in the words of the three ways to write an object.

use std::str::FromStr;

use serde_json::Value;

use crate::sim::kernel::{quantity, schema::Place};

/// What a place has to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Struct,
    Map,
    List,
    Text,
    Bool,
    Int32,
    Int64,
    Float,
    IntOrText,
    Quantity,
    Time,
    Bytes,
}

/// A field that does not have the type it must have.
#[derive(Debug, Clone)]
pub struct Mismatch {
    pub(super) wanted: Wanted,
    /// The type's name in Go.
    pub(super) type_name: String,
    pub(super) owner: &'static str,
    pub(super) go: String,
    pub(super) applied: String,
    pub(super) value: Value,
    /// What the type's own reader says, when it is one that has a say.
    pub(super) text: Option<String>,
}

const QUANTITIES: &str = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

impl Wanted {
    /// `None` where anything may stand.
    pub(super) fn at(place: Place) -> Option<Self> {
        let text = |key: &str| place.said(key).and_then(Value::as_str);
        if let Some((name, _)) = place.type_name() {
            match name {
                "Quantity" => return Some(Self::Quantity),
                "IntOrString" => return Some(Self::IntOrText),
                "Time" | "MicroTime" => return Some(Self::Time),
                _ => {}
            }
        }
        Some(match (text("type")?, text("format").unwrap_or_default()) {
            ("string", "byte") => Self::Bytes,
            ("string", "date-time") => Self::Time,
            ("string", _) => Self::Text,
            ("boolean", _) => Self::Bool,
            ("integer", "int64") => Self::Int64,
            ("integer", _) => Self::Int32,
            ("number", _) => Self::Float,
            ("array", _) => Self::List,
            ("object", _) if place.is_closed() => Self::Struct,
            ("object", _) if place.said("additionalProperties").is_some() => Self::Map,
            _ => return None,
        })
    }

    /// `Some` when the value is not of this type; the inner text is what the type's own reader says.
    pub(super) fn misses(self, value: &Value) -> Option<Option<String>> {
        let fits = match (self, value) {
            (Self::Struct | Self::Map, Value::Object(_)) | (Self::List, Value::Array(_)) => true,
            (Self::Text, Value::String(_)) | (Self::Bool, Value::Bool(_)) | (Self::Float, Value::Number(_)) => true,
            (Self::IntOrText, Value::String(_)) => true,
            (Self::Int32 | Self::IntOrText, Value::Number(number)) => number.as_i64().is_some_and(|n| i32::try_from(n).is_ok()),
            (Self::Int64, Value::Number(number)) => number.as_i64().is_some(),
            (Self::Quantity, Value::Number(_)) => true,
            (Self::Quantity, Value::String(text)) if is_quantity(text) => true,
            (Self::Quantity, _) => return Some(Some(QUANTITIES.to_owned())),
            (Self::Time, Value::String(text)) if jiff::Timestamp::from_str(text).is_ok() => true,
            (Self::Time, Value::String(text)) => {
                return Some(Some(format!("parsing time {text:?} as \"2006-01-02T15:04:05Z07:00\": cannot parse {text:?} as \"2006\"")));
            }
            (Self::Bytes, Value::String(text)) => match not_base64(text) {
                None => true,
                Some(at) => return Some(Some(format!("illegal base64 data at input byte {at}"))),
            },
            _ => false,
        };
        (!fits).then_some(None)
    }
}

/// Signs and exponents are rare enough to be let through unread.
fn is_quantity(text: &str) -> bool {
    let bare = text.trim_start_matches(['+', '-']);
    quantity::Parsed::of(bare).is_some() || f64::from_str(bare).is_ok_and(f64::is_finite)
}

/// The byte at which a text ceases to be base64.
fn not_base64(text: &str) -> Option<usize> {
    let bare = text.trim_end_matches('=');
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'\r' | b'\n');
    if let Some(at) = bare.bytes().position(|byte| !fits(byte)) {
        return Some(at);
    }
    let digits = |text: &str| text.bytes().filter(|byte| !matches!(byte, b'\r' | b'\n')).count();
    (digits(text) % 4 != 0 || text.len() - bare.len() > 2).then(|| digits(bare) / 4 * 4)
}

/// What Go calls the type of a place.
pub(super) fn go_type(place: Place) -> String {
    match Wanted::at(place) {
        Some(Wanted::Bool) => "bool".into(),
        Some(Wanted::Int32 | Wanted::IntOrText) => "int32".into(),
        Some(Wanted::Int64) => "int64".into(),
        Some(Wanted::Float) => "float64".into(),
        Some(Wanted::Text | Wanted::Time) => "string".into(),
        Some(Wanted::Bytes) => "[]uint8".into(),
        Some(Wanted::List) => format!("[]{}", go_type(place.entry())),
        // Maps of quantities are the one kind of map that has a name.
        Some(Wanted::Map) => match Wanted::at(place.field("")) {
            Some(Wanted::Quantity) => "v1.ResourceList".into(),
            _ => format!("map[string]{}", go_type(place.field(""))),
        },
        _ => place.type_name().map_or_else(|| "map[string]interface {}".into(), |(name, package)| format!("{package}.{name}")),
    }
}

impl Mismatch {
    /// As Go's JSON decoder says it: of a new or replaced object, and of a patched one.
    pub fn decoded(&self) -> String {
        if let Some(text) = &self.text {
            return text.clone();
        }
        let number = matches!(self.wanted, Wanted::Int32 | Wanted::Int64 | Wanted::IntOrText);
        let given = match &self.value {
            Value::Number(given) if number => format!("number {given}"),
            other => json_name(other).to_owned(),
        };
        if self.go.is_empty() {
            return format!("json: cannot unmarshal {given} into Go value of type {}", self.type_name);
        }
        format!("json: cannot unmarshal {given} into Go struct field {}.{} of type {}", self.owner, self.go, self.type_name)
    }

    /// As the conversion of a strategically merged object says it.
    pub fn converted(&self) -> String {
        if let Some(text) = &self.text {
            return text.clone();
        }
        let given = match &self.value {
            Value::Number(number) if number.is_f64() => "float64",
            Value::Number(_) => "int64",
            Value::Object(_) => "map",
            Value::Array(_) => "slice",
            Value::Bool(_) => "bool",
            _ => "string",
        };
        match (self.wanted, &self.value) {
            (Wanted::Struct, _) => format!("cannot restore struct from: {given}"),
            (Wanted::List, _) => format!("cannot restore slice from {given}"),
            (Wanted::Map, _) => format!("cannot restore map from {given}"),
            (Wanted::Text, Value::Number(_)) | (Wanted::Int32 | Wanted::Int64, Value::Number(_)) => {
                format!("cannot convert {given} to {}", self.type_name)
            }
            (Wanted::IntOrText | Wanted::Time, _) => self.decoded(),
            _ => format!("unrecognized type: {}", self.type_name),
        }
    }

    /// As an apply says it; `None` where it fails only afterwards, in [`Mismatch::converted`]'s words.
    pub fn applied(&self) -> Option<String> {
        let wanted = match self.wanted {
            _ if self.text.is_some() => return None,
            Wanted::Struct | Wanted::Map => "map",
            Wanted::List => "list",
            Wanted::Text | Wanted::Time | Wanted::Bytes => {
                return Some(format!("{}: expected string, got &value.valueUnstructured{{Value:{}}}", self.applied, go_value(&self.value)));
            }
            Wanted::Bool => "boolean",
            Wanted::Int32 | Wanted::Int64 | Wanted::Float if !self.value.is_number() => {
                return Some(format!("{}: expected numeric (int or float), got {}", self.applied, go_name(&self.value)));
            }
            _ => return None,
        };
        Some(format!("{}: expected {wanted}, got &{{{}}}", self.applied, go_value(&self.value)))
    }
}

/// What Go's JSON decoder calls a value.
pub fn json_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn go_name(value: &Value) -> &'static str {
    match value {
        Value::Bool(_) => "bool",
        Value::Object(_) => "map[string]interface {}",
        Value::Array(_) => "[]interface {}",
        _ => "string",
    }
}

/// A value as Go prints it in its errors.
pub fn go_value(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            format!("map[{}]", map.iter().map(|(key, value)| format!("{key}:{}", go_value(value))).collect::<Vec<_>>().join(" "))
        }
        Value::Array(list) => format!("[{}]", list.iter().map(go_value).collect::<Vec<_>>().join(" ")),
        Value::String(text) => text.clone(),
        Value::Null => "<nil>".into(),
        other => other.to_string(),
    }
}
