//! Raw counters as Prometheus holds them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::release::Track;
use super::time::Millis;
use super::verdict::Doubt;

/// How far back a look goes, in scrape intervals. Three hold at least two samples of every series that is scraped.
pub const LOOKS_BACK: u64 = 3;

/// One look at all counters of a release, at one instant for both sides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scrape {
    /// The instant it shows: somewhat before it was asked, so that every scrape that began by then has ended.
    pub asked: Timestamp,
    /// By how much at least Prometheus' clock is ahead of the one that `asked` was read from; zero where it is not.
    #[serde(default, skip_serializing_if = "Millis::is_zero")]
    pub ahead: Millis,
    /// How often targets are scraped.
    pub interval: Millis,
    /// The counters, one entry per series.
    pub series: Vec<Series>,
    /// Numbers of the `query` gates.
    pub queries: Vec<QueryValue>,
    /// Warnings that came with the answers.
    pub warnings: Vec<String>,
}

/// The answer to a `query` gate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QueryValue {
    /// The gate.
    pub gate: String,
    /// The value (NaN and infinities included), or why there is none.
    #[serde(with = "answer")]
    pub value: Result<f64, Doubt>,
    /// When it was evaluated.
    pub at: Timestamp,
}

/// One counter series.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// The component it counts for.
    pub component: String,
    /// The side it counts for.
    pub track: Track,
    /// All its labels, sorted, as one text: its identity.
    pub id: String,
    /// What was scraped for it (job and instance). Series of one target share their sample times, which tells a series that
    /// is new from one that was always there.
    pub target: String,
    /// The pod, where the labels name one.
    pub pod: Option<String>,
    /// What it counts.
    pub counts: Counts,
    /// Samples with their own timestamps, oldest first.
    pub samples: Vec<Sample>,
}

/// What a series counts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Counts {
    /// Requests, failed or not.
    Requests {
        /// Whether the server failed them.
        failed: bool,
    },
    /// Requests not slower than an upper edge, in milliseconds (infinite for all).
    Bucket {
        /// The `le` edge in milliseconds; `f64::INFINITY` travels as null.
        #[serde(with = "edge")]
        le_ms: f64,
    },
}

/// One sample.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// When it was scraped, milliseconds since 1970.
    pub at_ms: i64,
    /// Its value; NaN and infinities travel as null and read as NaN.
    #[serde(with = "nan")]
    pub value: f64,
}

/// JSON has no infinity: the `+Inf` edge travels as null.
mod edge {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(v: &f64, s: S) -> Result<S::Ok, S::Error> {
        v.is_finite().then_some(*v).serialize(s)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<f64, D::Error> {
        Ok(Option::<f64>::deserialize(d)?.unwrap_or(f64::INFINITY))
    }
}

/// As [`nan`], for an answer that may be missing.
mod answer {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Doubt;

    pub fn serialize<S: Serializer>(v: &Result<f64, Doubt>, s: S) -> Result<S::Ok, S::Error> {
        v.clone().map(|v| v.is_finite().then_some(v)).serialize(s)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Result<f64, Doubt>, D::Error> {
        Ok(Result::<Option<f64>, Doubt>::deserialize(d)?.map(|v| v.unwrap_or(f64::NAN)))
    }
}

/// JSON has no NaN: whatever is not finite travels as null.
mod nan {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(v: &f64, s: S) -> Result<S::Ok, S::Error> {
        v.is_finite().then_some(*v).serialize(s)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<f64, D::Error> {
        Ok(Option::<f64>::deserialize(d)?.unwrap_or(f64::NAN))
    }
}
