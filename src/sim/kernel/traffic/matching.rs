//! Conditions on requests, as routes of the different kinds write them.

use serde_json::Value;

use super::super::object::Fields;
use super::super::promql::matches_whole;
use super::flow::Class;

/// A condition on a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition<'a> {
    /// The very text.
    Exact(&'a str),
    /// How it begins.
    Prefix(&'a str),
    /// Path segments with which it begins: `/a` covers `/a` and `/a/b`, not `/ab`.
    Segments(&'a str),
    /// A regular expression for all of it.
    Expression(&'a str),
    /// Any text.
    Any,
}

impl<'a> Condition<'a> {
    /// Istio's `{exact|prefix|regex: ...}`.
    #[must_use]
    pub fn istio(condition: &'a Value) -> Self {
        let field = |name: &str| condition.get(name).and_then(Value::as_str);
        match (field("exact"), field("prefix"), field("regex")) {
            (Some(text), _, _) => Self::Exact(text),
            (_, Some(text), _) => Self::Prefix(text),
            (_, _, Some(text)) => Self::Expression(text),
            _ => Self::Any,
        }
    }

    /// Gateway API's `{type, value}`; `default` is the type that is meant when none is named.
    #[must_use]
    pub fn gateway(condition: &'a Value, default: &'a str) -> Self {
        let (named, value) = (condition.text("/type"), condition.text("/value"));
        match if named.is_empty() { default } else { named } {
            "Exact" => Self::Exact(value),
            "RegularExpression" => Self::Expression(value),
            _ => Self::Segments(value),
        }
    }

    /// An Ingress path's `{path, pathType}`.
    #[must_use]
    pub fn ingress(path: &'a Value) -> Self {
        let text = path.text("/path");
        match path.text("/pathType") {
            "Exact" => Self::Exact(text),
            _ => Self::Segments(if text.is_empty() { "/" } else { text }),
        }
    }

    /// Whether a text satisfies it.
    #[must_use]
    pub fn holds(&self, text: &str) -> bool {
        match self {
            Self::Exact(wanted) => text == *wanted,
            Self::Prefix(start) => text.starts_with(start),
            Self::Segments(start) => {
                let start = start.trim_end_matches('/');
                text.strip_prefix(start).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            }
            Self::Expression(expression) => matches_whole(expression, text),
            Self::Any => true,
        }
    }

    /// How much it says, for rules of which the most specific counts.
    #[must_use]
    pub fn weight(&self) -> usize {
        match self {
            Self::Exact(_) => usize::MAX,
            Self::Prefix(text) | Self::Segments(text) | Self::Expression(text) => text.len(),
            Self::Any => 0,
        }
    }
}

impl Class {
    /// The value of a cookie.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<&str> {
        let mut pairs = self.header_value("cookie")?.split(';').filter_map(|pair| pair.trim().split_once('='));
        pairs.find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// The value of a header; the name's case does not matter.
    #[must_use]
    pub fn header_value(&self, name: &str) -> Option<&str> {
        self.header.as_ref().filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_form_of_condition_holds_for_what_it_says() {
        assert!(Condition::istio(&json!({"exact": "/a"})).holds("/a"));
        assert!(!Condition::istio(&json!({"exact": "/a"})).holds("/a/b"));
        assert!(Condition::istio(&json!({"prefix": "/a"})).holds("/ab"));
        assert!(Condition::istio(&json!({"regex": "/a.*"})).holds("/abc"));
        assert!(!Condition::istio(&json!({"regex": "/a"})).holds("/abc"));
        assert!(!Condition::istio(&json!({"regex": "("})).holds("("));
        assert!(Condition::istio(&json!({})).holds("anything"));
        let path = json!({"type": "PathPrefix", "value": "/a/"});
        let prefix = Condition::gateway(&path, "PathPrefix");
        assert!(prefix.holds("/a") && prefix.holds("/a/b") && !prefix.holds("/ab"));
        assert!(Condition::gateway(&json!({"value": "x"}), "Exact").holds("x"));
        assert!(Condition::ingress(&json!({"path": "/", "pathType": "Prefix"})).holds("/x"));
    }
}
