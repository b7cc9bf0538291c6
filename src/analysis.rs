//! Pure statistics: thresholds with a duration, histogram quantiles, verdicts.

use serde::{Deserialize, Serialize};

use crate::domain::observed::Observed;
use crate::domain::release::Release;
use crate::domain::sample::Scrape;
use crate::domain::time::{Millis, Now};
use crate::domain::verdict::{Doubt, GateVerdict, Judgement, Verdict};

/// Turns scrapes into verdicts. It measures nothing yet: every gate is inconclusive, and holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Judge {}

impl Judge {
    /// A judge without any evidence.
    pub fn new(_release: &Release) -> Judge {
        Judge {}
    }

    /// Takes in one look at the counters.
    pub fn feed(&mut self, _release: &Release, _scrape: &Scrape) {}

    /// Prometheus did not answer, or not with what was asked.
    pub fn outage(&mut self, _why: &str, _at: jiff::Timestamp) {}

    /// What the evidence says now.
    pub fn judge(&self, release: &Release, _observed: &Observed, _now: Now) -> Judgement {
        let verdict = |component: &str, gate: &crate::domain::gate::Gate| GateVerdict {
            gate: gate.name.clone(),
            component: component.to_owned(),
            verdict: Verdict::Inconclusive(Doubt::NotYet),
            then: gate.then,
            candidate: None,
            stable: None,
            requests: 0,
            limit: gate.limit_text(),
            broken_for: Millis::ZERO,
            evidence: Doubt::NotYet.to_string(),
        };
        let gates = release.components.iter().flat_map(|c| release.gates.iter().map(|g| verdict(&c.name, g))).collect();
        Judgement { gates, ..Judgement::default() }
    }
}
