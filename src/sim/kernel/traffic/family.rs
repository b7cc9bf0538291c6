//! The metric families: what is counted where, and under which labels.

use super::super::exporter::{Exporter, Exporters};
use super::super::tsdb::{Labels, NAME};
use super::flow::{Class, Family};
use super::latency::{Edges, ISTIO, Observed, SECONDS};
use super::pages::{Key, Page, labels};
use super::route::Backend;
use super::server::{Server, page_name};

/// The page of those who send the requests.
pub const CLIENTS: &str = "clients";
/// The page of Istio's ingress gateway.
const GATEWAY: &str = "istio-ingressgateway";
/// The page of the ingress-nginx controller.
const CONTROLLER: &str = "ingress-nginx-controller";

/// Some requests of one kind that ended in the same way.
#[derive(Debug, Clone, Copy)]
pub struct Ended<'a> {
    /// The kind of request.
    pub class: &'a Class,
    /// The place of the flow and of the kind in it: what tells their counters apart.
    pub place: (usize, usize),
    /// The backend they were for and its place; none when the router knew none.
    pub backend: Option<(&'a Backend, usize)>,
    /// HTTP status.
    pub status: u16,
    /// How many, and how long they took.
    pub observed: &'a Observed,
}

impl Ended<'_> {
    fn count(&self) -> u64 {
        self.observed.counts.iter().sum()
    }

    fn key(&self, status: u16) -> Key {
        (self.place.0, self.place.1, self.backend.map_or(usize::MAX, |(_, place)| place), status)
    }
}

/// The histogram edges of a family.
#[must_use]
pub fn edges(family: Family) -> Edges {
    if family == Family::Istio { ISTIO } else { SECONDS }
}

/// The pages of proxies and clients, and what is counted on them.
#[derive(Debug, Default)]
pub struct Routers {
    clients: Page,
    proxy: Page,
}

impl Routers {
    /// Puts up the pages that a family has beside those of the pods.
    pub fn expose(family: Family, exporters: &mut Exporters) {
        let page = |job: &str, address: &str, more: &[(&str, &str)]| {
            let mut all = labels(more);
            all.extend(labels(&[("job", job), ("instance", address)]));
            Exporter::new(job, all, format!("http://{address}/metrics"))
        };
        if family != Family::None {
            exporters.insert(CLIENTS.to_owned(), page("load-generator", "10.0.0.250:6565", &[]));
        }
        match family {
            Family::Istio => {
                let more =
                    [("namespace", "istio-system"), ("pod", "istio-ingressgateway-7c9b5d8f6b-q4x2m"), ("app", "istio-ingressgateway")];
                exporters.insert(GATEWAY.to_owned(), page("kubernetes-pods", "10.0.0.251:15020", &more));
            }
            Family::Nginx => {
                let more = [("namespace", "ingress-nginx"), ("pod", "ingress-nginx-controller-6d5f8b9c7d-k2v9w")];
                exporters.insert(CONTROLLER.to_owned(), page("kubernetes-pods", "10.0.0.252:10254", &more));
            }
            Family::Http | Family::Spring | Family::None => {}
        }
    }

    /// Counts on the pages of the clients and of the proxy.
    pub fn record(&mut self, family: Family, exporters: &mut Exporters, flow: &str, ended: Ended<'_>, server: Option<&Server>) {
        let status = ended.status.to_string();
        if let Some(exporter) = exporters.get_mut(CLIENTS) {
            let key = (ended.place.0, usize::MAX, usize::MAX, ended.status);
            let name = || labels(&[(NAME, "client_requests_total"), ("stream", flow), ("code", &status)]);
            self.clients.count(exporter, key, ended.count(), name);
        }
        match family {
            Family::Istio => {
                if let Some(exporter) = exporters.get_mut(GATEWAY) {
                    record_istio(&mut self.proxy, exporter, ended, server, "source");
                }
            }
            Family::Nginx => {
                if let Some(exporter) = exporters.get_mut(CONTROLLER) {
                    record_nginx(&mut self.proxy, exporter, ended);
                }
            }
            Family::Http | Family::Spring | Family::None => {}
        }
    }
}

/// Counts on the page of the pod that served.
pub fn record(family: Family, exporters: &mut Exporters, (namespace, pod): (&str, &str), server: &mut Server, ended: Ended<'_>) {
    let Some(exporter) = exporters.get_mut(&page_name(namespace, pod)) else { return };
    let mut page = std::mem::take(&mut server.page);
    match family {
        Family::Http => record_http(&mut page, exporter, ended),
        Family::Spring => record_spring(&mut page, exporter, ended),
        Family::Istio => record_istio(&mut page, exporter, ended, Some(server), "destination"),
        Family::Nginx | Family::None => {}
    }
    server.page = page;
}

