//! A client that cannot write: a layer under it lets through an allow-list of verb *and* path.

use std::future::{Future, ready};
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{HeaderMap, Method, Request, header};
use kube::client::Body;
use thiserror::Error;
use tower::{BoxError, Layer, Service};

use crate::domain::text::sanitize;

/// Refused before anything was sent.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("read-only: {what} is not let through; start without --read-only to change things")]
pub struct Refusal {
    /// Method and path.
    pub what: String,
}

/// Lets only reads pass when `on`.
#[derive(Clone, Copy, Debug)]
pub struct ReadOnlyLayer {
    /// Whether it guards at all.
    pub on: bool,
}

impl<S> Layer<S> for ReadOnlyLayer {
    type Service = ReadOnly<S>;

    fn layer(&self, inner: S) -> ReadOnly<S> {
        ReadOnly { inner, on: self.on }
    }
}

/// See [`ReadOnlyLayer`].
#[derive(Clone, Debug)]
pub struct ReadOnly<S> {
    inner: S,
    on: bool,
}

impl<S> Service<Request<Body>> for ReadOnly<S>
where
    S: Service<Request<Body>>,
    S::Error: Into<BoxError>,
    S::Future: Send + 'static,
    S::Response: Send + 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        if self.on && !is_read(request.method(), request.uri().path(), request.headers()) {
            let what = sanitize(&format!("{} {}", request.method(), request.uri().path())).into_owned();
            return Box::pin(ready(Err(Refusal { what }.into())));
        }
        let answer = self.inner.call(request);
        Box::pin(async move { answer.await.map_err(Into::into) })
    }
}

/// Questions about ourselves that are asked by POST.
const REVIEWS: [&str; 3] = [
    "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
    "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
    "/apis/authentication.k8s.io/v1/selfsubjectreviews",
];

/// Paths outside the resources that are read.
const PLAIN: [&str; 8] = ["/version", "/healthz", "/livez", "/readyz", "/api", "/apis", "/openapi/v2", "/openapi/v3"];

/// Whether a request can change nothing. What is not known to be harmless is refused.
fn is_read(method: &Method, path: &str, headers: &HeaderMap) -> bool {
    // A request that is to become something else (exec and attach are GETs), or to be taken for another.
    let disguised = [header::UPGRADE.as_str(), "x-http-method-override", "x-http-method", "x-method-override"];
    if disguised.iter().any(|name| headers.contains_key(*name)) {
        return false;
    }
    // Paths are compared as they stand: whoever needs an escape in one is not us.
    if path.contains("//") || !path.starts_with('/') || !path.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:/".contains(&b)) {
        return false;
    }
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    if segments.iter().any(|s| *s == "." || *s == "..") {
        return false;
    }
    match *method {
        Method::GET => PLAIN.contains(&path) || is_readable(&segments),
        Method::POST => REVIEWS.contains(&path),
        _ => false,
    }
}

/// `/api/v1/…` or `/apis/GROUP/VERSION/…`: discovery, a collection, an object, or a subresource that only tells.
fn is_readable(segments: &[&str]) -> bool {
    let rest = match segments {
        ["api", _version, rest @ ..] | ["apis", _, _version, rest @ ..] => rest,
        ["apis", _group] => return true,
        _ => return false,
    };
    // The first generation of watches and proxies.
    if matches!(rest.first(), Some(&("proxy" | "watch" | "redirect"))) {
        return false;
    }
    match rest {
        [] | [_] | [_, _] | ["namespaces", _, _] | ["namespaces", _, _, _] => true,
        ["namespaces", _, "services", _, "proxy", tail @ ..] => segments.first() == Some(&"api") && is_prometheus(tail),
        ["namespaces", _, "pods", _, "log"] => segments.first() == Some(&"api"),
        ["namespaces", _, _, _, sub] | [_, _, sub] => matches!(*sub, "status" | "scale"),
        _ => false,
    }
}

