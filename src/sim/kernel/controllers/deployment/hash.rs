//! The hash that names a template's ReplicaSet: the one that the real controller-manager would compute.
//!
//! The controller hashes its template as Go prints it: every field of every type in the order of declaration, set or not.
//! `go_types.txt` holds those types as Kubernetes 1.36 declares them, one struct a line: its name, then for each field its
//! Go name, its JSON name (`-` when its own fields take its place) and its type (`name=kind` where the type has a name).

use std::{collections::BTreeMap, sync::OnceLock};

use serde_json::Value;

use crate::sim::kernel::quantity::{Format, Parsed};

/// A word that nobody can be offended by is spelled with these.
const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
const TYPES: &str = include_str!("go_types.txt");

/// The hash of a pod template; after `collisions` with another's ReplicaSet it is a new one.
pub fn template_hash(template: &Value, collisions: i64) -> String {
    let mut text = String::new();
    print(&mut text, "v1.PodTemplateSpec", Some(template), true);
    let collisions = u32::try_from(collisions).unwrap_or(0);
    // A counter that has never counted is not there; one that has is written into eight bytes.
    let counter = (collisions > 0).then(|| u64::from(collisions).to_le_bytes());
    let mut hash: u32 = 0x811c_9dc5;
    for byte in text.bytes().chain(counter.into_iter().flatten()) {
        hash = (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    }
    hash.to_string().bytes().filter_map(|digit| LETTERS.get(usize::from(digit) % LETTERS.len())).map(|&b| char::from(b)).collect()
}

/// A struct's field: Go name, JSON name, type.
type Field = (&'static str, &'static str, &'static str);

fn fields(name: &str) -> &'static [Field] {
    static STRUCTS: OnceLock<BTreeMap<&'static str, Vec<Field>>> = OnceLock::new();
    let structs = STRUCTS.get_or_init(|| TYPES.lines().filter_map(structure).collect());
    structs.get(name).map(Vec::as_slice).unwrap_or_default()
}

fn structure(line: &'static str) -> Option<(&'static str, Vec<Field>)> {
    let (name, fields) = line.split_once(' ')?;
    let field = |field: &'static str| {
        let mut parts = field.splitn(3, ':');
        Some((parts.next()?, parts.next()?, parts.next()?))
    };
    Some((name, fields.split(' ').filter_map(field).collect()))
}