/// Counters by code, one histogram for all codes. Series begin with the first request that they count.
fn record_http(page: &mut Page, exporter: &mut Exporter, ended: Ended<'_>) {
    let (method, handler) = (ended.class.method.as_str(), ended.class.path.as_str());
    let code = ended.status.to_string();
    let key = |status| (0, ended.place.0 << 16 | ended.place.1, 0, status);
    let counter = || labels(&[(NAME, "http_requests_total"), ("method", method), ("handler", handler), ("code", &code)]);
    page.count(exporter, key(ended.status), ended.count(), counter);
    let histogram = || labels(&[(NAME, "http_request_duration_seconds"), ("method", method), ("handler", handler)]);
    page.observe(exporter, key(0), SECONDS, ended.observed, histogram);
}

/// One histogram per status; its `_count` is the counter.
fn record_spring(page: &mut Page, exporter: &mut Exporter, ended: Ended<'_>) {
    let status = ended.status.to_string();
    let (outcome, exception) = match ended.status {
        200..300 => ("SUCCESS", "none"),
        400..500 => ("CLIENT_ERROR", "none"),
        503 => ("SERVER_ERROR", "none"),
        _ => ("SERVER_ERROR", "IllegalStateException"),
    };
    let name = || {
        labels(&[
            (NAME, "http_server_requests_seconds"),
            ("method", &ended.class.method),
            ("uri", &ended.class.path),
            ("status", &status),
            ("outcome", outcome),
            ("exception", exception),
            ("error", exception),
        ])
    };
    page.observe(exporter, ended.key(ended.status), SECONDS, ended.observed, name);
}

/// What a proxy reports: the sidecar before the pod (`destination`) or the gateway (`source`).
fn record_istio(page: &mut Page, exporter: &mut Exporter, ended: Ended<'_>, server: Option<&Server>, reporter: &str) {
    // The gateway has one series per workload, so the pod must not tell its counters apart; the backend's place does.
    let key = (ended.place.0, server.map_or(0, workload_place), ended.key(0).2, ended.status);
    let labels_of = |name: &str| istio_labels(name, &ended, server, reporter);
    page.count(exporter, key, ended.count(), || labels_of("istio_requests_total"));
    page.observe(exporter, key, ISTIO, ended.observed, || labels_of("istio_request_duration_milliseconds"));
}

/// A number for a workload and its version: those behind one backend are told apart by it.
fn workload_place(server: &Server) -> usize {
    let bytes = server.workload.bytes().chain([0]).chain(server.version.bytes());
    bytes.fold(7_usize, |hash, byte| hash.wrapping_mul(31).wrapping_add(usize::from(byte)))
}

fn istio_labels(name: &str, ended: &Ended<'_>, server: Option<&Server>, reporter: &str) -> Labels {
    let (namespace, service) = ended.backend.map_or(("unknown", "unknown"), |(backend, _)| (&backend.namespace, &backend.service));
    let host = match ended.backend {
        Some(_) => format!("{service}.{namespace}.svc.cluster.local"),
        None => "unknown".to_owned(),
    };
    let status = ended.status.to_string();
    let known = |pick: fn(&Server) -> &str| server.map_or("unknown", pick);
    let flags = match (server, ended.status) {
        (Some(_), _) => "-",
        (None, 404) => "NR",
        (None, _) => "UH",
    };
    labels(&[
        (NAME, name),
        ("reporter", reporter),
        ("source_workload", "istio-ingressgateway"),
        ("source_workload_namespace", "istio-system"),
        ("source_app", "istio-ingressgateway"),
        ("source_version", "unknown"),
        ("source_canonical_service", "istio-ingressgateway"),
        ("destination_workload", known(|server| &server.workload)),
        ("destination_workload_namespace", if server.is_some() { namespace } else { "unknown" }),
        ("destination_app", known(|server| &server.app)),
        ("destination_version", known(|server| &server.version)),
        ("destination_canonical_service", known(|server| &server.app)),
        ("destination_canonical_revision", known(|server| &server.version)),
        ("destination_service", &host),
        ("destination_service_name", service),
        ("destination_service_namespace", namespace),
        ("request_protocol", "http"),
        ("response_code", &status),
        ("response_flags", flags),
        ("connection_security_policy", if reporter == "source" { "unknown" } else { "mutual_tls" }),
    ])
}

fn record_nginx(page: &mut Page, exporter: &mut Exporter, ended: Ended<'_>) {
    let status = ended.status.to_string();
    let (ingress, namespace, service, canary) =
        ended.backend.map_or(("", "", "", ""), |(backend, _)| (&backend.ingress, &backend.namespace, &backend.front, &backend.canary));
    let labels_of = |name: &str| {
        labels(&[
            (NAME, name),
            ("controller_class", "k8s.io/ingress-nginx"),
            ("controller_namespace", "ingress-nginx"),
            ("controller_pod", "ingress-nginx-controller-6d5f8b9c7d-k2v9w"),
            ("ingress", ingress),
            ("namespace", namespace),
            ("service", service),
            ("canary", canary),
            ("method", &ended.class.method),
            ("path", "/"),
            ("host", "_"),
            ("status", &status),
        ])
    };
    page.count(exporter, ended.key(ended.status), ended.count(), || labels_of("nginx_ingress_controller_requests"));
    let duration = || labels_of("nginx_ingress_controller_request_duration_seconds");
    page.observe(exporter, ended.key(ended.status), SECONDS, ended.observed, duration);
}
