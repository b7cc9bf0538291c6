//! Names and labels.

use serde_json::Value;

use crate::sim::kernel::{
    Resource,
    object::Fields,
    resource::{NAMESPACE, SERVICE},
    status::Cause,
};

const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end \
    with an alphanumeric character (e.g. 'example.com', regex used for validation is \
    '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an \
    alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const LABEL_1035: &str = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end \
    with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const LABEL_VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end \
    with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is \
    '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

/// Judges `metadata.name` and the labels.
pub(super) fn metadata(resource: &Resource, object: &Value, causes: &mut Vec<Cause>) {
    let name = object.name();
    if name.is_empty() {
        causes.push(Cause::required("metadata.name", "name or generateName is required"));
    } else if let Some(why) = wrong_name(resource, name) {
        causes.push(Cause::invalid("metadata.name", &name.into(), why));
    }
    labels(object.pointer("/metadata/labels"), "metadata.labels", causes);
}

/// Judges a map of labels.
pub(super) fn labels(labels: Option<&Value>, field: &str, causes: &mut Vec<Cause>) {
    for (_, value) in labels.and_then(Value::as_object).into_iter().flatten() {
        let text = value.as_str().unwrap_or_default();
        let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let ends = |c: Option<char>| c.is_none_or(|c| c.is_ascii_alphanumeric());
        if text.len() > 63 {
            causes.push(Cause::invalid(field, value, "must be no more than 63 bytes"));
        }
        if !text.chars().all(inner) || !ends(text.chars().next()) || !ends(text.chars().last()) {
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
        if name.contains('.') {
            return Some("must not contain dots");
        }
        let valid = is_label(name) && name.starts_with(|c: char| c.is_ascii_lowercase());
        return if name.len() > 63 { Some("must be no more than 63 bytes") } else { (!valid).then_some(LABEL_1035) };
    }
    if name.len() > 253 {
        return Some("must be no more than 253 bytes");
    }
    (!name.split('.').all(is_label)).then_some(SUBDOMAIN)
}

fn is_label(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.chars().all(|c| plain(c) || c == '-') && text.starts_with(plain) && text.ends_with(plain)
}
