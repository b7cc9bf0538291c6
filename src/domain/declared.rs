//! A release as a file declares it: what the cluster can tell by itself may be left out.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::gate::{Consequence, Gate, Limit, Metric};
use super::release::{CANARY_PREFIX, Canary, Component, Destination, INGRESS_NGINX, Prometheus, Release, Router, Source, Stage, Strategy};
use super::testers::Testers;
use super::time::Millis;
use super::weight::Weight;

/// Namespaces in which a Prometheus is looked for besides the release's own, where nobody names one.
pub const MONITORING: [&str; 3] = ["monitoring", "prometheus", "observability"];
/// How often Prometheus scrapes its targets, where nobody says.
pub const INTERVAL: Millis = Millis::secs(15);
/// How long the candidate's pods stay after a rollback, where nobody says.
pub const KEEP: Millis = Millis::mins(30);
/// Requests per scrape window that a judgement must rest on, where nobody says.
pub const MIN_REQUESTS: u64 = 50;
/// How long a weight is held, where nobody says.
pub const HOLD: Millis = Millis::mins(10);
/// Restarts are counted over this long, where nobody says.
pub const RESTARTS_WITHIN: Millis = Millis::mins(15);

/// A release with gaps: discovery fills them, then [`Declared::complete`] makes a [`Release`] of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Declared {
    /// Unique in its namespace.
    pub name: String,
    /// The namespace; that of the command line or the context when not given.
    pub namespace: Option<String>,
    /// The workload pairs, in declared order.
    pub components: Vec<DeclaredComponent>,
    /// How the new version replaces the old one.
    pub strategy: Strategy,
    /// Where request metrics come from; discovery may find a Prometheus when not given.
    pub prometheus: Option<Prometheus>,
    /// Conditions that must hold; [`default_gates`] when not given.
    pub gates: Option<Vec<Gate>>,
    /// How long gates are still judged after the end.
    pub watch: Option<Millis>,
    /// How long the candidate's pods stay after a rollback.
    pub keep: Millis,
    /// Whom to call when a rollback does not help.
    pub contacts: Vec<String>,
    /// Whether going forward asks for the release's name; told from the names of context and namespace when not given.
    pub production: Option<bool>,
    /// The file, for people.
    pub source: String,
}

/// One workload pair.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeclaredComponent {
    /// Unique in the release.
    pub name: String,
    /// The Deployment that serves today.
    pub stable: String,
    /// The Deployment that is to take over; `None` for a rolling update.
    pub candidate: Option<String>,
    /// The container whose image a release changes; the first one when not named.
    pub container: Option<String>,
    /// What decides where requests go; discovered when not given.
    pub traffic: Option<DeclaredRouter>,
    /// Whose requests go to the candidate whatever the weight.
    #[serde(default)]
    pub testers: Option<Testers>,
}

/// A [`Router`] with gaps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum DeclaredRouter {
    /// One key of a Service's selector.
    Service {
        /// The Service.
        service: String,
        /// The key; the one pod label in which the two Deployments differ when not given.
        key: Option<String>,
        /// Its value while stable serves; stable's pod label when not given.
        stable: Option<String>,
        /// Its value while the candidate serves; the candidate's pod label when not given.
        candidate: Option<String>,
    },
    /// The ratio of ready replicas behind one Service.
    Replicas {
        /// The Service; the one that selects both Deployments' pods when not given.
        service: Option<String>,
    },
    /// Two destinations of one Istio route.
    Istio {
        /// The VirtualService.
        virtual_service: String,
        /// The `http` route's name.
        route: Option<String>,
        /// Stable's destination; told from the Services and subsets that select its pods when not given.
        stable: Option<Destination>,
        /// The candidate's destination; likewise.
        candidate: Option<Destination>,
    },
    /// Two backends of one rule of an HTTPRoute.
    Gateway {
        /// The HTTPRoute.
        http_route: String,
        /// The rule's name.
        rule: Option<String>,
        /// Stable's Service; the one that selects its pods when not given.
        stable: Option<String>,
        /// The candidate's Service; likewise.
        candidate: Option<String>,
    },
    /// Canary annotations of an Ingress.
    Nginx {
        /// The canary Ingress.
        ingress: String,
        /// What stands before the annotations' slash; [`CANARY_PREFIX`] when not given.
        prefix: Option<String>,
        /// Who reads them; told from the Ingress' class when not given, else [`INGRESS_NGINX`].
        controller: Option<String>,
        /// Stable's Service; the one that selects its pods when not given.
        stable: Option<String>,
        /// The candidate's Service; likewise.
        candidate: Option<String>,
    },
}

impl DeclaredRouter {
    /// The router, when nothing is left open.
    pub fn complete(&self) -> Option<Router> {
        Some(match self {
            DeclaredRouter::Service { service, key, stable, candidate } => {
                Router::Service { service: service.clone(), key: key.clone()?, stable: stable.clone()?, candidate: candidate.clone()? }
            }
            DeclaredRouter::Replicas { service } => Router::Replicas { service: service.clone() },
            DeclaredRouter::Istio { virtual_service, route, stable, candidate } => Router::Istio {
                virtual_service: virtual_service.clone(),
                route: route.clone(),
                stable: stable.clone()?,
                candidate: candidate.clone()?,
            },
            DeclaredRouter::Gateway { http_route, rule, stable, candidate } => Router::Gateway {
                http_route: http_route.clone(),
                rule: rule.clone(),
                stable: stable.clone()?,
                candidate: candidate.clone()?,
            },
            DeclaredRouter::Nginx { ingress, prefix, controller, stable, candidate } => Router::Nginx {
                ingress: ingress.clone(),
                prefix: prefix.clone().unwrap_or_else(|| CANARY_PREFIX.to_owned()),
                controller: controller.clone().unwrap_or_else(|| INGRESS_NGINX.to_owned()),
                stable: stable.clone()?,
                candidate: candidate.clone()?,
            },
        })
    }

