//! Names and labels.

use serde_json::Value;

use crate::sim::kernel::{
    Feature, Features, Resource,
    object::Fields,
    resource::{NAMESPACE, SERVICE},
    status::Cause,
};

const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end \
    with an alphanumeric character (e.g. 'example.com', regex used for validation is \
    '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an \
    alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const NAME_PART: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric \
    character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const LABEL_VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end \
    with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is \
    '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

/// Judges `metadata.name` and the labels.
pub(super) fn metadata(features: Features, resource: &Resource, object: &Value, causes: &mut Vec<Cause>) {
    if features.has(Feature::Names) {
        own_name(resource, object.name(), causes);
    }
    if features.has(Feature::LabelForms) {
        labels(object.pointer("/metadata/labels"), "metadata.labels", causes);
        for (key, _) in object.map("/metadata/annotations") {
            qualified(key, "metadata.annotations", causes);
        }
    }
}

fn own_name(resource: &Resource, name: &str, causes: &mut Vec<Cause>) {
    if name.is_empty() {
        causes.push(Cause::required("metadata.name", "name or generateName is required"));
    } else if let Some(why) = wrong_name(resource, name) {
        causes.push(Cause::invalid("metadata.name", &name.into(), why));
    }
}

/// Judges a map of labels.
pub(super) fn labels(labels: Option<&Value>, field: &str, causes: &mut Vec<Cause>) {
    for (key, value) in labels.and_then(Value::as_object).into_iter().flatten() {
        qualified(key, field, causes);
        let text = value.as_str().unwrap_or_default();
        if text.len() > 63 {
            causes.push(Cause::invalid(field, value, "must be no more than 63 bytes"));
        }
        if !text.is_empty() && !is_name_part(text) {
            causes.push(Cause::invalid(field, value, LABEL_VALUE));
        }
    }
}

/// Why a name is no DNS label, if it is none.
pub(super) fn wrong_label(name: &str) -> Option<&'static str> {
    let valid = name.len() <= 63 && is_label(name);
    (!valid).then_some(if name.len() > 63 { "must be no more than 63 bytes" } else { LABEL })
}

fn wrong_name(resource: &Resource, name: &str) -> Option<&'static str> {
    if *resource == NAMESPACE {
        return wrong_label(name);
    }
    if *resource == SERVICE {
        return if name.contains('.') { Some("must not contain dots") } else { wrong_label(name) };
    }
    if name.len() > 253 {
        return Some("must be no more than 253 bytes");
    }
    (!name.split('.').all(is_label)).then_some(SUBDOMAIN)
}

/// A key of labels or annotations: `name` or `domain/name`.
fn qualified(key: &str, field: &str, causes: &mut Vec<Cause>) {
    if let Some(why) = wrong_key(key) {
        causes.push(Cause::invalid(field, &key.into(), why));
    }
}

/// What is wrong with a key of labels or annotations, if anything.
pub fn wrong_key(key: &str) -> Option<&'static str> {
    let name = key.rsplit_once('/').map_or(key, |(_, name)| name);
    if name.is_empty() {
        return Some("name part must be non-empty");
    }
    if name.len() > 63 {
        return Some("name part must be no more than 63 bytes");
    }
    (!is_name_part(name)).then_some(NAME_PART)
}

fn is_name_part(text: &str) -> bool {
    let end = |c: char| c.is_ascii_alphanumeric();
    text.chars().all(|c| end(c) || matches!(c, '-' | '_' | '.')) && text.starts_with(end) && text.ends_with(end)
}

fn is_label(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.chars().all(|c| plain(c) || c == '-') && text.starts_with(plain) && text.ends_with(plain)
}
