//! ConfigMaps and Secrets that a pod template refers to: that they are there, never what is in them.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::text::SafeText;

/// What is referred to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)] // the names are Kubernetes' own
pub enum Referred {
    ConfigMap,
    Secret,
}

impl Referred {
    /// The plural that stands in paths and in RBAC rules.
    pub const fn plural(self) -> &'static str {
        match self {
            Referred::ConfigMap => "configmaps",
            Referred::Secret => "secrets",
        }
    }
}

impl fmt::Display for Referred {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Referred::ConfigMap => "ConfigMap",
            Referred::Secret => "Secret",
        })
    }
}

/// An object without which a pod does not start.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Reference {
    /// Its kind.
    pub kind: Referred,
    /// Its name.
    pub name: String,
}

/// `Secret db`.
impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.name)
    }
}

/// Whether it is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Presence {
    /// It is.
    Present,
    /// It is not.
    Missing,
    /// We may not ask.
    Forbidden,
    /// It could not be asked: why.
    Unread(SafeText),
}

/// What was found of one reference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    /// The reference.
    pub reference: Reference,
    /// Whether it is there.
    pub presence: Presence,
}
