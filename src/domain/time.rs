//! Time as data: it always comes in as an argument.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A length of time in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Millis(pub u64);

impl Millis {
    /// No time at all.
    pub const ZERO: Millis = Millis(0);

    /// `n` seconds.
    pub const fn secs(n: u64) -> Millis {
        Millis(n.saturating_mul(1000))
    }

    /// Whether it is no time at all.
    pub fn is_zero(&self) -> bool {
        *self == Millis::ZERO
    }

    /// `n` minutes.
    pub const fn mins(n: u64) -> Millis {
        Millis::secs(n.saturating_mul(60))
    }

    /// Whole seconds, rounded down.
    pub const fn as_secs(self) -> u64 {
        self.0 / 1000
    }

    /// This length plus another, capped at the largest length.
    pub const fn plus(self, other: Millis) -> Millis {
        Millis(self.0.saturating_add(other.0))
    }

    /// This length less another, never below zero.
    pub const fn minus(self, other: Millis) -> Millis {
        Millis(self.0.saturating_sub(other.0))
    }

    /// As a standard duration.
    pub const fn duration(self) -> std::time::Duration {
        std::time::Duration::from_millis(self.0)
    }

    /// As a clock face, minutes and seconds: `4:10`, from an hour on `1:04:10`.
    pub fn clock(self) -> String {
        let s = self.as_secs();
        if s >= 3600 { format!("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60) } else { format!("{}:{:02}", s / 60, s % 60) }
    }
}

/// As people write a setting: `0s`, `250ms`, `45s`, `10m`, `1m30s`, `1h`, `2d`; two units at most.
impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (secs, ms) = (self.0 / 1000, self.0 % 1000);
        if secs == 0 && ms > 0 {
            return write!(f, "{ms}ms");
        }
        let parts = [(secs / 86_400, "d"), (secs / 3600 % 24, "h"), (secs / 60 % 60, "m"), (secs % 60, "s")];
        let mut shown = 0;
        for (n, unit) in parts {
            if n > 0 && shown < 2 {
                write!(f, "{n}{unit}")?;
                shown += 1;
            }
        }
        if shown == 0 { f.write_str("0s") } else { Ok(()) }
    }
}

/// The present, read twice at once: a monotonic clock for durations, the wall clock for people and records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Now {
    /// Milliseconds on a clock that never jumps; its zero has no meaning.
    pub mono: Millis,
    /// The wall clock, UTC.
    pub wall: Timestamp,
}

impl Now {
    /// How long ago `earlier` was on the wall clock; zero when it lies in the future.
    pub fn since(&self, earlier: Timestamp) -> Millis {
        Millis(u64::try_from(self.wall.as_millisecond().saturating_sub(earlier.as_millisecond())).unwrap_or(0))
    }

    /// How long ago `earlier` was on the monotonic clock.
    pub fn elapsed(&self, earlier: Millis) -> Millis {
        self.mono.minus(earlier)
    }
}

/// `14:02:31Z`.
pub fn hms(at: Timestamp) -> String {
    at.strftime("%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_read_as_people_write_them() {
        let lengths =
            [Millis(0), Millis(250), Millis::secs(45), Millis::mins(10), Millis::secs(90), Millis::mins(60), Millis::mins(60 * 50)];
        assert_eq!(lengths.map(|m| m.to_string()), ["0s", "250ms", "45s", "10m", "1m30s", "1h", "2d2h"]);
        assert_eq!(Millis::secs(250).clock(), "4:10");
        assert_eq!(Millis::secs(3850).clock(), "1:04:10");
    }
}
