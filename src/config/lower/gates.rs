//! Gates.

use std::collections::BTreeSet;

use crate::domain::declared::{MIN_REQUESTS, RESTARTS_WITHIN};
use crate::domain::gate::{Consequence, Gate, Limit, Metric};
use crate::domain::time::Millis;

use crate::config::check::Check;
use crate::config::file::{GateFile, Then};
use crate::config::scalars::{Bound, Span};

pub(super) fn lower(check: &mut Check<'_>, files: &[GateFile]) -> Vec<Gate> {
    let gates: Vec<(usize, Gate)> = files.iter().enumerate().filter_map(|(n, f)| Some((n, gate(check, n, f)?))).collect();
    let mut names = BTreeSet::new();
    for (n, gate) in &gates {
        if !names.insert(gate.name.clone()) {
            let message = format!("two gates are called `{}`; give one of them a `name` of its own", gate.name);
            check.fault(format!("gates[{n}]"), message);
        }
    }
    gates.into_iter().map(|(_, gate)| gate).collect()
}

/// What all gates have in common, as written.
#[derive(Default)]
struct Common<'a> {
    name: Option<&'a String>,
    lasting: Option<Span>,
    then: Option<Then>,
    min_requests: Option<u64>,
}

fn gate(check: &mut Check<'_>, n: usize, file: &GateFile) -> Option<Gate> {
    let keys = [
        ("errors", file.errors.is_some()),
        ("latency", file.latency.is_some()),
        ("restarts", file.restarts.is_some()),
        ("query", file.query.is_some()),
    ];
    let key = check.one_of(&format!("gates[{n}]"), &keys)?;
    let path = format!("gates[{n}].{key}");
    if let Some(f) = &file.errors {
        let limit = limit(check, &path, f.above, f.below, share)?;
        let common = Common { name: f.name.as_ref(), lasting: f.lasting, then: f.then, min_requests: f.min_requests };
        return Some(build(Metric::Errors, limit, common));
    }
    if let Some(f) = &file.latency {
        if !(f.quantile > 0.0 && f.quantile < 1.0) {
            check.fault(format!("{path}.quantile"), format!("a quantile lies between 0 and 1, such as 0.95, not {}", f.quantile));
        }
        let limit = limit(check, &path, f.above, f.below, latency)?;
        let common = Common { name: f.name.as_ref(), lasting: f.lasting, then: f.then, min_requests: f.min_requests };
        return Some(build(Metric::Latency { quantile: f.quantile }, limit, common));
    }
    if let Some(f) = &file.restarts {
        if f.at_least == 0 {
            check.fault(format!("{path}.atLeast"), "0 restarts are always reached; write 1 or more");
        }
        let within = f.within.map_or(RESTARTS_WITHIN, |s| s.0);
        if within == Millis::ZERO {
            check.fault(format!("{path}.within"), "restarts are counted over some time; write 15m");
        }
        let common = Common { name: f.name.as_ref(), then: f.then, ..Common::default() };
        return Some(build(Metric::Restarts { within }, Limit::AtLeast(f.at_least), common));
    }
    let f = file.query.as_ref()?;
    for (key, text) in [("name", &f.name), ("promql", &f.promql)] {
        if text.trim().is_empty() {
            check.fault(format!("{path}.{key}"), format!("`{key}` is empty"));
        }
    }
    let limit = limit(check, &path, f.above, f.below, number)?;
    if let Limit::AboveStable { .. } = limit {
        check.fault(format!("{path}.above"), "a query has one number for both sides; write the comparison in PromQL");
    }
    let metric = Metric::Query { name: f.name.clone(), promql: f.promql.clone() };
    Some(build(metric, limit, Common { name: Some(&f.name), lasting: f.lasting, then: f.then, min_requests: None }))
}

fn build(metric: Metric, limit: Limit, common: Common<'_>) -> Gate {
    let then = match common.then {
        Some(Then::Warn) => Consequence::Warn,
        Some(Then::Pause) => Consequence::Pause,
        Some(Then::Rollback) | None => Consequence::Rollback,
    };
    let mut gate = Gate {
        name: String::new(),
        metric,
        limit,
        lasting: common.lasting.map_or(Millis::ZERO, |s| s.0),
        then,
        min_requests: common.min_requests.unwrap_or(MIN_REQUESTS),
    };
    gate.name = common.name.cloned().unwrap_or_else(|| automatic_name(&gate));
    gate
}

/// `errors above 5 %`, `p95 above stable + 20 %`, `restarts 3 in 15m`.
pub fn automatic_name(gate: &Gate) -> String {
    let relation = match gate.limit {
        Limit::Above(_) | Limit::AboveStable { .. } => " above",
        Limit::Below(_) => " below",
        Limit::AtLeast(_) => "",
    };
    format!("{}{relation} {}", gate.metric, gate.limit_text().trim_start_matches("≥ "))
}

/// Exactly one of `above` and `below`, in the metric's unit.
fn limit(
    check: &mut Check<'_>,
    path: &str,
    above: Option<Bound>,
    below: Option<Bound>,
    unit: fn(Bound) -> Result<f64, &'static str>,
) -> Option<Limit> {
    match (above, below) {
        (Some(Bound::OverStable(relative)), None) => Some(Limit::AboveStable { relative }),
        (Some(bound), None) => unit(bound).map(Limit::Above).map_err(|why| check.fault(format!("{path}.above"), why)).ok(),
        (None, Some(Bound::OverStable(_))) => {
            check.fault(format!("{path}.below"), "a comparison with stable goes upward only; write `above: stable + 20%`");
            None
        }
        (None, Some(bound)) => unit(bound).map(Limit::Below).map_err(|why| check.fault(format!("{path}.below"), why)).ok(),
        (None, None) => {
            check.fault(path, "a gate needs a limit: `above` or `below`");
            None
        }
        (Some(_), Some(_)) => {
            check.fault(path, "a gate has one limit: write two gates, one with `above` and one with `below`");
            None
        }
    }
}

fn share(bound: Bound) -> Result<f64, &'static str> {
    match bound {
        Bound::Share(v) | Bound::Number(v) if (0.0..=1.0).contains(&v) => Ok(v),
        Bound::Number(_) => Err("errors are a share: write 5% or 0.05"),
        Bound::Share(_) => Err("a share lies between 0% and 100%"),
        _ => Err("errors are a share, not a time: write 5% or 0.05"),
    }
}

fn latency(bound: Bound) -> Result<f64, &'static str> {
    match bound {
        Bound::Latency(ms) => Ok(ms),
        Bound::Number(_) => Err("a latency needs its unit: write 500ms or 1s"),
        _ => Err("a latency is a time: write 500ms, 1s or `stable + 20%`"),
    }
}

fn number(bound: Bound) -> Result<f64, &'static str> {
    match bound {
        Bound::Number(v) | Bound::Share(v) => Ok(v),
        _ => Err("a query's limit is a number or a share: write 12, 0.8 or 80%"),
    }
}
