//! Kubernetes's protobuf bodies, as far as kubectl sends them (`auth can-i`, `create`): decoded into JSON. Answers are JSON.

use serde_json::{Map, Value};

use crate::sim::kernel::defaults::base64;

mod schema;

/// What the bytes of a field mean.
#[derive(Debug, Clone, Copy)]
enum Type {
    /// Text that may repeat only when `Texts` says so.
    Text,
    Texts,
    /// A number or boolean whose zero means "not given".
    Int,
    Bool,
    /// A number whose zero is a value.
    Pointer,
    Message(&'static [Field]),
    /// A message whose fields stand beside the others in JSON.
    Inline(&'static [Field]),
    Messages(&'static [Field]),
    TextMap,
    BytesMap,
    Quantity,
    QuantityMap,
    IntOrString,
    /// Present, and of no interest.
    Ignored,
}

/// Number, JSON name and type of a field.
#[derive(Debug, Clone, Copy)]
struct Field(u64, &'static str, Type);

/// One decoded field: its number and its bytes or its number.
enum Wire<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// Decodes a body; the error says what cannot be decoded.
pub(super) fn decode(body: &[u8]) -> Result<Value, String> {
    let envelope = body.strip_prefix(b"k8s\0").ok_or("it does not begin with the magic of Kubernetes's protobuf")?;
    let envelope = message(envelope, schema::UNKNOWN)?;
    let text = |pointer: &str| envelope.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (api_version, kind) = (text("/typeMeta/apiVersion"), text("/typeMeta/kind"));
    let fields = schema::of(&api_version, &kind).ok_or_else(|| format!("{kind} in version {api_version:?} is only read as JSON"))?;
    let raw = raw(body.strip_prefix(b"k8s\0").unwrap_or_default())?;
    let mut object = message(raw, fields)?;
    if let Some(map) = object.as_object_mut() {
        map.insert("apiVersion".into(), api_version.into());
        map.insert("kind".into(), kind.into());
    }
    Ok(object)
}

/// The object's own bytes inside the envelope.
fn raw(envelope: &[u8]) -> Result<&[u8], String> {
    let mut rest = envelope;
    let mut found = &[][..];
    while let Some((number, wire)) = next(&mut rest)? {
        if let (2, Wire::Bytes(bytes)) = (number, wire) {
            found = bytes;
        }
    }
    Ok(found)
}

fn message(bytes: &[u8], fields: &[Field]) -> Result<Value, String> {
    let mut map = Map::new();
    let mut rest = bytes;
    while let Some((number, wire)) = next(&mut rest)? {
        let Some(Field(_, name, kind)) = fields.iter().find(|field| field.0 == number) else {
            return Err(format!("field {number} is not known here"));
        };
        value(&mut map, name, *kind, wire).map_err(|why| format!("{name}: {why}"))?;
    }
    Ok(Value::Object(map))
}

/// Puts one field into a map. What Go leaves out of its JSON is left out here.
fn value(map: &mut Map<String, Value>, name: &str, kind: Type, wire: Wire<'_>) -> Result<(), String> {
    let found = match (kind, wire) {
        (Type::Ignored, _) => return Ok(()),
        (Type::Text, Wire::Bytes(bytes)) => Some(text(bytes)?).filter(|text| !text.is_empty()).map(Value::from),
        (Type::Int, Wire::Number(number)) => Some(number as i64).filter(|number| *number != 0).map(Value::from),
        (Type::Pointer, Wire::Number(number)) => Some(Value::from(number as i64)),
        (Type::Bool, Wire::Number(number)) => (number != 0).then_some(Value::Bool(true)),
        (Type::Message(fields), Wire::Bytes(bytes)) => {
            Some(message(bytes, fields)?).filter(|m| m.as_object().is_some_and(|m| !m.is_empty()))
        }
        (Type::Inline(fields), Wire::Bytes(bytes)) => {
            if let Value::Object(inner) = message(bytes, fields)? {
                map.extend(inner);
            }
            return Ok(());
        }
        (Type::Quantity, Wire::Bytes(bytes)) => message(bytes, schema::QUANTITY)?.get("string").cloned(),
        (Type::IntOrString, Wire::Bytes(bytes)) => Some(int_or_string(bytes)?),
        (Type::Texts, Wire::Bytes(bytes)) => return push(map, name, text(bytes)?.into()),
        (Type::Messages(fields), Wire::Bytes(bytes)) => return push(map, name, message(bytes, fields)?),
        (Type::TextMap | Type::BytesMap | Type::QuantityMap, Wire::Bytes(bytes)) => return entry(map, name, kind, bytes),
        _ => return Err("its wire type does not fit".into()),
    };
    if let Some(found) = found {
        map.insert(name.into(), found);
    }
    Ok(())
}

fn push(map: &mut Map<String, Value>, name: &str, item: Value) -> Result<(), String> {
    if let Value::Array(list) = map.entry(name).or_insert_with(|| Value::Array(Vec::new())) {
        list.push(item);
    }
    Ok(())
}

/// One entry of a map field.
fn entry(map: &mut Map<String, Value>, name: &str, kind: Type, bytes: &[u8]) -> Result<(), String> {
    let (mut key, mut value) = (String::new(), String::new());
    let mut rest = bytes;
    while let Some((number, wire)) = next(&mut rest)? {
        let Wire::Bytes(bytes) = wire else { return Err("a map's entry is no text".into()) };
        match (number, kind) {
            (1, _) => key = text(bytes)?,
            (_, Type::BytesMap) => value = base64(bytes),
            (_, Type::QuantityMap) => {
                let quantity = message(bytes, schema::QUANTITY)?;
                value = quantity.get("string").and_then(Value::as_str).unwrap_or("0").to_owned();
            }
            _ => value = text(bytes)?,
        }
    }
    if let Value::Object(entries) = map.entry(name).or_insert_with(|| Value::Object(Map::new())) {
        entries.insert(key, value.into());
    }
    Ok(())
}

fn int_or_string(bytes: &[u8]) -> Result<Value, String> {
    let parts = message(bytes, schema::INT_OR_STRING)?;
    let is_text = parts.get("type").and_then(Value::as_i64) == Some(1);
    let part = parts.get(if is_text { "strVal" } else { "intVal" });
    Ok(part.cloned().unwrap_or_else(|| if is_text { "".into() } else { 0.into() }))
}

fn text(bytes: &[u8]) -> Result<String, String> {
    String::from_utf8(bytes.to_vec()).map_err(|_| "it is no UTF-8".into())
}

/// Takes the next field off the front.
fn next<'a>(rest: &mut &'a [u8]) -> Result<Option<(u64, Wire<'a>)>, String> {
    const CUT: &str = "the message ends in the middle";
    if rest.is_empty() {
        return Ok(None);
    }
    let tag = varint(rest).ok_or(CUT)?;
    let wire = match tag & 7 {
        0 => Wire::Number(varint(rest).ok_or(CUT)?),
        2 => {
            let length = usize::try_from(varint(rest).ok_or(CUT)?).map_err(|_| CUT)?;
            let (bytes, tail) = rest.split_at_checked(length).ok_or(CUT)?;
            *rest = tail;
            Wire::Bytes(bytes)
        }
        other => return Err(format!("wire type {other} is not used by Kubernetes")),
    };
    Ok(Some((tag >> 3, wire)))
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, tail) = rest.split_first()?;
        *rest = tail;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A field with bytes.
    fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
        [&[number << 3 | 2, u8::try_from(bytes.len()).unwrap()], bytes].concat()
    }

    fn envelope(api_version: &str, kind: &str, raw: &[u8]) -> Vec<u8> {
        let meta = [field(1, api_version.as_bytes()), field(2, kind.as_bytes())].concat();
        [b"k8s\0".to_vec(), field(1, &meta), field(2, raw), field(3, b""), field(4, b"")].concat()
    }

    #[test]
    fn a_review_is_decoded_and_empty_fields_are_left_out() {
        let attributes = [field(1, b"shop"), field(2, b"patch"), field(3, b""), field(5, b"pods")].concat();
        let raw = [field(1, b""), field(2, &field(1, &attributes)), field(3, &[0x08, 0])].concat();
        let review = decode(&envelope("authorization.k8s.io/v1", "SelfSubjectAccessReview", &raw)).unwrap();
        let spec = json!({"resourceAttributes": {"namespace": "shop", "verb": "patch", "resource": "pods"}});
        assert_eq!(review, json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": spec}));
    }

    #[test]
    fn maps_numbers_and_lists_of_a_deployment() {
        let labels = field(1, &[field(1, b"app"), field(2, b"web")].concat());
        let template = field(2, &field(2, &[field(1, b"app"), field(2, b"app:1")].concat()));
        let spec = [vec![0x08, 0], field(2, &labels), field(3, &template)].concat();
        let object = decode(&envelope("apps/v1", "Deployment", &[field(1, &field(1, b"web")), field(2, &spec)].concat())).unwrap();
        assert_eq!(object["spec"]["replicas"], 0, "a pointer's zero is a value");
        assert_eq!(object["spec"]["selector"]["matchLabels"]["app"], "web");
        assert_eq!(object["spec"]["template"]["spec"]["containers"], json!([{"name": "app", "image": "app:1"}]));
    }

    #[test]
    fn what_cannot_be_decoded_is_said_and_never_dropped() {
        assert!(decode(b"{}").is_err());
        assert!(decode(&envelope("v1", "Binding", b"")).unwrap_err().contains("only read as JSON"));
        assert_eq!(decode(&envelope("v1", "ConfigMap", &field(9, b"x"))).unwrap_err(), "field 9 is not known here");
        let cut = envelope("v1", "ConfigMap", &[0x0a, 0x20]);
        assert_eq!(decode(&cut).unwrap_err(), "the message ends in the middle");
    }
}
