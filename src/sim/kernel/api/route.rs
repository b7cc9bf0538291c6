//! What a path means.

use crate::sim::kernel::{
    Resource,
    resource::{self, NAMESPACE, POD, SERVICE},
};

/// A parsed path.
#[derive(Debug, PartialEq)]
pub enum Route<'a> {
    /// `/healthz`, `/livez`, `/readyz`.
    Health,
    /// `/version`.
    Version,
    /// `/api`, `/apis`, `/api/v1`, `/apis/GROUP`, `/apis/GROUP/VERSION`: the parts after the first.
    Discovery(Vec<&'a str>),
    /// `/openapi/v3` and below: the parts after it.
    OpenApi(Vec<&'a str>),
    /// `/openapi/v2`.
    OldOpenApi,
    /// An access review, by kind.
    Review(&'static str),
    /// metrics.k8s.io.
    Metrics(MetricsTarget),
    /// An object or a collection.
    Resource(Target),
    /// Nothing we serve, in a group version that we serve.
    Nothing,
    /// Nothing we serve.
    Unknown,
}

/// An object, a collection or a subresource.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// The kind.
    pub resource: &'static Resource,
    /// The group it was asked for in.
    pub group: &'static str,
    /// The version it was asked for in.
    pub version: &'static str,
    /// Namespace, when one was named.
    pub namespace: Option<String>,
    /// Name, when one was named.
    pub name: Option<String>,
    /// Subresource, or empty.
    pub subresource: String,
    /// The path after `/proxy`.
    pub rest: String,
}

impl Target {
    /// The namespace, or empty.
    pub fn namespace(&self) -> &str {
        self.namespace.as_deref().unwrap_or_default()
    }

    /// The name, or empty.
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }
}

/// Pods or nodes of metrics.k8s.io.
#[derive(Debug, PartialEq)]
pub struct MetricsTarget {
    /// Nodes instead of pods.
    pub nodes: bool,
    /// Namespace of pods; `None`: all.
    pub namespace: Option<String>,
    /// One of them.
    pub name: Option<String>,
}

const REVIEWS: [(&str, &str, &str); 3] = [
    ("authorization.k8s.io", "selfsubjectaccessreviews", "SelfSubjectAccessReview"),
    ("authorization.k8s.io", "selfsubjectrulesreviews", "SelfSubjectRulesReview"),
    ("authentication.k8s.io", "selfsubjectreviews", "SelfSubjectReview"),
];

/// Parses a decoded path.
pub fn parse(path: &str) -> Route<'_> {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    match parts.as_slice() {
        ["healthz" | "livez" | "readyz", ..] => Route::Health,
        ["version"] => Route::Version,
        ["api"] | ["apis"] | ["api", _] | ["apis", _] | ["apis", _, _] => Route::Discovery(parts),
        ["openapi", "v3", rest @ ..] => Route::OpenApi(rest.to_vec()),
        ["openapi", "v2"] => Route::OldOpenApi,
        ["api", version, rest @ ..] => objects("", version, rest, path),
        ["apis", "metrics.k8s.io", "v1beta1", rest @ ..] => metrics(rest),
        ["apis", group, "v1", plural] if REVIEWS.iter().any(|(g, p, _)| (g, p) == (group, plural)) => {
            let kind = REVIEWS.iter().find(|(g, p, _)| (g, p) == (group, plural)).map_or("", |(_, _, kind)| kind);
            Route::Review(kind)
        }
        ["apis", group, version, rest @ ..] => objects(group, version, rest, path),
        _ => Route::Unknown,
    }
}

fn metrics<'a>(rest: &[&str]) -> Route<'a> {
    let (nodes, namespace, name) = match rest {
        ["nodes"] => (true, None, None),
        ["nodes", name] => (true, None, Some(*name)),
        ["pods"] => (false, None, None),
        ["namespaces", namespace, "pods"] => (false, Some(*namespace), None),
        ["namespaces", namespace, "pods", name] => (false, Some(*namespace), Some(*name)),
        _ => return Route::Unknown,
    };
    Route::Metrics(MetricsTarget { nodes, namespace: namespace.map(str::to_owned), name: name.map(str::to_owned) })
}

