//! The fields that discovery looks at.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

type Map = BTreeMap<String, String>;

/// The objects of one namespace that releases are made of.
#[derive(Debug, Default)]
pub struct Objects {
    pub(super) deployments: Vec<Deployment>,
    pub(super) services: Vec<Service>,
    pub(super) virtual_services: Vec<Value>,
    pub(super) http_routes: Vec<Value>,
    pub(super) ingresses: Vec<Value>,
    pub(super) destination_rules: Vec<Value>,
    pub(super) rollouts: Vec<Value>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Meta {
    pub name: String,
    pub labels: Map,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Deployment {
    pub metadata: Meta,
    pub spec: DeploymentSpec,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct DeploymentSpec {
    pub template: Template,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Template {
    pub metadata: Meta,
}

impl Deployment {
    /// Labels of its pods.
    pub fn pods(&self) -> &Map {
        &self.spec.template.metadata.labels
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Service {
    pub metadata: Meta,
    pub spec: ServiceSpec,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ServiceSpec {
    pub selector: Map,
    pub ports: Vec<Port>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Port {
    pub port: u16,
}

impl Service {
    /// Whether it selects pods with these labels.
    pub fn selects(&self, labels: &Map) -> bool {
        !self.spec.selector.is_empty() && self.spec.selector.iter().all(|(k, v)| labels.get(k) == Some(v))
    }
}
