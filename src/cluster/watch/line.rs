//! One line of a watch: what it says, and what it does to the rows. No runtime, no client.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use thiserror::Error;

use super::index::{Indexes, Rows};
use super::wire::{self, of_kind};
use crate::domain::object::Kind;

/// Why a watch cannot be followed any further.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LineError {
    /// The version is too old: list again.
    #[error("the watched version has expired")]
    Expired,
    /// The server says that something is wrong.
    #[error("{0}")]
    Told(String),
    /// Not a line of a watch.
    #[error("{kind}: not an event: {why}")]
    Garbage {
        /// What was watched: `pods`.
        kind: &'static str,
        /// What is wrong with it.
        why: String,
    },
}

#[derive(Deserialize)]
struct Line<'a> {
    r#type: &'a str,
    #[serde(borrow)]
    object: &'a RawValue,
}

#[derive(Deserialize)]
struct Versioned {
    metadata: Version,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    #[serde(default)]
    resource_version: String,
}

#[derive(Deserialize)]
struct Failure {
    #[serde(default)]
    code: u16,
    #[serde(default)]
    message: String,
}

impl Indexes {
    /// Takes in one line of a watch of `kind`; answers the version to watch on from. An object that cannot be read is left
    /// out, not fatal.
    ///
    /// # Errors
    /// When the watch is over: the server said so, or what it sent is no line of a watch.
    pub fn take(&mut self, kind: Kind, line: &[u8]) -> Result<Option<String>, LineError> {
        of_kind!(kind, Object => self.take_as::<Object>(kind, line))
    }

    fn take_as<T: DeserializeOwned + Rows>(&mut self, kind: Kind, line: &[u8]) -> Result<Option<String>, LineError> {
        let event: Line<'_> = serde_json::from_slice(line).map_err(|e| LineError::Garbage { kind: kind.plural(), why: e.to_string() })?;
        let raw = event.object.get();
        if event.r#type == "ERROR" {
            let failure: Failure = serde_json::from_str(raw).unwrap_or(Failure { code: 0, message: "unreadable error".to_owned() });
            return Err(if failure.code == 410 { LineError::Expired } else { LineError::Told(failure.message) });
        }
        if event.r#type != "BOOKMARK" {
            match serde_json::from_str::<T>(raw) {
                Ok(object) if event.r#type == "DELETED" => object.delete(self),
                Ok(object) => drop(object.apply(self)),
                Err(error) => tracing::warn!(kind = kind.name(), %error, "an object could not be read and is left out"),
            }
        }
        let version = serde_json::from_str::<Versioned>(raw).ok().map(|v| v.metadata.resource_version);
        Ok(version.filter(|v| !v.is_empty()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(line: &str) -> (Result<Option<String>, LineError>, Vec<String>) {
        let mut indexes = Indexes::new("shop");
        let answer = indexes.take(Kind::Deployment, line.as_bytes());
        (answer, indexes.snapshot().deployments.iter().map(|d| d.name.to_string()).collect())
    }

    #[test]
    fn a_change_changes_a_row_and_moves_the_version() {
        let (version, rows) = take(r#"{"type":"ADDED","object":{"metadata":{"name":"web","resourceVersion":"7"}}}"#);
        assert_eq!((version, rows), (Ok(Some("7".to_owned())), vec!["web".to_owned()]));
        let (version, rows) = take(r#"{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"9"}}}"#);
        assert_eq!((version, rows), (Ok(Some("9".to_owned())), vec![]));
    }

    #[test]
    fn an_object_that_cannot_be_read_does_not_end_the_watch() {
        let (version, rows) = take(r#"{"type":"ADDED","object":{"metadata":{"name":"web","resourceVersion":"8"},"spec":7}}"#);
        assert_eq!((version, rows), (Ok(Some("8".to_owned())), vec![]));
    }

    #[test]
    fn errors_end_it() {
        assert_eq!(take(r#"{"type":"ERROR","object":{"code":410,"message":"too old"}}"#).0, Err(LineError::Expired));
        assert_eq!(take(r#"{"type":"ERROR","object":{"code":500,"message":"etcd"}}"#).0, Err(LineError::Told("etcd".to_owned())));
        let Err(garbage) = take("<html>").0 else { panic!("not a line") };
        assert!(garbage.to_string().starts_with("deployments: not an event: "), "{garbage}");
    }
}
