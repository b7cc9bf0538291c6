//! Names of Kubernetes objects.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The kinds of objects that a release is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(missing_docs)] // the names are Kubernetes' own
pub enum Kind {
    Deployment,
    ReplicaSet,
    Pod,
    Service,
    EndpointSlice,
    HorizontalPodAutoscaler,
    Event,
    ConfigMap,
    Lease,
    /// Istio's.
    VirtualService,
    /// Gateway API's `HTTPRoute`.
    HttpRoute,
    Ingress,
    /// Argo CD's.
    Application,
    /// Argo Rollouts'.
    Rollout,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 14] = [
        Kind::Deployment,
        Kind::ReplicaSet,
        Kind::Pod,
        Kind::Service,
        Kind::EndpointSlice,
        Kind::HorizontalPodAutoscaler,
        Kind::Event,
        Kind::ConfigMap,
        Kind::Lease,
        Kind::VirtualService,
        Kind::HttpRoute,
        Kind::Ingress,
        Kind::Application,
        Kind::Rollout,
    ];

    /// API group (empty for the core group), version, plural, name in manifests, name for kubectl.
    const fn row(self) -> (&'static str, &'static str, &'static str, &'static str, &'static str) {
        match self {
            Kind::Deployment => ("apps", "v1", "deployments", "Deployment", "deployment"),
            Kind::ReplicaSet => ("apps", "v1", "replicasets", "ReplicaSet", "replicaset"),
            Kind::Pod => ("", "v1", "pods", "Pod", "pod"),
            Kind::Service => ("", "v1", "services", "Service", "service"),
            Kind::EndpointSlice => ("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice", "endpointslice"),
            Kind::HorizontalPodAutoscaler => ("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler", "hpa"),
            Kind::Event => ("", "v1", "events", "Event", "event"),
            Kind::ConfigMap => ("", "v1", "configmaps", "ConfigMap", "configmap"),
            Kind::Lease => ("coordination.k8s.io", "v1", "leases", "Lease", "lease"),
            Kind::VirtualService => {
                ("networking.istio.io", "v1", "virtualservices", "VirtualService", "virtualservice.networking.istio.io")
            }
            Kind::HttpRoute => ("gateway.networking.k8s.io", "v1", "httproutes", "HTTPRoute", "httproute.gateway.networking.k8s.io"),
            Kind::Ingress => ("networking.k8s.io", "v1", "ingresses", "Ingress", "ingress"),
            Kind::Application => ("argoproj.io", "v1alpha1", "applications", "Application", "application.argoproj.io"),
            Kind::Rollout => ("argoproj.io", "v1alpha1", "rollouts", "Rollout", "rollout.argoproj.io"),
        }
    }

    /// API group, empty for the core group.
    pub const fn group(self) -> &'static str {
        self.row().0
    }

    /// API version within the group.
    pub const fn version(self) -> &'static str {
        self.row().1
    }

    /// The plural that stands in paths and in RBAC rules.
    pub const fn plural(self) -> &'static str {
        self.row().2
    }

    /// The kind as manifests write it.
    pub const fn name(self) -> &'static str {
        self.row().3
    }

    /// What kubectl calls it in commands that we print.
    pub const fn kubectl(self) -> &'static str {
        self.row().4
    }

    /// `v1`, `apps/v1`.
    pub fn api_version(self) -> String {
        if self.group().is_empty() { self.version().to_owned() } else { format!("{}/{}", self.group(), self.version()) }
    }

    /// The path of the collection in a namespace, or across all namespaces.
    pub fn collection_path(self, namespace: Option<&str>) -> String {
        let root =
            if self.group().is_empty() { format!("/api/{}", self.version()) } else { format!("/apis/{}/{}", self.group(), self.version()) };
        match namespace {
            Some(ns) => format!("{root}/namespaces/{ns}/{}", self.plural()),
            None => format!("{root}/{}", self.plural()),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// One object, by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObjectRef {
    /// Its kind.
    pub kind: Kind,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl ObjectRef {
    /// Names an object.
    pub fn new(kind: Kind, namespace: impl Into<String>, name: impl Into<String>) -> ObjectRef {
        ObjectRef { kind, namespace: namespace.into(), name: name.into() }
    }

    /// Its path in the API.
    pub fn path(&self) -> String {
        format!("{}/{}", self.kind.collection_path(Some(&self.namespace)), self.name)
    }
}

/// `VirtualService backend`.
impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.name)
    }
}
