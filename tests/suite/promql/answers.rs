//! Two answers of the query API, side by side.

use serde_json::Value;

/// Whether two answers to a query say the same, as far as anybody is promised. `query` is what was asked.
pub fn agree(ours: &str, theirs: &str, query: &str) -> bool {
    match (serde_json::from_str::<Value>(ours), serde_json::from_str::<Value>(theirs)) {
        (Ok(ours), Ok(theirs)) => {
            let ordered = query.starts_with("sort") || query.contains("\"sort");
            let (ours, theirs) = (normalised(ours, ordered), normalised(theirs, ordered));
            let inexact = ["exp(", "ln(", "log2(", "log10("].iter().any(|name| query.contains(name));
            ours == theirs || words_differ(&ours, &theirs) || (inexact && nearly(&ours, &theirs))
        }
        _ => ours == theirs,
    }
}

/// Requests whose refusal differs in its words only: the parser names another reason or place.
fn words_differ(ours: &Value, theirs: &Value) -> bool {
    let is_parse_error = |answer: &Value| answer["error"].as_str().is_some_and(|error| error.contains("parse error: "));
    ours["errorType"] == theirs["errorType"] && is_parse_error(ours) && is_parse_error(theirs)
}

/// Whether two values differ in the last digits only, as logarithms of two mathematical libraries do.
fn nearly(ours: &Value, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Value::Array(ours), Value::Array(theirs)) => ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(a, b)| nearly(a, b)),
        (Value::Object(ours), Value::Object(theirs)) => {
            ours.len() == theirs.len() && ours.iter().all(|(key, a)| theirs.get(key).is_some_and(|b| nearly(a, b)))
        }
        (Value::String(a), Value::String(b)) => match (a.parse::<f64>(), b.parse::<f64>()) {
            (Ok(x), Ok(y)) => a == b || (x - y).abs() <= 1e-14 * x.abs(),
            _ => a == b,
        },
        _ => ours == theirs,
    }
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
