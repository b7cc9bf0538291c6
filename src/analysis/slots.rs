//! What was counted between two looks, side by side for both arms, and windows over it.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::domain::release::Track;

use super::histogram::Buckets;

/// Requests that one side counted in a slot.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    /// All requests; `None` when no request counter could be differenced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<u64>,
    /// Those that failed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub failed: u64,
    /// By latency; `None` when no histogram could be differenced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub buckets: Option<Buckets>,
    /// Whether a request counter was NaN, infinite, negative or fractional.
    #[serde(default, skip_serializing_if = "is_false")]
    pub bad_requests: bool,
    /// The same of a histogram.
    #[serde(default, skip_serializing_if = "is_false")]
    pub bad_buckets: bool,
    /// Targets whose counters began anew: restarted processes.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub resets: u64,
    /// Targets that went away; what they counted last is lost.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub vanished: u64,
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

fn is_false(b: &bool) -> bool {
    !*b
}

/// Which counters a figure comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Request counters.
    Requests,
    /// Latency histograms.
    Buckets,
}

impl Tally {
    /// Requests by this family; `None` without data.
    pub fn count(&self, family: Family) -> Option<u64> {
        match family {
            Family::Requests => self.requests,
            Family::Buckets => self.buckets.as_ref().map(Buckets::total),
        }
    }

    /// Whether this family's samples were not numbers of requests.
    pub fn is_bad(&self, family: Family) -> bool {
        match family {
            Family::Requests => self.bad_requests,
            Family::Buckets => self.bad_buckets,
        }
    }

    /// Adds another slot's counts.
    pub fn merge(&mut self, other: &Tally) {
        self.merge_requests(other);
        match (&mut self.buckets, &other.buckets) {
            (Some(mine), Some(theirs)) => mine.merge(theirs),
            (None, theirs) => self.buckets.clone_from(theirs),
            (Some(_), None) => {}
        }
    }

    /// Adds all of another slot's counts but its histogram, which costs the most.
    fn merge_requests(&mut self, other: &Tally) {
        self.requests = match (self.requests, other.requests) {
            (Some(a), Some(b)) => Some(a.saturating_add(b)),
            (a, b) => a.or(b),
        };
        self.failed = self.failed.saturating_add(other.failed);
        self.bad_requests |= other.bad_requests;
        self.bad_buckets |= other.bad_buckets;
        self.resets = self.resets.saturating_add(other.resets);
        self.vanished = self.vanished.saturating_add(other.vanished);
    }

    /// Share of failed requests; `None` without any request.
    pub fn error_share(&self) -> Option<f64> {
        let requests = self.requests.filter(|n| *n > 0)?;
        Some(self.failed.min(requests) as f64 / requests as f64)
    }

    /// A latency quantile as Prometheus would answer it, ms.
    pub fn latency(&self, q: f64) -> Option<f64> {
        self.buckets.as_ref()?.quantile(q).map(super::Quantile::ms)
    }
}

/// What both sides counted between two looks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Slot {
    /// The earliest sample that something was counted from, ms since 1970.
    pub start: i64,
    /// The latest sample, ms since 1970.
    pub end: i64,
    /// Time that no earlier slot covers, ms.
    pub covered: u64,
    /// Stable's counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stable: Option<Tally>,
    /// The candidate's counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub candidate: Option<Tally>,
}

impl Slot {
    /// One side's counts.
    pub fn arm(&self, track: Track) -> Option<&Tally> {
        match track {
            Track::Stable => self.stable.as_ref(),
            Track::Candidate => self.candidate.as_ref(),
        }
    }

    /// The place of one side's counts.
    pub fn arm_mut(&mut self, track: Track) -> &mut Option<Tally> {
        match track {
            Track::Stable => &mut self.stable,
            Track::Candidate => &mut self.candidate,
        }
    }
}

/// Several slots taken together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Window {
    /// Stable's counts.
    pub stable: Tally,
    /// The candidate's counts.
    pub candidate: Tally,
    /// Time covered by the slots, ms.
    pub covered: u64,
}

impl Window {
    /// One side's counts.
    pub fn arm(&self, track: Track) -> &Tally {
        match track {
            Track::Stable => &self.stable,
            Track::Candidate => &self.candidate,
        }
    }

    fn take(&mut self, slot: &Slot, family: Family) {
        self.covered = self.covered.saturating_add(slot.covered);
        for (mine, theirs) in [(&mut self.stable, &slot.stable), (&mut self.candidate, &slot.candidate)] {
            match (theirs, family) {
                (Some(theirs), Family::Requests) => mine.merge_requests(theirs),
                (Some(theirs), Family::Buckets) => mine.merge(theirs),
                (None, _) => {}
            }
        }
    }

    /// The newest slots that began at `floor` or later, until they cover `span` ms. Of [`Family::Requests`] it has no histogram.
    pub fn spanning(slots: &VecDeque<Slot>, floor: i64, span: u64, family: Family) -> Window {
        let mut window = Window::default();
        for slot in slots.iter().rev().take_while(|s| s.start >= floor) {
            window.take(slot, family);
            if window.covered >= span {
                break;
            }
        }
        window
    }

    /// The newest slots that began at `floor` or later, until one side has counted `enough` requests; at most `longest` ms.
    /// Where requests are needed it has no histogram.
    pub fn holding(slots: &VecDeque<Slot>, floor: i64, need: Need, longest: u64) -> Window {
        let mut window = Window::default();
        for slot in slots.iter().rev().take_while(|s| s.start >= floor) {
            let bad = slot.arm(need.track).is_some_and(|t| t.is_bad(need.family));
            let full = window.arm(need.track).count(need.family).is_some_and(|n| n >= need.enough.max(1));
            let too_long = window.covered > 0 && window.covered.saturating_add(slot.covered) > longest;
            if bad || full || too_long {
                break;
            }
            window.take(slot, need.family);
        }
        window
    }
}

/// What a window has to hold.
#[derive(Clone, Copy, Debug)]
pub struct Need {
    /// Whose requests count.
    pub track: Track,
    /// From which counters.
    pub family: Family,
    /// How many suffice.
    pub enough: u64,
}
