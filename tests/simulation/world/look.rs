//! What a fresh look at the objects shows.

use cutover::domain::drift::{MANAGER, Writer};
use cutover::domain::object::{Kind, ObjectRef};
use cutover::domain::observed::{Autoscaler, ComponentObserved, ContainerImage, KeptRevision, Observed, Workload};
use cutover::domain::release::Router;
use cutover::domain::route::{Acceptance, RouteEntry, RouteFacts, RouteProblem};

use super::{Deployment, Hand, Part, World};

impl World {
    pub fn observe(&self) -> Observed {
        let one = |p: &Part| {
            let seen = ComponentObserved {
                stable: p.stable.as_ref().map(workload),
                candidate: p.candidate.as_ref().map(workload),
                route: self.facts(p),
                route_by: p.route.as_ref().and_then(|r| writer(r.by)),
                owners: Default::default(),
                checked: Default::default(),
            };
            (p.declared.name.clone(), seen)
        };
        Observed { at: self.wall(), components: self.parts.iter().map(one).collect() }
    }

    pub fn facts(&self, p: &Part) -> Result<RouteFacts, RouteProblem> {
        let (kind, entry) = match &p.declared.router {
            Router::Istio { stable, candidate, .. } => (
                Kind::VirtualService,
                RouteEntry::VirtualService { route: None, http: 0, stable: (0, stable.clone()), candidate: (1, candidate.clone()) },
            ),
            Router::Gateway { stable, candidate, .. } => {
                (Kind::HttpRoute, RouteEntry::HttpRoute { rule: 0, stable: (0, stable.clone()), candidate: (1, candidate.clone()) })
            }
            Router::Service { key, stable, candidate, .. } => {
                let on_stable = p.route.as_ref().is_none_or(|r| r.candidate == 0);
                let current = if on_stable { stable.clone() } else { candidate.clone() };
                (Kind::Service, RouteEntry::Service { key: key.clone(), stable: stable.clone(), candidate: candidate.clone(), current })
            }
            Router::Replicas { .. } => return by_ratio(p),
            _ => return Err(RouteProblem::None),
        };
        let object = ObjectRef::new(kind, "shop", p.declared.name.clone());
        let Some(route) = &p.route else { return Err(RouteProblem::Missing(object)) };
        let accepted =
            if self.now < route.pending_until { Acceptance::Pending("the gateway has not seen it".into()) } else { Acceptance::Yes };
        Ok(facts(object, "u".into(), route.version, entry, (route.stable, route.candidate), accepted, route.stamp.clone()))
    }
}

fn by_ratio(p: &Part) -> Result<RouteFacts, RouteProblem> {
    let object = ObjectRef::new(Kind::Deployment, "shop", p.declared.stable.clone());
    let (Some(s), Some(c)) = (&p.stable, &p.candidate) else { return Err(RouteProblem::Missing(object)) };
    let name = |d: &Deployment| (d.name.clone(), d.uid.to_string());
    let entry = RouteEntry::Replicas { stable: name(s), candidate: name(c) };
    let accepted = match (c.replicas, c.ready()) {
        (0, n) if n > 0 => Acceptance::Pending("they still answer".into()),
        _ => Acceptance::Yes,
    };
    Ok(facts(object, s.uid.to_string(), s.version, entry, (s.replicas, c.replicas), accepted, None))
}

fn facts(
    object: ObjectRef,
    uid: String,
    version: u64,
    entry: RouteEntry,
    (stable, candidate): (u32, u32),
    accepted: Acceptance,
    stamp: Option<String>,
) -> RouteFacts {
    RouteFacts {
        object,
        uid,
        resource_version: version.to_string(),
        entry,
        stable,
        candidate,
        accepted,
        bypass: false,
        testers: None,
        notes: vec![],
        alone: false,
        written: (true, true),
        stamp,
        candidate_labels: Default::default(),
    }
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
    let images = |image: &str| vec![ContainerImage { name: "app".into(), image: image.into() }];
    let revisions = d.kept.iter().map(|(revision, image)| KeptRevision {
        revision: *revision,
        replica_set: format!("rs-{revision}"),
        template_hash: format!("h-{image}"),
        images: images(image),
        change_cause: None,
        references: vec![],
    });
    Workload {
        name: d.name.clone(),
        uid: d.uid.to_string(),
        resource_version: d.resource_version(),
        generation: d.generation,
        observed_generation: d.generation,
        replicas: d.replicas,
        current: d.pods.len() as u32,
        updated,
        ready,
        available: ready,
        ready_addresses: ready,
        paused: d.paused,
        containers: images(&d.image),
        stamp: d.stamp.clone(),
        images_by: writer(d.image_by),
        replicas_by: writer(d.replicas_by),
        revision: Some(d.revision),
        template_hash: Some(format!("h-{}", d.image)),
        revisions: revisions.collect(),
        hpa: d.scaler.map(|(min, max)| Autoscaler {
            name: "hpa".into(),
            min,
            max,
            current: d.replicas,
            desired: d.replicas,
            limited: d.replicas >= max,
        }),
        ..Workload::default()
    }
}
