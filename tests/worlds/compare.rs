//! What differs, for people to read.

use std::collections::BTreeSet;

use serde_json::Value;

use super::layout::Layout;
use super::run::Answer;
use super::script::Script;

/// Differences shown of one step.
const SHOWN: usize = 8;

/// Everything about one script that is not as it has to be; `None` when nothing is.
pub fn report(script: &Script, layout: Layout, sides: &[(&str, Vec<Answer>)]) -> Option<String> {
    let mut lines = Vec::new();
    for (index, step) in script.steps.iter().enumerate() {
        let mut of_step = Vec::new();
        let slips = sides.iter().filter_map(|(name, all)| Some(format!("{name}: {}", all.get(index)?.slip.as_ref()?)));
        of_step.extend(slips);
        let mut answers = sides.iter().filter_map(|(name, all)| Some((*name, &all.get(index)?.seen)));
        if let Some(first) = answers.next() {
            answers.for_each(|other| differences("", first, other, &mut of_step));
        }
        if !of_step.is_empty() {
            of_step.truncate(SHOWN);
            lines.push(format!("  step {} {}", index + 1, step.line));
            lines.extend(of_step.into_iter().map(|line| format!("    {line}")));
        }
    }
    (!lines.is_empty()).then(|| format!("{} ({layout:?})\n{}\n", script.name, lines.join("\n")))
}

fn differences(path: &str, (a, left): (&str, &Value), (b, right): (&str, &Value), lines: &mut Vec<String>) {
    match (left, right) {
        (Value::Object(l), Value::Object(r)) => {
            for key in l.keys().chain(r.keys()).collect::<BTreeSet<_>>() {
                let part = |map: &serde_json::Map<String, Value>| map.get(key).cloned().unwrap_or_else(|| "nothing".into());
                differences(&format!("{path}/{key}"), (a, &part(l)), (b, &part(r)), lines);
            }
        }
        (l, r) if l == r => {}
        (l, r) => lines.push(format!("{path}: {a} {l}, {b} {r}")),
    }
}

#[test]
fn what_differs_is_told_with_its_place_and_its_worlds() {
    let mut lines = Vec::new();
    let value = |n: i64| serde_json::json!({ "web": { "pods": n, "paused": false } });
    differences("", ("real", &value(3)), ("compact", &value(4)), &mut lines);
    differences("", ("real", &value(3)), ("compact", &value(3)), &mut lines);
    assert_eq!(lines, ["/web/pods: real 3, compact 4"]);
}