/// What a type is made of.
enum Shape<'a> {
    Pointer(&'a str),
    List(&'a str),
    Map(&'a str),
    Plain(&'a str),
}

/// A type's own name, when it has one beside its kind, and its shape.
fn shape(kind: &str) -> (Option<&str>, Shape<'_>) {
    if let Some(inner) = kind.strip_prefix('*') {
        return (None, Shape::Pointer(inner));
    }
    if let Some(inner) = kind.strip_prefix("[]") {
        return (None, Shape::List(inner));
    }
    if let Some((_, value)) = kind.strip_prefix("map[").and_then(|rest| rest.split_once(']')) {
        return (None, Shape::Map(value));
    }
    match kind.split_once('=') {
        Some((name, kind)) => (Some(name), shape(kind).1),
        None => (None, Shape::Plain(kind)),
    }
}

/// A type as Go spells it: without the kinds behind the names.
fn spelled(kind: &str) -> String {
    if let Some(rest) = kind.strip_prefix("map[").and_then(|rest| rest.split_once(']')) {
        return format!("map[{}]{}", spelled(rest.0), spelled(rest.1));
    }
    match shape(kind) {
        (Some(name), _) => name.to_owned(),
        (None, Shape::Pointer(inner)) => format!("*{}", spelled(inner)),
        (None, Shape::List(inner)) => format!("[]{}", spelled(inner)),
        (None, _) => kind.to_owned(),
    }
}

/// Writes a value of a type; entries of lists and maps do not repeat their type.
fn print(out: &mut String, kind: &str, value: Option<&Value>, typed: bool) {
    let value = value.filter(|value| !value.is_null());
    let (_, shape) = shape(kind);
    if typed {
        out.push_str(&format!("({})", spelled(kind)));
    }
    match shape {
        Shape::Pointer(inner) => match value {
            Some(value) => print(out, inner, Some(value), false),
            None => out.push_str("<nil>"),
        },
        Shape::List(inner) => match value.and_then(Value::as_array).filter(|list| !list.is_empty()) {
            Some(list) => enclose(out, "[", "]", list.iter(), |out, entry| print(out, inner, Some(entry), false)),
            None => out.push_str("<nil>"),
        },
        Shape::Map(inner) => match value.and_then(Value::as_object).filter(|map| !map.is_empty()) {
            Some(map) => enclose(out, "map[", "]", map.iter(), |out, (key, entry)| {
                out.push_str(&format!("{key}:"));
                print(out, inner, Some(entry), false);
            }),
            None => out.push_str("<nil>"),
        },
        Shape::Plain(kind) => plain(out, kind, value),
    }
}

fn enclose<T>(out: &mut String, open: &str, close: &str, entries: impl Iterator<Item = T>, mut each: impl FnMut(&mut String, T)) {
    out.push_str(open);
    for (index, entry) in entries.enumerate() {
        if index > 0 {
            out.push(' ');
        }
        each(out, entry);
    }
    out.push_str(close);
}

/// A scalar, a struct, or one of the three structs that JSON writes as a scalar.
fn plain(out: &mut String, kind: &str, value: Option<&Value>) {
    let number = || value.and_then(Value::as_i64).unwrap_or(0);
    let text = || value.and_then(Value::as_str).unwrap_or_default();
    match kind {
        "string" => out.push_str(text()),
        "bool" => out.push_str(if value == Some(&Value::Bool(true)) { "true" } else { "false" }),
        "v1.Time" => out.push_str("{Time:(time.Time){wall:(uint64)0 ext:(int64)0 loc:(*time.Location)<nil>}}"),
        "intstr.IntOrString" => {
            let (which, text) = (u8::from(value.is_some_and(Value::is_string)), text());
            out.push_str(&format!("{{Type:(intstr.Type){which} IntVal:(int32){} StrVal:(string){text}}}", number()));
        }
        "resource.Quantity" => quantity(out, text()),
        kind if kind.starts_with("int") || kind.starts_with("uint") => out.push_str(&number().to_string()),
        kind => enclose(out, "{", "}", fields(kind).iter(), |out, (name, json, kind)| {
            out.push_str(&format!("{name}:"));
            let inner = if *json == "-" { value } else { value.and_then(|value| value.get(json)) };
            print(out, kind, inner, true);
        }),
    }
}

/// A quantity as Go holds it: number and power of ten, and its text when that was canonical.
fn quantity(out: &mut String, text: &str) {
    let Parsed { value, scale, format, canonical } = Parsed::of(text).unwrap_or_default();
    let format = if format == Format::BinarySi { "BinarySI" } else { "DecimalSI" };
    let kept = if canonical { text } else { "" };
    out.push_str(&format!(
        "{{i:(resource.int64Amount){{value:(int64){value} scale:(resource.Scale){scale}}} d:(resource.infDecAmount){{Dec:(*inf.Dec)<nil>}} s:(string){kept} Format:(resource.Format){format}}}"
    ));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What `ComputeHash` of Kubernetes 1.36.1 says of the same template.
    #[test]
    fn the_hash_is_the_one_of_the_real_controller() {
        let template = json!({"metadata": {"labels": {"app": "web"}}, "spec": {"restartPolicy": "Always", "containers": [{
            "name": "app", "image": "app:1", "imagePullPolicy": "IfNotPresent",
            "resources": {"limits": {"cpu": "500m", "memory": "128Mi"}},
            "readinessProbe": {"httpGet": {"path": "/", "port": "http"}},
            "securityContext": {"capabilities": {"drop": ["ALL"]}, "runAsUser": 1000},
        }]}});
        assert_eq!(template_hash(&template, 0), "7d7dcbfb5b");
        assert_ne!(template_hash(&template, 1), template_hash(&template, 0));
    }

    #[test]
    fn what_is_empty_is_as_good_as_missing() {
        let bare = json!({"metadata": {"labels": {"a": "b"}}});
        let full = json!({"metadata": {"labels": {"a": "b"}, "annotations": {}, "creationTimestamp": null}, "spec": {"volumes": []}});
        assert_eq!(template_hash(&bare, 0), template_hash(&full, 0));
    }
}
