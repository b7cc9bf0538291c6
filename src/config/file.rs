//! What stands in `cutover.yaml`, key by key. The schema, the reader and the writer all come from these types.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::scalars::{Bound, Span};
use super::stage::StageFile;

mod traffic;

pub use traffic::{DestinationFile, GatewayFile, IstioFile, MarkFile, NginxFile, ReplicasFile, ServiceFile, TestersFile, TrafficFile};

/// A release: one or more components that move together, with one strategy.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(title = "cutover release")]
pub struct ReleaseFile {
    /// Unique in its namespace.
    pub name: String,
    /// The namespace of all its objects. Default: that of `-n`, else of the kubeconfig's context.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The workload pairs.
    #[schemars(length(min = 1))]
    pub components: Vec<ComponentFile>,
    /// How the new version replaces the old one: exactly one of canary, blueGreen, rolling, argoRollout.
    pub strategy: StrategyFile,
    /// Where request metrics come from. Default: found in the cluster, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prometheus: Option<PrometheusFile>,
    /// Conditions that must hold. Default: 3 restarts in 15m and, where there is a Prometheus, errors above 5% for 5m; both roll back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gates: Option<Vec<GateFile>>,
    /// How long gates are still judged after the end. Default: not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watch: Option<Span>,
    /// How long the candidate's pods stay after a rollback, for the post-mortem. Default: 30m.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep: Option<Span>,
    /// Whom to call when a rollback does not help.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contacts: Vec<String>,
    /// Whether going forward asks for the release's name. Default: yes where context or namespace are called prod, production, prd or live.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub production: Option<bool>,
}

/// One workload pair and its traffic route.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ComponentFile {
    /// Unique in the release.
    pub name: String,
    /// The Deployment that serves today.
    pub stable: String,
    /// The Deployment that is to take over. Left out for a rolling update.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub candidate: Option<String>,
    /// The container whose image a release changes. Default: the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// What decides where requests go: one of service, replicas, istio, gateway, nginx, and `testers`. Default: found in the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traffic: Option<TrafficFile>,
}

/// How the new version replaces the old one. Exactly one key.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
pub struct StrategyFile {
    /// A growing share of the traffic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<StepsFile>,
    /// All of the traffic at once, with the old version kept warm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blue_green: Option<BlueGreenFile>,
    /// Kubernetes' own rolling update of one Deployment, paused at shares.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rolling: Option<StepsFile>,
    /// Argo Rollouts walks the steps that stand in its Rollout, which `stable` names: `argoRollout: {}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub argo_rollout: Option<ArgoRolloutFile>,
}

/// Nothing to choose: the steps stand in the Rollout.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ArgoRolloutFile {}

/// Steps with rising weights.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct StepsFile {
    /// In order. Default of a canary: 10, 25, 50 and 75 percent for 10m each, 100, approve. Default of a rolling update: none, straight to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps: Option<Vec<StageFile>>,
}

/// A blue-green switch.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct BlueGreenFile {
    /// Whether a person approves the switch. Default: true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approve: Option<bool>,
    /// How long every gate must pass after the switch. Default: 10m.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Span>,
    /// How long the old colour is kept warm after the hold, then scaled to nothing. Default: it is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retire: Option<Span>,
}

/// Where request metrics come from: exactly one of url and service.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct PrometheusFile {
    /// Address of a Prometheus API that this machine reaches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// `namespace/service:port`, reached through the API server's service proxy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// How often targets are scraped. Default: 15s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Span>,
    /// The metric family: http, spring, istio or nginx. Default: whichever Prometheus has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<String>,
    /// The label that tells the tracks apart. Default: pod names do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<LabelFile>,
    /// With url: environment variable that holds a bearer token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_from: Option<String>,
    /// With url: extra headers, such as a tenant id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
}

/// A label with its two values.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct LabelFile {
    /// Label name.
    pub name: String,
    /// Its value on stable's series.
    pub stable: String,
    /// Its value on the candidate's series.
    pub candidate: String,
}

/// A condition that must hold. Exactly one key.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
pub struct GateFile {
    /// Share of requests that failed on the server's side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errors: Option<ErrorsFile>,
    /// A latency quantile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<LatencyFile>,
    /// Restarts of the candidate's containers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restarts: Option<RestartsFile>,
    /// The single number of a PromQL expression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<QueryFile>,
}

/// What follows when a gate fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Then {
    /// It is shown, nothing else.
    Warn,
    /// The rollout pauses and asks.
    Pause,
    /// The rollout is taken back.
    Rollback,
}

/// Share of requests that failed on the server's side.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ErrorsFile {
    /// Unique among the gates. Default: made of metric and limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The highest share allowed: 5%, 0.05 or `stable + 20%`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub above: Option<Bound>,
    /// The lowest share allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub below: Option<Bound>,
    /// How long the limit must be broken without a break. Default: at once.
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    pub lasting: Option<Span>,
    /// What follows. Default: rollback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub then: Option<Then>,
    /// Requests per scrape window that a judgement must rest on. Default: 50.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_requests: Option<u64>,
}

/// A latency quantile.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct LatencyFile {
    /// Between 0 and 1: 0.95.
    pub quantile: f64,
    /// Unique among the gates. Default: made of metric and limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The highest latency allowed: 500ms, 1s or `stable + 20%`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub above: Option<Bound>,
    /// The lowest latency allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub below: Option<Bound>,
    /// How long the limit must be broken without a break. Default: at once.
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    pub lasting: Option<Span>,
    /// What follows. Default: rollback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub then: Option<Then>,
    /// Requests per scrape window that a judgement must rest on. Default: 50.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_requests: Option<u64>,
}

/// Restarts of the candidate's containers.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct RestartsFile {
    /// Unique among the gates. Default: made of metric and limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// So many are too many.
    pub at_least: u64,
    /// Counted over this long. Default: 15m.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<Span>,
    /// What follows. Default: rollback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub then: Option<Then>,
}

/// The single number of a PromQL expression.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct QueryFile {
    /// What it is called on screen; unique among the gates.
    pub name: String,
    /// The expression.
    pub promql: String,
    /// The highest value allowed: a number, or 80% for 0.8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub above: Option<Bound>,
    /// The lowest value allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub below: Option<Bound>,
    /// How long the limit must be broken without a break. Default: at once.
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    pub lasting: Option<Span>,
    /// What follows. Default: rollback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub then: Option<Then>,
}
