//! Verdicts in sentences.

use crate::domain::gate::{Gate, Limit, Metric, trim};
use crate::domain::time::Millis;
use crate::domain::verdict::Doubt;

use super::breach::Breach;
use super::limits::Reading;
use super::slots::Tally;

/// A number with its thousands apart: `1 204`.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(c);
    }
    out
}

fn requests(n: u64) -> String {
    if n == 1 { "1 request".to_owned() } else { format!("{} requests", count(n)) }
}

/// A value in a metric's unit with so many decimals.
fn unit(metric: &Metric, v: f64, decimals: usize) -> String {
    let (v, unit) = match metric {
        Metric::Errors => (v * 100.0, " %"),
        Metric::Latency { .. } => (v, " ms"),
        Metric::Restarts { .. } | Metric::Query { .. } => (v, ""),
    };
    let text = format!("{v:.decimals$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text}{unit}")
}

/// A value in a metric's unit: `9.8 %`, `340 ms`.
pub fn value(metric: &Metric, v: f64) -> String {
    let shown = if matches!(metric, Metric::Errors) { v * 100.0 } else { v };
    let decimals = match shown.abs() {
        a if a >= 100.0 => 0,
        a if a >= 1.0 => 1,
        a if a >= 0.1 => 2,
        _ => 3,
    };
    unit(metric, v, decimals)
}

/// Value and bound, with as many decimals as it takes to tell them apart.
fn pair(metric: &Metric, v: f64, bound: f64) -> (String, String) {
    let (mut left, right) = (value(metric, v), value(metric, bound));
    if v != bound {
        for decimals in 1..=6 {
            if left != right {
                break;
            }
            left = unit(metric, v, decimals);
        }
    }
    (left, right)
}

fn sign(limit: Limit, broken: bool) -> &'static str {
    match (limit, broken) {
        (Limit::Above(_) | Limit::AboveStable { .. }, true) => ">",
        (Limit::Above(_) | Limit::AboveStable { .. }, false) => "≤",
        (Limit::Below(_), true) | (Limit::AtLeast(_), false) => "<",
        (Limit::Below(_), false) | (Limit::AtLeast(_), true) => "≥",
    }
}

/// The side of a limit that a value is on, and the bound: `> 5 %`, `≤ stable 240 ms + 20 % = 288 ms`.
fn against(gate: &Gate, reading: &Reading, bound: &str, broken: bool) -> String {
    let sign = sign(gate.limit, broken);
    match (gate.limit, reading.stable) {
        (Limit::AboveStable { relative }, Some(stable)) => {
            let when = if reading.before { " before the switch" } else { "" };
            format!("{sign} stable{when} {} + {} % = {bound}", value(&gate.metric, stable), trim(relative * 100.0))
        }
        _ => format!("{sign} {bound}"),
    }
}

/// What a figure rests on: `118 of 1 204 requests`.
fn basis(metric: &Metric, failed: u64, all: u64) -> String {
    match metric {
        Metric::Errors => format!("{} of {}", count(failed), requests(all)),
        _ => requests(all),
    }
}

/// A limit that is kept: `errors 0.3 % ≤ 5 %, 4 of 1 320 requests`.
pub fn kept(gate: &Gate, reading: &Reading, v: f64, bound: f64) -> String {
    let (v, bound) = pair(&gate.metric, v, bound);
    let against = against(gate, reading, &bound, false);
    format!("{} {v} {against}, {}", gate.metric, basis(&gate.metric, reading.failed, reading.requests))
}

/// A limit that is broken: `errors 9.8 % > 5 % for 20s of 45s, 118 of 1 204 requests`.
pub fn broken(gate: &Gate, reading: &Reading, breach: &Breach, v: f64, bound: f64) -> String {
    let (v, bound) = pair(&gate.metric, v, bound);
    let against = against(gate, reading, &bound, true);
    let stable = match reading.stable {
        Some(s) if breach.is_shared() => format!("; stable too: {}", value(&gate.metric, s)),
        _ => String::new(),
    };
    let basis = basis(&gate.metric, breach.failed, breach.requests);
    format!("{} {v} {against}{}, {basis}{stable}", gate.metric, lasting(breach.lasting(), gate.lasting))
}

/// ` for 20s of 1m`, ` for 1m`.
pub fn lasting(broken: Millis, needed: Millis) -> String {
    match (broken, needed) {
        (Millis(0), Millis(0)) => String::new(),
        (b, n) if b < n => format!(" for {b} of {n}"),
        (b, _) => format!(" for {b}"),
    }
}

/// What makes a window's figures incomplete, added to a sentence.
pub fn with_losses(text: String, tally: &Tally) -> String {
    let part = |n: u64, one: &str, many: &str| match n {
        0 => String::new(),
        1 => format!(", 1 {one}"),
        n => format!(", {} {many}", count(n)),
    };
    let resets = part(tally.resets, "process began anew", "processes began anew");
    let vanished = part(tally.vanished, "pod went away with its last counts", "pods went away with their last counts");
    format!("{text}{resets}{vanished}")
}

/// `orders 84 ≥ 80`.
pub fn query_kept(gate: &Gate, v: f64, bound: f64) -> String {
    let (v, bound) = pair(&gate.metric, v, bound);
    format!("{} {v} {} {bound}", gate.metric, sign(gate.limit, false))
}

/// `orders 71 < 80 for 20s of 1m`.
pub fn query_broken(gate: &Gate, breach: &Breach, v: f64, bound: f64) -> String {
    let (v, bound) = pair(&gate.metric, v, bound);
    format!("{} {v} {} {bound}{}", gate.metric, sign(gate.limit, true), lasting(breach.lasting(), gate.lasting))
}

/// Why there is no telling.
pub fn doubt(gate: &Gate, doubt: &Doubt, percent: Option<u8>) -> String {
    let name = &gate.metric;
    match doubt {
        Doubt::TooFew { have: 0, .. } if percent.is_some_and(|p| p > 0) => {
            format!("{name}: no request reaches the candidate although the route sends it {} %", percent.unwrap_or(0))
        }
        Doubt::TooFew { have, need } => format!("{name}: too few requests, {} of {}", count(*have), count(*need)),
        Doubt::NotANumber => format!("{name}: a sample is not a number of requests (NaN, infinite, negative or fractional)"),
        other => format!("{name}: {other}"),
    }
}

/// The gate is not judged at all.
pub fn not_judged(gate: &Gate) -> String {
    format!("{}: not judged, no traffic is meant for the candidate", gate.metric)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!([0, 12, 999, 1204, 1_000_000].map(count), ["0", "12", "999", "1 204", "1 000 000"]);
        let latency = Metric::Latency { quantile: 0.95 };
        assert_eq!([0.098, 0.05, 0.0034, 0.000_04, 1.0].map(|v| value(&Metric::Errors, v)), ["9.8 %", "5 %", "0.34 %", "0.004 %", "100 %"]);
        assert_eq!([812.4, 12.0, 0.25].map(|v| value(&latency, v)), ["812 ms", "12 ms", "0.25 ms"]);
    }

    #[test]
    fn a_value_never_reads_as_its_limit() {
        let latency = Metric::Latency { quantile: 0.95 };
        assert_eq!(pair(&latency, 500.3, 500.0), ("500.3 ms".into(), "500 ms".into()));
        assert_eq!(pair(&Metric::Errors, 0.050_01, 0.05), ("5.001 %".into(), "5 %".into()));
        assert_eq!(pair(&Metric::Errors, 0.05, 0.05), ("5 %".into(), "5 %".into()));
    }
}
