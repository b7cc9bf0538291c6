//! Two answers of the query API, side by side.

use serde_json::Value;

/// Whether two answers to a query say the same, as far as anybody is promised. `query` is what was asked.
pub fn agree(ours: &str, theirs: &str, query: &str) -> bool {
    match (serde_json::from_str::<Value>(ours), serde_json::from_str::<Value>(theirs)) {
        (Ok(ours), Ok(theirs)) => {
            let ordered = query.starts_with("sort") || query.contains("\"sort");
            let (ours, theirs) = (normalised(ours, ordered), normalised(theirs, ordered));
            let inexact = ["exp(", "ln(", "log2(", "log10("].iter().any(|name| query.contains(name));
            words_differ(&ours, &theirs) || within(&ours, &theirs, if inexact { 1e-14 } else { 0.0 })
        }
        _ => ours == theirs,
    }
}

/// Requests whose refusal differs in its words only: the parser names another reason or place.
fn words_differ(ours: &Value, theirs: &Value) -> bool {
    let is_parse_error = |answer: &Value| answer["error"].as_str().is_some_and(|error| error.contains("parse error: "));
    ours["errorType"] == theirs["errorType"] && is_parse_error(ours) && is_parse_error(theirs)
}

/// Whether two answers are the same but for their samples' last digits: up to `tolerance` of the value, as logarithms of two
/// mathematical libraries differ, and always in spelling (where two shortest spellings of a number are equally near to it, Go
/// writes the even one and Rust the upper one).
fn within(ours: &Value, theirs: &Value, tolerance: f64) -> bool {
    match (ours, theirs) {
        (Value::Array(ours), Value::Array(theirs)) => {
            ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(a, b)| is_near(a, b, tolerance) || within(a, b, tolerance))
        }
        (Value::Object(ours), Value::Object(theirs)) => {
            ours.len() == theirs.len() && ours.iter().all(|(key, a)| theirs.get(key).is_some_and(|b| within(a, b, tolerance)))
        }
        _ => ours == theirs,
    }
}

/// Whether two samples' values, which the API writes as strings, are that near.
fn is_near(ours: &Value, theirs: &Value, tolerance: f64) -> bool {
    let read = |value: &Value| value.as_str().and_then(|text| text.parse::<f64>().ok());
    read(ours).zip(read(theirs)).is_some_and(|(x, y)| x.to_bits() == y.to_bits() || (x - y).abs() < tolerance * x.abs())
}

/// Elements of an instant vector have no order unless the query gives them one.
fn normalised(mut answer: Value, ordered: bool) -> Value {
    let is_vector = answer["data"]["resultType"] == "vector";
    if let Some(elements) = answer.pointer_mut("/data/result").and_then(Value::as_array_mut).filter(|_| is_vector && !ordered) {
        elements.sort_by_key(|element| element["metric"].to_string());
    }
    for notes in ["warnings", "infos"] {
        if let Some(notes) = answer.get_mut(notes).and_then(Value::as_array_mut) {
            notes.sort_by_key(Value::to_string);
        }
    }
    answer
}

/// Text as a part of a URL's query.
pub fn encoded(text: &str) -> String {
    text.bytes().map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// A sample's value as the API writes it.
pub fn number(value: &str) -> f64 {
    match value {
        "NaN" => f64::NAN,
        "+Inf" => f64::INFINITY,
        "-Inf" => f64::NEG_INFINITY,
        _ => value.parse().unwrap(),
    }
}

#[test]
fn numbers_agree_by_value_and_everything_else_by_letter() {
    let answer = |value: &str, le: &str| format!(r#"{{"data":{{"result":[{{"metric":{{"le":"{le}"}},"value":[1.5,"{value}"]}}]}}}}"#);
    let agrees = |ours: (&str, &str), theirs: (&str, &str), query| agree(&answer(ours.0, ours.1), &answer(theirs.0, theirs.1), query);
    assert!(agrees(("0.17399978637695313", "1"), ("0.17399978637695312", "1"), "up"), "two spellings of one number");
    assert!(!agrees(("0.1739997863769531", "1"), ("0.17399978637695312", "1"), "up"));
    assert!(agrees(("0.1739997863769531", "1"), ("0.17399978637695312", "1"), "ln(up)"));
    assert!(!agrees(("0", "1"), ("-0", "1"), "up"));
    assert!(!agrees(("1", "1.0"), ("1", "1"), "up"), "a label is a text");
    assert!(agrees(("NaN", "+Inf"), ("NaN", "+Inf"), "up"));
}
