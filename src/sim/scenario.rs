//! Scenarios: what the embedded cluster holds, how versions behave, who sends requests, and what release is rehearsed.
//!
//! A scenario is one YAML file. Those of `assets/scenarios/` are built in ([`BUILT_IN`]); people can write their own
//! (`cutover demo ./mine.yaml`). Unknown keys, wrong types and impossible values are errors with line and column.
//!
//! ```yaml
//! name: errors
//! description: The new backend fails one request in ten.
//! namespace: fusion-ecommerce
//! nodes: { count: 3, cpu: 8, memory: 32Gi }        # left out: just this
//! metricsServer: true                              # false: metrics.k8s.io is absent
//! metrics: http                                    # http | spring | istio | nginx | none
//! prometheus: { service: monitoring/prometheus-server:80, scrape: 15s, blackouts: [ { at: 5m, for: 2m, how: down } ] }
//! manifests: [ ... ]                               # Kubernetes objects, applied in order at the start
//! images:                                          # how versions behave; the first match counts
//! - match: "*/backend:v1.1.*"
//!   startup: 2s
//!   readyAfter: 3s
//!   errors: 11%
//!   latency: { p50: 45ms, p95: 120ms }
//!   ramp: { after: 30s, over: 1m, from: { errors: 0.3% } }
//! traffic:
//! - { name: backend, enters: { virtualService: backend }, rate: 40, wobble: { by: 15%, period: 10m } }
//! argoCd: { heals: 3s }                            # Applications put back what the tracked manifests say; left out: they do nothing
//! events:                                          # what others do meanwhile
//! - { at: 5m, by: argocd-controller, do: { patch: { apiVersion: networking.istio.io/v1, kind: VirtualService, name: backend, merge: {} } } }
//! release: { ... }                                 # the release, exactly as in cutover.yaml
//! start: { images: { backend: "registry.io/backend:v1.1.0" } }
//! approvals: [ { at: promote, after: 30s, do: approve } ]
//! ends: rolledBack                                 # promoted | rolledBack | waiting | inconclusive | timedOut
//! ```
//!
//! Every key is a field of [`Scenario`] and described there. [`Scenario::install`] puts all of it into a
//! [`Kernel`](super::kernel::Kernel).

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

pub mod argo;
pub mod image;
pub mod install;
pub mod nodes;
pub mod player;
pub mod script;
pub mod traffic;
pub mod units;
mod wiring;

pub use argo::ArgoCd;
pub use image::Image;
pub use nodes::Nodes;
pub use script::{Answer, Approval, Ending, Event};
pub use traffic::{Family, Prometheus, Stream};

/// One rehearsal.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Scenario {
    /// Its name, as in `cutover demo NAME`.
    pub name: String,
    /// What happens in it, in a sentence or two.
    pub description: String,
    /// Namespace of everything that does not name another.
    pub namespace: String,
    /// The machines. Default: three of 8 cores and 32 GiB.
    #[serde(default)]
    pub nodes: Nodes,
    /// Whether there is a metrics server. Default: yes.
    #[serde(default = "yes")]
    pub metrics_server: bool,
    /// What the pods expose to Prometheus.
    #[serde(default)]
    pub metrics: Family,
    /// The Prometheus that scrapes them; left out: there is none.
    pub prometheus: Option<Prometheus>,
    /// Kubernetes objects that exist at the start, applied in this order. Namespaces are created as needed.
    #[serde(default)]
    pub manifests: Vec<Value>,
    /// How versions of the software behave.
    #[serde(default)]
    pub images: Vec<Image>,
    /// Who sends requests.
    #[serde(default)]
    pub traffic: Vec<Stream>,
    /// Argo CD, for the Applications among the manifests; left out: they do nothing.
    pub argo_cd: Option<ArgoCd>,
    /// What others do while the release runs.
    #[serde(default)]
    pub events: Vec<Event>,
    /// The release in the words of `cutover.yaml`. This room does not look inside.
    pub release: Option<Value>,
    /// How the release is started.
    #[serde(default)]
    pub start: Start,
    /// What people answer in a headless run.
    #[serde(default)]
    pub approvals: Vec<Approval>,
    /// How it ends when nobody interferes.
    pub ends: Option<Ending>,
}

/// `start: { images: { backend: "registry.io/backend:v1.1.0" } }`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Start {
    /// The new image of each component.
    #[serde(default)]
    pub images: BTreeMap<String, String>,
}

fn yes() -> bool {
    true
}

