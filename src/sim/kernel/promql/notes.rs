//! Warnings and infos that ride along with an answer.

use super::number::short_text;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// At most this many of each kind are told.
const MOST: usize = 10;

/// What a query's author should know about the answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Notes {
    warnings: BTreeSet<String>,
    infos: BTreeSet<String>,
    forced: BTreeMap<String, Forced>,
}

/// Where buckets had to be made monotonic, over all samples with one cause.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Forced {
    /// The earliest evaluation time, in ms.
    pub from: i64,
    /// The latest evaluation time, in ms.
    pub to: i64,
    /// The lowest corrected bucket edge.
    pub lowest: f64,
    /// The highest corrected bucket edge.
    pub highest: f64,
    /// The largest correction.
    pub difference: f64,
    /// How many samples.
    pub samples: u64,
}

impl Notes {
    /// Something that probably makes the answer wrong.
    pub fn warn(&mut self, text: &str, position: &str) {
        self.warnings.insert(format!("PromQL warning: {text}{}", at(position)));
    }

    /// A warning about the request rather than the query.
    pub fn warn_plain(&mut self, text: &str) {
        self.warnings.insert(text.to_owned());
    }

    /// Something that may make the answer wrong.
    pub fn inform(&mut self, text: &str, position: &str) {
        self.infos.insert(format!("PromQL info: {text}{}", at(position)));
    }

    /// Buckets that were not monotonic.
    pub fn force(&mut self, position: &str, found: Forced) {
        let known = self.forced.entry(position.to_owned()).or_insert(Forced { samples: 0, ..found });
        known.from = known.from.min(found.from);
        known.to = known.to.max(found.to);
        known.lowest = known.lowest.min(found.lowest);
        known.highest = known.highest.max(found.highest);
        known.difference = known.difference.max(found.difference);
        known.samples += found.samples;
    }

    /// The warnings, at most ten and a line that counts the rest.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        limited(self.warnings.iter().cloned().collect(), "warning")
    }

    /// The infos, at most ten and a line that counts the rest.
    #[must_use]
    pub fn infos(&self) -> Vec<String> {
        let forced = self.forced.iter().map(|(position, forced)| format!("{}{}", forced.text(), at(position)));
        limited(self.infos.iter().cloned().chain(forced).collect(), "info")
    }
}

impl Forced {
    fn text(&self) -> String {
        let time = |ms: i64| Timestamp::from_second(ms / 1_000).map_or_else(|_| ms.to_string(), |time| time.to_string());
        format!(
            "PromQL info: input to histogram_quantile needed to be fixed for monotonicity (see \
             https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile), from buckets {} to {}, with a \
             max diff of {}, over {} samples from {} to {}",
            short_text(self.lowest),
            short_text(self.highest),
            short_text(two_digits(self.difference)),
            self.samples,
            time(self.from),
            time(self.to)
        )
    }
}

/// Rounded to two significant digits.
fn two_digits(value: f64) -> f64 {
    format!("{value:.1e}").parse().unwrap_or(value)
}

fn at(position: &str) -> String {
    if position.is_empty() { String::new() } else { format!(" ({position})") }
}

fn limited(mut all: Vec<String>, kind: &str) -> Vec<String> {
    let more = all.len().saturating_sub(MOST);
    all.truncate(MOST);
    if more > 0 {
        all.push(format!("{more} more {kind} annotations omitted"));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forced_buckets_are_counted_together() {
        let mut notes = Notes::default();
        let one = |at, edge, difference| Forced { from: at, to: at, lowest: edge, highest: edge, difference, samples: 1 };
        notes.force("1:25", one(60_000, 0.5, 1.26));
        notes.force("1:25", one(120_000, 2.0, 0.1));
        let infos = notes.infos();
        assert_eq!(infos.len(), 1);
        let end = "from buckets 0.5 to 2, with a max diff of 1.3, over 2 samples from 1970-01-01T00:01:00Z to 1970-01-01T00:02:00Z (1:25)";
        assert!(infos[0].ends_with(end), "{}", infos[0]);
    }

    #[test]
    fn only_ten_are_told() {
        let mut notes = Notes::default();
        (0..12).for_each(|i| notes.warn(&i.to_string(), "1:1"));
        assert_eq!(notes.warnings().len(), 11);
        assert_eq!(notes.warnings()[10], "2 more warning annotations omitted");
    }
}
