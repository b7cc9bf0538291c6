//! Classic histograms: cumulative counts at upper edges, and their quantiles as Prometheus estimates them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Requests by latency: at each upper edge, how many were not slower.
///
/// Edges are kept in whole microseconds, which makes them a key; `u64::MAX` is `+Inf`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Buckets(BTreeMap<u64, u64>);

/// A quantile, as far as the edges tell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Quantile {
    /// Interpolated within a bucket, ms.
    At(f64),
    /// In the last, open bucket: above this edge, ms. Prometheus answers with the edge.
    Beyond(f64),
}

impl Quantile {
    /// The number that Prometheus gives, ms.
    pub fn ms(self) -> f64 {
        match self {
            Quantile::At(ms) | Quantile::Beyond(ms) => ms,
        }
    }
}

const INFINITE: u64 = u64::MAX;

fn key(edge_ms: f64) -> Option<u64> {
    if edge_ms == f64::INFINITY {
        return Some(INFINITE);
    }
    let micros = (edge_ms * 1000.0).round();
    (micros > 0.0 && micros < 9e15).then_some(micros as u64)
}

fn edge_ms(key: u64) -> f64 {
    key as f64 / 1000.0
}

impl Buckets {
    /// Adds to the count at an edge (ms; infinite for all requests). An edge of zero, below it or NaN is left out.
    pub fn add(&mut self, edge_ms: f64, count: u64) {
        if let Some(key) = key(edge_ms) {
            let at = self.0.entry(key).or_default();
            *at = at.saturating_add(count);
        }
    }

    /// All requests: the count at `+Inf`.
    pub fn total(&self) -> u64 {
        self.0.get(&INFINITE).copied().unwrap_or(0)
    }

    /// Adds another histogram. Edges that only one of the two has are dropped, because the other's requests cannot be told
    /// there; one without requests has no say.
    pub fn merge(&mut self, other: &Buckets) {
        if other.total() == 0 {
            return;
        }
        if self.total() == 0 {
            self.clone_from(other);
            return;
        }
        if !self.0.keys().eq(other.0.keys()) {
            self.0.retain(|edge, _| other.0.contains_key(edge));
        }
        // Both in the order of their edges: theirs are ours, and perhaps more.
        let mut theirs = other.0.iter();
        for (edge, count) in &mut self.0 {
            let more = theirs.find(|(their, _)| *their == edge).map_or(0, |(_, more)| *more);
            *count = count.saturating_add(more);
        }
    }

    /// The quantile `q` (0–1) by Prometheus' rules: linear within a bucket, the first one beginning at 0. `None` without
    /// requests, without `+Inf`, without any finite edge, or for a `q` outside of 0–1.
    pub fn quantile(&self, q: f64) -> Option<Quantile> {
        let total = self.total();
        if total == 0 || !(0.0..=1.0).contains(&q) {
            return None;
        }
        let rank = q * total as f64;
        let (mut below, mut start) = (0_u64, 0.0);
        for (edge, count) in self.0.range(..INFINITE) {
            // A scrape may catch a histogram in the middle of an update: counts never fall towards larger edges.
            let count = (*count).max(below).min(total);
            let end = edge_ms(*edge);
            if count as f64 >= rank {
                let inside = (count - below) as f64;
                let part = if inside > 0.0 { (rank - below as f64) / inside } else { 1.0 };
                return Some(Quantile::At(start + (end - start) * part));
            }
            (below, start) = (count, end);
        }
        (start > 0.0).then_some(Quantile::Beyond(start))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(counts: &[(f64, u64)]) -> Buckets {
        let mut b = Buckets::default();
        counts.iter().for_each(|(edge, n)| b.add(*edge, *n));
        b
    }

    /// Answers of Prometheus 2.53 to `histogram_quantile` over these very buckets (in seconds there).
    #[test]
    fn quantiles_are_those_of_prometheus() {
        let b = of(&[(5.0, 10), (10.0, 30), (25.0, 60), (50.0, 80), (100.0, 95), (250.0, 99), (f64::INFINITY, 100)]);
        let golden = [(0.5, 20.0), (0.9, 83.333_333_333_333_33), (0.95, 100.0), (0.99, 250.0), (0.05, 2.5)];
        for (q, ms) in golden {
            assert!((b.quantile(q).unwrap().ms() - ms).abs() < 1e-9, "{q}: {:?}", b.quantile(q));
        }
        assert_eq!(b.quantile(0.995), Some(Quantile::Beyond(250.0)));
    }

    #[test]
    fn what_cannot_be_told_is_not_told() {
        assert_eq!(Buckets::default().quantile(0.5), None);
        assert_eq!(of(&[(5.0, 10)]).quantile(0.5), None, "no +Inf");
        assert_eq!(of(&[(f64::INFINITY, 10)]).quantile(0.5), None, "no finite edge");
        assert_eq!(of(&[(5.0, 1), (f64::INFINITY, 1)]).quantile(f64::NAN), None);
        assert_eq!(of(&[(5.0, 1), (f64::INFINITY, 1)]).quantile(1.5), None);
    }

    #[test]
    fn only_edges_that_both_have_are_merged() {
        let mut b = of(&[(5.0, 1), (10.0, 2), (f64::INFINITY, 4)]);
        b.merge(&of(&[(10.0, 5), (20.0, 6), (f64::INFINITY, 6)]));
        assert_eq!(b, of(&[(10.0, 7), (f64::INFINITY, 10)]));
        let before = b.clone();
        b.merge(&of(&[(7.0, 0), (f64::INFINITY, 0)]));
        assert_eq!(b, before, "an idle side has no say");
    }

    proptest! {
        #[test]
        fn a_quantile_lies_within_the_edges_and_grows(
            counts in prop::collection::vec((any::<f64>(), any::<u64>()), 0..12), all in any::<u64>(), a in 0.0..1.0_f64, b in 0.0..1.0_f64,
        ) {
            let mut buckets = of(&counts);
            buckets.add(f64::INFINITY, all);
            let (low, high) = (a.min(b), a.max(b));
            if let (Some(low), Some(high)) = (buckets.quantile(low), buckets.quantile(high)) {
                prop_assert!(low.ms().is_finite() && low.ms() >= 0.0);
                prop_assert!(low.ms() <= high.ms() * (1.0 + 1e-9) + 1e-9, "{low:?} {high:?}");
            }
        }
    }
}
