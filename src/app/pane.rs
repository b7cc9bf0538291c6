//! The panes of the release view.

/// A pane of the release view, in the order of their digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pane {
    /// The plan, step by step.
    Timeline,
    /// Asked, accepted and observed weights, and what else sends traffic.
    Traffic,
    /// Stable beside candidate, with limits and verdicts.
    Metrics,
    /// Pods by track.
    Pods,
    /// Autoscalers.
    Hpas,
    /// Events, merged.
    Events,
    /// Who did what.
    Journal,
    /// Log lines, stable beside candidate.
    Logs,
}

impl Pane {
    /// Every pane.
    pub const ALL: [Pane; 8] =
        [Pane::Timeline, Pane::Traffic, Pane::Metrics, Pane::Pods, Pane::Hpas, Pane::Events, Pane::Journal, Pane::Logs];

    /// The digit that opens it.
    pub fn digit(self) -> char {
        char::from(b'1' + self as u8)
    }

    /// Its name.
    pub const fn title(self) -> &'static str {
        match self {
            Pane::Timeline => "Steps",
            Pane::Traffic => "Traffic",
            Pane::Metrics => "Metrics",
            Pane::Pods => "Pods",
            Pane::Hpas => "HPAs",
            Pane::Events => "Events",
            Pane::Journal => "Journal",
            Pane::Logs => "Logs",
        }
    }

    /// Whether its rows can be selected and filtered; the others scroll.
    pub const fn has_rows(self) -> bool {
        matches!(self, Pane::Pods | Pane::Hpas | Pane::Events | Pane::Journal)
    }

    /// The pane so many places further, round and round.
    pub fn step(self, by: isize) -> Pane {
        let len = Pane::ALL.len() as isize;
        let at = (self as isize + by).rem_euclid(len);
        Pane::ALL.get(at.unsigned_abs()).copied().unwrap_or(self)
    }
}
