//! How long a limit has been broken without a break.

use serde::{Deserialize, Serialize};

use crate::domain::time::Millis;

use super::limits::{Outcome, Reading};

/// A limit that is broken. It begins with the first broken window and ends with the first good one; what cannot be told
/// neither adds to it nor ends it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Breach {
    /// Time covered by samples since it began, ms.
    pub covered: u64,
    /// The part of it in which stable broke the same limit, ms.
    #[serde(default)]
    pub shared: u64,
    /// Requests of the judged side in it.
    #[serde(default)]
    pub requests: u64,
    /// Failed requests among them.
    #[serde(default)]
    pub failed: u64,
}

impl Breach {
    /// Takes in one more window, of which `covered` ms and so many requests are new.
    pub fn follow(breach: Option<Breach>, reading: &Reading, covered: u64, requests: u64, failed: u64) -> Option<Breach> {
        match reading.outcome {
            Outcome::Kept => None,
            Outcome::Unknown(_) => breach,
            Outcome::Broken => {
                // The first broken window may reach further back than what is new.
                let mut b = breach.unwrap_or(Breach {
                    requests: reading.requests.saturating_sub(requests),
                    failed: reading.failed.saturating_sub(failed),
                    ..Breach::default()
                });
                b.covered = b.covered.saturating_add(covered);
                b.shared = b.shared.saturating_add(if reading.stable_too { covered } else { 0 });
                b.requests = b.requests.saturating_add(requests);
                b.failed = b.failed.saturating_add(failed);
                Some(b)
            }
        }
    }

    /// How long it lasts.
    pub fn lasting(&self) -> Millis {
        Millis(self.covered)
    }

    /// Whether stable broke the limit too for most of the time.
    pub fn is_shared(&self) -> bool {
        self.shared > 0 && self.shared.saturating_mul(2) >= self.covered
    }
}