/// Queries of Prometheus' HTTP API, wherever its root is. Its other paths can stop it or delete series.
fn is_prometheus(tail: &[&str]) -> bool {
    let at = tail.iter().position(|s| *s == "api");
    let Some(api) = at.and_then(|at| tail.get(at..)) else {
        return matches!(tail, ["-", "healthy" | "ready"]);
    };
    matches!(
        api,
        ["api", "v1", "query" | "query_range" | "series" | "labels" | "metadata" | "targets" | "rules" | "alerts"]
            | ["api", "v1", "label", _, "values"]
            | ["api", "v1", "status", "buildinfo" | "runtimeinfo"]
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn passes(method: &Method, path: &str) -> bool {
        is_read(method, path, &HeaderMap::new())
    }

    #[test]
    fn what_the_program_reads_passes() {
        for path in [
            "/version",
            "/apis",
            "/apis/networking.istio.io",
            "/apis/networking.istio.io/v1",
            "/api/v1/namespaces",
            "/api/v1/namespaces/shop",
            "/api/v1/pods",
            "/api/v1/nodes",
            "/api/v1/namespaces/shop/resourcequotas",
            "/apis/policy/v1/namespaces/shop/poddisruptionbudgets",
            "/api/v1/namespaces/shop/pods",
            "/api/v1/namespaces/shop/pods/web-7f9c",
            "/api/v1/namespaces/shop/pods/web-7f9c/log",
            "/apis/apps/v1/namespaces/shop/deployments/web/scale",
            "/apis/metrics.k8s.io/v1beta1/namespaces/shop/pods",
            "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications/shop",
            "/api/v1/namespaces/mon/services/http:prom:9090/proxy/api/v1/query_range",
            "/api/v1/namespaces/mon/services/mimir:80/proxy/prometheus/api/v1/label/job/values",
        ] {
            assert!(passes(&Method::GET, path), "{path}");
        }
        for path in REVIEWS {
            assert!(passes(&Method::POST, path), "{path}");
        }
    }

    #[test]
    fn gets_that_do_something_do_not_pass() {
        for path in [
            "/api/v1/namespaces/shop/pods/web/exec",
            "/api/v1/namespaces/shop/pods/web/attach",
            "/api/v1/namespaces/shop/pods/web/portforward",
            "/api/v1/namespaces/shop/pods/web/proxy",
            "/api/v1/namespaces/shop/pods/web/proxy/quit",
            "/api/v1/namespaces/shop/services/web/proxy",
            "/api/v1/namespaces/shop/services/web/proxy/admin/drop",
            "/api/v1/namespaces/mon/services/prom:9090/proxy/-/quit",
            "/api/v1/namespaces/mon/services/prom:9090/proxy/api/v1/admin/tsdb/delete_series",
            "/api/v1/namespaces/mon/services/prom:9090/proxy/api/v1/query/../admin/tsdb/snapshot",
            "/api/v1/nodes/n1/proxy/exec",
            "/api/v1/proxy/namespaces/shop/pods/web",
            "/api/v1/namespaces/shop/pods/web%2fexec",
            "/api/v1/namespaces/shop/pods/web/log%2f..%2fexec",
            "/api/v1/namespaces/shop//pods/web/exec",
            "/api/v1/namespaces/shop/pods/web/log/../exec",
            "/api/v1/namespaces/shop/pods/./web/exec",
            "/api/v1/namespaces/shop/pods/web/EXEC",
            "/API/v1/namespaces/shop/pods/web/exec",
            "/apis/subresources.kubevirt.io/v1/namespaces/shop/virtualmachineinstances/vm/console",
            "/debug/pprof/profile",
            "/metrics",
            "",
        ] {
            assert!(!passes(&Method::GET, path), "{path}");
        }
    }

    #[test]
    fn an_upgrade_does_not_pass_whatever_the_path() {
        for name in ["upgrade", "x-http-method-override"] {
            let headers = HeaderMap::from_iter([(header::HeaderName::from_static(name), header::HeaderValue::from_static("websocket"))]);
            assert!(!is_read(&Method::GET, "/api/v1/namespaces/shop/pods", &headers), "{name}");
        }
    }

    #[test]
    fn no_write_to_an_application_passes() {
        let path = "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications/shop";
        for method in [Method::PATCH, Method::PUT, Method::POST, Method::DELETE] {
            assert!(!passes(&method, path) && !passes(&method, &format!("{path}/status")), "{method}");
        }
    }

    #[test]
    fn posts_that_look_like_reviews_do_not_pass() {
        for path in [
            "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews/",
            "/apis/authorization.k8s.io/v1/subjectaccessreviews",
            "/apis/authorization.k8s.io/v1/namespaces/shop/localsubjectaccessreviews",
            "/apis/authorization.k8s.io/v1/../v1/selfsubjectaccessreviews",
            "/api/v1/namespaces/mon/services/prom:9090/proxy/api/v1/query",
        ] {
            assert!(!passes(&Method::POST, path), "{path}");
        }
    }

    fn piece() -> impl Strategy<Value = String> {
        let known = prop::sample::select(vec![
            "api",
            "apis",
            "v1",
            "apps",
            "namespaces",
            "shop",
            "pods",
            "services",
            "deployments",
            "web",
            "exec",
            "attach",
            "portforward",
            "proxy",
            "log",
            "status",
            "scale",
            "eviction",
            "binding",
            "token",
            "Exec",
            "..",
            ".",
            "",
            "%2e%2e",
            "%2fexec",
            "query",
            "admin",
        ]);
        prop_oneof![8 => known.prop_map(str::to_owned), 1 => "[a-z%/.]{0,6}"]
    }

    proptest! {
        /// Of all paths made of these words, those that pass name no subresource but the ones that only tell.
        #[test]
        fn nothing_that_acts_passes(pieces in prop::collection::vec(piece(), 0..11), tail in "(/|\\?.*)?") {
            let path = format!("/{}{}", pieces.join("/"), tail);
            if passes(&Method::GET, &path) {
                prop_assert!(!path.contains('%') && !path.contains("//") && !path.contains("/../") && !path.contains('?'), "{path}");
                let words: Vec<&str> = path.split('/').skip(1).collect();
                let sub = match words.as_slice() {
                    ["api", _, "namespaces", _, _, _, sub, ..] | ["apis", _, _, "namespaces", _, _, _, sub, ..] => Some(*sub),
                    _ => None,
                };
                prop_assert!(sub.is_none_or(|s| matches!(s, "log" | "status" | "scale" | "proxy")), "{path}");
                prop_assert!(sub != Some("proxy") || words.get(4) == Some(&"services"), "{path}");
            }
        }

        #[test]
        fn no_other_verb_passes(pieces in prop::collection::vec(piece(), 0..9), verb in prop::sample::select(vec!["POST", "PUT", "PATCH", "DELETE", "get", "HEAD", "CONNECT", "OPTIONS", "TRACE", "X"])) {
            let path = format!("/{}", pieces.join("/"));
            let method = Method::from_bytes(verb.as_bytes()).unwrap();
            prop_assert!(!passes(&method, &path) || (method == Method::POST && REVIEWS.contains(&path.as_str())), "{verb} {path}");
        }
    }
}