/// The scenarios that come with the program: name and text, in the order they are listed.
pub const BUILT_IN: &[(&str, &str)] = &[
    ("healthy", include_str!("../../assets/scenarios/healthy.yaml")),
    ("errors", include_str!("../../assets/scenarios/errors.yaml")),
    ("slow", include_str!("../../assets/scenarios/slow.yaml")),
    ("crashloop", include_str!("../../assets/scenarios/crashloop.yaml")),
    ("image-pull", include_str!("../../assets/scenarios/image-pull.yaml")),
    ("no-metrics", include_str!("../../assets/scenarios/no-metrics.yaml")),
    ("low-traffic", include_str!("../../assets/scenarios/low-traffic.yaml")),
    ("blue-green", include_str!("../../assets/scenarios/blue-green.yaml")),
    ("two-components", include_str!("../../assets/scenarios/two-components.yaml")),
    ("gitops", include_str!("../../assets/scenarios/gitops.yaml")),
    ("gitops-sync", include_str!("../../assets/scenarios/gitops-sync.yaml")),
    ("ingress", include_str!("../../assets/scenarios/ingress.yaml")),
    ("argo-rollout", include_str!("../../assets/scenarios/argo-rollout.yaml")),
];

/// Why a scenario cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScenarioError {
    /// No built-in scenario has this name.
    #[error("there is no scenario `{name}`; the built-in ones are: {known}. A path to a file works too, e.g. ./{name}.yaml")]
    Unknown {
        /// What was asked for.
        name: String,
        /// The names there are.
        known: String,
    },
    /// The file is not a scenario.
    #[error("{file}:{line}:{column}: {message}")]
    Malformed {
        /// The file.
        file: String,
        /// Line, from 1.
        line: u64,
        /// Column, from 1.
        column: u64,
        /// What is wrong.
        message: String,
    },
    /// The file is well-formed, but something in it cannot be.
    #[error("{file}: {message}")]
    Impossible {
        /// The file.
        file: String,
        /// What is wrong.
        message: String,
    },
    /// The cluster refuses one of its objects.
    #[error("scenario {scenario}: the embedded cluster refuses {object}: {why}")]
    Refused {
        /// The scenario.
        scenario: String,
        /// Kind and name.
        object: String,
        /// The API's answer.
        why: String,
    },
}

impl Scenario {
    /// The built-in scenario of a name.
    ///
    /// # Errors
    /// [`ScenarioError::Unknown`].
    pub fn built_in(name: &str) -> Result<Self, ScenarioError> {
        match BUILT_IN.iter().find(|(known, _)| *known == name) {
            Some((name, text)) => Self::parse(text, &format!("{name}.yaml")),
            None => {
                let known = BUILT_IN.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
                Err(ScenarioError::Unknown { name: name.into(), known })
            }
        }
    }

    /// Reads a scenario. `file` is only named in errors.
    ///
    /// # Errors
    /// [`ScenarioError::Malformed`] with line and column, [`ScenarioError::Impossible`].
    pub fn parse(text: &str, file: &str) -> Result<Self, ScenarioError> {
        let scenario: Self = serde_saphyr::from_str(text).map_err(|error| {
            let (line, column) = error.location().map_or((1, 1), |at| (at.line(), at.column()));
            let message = error.without_snippet().to_string();
            ScenarioError::Malformed { file: file.into(), line, column, message }
        })?;
        match scenario.fault() {
            Some(message) => Err(ScenarioError::Impossible { file: file.into(), message }),
            None => Ok(scenario),
        }
    }

    /// The release as a document of its own: what `cutover.yaml` would hold.
    pub fn release_text(&self) -> Option<String> {
        serde_saphyr::to_string(self.release.as_ref()?).ok()
    }

    fn fault(&self) -> Option<String> {
        if self.name.is_empty() || self.namespace.is_empty() {
            return Some("name and namespace must not be empty".into());
        }
        let mut names = BTreeSet::new();
        if let Some(twice) = self.traffic.iter().find(|stream| !names.insert(&stream.name)) {
            return Some(format!("traffic: two streams are named {}", twice.name));
        }
        let images = self.images.iter().find_map(Image::fault);
        let streams = || self.traffic.iter().find_map(Stream::fault);
        let prometheus = || self.prometheus.as_ref().and_then(Prometheus::fault);
        images
            .or_else(streams)
            .or_else(prometheus)
            .or_else(|| self.nodes.fault())
            .or_else(|| self.events.iter().find_map(|event| event.fault(&names)))
    }
}

#[cfg(test)]
mod tests;
