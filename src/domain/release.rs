//! A release as declared: what is released together, and how.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::gate::Gate;
use super::object::Kind;
use super::testers::Testers;
use super::time::Millis;
use super::weight::Weight;

/// One side of a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Track {
    /// The version that serves today.
    Stable,
    /// The version that is to replace it.
    Candidate,
}

impl fmt::Display for Track {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Track::Stable => "stable",
            Track::Candidate => "candidate",
        })
    }
}

/// One or more components with one strategy, moved together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Release {
    /// Unique in its namespace.
    pub name: String,
    /// The namespace all its objects live in.
    pub namespace: String,
    /// The workload pairs, in declared order.
    pub components: Vec<Component>,
    /// How the new version replaces the old one.
    pub strategy: Strategy,
    /// Where request metrics come from.
    pub prometheus: Option<Prometheus>,
    /// Conditions that must hold.
    pub gates: Vec<Gate>,
    /// How long gates are still judged after the end.
    pub watch: Option<Millis>,
    /// How long the candidate's pods stay after a rollback, for the post-mortem.
    pub keep: Millis,
    /// Whom to call when a rollback does not help.
    pub contacts: Vec<String>,
    /// Whether the context is one where going forward asks for the release's name.
    pub production: bool,
    /// Who said so.
    pub source: Source,
}

impl Release {
    /// What people should know of the release's routers, each once.
    pub fn notices(&self) -> Vec<&'static str> {
        let all: std::collections::BTreeSet<&str> = self.components.iter().filter_map(|c| c.router.notice()).collect();
        all.into_iter().collect()
    }

    /// What kind of object the two sides of its components are.
    pub fn workload_kind(&self) -> Kind {
        if self.strategy == Strategy::ArgoRollout { Kind::Rollout } else { Kind::Deployment }
    }

    /// A component by name.
    pub fn component(&self, name: &str) -> Option<&Component> {
        self.components.iter().find(|c| c.name == name)
    }
}

/// Where the description of a release comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Source {
    /// A file or a ConfigMap.
    Declared(String),
    /// Found from labels and names; the first write asks for a confirmation.
    Discovered,
}

/// One workload pair and its traffic route.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Component {
    /// Unique in the release, e.g. `backend`.
    pub name: String,
    /// The Deployment (or Argo Rollout) that serves today.
    pub stable: String,
    /// The Deployment that is to take over; `None` for a rolling update of the one Deployment.
    pub candidate: Option<String>,
    /// The container whose image a release changes; the first one when not named.
    pub container: Option<String>,
    /// What decides where requests go.
    pub router: Router,
    /// Whose requests go to the candidate from its being ready until it gets everything, whatever the weight.
    #[serde(default)]
    pub testers: Option<Testers>,
}

/// What decides where requests go, and what marks the two sides in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Router {
    /// One key of a Service's selector.
    Service {
        /// The Service.
        service: String,
        /// The selector key that is switched, e.g. `version`.
        key: String,
        /// Its value while stable serves.
        stable: String,
        /// Its value while the candidate serves.
        candidate: String,
    },
    /// The ratio of ready replicas behind one Service.
    Replicas {
        /// The Service that both tracks stand behind, where known.
        service: Option<String>,
    },
    /// Two destinations of one Istio route.
    Istio {
        /// The VirtualService.
        virtual_service: String,
        /// The `http` route's name; the only one that names both destinations when not given.
        route: Option<String>,
        /// Stable's destination.
        stable: Destination,
        /// The candidate's destination.
        candidate: Destination,
    },
    /// Two backends of one rule of a Gateway API HTTPRoute.
    Gateway {
        /// The HTTPRoute.
        http_route: String,
        /// The rule's name; the only one that names both backends when not given.
        rule: Option<String>,
        /// Stable's Service.
        stable: String,
        /// The candidate's Service.
        candidate: String,
    },
    /// Canary annotations on an Ingress beside the main one, in the words of ingress-nginx.
    Nginx {
        /// The canary Ingress: same host and path as the main one, its backend is the candidate's Service.
        ingress: String,
        /// What stands before the slash of the annotations.
        prefix: String,
        /// Who reads them.
        controller: String,
        /// Stable's Service, behind the main Ingress.
        stable: String,
        /// The candidate's Service.
        candidate: String,
    },
    /// No route of its own: a rolling update.
    None,
}

/// What stands before the slash of canary annotations, where nobody says.
pub const CANARY_PREFIX: &str = "nginx.ingress.kubernetes.io";
/// Who reads canary annotations, where nobody says.
pub const INGRESS_NGINX: &str = "ingress-nginx";

