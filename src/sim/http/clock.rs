//! How virtual time follows real time.

use std::time::Instant;

/// What moves virtual time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Clock {
    /// Virtual time runs at `speed` times real time; 0 stands still.
    Scaled {
        /// Virtual seconds per real second.
        speed: f64,
    },
    /// Virtual time moves only when the owner says so.
    LockStep,
}

/// A clock since it was started.
#[derive(Debug)]
pub(super) struct Running {
    clock: Clock,
    since: Instant,
    at: u64,
}

impl Running {
    /// Starts at a virtual time.
    pub(super) fn new(clock: Clock, at: u64) -> Self {
        Self { clock, since: Instant::now(), at }
    }

    /// The virtual time that it is now, in milliseconds; `None` in lock-step.
    pub(super) fn due(&self) -> Option<u64> {
        match self.clock {
            Clock::Scaled { speed } => Some(self.at + (self.since.elapsed().as_secs_f64() * speed.max(0.0) * 1000.0) as u64),
            Clock::LockStep => None,
        }
    }

    /// Goes on from another virtual time.
    pub(super) fn jump(&mut self, at: u64) {
        *self = Self::new(self.clock, at);
    }
}
