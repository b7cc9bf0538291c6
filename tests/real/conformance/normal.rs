//! What differs between any two clusters, and is made equal before they are compared. Nothing else is.

use std::net::Ipv4Addr;
use std::str::FromStr;

use serde_json::Value;

/// The letters of generated names.
const LETTERS: &str = "bcdfghjklmnpqrstvwxz2456789";
/// What a generated ending becomes.
pub const ENDING: &str = "<ending>";

/// All but the first two.
pub fn equalise(value: &mut Value) {
    texts(value);
    tables(value);
    collections(value);
    order(value);
    moments(value);
}

/// The first two, for one side of one case: it remembers what it has numbered.
#[derive(Debug, Default)]
pub struct Normal {
    uids: Vec<String>,
    versions: Vec<String>,
}

impl Normal {
    /// 1 and 2: uids and resource versions are numbered as they appear: who has the same as whom is compared.
    pub fn number(&mut self, value: &mut Value) {
        match value {
            Value::Object(map) => {
                for (key, inner) in map.iter_mut() {
                    match inner {
                        Value::String(text) if key == "resourceVersion" && text.parse::<u64>().is_ok_and(|n| n > 1) => {
                            *text = format!("<version {}>", index(&mut self.versions, text));
                        }
                        inner => self.number(inner),
                    }
                }
            }
            Value::Array(list) => list.iter_mut().for_each(|inner| self.number(inner)),
            Value::String(text) => {
                *text = tokens(text, |token| is_uid(token).then(|| format!("<uid {}>", index(&mut self.uids, token))));
            }
            _ => {}
        }
    }
}

pub fn index(known: &mut Vec<String>, text: &str) -> usize {
    known.iter().position(|other| other == text).unwrap_or_else(|| {
        known.push(text.to_owned());
        known.len() - 1
    }) + 1
}

pub fn is_uid(token: &str) -> bool {
    let lengths: Vec<usize> = token.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12] && token.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

/// 3, 4, 5 and 6 in all texts, those of keys included.
fn texts(value: &mut Value) {
    match value {
        Value::Object(map) => {
            *map = std::mem::take(map)
                .into_iter()
                .map(|(key, mut inner)| {
                    texts(&mut inner);
                    (tokens(&key, token), inner)
                })
                .collect();
        }
        Value::Array(list) => list.iter_mut().for_each(texts),
        Value::String(text) => *text = versions_in_sentences(&tokens(text, token)),
        _ => {}
    }
}

pub fn token(token: &str) -> Option<String> {
    time(token).or_else(|| address(token)).or_else(|| ending(token))
}

/// 3: times.
fn time(token: &str) -> Option<String> {
    jiff::Timestamp::from_str(token).is_ok().then(|| "<time>".to_owned())
}

/// 4: addresses of pods and Services.
fn address(token: &str) -> Option<String> {
    Ipv4Addr::from_str(token).is_ok().then(|| "<address>".to_owned())
}

/// 5: the endings of generated names: five letters after a dash, or an event's sixteen digits after a dot.
fn ending(token: &str) -> Option<String> {
    let generated = |end: &str| end.len() == 5 && end.chars().all(|letter| LETTERS.contains(letter));
    let of_event = |end: &str| end.len() == 16 && end.bytes().all(|byte| byte.is_ascii_hexdigit());
    match (token.rsplit_once('-'), token.rsplit_once('.')) {
        (_, Some((start, end))) if of_event(end) => Some(format!("{}.{ENDING}", ending(start).unwrap_or_else(|| start.to_owned()))),
        (Some((start, end)), _) if generated(end) => Some(format!("{start}-{ENDING}")),
        _ => None,
    }
}

/// 6: resource versions inside a sentence.
fn versions_in_sentences(text: &str) -> String {
    let lower = text.to_lowercase();
    if !lower.contains("resource version: ") && !lower.contains("resourceversion in record") {
        return text.to_owned();
    }
    tokens(text, |token| token.parse::<u64>().is_ok_and(|n| n > 1).then(|| "<version>".to_owned()))
}

/// 7: ages in the cells of tables.
fn tables(value: &mut Value) {
    let Some(rows) = value.get_mut("rows").and_then(Value::as_array_mut) else { return };
    let cells = rows.iter_mut().filter_map(|row| row.get_mut("cells")?.as_array_mut()).flatten();
    for cell in cells {
        let is_age = |text: &str| {
            text.ends_with(['s', 'm', 'h'])
                && text.starts_with(|c: char| c.is_ascii_digit())
                && text.bytes().all(|b| b"0123456789smh".contains(&b))
        };
        if cell.as_str().is_some_and(is_age) {
            *cell = "<age>".into();
        }
    }
}