impl Router {
    /// Whether any share can be asked for, or only nothing and everything.
    pub fn splits(&self) -> bool {
        !matches!(self, Router::Service { .. } | Router::None)
    }

    /// Whether a weight stands in an object of its own, and not in how many pods run.
    pub fn is_route(&self) -> bool {
        !matches!(self, Router::Replicas { .. } | Router::None)
    }

    /// Whether it can send requests by a header or a cookie.
    pub fn tells_testers(&self) -> bool {
        matches!(self, Router::Istio { .. } | Router::Gateway { .. } | Router::Nginx { .. })
    }

    /// A word for it: `istio`, `gateway`, `nginx`, `service`, `replicas`, `none`.
    pub fn word(&self) -> &'static str {
        match self {
            Router::Service { .. } => "service",
            Router::Replicas { .. } => "replicas",
            Router::Istio { .. } => "istio",
            Router::Gateway { .. } => "gateway",
            Router::Nginx { .. } => "nginx",
            Router::None => "none",
        }
    }

    /// What people should know of the router itself, whatever it says.
    pub fn notice(&self) -> Option<&'static str> {
        let retired = matches!(self, Router::Nginx { controller, .. } if controller == INGRESS_NGINX);
        retired.then_some("ingress-nginx is retired: no security fixes since March 2026; plan to move to a Gateway API HTTPRoute")
    }
}

/// An Istio destination.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Destination {
    /// `destination.host`, as written in the route.
    pub host: String,
    /// `destination.subset`, where the tracks are subsets of one host.
    pub subset: Option<String>,
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.subset {
            Some(subset) => write!(f, "{}/{subset}", self.host),
            None => f.write_str(&self.host),
        }
    }
}

/// How the new version replaces the old one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Strategy {
    /// A growing share of the traffic.
    Canary(Canary),
    /// All of the traffic at once, with the old version kept warm.
    BlueGreen(BlueGreen),
    /// Kubernetes' own rolling update, paused at shares.
    Rolling(Rolling),
    /// Argo Rollouts' controller walks the steps that stand in its Rollout; it is watched, approved and taken back from here.
    ArgoRollout,
}

impl Strategy {
    /// `canary`, `blue-green`, `rolling`, `argo-rollout`.
    pub fn word(&self) -> &'static str {
        match self {
            Strategy::Canary(_) => "canary",
            Strategy::BlueGreen(_) => "blue-green",
            Strategy::Rolling(_) => "rolling",
            Strategy::ArgoRollout => "argo-rollout",
        }
    }

    /// Whether one object turns from the old version into the new one, and no route of ours is moved.
    pub fn is_in_place(&self) -> bool {
        matches!(self, Strategy::Rolling(_) | Strategy::ArgoRollout)
    }
}

/// A canary's stages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Canary {
    /// In order; weights rise.
    pub steps: Vec<Stage>,
}

/// One entry of a canary's or a rolling update's `steps`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Stage {
    /// Ask for a weight (rolling: a share of updated pods), then hold it.
    Weight {
        /// The share, 0–100 %.
        weight: Weight,
        /// How long every gate must pass at it.
        hold: Millis,
    },
    /// Wait for a person.
    Approve {
        /// What is approved.
        label: String,
    },
}

/// A blue-green switch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlueGreen {
    /// Whether a person approves the switch.
    pub approve: bool,
    /// How long every gate must pass after the switch.
    pub hold: Millis,
    /// How long the old colour is kept warm after the hold; `None` keeps it for good.
    pub retire: Option<Millis>,
}

/// A rolling update.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rolling {
    /// Shares at which the Deployment is paused and watched; 100 % is always the last.
    pub steps: Vec<Stage>,
}

/// Where request metrics come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prometheus {
    /// How it is reached.
    pub endpoint: Endpoint,
    /// How often targets are scraped.
    pub interval: Millis,
    /// The metric family, by preset name; asked of Prometheus when not given.
    pub preset: Option<String>,
    /// Label that tells the tracks apart, with its two values; pod names when not given.
    pub label: Option<TrackLabel>,
}

/// The address of a Prometheus API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Endpoint {
    /// Reached directly.
    Url {
        /// Base address, `http://` or `https://`.
        url: String,
        /// Environment variable that holds a bearer token.
        token_from: Option<String>,
        /// Extra headers, such as a tenant id.
        headers: Vec<(String, String)>,
    },
    /// Reached through the API server's service proxy.
    Service {
        /// Its namespace.
        namespace: String,
        /// The Service.
        name: String,
        /// Port number or name.
        port: String,
    },
}

/// A label that tells the tracks apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackLabel {
    /// Label name.
    pub name: String,
    /// Its value on stable's series.
    pub stable: String,
    /// Its value on the candidate's series.
    pub candidate: String,
}
