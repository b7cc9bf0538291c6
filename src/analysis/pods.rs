//! Gates on restarts: no statistics, what happened is known.

use crate::domain::gate::{Consequence, Gate, Limit};
use crate::domain::release::{Component, Track};
use crate::domain::time::Millis;
use crate::domain::verdict::{Doubt, Verdict};

use super::evidence::Evidence;
use super::limits;
use super::words;

/// Objects as read are trusted this long, ms.
const FRESH: i64 = 120_000;

/// What a gate on restarts says.
pub struct Ruling {
    /// The verdict.
    pub verdict: Verdict,
    /// In a sentence.
    pub text: String,
    /// Restarts of the candidate's pods.
    pub candidate: Option<f64>,
    /// Restarts of stable's pods.
    pub stable: Option<f64>,
    /// The gate's `for`, when it fails: what happened is not a matter of time.
    pub broken_for: Millis,
}

/// Judges a gate on restarts at `now`, from objects read at `observed_at` (ms since 1970). It needs no traffic: a candidate
/// that crashes before it gets any is bad enough.
pub fn judge(gate: &Gate, within: Millis, component: &Component, evidence: &Evidence, now: i64, observed_at: i64) -> Ruling {
    let doubtful = |doubt: Doubt| {
        let text = words::doubt(gate, &doubt, None);
        Ruling { verdict: Verdict::Inconclusive(doubt), text, candidate: None, stable: None, broken_for: Millis::ZERO }
    };
    if now.saturating_sub(observed_at) > FRESH {
        let age = Millis(u64::try_from(now.saturating_sub(observed_at)).unwrap_or(0));
        return doubtful(Doubt::Stale { age });
    }
    let track = match (evidence.judged, &component.candidate) {
        (Some(Track::Candidate) | None, Some(_)) => Track::Candidate,
        _ => Track::Stable,
    };
    let Some(restarts) = evidence.restarts.get(&track).filter(|r| r.is_running() || r.count(within, now) > 0) else {
        return doubtful(Doubt::NotYet);
    };
    let count = restarts.count(within, now);
    let of_stable = evidence.restarts.get(&Track::Stable).filter(|_| track == Track::Candidate).map(|r| r.count(within, now) as f64);
    let bound = match gate.limit {
        Limit::AboveStable { relative } => of_stable.map(|s| s * (1.0 + relative)),
        limit => limits::fixed(limit),
    };
    let Some(bound) = bound else { return doubtful(Doubt::NoBaseline) };
    let value = count as f64;
    let (candidate, stable) = match track {
        Track::Candidate => (Some(value), of_stable),
        Track::Stable => (None, Some(value)),
    };
    let reason = restarts.reason().filter(|_| count > 0).map(|r| format!(", last: {r}")).unwrap_or_default();
    let text = format!(
        "{} {} in {within}, limit {}{reason}",
        words::count(count),
        if count == 1 { "restart" } else { "restarts" },
        gate.limit_text()
    );
    if !limits::breaks(gate.limit, value, bound) {
        return Ruling { verdict: Verdict::Healthy, text, candidate, stable, broken_for: Millis::ZERO };
    }
    let shared = !matches!(gate.limit, Limit::AboveStable { .. }) && of_stable.is_some_and(|s| limits::breaks(gate.limit, s, bound));
    let verdict = match gate.then {
        Consequence::Warn => Verdict::Warn,
        _ if shared => Verdict::SharedIncident,
        Consequence::Pause => Verdict::Warn,
        Consequence::Rollback => Verdict::Rollback,
    };
    let text = if shared { format!("{text}; stable too") } else { text };
    Ruling { verdict, text, candidate, stable, broken_for: gate.lasting }
}
