//! How a script is written.
//!
//! ```yaml
//! scripts:
//! - name: a share is raised, and not a second time from the same facts
//!   of: [canary, gateway]                                # the layouts it is played on
//!   steps:
//!   - { do: look, as: before }                           # once everything has come to rest
//!   - { do: write route 20, if: unchanged, then: landed }
//!   - { do: glance }                                     # at once: what a write decides is compared, no more
//!   - { do: somebody touches route }
//!   - { do: write route 60, if: unchanged, seen: before, then: conflict }
//! ```
//!
//! What can be done:
//!
//! * `look`, `glance`; `glance at once`, as a rollback looks that knows of no run; `turn`: from then on the roles are the other way round
//! * `write route PERCENT [admit|dismiss]` (testers), `write scale SIDE N`, `write images SIDE TAG [paused|going]`, `write pause SIDE`, `write unpause SIDE`,
//!   `write clone TAG N`, `write undo SIDE REVISION`, `write fence route|SIDE`, `write suspend`, `write restore` (an Application's auto-sync); with the facts of the look named by `seen`, or the newest
//! * `load`, `store RUN over none|newest|NAME [without ORDER]`, `append ORDER`
//! * `lease WHO read|acquire [NAME]|renew EPOCH|release EPOCH`; NAME is a version that an answer was kept `as`
//! * `somebody …`: what [`Hand`](super::hand::Hand) lists
//!
//! `then` is what every world has to answer: without it a script with a slip of the pen would compare one refusal with another.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use cutover::domain::action::Precondition;
use serde::Deserialize;

use super::layout::Layout;

/// A file of scripts.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Topic {
    scripts: Vec<Script>,
}

/// A few requests, one after the other, with what happens between them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// What it is about.
    pub name: String,
    /// What it is played on.
    pub of: Vec<Layout>,
    /// What is done.
    pub steps: Vec<Step>,
}

/// One thing that is done.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// What.
    #[serde(rename = "do")]
    pub line: String,
    /// A name for what is answered: a look's facts, a version.
    #[serde(default, rename = "as")]
    pub name: Option<String>,
    /// The component, where there are two.
    #[serde(default, rename = "in")]
    pub component: Option<String>,
    /// What must still be true for a write to land.
    #[serde(default, rename = "if")]
    pub precondition: Option<Precondition>,
    /// The look that a write rests on; the newest where nothing is said.
    #[serde(default)]
    pub seen: Option<String>,
    /// The write's stamp.
    #[serde(default)]
    pub stamp: Option<String>,
    /// What is answered, in the words of [`normal`](super::normal).
    #[serde(default)]
    pub then: Option<String>,
}

impl Step {
    /// Which component.
    pub fn component(&self) -> &str {
        self.component.as_deref().unwrap_or("backend")
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/worlds/scripts")
}

/// Every script of every file, in order.
///
/// # Panics
/// When a file cannot be read.
pub fn all() -> Vec<Script> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).unwrap();
        let topic: Topic = serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        topic.scripts
    };
    files.into_iter().flat_map(read).collect()
}

/// Every script on every layout it is for; `CUTOVER_SCRIPT` plays only those with these words in the name.
pub fn wanted(scripts: &[Script]) -> Vec<(&Script, Layout)> {
    let words = std::env::var("CUTOVER_SCRIPT").unwrap_or_default();
    let named = scripts.iter().filter(|script| script.name.contains(&words));
    named.flat_map(|script| script.of.iter().map(move |layout| (script, *layout))).collect()
}

/// A name twice, or an answer nobody says: both would make the suite smaller than it looks.
#[test]
fn every_script_has_a_name_of_its_own_and_says_what_is_answered() {
    let scripts = all();
    let names: BTreeSet<&str> = scripts.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(names.len(), scripts.len(), "a name is there twice");
    assert!(scripts.len() >= 25, "only {} scripts are left", scripts.len());
    for script in &scripts {
        let silent = |s: &&Step| s.then.is_none() && !["look", "glance", "turn", "somebody"].iter().any(|word| s.line.starts_with(word));
        let slip = script.steps.iter().find(silent);
        assert!(slip.is_none() && !script.of.is_empty(), "{}: {slip:?}", script.name);
    }
}
