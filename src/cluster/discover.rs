//! Finds releases that nobody declared, and fills in what a declaration leaves out.
//!
//! Detection *proposes*: from labels and names seen in the wild, never on a guess about a write. The order of evidence is
//! routes first (what sends to both sides), then Services, then names.

mod ingresses;
pub mod pairs;
pub mod routers;
mod wire;

use futures::FutureExt as _;
use futures::future::{join, join_all, join5, try_join};
use kube::Client;
use serde_json::Value;

use super::call;
use super::error::ClusterError;
use super::rules;
use crate::domain::declared::{
    Declared, DeclaredRouter, Found, INTERVAL, MONITORING, default_canary, default_gates, sounds_like_production,
};
use crate::domain::object::Kind;
use crate::domain::release::{BlueGreen, Component, Endpoint, Prometheus, Release, Rolling, Router, Source, Strategy};
use crate::domain::time::Millis;

use pairs::Pair;
pub use wire::Objects;

/// How long gates must pass after a blue-green switch, where nobody says.
const SWITCH_HOLD: Millis = Millis::mins(10);

/// Reads what discovery rests on.
///
/// # Errors
/// When Deployments or Services cannot be listed; routes that are not served or not allowed are left out.
pub async fn read(client: &Client, namespace: &str) -> Result<Objects, ClusterError> {
    let workloads = try_join(call::list(client, Kind::Deployment, namespace, ""), call::list(client, Kind::Service, namespace, ""));
    let routes = join5(
        optional(client, Kind::VirtualService, namespace),
        optional(client, Kind::HttpRoute, namespace),
        optional(client, Kind::Ingress, namespace),
        rules::read(client, namespace),
        optional(client, Kind::Rollout, namespace),
    );
    let (workloads, (virtual_services, http_routes, ingresses, destination_rules, rollouts)) = join(workloads, routes).await;
    let (deployments, services) = workloads?;
    Ok(Objects { deployments, services, virtual_services, http_routes, ingresses, destination_rules, rollouts })
}

/// What may not be served here, or not be allowed to us: then there is none.
async fn optional(client: &Client, kind: Kind, namespace: &str) -> Vec<Value> {
    call::list(client, kind, namespace, "").await.unwrap_or_default()
}

/// The same, and beside it the Prometheus to ask. Only where none is named it is looked for behind a Service: in the namespace,
/// else in the usual ones. Where those may not be looked into, nothing is found and nothing is wrong.
///
/// # Errors
/// As [`read`].
pub async fn read_with_prometheus(
    client: &Client,
    namespace: &str,
    named: Option<Prometheus>,
) -> Result<(Objects, Option<Prometheus>), ClusterError> {
    if named.is_some() {
        return Ok((read(client, namespace).await?, named));
    }
    let elsewhere = MONITORING.into_iter().filter(|ns| *ns != namespace).map(|ns| async move {
        let services = call::list(client, Kind::Service, ns, "").await.unwrap_or_default();
        Objects { services, ..Objects::default() }.prometheus(ns)
    });
    let (here, elsewhere) = try_join(read(client, namespace), join_all(elsewhere).map(Ok)).await?;
    let found = here.prometheus(namespace).or_else(|| elsewhere.into_iter().flatten().next());
    Ok((here, found))
}

impl Objects {
    /// A Service that is a Prometheus by its name and ports.
    fn prometheus(&self, namespace: &str) -> Option<Prometheus> {
        let known = |name: &str| {
            ["prometheus", "prometheus-server", "prometheus-operated", "prometheus-k8s"].contains(&name)
                || name.ends_with("-prometheus")
                || name.ends_with("-prometheus-server")
        };
        let service = self.services.iter().find(|s| known(&s.metadata.name))?;
        let port = service.spec.ports.iter().find(|p| p.port == 9090).or_else(|| service.spec.ports.first())?;
        let endpoint =
            Endpoint::Service { namespace: namespace.to_owned(), name: service.metadata.name.clone(), port: port.port.to_string() };
        Some(Prometheus { endpoint, interval: INTERVAL, preset: None, label: None })
    }

