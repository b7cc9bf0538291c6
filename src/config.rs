//! `cutover.yaml`: what is released together, how, and what must hold meanwhile.
//!
//! A file holds one release, or several documents with one each. Read with [`parse`] into
//! [`Declared`](crate::domain::declared::Declared): what the cluster can tell by itself may be left out, and discovery
//! fills it in. Everything else that is missing, misspelt or impossible is an error with file, line, column and the nearest
//! valid key. [`to_yaml`] writes what [`parse`] reads, [`schema`] describes it to editors. Every key and its default is
//! described in [`file`].

pub mod check;
pub mod error;
pub mod file;
pub mod lookup;
pub mod raise;
pub mod scalars;
pub mod stage;
pub mod tree;

mod lower;
mod read;
#[cfg(test)]
mod tests;

pub use error::{ConfigError, Fault};
pub use lookup::{Lookup, find, load};
pub use lower::PRESETS;

use crate::domain::declared::Declared;
use crate::domain::release::Release;

/// Reads every release of a text. `file` is what errors call it.
///
/// # Errors
/// [`ConfigError::Faulty`]: the first fault in syntax, keys or types, or everything that cannot be combined.
pub fn parse(file: &str, text: &str) -> Result<Vec<Declared>, ConfigError> {
    let faulty = |faults| ConfigError::Faulty { file: file.to_owned(), faults };
    let documents = read::read(text).map_err(|fault| faulty(vec![fault]))?;
    let mut releases: Vec<Declared> = Vec::new();
    let mut faults = Vec::new();
    for document in &documents {
        match lower::lower(document, file) {
            Ok(release) => {
                if releases.iter().any(|r| r.name == release.name && r.namespace == release.namespace) {
                    let message = format!("two releases are called `{}`", release.name);
                    faults.push(Fault { at: document.tree.find("name"), path: "name".to_owned(), message });
                }
                releases.push(release);
            }
            Err(mut more) => faults.append(&mut more),
        }
    }
    if faults.is_empty() { Ok(releases) } else { Err(faulty(faults)) }
}

/// Writes a release as a file that [`parse`] reads.
///
/// # Errors
/// When the writer refuses a value.
pub fn to_yaml(release: &Release) -> Result<String, serde_saphyr::SerializeError> {
    serde_saphyr::to_string(&raise::raise(release))
}

/// The JSON Schema of a release file.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(file::ReleaseFile).to_value()
}
