//! The small language that every strategy compiles to.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::time::Millis;
use super::weight::Weight;

/// One step of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Step {
    /// Done when the candidate has the wanted images, enough replicas and ready addresses.
    Prepare,
    /// Done when asked = accepted for every component.
    Shift(Weight),
    /// Done when every gate passed, with fresh data, for the whole time.
    Hold(Millis),
    /// Done when a person (or the pipeline) approved.
    Approve(String),
    /// Done when the rolling update has this share of updated, available pods.
    Roll(Weight),
    /// Done when Argo Rollouts has carried the new version through all of its own steps.
    Follow,
    /// Done when stable carries the candidate's images and is ready, traffic is back on it and the candidate is scaled down.
    Promote,
    /// Done when the old colour was kept warm for this long and scaled down.
    Retire(Millis),
    /// The release is over; gates are judged for this long all the same.
    Watch(Millis),
}

impl Step {
    /// Whether the step waits for time to be covered.
    pub fn length(&self) -> Option<Millis> {
        match self {
            Step::Hold(d) | Step::Retire(d) | Step::Watch(d) => Some(*d),
            _ => None,
        }
    }

    /// Whether the step waits for the world, and gets nowhere when that does not come round in minutes.
    pub fn has_deadline(&self) -> bool {
        matches!(self, Step::Prepare | Step::Shift(_) | Step::Roll(_) | Step::Promote)
    }
}

/// As on the timeline: `prepare`, `25 %`, `hold 10m`, `approve`.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Prepare => f.write_str("prepare"),
            Step::Shift(w) => write!(f, "{w}"),
            Step::Hold(d) => write!(f, "hold {d}"),
            Step::Approve(label) if label.is_empty() || label == "approve" => f.write_str("approve"),
            Step::Approve(label) => write!(f, "approve {label}"),
            Step::Roll(w) => write!(f, "roll {w}"),
            Step::Follow => f.write_str("follow Argo Rollouts"),
            Step::Promote => f.write_str("promote"),
            Step::Retire(d) => write!(f, "retire after {d}"),
            Step::Watch(d) => write!(f, "watch {d}"),
        }
    }
}