/// 8: how far the whole cluster is (the version of a list or a bookmark), and the token made of it.
fn collections(value: &mut Value) {
    match value {
        Value::Array(lines) => lines.iter_mut().for_each(collections),
        Value::Object(map) if map.get("type").is_some_and(|kind| kind == "BOOKMARK") => {
            map.get_mut("object").into_iter().for_each(whole_cluster);
        }
        _ if value.get("items").is_some() || value.get("rows").is_some() => whole_cluster(value),
        _ => {}
    }
}

fn whole_cluster(value: &mut Value) {
    for (name, normal) in [("resourceVersion", "<version of the cluster>"), ("continue", "<token>")] {
        let text = value.get_mut("metadata").and_then(|meta| meta.get_mut(name));
        text.into_iter().filter(|text| text.as_str().is_some_and(|text| !text.is_empty())).for_each(|text| *text = normal.into());
    }
}

/// 9: generated names have no order.
fn order(value: &mut Value) {
    for name in ["items", "rows"] {
        if let Some(Value::Array(list)) = value.get_mut(name)
            && list.iter().any(|item| item.to_string().contains(ENDING))
        {
            list.sort_by_cached_key(|item| anonymous(item.clone()).to_string());
        }
    }
}

/// 10: conditions are known by their type, managed fields by who wrote them and how; they stand in the order in which they
/// changed last, which is a matter of moments: whether a second ended between two requests.
fn moments(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (name, inner) in map.iter_mut() {
                match (name.as_str(), inner) {
                    ("conditions", Value::Array(list)) => list.sort_by_cached_key(|entry| entry["type"].to_string()),
                    ("managedFields", Value::Array(list)) => list.sort_by_cached_key(writer),
                    (_, inner) => moments(inner),
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(moments),
        _ => {}
    }
}

fn writer(entry: &Value) -> String {
    ["operation", "manager", "apiVersion", "subresource"].map(|name| entry[name].to_string()).join(" ")
}

fn anonymous(mut value: Value) -> Value {
    match &mut value {
        Value::Object(map) => {
            map.retain(|key, _| !matches!(key.as_str(), "uid" | "resourceVersion"));
            map.values_mut().for_each(|inner| *inner = anonymous(inner.take()));
        }
        Value::Array(list) => list.iter_mut().for_each(|inner| *inner = anonymous(inner.take())),
        _ => {}
    }
    value
}

/// Rewrites the words of a text: what is made of letters, digits, dots, dashes and colons, without marks at its end.
pub fn tokens(text: &str, mut rewrite: impl FnMut(&str) -> Option<String>) -> String {
    let inside = |c: char| c.is_ascii_alphanumeric() || ".-:".contains(c);
    let (mut out, mut rest) = (String::new(), text);
    while let Some(start) = rest.find(inside) {
        let (between, word) = rest.split_at(start);
        let (word, after) = word.split_at(word.find(|c| !inside(c)).unwrap_or(word.len()));
        let bare = word.trim_end_matches(['.', ':']);
        out.push_str(between);
        out.push_str(&rewrite(bare).unwrap_or_else(|| bare.to_owned()));
        out.push_str(&word[bare.len()..]);
        rest = after;
    }
    out + rest
}

#[test]
fn only_what_must_differ_is_made_equal() {
    let mut body = serde_json::json!({
        "metadata": {"name": "web-5d9c7b8f6d-x2k4p", "uid": "01234567-89ab-cdef-0123-456789abcdef", "resourceVersion": "77"},
        "host": "10.1.2.3", "at": "2026-11-24T16:00:00Z", "image": "app:1.2.3", "count": "77",
        "message": "Created pod: web-5d9c7b8f6d-x2k4p.",
        "owner": {"uid": "01234567-89ab-cdef-0123-456789abcdef", "resourceVersion": "78"},
        "managedFields": [{"manager": "b", "operation": "Update"}, {"manager": "b", "operation": "Update", "subresource": "status"}],
    });
    equalise(&mut body);
    Normal::default().number(&mut body);
    let wanted = serde_json::json!({
        "metadata": {"name": "web-5d9c7b8f6d-<ending>", "uid": "<uid 1>", "resourceVersion": "<version 1>"},
        "host": "<address>", "at": "<time>", "image": "app:1.2.3", "count": "77",
        "message": "Created pod: web-5d9c7b8f6d-<ending>.",
        "owner": {"uid": "<uid 1>", "resourceVersion": "<version 2>"},
        "managedFields": [{"manager": "b", "operation": "Update", "subresource": "status"}, {"manager": "b", "operation": "Update"}],
    });
    assert_eq!(body, wanted);
}
