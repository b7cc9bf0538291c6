//! What a gate says, and what it rests on.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::gate::Consequence;
use super::release::Track;
use super::time::Millis;
use super::weight::Share;

/// What the evidence says. Ordered by force: the strongest of several wins.
#[derive(Clone, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    /// There is positive evidence that the gate holds.
    Healthy,
    /// There is no telling; going forward waits.
    Inconclusive(Doubt),
    /// The gate fails and only warns or pauses; or its limit is broken, but not yet for as long as it takes to fail
    /// ([`GateVerdict::broken_for`] says how long). Going forward waits.
    Warn,
    /// The gate fails on both sides at once.
    SharedIncident,
    /// The gate fails and says to go back.
    Rollback,
}

impl Verdict {
    /// One word for people and logs.
    pub fn word(&self) -> &'static str {
        match self {
            Verdict::Healthy => "healthy",
            Verdict::Inconclusive(_) => "inconclusive",
            Verdict::Warn => "warn",
            Verdict::SharedIncident => "shared incident",
            Verdict::Rollback => "rollback",
        }
    }

    /// The place in the order, least force first.
    pub fn force(&self) -> u8 {
        match self {
            Verdict::Healthy => 0,
            Verdict::Inconclusive(_) => 1,
            Verdict::Warn => 2,
            Verdict::SharedIncident => 3,
            Verdict::Rollback => 4,
        }
    }

    /// The stronger of two.
    pub fn stronger(self, other: Verdict) -> Verdict {
        if other.force() > self.force() { other } else { self }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Inconclusive(doubt) => write!(f, "{doubt}"),
            other => f.write_str(other.word()),
        }
    }
}

/// Why there is no telling.
#[derive(Clone, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Doubt {
    /// The release has gates on requests and no Prometheus.
    NoMetrics,
    /// Prometheus has no series that match.
    NoData,
    /// The newest sample is too old.
    Stale {
        /// Its age.
        age: Millis,
    },
    /// The clock of the machine that asks is behind Prometheus': what it is shown was so long ago.
    LateClock {
        /// How far behind, at the least.
        by: Millis,
    },
    /// A sample is NaN, infinite or negative.
    NotANumber,
    /// Too few requests to say.
    TooFew {
        /// Requests counted.
        have: u64,
        /// Requests needed.
        need: u64,
    },
    /// Prometheus does not answer, or not with what was asked.
    Unreachable {
        /// What it said.
        why: String,
    },
    /// The comparison has nothing to compare with.
    NoBaseline,
    /// Nothing was measured since this step began, or no traffic is meant for the candidate.
    NotYet,
    /// The quantile lies above the histogram's last edge, and the limit does too.
    BeyondBuckets {
        /// The last finite edge, ms.
        edge: f64,
    },
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Doubt::NoMetrics => f.write_str("no Prometheus configured"),
            Doubt::NoData => f.write_str("no data"),
            Doubt::Stale { age } => write!(f, "data {age} old"),
            Doubt::LateClock { by } => write!(f, "this machine's clock is {by} behind Prometheus': set it right"),
            Doubt::NotANumber => f.write_str("not a number"),
            Doubt::TooFew { have, need } => write!(f, "too few requests ({} more)", need.saturating_sub(*have)),
            Doubt::Unreachable { why } => write!(f, "Prometheus: {why}"),
            Doubt::NoBaseline => f.write_str("nothing to compare with"),
            Doubt::NotYet => f.write_str("not judged yet"),
            Doubt::BeyondBuckets { edge } => write!(f, "above the histogram's last edge, {} ms", super::gate::trim(*edge)),
        }
    }
}

/// One gate's verdict on one component.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GateVerdict {
    /// The gate.
    pub gate: String,
    /// The component; the release's name for a `query` gate, which is judged once.
    pub component: String,
    /// What it says.
    pub verdict: Verdict,
    /// What follows from it, when it fails.
    pub then: Consequence,
    /// The candidate's value, in the metric's unit.
    pub candidate: Option<f64>,
    /// Stable's value.
    pub stable: Option<f64>,
    /// Requests that the candidate's value rests on.
    pub requests: u64,
    /// The limit as people read it.
    pub limit: String,
    /// How long the limit has been broken without a break, in time covered by samples.
    pub broken_for: Millis,
    /// The verdict in a sentence: `errors 9.8 % > 5 % for 1m, 1 204 requests`.
    pub evidence: String,
}

/// What one side of one component did lately.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ArmStats {
    /// Requests a second over the last minute (one scrape interval, if that is longer).
    pub rps: Option<f64>,
    /// Share of failed requests over the same time, 0–1.
    pub errors: Option<f64>,
    /// Requests counted in it.
    pub requests: u64,
    /// Failed requests among them.
    pub failed: u64,
    /// Median latency, ms.
    pub p50: Option<f64>,
    /// 95th percentile, ms.
    pub p95: Option<f64>,
    /// 99th percentile, ms.
    pub p99: Option<f64>,
    /// When the newest sample was taken.
    pub at: Option<Timestamp>,
    /// Requests counted since the rollout began.
    pub total_requests: u64,
    /// Failed requests since the rollout began.
    pub total_failed: u64,
    /// Error share per scrape, oldest first, for the chart.
    pub error_history: VecDeque<Option<f64>>,
    /// 95th percentile per scrape, oldest first, ms.
    pub p95_history: VecDeque<Option<f64>>,
}

/// Everything that was judged at one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// Every gate on every component.
    pub gates: Vec<GateVerdict>,
    /// The last figures, by component and track.
    pub arms: BTreeMap<String, BTreeMap<Track, ArmStats>>,
    /// The candidate's share of the requests counted in the window, by component.
    pub observed: BTreeMap<String, Share>,
    /// Set while Prometheus does not answer properly: what it says, and since when.
    pub outage: Option<(String, Timestamp)>,
}

impl Judgement {
    /// What is known before anything was looked at.
    pub const NOTHING: Judgement = Judgement { gates: Vec::new(), arms: BTreeMap::new(), observed: BTreeMap::new(), outage: None };

    /// The strongest verdict; healthy when there is no gate.
    pub fn overall(&self) -> Verdict {
        self.gates.iter().fold(Verdict::Healthy, |acc, g| acc.stronger(g.verdict.clone()))
    }

    /// The gate that decides [`Judgement::overall`], if any speaks against going on.
    pub fn deciding(&self) -> Option<&GateVerdict> {
        self.gates.iter().filter(|g| g.verdict != Verdict::Healthy).max_by_key(|g| g.verdict.force())
    }
}
