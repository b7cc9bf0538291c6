//! The counters as Prometheus reads them.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::{EDGES, PodCounters};

/// Text format 0.0.4. Each series carries `namespace` and `pod`, as pods scraped through Kubernetes discovery do.
pub fn render(pods: &BTreeMap<String, PodCounters>, namespace: &str) -> String {
    let mut page = String::from("# TYPE http_requests_total counter\n");
    for (pod, counters) in pods {
        for (code, count) in &counters.by_code {
            let _ = writeln!(page, "http_requests_total{{{},method=\"GET\",code=\"{code}\"}} {count}", labels(namespace, pod, counters));
        }
    }
    page.push_str("# TYPE http_request_duration_seconds histogram\n");
    for (pod, counters) in pods {
        let labels = labels(namespace, pod, counters);
        for (edge, count) in EDGES.iter().zip(counters.buckets) {
            let _ = writeln!(page, "http_request_duration_seconds_bucket{{{labels},le=\"{edge}\"}} {count}");
        }
        let all: u64 = counters.by_code.values().sum();
        let _ = writeln!(page, "http_request_duration_seconds_bucket{{{labels},le=\"+Inf\"}} {all}");
        let _ = writeln!(page, "http_request_duration_seconds_sum{{{labels}}} {}", counters.seconds);
        let _ = writeln!(page, "http_request_duration_seconds_count{{{labels}}} {all}");
    }
    page
}

fn labels(namespace: &str, pod: &str, counters: &PodCounters) -> String {
    format!("namespace=\"{namespace}\",pod=\"{pod}\",container=\"{}\"", counters.component)
}
