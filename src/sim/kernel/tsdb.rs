//! Time series in memory: what Prometheus' storage does for queries, without blocks or a log.
//!
//! A [`Tsdb`] holds float samples only. Times are milliseconds since the Unix epoch. A vanished series ends with a staleness
//! marker ([`stale_marker`]), which ends the lookback of queries at once instead of after five minutes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The label that holds a series' metric name.
pub const NAME: &str = "__name__";

/// The labels of one series, its metric name among them as [`NAME`]. A label with an empty value is the same as none.
pub type Labels = BTreeMap<String, String>;

/// The bits of the NaN that Prometheus writes as staleness marker.
const STALE_BITS: u64 = 0x7ff0_0000_0000_0002;

/// Samples that must have left the retention before a series' memory is moved together.
const TRIM_CHUNK: usize = 256;

/// The value that ends a series: a NaN told from all others by its bits.
#[must_use]
pub fn stale_marker() -> f64 {
    f64::from_bits(STALE_BITS)
}

/// Whether a stored value is the staleness marker.
#[must_use]
pub fn is_stale(value: f64) -> bool {
    value.to_bits() == STALE_BITS
}

/// One stored value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// When it was taken, in milliseconds since the epoch.
    pub at: i64,
    /// The value; NaN and infinities are allowed.
    pub value: f64,
}

/// Names a series for as long as it is kept. Never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SeriesId(u64);

/// The samples of one label set, oldest first.
#[derive(Debug, Clone)]
pub struct Series {
    labels: Arc<Labels>,
    samples: Vec<Sample>,
}

impl Series {
    /// The labels, metric name included.
    #[must_use]
    pub fn labels(&self) -> &Labels {
        &self.labels
    }

    /// The samples after `after` up to and including `until`, staleness markers included.
    #[must_use]
    pub fn window(&self, after: i64, until: i64) -> &[Sample] {
        window(&self.samples, after, until)
    }

    /// The newest sample at or before `at` that is less than `lookback` ms old, unless the series had ended by then.
    #[must_use]
    pub fn latest(&self, at: i64, lookback: i64) -> Option<Sample> {
        self.window(at.saturating_sub(lookback), at).last().copied().filter(|sample| !is_stale(sample.value))
    }

    /// All samples, oldest first.
    #[must_use]
    pub fn samples(&self) -> &[Sample] {
        &self.samples
    }
}

/// The part of `samples` (ordered by time) after `after` up to and including `until`.
#[must_use]
pub fn window(samples: &[Sample], after: i64, until: i64) -> &[Sample] {
    let from = samples.partition_point(|sample| sample.at <= after);
    let to = samples.partition_point(|sample| sample.at <= until);
    samples.get(from..to).unwrap_or_default()
}

/// All series.
#[derive(Debug, Clone)]
pub struct Tsdb {
    retention: i64,
    next: u64,
    series: BTreeMap<SeriesId, Series>,
    by_labels: BTreeMap<Arc<Labels>, SeriesId>,
    by_name: BTreeMap<String, BTreeSet<SeriesId>>,
}

impl Tsdb {
    /// An empty store that keeps samples for `retention` ms.
    #[must_use]
    pub fn new(retention: i64) -> Self {
        Self { retention: retention.max(1), next: 1, series: BTreeMap::new(), by_labels: BTreeMap::new(), by_name: BTreeMap::new() }
    }

    /// The series with these labels, created when there is none. Empty labels are left out.
    pub fn series(&mut self, labels: &Labels) -> SeriesId {
        if let Some(id) = self.by_labels.get(labels) {
            return *id;
        }
        let mut labels = labels.clone();
        labels.retain(|_, value| !value.is_empty());
        if let Some(id) = self.by_labels.get(&labels) {
            return *id;
        }
        let id = SeriesId(self.next);
        self.next += 1;
        let name = labels.get(NAME).cloned().unwrap_or_default();
        self.by_name.entry(name).or_default().insert(id);
        let labels = Arc::new(labels);
        self.by_labels.insert(Arc::clone(&labels), id);
        self.series.insert(id, Series { labels, samples: Vec::new() });
        id
    }

    /// Adds a sample. A series takes samples in order of time only: `false` means that it has a newer one, or one of the same
    /// time, or is no longer kept.
    pub fn append(&mut self, id: SeriesId, at: i64, value: f64) -> bool {
        let Some(series) = self.series.get_mut(&id) else { return false };
        if series.samples.last().is_some_and(|last| last.at >= at) {
            return false;
        }
        series.samples.push(Sample { at, value });
        true
    }

    /// Adds a sample to the series with these labels.
    pub fn record(&mut self, labels: &Labels, at: i64, value: f64) -> bool {
        let id = self.series(labels);
        self.append(id, at, value)
    }

