//! When the next frame may be drawn: at once for a key, at leisure for data, more slowly over a link that chokes. Pure.

use std::time::Duration;

/// Frames for keys are at least this far apart.
const KEY_FLOOR: Duration = Duration::from_millis(16);
/// A frame whose bytes took longer than this to leave means that the link is slow.
const SLOW: Duration = Duration::from_millis(50);
/// The slowest pace for data.
const CEILING: Duration = Duration::from_secs(1);

/// Why a frame is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Want {
    /// Something on screen changed by itself.
    Data,
    /// A person pressed something and waits for the answer.
    Key,
}

/// Decides when frames are drawn. Times are lengths since any fixed moment.
#[derive(Clone, Debug)]
pub struct FrameGate {
    floor: Duration,
    interval: Duration,
    last: Option<Duration>,
    want: Option<Want>,
}

impl FrameGate {
    /// A gate for a local terminal (10 frames a second for data), or for one behind SSH (4).
    pub fn new(remote: bool) -> FrameGate {
        let floor = Duration::from_millis(if remote { 250 } else { 100 });
        FrameGate { floor, interval: floor, last: None, want: None }
    }

    /// Something changed: a frame is wanted.
    pub fn want(&mut self, want: Want) {
        self.want = self.want.max(Some(want));
    }

    /// When the wanted frame is due; `None` when nothing changed. A time in the past means now.
    pub fn due(&self) -> Option<Duration> {
        let apart = match self.want? {
            Want::Key => KEY_FLOOR,
            Want::Data => self.interval,
        };
        Some(self.last.map_or(Duration::ZERO, |last| last.saturating_add(apart)))
    }

    /// Whether to draw at `now`.
    pub fn is_due(&self, now: Duration) -> bool {
        self.due().is_some_and(|due| now >= due)
    }

    /// A frame was drawn at `now`, and its bytes took this long to leave.
    pub fn drawn(&mut self, now: Duration, took: Duration) {
        self.want = None;
        self.last = Some(now);
        self.interval = if took > SLOW { (self.interval * 2).min(CEILING) } else { (self.interval / 2).max(self.floor) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn nothing_is_drawn_when_nothing_changed() {
        let mut gate = FrameGate::new(false);
        assert!(!gate.is_due(ms(10_000)));
        gate.want(Want::Data);
        assert!(gate.is_due(ms(0)));
        gate.drawn(ms(0), ms(1));
        assert_eq!(gate.due(), None);
    }

    #[test]
    fn keys_overtake_data() {
        let mut gate = FrameGate::new(true);
        gate.drawn(ms(1000), ms(1));
        gate.want(Want::Data);
        assert_eq!(gate.due(), Some(ms(1250)));
        gate.want(Want::Key);
        gate.want(Want::Data);
        assert_eq!(gate.due(), Some(ms(1016)));
    }

    #[test]
    fn a_slow_link_slows_the_pace_and_a_fast_one_restores_it() {
        let mut gate = FrameGate::new(false);
        for (n, want) in [(0, 200), (1, 400), (2, 800), (3, 1000), (4, 1000)] {
            gate.drawn(ms(n), ms(80));
            gate.want(Want::Data);
            assert_eq!(gate.due(), Some(ms(n + want)));
        }
        for _ in 0..5 {
            gate.drawn(ms(0), ms(1));
        }
        gate.want(Want::Data);
        assert_eq!(gate.due(), Some(ms(100)));
    }
}
