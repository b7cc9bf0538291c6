//! Two ways to a Prometheus: its address, or the API server's service proxy with the credentials one has already.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use prometheus_http_query::Client as PrometheusClient;

use super::MetricsError;
use crate::domain::release::Endpoint;
use crate::domain::text::sanitize;

/// Deadline of a connection.
const CONNECT: Duration = Duration::from_secs(3);
/// Deadline of a whole request.
const TOTAL: Duration = Duration::from_secs(5);
/// The most that is read of one answer, bytes.
pub(super) const LARGEST: usize = 1 << 20;

/// A way to a Prometheus.
#[derive(Clone)]
pub enum Transport {
    /// By its address.
    Url {
        /// The client.
        client: PrometheusClient,
        /// The address without user information.
        place: String,
        /// Extra headers, the bearer token among them.
        headers: Vec<(String, String)>,
    },
    /// Through the API server's service proxy.
    Proxy {
        /// The cluster's client.
        client: kube::Client,
        /// Path of the proxied service.
        path: String,
        /// Namespace, Service and port, for people.
        place: String,
    },
}

impl std::fmt::Debug for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Transport({})", self.place())
    }
}

impl Transport {
    /// Prepares a way. `token` is what the endpoint's `tokenFrom` variable holds, if it names one.
    ///
    /// # Errors
    /// [`MetricsError::Address`] when the address is no URL, or needs a cluster and there is none.
    pub fn new(endpoint: &Endpoint, cluster: Option<&kube::Client>, token: Option<String>) -> Result<Transport, MetricsError> {
        match endpoint {
            Endpoint::Url { url, headers, .. } => {
                let place = redacted(url);
                let wrong = |why: String| MetricsError::Address { place: place.clone(), why };
                // One TLS provider for the whole program; a second call does nothing.
                let _ = rustls::crypto::ring::default_provider().install_default();
                let http = reqwest::Client::builder().connect_timeout(CONNECT).timeout(TOTAL).build().map_err(|e| wrong(e.to_string()))?;
                let client = PrometheusClient::from(http, url).map_err(|e| wrong(format!("not an address: {e}")))?;
                let mut headers = headers.clone();
                headers.extend(token.map(|t| ("authorization".to_owned(), format!("Bearer {t}"))));
                Ok(Transport::Url { client, place, headers })
            }
            Endpoint::Service { namespace, name, port } => {
                let place = format!("{namespace}/{name}:{port}");
                let plain = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
                let Some(client) = cluster.filter(|_| [namespace, name, port].into_iter().all(|t| plain(t))) else {
                    return Err(MetricsError::Address { place, why: "not the name of a Service in a cluster".to_owned() });
                };
                let path = format!("/api/v1/namespaces/{namespace}/services/{name}:{port}/proxy");
                Ok(Transport::Proxy { client: client.clone(), path, place })
            }
        }
    }

    /// The address, for people.
    pub fn place(&self) -> &str {
        match self {
            Transport::Url { place, .. } | Transport::Proxy { place, .. } => place,
        }
    }

    /// Evaluates an expression at one instant (whole seconds; `None` is Prometheus' own present) and returns the body of a good
    /// answer.
    ///
    /// # Errors
    /// What came instead.
    pub async fn query(&self, promql: &str, at_secs: Option<i64>) -> Result<Bytes, MetricsError> {
        let exchange = async {
            match self {
                Transport::Url { client, headers, .. } => self.by_url(client, headers, promql, at_secs).await,
                Transport::Proxy { client, path, .. } => self.by_proxy(client, path, promql, at_secs).await,
            }
        };
        tokio::time::timeout(TOTAL, exchange)
            .await
            .unwrap_or_else(|_| Err(self.unreachable(format!("nothing within {} s", TOTAL.as_secs()))))
    }

    fn unreachable(&self, why: String) -> MetricsError {
        MetricsError::Unreachable { place: self.place().to_owned(), why }
    }

