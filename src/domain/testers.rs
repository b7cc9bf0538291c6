//! Requests that testers mark by a header or a cookie, to meet the candidate before anybody else does.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What marks a tester's request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Testers {
    /// A header of this value.
    Header {
        /// Its name.
        name: String,
        /// Its value.
        value: String,
    },
    /// A cookie of this value.
    Cookie {
        /// Its name.
        name: String,
        /// Its value.
        value: String,
    },
}

impl Testers {
    /// The header that routes look at, in small letters.
    pub fn header(&self) -> String {
        match self {
            Testers::Header { name, .. } => name.to_ascii_lowercase(),
            Testers::Cookie { .. } => "cookie".to_owned(),
        }
    }

    /// For a cookie, the regular expression (RE2, for the whole text) of a `Cookie` header that holds it; else the header's value.
    pub fn pattern(&self) -> (bool, String) {
        match self {
            Testers::Header { value, .. } => (false, value.clone()),
            Testers::Cookie { name, value } => (true, format!("(.*; ?)?{}={}(;.*)?", escaped(name), escaped(value))),
        }
    }
}

/// `header x-canary: always`, `cookie x-canary=always`.
impl fmt::Display for Testers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Testers::Header { name, value } => write!(f, "header {name}: {value}"),
            Testers::Cookie { name, value } => write!(f, "cookie {name}={value}"),
        }
    }
}

/// A text that means itself in a regular expression.
fn escaped(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    text.chars().flat_map(|c| (!plain(c)).then_some('\\').into_iter().chain([c])).collect()
}

/// The rule that sends testers to the candidate, as a route has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TestersRule {
    /// Whom it is for.
    pub testers: Testers,
    /// Whether it stands in the object.
    pub stands: bool,
    /// The operations of a JSON patch that turn this round: they take it away where it stands, with tests of what it is, and else
    /// put it there.
    pub turn: Vec<Value>,
}

/// What is to become of the testers' rule with a write of the route.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TestersMove {
    /// It stays as it is.
    #[default]
    Keep,
    /// It is put there.
    Add,
    /// It is taken away.
    Remove,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_among_others_and_means_itself() {
        let (is_pattern, pattern) = Testers::Cookie { name: "x.canary".into(), value: "a+b".into() }.pattern();
        assert_eq!((is_pattern, pattern.as_str()), (true, r"(.*; ?)?x\.canary=a\+b(;.*)?"));
        let header = Testers::Header { name: "X-Canary".into(), value: "a+b".into() };
        assert_eq!((header.header().as_str(), header.pattern()), ("x-canary", (false, "a+b".into())));
        assert_eq!(header.to_string(), "header X-Canary: a+b");
    }
}
