//! The metric families that people have: what counts requests, what marks a failure, which label names the pod.

use crate::domain::release::{Component, Release, Router, Track, TrackLabel};

/// One family of metrics.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Preset {
    /// What it is called in a release's `prometheus.preset`.
    pub name: &'static str,
    /// The counter of requests.
    pub requests: &'static str,
    /// The histogram's buckets.
    pub buckets: &'static str,
    /// Milliseconds a unit of `le`.
    pub unit_ms: f64,
    /// Labels whose value tells that the server failed, by its first character or as a whole.
    pub status: &'static [&'static str],
    /// How series are told apart where the release names no label.
    pub by: By,
    /// The label of the namespace.
    pub namespace: &'static str,
}

/// How the series of a Deployment are selected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// By pod names.
    Pod,
    /// By a label that holds the workload's name.
    Workload(&'static str),
    /// As ingress-nginx does: all requests are counted under the main Ingress' Service, and those that a canary Ingress took
    /// carry its backend, `namespace-service-port`, in the label `canary`.
    Ingress,
}

/// Every preset, likeliest to be meant first.
pub const PRESETS: [Preset; 4] = [
    Preset {
        name: "http",
        requests: "http_requests_total",
        buckets: "http_request_duration_seconds_bucket",
        unit_ms: 1000.0,
        status: &["code", "status", "status_code"],
        by: By::Pod,
        namespace: "namespace",
    },
    Preset {
        name: "spring",
        requests: "http_server_requests_seconds_count",
        buckets: "http_server_requests_seconds_bucket",
        unit_ms: 1000.0,
        status: &["status", "outcome"],
        by: By::Pod,
        namespace: "namespace",
    },
    Preset {
        name: "istio",
        requests: "istio_requests_total",
        buckets: "istio_request_duration_milliseconds_bucket",
        unit_ms: 1.0,
        status: &["response_code"],
        by: By::Workload("destination_workload"),
        namespace: "destination_workload_namespace",
    },
    Preset {
        name: "nginx",
        requests: "nginx_ingress_controller_requests",
        buckets: "nginx_ingress_controller_request_duration_seconds_bucket",
        unit_ms: 1000.0,
        status: &["status"],
        by: By::Ingress,
        namespace: "exported_namespace",
    },
];

impl Preset {
    /// A preset by name.
    pub fn named(name: &str) -> Option<Preset> {
        PRESETS.into_iter().find(|p| p.name == name)
    }

    /// The selector of one side's series of a metric, as a range of `window` seconds.
    pub fn selector(
        &self,
        metric: &str,
        release: &Release,
        component: &Component,
        track: Track,
        label: Option<&TrackLabel>,
        window: u64,
    ) -> Option<String> {
        let deployment = match track {
            Track::Stable => component.stable.as_str(),
            Track::Candidate => component.candidate.as_deref()?,
        };
        let side = match (label, self.by) {
            (Some(label), _) => {
                format!("{}=\"{}\"", label.name, quoted(if track == Track::Stable { &label.stable } else { &label.candidate }))
            }
            (None, By::Pod) => format!("pod=~\"{}\"", pods(deployment)),
            (None, By::Workload(key)) => format!("{key}=\"{}\"", quoted(deployment)),
            (None, By::Ingress) => {
                let service = service(component, track, deployment);
                match track {
                    Track::Stable => format!("service=\"{}\",canary=\"\"", quoted(service)),
                    Track::Candidate => format!("canary=~\"{}\"", quoted(&backend(&release.namespace, service))),
                }
            }
        };
        let reporter = if self.name == "istio" { ",reporter=\"destination\"" } else { "" };
        Some(format!("{metric}{{{}=\"{}\",{side}{reporter}}}[{window}s]", self.namespace, quoted(&release.namespace)))
    }

    /// Whether a series counts requests that the server failed.
    pub fn is_failure<'a>(&self, label: impl Fn(&str) -> Option<&'a str>) -> bool {
        self.status.iter().any(|key| label(key).is_some_and(|v| (v.len() == 3 && v.starts_with('5')) || v == "5xx" || v == "SERVER_ERROR"))
    }
}

/// The names that a Deployment's pods can have: a template hash and five characters, in the alphabet that Kubernetes uses
/// for both. `web` does not match the pods of `web-canary`.
fn pods(deployment: &str) -> String {
    let name: String = deployment.chars().map(|c| if c == '.' { "[.]".to_owned() } else { c.to_string() }).collect();
    format!("{}-[a-z0-9]{{1,10}}-[bcdfghjklmnpqrstvwxz2456789]{{5}}", quoted(&name))
}

/// The Service of one side, as far as the route tells; else it is taken to be called as the Deployment.
fn service<'a>(component: &'a Component, track: Track, deployment: &'a str) -> &'a str {
    let side = |stable: &'a str, candidate: &'a str| if track == Track::Stable { stable } else { candidate };
    match &component.router {
        Router::Gateway { stable, candidate, .. } | Router::Nginx { stable, candidate, .. } => side(stable, candidate),
        Router::Istio { stable, candidate, .. } if stable.host != candidate.host => {
            let host = side(&stable.host, &candidate.host);
            host.split('.').next().unwrap_or(host)
        }
        _ => deployment,
    }
}

/// The names that ingress-nginx can give to a Service's backend: a port's number or its name comes last. A name with a dash
/// is left out: it could not be told from another Service's.
fn backend(namespace: &str, service: &str) -> String {
    format!("{}-{}-([0-9]{{1,5}}|[a-z][a-z0-9]*)", namespace.replace('.', "[.]"), service.replace('.', "[.]"))
}

/// A text inside a PromQL string.
fn quoted(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_by_family() {
        let of = |preset: &str, key: &'static str, value: &'static str| {
            Preset::named(preset).unwrap().is_failure(|k| (k == key).then_some(value))
        };
        assert!(of("http", "code", "503") && of("spring", "outcome", "SERVER_ERROR") && of("istio", "response_code", "500"));
        assert!(!of("http", "code", "404") && !of("http", "method", "500") && !of("spring", "outcome", "CLIENT_ERROR"));
    }

    #[test]
    fn ingress_nginx_marks_the_canarys_requests() {
        use crate::domain::release::{Destination, Strategy};
        let to = |host: &str| Destination { host: host.into(), subset: None };
        let component = Component {
            name: "web".into(),
            stable: "web-main".into(),
            candidate: Some("web-next".into()),
            container: None,
            router: Router::Istio { virtual_service: "web".into(), route: None, stable: to("web.shop.svc"), candidate: to("web-canary") },
            testers: None,
        };
        let release = Release {
            name: "web".into(),
            namespace: "shop".into(),
            components: vec![component],
            strategy: Strategy::Canary(crate::domain::declared::default_canary()),
            prometheus: None,
            gates: vec![],
            watch: None,
            keep: Default::default(),
            contacts: vec![],
            production: false,
            source: crate::domain::release::Source::Discovered,
        };
        let preset = Preset::named("nginx").unwrap();
        let of = |track| preset.selector(preset.requests, &release, &release.components[0], track, None, 45).unwrap();
        let family = "nginx_ingress_controller_requests{exported_namespace=\"shop\",";
        assert_eq!(of(Track::Stable), format!("{family}service=\"web\",canary=\"\"}}[45s]"));
        assert_eq!(of(Track::Candidate), format!("{family}canary=~\"shop-web-canary-([0-9]{{1,5}}|[a-z][a-z0-9]*)\"}}[45s]"));
    }
}
