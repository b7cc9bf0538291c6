//! What a fresh look at the objects shows.

use cutover::domain::beside::Beside;
use cutover::domain::drift::{MANAGER, Writer};
use cutover::domain::object::{Kind, ObjectRef};
use cutover::domain::observed::{Autoscaler, ComponentObserved, ContainerImage, Observed, Workload};
use cutover::domain::release::{Release, Router};
use cutover::domain::room::{Limit, Room};
use cutover::domain::route::{Acceptance, RouteEntry, RouteFacts, RouteProblem};
use cutover::domain::testers::TestersRule;
use cutover::domain::time::Millis;
use jiff::Timestamp;

use super::{Deployment, Hand, Part, World, epoch};

/// Where an Ingress names its Service.
const BACKEND: &str = "/spec/rules/0/http/paths/0/backend/service/name";

impl World {
    /// What a look shows; of the room for more pods where they are due, and where a quota bounds them.
    pub fn observe(&self, rising: bool) -> Observed {
        let one = |p: &Part| {
            let seen = ComponentObserved {
                stable: p.stable.as_ref().map(workload),
                candidate: p.candidate.as_ref().map(workload),
                route: if self.now < p.unseen_until { Err(RouteProblem::Unread("500".into())) } else { self.facts(p) },
                route_by: p.route.as_ref().and_then(|r| Some(Writer { at: Some(told(r.at)), ..writer(r.by)? })),
                owners: self.owners(p),
                checked: Default::default(),
                beside: self.beside(p),
            };
            (p.declared.name.clone(), seen)
        };
        Observed {
            at: self.wall(),
            components: self.parts.iter().map(one).collect(),
            room: self.quota.filter(|_| rising).map(|hard| self.room(hard)),
            unlisted: vec![],
        }
    }

    fn room(&self, hard: u32) -> Room {
        let deployments = self.parts.iter().flat_map(|p| [&p.stable, &p.candidate]).flatten();
        let takes = deployments.map(|d| (d.name.clone(), 1_000)).collect();
        let (hard, used) = (u64::from(hard) * 1_000, u64::from(self.pods()) * 1_000);
        let limit = Limit { quota: "team".into(), resource: "pods".into(), hard, used, takes };
        Room { quotas: Ok(vec![limit]), nodes: Err("403".into()), budgets: Ok(vec![]) }
    }

    /// What was seen, by the names that a release has for it: an undo may be of the colour that serves.
    pub fn looked_up(&self, release: &Release, seen: &Observed) -> Observed {
        let mut seen = seen.clone();
        for component in &release.components {
            let declared = self.part(&component.name).map(|p| &p.declared);
            let turned = declared.is_some_and(|d| d.candidate.as_ref() == Some(&component.stable));
            if let Some(c) = seen.components.get_mut(&component.name).filter(|_| turned) {
                std::mem::swap(&mut c.stable, &mut c.candidate);
            }
            // What has no router is asked for no route.
            if let Some(c) = seen.components.get_mut(&component.name).filter(|_| component.router == Router::None) {
                (c.route, c.route_by, c.beside) = (Err(RouteProblem::None), None, Beside::default());
            }
        }
        seen
    }

    /// What other routes of the same kind do.
    fn beside(&self, p: &Part) -> Beside {
        if p.has_neighbours() && self.now < p.unlisted_until {
            return Beside::Unread("other routes not read: 500".into());
        }
        let stands = p.has_neighbours() && p.neighbour.is_some_and(|n| n.since.is_some());
        Beside::Sends(stands.then(|| "a route for testers".into()).into_iter().collect())
    }

    pub fn facts(&self, p: &Part) -> Result<RouteFacts, RouteProblem> {
        if p.by_ratio() {
            return by_ratio(p);
        }
        let (kind, entry) = entry(p).ok_or(RouteProblem::None)?;
        let name = if let Router::Nginx { ingress, .. } = &p.declared.router { ingress } else { &p.declared.name };
        let object = ObjectRef::new(kind, "shop", name.clone());
        let Some(route) = &p.route else { return Err(RouteProblem::Missing(object)) };
        // Of the others nobody reports what was taken over.
        let pending = kind == Kind::HttpRoute && self.now < route.pending_until;
        let accepted = if pending { Acceptance::Pending("the gateway has not seen it".into()) } else { Acceptance::Yes };
        let weights = (route.stable, route.candidate);
        let alone = kind == Kind::Service;
        let facts = facts(object, (route.uid.to_string(), route.version.to_string()), entry, weights, accepted);
        let testers = p.declared.testers.clone().map(|testers| Box::new(TestersRule { testers, stands: route.testers, turn: vec![] }));
        Ok(RouteFacts { alone, stamp: route.stamp.clone(), bypass: route.testers, testers, ..facts })
    }
}

