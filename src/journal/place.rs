//! Where a release's journal stands.

use std::path::PathBuf;

use sha2::{Digest, Sha256};

/// A release's place below the user's state directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    state: Option<PathBuf>,
    context: String,
    namespace: String,
    release: String,
}

impl Place {
    /// A release's place below a state directory.
    pub fn new(state: Option<PathBuf>, context: &str, namespace: &str, release: &str) -> Place {
        Place { state, context: context.to_owned(), namespace: namespace.to_owned(), release: release.to_owned() }
    }

    /// A release's place below this user's state directory (`$XDG_STATE_HOME`, `~/.local/state`).
    pub fn of_user(context: &str, namespace: &str, release: &str) -> Place {
        use etcetera::BaseStrategy;
        let state = etcetera::choose_base_strategy().ok().and_then(|dirs| dirs.state_dir());
        Place::new(state, context, namespace, release)
    }

    /// `STATE/cutover/journal/CONTEXT/NAMESPACE/RELEASE.jsonl`.
    pub fn path(&self) -> Option<PathBuf> {
        let folder = self.state.as_ref()?.join("cutover/journal").join(plain(&self.context)).join(plain(&self.namespace));
        Some(folder.join(format!("{}.jsonl", plain(&self.release))))
    }
}

/// Bytes of a name that are written out; a longer one ends in its hash, so that two never meet.
const SHOWN: usize = 64;

/// A name as one part of a path: whatever could mean something else is written `%2F`.
fn plain(name: &str) -> String {
    let mut out = String::new();
    for (n, byte) in name.bytes().enumerate().take(SHOWN) {
        match byte {
            b'.' if n == 0 => out.push_str("%2E"),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    if name.len() > SHOWN {
        let hash = Sha256::digest(name.as_bytes());
        out.push('-');
        out.extend(hash.iter().take(6).map(|b| format!("{b:02x}")));
    }
    if out.is_empty() { "_".to_owned() } else { out }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_stay_apart_and_fit_a_file_system() {
        let name = |last: char| format!("{}{last}", "ü".repeat(90));
        assert_ne!(plain(&name('a')), plain(&name('b')));
        assert!(plain(&name('a')).len() < 250);
    }

    #[test]
    fn no_name_leaves_the_folder() {
        for name in ["..", "../../etc", "a/b", "", ".", "\0", "ünï"] {
            let path = Place::new(Some("/s".into()), name, name, name).path().unwrap();
            assert_eq!(path.components().count(), 7, "{path:?}");
            assert!(path.components().all(|c| !matches!(c, std::path::Component::ParentDir | std::path::Component::CurDir)), "{path:?}");
        }
    }
}
