//! Prometheus' JSON, decoded by us: the warnings are part of the answer, and NaN is a value.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::MetricsError;
use super::transport::beginning;
use crate::domain::sample::Sample;
use crate::domain::text::sanitize;

/// One series of an answer.
#[derive(Debug)]
pub(super) struct Row {
    pub labels: BTreeMap<String, String>,
    pub samples: Vec<Sample>,
}

/// A good answer.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub rows: Vec<Row>,
    pub warnings: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    status: String,
    data: Option<Data>,
    #[serde(default)]
    error_type: String,
    #[serde(default)]
    error: String,
    #[serde(default)]
    warnings: Vec<String>,
}

#[derive(Deserialize)]
#[serde(tag = "resultType", content = "result", rename_all = "lowercase")]
enum Data {
    Matrix(Vec<Matrix>),
    Vector(Vec<Instant>),
    Scalar((f64, String)),
    String((f64, String)),
}

#[derive(Deserialize)]
struct Matrix {
    metric: BTreeMap<String, String>,
    #[serde(default)]
    values: Vec<(f64, String)>,
}

#[derive(Deserialize)]
struct Instant {
    metric: BTreeMap<String, String>,
    value: Option<(f64, String)>,
}

/// Reads an answer. A value that is no number is NaN: it is judged as such, never as 0.
///
/// # Errors
/// [`MetricsError::Garbage`] for what is not Prometheus' JSON, [`MetricsError::Refused`] for its own errors.
pub(super) fn decode(place: &str, body: &[u8]) -> Result<Answer, MetricsError> {
    let garbage = |why: String| MetricsError::Garbage { place: place.to_owned(), why, said: beginning(body) };
    let read: Body = serde_json::from_slice(body).map_err(|e| garbage(sanitize(&e.to_string()).into_owned()))?;
    if read.status != "success" {
        return Err(MetricsError::Refused {
            place: place.to_owned(),
            kind: sanitize(&read.error_type).into_owned(),
            said: sanitize(&read.error).into_owned(),
        });
    }
    let rows = match read.data.ok_or_else(|| garbage("no data".to_owned()))? {
        Data::Matrix(all) => all.into_iter().map(|m| Row { labels: m.metric, samples: m.values.iter().map(sample).collect() }).collect(),
        Data::Vector(all) => all.into_iter().map(|v| Row { labels: v.metric, samples: v.value.iter().map(sample).collect() }).collect(),
        Data::Scalar(v) | Data::String(v) => vec![Row { labels: BTreeMap::new(), samples: vec![sample(&v)] }],
    };
    Ok(Answer { rows, warnings: read.warnings.iter().map(|w| sanitize(w).into_owned()).collect() })
}

fn sample((at, value): &(f64, String)) -> Sample {
    Sample { at_ms: (at * 1000.0).round() as i64, value: value.parse().unwrap_or(f64::NAN) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matrix_keeps_its_own_timestamps_and_warnings() {
        let body = br#"{"status":"success","warnings":["w\u001b[0m"],"data":{"resultType":"matrix","result":[{"metric":{"code":"500"},"values":[[1700000000.123,"4"],[1700000015.123,"NaN"]]}]}}"#;
        let answer = decode("p", body).unwrap();
        assert_eq!(answer.rows[0].samples[0], Sample { at_ms: 1_700_000_000_123, value: 4.0 });
        assert!(answer.rows[0].samples[1].value.is_nan());
        assert_eq!(answer.warnings, ["w<U+001B>[0m"]);
    }

    #[test]
    fn what_is_not_an_answer_says_what_came() {
        let html = decode("p", b"<html><body>Sign in</body></html>").unwrap_err().to_string();
        assert!(html.contains("not a Prometheus answer") && html.contains("Sign in"), "{html}");
        let own = decode("p", br#"{"status":"error","errorType":"bad_data","error":"parse error"}"#).unwrap_err().to_string();
        assert_eq!(own, "p: bad_data: parse error");
        for body in [&b""[..], b"{}", b"[1]", b"{\"status\":\"success\"}", b"\xff\xfe"] {
            assert!(decode("p", body).is_err());
        }
    }
}
