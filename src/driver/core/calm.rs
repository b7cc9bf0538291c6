//! How long to wait after a failure, so that what is refused is not asked in a storm.

use crate::domain::time::Millis;

use super::BREATH;

/// Conflicts in a row that are tried again at once.
const QUICK: u32 = 4;
/// The longest wait on the way forward.
const LONGEST: Millis = Millis::secs(30);
/// The longest wait on the way back, and between conflicts: what is in the way may be gone any moment.
const LONGEST_BACK: Millis = Millis::secs(5);

/// Failures in a row, and when to try again.
#[derive(Debug, Default)]
pub(super) struct Calm {
    failures: u32,
    /// Whether anything failed since the last plan.
    failed: bool,
    until: Millis,
}

impl Calm {
    /// When the next try is due.
    pub fn until(&self) -> Millis {
        self.until
    }

    /// A new plan is made: if nothing of the last one failed, the count starts again.
    pub fn begin(&mut self) {
        if !self.failed {
            self.failures = 0;
        }
        self.failed = false;
    }

    /// The world changed under our feet: read it again, at once a few times.
    pub fn conflict(&mut self, now: Millis) {
        self.fail(now, |n| if n <= QUICK { BREATH } else { doubled(n - QUICK, LONGEST_BACK) });
    }

    /// The server said no, or nothing.
    pub fn refusal(&mut self, now: Millis, going_back: bool) {
        self.fail(now, |n| doubled(n, if going_back { LONGEST_BACK } else { LONGEST }));
    }

    fn fail(&mut self, now: Millis, wait: impl Fn(u32) -> Millis) {
        if !self.failed {
            self.failures = self.failures.saturating_add(1);
        }
        self.failed = true;
        self.until = self.until.max(now.plus(wait(self.failures)));
    }
}

/// One second, two, four, up to a limit.
fn doubled(n: u32, most: Millis) -> Millis {
    Millis::secs(1u64.checked_shl(n.saturating_sub(1)).unwrap_or(u64::MAX).min(most.as_secs())).min(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_limit_and_end_with_a_plan_that_worked() {
        let mut calm = Calm::default();
        let mut waits = vec![];
        for _ in 0..8 {
            calm.begin();
            calm.refusal(Millis::ZERO, false);
            calm.refusal(Millis::ZERO, false);
            waits.push(calm.until().as_secs());
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30, 30], "two failures of one plan are one");
        calm.begin();
        calm.begin();
        calm.conflict(Millis::mins(1));
        assert_eq!(calm.until(), Millis::mins(1).plus(BREATH));
        for _ in 0..70 {
            calm.begin();
            calm.conflict(Millis::mins(2));
        }
        assert_eq!(calm.until(), Millis::mins(2).plus(LONGEST_BACK));
    }
}
