//! Gates: conditions that must hold.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::time::Millis;

/// A condition that is judged in every phase.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gate {
    /// Unique in the release; made of metric and limit when not given.
    pub name: String,
    /// What is measured.
    pub metric: Metric,
    /// What it must not do.
    pub limit: Limit,
    /// How long the limit must be broken without a break before the gate fails.
    pub lasting: Millis,
    /// What follows when it fails.
    pub then: Consequence,
    /// Requests that a judgement must rest on, per scrape window; fewer is "too few requests".
    pub min_requests: u64,
}

/// What a gate measures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Metric {
    /// Share of requests that failed on the server's side, 0–1.
    Errors,
    /// A latency quantile, in milliseconds.
    Latency {
        /// 0 < quantile < 1.
        quantile: f64,
    },
    /// Restarts of the candidate's containers.
    Restarts {
        /// Counted over this long.
        within: Millis,
    },
    /// The single number of a PromQL expression.
    Query {
        /// What it is called on screen.
        name: String,
        /// The expression.
        promql: String,
    },
}

/// What a metric must not do.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Limit {
    /// Be above a value.
    Above(f64),
    /// Be below a value.
    Below(f64),
    /// Be above stable's value times `1 + relative`.
    AboveStable {
        /// 0.2 is "stable + 20 %".
        relative: f64,
    },
    /// Reach a count.
    AtLeast(u64),
}

/// What follows when a gate fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Consequence {
    /// It is shown, nothing else.
    Warn,
    /// The rollout pauses and asks.
    Pause,
    /// The rollout is taken back.
    Rollback,
}

impl Gate {
    /// The limit in the metric's unit: `5 %`, `500 ms`, `stable + 20 %`, `3 in 15m`.
    pub fn limit_text(&self) -> String {
        let value = |v: f64| match &self.metric {
            Metric::Errors => format!("{} %", trim(v * 100.0)),
            Metric::Latency { .. } => format!("{} ms", trim(v)),
            Metric::Restarts { .. } | Metric::Query { .. } => trim(v),
        };
        match (self.limit, &self.metric) {
            (Limit::Above(v), _) => value(v),
            (Limit::Below(v), _) => format!("≥ {}", value(v)),
            (Limit::AboveStable { relative }, _) => format!("stable + {} %", trim(relative * 100.0)),
            (Limit::AtLeast(n), Metric::Restarts { within }) => format!("{n} in {within}"),
            (Limit::AtLeast(n), _) => n.to_string(),
        }
    }
}

/// A number without needless zeros, at most three decimals.
pub fn trim(v: f64) -> String {
    let text = format!("{v:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Metric::Errors => f.write_str("errors"),
            Metric::Latency { quantile } => write!(f, "p{}", trim(quantile * 100.0)),
            Metric::Restarts { .. } => f.write_str("restarts"),
            Metric::Query { name, .. } => f.write_str(name),
        }
    }
}
