//! What can be scraped: the `/metrics` pages of pods, proxies and clients, as numbers.
//!
//! The traffic counts here and Prometheus reads here. An exporter is a process: when it restarts, its counters begin at 0.

use std::collections::BTreeMap;

use super::tsdb::Labels;

/// One metric of a page, found again by its place without comparing labels.
pub type Slot = usize;

/// One line of a page.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    /// Its name and labels.
    pub labels: Labels,
    /// Its value now.
    pub value: f64,
    /// Whether it still stands on the page.
    pub shown: bool,
}

/// One `/metrics` page and the labels that service discovery gives its target.
#[derive(Debug, Clone, PartialEq)]
pub struct Exporter {
    /// The scrape pool, also the `job` label.
    pub job: String,
    /// Labels of the target: `job`, `instance`, `namespace`, `pod`, ...
    pub labels: Labels,
    /// Where it would be scraped, for people.
    pub url: String,
    /// Whether it answers.
    pub up: bool,
    run: u64,
    metrics: Vec<Metric>,
    index: BTreeMap<Labels, Slot>,
}

impl Exporter {
    /// A page without metrics that answers.
    #[must_use]
    pub fn new(job: &str, labels: Labels, url: String) -> Self {
        Self { job: job.to_owned(), labels, url, up: true, run: 0, metrics: Vec::new(), index: BTreeMap::new() }
    }

    /// The place of the metric with these labels (its name among them); created with the value 0 when there is none.
    pub fn slot(&mut self, labels: &Labels) -> Slot {
        if let Some(slot) = self.index.get(labels) {
            return *slot;
        }
        let slot = self.metrics.len();
        self.metrics.push(Metric { labels: labels.clone(), value: 0.0, shown: true });
        self.index.insert(labels.clone(), slot);
        slot
    }

    /// Raises a counter.
    pub fn add(&mut self, slot: Slot, by: f64) {
        if let Some(metric) = self.metrics.get_mut(slot) {
            metric.value += by;
        }
    }

    /// Sets a gauge.
    pub fn set(&mut self, slot: Slot, to: f64) {
        if let Some(metric) = self.metrics.get_mut(slot) {
            metric.value = to;
        }
    }

    /// Takes a metric off the page. Its slot is not used again.
    pub fn retire(&mut self, slot: Slot) {
        if let Some(metric) = self.metrics.get_mut(slot) {
            metric.shown = false;
            self.index.remove(&metric.labels);
        }
    }

    /// Forgets all metrics: the process is a new one.
    pub fn restart(&mut self) {
        self.run += 1;
        self.metrics.clear();
        self.index.clear();
    }

    /// How often it restarted. Slots of an earlier run mean nothing.
    #[must_use]
    pub fn run(&self) -> u64 {
        self.run
    }

    /// All metrics by slot, new ones last, those that were taken off the page among them.
    #[must_use]
    pub fn metrics(&self) -> &[Metric] {
        &self.metrics
    }

    /// The value of the metric with these labels, if it stands on the page.
    #[must_use]
    pub fn value(&self, labels: &Labels) -> Option<f64> {
        self.index.get(labels).and_then(|slot| self.metrics.get(*slot)).map(|metric| metric.value)
    }
}

/// All pages, by a name that is never used for another process's pod.
pub type Exporters = BTreeMap<String, Exporter>;

/// Type and help text of the metric families that exporters here have, by name.
pub const FAMILIES: &[(&str, &str, &str)] = &[
    ("client_requests_total", "counter", "Requests as those who sent them saw them answered."),
    ("container_cpu_usage_seconds_total", "counter", "Cumulative cpu time consumed in seconds."),
    ("container_memory_working_set_bytes", "gauge", "Current working set in bytes."),
    ("http_request_duration_seconds", "histogram", "Duration of HTTP requests in seconds."),
    ("http_requests_total", "counter", "Total number of HTTP requests."),
    ("http_server_requests_seconds", "histogram", "Duration of HTTP server request handling."),
    ("istio_request_duration_milliseconds", "histogram", "Duration of requests in milliseconds."),
    ("istio_requests_total", "counter", "Total requests."),
    ("kube_pod_container_status_restarts_total", "counter", "The number of container restarts per container."),
    ("nginx_ingress_controller_request_duration_seconds", "histogram", "The request processing time in seconds."),
    ("nginx_ingress_controller_requests", "counter", "The total number of client requests."),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restart_begins_at_zero_with_new_slots() {
        let labels: Labels = [("__name__".to_owned(), "http_requests_total".to_owned())].into();
        let mut exporter = Exporter::new("pods", Labels::new(), String::new());
        let slot = exporter.slot(&labels);
        exporter.add(slot, 5.0);
        assert_eq!(exporter.slot(&labels), slot);
        assert_eq!(exporter.value(&labels), Some(5.0));
        exporter.restart();
        assert_eq!(exporter.run(), 1);
        assert!(exporter.metrics().is_empty());
        exporter.add(slot, 1.0);
        assert!(exporter.metrics().is_empty());
    }

    #[test]
    fn a_retired_metric_may_come_back_elsewhere() {
        let labels: Labels = [("__name__".to_owned(), "x".to_owned())].into();
        let mut exporter = Exporter::new("pods", Labels::new(), String::new());
        let slot = exporter.slot(&labels);
        exporter.retire(slot);
        assert_eq!(exporter.value(&labels), None);
        assert_ne!(exporter.slot(&labels), slot);
        assert_eq!(exporter.metrics().iter().map(|metric| metric.shown).collect::<Vec<_>>(), [false, true]);
    }

    #[test]
    fn families_are_in_order_for_lookup() {
        assert!(FAMILIES.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}