fn objects<'a>(group: &str, version: &str, rest: &[&str], path: &str) -> Route<'a> {
    if !resource::ALL.iter().any(|r| r.versions.contains(&(group, version))) {
        return Route::Unknown;
    }
    let (namespace, rest) = match rest {
        // `namespaces/NAME` and its own subresources are about the namespace itself.
        ["namespaces", _] | ["namespaces", _, "status" | "finalize"] => (None, rest),
        ["namespaces", namespace, inner @ ..] if !inner.is_empty() => (Some(*namespace), inner),
        _ => (None, rest),
    };
    let Some((plural, rest)) = rest.split_first() else { return Route::Nothing };
    let Some(found) = resource::find(group, version, plural) else { return Route::Nothing };
    if namespace.is_some() && !found.namespaced {
        return Route::Nothing;
    }
    let (name, subresource, tail) = match rest {
        [] => (None, "", ""),
        [name] => (Some(*name), "", ""),
        [name, "proxy", ..] if found == &SERVICE => (Some(*name), "proxy", after_proxy(path)),
        [name, sub] if has_subresource(found, sub) => (Some(*name), *sub, ""),
        _ => return Route::Nothing,
    };
    if name.is_some() && found.namespaced && namespace.is_none() {
        return Route::Nothing;
    }
    let Some((group, version)) = found.versions.iter().find(|served| **served == (group, version)) else { return Route::Nothing };
    Route::Resource(Target {
        resource: found,
        group,
        version,
        namespace: namespace.map(str::to_owned),
        name: name.map(str::to_owned),
        subresource: subresource.to_owned(),
        rest: tail.to_owned(),
    })
}

fn has_subresource(resource: &Resource, name: &str) -> bool {
    match name {
        "status" => resource.status,
        "scale" => resource.scale,
        "log" => *resource == POD,
        "finalize" => *resource == NAMESPACE,
        _ => false,
    }
}

/// The path after the first `/proxy`, with its leading slash; `/` when there is none.
fn after_proxy(path: &str) -> &str {
    let tail = path.split_once("/proxy").map_or("", |(_, tail)| tail);
    if tail.is_empty() { "/" } else { tail }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::kernel::resource::{DEPLOYMENT, EVENT};

    fn target(path: &str) -> Target {
        match parse(path) {
            Route::Resource(target) => target,
            other => panic!("{path}: {other:?}"),
        }
    }

    #[test]
    fn paths_lead_to_their_objects() {
        let one = target("/apis/apps/v1/namespaces/shop/deployments/web/scale");
        assert_eq!((one.resource, one.namespace(), one.name(), one.subresource.as_str()), (&DEPLOYMENT, "shop", "web", "scale"));
        assert_eq!(target("/api/v1/pods").namespace, None);
        let space = target("/api/v1/namespaces/shop");
        assert_eq!((space.resource, space.name()), (&NAMESPACE, "shop"));
        assert_eq!(target("/api/v1/namespaces/shop/status").subresource, "status");
        let event = target("/apis/events.k8s.io/v1/namespaces/shop/events");
        assert_eq!((event.resource, event.group, event.version), (&EVENT, "events.k8s.io", "v1"));
        let proxy = target("/api/v1/namespaces/monitoring/services/prometheus:80/proxy/api/v1/query");
        assert_eq!((proxy.name(), proxy.rest.as_str()), ("prometheus:80", "/api/v1/query"));
    }

    #[test]
    fn what_is_not_served_is_unknown() {
        for path in ["/nope", "/apis/apps/v1beta1/deployments", "/apis/example.com/v1/widgets"] {
            assert_eq!(parse(path), Route::Unknown, "{path}");
        }
        for path in
            ["/api/v1/namespaces/a/nodes", "/api/v1/pods/x", "/api/v1/namespaces/a/pods/x/exec", "/apis/apps/v1/namespaces/a/widgets"]
        {
            assert_eq!(parse(path), Route::Nothing, "{path}");
        }
        assert!(matches!(parse("/apis/apps/v1"), Route::Discovery(_)));
        assert_eq!(parse("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"), Route::Review("SelfSubjectAccessReview"));
    }
}