    /// The releases of a namespace, as proposals.
    pub fn propose(&self, namespace: &str, context: &str, prometheus: Option<&Prometheus>) -> Vec<Release> {
        let production = sounds_like_production(context) || sounds_like_production(namespace);
        let pairs = pairs::find(self);
        let release = |name: String, components, strategy| Release {
            name,
            namespace: namespace.to_owned(),
            components,
            strategy,
            prometheus: prometheus.cloned(),
            gates: default_gates(prometheus.is_some()),
            watch: None,
            keep: Millis::ZERO,
            contacts: Vec::new(),
            production,
            source: Source::Discovered,
        };
        let mut releases = Vec::new();
        for group in pairs::grouped(&pairs) {
            let strategy = match group.first().map(|p| &p.router) {
                Some(Router::Service { .. }) => Strategy::BlueGreen(BlueGreen { approve: true, hold: SWITCH_HOLD, retire: None }),
                _ => Strategy::Canary(default_canary()),
            };
            let (name, components) = named(&group);
            releases.push(release(name, components, strategy));
        }
        let alone = |name: &str| Component {
            name: name.to_owned(),
            stable: name.to_owned(),
            candidate: None,
            container: None,
            router: Router::None,
            testers: None,
        };
        let taken: Vec<&str> = pairs.iter().flat_map(|p| [p.stable.as_str(), p.candidate.as_str()]).collect();
        for d in self.deployments.iter().filter(|d| !taken.contains(&d.metadata.name.as_str())) {
            let component = alone(&d.metadata.name);
            releases.push(release(d.metadata.name.clone(), vec![component], Strategy::Rolling(Rolling { steps: Vec::new() })));
        }
        for name in self.rollouts.iter().filter_map(|r| r.pointer("/metadata/name")?.as_str()) {
            // A Deployment of that name is another release, and was there first.
            let free = !releases.iter().any(|r| r.name == name);
            let of_release = if free { name.to_owned() } else { format!("{name}-rollout") };
            releases.push(release(of_release, vec![alone(name)], Strategy::ArgoRollout));
        }
        releases.sort_by(|a, b| a.name.cmp(&b.name));
        releases
    }

    /// What a declaration leaves out.
    ///
    /// # Errors
    /// A sentence that names the component, the object and what would be right.
    pub fn fill(&self, declared: &Declared, namespace: &str, context: &str, prometheus: Option<Prometheus>) -> Result<Found, String> {
        let mut found = Found { namespace: namespace.to_owned(), prometheus, ..Found::default() };
        found.production = sounds_like_production(context) || sounds_like_production(namespace);
        for c in &declared.components {
            // Which Service counts the pods is left to what is there, too.
            let counted = |t: &DeclaredRouter| !matches!(t, DeclaredRouter::Replicas { service: None });
            let complete = c.traffic.as_ref().is_some_and(|t| t.complete().is_some() && counted(t));
            if let (false, Some(candidate)) = (complete, &c.candidate) {
                let router = routers::resolve(self, c.traffic.as_ref(), &c.stable, candidate, &declared.strategy)
                    .map_err(|why| format!("component {}: {why}", c.name))?;
                found.routers.insert(c.name.clone(), router);
            }
        }
        Ok(found)
    }
}

/// A group's release name and its components, named without what they have in common.
fn named(group: &[&Pair]) -> (String, Vec<Component>) {
    let bases: Vec<&str> = group.iter().map(|p| p.base.as_str()).collect();
    let shared = pairs::common_prefix(&bases);
    let release = match (group, shared) {
        ([one], _) => one.base.clone(),
        (_, Some(prefix)) => prefix.trim_end_matches('-').to_owned(),
        ([first, ..], None) => first.group.clone().unwrap_or_else(|| first.base.clone()),
        ([], None) => String::new(),
    };
    let short =
        |base: &str| shared.and_then(|p| base.strip_prefix(p)).filter(|s| !s.is_empty() && group.len() > 1).unwrap_or(base).to_owned();
    let component = |p: &&Pair| Component {
        name: short(&p.base),
        stable: p.stable.clone(),
        candidate: Some(p.candidate.clone()),
        container: None,
        router: p.router.clone(),
        testers: None,
    };
    (release, group.iter().map(component).collect())
}

#[cfg(test)]
mod tests;
