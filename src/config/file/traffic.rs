//! `traffic:` of a component.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What decides where requests go: at most one router, and whom it lets in early.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(extend("minProperties" = 1, "maxProperties" = 2))]
pub struct TrafficFile {
    /// One key of a Service's selector: all or nothing, for blue-green.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<ServiceFile>,
    /// The ratio of ready replicas behind one Service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<ReplicasFile>,
    /// Two destinations of one route of an Istio VirtualService.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub istio: Option<IstioFile>,
    /// Two backends of one rule of a Gateway API HTTPRoute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<GatewayFile>,
    /// Canary annotations of an Ingress beside the main one, as ingress-nginx reads them, and Traefik.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nginx: Option<NginxFile>,
    /// Whose requests go to the candidate from its being ready until it gets everything, whatever the weight. With istio, gateway or nginx.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub testers: Option<TestersFile>,
}

/// One key of a Service's selector.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ServiceFile {
    /// The Service.
    pub service: String,
    /// The selector key that is switched. Default: the one pod label in which the two Deployments differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Its value while stable serves. Default: stable's pod label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stable: Option<String>,
    /// Its value while the candidate serves. Default: the candidate's pod label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub candidate: Option<String>,
}

/// The ratio of ready replicas behind one Service.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ReplicasFile {
    /// The Service that both tracks stand behind. Default: the one that selects both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
}

/// Two destinations of one route of an Istio VirtualService.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct IstioFile {
    /// The VirtualService.
    pub virtual_service: String,
    /// The `http` route's name. Default: the only one that names both destinations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    /// Stable's destination. Default: the one whose Service or subset selects its pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stable: Option<DestinationFile>,
    /// The candidate's destination. Default: likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub candidate: Option<DestinationFile>,
}

/// An Istio destination.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct DestinationFile {
    /// `destination.host`, as written in the route.
    pub host: String,
    /// `destination.subset`, where the tracks are subsets of one host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subset: Option<String>,
}

/// Two backends of one rule of a Gateway API HTTPRoute.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct GatewayFile {
    /// The HTTPRoute.
    pub http_route: String,
    /// The rule's name. Default: the only one that names both backends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Stable's Service. Default: the one that selects its pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stable: Option<String>,
    /// The candidate's Service. Default: likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub candidate: Option<String>,
}

/// Canary annotations of an Ingress beside the main one.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct NginxFile {
    /// The canary Ingress.
    pub ingress: String,
    /// What stands before the slash of the annotations. Default: nginx.ingress.kubernetes.io.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// Who reads them: ingress-nginx, traefik or another. Default: told from the Ingress' class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub controller: Option<String>,
    /// Stable's Service, behind the main Ingress. Default: the one that selects its pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stable: Option<String>,
    /// The candidate's Service. Default: likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub candidate: Option<String>,
}

/// Requests that go to the candidate early: exactly one of header and cookie.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
pub struct TestersFile {
    /// Those with a header of exactly this value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<MarkFile>,
    /// Those with a cookie of exactly this value; with nginx it is `always`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cookie: Option<MarkFile>,
}

/// A header or a cookie.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct MarkFile {
    /// Its name: `x-canary`.
    pub name: String,
    /// Its value: `always`.
    pub value: String,
}
