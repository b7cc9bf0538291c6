//! Who sends requests: what a scenario sets up.

/// A stream of requests that enters at one object.
#[derive(Debug, Clone, PartialEq)]
pub struct Flow {
    /// Its name, under which a script may change its rate.
    pub name: String,
    /// Namespace of the object where it enters.
    pub namespace: String,
    /// The object where it enters.
    pub enters: Entry,
    /// Requests per second, on average.
    pub rate: f64,
    /// Slow ups and downs around the average.
    pub wobble: Option<Wobble>,
    /// What is asked for; empty: `GET /`.
    pub paths: Vec<Path>,
    /// Headers that some requests carry. A request carries at most one of them.
    pub headers: Vec<Header>,
}

/// Where requests enter, by the object's name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Entry {
    /// An Istio VirtualService.
    VirtualService(String),
    /// A Gateway API HTTPRoute.
    HttpRoute(String),
    /// A Service.
    Service(String),
    /// An Ingress, with the canary Ingress of the same host and path if there is one.
    Ingress(String),
}

/// A sine around the average rate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wobble {
    /// Largest deviation, as a share of the average.
    pub by: f64,
    /// Length of one up and down in ms, above 0.
    pub period_ms: u64,
}

/// Something that is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Path {
    /// HTTP method.
    pub method: String,
    /// The path.
    pub path: String,
    /// Relative to the sum of all paths' shares.
    pub share: f64,
}

/// A header that some requests carry.
#[derive(Debug, Clone, PartialEq)]
pub struct Header {
    /// Its name; case does not matter.
    pub name: String,
    /// Its value.
    pub value: String,
    /// The share of requests that carry it, 0 to 1.
    pub share: f64,
}

/// What the pods, or the proxies before them, expose to Prometheus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Family {
    /// `http_requests_total`, `http_request_duration_seconds`.
    #[default]
    Http,
    /// `http_server_requests_seconds` (Spring, Micrometer).
    Spring,
    /// `istio_requests_total`, `istio_request_duration_milliseconds`: sidecars and the ingress gateway.
    Istio,
    /// `nginx_ingress_controller_requests`, `nginx_ingress_controller_request_duration_seconds`: the controller.
    Nginx,
    /// Nothing.
    None,
}

/// One kind of request of a flow: what it asks for, the header it carries, its share of the flow.
#[derive(Debug, Clone, PartialEq)]
pub struct Class {
    /// HTTP method.
    pub method: String,
    /// The path.
    pub path: String,
    /// Name and value of its header.
    pub header: Option<(String, String)>,
    /// The share of the flow's requests that are of this kind.
    pub share: f64,
}

impl Flow {
    /// Requests per second at a moment (ms since the start), around `average`.
    #[must_use]
    pub fn rate_at(&self, ms: u64, average: f64) -> f64 {
        let swing = self.wobble.map_or(0.0, |wobble| {
            let turn = ms as f64 / wobble.period_ms.max(1) as f64;
            wobble.by * (turn * std::f64::consts::TAU).sin()
        });
        (average * (1.0 + swing)).max(0.0)
    }

    /// The kinds of requests: every path with every header and with none.
    #[must_use]
    pub fn classes(&self) -> Vec<Class> {
        let default = [Path { method: "GET".to_owned(), path: "/".to_owned(), share: 1.0 }];
        let paths = if self.paths.is_empty() { default.as_slice() } else { self.paths.as_slice() };
        let total: f64 = paths.iter().map(|path| path.share).sum();
        let carried: f64 = self.headers.iter().map(|header| header.share).sum();
        let plain = (None, (1.0 - carried).max(0.0));
        let with = self.headers.iter().map(|header| (Some((header.name.clone(), header.value.clone())), header.share));
        let headers: Vec<(Option<(String, String)>, f64)> = with.chain([plain]).collect();
        let class = |path: &Path, (header, share): &(Option<(String, String)>, f64)| Class {
            method: path.method.clone(),
            path: path.path.clone(),
            header: header.clone(),
            share: share * if total > 0.0 { path.share / total } else { 0.0 },
        };
        paths.iter().flat_map(|path| headers.iter().map(move |header| class(path, header))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow() -> Flow {
        Flow {
            name: "f".into(),
            namespace: "n".into(),
            enters: Entry::Service("s".into()),
            rate: 10.0,
            wobble: None,
            paths: Vec::new(),
            headers: Vec::new(),
        }
    }

    #[test]
    fn classes_cover_all_requests() {
        assert_eq!(flow().classes(), [Class { method: "GET".into(), path: "/".into(), header: None, share: 1.0 }]);
        let path = |path: &str, share| Path { method: "GET".into(), path: path.into(), share };
        let header = Header { name: "x-canary".into(), value: "always".into(), share: 0.1 };
        let classes = Flow { paths: vec![path("/a", 3.0), path("/b", 1.0)], headers: vec![header], ..flow() }.classes();
        assert_eq!(classes.len(), 4);
        assert!((classes.iter().map(|class| class.share).sum::<f64>() - 1.0).abs() < 1e-12);
        let carried: f64 = classes.iter().filter(|class| class.header.is_some()).map(|class| class.share).sum();
        assert!((carried - 0.1).abs() < 1e-12);
    }

    #[test]
    fn a_wobble_swings_around_the_average() {
        let wobbling = Flow { wobble: Some(Wobble { by: 0.2, period_ms: 1_000 }), ..flow() };
        let at = |ms| wobbling.rate_at(ms, 10.0);
        assert!((at(0) - 10.0).abs() < 1e-9 && (at(250) - 12.0).abs() < 1e-9 && (at(750) - 8.0).abs() < 1e-9);
        assert_eq!(flow().rate_at(250, 10.0), 10.0);
    }
}