    /// A word for it, as in [`Router::word`].
    pub fn word(&self) -> &'static str {
        match self {
            DeclaredRouter::Service { .. } => "service",
            DeclaredRouter::Replicas { .. } => "replicas",
            DeclaredRouter::Istio { .. } => "istio",
            DeclaredRouter::Gateway { .. } => "gateway",
            DeclaredRouter::Nginx { .. } => "nginx",
        }
    }
}

/// What the cluster and the command line add to a [`Declared`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// The namespace, where the file names none.
    pub namespace: String,
    /// Routers by component, where the file leaves something open.
    pub routers: BTreeMap<String, Router>,
    /// A Prometheus, where the file names none.
    pub prometheus: Option<Prometheus>,
    /// Whether context or namespace sound like production, where the file does not say.
    pub production: bool,
}

impl Declared {
    /// Fills the gaps. A component whose router is neither declared in full nor found gets [`Router::None`], which every
    /// strategy but the rolling update refuses.
    pub fn complete(self, found: Found) -> Release {
        let Found { namespace, mut routers, prometheus, production } = found;
        let components = self.components.into_iter().map(|c| {
            // What was found fills in what the file leaves open.
            let found = routers.remove(&c.name);
            let router = found.or_else(|| c.traffic.as_ref().and_then(DeclaredRouter::complete)).unwrap_or(Router::None);
            Component { name: c.name, stable: c.stable, candidate: c.candidate, container: c.container, router, testers: c.testers }
        });
        let prometheus = self.prometheus.or(prometheus);
        Release {
            name: self.name,
            namespace: self.namespace.unwrap_or(namespace),
            components: components.collect(),
            strategy: self.strategy,
            gates: self.gates.unwrap_or_else(|| default_gates(prometheus.is_some())),
            prometheus,
            watch: self.watch,
            keep: self.keep,
            contacts: self.contacts,
            production: self.production.unwrap_or(production),
            source: Source::Declared(self.source),
        }
    }
}

/// The gates of a release that declares none: three restarts in 15 minutes, and where there are metrics more than 5 % errors
/// for 5 minutes, take it back.
pub fn default_gates(metrics: bool) -> Vec<Gate> {
    let gate = |name: &str, metric, limit, lasting| Gate {
        name: name.to_owned(),
        metric,
        limit,
        lasting,
        then: Consequence::Rollback,
        min_requests: MIN_REQUESTS,
    };
    let errors = metrics.then(|| gate("errors", Metric::Errors, Limit::Above(0.05), Millis::mins(5)));
    let restarts = gate("restarts", Metric::Restarts { within: RESTARTS_WITHIN }, Limit::AtLeast(3), Millis::ZERO);
    errors.into_iter().chain([restarts]).collect()
}

/// The stages of a canary that declares none: 10, 25, 50, 75 %, ten minutes each, then 100 % and an approval.
pub fn default_canary() -> Canary {
    let stage = |percent| Stage::Weight { weight: Weight::capped(percent), hold: if percent < 100 { HOLD } else { Millis::ZERO } };
    let mut steps: Vec<Stage> = [10, 25, 50, 75, 100].map(stage).into();
    steps.push(Stage::Approve { label: "promote".to_owned() });
    Canary { steps }
}

/// Whether the name of a context or a namespace sounds like production: one of its words is `prod`, `production`, `prd` or `live`.
pub fn sounds_like_production(name: &str) -> bool {
    let word = |w: &str| matches!(w.to_ascii_lowercase().as_str(), "prod" | "production" | "prd" | "live");
    name.split(|c: char| !c.is_ascii_alphabetic()).any(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn production_is_a_word_of_its_own() {
        for yes in ["prod-eu", "arn:aws:eks:eu/shop-PROD", "feastfrenzy-production", "live", "prod1"] {
            assert!(sounds_like_production(yes), "{yes}");
        }
        for no in ["product", "staging", "delivery", "nonprod", "reproduction"] {
            assert!(!sounds_like_production(no), "{no}");
        }
    }

    #[test]
    fn gaps_are_filled_and_what_is_declared_stays() {
        let declared = Declared {
            name: "shop".into(),
            namespace: Some("a".into()),
            components: vec![DeclaredComponent {
                name: "web".into(),
                stable: "web".into(),
                candidate: Some("web-canary".into()),
                container: None,
                testers: None,
                traffic: Some(DeclaredRouter::Gateway {
                    http_route: "web".into(),
                    rule: None,
                    stable: None,
                    candidate: Some("web-canary".into()),
                }),
            }],
            strategy: Strategy::Canary(default_canary()),
            prometheus: None,
            gates: None,
            watch: None,
            keep: KEEP,
            contacts: Vec::new(),
            production: None,
            source: "cutover.yaml".into(),
        };
        let router = Router::Gateway { http_route: "web".into(), rule: None, stable: "web".into(), candidate: "web-canary".into() };
        let found = Found { namespace: "b".into(), routers: BTreeMap::from([("web".into(), router.clone())]), ..Found::default() };
        let release = declared.complete(found);
        assert_eq!((release.namespace.as_str(), &release.components[0].router), ("a", &router));
        assert_eq!(release.gates.iter().map(|g| g.name.as_str()).collect::<Vec<_>>(), ["restarts"], "no metrics, no gate on errors");
    }
}
