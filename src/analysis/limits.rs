//! One gate against one window.

use crate::domain::gate::{Gate, Limit, Metric};
use crate::domain::release::Track;
use crate::domain::verdict::Doubt;

use super::histogram::Quantile;
use super::slots::{Family, Tally, Window};

/// What a window says about a gate.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The limit is broken.
    Broken,
    /// It is kept.
    Kept,
    /// There is no telling.
    Unknown(Doubt),
}

/// A gate's figures in a window.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// What they say.
    pub outcome: Outcome,
    /// The judged side's value, in the metric's unit.
    pub value: Option<f64>,
    /// Stable's value, where stable is not the judged side.
    pub stable: Option<f64>,
    /// The value that must not be passed, in the metric's unit.
    pub bound: Option<f64>,
    /// Requests that `value` rests on.
    pub requests: u64,
    /// Failed requests among them.
    pub failed: u64,
    /// Whether stable breaks the same absolute limit.
    pub stable_too: bool,
    /// Whether `stable` was measured before the switch and not beside the candidate.
    pub before: bool,
}

/// A value of one side.
#[derive(Clone, Copy)]
enum Value {
    Known(f64),
    /// A quantile above the last edge.
    Above(f64),
}

impl Value {
    fn number(self) -> f64 {
        match self {
            Value::Known(v) | Value::Above(v) => v,
        }
    }
}

/// The counters that a metric needs; `None` when it needs none.
pub fn family(metric: &Metric) -> Option<Family> {
    match metric {
        Metric::Errors => Some(Family::Requests),
        Metric::Latency { .. } => Some(Family::Buckets),
        Metric::Restarts { .. } | Metric::Query { .. } => None,
    }
}

fn value(metric: &Metric, tally: &Tally) -> Option<Value> {
    match metric {
        Metric::Errors => tally.error_share().map(Value::Known),
        Metric::Latency { quantile } => tally.buckets.as_ref()?.quantile(*quantile).map(|q| match q {
            Quantile::At(ms) => Value::Known(ms),
            Quantile::Beyond(ms) => Value::Above(ms),
        }),
        Metric::Restarts { .. } | Metric::Query { .. } => None,
    }
}

/// Stable's value as something to compare with. A spotless stable counts as one failure more than it had, so that the
/// candidate's first failed request alone is not "above stable".
fn baseline(metric: &Metric, tally: &Tally) -> Option<f64> {
    match metric {
        Metric::Errors => tally.requests.filter(|n| *n > 0).map(|n| tally.failed.saturating_add(1) as f64 / n.saturating_add(1) as f64),
        _ => value(metric, tally).map(Value::number),
    }
}

/// Whether a number breaks a limit whose bound is known.
pub fn breaks(limit: Limit, value: f64, bound: f64) -> bool {
    match limit {
        Limit::Above(_) | Limit::AboveStable { .. } => value > bound,
        Limit::Below(_) => value < bound,
        Limit::AtLeast(_) => value >= bound,
    }
}

/// The bound of a limit that does not depend on stable.
pub fn fixed(limit: Limit) -> Option<f64> {
    match limit {
        Limit::Above(v) | Limit::Below(v) => Some(v),
        Limit::AtLeast(n) => Some(n as f64),
        Limit::AboveStable { .. } => None,
    }
}

/// Reads a gate on errors or latency. `before` is what stable counted so far, for a comparison when stable has no traffic now.
pub fn read(gate: &Gate, window: &Window, judged: Track, before: &Tally) -> Reading {
    let tally = window.arm(judged);
    let family = family(&gate.metric).unwrap_or(Family::Requests);
    let requests = tally.count(family).unwrap_or(0);
    let mut reading = Reading {
        outcome: Outcome::Unknown(Doubt::NotYet),
        value: None,
        stable: None,
        bound: fixed(gate.limit),
        requests,
        failed: tally.failed,
        stable_too: false,
        before: false,
    };
    let found = value(&gate.metric, tally);
    reading.value = found.map(Value::number);
    if judged == Track::Candidate {
        let enough = window.stable.count(family).is_some_and(|n| n >= gate.min_requests.max(1));
        compare(gate, &mut reading, if enough { Some(&window.stable) } else { None }, before, family);
    }
    let need = gate.min_requests.max(1);
    reading.outcome = match (found, reading.bound) {
        _ if requests < need => Outcome::Unknown(Doubt::TooFew { have: requests, need }),
        (None, _) => Outcome::Unknown(Doubt::NotANumber),
        (_, None) => Outcome::Unknown(Doubt::NoBaseline),
        (Some(v), Some(bound)) => decide(gate.limit, v, bound),
    };
    reading
}

/// Fills in stable's side.
fn compare(gate: &Gate, reading: &mut Reading, live: Option<&Tally>, before: &Tally, family: Family) {
    let past = before.count(family).is_some_and(|n| n >= gate.min_requests.max(1)).then_some(before);
    if let Limit::AboveStable { relative } = gate.limit {
        reading.before = live.is_none();
        let side = live.or(past);
        reading.stable = side.and_then(|t| value(&gate.metric, t)).map(Value::number);
        reading.bound = side.and_then(|t| baseline(&gate.metric, t)).map(|v| v * (1.0 + relative)).filter(|b| b.is_finite());
        return;
    }
    let stable = live.and_then(|t| value(&gate.metric, t));
    reading.stable = stable.map(Value::number);
    reading.stable_too = match (stable, reading.bound) {
        (Some(v), Some(bound)) => decide(gate.limit, v, bound) == Outcome::Broken,
        _ => false,
    };
}

fn decide(limit: Limit, value: Value, bound: f64) -> Outcome {
    match (value, limit) {
        // Above an edge that lies below the limit: on which side of it, nobody knows.
        (Value::Above(edge), Limit::Above(_) | Limit::AboveStable { .. } | Limit::AtLeast(_)) if edge < bound => {
            Outcome::Unknown(Doubt::BeyondBuckets { edge })
        }
        (Value::Above(edge), Limit::Below(_)) if edge < bound => Outcome::Unknown(Doubt::BeyondBuckets { edge }),
        (Value::Above(_), Limit::Below(_)) => Outcome::Kept,
        (Value::Above(_), _) => Outcome::Broken,
        (Value::Known(v), _) if breaks(limit, v, bound) => Outcome::Broken,
        (Value::Known(_), _) => Outcome::Kept,
    }
}
