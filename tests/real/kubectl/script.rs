//! How a script is written.
//!
//! ```yaml
//! speed: 10                       # how many times as fast the embedded cluster's time runs; 10 unless said
//! images:                         # what containers say, where a real node plays it; see `Played`
//!   registry.test/ended:1: { says: [begin], lasts: 4, last: [end] }
//! files:                          # what lies in the folder that kubectl is started in
//!   web.yaml: { apiVersion: apps/v1, kind: Deployment, ... }
//! lines: |
//!   # A comment.
//!   create -f web.yaml
//!   get deployment nope -> 1
//!   ~ get pods
//! ```
//!
//! A line is what stands behind `kubectl`, its words split as a shell does. Around it may stand:
//!
//! * `~ LINE`: run it again until both worlds say the same: what it shows is still on its way. For reading only.
//! * `? LINE`: compare the exit code only. The reason stands in a comment.
//! * `[1.36] LINE`: only this kubectl. The reason stands in a comment.
//! * `LINE -> 1`: what kubectl has to end with on the *real* world, 0 when nothing is said: without it a slip of the pen would
//!   compare one complaint with another.
//! * `LINE < FILE`: the file is its standard input.
//! * `LINE | without 'A' 'B'`: leave out lines that begin so, space aside. The reason stands in a comment.
//! * `LINE | sorted`: what it prints has no order: kubectl asks for several logs in the order of a Go map.
//! * `LINE & OTHER & OTHER | lines 4`: it does not end by itself. Once it has printed its first line the others are run, and
//!   four lines are read of it.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::images::Played;
use crate::harness::assets::in_repository;

const FOLDER: &str = "tests/real/kubectl/scripts";

/// A file of lines.
#[derive(Debug, Default)]
pub struct Script {
    /// The file's name.
    pub name: String,
    /// How many times as fast the embedded cluster's time runs.
    pub speed: f64,
    /// Files by name.
    pub files: BTreeMap<String, String>,
    /// What containers of these images say.
    pub images: BTreeMap<String, Played>,
    /// What is run, one after the other.
    pub lines: Vec<Line>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    speed: Option<f64>,
    #[serde(default)]
    images: BTreeMap<String, Played>,
    #[serde(default)]
    files: BTreeMap<String, Value>,
    lines: String,
}

/// One command.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// The line as it is written.
    pub text: String,
    /// Its words.
    pub words: Vec<String>,
    /// What it has to end with on the real world.
    pub code: i32,
    /// Run it again until both worlds say the same.
    pub eventually: bool,
    /// Compare the exit code only.
    pub quiet: bool,
    /// Leave out lines that begin with one of these.
    pub without: Vec<String>,
    /// What it prints has no order.
    pub sorted: bool,
    /// The file that is its standard input.
    pub input: Option<String>,
    /// It does not end by itself: how many lines to read of it.
    pub read: Option<usize>,
    /// What to run, without looking, once it has printed its first line.
    pub meanwhile: Vec<Vec<String>>,
    /// Only this version of kubectl runs it.
    pub only: Option<String>,
}

impl Script {
    /// Reads `scripts/NAME.yaml`.
    ///
    /// # Panics
    /// When it is no such file.
    pub fn read(name: &str) -> Self {
        let path = in_repository(FOLDER).join(format!("{name}.yaml"));
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let written: Written = serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        // Anything but text is written as JSON, of which every reader of YAML is one.
        let text = |value: Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let lines = written.lines.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        Self {
            name: name.to_owned(),
            speed: written.speed.unwrap_or(10.0),
            images: written.images,
            files: written.files.into_iter().map(|(name, content)| (name, text(content))).collect(),
            lines: lines.map(Line::parse).collect(),
        }
    }
}

/// The names of all scripts.
pub fn files() -> Vec<String> {
    let entries = std::fs::read_dir(in_repository(FOLDER)).expect("the folder of scripts");
    let paths = entries.map(|entry| entry.expect("a script").path());
    paths.filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned())).collect()
}

impl Line {
    /// Reads one line.
    ///
    /// # Panics
    /// When it is none.
    pub fn parse(text: &str) -> Self {
        let mut line = Self { text: text.to_owned(), ..Self::default() };
        let mut rest = text;
        if let Some(inner) = rest.strip_prefix('[') {
            let (only, tail) = inner.split_once("] ").unwrap_or_else(|| panic!("no version: {text}"));
            line.only = Some(only.to_owned());
            rest = tail;
        }
        (line.eventually, rest) = rest.strip_prefix("~ ").map_or((false, rest), |rest| (true, rest));
        (line.quiet, rest) = rest.strip_prefix("? ").map_or((false, rest), |rest| (true, rest));
        if let Some((before, option)) = rest.rsplit_once(" | ") {
            match split(option).split_first() {
                Some((word, beginnings)) if word == "without" => line.without = beginnings.to_vec(),
                Some((word, [])) if word == "sorted" => line.sorted = true,
                Some((word, [count])) if word == "lines" => line.read = Some(count.parse().expect("a number of lines")),
                _ => panic!("what does {option:?} mean in {text}?"),
            }
            rest = before;
        }
        if let Some((before, code)) = rest.rsplit_once(" -> ") {
            line.code = code.trim().parse().expect("an exit code after the arrow");
            rest = before;
        }
        if let Some((before, file)) = rest.rsplit_once(" < ") {
            line.input = Some(file.trim().to_owned());
            rest = before;
        }
        let mut commands = rest.split(" & ").map(split);
        line.words = commands.next().unwrap_or_default();
        line.meanwhile = commands.collect();
        line
    }
}

/// Splits a line into words as a shell does: at spaces, but not inside single or double quotes.
pub fn split(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for letter in line.chars() {
        match (letter, quote) {
            (letter, Some(open)) if letter == open => quote = None,
            ('\'' | '"', None) => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (' ', None) => words.extend(word.take()),
            (letter, _) => word.get_or_insert_default().push(letter),
        }
    }
    assert!(quote.is_none(), "a quote is left open: {line}");
    words.extend(word);
    words
}

#[test]
fn lines_are_read_as_they_are_meant() {
    assert_eq!(split(r#"patch  web -p '{"a": "b c"}' "" x"#), ["patch", "web", "-p", r#"{"a": "b c"}"#, "", "x"]);
    let line = Line::parse("[1.32] ~ create -f - < a.yaml -> 1 | without 'A b' C");
    let words = |text: &str| split(text);
    assert_eq!((line.words, line.code, line.eventually, line.quiet), (words("create -f -"), 1, true, false));
    assert_eq!((line.input.as_deref(), line.only.as_deref()), (Some("a.yaml"), Some("1.32")));
    assert_eq!(line.without, ["A b", "C"]);
    let line = Line::parse("get pods -w & label pod a b=c & delete pod a | lines 3");
    assert_eq!((line.words, line.read, line.meanwhile.len()), (words("get pods -w"), Some(3), 2));
    assert!(Line::parse("? get x").quiet && Line::parse("logs -l a=b | sorted").sorted);
}
