//! Scrapes: from exporters' pages to series.

use std::collections::{BTreeMap, BTreeSet};

use super::super::exporter::{Exporter, Exporters};
use super::super::tsdb::{Labels, NAME, SeriesId, Tsdb, stale_marker};

/// A target's last scrape, and what it wrote.
#[derive(Debug, Default)]
pub struct Target {
    /// The target's labels.
    pub labels: Labels,
    /// The scrape pool.
    pub job: String,
    /// The page's address.
    pub url: String,
    /// When it was last scraped, in ms since the epoch.
    pub last: Option<i64>,
    /// Whether the last scrape found an answer.
    pub up: bool,
    /// How many metrics it found.
    pub samples: usize,
    ending: Option<i64>,
    run: u64,
    series: Vec<SeriesId>,
    live: BTreeSet<SeriesId>,
}

/// The targets, by their exporters' names.
#[derive(Debug, Default)]
pub struct Scraper {
    targets: BTreeMap<String, Target>,
}

/// What service discovery has found since the last look.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Discovered {
    /// Targets to be scraped from now on.
    pub new: Vec<String>,
    /// Targets that are gone.
    pub gone: Vec<String>,
}

impl Scraper {
    /// Compares the targets with the exporters. Targets that are gone are kept until [`Scraper::end`].
    pub fn discover(&mut self, exporters: &Exporters) -> Discovered {
        let mut found = Discovered::default();
        for (name, exporter) in exporters {
            if !self.targets.contains_key(name) {
                let (labels, job, url) = (exporter.labels.clone(), exporter.job.clone(), exporter.url.clone());
                self.targets.insert(name.clone(), Target { labels, job, url, ..Target::default() });
                found.new.push(name.clone());
            }
        }
        found.gone = self.targets.keys().filter(|name| !exporters.contains_key(*name)).cloned().collect();
        found
    }

    /// The targets by name.
    #[must_use]
    pub fn targets(&self) -> &BTreeMap<String, Target> {
        &self.targets
    }

    /// Scrapes one target at `at` (ms since the epoch). Metrics that are no longer on the page end with a staleness marker.
    pub fn scrape(&mut self, name: &str, exporter: &Exporter, db: &mut Tsdb, at: i64) {
        let Some(target) = self.targets.get_mut(name) else { return };
        let mut live = BTreeSet::new();
        if exporter.up {
            target.follow(exporter, db);
            for (id, metric) in target.series.iter().zip(exporter.metrics()).filter(|(_, metric)| metric.shown) {
                db.append(*id, at, metric.value);
                live.insert(*id);
            }
        }
        for ended in target.live.difference(&live) {
            db.append(*ended, at, stale_marker());
        }
        let live_count = live.len();
        target.live = live;
        target.up = exporter.up;
        target.samples = live_count;
        target.last = Some(at);
        target.ending = None;
        let report = [
            ("up", if exporter.up { 1.0 } else { 0.0 }),
            ("scrape_duration_seconds", 0.002 + 1e-6 * target.samples as f64),
            ("scrape_samples_scraped", target.samples as f64),
        ];
        for (name, value) in report {
            db.record(&target.report_labels(name), at, value);
        }
    }

    /// Ends a target that is gone. The first call only notes `at`, the second writes staleness markers of that time to all its
    /// series: as Prometheus, which waits whether the target comes back.
    pub fn end(&mut self, name: &str, db: &mut Tsdb, at: i64) -> Ending {
        let Some(target) = self.targets.get_mut(name) else { return Ending::Done };
        let Some(at) = target.ending else {
            target.ending = Some(at);
            return Ending::Announced;
        };
        for id in &target.live {
            db.append(*id, at, stale_marker());
        }
        for name in ["up", "scrape_duration_seconds", "scrape_samples_scraped"] {
            db.record(&target.report_labels(name), at, stale_marker());
        }
        self.targets.remove(name);
        Ending::Done
    }
}

/// How far the end of a target is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// To be called again.
    Announced,
    /// The target is forgotten.
    Done,
}

