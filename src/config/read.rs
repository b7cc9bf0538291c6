//! Text to file structs: syntax, keys and types.

use serde_saphyr::options::DuplicateKeyPolicy;
use serde_saphyr::{Error, Options};

use super::error::{Fault, nearest};
use super::file::ReleaseFile;
use super::tree::{At, Node};

/// Keys of the design that this version does not know yet, with what to do instead.
const LATER: &[(&str, &str)] = &[
    ("checks", "run them in the pipeline between `cutover step`s"),
    ("hooks", "run them before `cutover run` and after it"),
    ("notify", "read `cutover run -o jsonl` instead"),
    ("worseThan", "write `above: stable + 20%`"),
    ("traefik", "use gateway, or nginx with `controller: traefik`: its ingress-nginx provider reads the same annotations"),
];

/// A document: the values, and where they stand.
pub struct Document {
    /// The values.
    pub file: ReleaseFile,
    /// Where they stand.
    pub tree: Node,
}

/// Reads every document of a text.
///
/// # Errors
/// The first fault in syntax, keys or types.
pub fn read(text: &str) -> Result<Vec<Document>, Fault> {
    let trees: Vec<Node> =
        serde_saphyr::from_multiple_with_options(text, options(DuplicateKeyPolicy::LastWins)).map_err(|e| fault(&e, &[]))?;
    let files: Vec<ReleaseFile> =
        serde_saphyr::from_multiple_with_options(text, options(DuplicateKeyPolicy::Error)).map_err(|e| fault(&e, &trees))?;
    if files.is_empty() {
        let message = "no release in it; `cutover init` writes one".to_owned();
        return Err(Fault { at: At { line: 1, column: 1 }, path: String::new(), message });
    }
    Ok(files.into_iter().zip(trees).map(|(file, tree)| Document { file, tree }).collect())
}

fn options(duplicate_keys: DuplicateKeyPolicy) -> Options {
    serde_saphyr::options! { duplicate_keys: duplicate_keys, with_snippet: false, emit_comments: false }
}

/// Says what the parser found in the words of the file's author.
fn fault(error: &Error, trees: &[Node]) -> Fault {
    let error = error.without_snippet();
    let at = error.location().map_or(At { line: 1, column: 1 }, At::from);
    let tree = trees.iter().rev().find(|t| t.find("") <= at).or_else(|| trees.first());
    let path = tree.map(|t| t.path_at(at)).unwrap_or_default();
    let message = match error {
        Error::SerdeUnknownField { field, expected, .. } => return unknown(field, expected, at, path, tree),
        Error::SerdeUnknownVariant { variant, expected, .. } => {
            format!("`{variant}` is not known here; {}", suggestion(variant, expected))
        }
        Error::SerdeMissingField { field, .. } => return missing(field, at, path, tree),
        Error::DuplicateMappingKey { key, .. } => format!("`{}` is given twice", key.as_deref().unwrap_or("this key")),
        Error::SerdeInvalidType { unexpected, expected, .. } | Error::SerdeInvalidValue { unexpected, expected, .. } => {
            format!("{unexpected} where {} belongs", plain(expected))
        }
        Error::Message { msg, .. } => msg.clone(),
        Error::Unexpected { expected, .. } => format!("{} belongs here", plain(expected)),
        Error::InvalidScalar { ty, .. } => format!("{} belongs here", plain(ty)),
        Error::NullIntoString { .. } => "text belongs here".to_owned(),
        Error::RecursiveReferencesRequireWeakTypes { .. } => "an alias cannot hold itself".to_owned(),
        other => {
            let text = other.to_string();
            // The place is said by us.
            text.split(" at line ").next().unwrap_or(&text).to_owned()
        }
    };
    Fault { at, path, message }
}

/// An unknown key, at the key itself.
fn unknown(field: &str, expected: &[&'static str], at: At, path: String, tree: Option<&Node>) -> Fault {
    // The parser may point at the value: the key's path is known either way.
    let path = if path.rsplit(['.', ']']).next() == Some(field) {
        path
    } else if path.is_empty() {
        field.to_owned()
    } else {
        format!("{path}.{field}")
    };
    let at = tree.map_or(at, |t| t.find_key(&path));
    let message = match LATER.iter().find(|(key, _)| *key == field) {
        Some((_, instead)) => format!("`{field}` is not supported yet; {instead}"),
        None => format!("unknown key `{field}`; {}", suggestion(field, expected)),
    };
    Fault { at, path, message }
}

/// A missing key, at the map that lacks it. The parser points at that map, or at its last key.
fn missing(field: &str, at: At, path: String, tree: Option<&Node>) -> Fault {
    let message = format!("`{field}` is missing");
    let Some(tree) = tree else { return Fault { at, path, message } };
    let at_key = tree.find_key(&path) == at && tree.find(&path) != at;
    let path = if at_key { path.rsplit_once('.').map_or("", |(parent, _)| parent).to_owned() } else { path };
    Fault { at: tree.find(&path), path, message }
}

fn suggestion(written: &str, expected: &[&'static str]) -> String {
    match nearest(written, expected.iter().copied()) {
        Some(word) => format!("did you mean `{word}`?"),
        None => format!("known here: {}", expected.join(", ")),
    }
}

/// The parser's words in those of the file's author.
fn plain(expected: &str) -> String {
    match expected {
        "sequence start" => "a list".to_owned(),
        "mapping start" => "a map of keys".to_owned(),
        "string scalar" => "text".to_owned(),
        "u64" => "a whole number".to_owned(),
        "floating point" => "a number".to_owned(),
        "boolean" => "true or false".to_owned(),
        own if own.starts_with("struct ") => "a map of keys".to_owned(),
        other => other.replace("a sequence", "a list"),
    }
}