    /// Whether this series is still kept.
    #[must_use]
    pub fn holds(&self, id: SeriesId) -> bool {
        self.series.contains_key(&id)
    }

    /// Drops samples older than the retention, and series that have none left.
    pub fn prune(&mut self, now: i64) {
        let oldest = now.saturating_sub(self.retention);
        let mut empty = Vec::new();
        for (id, series) in &mut self.series {
            let dead = series.samples.partition_point(|sample| sample.at < oldest);
            if dead == series.samples.len() && dead > 0 {
                empty.push(*id);
            } else if dead >= TRIM_CHUNK {
                series.samples.drain(..dead);
            }
        }
        for id in empty {
            self.forget(id);
        }
    }

    fn forget(&mut self, id: SeriesId) {
        let Some(series) = self.series.remove(&id) else { return };
        self.by_labels.remove(&series.labels);
        let name = series.labels.get(NAME).map_or("", String::as_str);
        if let Some(ids) = self.by_name.get_mut(name) {
            ids.remove(&id);
            if ids.is_empty() {
                self.by_name.remove(name);
            }
        }
    }

    /// The series that `keep` accepts, in the order in which they were first seen; of one metric only when `name` is given.
    pub fn select(&self, name: Option<&str>, keep: impl Fn(&Labels) -> bool) -> Vec<&Series> {
        match name {
            Some(name) => {
                let ids = self.by_name.get(name).into_iter().flatten();
                ids.filter_map(|id| self.series.get(id)).filter(|series| keep(series.labels())).collect()
            }
            None => self.series.values().filter(|series| keep(series.labels())).collect(),
        }
    }

    /// How many series are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.series.len()
    }

    /// Whether no series is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.series.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn one_series_per_label_set_and_empty_labels_do_not_count() {
        let mut db = Tsdb::new(3_600_000);
        let a = db.series(&labels(&[(NAME, "up"), ("pod", "a")]));
        assert_eq!(db.series(&labels(&[(NAME, "up"), ("pod", "a"), ("zone", "")])), a);
        assert_ne!(db.series(&labels(&[(NAME, "up"), ("pod", "b")])), a);
        assert_eq!(db.len(), 2);
    }

    #[test]
    fn samples_only_go_forward() {
        let mut db = Tsdb::new(3_600_000);
        let id = db.series(&labels(&[(NAME, "up")]));
        assert!(db.append(id, 1_000, 1.0));
        assert!(!db.append(id, 1_000, 2.0));
        assert!(!db.append(id, 999, 2.0));
        assert!(db.append(id, 1_001, 3.0));
        assert_eq!(db.select(Some("up"), |_| true)[0].samples().len(), 2);
    }

    #[test]
    fn lookback_is_left_open_and_ends_at_a_stale_marker() {
        let mut db = Tsdb::new(3_600_000);
        let id = db.series(&labels(&[(NAME, "up")]));
        db.append(id, 0, 7.0);
        let at = |db: &Tsdb, t| db.select(Some("up"), |_| true)[0].latest(t, 300_000).map(|s| s.value);
        assert_eq!(at(&db, 299_999), Some(7.0));
        assert_eq!(at(&db, 300_000), None);
        assert_eq!(at(&db, -1), None);
        db.append(id, 1_000, stale_marker());
        assert_eq!(at(&db, 999), Some(7.0));
        assert_eq!(at(&db, 1_000), None);
        db.append(id, 2_000, f64::NAN);
        assert!(at(&db, 2_000).is_some_and(f64::is_nan));
    }

    #[test]
    fn windows_are_left_open() {
        let samples: Vec<Sample> = (0..5).map(|i| Sample { at: i * 10, value: 0.0 }).collect();
        let times = |after, until| window(&samples, after, until).iter().map(|s| s.at).collect::<Vec<_>>();
        assert_eq!(times(10, 30), vec![20, 30]);
        assert_eq!(times(9, 9), Vec::<i64>::new());
        assert_eq!(times(30, 10), Vec::<i64>::new());
    }

    #[test]
    fn retention_drops_old_samples_and_dead_series() {
        let mut db = Tsdb::new(1_000_000);
        let (live, dead) = (db.series(&labels(&[(NAME, "live")])), db.series(&labels(&[(NAME, "dead")])));
        db.append(dead, 0, 1.0);
        for i in 0..2_000 {
            db.append(live, i * 1_000, i as f64);
        }
        db.prune(1_999_000);
        assert!(!db.holds(dead));
        assert_eq!(db.len(), 1);
        let kept = db.select(None, |_| true)[0].samples().len();
        assert!((1_001..=1_001 + TRIM_CHUNK).contains(&kept), "{kept}");
        assert!(!db.append(dead, 2_000_000, 1.0));
        assert_ne!(db.series(&labels(&[(NAME, "dead")])), dead);
    }
}
