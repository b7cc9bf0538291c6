//! Fresh reads for decisions: everything about a release, from the store, in one go.

mod argo;
mod beside;
mod pods;
mod references;
mod room;
mod scaler;
mod tools;
mod wire;
mod workload;

use std::collections::{BTreeMap, BTreeSet};

use std::sync::Arc;

use futures::future::{join, join_all, join4, try_join, try_join_all};
use kube::Client;
use serde_json::Value;

use super::call;
use super::error::ClusterError;
use super::owners;
use super::rules;
use super::traffic;
use super::written;
use crate::domain::beside::Beside;
use crate::domain::object::{Kind, ObjectRef};
use crate::domain::observed::{ComponentObserved, Observed, Workload};
use crate::domain::owner::Owner;
use crate::domain::port::Haste;
use crate::domain::release::{Component, Destination, Release, Router, Track};
use crate::domain::route::{RouteFacts, RouteProblem};
use crate::domain::text::SafeText;

pub use pods::Memory;
use room::Template;
use scaler::Scaler;

/// What every read of one look is given.
#[derive(Clone, Copy)]
struct Look<'a> {
    client: &'a Client,
    namespace: &'a str,
    memory: &'a Memory,
    at: jiff::Timestamp,
    /// How it is waited for.
    haste: Haste,
    /// What the workloads are: Deployments, or Argo's Rollouts.
    kind: Kind,
}

/// Reads all objects of a release. What is missing is said to be missing; what cannot be read fails the whole look, since a
/// decision on half of the facts is none, except for a route: that it cannot be seen is a fact of its own, which keeps a
/// rollback from taking pods away and from nothing else. `at` is the present of the world that is read: ages are told from it.
///
/// # Errors
/// The first read that failed.
pub async fn observe(client: &Client, release: &Release, at: jiff::Timestamp) -> Result<Observed, ClusterError> {
    observe_with(client, release, at, (&Memory::default(), Haste::Waited)).await
}

/// The same, again and again: what the pods of large workloads told is in the [`Memory`]. With it goes how the answer is
/// waited for: for a rollback, what nothing depends on is not asked.
///
/// # Errors
/// The first read that failed.
pub async fn observe_with(
    client: &Client,
    release: &Release,
    at: jiff::Timestamp,
    (memory, haste): (&Memory, Haste),
) -> Result<Observed, ClusterError> {
    let namespace = release.namespace.as_str();
    let look = Look { client, namespace, memory, at, haste, kind: release.workload_kind() };
    let autoscalers = async {
        match haste {
            Haste::AtOnce => Ok(None),
            _ => optional(call::list::<Scaler>(client, Kind::HorizontalPodAutoscaler, namespace, "").await),
        }
    };
    let controllers = async {
        match haste {
            Haste::AtOnce => (None, None),
            _ => join(look.recall_all(CANARIES.0, CANARIES.1), look.recall_all(ROLLOUTS.0, ROLLOUTS.1)).await,
        }
    };
    let parts = try_join_all(release.components.iter().map(|c| read(look, c)));
    let bounds = async { if haste == Haste::Rising { Some(look.bounds().await) } else { None } };
    let (read, controllers, bounds, others) = join4(try_join(autoscalers, parts), controllers, bounds, look.others(release)).await;
    let (autoscalers, parts) = read?;
    let room = bounds.map(|bounds| bounds.room(&parts.iter().flat_map(Part::templates).collect::<Vec<_>>()));
    let controllers = &controllers;
    let others = &others;
    let parts = release.components.iter().zip(parts).map(|(component, mut part)| async move {
        part.beside = others.beside(component, namespace);
        part.owners = part.owned(look, component, controllers).await;
        (component, part)
    });
    let autoscalers = autoscalers.as_deref();
    let components = join_all(parts).await.into_iter().map(|(c, part)| (c.name.clone(), part.observed(c, look, autoscalers)));
    let unlisted = [(&controllers.0, "Flagger", CANARIES), (&controllers.1, "Argo Rollouts", ROLLOUTS)];
    let unlisted =
        unlisted.into_iter().filter(|(all, ..)| all.as_deref() == Some(&tools::DENIED)).map(|(_, tool, kind)| denied(tool, kind));
    let mut observed = Observed { at, components: components.collect(), room, unlisted: unlisted.collect() };
    look.check_references(&mut observed).await;
    Ok(observed)
}

