//! Answers and refusals as Prometheus writes them.

use std::fmt::Write as _;

use super::super::promql::{Answer, Notes, QueryError, plain_text, time_text, value_text};
use super::super::tsdb::{Labels, Sample};
use super::super::wire::Response;

/// A request that is answered with an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    kind: &'static str,
    status: u16,
    text: String,
}

impl Refusal {
    /// The request is wrong.
    #[must_use]
    pub fn bad_data(text: &str) -> Self {
        Self { kind: "bad_data", status: 400, text: text.to_owned() }
    }

    /// A parameter is wrong.
    #[must_use]
    pub fn parameter(name: &str, reason: &str) -> Self {
        Self::bad_data(&format!("invalid parameter {name:?}: {reason}"))
    }

    /// A query that has no answer.
    #[must_use]
    pub fn query(error: &QueryError) -> Self {
        match error {
            QueryError::Invalid(text) => Self::parameter("query", text),
            QueryError::Execution(text) => Self { kind: "execution", status: 422, text: text.clone() },
        }
    }

    /// Something is broken on this side.
    #[must_use]
    pub fn internal(text: &str) -> Self {
        Self { kind: "internal", status: 500, text: text.to_owned() }
    }
}

impl From<Refusal> for Response {
    fn from(refusal: Refusal) -> Self {
        let Refusal { kind, status, text } = refusal;
        let body = format!(r#"{{"status":"error","errorType":{},"error":{}}}"#, json(kind), json(&text));
        Response::bytes(status, "application/json", body.into_bytes())
    }
}

/// A JSON string.
#[must_use]
pub fn json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A successful answer around `data`, which is JSON.
#[must_use]
pub fn success(data: &str, notes: &Notes) -> Response {
    let mut body = format!(r#"{{"status":"success","data":{data}"#);
    for (name, texts) in [("warnings", notes.warnings()), ("infos", notes.infos())] {
        if !texts.is_empty() {
            let texts: Vec<String> = texts.iter().map(|text| json(text)).collect();
            let _ = write!(body, r#","{name}":[{}]"#, texts.join(","));
        }
    }
    body.push('}');
    Response::bytes(200, "application/json", body.into_bytes())
}

/// The data of a query's answer.
#[must_use]
pub fn answer(answer: &Answer) -> String {
    match answer {
        Answer::Scalar(sample) => {
            format!(r#"{{"resultType":"scalar","result":[{},"{}"]}}"#, time_text(sample.at), plain_text(sample.value))
        }
        Answer::Text(at, text) => format!(r#"{{"resultType":"string","result":[{},{}]}}"#, time_text(*at), json(text)),
        Answer::Vector(elements) => {
            let element = |(labels, sample): &(Labels, Sample)| format!(r#"{{"metric":{},"value":{}}}"#, metric(labels), point(sample));
            format!(r#"{{"resultType":"vector","result":{}}}"#, list(elements.iter().map(element)))
        }
        Answer::Matrix(runs) => {
            let run = |(labels, samples): &(Labels, Vec<Sample>)| {
                format!(r#"{{"metric":{},"values":{}}}"#, metric(labels), list(samples.iter().map(point)))
            };
            format!(r#"{{"resultType":"matrix","result":{}}}"#, list(runs.iter().map(run)))
        }
    }
}

/// A label set.
#[must_use]
pub fn metric(labels: &Labels) -> String {
    let pairs: Vec<String> = labels.iter().map(|(name, value)| format!("{}:{}", json(name), json(value))).collect();
    format!("{{{}}}", pairs.join(","))
}

fn point(sample: &Sample) -> String {
    format!(r#"[{},"{}"]"#, time_text(sample.at), value_text(sample.value))
}

/// A JSON list of JSON values.
#[must_use]
pub fn list(values: impl Iterator<Item = String>) -> String {
    let mut text = String::from("[");
    for (i, value) in values.enumerate() {
        if i > 0 {
            text.push(',');
        }
        text.push_str(&value);
    }
    text.push(']');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(response: &Response) -> String {
        String::from_utf8(response.full().to_vec()).unwrap()
    }

    #[test]
    fn values_are_strings_and_times_are_numbers() {
        let labels: Labels = [("__name__".to_owned(), "a\"b".to_owned())].into();
        let vector = Answer::Vector(vec![(labels, Sample { at: 1_500, value: f64::INFINITY })]);
        assert_eq!(answer(&vector), r#"{"resultType":"vector","result":[{"metric":{"__name__":"a\"b"},"value":[1.500,"+Inf"]}]}"#);
        assert_eq!(answer(&Answer::Scalar(Sample { at: 2_000, value: 1e-7 })), r#"{"resultType":"scalar","result":[2,"0.0000001"]}"#);
        assert_eq!(answer(&Answer::Matrix(vec![])), r#"{"resultType":"matrix","result":[]}"#);
    }

    #[test]
    fn warnings_stand_beside_the_data() {
        let mut notes = Notes::default();
        notes.warn("odd", "1:2");
        assert_eq!(text(&success("[]", &notes)), r#"{"status":"success","data":[],"warnings":["PromQL warning: odd (1:2)"]}"#);
        assert_eq!(text(&success("[]", &Notes::default())), r#"{"status":"success","data":[]}"#);
    }

    #[test]
    fn refusals_carry_their_status() {
        let bad = Response::from(Refusal::parameter("step", "zero"));
        assert_eq!(bad.status, 400);
        assert_eq!(text(&bad), r#"{"status":"error","errorType":"bad_data","error":"invalid parameter \"step\": zero"}"#);
        assert_eq!(Response::from(Refusal::query(&QueryError::Execution(String::new()))).status, 422);
    }
}
