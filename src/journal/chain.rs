//! Lines hold on to one another: each names the SHA-256 of the line before it, so that whoever changes, removes or adds one later
//! is found out by the next. What is cut off at the end shows nowhere in the file; the release's stored state keeps its own
//! newest lines, and `cutover history` shows both.

use sha2::{Digest, Sha256};

use serde::{Deserialize, Serialize};

use crate::domain::journal::Entry;

/// What the first line of a file names.
pub(super) const FIRST: &str = "first";

/// A line as it is written.
#[derive(Serialize)]
pub(super) struct Written<'a> {
    #[serde(flatten)]
    pub entry: &'a Entry,
    /// The digest of the line before; absent where that could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prev: Option<String>,
}

/// A line as it is read.
#[derive(Deserialize)]
pub(super) struct Found {
    #[serde(flatten)]
    pub entry: Entry,
    prev: Option<String>,
}

/// The SHA-256 of a line without its end, in hex.
pub(super) fn digest(line: &[u8]) -> String {
    Sha256::digest(line).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Follows the lines of a file, oldest first.
#[derive(Debug, Default)]
pub(super) struct Chain {
    before: Option<String>,
    line: usize,
    linked: bool,
    /// Lines, counted from 1, that do not follow from the one before.
    pub broken: Vec<usize>,
}

impl Chain {
    /// The next line, and what it was read as, if it could be.
    pub fn follow(&mut self, raw: &[u8], found: Option<&Found>) {
        self.line += 1;
        // Lines from before there was a chain name nothing, and what cannot be read neither.
        if let Some(prev) = found.and_then(|f| f.prev.as_deref()) {
            if prev != self.before.as_deref().unwrap_or(FIRST) {
                self.broken.push(self.line);
            }
            self.linked = true;
        } else if found.is_some() && self.linked {
            self.broken.push(self.line);
        }
        self.before = Some(digest(raw));
    }
}