/// Where in its object a route stands.
fn entry(p: &Part) -> Option<(Kind, RouteEntry)> {
    Some(match &p.declared.router {
        Router::Istio { stable, candidate, .. } => {
            let (stable, candidate) = ((0, stable.clone()), (1, candidate.clone()));
            // The testers' rule stands above this one.
            let http = p.route.as_ref().map_or(0, |r| usize::from(r.testers));
            (Kind::VirtualService, RouteEntry::VirtualService { route: None, http, stable, candidate })
        }
        Router::Gateway { stable, candidate, .. } => {
            (Kind::HttpRoute, RouteEntry::HttpRoute { name: None, rule: 0, stable: (0, stable.clone()), candidate: (1, candidate.clone()) })
        }
        Router::Nginx { prefix, candidate, .. } => {
            let candidate = (BACKEND.to_owned(), candidate.clone());
            let weight = p.route.as_ref().map(|r| r.candidate.to_string());
            (Kind::Ingress, RouteEntry::Ingress { prefix: prefix.clone(), candidate, canary: Some("true".into()), weight, annotated: true })
        }
        Router::Service { key, stable, candidate, .. } => {
            let on_stable = p.route.as_ref().is_none_or(|r| r.candidate == 0);
            let current = if on_stable { stable.clone() } else { candidate.clone() };
            (Kind::Service, RouteEntry::Service { key: key.clone(), stable: stable.clone(), candidate: candidate.clone(), current })
        }
        Router::Replicas { .. } | Router::None => return None,
    })
}

fn by_ratio(p: &Part) -> Result<RouteFacts, RouteProblem> {
    let missing = |name: &str| RouteProblem::Missing(ObjectRef::new(Kind::Deployment, "shop", name));
    let s = p.stable.as_ref().ok_or_else(|| missing(&p.declared.stable))?;
    let c = p.candidate.as_ref().ok_or_else(|| missing(p.declared.candidate.as_deref().unwrap_or_default()))?;
    let name = |d: &Deployment| (d.name.clone(), d.uid.to_string());
    let entry = RouteEntry::Replicas { stable: name(s), candidate: name(c) };
    let waits = if c.replicas == 0 { c.ready() > 0 } else { s.ready() < s.replicas || c.ready() < c.replicas };
    let accepted = if waits { Acceptance::Pending("the pods are not there yet".into()) } else { Acceptance::Yes };
    let object = ObjectRef::new(Kind::Deployment, "shop", p.declared.stable.clone());
    let facts = facts(object, (s.uid.to_string(), s.resource_version()), entry, (s.replicas, c.replicas), accepted);
    Ok(RouteFacts { alone: true, ..facts })
}

fn facts(
    object: ObjectRef,
    (uid, resource_version): (String, String),
    entry: RouteEntry,
    (stable, candidate): (u32, u32),
    accepted: Acceptance,
) -> RouteFacts {
    RouteFacts {
        object,
        uid,
        resource_version,
        entry,
        stable,
        candidate,
        accepted,
        bypass: false,
        testers: None,
        notes: vec![],
        alone: false,
        written: (true, true),
        stamp: None,
        candidate_labels: Default::default(),
    }
}

/// A time as managed fields tell it: in whole seconds.
fn told(at: Millis) -> Timestamp {
    epoch() + Millis::secs(at.as_secs()).duration()
}

fn writer(hand: Option<Hand>) -> Option<Writer> {
    let manager = match hand? {
        Hand::Ours => MANAGER,
        Hand::Foreign => "kubectl-edit",
    };
    Some(Writer { manager: manager.into(), at: None })
}

fn workload(d: &Deployment) -> Workload {
    let updated = d.pods.iter().filter(|p| p.image == d.image).count() as u32;
    let ready = d.ready();
    Workload {
        name: d.name.clone(),
        uid: d.uid.to_string(),
        resource_version: d.resource_version(),
        generation: d.generation,
        observed_generation: d.seen,
        replicas: d.replicas,
        current: d.pods.len() as u32,
        updated,
        ready,
        available: ready,
        ready_addresses: ready,
        paused: d.paused,
        containers: vec![ContainerImage { name: "app".into(), image: d.image.clone() }],
        stamp: d.stamp.clone(),
        images_by: writer(d.image_by),
        replicas_by: writer(d.replicas_by),
        revision: Some(d.revision),
        template_hash: d.kept.iter().find(|k| k.revision == d.revision).map(|k| k.template_hash.clone()),
        revisions: d.kept.clone(),
        hpa: d.scaler.map(|(min, max)| Autoscaler {
            name: "hpa".into(),
            min,
            max,
            current: d.replicas,
            desired: d.replicas,
            limited: d.replicas >= max,
            metrics: vec![],
        }),
        ..Workload::default()
    }
}
