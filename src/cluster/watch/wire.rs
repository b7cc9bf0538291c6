//! The few fields of each kind that rows are made of, decoded straight from the wire; everything else is skipped.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;

type Map = BTreeMap<String, String>;

/// Does something with the wire's form of a kind: `of_kind!(kind, T => decode::<T>(text))`.
macro_rules! of_kind {
    ($kind:expr, $form:ident => $with:expr) => {
        match $kind {
            Kind::Deployment => of_kind!(wire::Deployment, $form, $with),
            Kind::ReplicaSet => of_kind!(wire::ReplicaSet, $form, $with),
            Kind::Pod => of_kind!(wire::Pod, $form, $with),
            Kind::Service => of_kind!(wire::Service, $form, $with),
            Kind::EndpointSlice => of_kind!(wire::EndpointSlice, $form, $with),
            Kind::HorizontalPodAutoscaler => of_kind!(wire::Autoscaler, $form, $with),
            Kind::Event => of_kind!(wire::Event, $form, $with),
            _ => of_kind!(wire::Named, $form, $with),
        }
    };
    ($is:ty, $form:ident, $with:expr) => {{
        type $form = $is;
        $with
    }};
}

pub(super) use of_kind;

/// `metadata`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Meta {
    pub name: String,
    pub uid: String,
    pub labels: Option<Map>,
    pub annotations: Option<Map>,
    pub creation_timestamp: Option<Timestamp>,
    pub deletion_timestamp: Option<Timestamp>,
    pub owner_references: Vec<Owner>,
}

/// One owner.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Owner {
    pub kind: String,
    pub name: String,
    pub controller: bool,
}

/// Any kind of which only the name matters.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Named {
    pub metadata: Meta,
    pub kind: String,
    #[serde(rename = "apiVersion")]
    pub api_version: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Pod {
    pub metadata: Meta,
    pub spec: PodSpec,
    pub status: PodStatus,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct PodSpec {
    pub node_name: Option<String>,
    pub containers: Vec<Container>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Container {
    pub name: String,
    pub image: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct PodStatus {
    pub phase: String,
    pub reason: Option<String>,
    pub message: Option<String>,
    pub conditions: Vec<Condition>,
    pub container_statuses: Vec<ContainerStatus>,
    pub init_container_statuses: Vec<ContainerStatus>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct ContainerStatus {
    pub ready: bool,
    pub restart_count: u32,
    pub state: ContainerState,
    pub last_state: ContainerState,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ContainerState {
    pub waiting: Option<Reason>,
    pub terminated: Option<Reason>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Reason {
    pub reason: String,
    pub message: String,
    pub exit_code: i32,
    pub finished_at: Option<Timestamp>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Condition {
    pub r#type: String,
    pub status: String,
    pub reason: String,
    pub message: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Deployment {
    pub metadata: Meta,
    pub spec: DeploymentSpec,
    pub status: DeploymentStatus,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct DeploymentSpec {
    pub replicas: Option<u32>,
    pub paused: bool,
    pub template: Template,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Template {
    pub metadata: Meta,
    pub spec: PodSpec,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct DeploymentStatus {
    pub updated_replicas: u32,
    pub ready_replicas: u32,
    pub available_replicas: u32,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ReplicaSet {
    pub metadata: Meta,
    pub spec: DeploymentSpec,
    pub status: ReplicaSetStatus,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ReplicaSetStatus {
    pub replicas: u32,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Service {
    pub metadata: Meta,
    pub spec: ServiceSpec,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ServiceSpec {
    pub selector: Option<Map>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct EndpointSlice {
    pub metadata: Meta,
    pub endpoints: Option<Vec<Endpoint>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Endpoint {
    pub addresses: Vec<String>,
    pub conditions: EndpointConditions,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct EndpointConditions {
    pub ready: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Autoscaler {
    pub metadata: Meta,
    pub spec: AutoscalerSpec,
    pub status: AutoscalerStatus,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct AutoscalerSpec {
    pub scale_target_ref: Owner,
    pub min_replicas: Option<u32>,
    pub max_replicas: u32,
    pub metrics: Vec<Metric>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct AutoscalerStatus {
    pub current_replicas: u32,
    pub desired_replicas: u32,
    pub conditions: Vec<Condition>,
    pub current_metrics: Option<Vec<Metric>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Metric {
    pub r#type: String,
    pub resource: Option<ResourceMetric>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ResourceMetric {
    pub name: String,
    pub target: MetricValue,
    pub current: MetricValue,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct MetricValue {
    pub average_utilization: Option<u32>,
    pub average_value: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Event {
    pub metadata: Meta,
    pub r#type: String,
    pub reason: String,
    pub message: String,
    pub count: Option<u32>,
    pub last_timestamp: Option<Timestamp>,
    pub event_time: Option<Timestamp>,
    pub involved_object: Owner,
    pub series: Option<EventSeries>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct EventSeries {
    pub count: u32,
    pub last_observed_time: Option<Timestamp>,
}
