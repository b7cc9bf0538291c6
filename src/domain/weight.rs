//! Shares of traffic.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A share of the requests meant for the candidate, in whole percent, 0–100.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Weight(u8);

impl Weight {
    /// Nothing goes to the candidate.
    pub const ZERO: Weight = Weight(0);
    /// Everything goes to the candidate.
    pub const FULL: Weight = Weight(100);

    /// A weight, if `percent` is 0–100.
    pub const fn new(percent: u8) -> Option<Weight> {
        if percent <= 100 { Some(Weight(percent)) } else { None }
    }

    /// A weight, with anything above 100 taken as 100.
    pub const fn capped(percent: u8) -> Weight {
        if percent > 100 { Weight(100) } else { Weight(percent) }
    }

    /// Whole percent.
    pub const fn percent(self) -> u8 {
        self.0
    }

    /// The candidate's part of a route whose two weights sum to `total`, rounded to nearest, halves up.
    /// A weight of 1–99 never becomes nothing or everything when `total` is at least 2.
    pub fn of_total(self, total: u32) -> u32 {
        let exact = (u64::from(total) * u64::from(self.0) + 50) / 100;
        let part = u32::try_from(exact).unwrap_or(total);
        match self.0 {
            1..=99 if total >= 2 => part.clamp(1, total - 1),
            _ => part,
        }
    }
}

impl<'de> Deserialize<'de> for Weight {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let n = u8::deserialize(d)?;
        Weight::new(n).ok_or_else(|| serde::de::Error::custom(format!("a weight is 0 to 100, not {n}")))
    }
}

impl fmt::Display for Weight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", self.0)
    }
}

/// A share as measured or as a router holds it: a fraction 0–1.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Share(pub f64);

impl Share {
    /// `part` of `total`; `None` when the total is nothing.
    pub fn of(part: f64, total: f64) -> Option<Share> {
        let share = part / total;
        (total > 0.0 && share.is_finite()).then_some(Share(share))
    }

    /// In percent, with a decimal only where one is needed: `25`, `24.6`.
    pub fn percent(self) -> String {
        let p = self.0 * 100.0;
        if (p - p.round()).abs() < 0.05 { format!("{p:.0}") } else { format!("{p:.1}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_total() {
        let w = Weight::capped;
        assert_eq!([w(0), w(25), w(100)].map(|x| x.of_total(100)), [0, 25, 100]);
        assert_eq!(w(10).of_total(4), 1, "never nothing");
        assert_eq!(w(99).of_total(4), 3, "never everything");
        assert_eq!(w(50).of_total(1000), 500);
        assert_eq!(w(50).of_total(0), 0);
        assert!(Weight::new(101).is_none());
    }
}
