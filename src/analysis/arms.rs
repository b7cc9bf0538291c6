//! One side's figures: newest sample, totals, charts.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::release::Track;
use crate::domain::verdict::ArmStats;
use crate::domain::weight::Share;

use super::evidence::Evidence;
use super::slots::{Family, Tally, Window};

/// Points of a chart that are kept.
pub const HISTORY: usize = 120;
/// Figures are over this long, ms.
const SHOWN: u64 = 60_000;
/// Figures older than this, ms (and than four intervals), are not shown any more.
const FORGOTTEN: i64 = 120_000;

/// One side's figures.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Arm {
    /// Newest sample of the request counters, ms since 1970.
    pub newest_requests: Option<i64>,
    /// Newest sample of the histograms, ms since 1970.
    pub newest_buckets: Option<i64>,
    /// Everything counted since the evidence began.
    pub total: Tally,
    errors: VecDeque<Option<f64>>,
    p95: VecDeque<Option<f64>>,
}

impl Arm {
    /// Remembers how new a family's samples are.
    pub fn sighted(&mut self, family: Family, at: Option<i64>) {
        let newest = match family {
            Family::Requests => &mut self.newest_requests,
            Family::Buckets => &mut self.newest_buckets,
        };
        *newest = (*newest).max(at);
    }

    /// When a family was last sampled, ms since 1970.
    pub fn newest(&self, family: Family) -> Option<i64> {
        match family {
            Family::Requests => self.newest_requests,
            Family::Buckets => self.newest_buckets,
        }
    }

    /// Adds a slot's counts; `None` is a hole in the charts.
    pub fn count(&mut self, tally: Option<&Tally>) {
        if let Some(tally) = tally {
            self.total.merge(tally);
            // What was unfit once says nothing of the whole.
            (self.total.bad_requests, self.total.bad_buckets) = (false, false);
        }
        push(&mut self.errors, tally.and_then(Tally::error_share));
        push(&mut self.p95, tally.and_then(|t| t.latency(0.95)));
    }
}

fn push(history: &mut VecDeque<Option<f64>>, value: Option<f64>) {
    history.push_back(value.map(|v| significant(v, 4)));
    while history.len() > HISTORY {
        history.pop_front();
    }
}

/// So many significant digits: short in the stored state, and the same number when it is read back.
pub fn significant(v: f64, digits: i32) -> f64 {
    if v == 0.0 || !v.is_finite() {
        return 0.0;
    }
    let scale = 10_f64.powi(digits - 1 - v.abs().log10().floor() as i32);
    let rounded = (v * scale).round() / scale;
    if rounded.is_finite() { rounded } else { v }
}

/// Both sides as people see them; figures that are too old are left out.
pub fn stats(evidence: &Evidence, now: i64, interval: i64) -> BTreeMap<Track, ArmStats> {
    let window = Window::spanning(&evidence.slots, i64::MIN, SHOWN, Family::Buckets);
    [Track::Stable, Track::Candidate].map(|track| (track, of_side(evidence, &window, track, now, interval))).into()
}

fn of_side(evidence: &Evidence, window: &Window, track: Track, now: i64, interval: i64) -> ArmStats {
    let Some(arm) = evidence.arms.get(&track) else { return ArmStats::default() };
    let newest = arm.newest_requests.max(arm.newest_buckets);
    let mut stats = ArmStats {
        at: newest.and_then(|ms| Timestamp::from_millisecond(ms).ok()),
        total_requests: arm.total.requests.unwrap_or(0),
        total_failed: arm.total.failed,
        error_history: arm.errors.clone(),
        p95_history: arm.p95.clone(),
        ..ArmStats::default()
    };
    let too_old = newest.is_none_or(|at| now.saturating_sub(at) > FORGOTTEN.max(interval.saturating_mul(4)));
    if too_old || window.covered == 0 {
        return stats;
    }
    let tally = window.arm(track);
    stats.requests = tally.requests.unwrap_or(0);
    stats.failed = tally.failed;
    stats.rps = tally.requests.map(|n| n as f64 * 1000.0 / window.covered as f64);
    stats.errors = tally.error_share();
    (stats.p50, stats.p95, stats.p99) = (tally.latency(0.5), tally.latency(0.95), tally.latency(0.99));
    stats
}

/// The candidate's share of the requests counted since the last change of weight, a minute's at most.
pub fn observed_share(evidence: &Evidence) -> Option<Share> {
    let window = Window::spanning(&evidence.slots, evidence.steady, SHOWN, Family::Requests);
    let (stable, candidate) = (window.stable.requests, window.candidate.requests);
    let candidate = candidate? as f64;
    Share::of(candidate, candidate + stable.unwrap_or(0) as f64)
}
