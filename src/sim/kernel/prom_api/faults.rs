//! What can be wrong with a Prometheus.

use std::time::Duration;

use super::super::Response;
use super::super::wire::Body;

/// A way of being broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is down: no answer, and nothing is scraped meanwhile.
    Down,
    /// Every answer is a 500 without JSON.
    Error,
    /// Every answer is somebody else's web page, with status 200.
    Html,
    /// Every value of a query is NaN.
    NotANumber,
    /// Answers come after this many milliseconds of real time.
    Slow(u64),
}

/// A stretch of virtual time in which it is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outage {
    /// The first moment, in ms since the start.
    pub from: u64,
    /// The first moment after it, in ms since the start.
    pub until: u64,
    /// How it is broken.
    pub fault: Fault,
}

impl Outage {
    /// Whether a moment (ms since the start) lies within.
    #[must_use]
    pub fn covers(&self, ms: u64) -> bool {
        (self.from..self.until).contains(&ms)
    }
}

/// A login page such as a gateway puts before a server.
const PAGE: &str = "<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body><h1>Sign in to continue</h1></body></html>\n";

impl Fault {
    /// The answer that comes instead of the right one.
    pub fn apply(self, right: impl FnOnce() -> Response) -> Response {
        match self {
            Self::Down => Response::hangup(),
            Self::Error => Response::text(500, "Internal Server Error\n"),
            Self::Html => Response::bytes(200, "text/html; charset=utf-8", PAGE.as_bytes().to_vec()),
            Self::NotANumber => without_numbers(right()),
            Self::Slow(ms) => Response { delay: Duration::from_millis(ms), ..right() },
        }
    }
}

/// The answer with NaN for every sample's value.
fn without_numbers(mut response: Response) -> Response {
    let Ok(mut answer) = serde_json::from_slice::<serde_json::Value>(response.full()) else { return response };
    let runs = answer.pointer_mut("/data/result").and_then(|result| result.as_array_mut());
    for run in runs.into_iter().flatten() {
        for pointer in ["/value", "/values"] {
            let Some(found) = run.pointer_mut(pointer).and_then(|found| found.as_array_mut()) else { continue };
            if pointer == "/value" {
                blank(found);
            } else {
                found.iter_mut().filter_map(|point| point.as_array_mut()).for_each(|point| blank(point));
            }
        }
    }
    response.body = Body::Full(answer.to_string().into_bytes());
    response
}

fn blank(point: &mut [serde_json::Value]) {
    if let Some(value) = point.get_mut(1) {
        *value = "NaN".into();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn right() -> Response {
        let body = r#"{"data":{"result":[{"metric":{},"value":[1.5,"2"]},{"metric":{},"values":[[1,"2"],[2,"3"]]}]}}"#;
        Response::bytes(200, "application/json", body.as_bytes().to_vec())
    }

    #[test]
    fn each_fault_spoils_the_answer_in_its_way() {
        assert!(matches!(Fault::Down.apply(right).body, Body::Hangup));
        assert_eq!(Fault::Error.apply(right).status, 500);
        assert!(Fault::Html.apply(right).full().starts_with(b"<!DOCTYPE"));
        assert_eq!(Fault::Slow(250).apply(right).delay, Duration::from_millis(250));
        let blank = Fault::NotANumber.apply(right);
        let text = String::from_utf8_lossy(blank.full()).into_owned();
        assert_eq!(text, r#"{"data":{"result":[{"metric":{},"value":[1.5,"NaN"]},{"metric":{},"values":[[1,"NaN"],[2,"NaN"]]}]}}"#);
    }

    #[test]
    fn an_outage_ends() {
        let outage = Outage { from: 10, until: 20, fault: Fault::Down };
        assert_eq!([9, 10, 19, 20].map(|ms| outage.covers(ms)), [false, true, true, false]);
    }
}
