//! Container restarts, counted by pod uid: a pod that is replaced does not wipe out what its predecessor did.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::domain::observed::Workload;
use crate::domain::text::SafeText;
use crate::domain::time::Millis;

use super::counters::hash;

/// The longest `within` that is counted exactly, ms.
const KEPT: i64 = 24 * 3_600_000;
/// Containers that are gone are remembered this long, ms, in case they were only missing from one look.
const REMEMBERED: i64 = 3_600_000;
const MOST_EVENTS: usize = 256;
const MOST_CONTAINERS: usize = 4096;

/// The restarts of one workload's containers since the evidence began.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Restarts {
    /// Whether the workload was looked at before: containers of the first look bring their past with them, later ones do not.
    begun: bool,
    /// Whether it has any pods.
    running: bool,
    /// Last count and last sight (ms since 1970), by hash of pod uid and container.
    seen: BTreeMap<u64, (u32, i64)>,
    /// When (ms since 1970), and how many.
    events: VecDeque<(i64, u32)>,
    /// Reason of the last one.
    reason: Option<SafeText>,
}

impl Restarts {
    /// Takes in one look at the workload; `None` when it does not exist.
    pub fn notice(&mut self, workload: Option<&Workload>, now: i64) {
        let restarts = workload.map(|w| w.restarts.as_slice()).unwrap_or_default();
        for r in restarts {
            let container = hash(&format!("{}/{}", r.pod, r.container));
            let known = self.seen.get(&container).map(|(count, _)| *count);
            let new = match known {
                Some(before) => r.count.saturating_sub(before),
                None if self.begun => r.count,
                None => 0,
            };
            if new > 0 {
                let ago = r.ago.map_or(0, |Millis(ms)| i64::try_from(ms).unwrap_or(i64::MAX));
                self.events.push_back((now.saturating_sub(ago), new));
                self.reason.clone_from(&r.reason);
            }
            if self.seen.len() < MOST_CONTAINERS || known.is_some() {
                self.seen.insert(container, (r.count, now));
            }
        }
        self.begun = true;
        self.running = workload.is_some_and(|w| w.current > 0 || !w.restarts.is_empty());
        self.seen.retain(|_, (_, at)| now.saturating_sub(*at) < REMEMBERED);
        self.events.retain(|(at, _)| now.saturating_sub(*at) < KEPT);
        while self.events.len() > MOST_EVENTS {
            self.events.pop_front();
        }
    }

    /// Forgets what happened: the next restarts are those of another version.
    pub fn clear(&mut self) {
        self.events.clear();
        self.reason = None;
    }

    /// Whether there is any pod that could restart.
    pub fn is_running(&self) -> bool {
        self.running
    }

    /// Restarts within the time before `now`.
    pub fn count(&self, within: Millis, now: i64) -> u64 {
        let within = i64::try_from(within.0).unwrap_or(i64::MAX);
        self.events.iter().filter(|(at, _)| now.saturating_sub(*at) <= within).map(|(_, n)| u64::from(*n)).sum()
    }

    /// Reason of the last restart.
    pub fn reason(&self) -> Option<&str> {
        self.reason.as_ref().map(SafeText::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::observed::Restart;

    fn workload(pods: &[(&str, u32)]) -> Workload {
        let restart = |(pod, count): &(&str, u32)| Restart {
            pod: (*pod).to_owned(),
            container: "app".into(),
            count: *count,
            ago: None,
            reason: Some("OOMKilled".into()),
        };
        Workload { restarts: pods.iter().map(restart).collect(), ..Workload::default() }
    }

    const MIN: i64 = 60_000;

    #[test]
    fn only_what_happens_since_the_beginning_counts() {
        let mut r = Restarts::default();
        r.notice(Some(&workload(&[("a", 7)])), 0);
        assert_eq!(r.count(Millis::mins(15), 0), 0, "its past");
        r.notice(Some(&workload(&[("a", 8)])), MIN);
        assert_eq!((r.count(Millis::mins(15), MIN), r.reason()), (1, Some("OOMKilled")));
    }

    #[test]
    fn a_replaced_pod_does_not_wipe_out_the_count() {
        let mut r = Restarts::default();
        r.notice(None, 0);
        r.notice(Some(&workload(&[("a", 2)])), MIN);
        r.notice(Some(&workload(&[("b", 0)])), 2 * MIN);
        r.notice(Some(&workload(&[("b", 1)])), 3 * MIN);
        assert_eq!(r.count(Millis::mins(15), 3 * MIN), 3);
        r.notice(Some(&workload(&[("a", 2), ("b", 1)])), 4 * MIN);
        assert_eq!(r.count(Millis::mins(15), 4 * MIN), 3, "seen again is not happened again");
        assert_eq!(r.count(Millis::mins(15), 17 * MIN), 1, "the first two are too long ago");
    }

    #[test]
    fn another_version_starts_with_none() {
        let mut r = Restarts::default();
        r.notice(Some(&workload(&[("a", 0)])), 0);
        r.notice(Some(&workload(&[("a", 3)])), MIN);
        r.clear();
        r.notice(Some(&workload(&[("a", 4)])), 2 * MIN);
        assert_eq!(r.count(Millis::mins(15), 2 * MIN), 1);
    }

    #[test]
    fn it_stays_small() {
        let mut r = Restarts::default();
        for n in 0..2000 {
            let pod = format!("pod-{n}");
            r.notice(Some(&workload(&[(&pod, n)])), i64::from(n) * MIN / 60);
        }
        assert!(r.events.len() <= MOST_EVENTS && r.seen.len() <= MOST_CONTAINERS);
    }
}
