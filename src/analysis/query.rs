//! Gates on a query's single number.

use serde::{Deserialize, Serialize};

use crate::domain::gate::Gate;
use crate::domain::verdict::Doubt;

use super::arms::significant;
use super::breach::Breach;
use super::limits::{self, Outcome, Reading};

/// The last answer, and how long its limit has been broken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// When it was evaluated, ms since 1970.
    at: i64,
    value: Result<f64, Doubt>,
    /// Set while the limit is broken.
    pub breach: Option<Breach>,
}

impl Answer {
    /// Takes in one more answer. The time since the one before is covered if it is short enough; `since` is when the last
    /// weight or version changed, `None` while nothing is judged.
    pub fn follow(before: Option<Answer>, gate: &Gate, value: &Result<f64, Doubt>, at: i64, interval: i64, since: Option<i64>) -> Answer {
        let gap = before.as_ref().map_or(0, |b| at.saturating_sub(b.at));
        let covered = if (1..=interval.saturating_mul(3)).contains(&gap) { gap } else { 0 };
        let value = match value {
            Ok(v) if !v.is_finite() => Err(Doubt::NotANumber),
            other => other.clone().map(|v| significant(v, 9)),
        };
        let mut answer = Answer { at, value, breach: None };
        if since.is_some() {
            let reading = answer.read(gate, since);
            let covered = u64::try_from(covered).unwrap_or(0);
            answer.breach = Breach::follow(before.and_then(|b| b.breach), &reading, covered, 0, 0);
        }
        answer
    }

    /// What it says. An answer from before the last change of weight or version says nothing.
    pub fn read(&self, gate: &Gate, since: Option<i64>) -> Reading {
        let bound = limits::fixed(gate.limit);
        let current = since.is_some_and(|since| self.at > since);
        let outcome = match (&self.value, bound) {
            _ if !current => Outcome::Unknown(Doubt::NotYet),
            (Err(doubt), _) => Outcome::Unknown(doubt.clone()),
            (Ok(_), None) => Outcome::Unknown(Doubt::NoBaseline),
            (Ok(v), Some(bound)) if limits::breaks(gate.limit, *v, bound) => Outcome::Broken,
            (Ok(_), Some(_)) => Outcome::Kept,
        };
        let value = self.value.as_ref().ok().copied();
        Reading { outcome, value, stable: None, bound, requests: 0, failed: 0, stable_too: false, before: false }
    }
}
