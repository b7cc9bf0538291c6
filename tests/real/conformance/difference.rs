//! What differs, for people to read.

use std::collections::BTreeSet;
use std::fmt::Write;

use serde_json::Value;

use super::case::Case;
use super::side::Answer;

/// Differences shown of one step.
const SHOWN: usize = 12;

/// All differences of a case; `None` when there are none and the case did what it says it does.
pub fn report(case: &Case, real: &[Answer], embedded: &[Answer]) -> Option<String> {
    let mut text = String::new();
    for (index, step) in case.steps.iter().enumerate() {
        let mut lines = Vec::new();
        match (real.get(index), embedded.get(index)) {
            (Some(real), Some(embedded)) => {
                lines.extend(real.slip.iter().map(|slip| format!("the case itself is wrong: {slip}")));
                compare("", Some(&real.seen), Some(&embedded.seen), &mut lines);
            }
            // A side ends early only when it could not go on, and has said why in its last answer.
            (None, None) => {}
            (real, _) => lines.push(format!("only the {} side came this far", if real.is_some() { "real" } else { "embedded" })),
        }
        if !lines.is_empty() {
            let more = lines.len().saturating_sub(SHOWN);
            lines.truncate(SHOWN);
            let _ = writeln!(text, "  step {} {}", index + 1, step.line);
            for line in &lines {
                let _ = writeln!(text, "    {line}");
            }
            if more > 0 {
                let _ = writeln!(text, "    and {more} more");
            }
        }
    }
    (!text.is_empty()).then(|| format!("{}\n{text}", case.name))
}

fn compare(path: &str, real: Option<&Value>, embedded: Option<&Value>, lines: &mut Vec<String>) {
    match (real, embedded) {
        (Some(Value::Object(a)), Some(Value::Object(b))) => {
            for key in a.keys().chain(b.keys()).collect::<BTreeSet<_>>() {
                compare(&format!("{path}/{}", key.replace('~', "~0").replace('/', "~1")), a.get(key), b.get(key), lines);
            }
        }
        (Some(Value::Array(a)), Some(Value::Array(b))) => {
            (0..a.len().max(b.len())).for_each(|n| compare(&format!("{path}/{n}"), a.get(n), b.get(n), lines));
        }
        (a, b) if a == b => {}
        (a, b) => {
            let shown = |value: Option<&Value>| value.map_or_else(|| "nothing".to_owned(), Value::to_string);
            lines.push(format!("{path}\n      real     {}\n      embedded {}", shown(a), shown(b)));
        }
    }
}

#[test]
fn a_field_that_is_missing_or_different_or_in_another_place_is_told() {
    let seen = |real: Value, embedded: Value| {
        let mut lines = Vec::new();
        compare("", Some(&real), Some(&embedded), &mut lines);
        lines.join("\n")
    };
    let json = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    assert_eq!(seen(json(r#"{"a": [1, {"b": null}]}"#), json(r#"{"a": [1, {"b": null}]}"#)), "");
    assert_eq!(seen(json(r#"{"a": {}}"#), json("{}")), "/a\n      real     {}\n      embedded nothing");
    assert_eq!(seen(json("[1, 2]"), json("[2, 1]")).lines().count(), 6);
    assert_eq!(seen(json("null"), json("[]")), "\n      real     null\n      embedded []");
}
