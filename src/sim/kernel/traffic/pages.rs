//! Counters and histograms on a page, found again without building their labels.

use std::collections::BTreeMap;

use super::super::exporter::{Exporter, Slot};
use super::super::tsdb::{Labels, NAME};
use super::latency::{Edges, Observed};

/// What tells the counters of one page apart: the kind of request (flow and class), the backend, the status.
pub type Key = (usize, usize, usize, u16);

/// The slots of what was counted before, for one run of an exporter.
#[derive(Debug, Default)]
pub struct Page {
    run: u64,
    counters: BTreeMap<Key, Slot>,
    histograms: BTreeMap<Key, Vec<Slot>>,
}

impl Page {
    /// Raises the counter of a key, whose labels `name` makes when it is new.
    pub fn count(&mut self, exporter: &mut Exporter, key: Key, by: u64, name: impl FnOnce() -> Labels) {
        self.renew(exporter);
        let slot = *self.counters.entry(key).or_insert_with(|| exporter.slot(&name()));
        exporter.add(slot, by as f64);
    }

    /// Adds to the histogram of a key, whose labels (and base name) `name` makes when it is new.
    pub fn observe(&mut self, exporter: &mut Exporter, key: Key, edges: Edges, observed: &Observed, name: impl FnOnce() -> Labels) {
        self.renew(exporter);
        let slots = self.histograms.entry(key).or_insert_with(|| histogram(exporter, edges, &name()));
        let mut below = 0;
        let mut places = slots.iter();
        for (count, slot) in observed.counts.iter().zip(&mut places) {
            below += count;
            exporter.add(*slot, below as f64);
        }
        for (slot, by) in places.zip([observed.sum, below as f64]) {
            exporter.add(*slot, by);
        }
    }

    fn renew(&mut self, exporter: &Exporter) {
        if self.run != exporter.run() {
            *self = Self { run: exporter.run(), ..Self::default() };
        }
    }
}

/// The slots of a histogram: its buckets in order, its sum, its count.
fn histogram(exporter: &mut Exporter, edges: Edges, labels: &Labels) -> Vec<Slot> {
    let base = labels.get(NAME).cloned().unwrap_or_default();
    let mut slots = Vec::with_capacity(edges.upper.len() + 3);
    for edge in edges.upper.iter().map(f64::to_string).chain(["+Inf".to_owned()]) {
        let mut bucket = labels.clone();
        bucket.insert(NAME.to_owned(), format!("{base}_bucket"));
        bucket.insert("le".to_owned(), edge);
        slots.push(exporter.slot(&bucket));
    }
    for part in ["sum", "count"] {
        let mut whole = labels.clone();
        whole.insert(NAME.to_owned(), format!("{base}_{part}"));
        slots.push(exporter.slot(&whole));
    }
    slots
}

/// Labels from pairs; those with an empty value are left out.
#[must_use]
pub fn labels(pairs: &[(&str, &str)]) -> Labels {
    let full = pairs.iter().filter(|(_, value)| !value.is_empty());
    full.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::super::latency::SECONDS;
    use super::*;

    fn value(exporter: &Exporter, pairs: &[(&str, &str)]) -> Option<f64> {
        exporter.value(&labels(pairs))
    }

    #[test]
    fn buckets_are_cumulative() {
        let (mut exporter, mut page) = (Exporter::new("", Labels::new(), String::new()), Page::default());
        let mut counts = vec![0; 12];
        (counts[2], counts[4], counts[11]) = (3, 2, 1);
        let observed = Observed { counts, sum: 4.5 };
        for _ in 0..2 {
            page.observe(&mut exporter, (0, 0, 0, 0), SECONDS, &observed, || labels(&[(NAME, "d"), ("h", "x")]));
        }
        let bucket = |edge| value(&exporter, &[(NAME, "d_bucket"), ("h", "x"), ("le", edge)]);
        assert_eq!(
            [bucket("0.01"), bucket("0.025"), bucket("0.1"), bucket("10"), bucket("+Inf")],
            [Some(0.0), Some(6.0), Some(10.0), Some(10.0), Some(12.0)]
        );
        assert_eq!(value(&exporter, &[(NAME, "d_sum"), ("h", "x")]), Some(9.0));
        assert_eq!(value(&exporter, &[(NAME, "d_count"), ("h", "x")]), Some(12.0));
    }

    #[test]
    fn a_restarted_exporter_is_counted_on_anew() {
        let (mut exporter, mut page) = (Exporter::new("", Labels::new(), String::new()), Page::default());
        let count = |page: &mut Page, exporter: &mut Exporter| page.count(exporter, (0, 0, 0, 200), 2, || labels(&[(NAME, "c")]));
        count(&mut page, &mut exporter);
        count(&mut page, &mut exporter);
        assert_eq!(value(&exporter, &[(NAME, "c")]), Some(4.0));
        exporter.restart();
        count(&mut page, &mut exporter);
        assert_eq!(value(&exporter, &[(NAME, "c")]), Some(2.0));
    }
}