impl Target {
    /// Makes `series` match the page's metrics; a restarted exporter's page may be quite another.
    fn follow(&mut self, exporter: &Exporter, db: &mut Tsdb) {
        if self.run != exporter.run() {
            self.run = exporter.run();
            self.series.clear();
        }
        for (i, metric) in exporter.metrics().iter().enumerate() {
            match self.series.get_mut(i) {
                None => self.series.push(db.series(&merged(&self.labels, &metric.labels))),
                Some(id) if metric.shown && !db.holds(*id) => *id = db.series(&merged(&self.labels, &metric.labels)),
                Some(_) => {}
            }
        }
    }

    fn report_labels(&self, name: &str) -> Labels {
        let mut labels = self.labels.clone();
        labels.insert(NAME.to_owned(), name.to_owned());
        labels
    }
}

/// The labels of a series: those of the target, and of the page's the ones that differ from them in name; others get
/// `exported_` before it.
fn merged(target: &Labels, page: &Labels) -> Labels {
    let mut labels = target.clone();
    for (name, value) in page {
        let clashes = target.contains_key(name);
        labels.insert(if clashes { format!("exported_{name}") } else { name.clone() }, value.clone());
    }
    labels
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    fn values(db: &Tsdb, name: &str) -> Vec<Vec<f64>> {
        db.select(Some(name), |_| true).iter().map(|series| series.samples().iter().map(|s| s.value).collect()).collect()
    }

    fn one_pod() -> (Exporters, Scraper, Tsdb) {
        let mut pod = Exporter::new("pods", labels(&[("job", "pods"), ("pod", "a")]), "http://a".to_owned());
        let slot = pod.slot(&labels(&[(NAME, "x_total")]));
        pod.add(slot, 3.0);
        (Exporters::from([("a".to_owned(), pod)]), Scraper::default(), Tsdb::new(3_600_000))
    }

    #[test]
    fn targets_come_and_go() {
        let (mut exporters, mut scraper, mut db) = one_pod();
        assert_eq!(scraper.discover(&exporters).new, ["a"]);
        assert_eq!(scraper.discover(&exporters), Discovered::default());
        scraper.scrape("a", &exporters["a"], &mut db, 1_000);
        assert_eq!(values(&db, "x_total"), [[3.0]]);
        assert_eq!(values(&db, "up"), [[1.0]]);
        exporters.clear();
        assert_eq!(scraper.discover(&exporters).gone, ["a"]);
        assert_eq!(scraper.end("a", &mut db, 2_000), Ending::Announced);
        assert!(db.select(Some("up"), |_| true)[0].latest(3_000, 300_000).is_some());
        assert_eq!(scraper.end("a", &mut db, 4_000), Ending::Done);
        assert!(db.select(None, |_| true).iter().all(|series| series.latest(2_000, 300_000).is_none()));
        assert!(scraper.targets().is_empty());
    }

    #[test]
    fn a_target_that_does_not_answer_is_down_and_its_metrics_end() {
        let (mut exporters, mut scraper, mut db) = one_pod();
        scraper.discover(&exporters);
        scraper.scrape("a", &exporters["a"], &mut db, 1_000);
        exporters.get_mut("a").unwrap().up = false;
        scraper.scrape("a", &exporters["a"], &mut db, 2_000);
        assert_eq!(values(&db, "up"), [[1.0, 0.0]]);
        assert!(db.select(Some("x_total"), |_| true)[0].latest(2_000, 300_000).is_none());
    }

    #[test]
    fn a_restarted_process_counts_from_zero_in_the_same_series() {
        let (mut exporters, mut scraper, mut db) = one_pod();
        scraper.discover(&exporters);
        scraper.scrape("a", &exporters["a"], &mut db, 1_000);
        let pod = exporters.get_mut("a").unwrap();
        pod.restart();
        let other = pod.slot(&labels(&[(NAME, "y_total")]));
        let same = pod.slot(&labels(&[(NAME, "x_total")]));
        pod.add(other, 9.0);
        pod.add(same, 1.0);
        scraper.scrape("a", &exporters["a"], &mut db, 2_000);
        assert_eq!(values(&db, "x_total"), [[3.0, 1.0]]);
        assert_eq!(values(&db, "y_total"), [[9.0]]);
    }

    #[test]
    fn labels_that_clash_with_the_targets_are_renamed() {
        let both = merged(&labels(&[("namespace", "ingress-nginx")]), &labels(&[(NAME, "r"), ("namespace", "shop")]));
        assert_eq!(both, labels(&[(NAME, "r"), ("namespace", "ingress-nginx"), ("exported_namespace", "shop")]));
    }
}
