//! The rule that sends testers to the candidate: found in a route's object, or made from the weighted rule beside it.

use serde_json::{Map, Value, json};

use crate::domain::testers::{Testers, TestersRule};
use crate::domain::text::SafeText;

/// What our rule is called in a VirtualService; its names are free.
pub const NAME: &str = "cutover-testers";

/// What is said of the rule while it stands.
pub fn note(rule: &TestersRule) -> Option<SafeText> {
    rule.stands.then(|| SafeText::from(format!("testers: {} goes to the candidate", rule.testers)))
}

/// Where rules stand in an object, and which one holds the weights.
#[derive(Clone, Copy)]
pub struct Rules<'a> {
    /// All of them.
    pub all: &'a [Value],
    /// The weighted one.
    pub weighted: usize,
}

/// The rule in a VirtualService: right above the weighted one, since the first that matches counts. `backend` is the
/// candidate's entry in the weighted rule.
pub fn istio(rules: Rules<'_>, backend: &Value, testers: &Testers) -> TestersRule {
    let destination = backend.get("destination").unwrap_or(&Value::Null);
    let turn = match standing_istio(rules.all, destination) {
        Some(at) => taken_away("/spec/http", at, &[("name", json!(NAME)), ("route/0/destination", destination.clone())]),
        None => {
            let mut rule = copied(rules);
            let (is_pattern, text) = testers.pattern();
            let condition = if is_pattern { json!({"regex": text}) } else { json!({"exact": text}) };
            let conditions = entries(&rule, "match", json!({})).into_iter().map(|mut entry| {
                if let Some(headers) = member(&mut entry, "headers") {
                    headers.insert(testers.header(), condition.clone());
                }
                entry
            });
            let conditions: Vec<Value> = conditions.collect();
            rule.insert("name".to_owned(), json!(NAME));
            rule.insert("match".to_owned(), Value::Array(conditions));
            rule.insert("route".to_owned(), json!([without_weight(backend)]));
            vec![json!({"op": "add", "path": format!("/spec/http/{}", rules.weighted), "value": rule})]
        }
    };
    TestersRule { testers: testers.clone(), stands: standing_istio(rules.all, destination).is_some(), turn }
}

/// Our rule by its name, if it sends to this candidate and nobody else.
pub fn standing_istio(rules: &[Value], destination: &Value) -> Option<usize> {
    rules.iter().position(|rule| {
        let to = rule.get("route").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        rule.get("name").and_then(Value::as_str) == Some(NAME) && matches!(to, [one] if one.get("destination") == Some(destination))
    })
}

/// The rule in an HTTPRoute: last, since it is the more specific one wherever it stands. Older schemas drop the names of rules,
/// so it is known by saying exactly what ours would say. With it, its place where it stands.
pub fn gateway(rules: Rules<'_>, backend: &Value, testers: &Testers) -> (TestersRule, Option<usize>) {
    let (is_pattern, text) = testers.pattern();
    let condition = json!({"type": if is_pattern { "RegularExpression" } else { "Exact" }, "name": testers.header(), "value": text});
    let mut rule = copied(rules);
    let matches: Vec<Value> = entries(&rule, "matches", json!({"path": {"type": "PathPrefix", "value": "/"}}))
        .into_iter()
        .map(|mut entry| {
            if let Some(entry) = entry.as_object_mut() {
                match entry.get_mut("headers").and_then(Value::as_array_mut) {
                    Some(headers) => headers.push(condition.clone()),
                    None => drop(entry.insert("headers".to_owned(), json!([condition]))),
                }
            }
            entry
        })
        .collect();
    let name = backend.get("name").cloned().unwrap_or_default();
    let ours = |rule: &Value| {
        let to = list(rule, "backendRefs");
        matches!(to, [one] if one.get("name") == Some(&name)) && plain(list(rule, "matches")) == plain(&matches)
    };
    let at = rules.all.iter().position(ours);
    let turn = match at {
        Some(at) => {
            let as_read = rules.all.get(at).and_then(|rule| rule.get("matches")).cloned().unwrap_or_default();
            taken_away("/spec/rules", at, &[("backendRefs/0/name", name), ("matches", as_read)])
        }
        None => {
            rule.remove("name");
            rule.insert("matches".to_owned(), Value::Array(matches));
            rule.insert("backendRefs".to_owned(), json!([without_weight(backend)]));
            vec![json!({"op": "add", "path": "/spec/rules/-", "value": rule})]
        }
    };
    (TestersRule { testers: testers.clone(), stands: at.is_some(), turn }, at)
}

/// The weighted rule: what it does to its requests besides splitting them holds for testers, too.
fn copied(rules: Rules<'_>) -> Map<String, Value> {
    rules.all.get(rules.weighted).and_then(Value::as_object).cloned().unwrap_or_default()
}

/// The conditions of a rule, each of them enough; `any` where there is none.
fn entries(rule: &Map<String, Value>, key: &str, any: Value) -> Vec<Value> {
    match rule.get(key).and_then(Value::as_array) {
        Some(all) if !all.is_empty() => all.clone(),
        _ => vec![any],
    }
}

fn member<'a>(entry: &'a mut Value, key: &str) -> Option<&'a mut Map<String, Value>> {
    entry.as_object_mut()?.entry(key).or_insert_with(|| json!({})).as_object_mut()
}

fn without_weight(backend: &Value) -> Value {
    let mut alone = backend.clone();
    if let Some(members) = alone.as_object_mut() {
        members.remove("weight");
    }
    alone
}

fn taken_away(list: &str, at: usize, known_by: &[(&str, Value)]) -> Vec<Value> {
    let tests = known_by.iter().map(|(member, value)| json!({"op": "test", "path": format!("{list}/{at}/{member}"), "value": value}));
    tests.chain([json!({"op": "remove", "path": format!("{list}/{at}")})]).collect()
}

fn list<'a>(rule: &'a Value, key: &str) -> &'a [Value] {
    rule.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// Matches of an HTTPRoute with what a server fills in, in one order.
fn plain(matches: &[Value]) -> Vec<Value> {
    let text = |value: &Value, at: &str, or: &str| value.pointer(at).and_then(Value::as_str).unwrap_or(or).to_owned();
    let condition = |c: &Value| json!([text(c, "/name", "").to_ascii_lowercase(), text(c, "/type", "Exact"), text(c, "/value", "")]);
    let conditions = |entry: &Value, key: &str| {
        let mut all: Vec<Value> = list(entry, key).iter().map(condition).collect();
        all.sort_by_key(Value::to_string);
        all
    };
    let one = |entry: &Value| {
        let path = [text(entry, "/path/type", "PathPrefix"), text(entry, "/path/value", "/")];
        json!([path, text(entry, "/method", ""), conditions(entry, "headers"), conditions(entry, "queryParams")])
    };
    matches.iter().map(one).collect()
}
