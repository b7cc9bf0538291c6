//! The API server's audit log: what was really asked, by whom.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use serde_json::Value;

/// One finished request.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Kubernetes' verb: `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`.
    pub verb: String,
    /// Path and query.
    pub uri: String,
    /// Plural name of the resource, with `/subresource` when there is one; empty for paths such as `/version`.
    pub resource: String,
    /// Name of the object; empty for lists.
    pub name: String,
    /// HTTP status of the answer.
    pub code: u64,
    /// Body of a write.
    pub body: Value,
    /// When the API server got it, RFC 3339.
    pub received: String,
    /// When it was answered, RFC 3339.
    pub answered: String,
}

impl Entry {
    /// Whether the request could change anything. Questions about one's own rights and name are `create` and change nothing.
    pub fn writes(&self) -> bool {
        const QUESTIONS: [&str; 3] = ["selfsubjectaccessreviews", "selfsubjectrulesreviews", "selfsubjectreviews"];
        !matches!(self.verb.as_str(), "get" | "list" | "watch") && !QUESTIONS.contains(&self.resource.as_str())
    }
}

/// One line.
impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:>6} {} {}", self.received, self.verb, self.uri, self.code)?;
        if self.writes() { write!(f, " {}", self.body) } else { Ok(()) }
    }
}

/// The lines of those that `pick` picks.
pub fn lines(log: &[Entry], pick: impl Fn(&Entry) -> bool) -> String {
    log.iter().filter(|entry| pick(entry)).map(|entry| format!("{entry}\n")).collect()
}

/// The requests up to the last of those that `pick` picks, with when each came and how long it took, in milliseconds.
pub fn timeline(log: &[Entry], pick: impl Fn(&Entry) -> bool) -> String {
    let at = |text: &str| text.parse::<jiff::Timestamp>().expect("a time").as_microsecond() as f64 / 1e3;
    let mut log: Vec<&Entry> = log.iter().collect();
    log.sort_by(|a, b| a.received.cmp(&b.received));
    let end = log.iter().rposition(|entry| pick(entry)).map_or(0, |last| last + 1);
    let first = log.first().map_or(0.0, |entry| at(&entry.received));
    let line = |e: &&Entry| {
        let (came, went) = (at(&e.received), at(&e.answered));
        format!("{:>7.1} +{:>5.1} {:>6} {} {}\n", came - first, went - came, e.verb, e.uri, e.code)
    };
    log.iter().take(end).map(line).collect()
}

/// All requests of `user`, in the order in which they were answered. A watch that still runs counts from its first answer on.
pub fn read(log: &Path, user: &str) -> Vec<Entry> {
    let text = std::fs::read_to_string(log).expect("the audit log");
    let whole = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let ours = whole.filter(|event| event["user"]["username"] == user);
    // A long-running request has two stages under one id; the first one is enough.
    let mut seen = BTreeSet::new();
    ours.filter(|event| seen.insert(event["auditID"].to_string())).map(|event| entry(&event)).collect()
}

fn entry(event: &Value) -> Entry {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let reference = &event["objectRef"];
    let resource = match reference["subresource"].as_str() {
        Some(subresource) => format!("{}/{subresource}", text(&reference["resource"])),
        None => text(&reference["resource"]),
    };
    Entry {
        verb: text(&event["verb"]),
        uri: text(&event["requestURI"]),
        resource,
        name: text(&reference["name"]),
        code: event["responseStatus"]["code"].as_u64().unwrap_or_default(),
        body: event["requestObject"].clone(),
        received: text(&event["requestReceivedTimestamp"]),
        answered: text(&event["stageTimestamp"]),
    }
}