/// A cluster that does not serve the kind has none of it; where listing it is forbidden nobody knows (`None`).
fn optional<T>(result: Result<Vec<T>, ClusterError>) -> Result<Option<Vec<T>>, ClusterError> {
    match result {
        Err(ClusterError::Forbidden { .. }) => Ok(None),
        Err(ClusterError::NotFound { .. }) => Ok(Some(Vec::new())),
        other => other.map(Some),
    }
}

/// Group, version and plural of what other controllers keep.
type Served = ((&'static str, &'static str), &'static str);
const CANARIES: Served = (("flagger.app", "v1beta1"), "canaries");
const ROLLOUTS: Served = (("argoproj.io", "v1alpha1"), "rollouts");

/// What is said of a controller whose objects may not be listed.
fn denied(tool: &str, ((group, _), plural): Served) -> SafeText {
    SafeText::from(format!(
        "{tool} is installed and its {plural} may not be listed: whether one of them drives this release is not known; ask for the rule \
         {{apiGroups: [\"{group}\"], resources: [\"{plural}\"], verbs: [\"list\"]}}"
    ))
}

/// One component's objects as they came.
struct Part {
    stable: Option<workload::Objects>,
    candidate: Option<workload::Objects>,
    route: Result<Option<Value>, ClusterError>,
    /// Names of pods with a ready address, and of pods with any address, in the slices of the Services involved.
    addressed: Addressed,
    /// What a candidate that is still to be made must be labelled with to be reached.
    candidate_labels: BTreeMap<String, String>,
    owners: Vec<Owner>,
    /// What other routes do.
    beside: Beside,
}

/// Flagger's Canaries and Argo's Rollouts of the namespace, where they can be read.
type Controllers = (Option<Arc<Value>>, Option<Arc<Value>>);

#[derive(Default)]
struct Addressed {
    ready: BTreeSet<String>,
    any: BTreeSet<String>,
}

async fn read(look: Look<'_>, component: &Component) -> Result<Part, ClusterError> {
    let Look { client, namespace, .. } = look;
    let route = async {
        Ok(match traffic::object(component, namespace) {
            Some(object) => call::find::<Value>(client, &object).await,
            None => Ok(None),
        })
    };
    let sides = try_join(workload::read(look, Some(&component.stable)), workload::read(look, component.candidate.as_deref()));
    let ((stable, candidate), (route, addressed)) = try_join(sides, try_join(route, addresses(look, component))).await?;
    let candidate_labels = match &component.router {
        Router::Istio { candidate: Destination { host, subset: Some(subset) }, .. } if candidate.is_none() => {
            rules::labels(&rules::read(client, namespace).await, host, subset, namespace).unwrap_or_default()
        }
        _ => BTreeMap::new(),
    };
    Ok(Part { stable, candidate, route, addressed, candidate_labels, owners: Vec::new(), beside: Beside::default() })
}

/// Services whose addresses show which pods can be reached.
fn services(component: &Component, namespace: &str) -> Vec<String> {
    let mut names = match &component.router {
        Router::Service { service, .. } => vec![service.clone()],
        Router::Replicas { service } => service.iter().cloned().collect(),
        Router::Gateway { stable, candidate, .. } | Router::Nginx { stable, candidate, .. } => vec![stable.clone(), candidate.clone()],
        Router::Istio { stable, candidate, .. } => [stable, candidate].into_iter().filter_map(|d| service_of(&d.host, namespace)).collect(),
        Router::None => Vec::new(),
    };
    names.sort();
    names.dedup();
    names
}

/// The Service behind a host name, if it is one of this namespace.
fn service_of(host: &str, namespace: &str) -> Option<String> {
    let name = host.split('.').next().unwrap_or(host);
    traffic::istio::same_host(host, name, namespace).then(|| name.to_owned())
}

async fn addresses(look: Look<'_>, component: &Component) -> Result<Addressed, ClusterError> {
    let Look { client, namespace, haste, .. } = look;
    let names = services(component, namespace);
    if names.is_empty() || haste == Haste::AtOnce {
        return Ok(Addressed::default());
    }
    let selector = format!("kubernetes.io/service-name in ({})", names.join(","));
    let slices = call::list::<wire::EndpointSlice>(client, Kind::EndpointSlice, namespace, &selector).await?;
    let mut addressed = Addressed::default();
    for endpoint in slices.into_iter().flat_map(|s| s.endpoints.unwrap_or_default()) {
        let Some(pod) = endpoint.target_ref.filter(|t| t.kind == "Pod").map(|t| t.name) else { continue };
        if endpoint.conditions.ready.unwrap_or(true) && !endpoint.addresses.is_empty() {
            addressed.ready.insert(pod.clone());
        }
        addressed.any.insert(pod);
    }
    Ok(addressed)
}

impl Part {
    /// The pod templates of both sides.
    fn templates(&self) -> impl Iterator<Item = Template<'_>> {
        self.stable.iter().chain(&self.candidate).map(|o| Template::new(o.name(), o.template()))
    }

    /// Who else manages the objects.
    async fn owned(&mut self, look: Look<'_>, component: &Component, (canaries, rollouts): &Controllers) -> Vec<Owner> {
        let mut all = Vec::new();
        if let (Some(object), Ok(Some(body))) = (traffic::object(component, look.namespace), &self.route) {
            all.extend(look.owners(object, owners::of(body)).await);
        }
        let sides = [(Some(&component.stable), &mut self.stable), (component.candidate.as_ref(), &mut self.candidate)];
        for (name, objects) in sides {
            let (Some(name), Some(objects)) = (name, objects) else { continue };
            let mut found = std::mem::take(&mut objects.tools);
            if look.kind == Kind::Deployment {
                found.extend(owners::of_deployment(name, canaries.as_deref(), rollouts.as_deref()));
            }
            all.extend(look.owners(ObjectRef::new(look.kind, look.namespace, name.clone()), found).await);
        }
        all
    }

    fn observed(self, component: &Component, look: Look<'_>, autoscalers: Option<&[Scaler]>) -> ComponentObserved {
        let Look { namespace, at, haste, .. } = look;
        // The colour that does not serve is behind no Service: its ready pods are what would be reached.
        let by_pods = haste == Haste::AtOnce
            || matches!(component.router, Router::Service { .. } | Router::None | Router::Replicas { service: None });
        let selector = self.route.as_ref().ok().and_then(|body| traffic::service::selector(component, body.as_ref()?));
        let side = |objects: Option<workload::Objects>, track| {
            let objects = objects?;
            let pods = objects.pods();
            let missed = selector.as_ref().and_then(|s| s.misses(track, objects.name(), &objects.template().metadata.labels));
            let mut workload = objects.workload(autoscalers, at);
            let ready = pods.names().filter(|p| self.addressed.ready.contains(*p)).count();
            let behind = pods.names().any(|p| self.addressed.any.contains(p));
            // Pods that are behind it are reached, whoever gave them their labels.
            workload.unselected = missed.filter(|_| !behind);
            workload.ready_addresses = if by_pods && !behind { workload.ready } else { u32::try_from(ready).unwrap_or(u32::MAX) };
            Some(workload)
        };
        let (stable, candidate) = (side(self.stable, Track::Stable), side(self.candidate, Track::Candidate));
        let route_by = self.route.as_ref().ok().and_then(|body| written::route(component, body.as_ref()?));
        let mut route = route(component, namespace, self.route, stable.as_ref(), candidate.as_ref());
        if let Ok(facts) = &mut route {
            facts.candidate_labels = self.candidate_labels;
        }
        let mut owners = self.owners;
        let names = stable.iter().chain(&candidate).map(|w| w.name.as_str());
        owners.extend(names.filter_map(|name| tools::scaler(namespace, name, autoscalers.unwrap_or_default())));
        ComponentObserved { stable, candidate, route, route_by, owners, checked: Vec::new(), beside: self.beside }
    }
}

fn route(
    component: &Component,
    namespace: &str,
    body: Result<Option<Value>, ClusterError>,
    stable: Option<&Workload>,
    candidate: Option<&Workload>,
) -> Result<RouteFacts, RouteProblem> {
    if let Router::Replicas { .. } = component.router {
        return match (stable, candidate) {
            (Some(s), Some(c)) => Ok(traffic::ratio(namespace, s, c)),
            (None, _) => Err(RouteProblem::Missing(ObjectRef::new(Kind::Deployment, namespace, component.stable.clone()))),
            (_, None) => {
                Err(RouteProblem::Missing(ObjectRef::new(Kind::Deployment, namespace, component.candidate.clone().unwrap_or_default())))
            }
        };
    }
    let Some(object) = traffic::object(component, namespace) else { return Err(RouteProblem::None) };
    match body {
        Ok(Some(body)) => traffic::facts(component, &object, &body),
        Ok(None) => Err(RouteProblem::Missing(object)),
        Err(error @ ClusterError::Forbidden { .. }) => Err(RouteProblem::Forbidden(SafeText::from(error.to_string()))),
        Err(error) => Err(RouteProblem::Unread(SafeText::from(error.to_string()))),
    }
}
