//! Log lines that are followed, stable beside candidate.

use std::collections::VecDeque;

use jiff::Timestamp;

use crate::domain::release::Track;
use crate::domain::text::SafeText;

/// Lines kept of each log.
pub const LINES: usize = 2_000;

/// One line of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// When the container runtime took it, where known.
    pub at: Option<Timestamp>,
    /// The line.
    pub text: SafeText,
}

/// One log that is followed.
#[derive(Clone, Debug)]
pub struct Stream {
    /// Number of its effect.
    pub id: u64,
    /// The side the pod is on, where known.
    pub track: Option<Track>,
    /// The pod.
    pub pod: String,
    /// The container; the pod's first when not named.
    pub container: Option<String>,
    /// The container before its last restart.
    pub previous: bool,
    /// The newest lines, oldest first.
    pub lines: VecDeque<LogLine>,
    /// Lines that were dropped, by the sender or beyond [`LINES`].
    pub dropped: u64,
    /// Why there will be no more.
    pub ended: Option<String>,
}

/// The log pane.
#[derive(Clone, Debug)]
pub struct Logs {
    /// At most one of each side.
    pub streams: Vec<Stream>,
    /// Whether the newest line is kept in sight.
    pub follow: bool,
    /// Lines scrolled up from the newest.
    pub up: usize,
}

impl Default for Logs {
    fn default() -> Self {
        Logs { streams: Vec::new(), follow: true, up: 0 }
    }
}

impl Logs {
    /// Takes new lines of a log; whether it is one that is followed.
    pub fn take(&mut self, id: u64, lines: Vec<LogLine>, dropped: u64, ended: Option<String>) -> bool {
        let Some(stream) = self.streams.iter_mut().find(|s| s.id == id) else { return false };
        stream.dropped = stream.dropped.saturating_add(dropped);
        let new = lines.len();
        stream.lines.extend(lines);
        while stream.lines.len() > LINES {
            stream.lines.pop_front();
            stream.dropped = stream.dropped.saturating_add(1);
        }
        if ended.is_some() {
            stream.ended = ended;
        }
        if !self.follow {
            // What is being read stays where it is.
            self.up = self.up.saturating_add(new);
            self.limit();
        }
        true
    }

    /// Scrolls; up is negative. Scrolling up stops following, reaching the end begins it again.
    pub fn scroll(&mut self, by: isize) {
        self.up = self.up.saturating_add_signed(by.saturating_neg());
        self.limit();
        self.follow = self.up == 0;
    }

    fn limit(&mut self) {
        let most = self.streams.iter().map(|s| s.lines.len()).max().unwrap_or(0);
        self.up = self.up.min(most.saturating_sub(1));
    }
}
