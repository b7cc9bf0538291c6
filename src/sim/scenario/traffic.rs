//! `traffic:` the requests people send, and `prometheus:` who counts them.

use std::fmt;

use serde::Deserialize;

use super::units::{Share, Span};

/// A stream of requests to one component.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Stream {
    /// The component it is for; also the name under which events change its rate.
    pub name: String,
    /// The object by which requests enter. What it says at the moment decides where each request goes.
    pub enters: Entry,
    /// Requests per second, on average.
    pub rate: f64,
    /// Slow ups and downs, as over a day.
    pub wobble: Option<Wobble>,
    /// Paths and how often each is asked for. Default: all requests to `/`.
    #[serde(default)]
    pub paths: Vec<Path>,
    /// Headers that a share of the requests carries. No request carries two of them.
    #[serde(default)]
    pub headers: Vec<Header>,
}

/// Where requests enter the mesh or cluster: an object of the scenario's namespace, by name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Entry {
    /// Istio: routes and weights of a VirtualService.
    VirtualService(String),
    /// Gateway API: rules and weights of an HTTPRoute.
    HttpRoute(String),
    /// A plain Service: its ready endpoints in equal shares.
    Service(String),
    /// An Ingress, with the canary annotations of a second one.
    Ingress(String),
}

/// `wobble: { by: 15%, period: 10m }`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Wobble {
    /// Largest deviation from the average.
    pub by: Share,
    /// Length of one up and down.
    pub period: Span,
}

/// `{ path: /api/products, share: 60% }`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Path {
    /// The path.
    pub path: String,
    /// Its share of the requests. Shares are relative to their sum.
    pub share: Share,
    /// Method. Default GET.
    #[serde(default = "get")]
    pub method: String,
}

fn get() -> String {
    "GET".into()
}

/// `{ name: x-canary, value: always, share: 2% }`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Header {
    /// Header name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Share of requests with it.
    pub share: Share,
}

/// The metric families that the pods (or the mesh) expose.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Family {
    /// `http_requests_total` and `http_request_duration_seconds_bucket`.
    #[default]
    Http,
    /// `http_server_requests_seconds_*`.
    Spring,
    /// `istio_requests_total` and `istio_request_duration_milliseconds_bucket`.
    Istio,
    /// `nginx_ingress_controller_requests` and its histograms.
    Nginx,
    /// Pods expose nothing.
    None,
}

/// `prometheus: { service: monitoring/prometheus-server:80, scrape: 15s }`; left out, there is no Prometheus.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Prometheus {
    /// The Service by which it is reached.
    #[serde(default)]
    pub service: ServiceAddress,
    /// Time between scrapes. Default `15s`.
    #[serde(default = "fifteen_seconds")]
    pub scrape: Span,
    /// Times at which it is down or broken.
    #[serde(default)]
    pub blackouts: Vec<Blackout>,
}

fn fifteen_seconds() -> Span {
    Span::seconds(15)
}

/// A stretch of virtual time since the start: `{ at: 5m, for: 2m, how: html }`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Blackout {
    /// Its beginning.
    pub at: Span,
    /// Its length.
    #[serde(rename = "for")]
    pub lasting: Span,
    /// What is wrong. Default `down`.
    #[serde(default)]
    pub how: Broken,
    /// With `how: slow`, the real time that each answer takes. Default `20s`.
    #[serde(default = "twenty_seconds")]
    pub delay: Span,
}

fn twenty_seconds() -> Span {
    Span::seconds(20)
}

/// A way in which Prometheus can be broken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Broken {
    /// It neither answers nor scrapes.
    #[default]
    Down,
    /// Every answer is a 500.
    Error,
    /// Every answer is a login page.
    Html,
    /// Every value is NaN.
    #[serde(rename = "nan")]
    NaN,
    /// Every answer is late.
    Slow,
}

/// `namespace/name:port`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct ServiceAddress {
    /// Namespace.
    pub namespace: String,
    /// Name of the Service.
    pub name: String,
    /// Port.
    pub port: u16,
}

impl Default for ServiceAddress {
    fn default() -> Self {
        Self { namespace: "monitoring".into(), name: "prometheus-server".into(), port: 80 }
    }
}

impl TryFrom<String> for ServiceAddress {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let parts = text.split_once('/').and_then(|(namespace, rest)| {
            let (name, port) = rest.split_once(':')?;
            let port = port.parse().ok()?;
            (!namespace.is_empty() && !name.is_empty()).then(|| Self { namespace: namespace.into(), name: name.into(), port })
        });
        parts.ok_or_else(|| format!("`{text}` is not a Service written as namespace/name:port"))
    }
}

impl fmt::Display for ServiceAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}:{}", self.namespace, self.name, self.port)
    }
}

impl Prometheus {
    /// What is wrong with it, if anything.
    pub(super) fn fault(&self) -> Option<String> {
        (self.scrape.0 < 1_000).then(|| "prometheus: scrape is 1s or more".into())
    }
}

impl Stream {
    /// What is wrong with it, if anything.
    pub(super) fn fault(&self) -> Option<String> {
        if !(self.rate.is_finite() && self.rate >= 0.0) {
            return Some(format!("traffic {}: rate is a number of requests per second, 0 or more, not {}", self.name, self.rate));
        }
        if self.wobble.as_ref().is_some_and(|wobble| wobble.period.0 == 0) {
            return Some(format!("traffic {}: wobble.period must be above 0s", self.name));
        }
        if self.headers.iter().map(|header| header.share.0).sum::<f64>() > 1.0 + 1e-9 {
            return Some(format!(
                "traffic {}: a request carries at most one of its headers, so their shares cannot sum to over 100%",
                self.name
            ));
        }
        if !self.paths.is_empty() && self.paths.iter().map(|path| path.share.0).sum::<f64>() <= 0.0 {
            return Some(format!("traffic {}: the shares of its paths sum to 0%", self.name));
        }
        None
    }
}
