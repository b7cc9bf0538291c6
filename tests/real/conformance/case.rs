//! How a case is written.
//!
//! ```yaml
//! objects:                                   # bodies with a name
//!   a: { apiVersion: v1, kind: ConfigMap, metadata: { name: a }, data: { x: "1" } }
//! cases:
//! - name: a stale version conflicts
//!   proves: [staleVersionConflict]           # without which of the embedded cluster's features it must go red
//!   steps:
//!   - { do: POST v1/configmaps, body: a, keep: { old: /metadata/resourceVersion } }
//!   - { do: PATCH v1/configmaps/a, type: merge, body: { data: { x: "2" } } }
//!   - { do: PUT v1/configmaps/a -> 409, body: a, with: { /metadata/resourceVersion: $old } }
//! ```
//!
//! `COMPACT $version` makes both worlds forget what was before a version, as etcd's compaction does.
//!
//! A path without a leading slash is below the case's own namespace. `$ns` and what `keep` has kept are filled in
//! everywhere. The code after the arrow is what the *real* server has to answer, 2xx when there is none: without it a case
//! with a slip of the pen would compare one refusal with another and prove nothing.

use std::collections::BTreeMap;

use cutover::sim::kernel::Feature;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::harness::assets::in_repository;

/// A file of cases.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Topic {
    /// The file's name.
    #[serde(skip)]
    pub name: String,
    /// Bodies with a name.
    #[serde(default)]
    pub objects: BTreeMap<String, Value>,
    /// The cases.
    pub cases: Vec<Case>,
}

/// A short script.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What it is about.
    pub name: String,
    /// What it proves: an embedded cluster without one of these must be told from the real one by it.
    pub proves: Vec<Feature>,
    /// Its requests, one after the other.
    pub steps: Vec<Step>,
}

/// One request.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// `METHOD path`, `COMPACT $version`, or `METHOD path -> CODE` when the real server has to refuse it.
    #[serde(rename = "do")]
    pub line: String,
    /// Content type: `json` when nothing is said, `merge`, `strategic`, `patch` (JSON patch), `apply`, or a whole media type.
    #[serde(default, rename = "type")]
    pub media: String,
    /// `Accept`; `table` and `metadata` are short for the long ones.
    #[serde(default)]
    pub accept: String,
    /// The body: an object, the name of one in `objects`, or any other text as it is.
    #[serde(default)]
    pub body: Value,
    /// Changes to the body: pointer and new value, null to remove it.
    #[serde(default)]
    pub with: Map<String, Value>,
    /// What later steps need of the answer: name and pointer.
    #[serde(default)]
    pub keep: BTreeMap<String, String>,
    /// Compare only these parts of the answer's body.
    #[serde(default)]
    pub only: Vec<String>,
    /// Leave these parts of the answer's body out: the reason stands beside it.
    #[serde(default)]
    pub without: Vec<String>,
    /// Ask again until the answer's body, normalised, has these values: pointer and value; null for not there, {} for anything.
    #[serde(default)]
    pub until: BTreeMap<String, Value>,
    /// A watch: how many lines to read of it; without it the stream is read to its end.
    #[serde(default)]
    pub lines: Option<usize>,
}

/// What `keep` has kept, and `ns`.
pub type Kept = BTreeMap<String, String>;

impl Topic {
    /// Reads `cases/NAME.yaml`.
    ///
    /// # Panics
    /// When it is no such file.
    pub fn read(name: &str) -> Self {
        let path = in_repository(FOLDER).join(format!("{name}.yaml"));
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let topic: Self = serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self { name: name.to_owned(), ..topic }
    }
}

const FOLDER: &str = "tests/real/conformance/cases";

/// The names of all files of cases.
pub fn files() -> Vec<String> {
    let entries = std::fs::read_dir(in_repository(FOLDER)).expect("the folder of cases");
    let paths = entries.map(|entry| entry.expect("a file of cases").path());
    paths.filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned())).collect()
}

impl Step {
    /// Method, path, and the code that the real server has to answer (`None`: any success).
    ///
    /// # Panics
    /// When the line is no request.
    pub fn request(&self, kept: &Kept) -> (String, String, Option<u16>) {
        let line = fill(&self.line, kept);
        let (request, code) = match line.split_once(" -> ") {
            Some((request, code)) => (request, Some(code.trim().parse().expect("a status code after the arrow"))),
            None => (line.as_str(), None),
        };
        let (method, path) = request.split_once(' ').unwrap_or_else(|| panic!("{line:?} is no request"));
        let path = if method == "COMPACT" { format!("/{}", path.trim()) } else { whole(path.trim(), kept) };
        (method.to_owned(), path, code)
    }

    /// The body's bytes.
    ///
    /// # Panics
    /// When `with` names a place that is not there.
    pub fn bytes(&self, topic: &Topic, kept: &Kept) -> Vec<u8> {
        let mut body = match &self.body {
            Value::Null => return Vec::new(),
            Value::String(text) => match topic.objects.get(text) {
                Some(object) => object.clone(),
                None => return fill(text, kept).into_bytes(),
            },
            other => other.clone(),
        };
        for (pointer, value) in &self.with {
            put(&mut body, pointer, value.clone());
        }
        fill(&body.to_string(), kept).into_bytes()
    }

    /// The media type of the body.
    pub fn content_type(&self) -> &str {
        match self.media.as_str() {
            "" | "json" => "application/json",
            "merge" => "application/merge-patch+json",
            "strategic" => "application/strategic-merge-patch+json",
            "patch" => "application/json-patch+json",
            "apply" => "application/apply-patch+yaml",
            other => other,
        }
    }

    /// The media types that are asked for.
    pub fn accepts(&self) -> &str {
        match self.accept.as_str() {
            "" => "application/json",
            "table" => "application/json;as=Table;v=v1;g=meta.k8s.io",
            "metadata" => "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io",
            "metadata-list" => "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io",
            other => other,
        }
    }
}

/// Fills in `$name`. Longer names first: one may begin another.
fn fill(text: &str, kept: &Kept) -> String {
    let mut names: Vec<&String> = kept.keys().collect();
    names.sort_by_key(|name| std::cmp::Reverse(name.len()));
    names.into_iter().fold(text.to_owned(), |text, name| text.replace(&format!("${name}"), &kept[name]))
}

/// `v1/configmaps/a` or `apps/v1/deployments/web`, in the case's namespace.
fn whole(path: &str, kept: &Kept) -> String {
    let namespace = &kept["ns"];
    match path.split_once('/') {
        Some(("", _)) => path.to_owned(),
        Some((version, rest)) if !version.contains('.') && version.starts_with('v') => {
            format!("/api/{version}/namespaces/{namespace}/{rest}")
        }
        _ => {
            let mut parts = path.splitn(3, '/');
            let mut part = || parts.next().unwrap_or_else(|| panic!("{path:?} is no path"));
            format!("/apis/{}/{}/namespaces/{namespace}/{}", part(), part(), part())
        }
    }
}

/// Sets or removes what a pointer points at.
fn put(body: &mut Value, pointer: &str, value: Value) {
    let (parent, name) = pointer.rsplit_once('/').unwrap_or_else(|| panic!("{pointer:?} is no pointer"));
    let name = name.replace("~1", "/").replace("~0", "~");
    match body.pointer_mut(parent).unwrap_or_else(|| panic!("{parent:?} is not there")) {
        Value::Object(map) if value.is_null() => drop(map.remove(&name)),
        Value::Object(map) => drop(map.insert(name, value)),
        Value::Array(list) => list[name.parse::<usize>().expect("an index")] = value,
        _ => panic!("{parent:?} holds nothing"),
    }
}