    async fn by_url(
        &self,
        client: &PrometheusClient,
        headers: &[(String, String)],
        promql: &str,
        at: Option<i64>,
    ) -> Result<Bytes, MetricsError> {
        let mut query = client.query(promql);
        if let Some(at) = at {
            query = query.at(at);
        }
        for (name, value) in headers {
            let (Ok(name), Ok(value)) = (name.parse::<http::HeaderName>(), value.parse::<http::HeaderValue>()) else {
                return Err(MetricsError::Address { place: self.place().to_owned(), why: format!("`{}` is no header", sanitize(name)) });
            };
            query = query.header(name, value);
        }
        let mut answer = query.get_raw().await.map_err(|e| self.unreachable(cause(&e)))?;
        let code = answer.status().as_u16();
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|e| self.unreachable(cause(&e)))? {
            body.extend_from_slice(&chunk);
            if body.len() > LARGEST {
                return Err(MetricsError::TooLarge { place: self.place().to_owned() });
            }
        }
        self.judged(code, body.into())
    }

    async fn by_proxy(&self, client: &kube::Client, path: &str, promql: &str, at: Option<i64>) -> Result<Bytes, MetricsError> {
        let at = at.map_or(String::new(), |at| format!("&time={at}"));
        let target = format!("{path}/api/v1/query?query={}{at}", encoded(promql));
        let request = http::Request::get(target).body(kube::client::Body::empty()).map_err(|e| self.unreachable(e.to_string()))?;
        let answer = client.send(request).await.map_err(|e| self.unreachable(cause(&e)))?;
        let code = answer.status().as_u16();
        let body =
            Limited::new(answer.into_body(), LARGEST).collect().await.map_err(|e| match e.is::<http_body_util::LengthLimitError>() {
                true => MetricsError::TooLarge { place: self.place().to_owned() },
                false => self.unreachable(e.to_string()),
            })?;
        self.judged(code, body.to_bytes())
    }

    /// A body is passed on when it may be Prometheus' own: success, or one of its error statuses with JSON in it.
    fn judged(&self, code: u16, body: Bytes) -> Result<Bytes, MetricsError> {
        let own_refusal = matches!(code, 400 | 422 | 503) && body.starts_with(b"{\"status\"");
        if code == 200 || own_refusal {
            return Ok(body);
        }
        let hint = match code {
            401 | 403 => "; the credentials do not suffice (through the service proxy: get on services/proxy)",
            404 => "; is this the address of Prometheus itself, with its path prefix?",
            _ => "",
        };
        Err(MetricsError::Status { place: self.place().to_owned(), code, said: beginning(&body), hint })
    }
}

/// What a body says: the message of a Kubernetes answer, else its first 80 safe characters.
pub(super) fn beginning(body: &[u8]) -> String {
    #[derive(serde::Deserialize)]
    struct Status {
        message: String,
    }
    if let Ok(status) = serde_json::from_slice::<Status>(body) {
        return sanitize(&status.message).chars().take(200).collect();
    }
    let text: String = String::from_utf8_lossy(body).chars().take(80).collect();
    sanitize(text.trim()).into_owned()
}

/// A value of a query, percent-encoded.
fn encoded(value: &str) -> String {
    let keep = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    value.bytes().map(|b| if keep(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

/// An address without its user information.
fn redacted(url: &str) -> String {
    let safe = sanitize(url).into_owned();
    match (safe.find("://"), safe.rfind('@')) {
        (Some(scheme), Some(at)) if at > scheme => {
            format!("{}://…{}", safe.get(..scheme).unwrap_or_default(), safe.get(at..).unwrap_or_default())
        }
        _ => safe,
    }
}

/// The innermost cause of an error, sanitized.
fn cause(error: &dyn std::error::Error) -> String {
    let mut inner = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    sanitize(&inner.to_string()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_stay_out_of_messages() {
        assert_eq!(redacted("https://me:secret@prom.example/x"), "https://…@prom.example/x");
        assert_eq!(redacted("http://prom:9090"), "http://prom:9090");
        assert_eq!(encoded("up{a=\"b\"}[45s]"), "up%7Ba%3D%22b%22%7D%5B45s%5D");
    }
}
