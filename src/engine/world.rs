//! A compact typed world for tests: Deployments that become ready tick by tick, routes that hold what is written.

mod argo;
mod releases;
mod rollouts;

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::domain::action::{Action, Precondition, WriteOutcome};
use crate::domain::beside::Beside;
use crate::domain::drift::{MANAGER, Writer};
use crate::domain::gate::Consequence;
use crate::domain::object::{Kind, ObjectRef};
use crate::domain::observed::{ComponentObserved, ContainerImage, KeptRevision, Observed, Workload};
use crate::domain::owner::Owner;
use crate::domain::release::{Component, Release, Router, Strategy, Track};
use crate::domain::room::Room;
use crate::domain::route::{Acceptance, RouteEntry, RouteFacts, RouteProblem};
use crate::domain::testers::{TestersMove, TestersRule};
use crate::domain::time::{Millis, Now};
use crate::domain::verdict::{GateVerdict, Judgement, Verdict};

pub(crate) use releases::{argo_rollout, blue_green, by_annotations, by_replicas, canary, rolling, with_testers};

pub(crate) const OLD: &str = "shop/app:v1";
pub(crate) const NEW: &str = "shop/app:v2";

/// What the world holds of one component.
#[derive(Clone, Debug)]
struct Held {
    stable: Workload,
    candidate: Option<Workload>,
    /// Stable's and the candidate's weights.
    parts: (u32, u32),
    /// Whether nobody else has a part in the route.
    alone: bool,
    stamp: Option<String>,
    testers: bool,
    version: u64,
    /// Who wrote the route last.
    by: &'static str,
    /// When that was.
    at: Timestamp,
}

#[derive(Clone, Debug)]
pub(crate) struct World {
    pub release: Release,
    pub now: Now,
    pub verdict: Verdict,
    /// The candidate's pods are behind no Service.
    pub unreached: bool,
    /// Candidate pods never become ready.
    pub broken: bool,
    /// So many of stable's pods never become ready.
    pub limp: u32,
    components: BTreeMap<String, Held>,
    /// Who else manages the objects.
    pub owners: Vec<Owner>,
    /// What is known of the room for more pods.
    pub room: Option<Room>,
    /// Why no route can be told, if so.
    pub unseen: Option<RouteProblem>,
    /// What other routes do.
    pub beside: Beside,
}

impl World {
    pub fn new(release: Release) -> World {
        let held = |c: &Component| {
            let workload = |name: &str, replicas| Workload {
                name: name.into(),
                uid: format!("uid-{name}"),
                replicas,
                current: replicas,
                updated: replicas,
                ready: replicas,
                available: replicas,
                ready_addresses: replicas,
                containers: vec![ContainerImage { name: "app".into(), image: OLD.into() }],
                template_hash: Some(format!("h-{OLD}")),
                revisions: vec![kept(2, OLD), kept(1, "shop/app:v0")],
                ..Workload::default()
            };
            Held {
                stable: workload(&c.stable, 4),
                candidate: c.candidate.as_ref().map(|n| workload(n, 0)),
                parts: (100, 0),
                alone: true,
                stamp: None,
                testers: false,
                version: 1,
                by: "kubectl-apply",
                at: Timestamp::UNIX_EPOCH,
            }
        };
        let mut components: BTreeMap<String, Held> = release.components.iter().map(|c| (c.name.clone(), held(c))).collect();
        if release.strategy == Strategy::ArgoRollout {
            components.values_mut().for_each(|h| h.stable.argo = Some(Box::new(rollouts::at_rest(&h.stable))));
        }
        let now = Now { mono: Millis::ZERO, wall: "2026-01-01T00:00:00Z".parse().unwrap() };
        World {
            release,
            now,
            verdict: Verdict::Healthy,
            broken: false,
            unreached: false,
            limp: 0,
            components,
            owners: vec![],
            room: None,
            unseen: None,
            beside: Beside::default(),
        }
    }

    /// Time passes in which no pod gets anywhere.
    pub fn skip(&mut self, time: Millis) {
        self.now.mono = self.now.mono.plus(time);
        self.now.wall = self.now.wall.checked_add(std::time::Duration::from_millis(time.0)).unwrap();
    }

    pub fn pass(&mut self, time: Millis) {
        self.skip(time);
        for held in self.components.values_mut() {
            settle(&mut held.stable, false);
            rollouts::walk(&mut held.stable, self.now.wall);
            held.stable.ready = held.stable.ready.min(held.stable.replicas.saturating_sub(self.limp));
            (held.stable.available, held.stable.ready_addresses) = (held.stable.ready, held.stable.ready);
            if let Some(c) = &mut held.candidate {
                settle(c, self.broken);
            }
        }
    }

    pub fn weight(&self, component: &str) -> u32 {
        let held = &self.components[component];
        match self.release.component(component).unwrap().router {
            Router::Replicas { .. } => held.candidate.as_ref().map_or(0, |c| c.ready * 100 / (c.ready + held.stable.ready).max(1)),
            _ => held.parts.1 * 100 / (held.parts.0 + held.parts.1).max(1),
        }
    }

    /// The two weights of a route as they stand.
    pub fn parts(&mut self, component: &str) -> &mut (u32, u32) {
        let at = self.now.wall;
        let held = self.components.get_mut(component).unwrap();
        (held.by, held.at) = ("kubectl-edit", at);
        &mut held.parts
    }

    /// Somebody else has a part in a route, or no longer.
    pub fn share_out(&mut self, component: &str, alone: bool) {
        self.components.get_mut(component).unwrap().alone = alone;
    }

    /// Somebody writes to a route what changes none of its weights.
    pub fn churn(&mut self) {
        self.components.values_mut().for_each(|held| held.version += 1);
    }

    /// Who wrote a route last.
    pub fn by(&mut self, component: &str) -> &mut &'static str {
        &mut self.components.get_mut(component).unwrap().by
    }

    /// Somebody deletes a Deployment of the candidate's and makes it again.
    pub fn remake_candidate(&mut self, component: &str) {
        let w = self.workload(component, Track::Candidate);
        w.uid.push('2');
    }

    /// Somebody deletes the candidate's Deployment.
    pub fn delete_candidate(&mut self, component: &str) {
        self.components.get_mut(component).unwrap().candidate = None;
    }

    /// Whether testers have a way of their own to the candidate.
    pub fn admits_testers(&self, component: &str) -> bool {
        self.components[component].testers
    }

    /// Somebody else puts the testers' rule there, or takes it away.
    pub fn set_testers(&mut self, component: &str, stands: bool) {
        let held = self.components.get_mut(component).unwrap();
        (held.testers, held.version) = (stands, held.version + 1);
    }

    /// Somebody else sets a weight.
    pub fn meddle(&mut self, component: &str, weight: u32) {
        let at = self.now.wall;
        let held = self.components.get_mut(component).unwrap();
        (held.parts, held.version) = ((100 - weight, weight), held.version + 1);
        (held.by, held.at) = ("argocd-controller", at);
    }

    pub fn workload(&mut self, component: &str, track: Track) -> &mut Workload {
        let held = self.components.get_mut(component).unwrap();
        if track == Track::Stable { &mut held.stable } else { held.candidate.as_mut().unwrap() }
    }

    pub fn judgement(&self) -> Judgement {
        let of = |c: &Component| GateVerdict {
            gate: "errors".into(),
            component: c.name.clone(),
            verdict: self.verdict.clone(),
            then: Consequence::Rollback,
            candidate: None,
            stable: None,
            requests: 100,
            limit: "5 %".into(),
            broken_for: Millis::ZERO,
            evidence: format!("errors: {}", self.verdict),
        };
        Judgement { gates: self.release.components.iter().map(of).collect(), ..Judgement::default() }
    }

    pub fn observe(&self) -> Observed {
        let one = |c: &Component| {
            let held = &self.components[&c.name];
            let seen = ComponentObserved {
                stable: Some(held.stable.clone()),
                candidate: held
                    .candidate
                    .clone()
                    .map(|w| Workload { ready_addresses: if self.unreached { 0 } else { w.ready_addresses }, ..w }),
                route: self.unseen.clone().map_or_else(|| self.facts(c, held), Err),
                route_by: Some(Writer { manager: held.by.into(), at: Some(held.at) }),
                owners: self.owners.clone(),
                checked: vec![],
                beside: self.beside.clone(),
            };
            (c.name.clone(), seen)
        };
        Observed {
            at: self.now.wall,
            components: self.release.components.iter().map(one).collect(),
            room: self.room.clone(),
            unlisted: vec![],
        }
    }

    fn facts(&self, c: &Component, held: &Held) -> Result<RouteFacts, RouteProblem> {
        let (kind, entry) = match &c.router {
            Router::Istio { stable, candidate, .. } => (
                Kind::VirtualService,
                RouteEntry::VirtualService { route: None, http: 0, stable: (0, stable.clone()), candidate: (1, candidate.clone()) },
            ),
            Router::Service { key, stable, candidate, .. } => {
                let current = if held.parts.1 == 0 { stable.clone() } else { candidate.clone() };
                (Kind::Service, RouteEntry::Service { key: key.clone(), stable: stable.clone(), candidate: candidate.clone(), current })
            }
            Router::Nginx { prefix, candidate, .. } => {
                let weight = Some(held.parts.1.to_string());
                let candidate = ("/spec/rules/0/http/paths/0/backend/service/name".into(), candidate.clone());
                let canary = Some("true".into());
                (Kind::Ingress, RouteEntry::Ingress { prefix: prefix.clone(), candidate, canary, weight, annotated: true })
            }
            Router::Replicas { .. } => {
                let name = |w: &Workload| (w.name.clone(), w.uid.clone());
                let Some(candidate) = &held.candidate else {
                    return Err(RouteProblem::Missing(ObjectRef::new(Kind::Deployment, "shop", c.name.clone())));
                };
                (Kind::Deployment, RouteEntry::Replicas { stable: name(&held.stable), candidate: name(candidate) })
            }
            _ => return Err(RouteProblem::None),
        };
        let (stable, candidate) = match &c.router {
            Router::Replicas { .. } => (held.stable.replicas, held.candidate.as_ref().unwrap().replicas),
            _ => held.parts,
        };
        let object = ObjectRef::new(kind, "shop", c.name.clone());
        Ok(RouteFacts {
            object,
            uid: "u".into(),
            resource_version: held.version.to_string(),
            entry,
            stable,
            candidate,
            accepted: match (&c.router, &held.candidate) {
                (Router::Replicas { .. }, Some(c)) if c.replicas == 0 && c.ready > 0 => Acceptance::Pending("they still answer".into()),
                _ => Acceptance::Yes,
            },
            bypass: held.testers,
            notes: vec![],
            alone: held.alone && kind != Kind::Ingress,
            written: (true, true),
            stamp: held.stamp.clone(),
            candidate_labels: BTreeMap::new(),
            testers: c.testers.clone().map(|testers| Box::new(TestersRule { testers, stands: held.testers, turn: vec![] })),
        })
    }

    pub fn apply(&mut self, action: &Action, precondition: Precondition) -> WriteOutcome {
        if action.is_beside() {
            return self.write_application(action);
        }
        let now = self.now.wall;
        let conflict = || WriteOutcome::Conflict { why: "changed".into() };
        let held = self.components.get_mut(action.component()).unwrap();
        match action {
            Action::Route { facts, weight, testers, .. } => {
                if precondition == Precondition::Unchanged && facts.resource_version != held.version.to_string() {
                    return conflict();
                }
                let as_read = (&facts.stamp, facts.stable, facts.candidate) == (&held.stamp, held.parts.0, held.parts.1);
                let by_ratio = matches!(facts.entry, RouteEntry::Replicas { .. });
                if precondition == Precondition::Value && !by_ratio && !as_read {
                    return conflict();
                }
                let (stable, candidate) = facts.parts(*weight);
                if by_ratio {
                    held.candidate.as_mut().unwrap().replicas = candidate;
                    held.stable.replicas = stable;
                } else {
                    (held.parts, held.version) = ((stable, candidate), held.version + 1);
                    (held.by, held.at) = (MANAGER, now);
                    held.testers = *testers == TestersMove::Add || (held.testers && *testers == TestersMove::Keep);
                }
            }
            Action::Scale { target, from, to, .. } => {
                let w = side(held, target.track);
                if precondition == Precondition::Value && w.replicas != *from {
                    return conflict();
                }
                w.replicas = *to;
                w.generation += 1;
            }
            Action::SetImages { target, images, paused, .. } => {
                let w = side(held, target.track);
                for i in images {
                    w.containers[i.index].image = i.to.clone();
                }
                w.template_hash = Some(format!("h-{}", w.containers[0].image));
                (w.updated, w.generation, w.paused) = (0, w.generation + 1, paused.unwrap_or(w.paused));
            }
            Action::SetPaused { target, paused, .. } => side(held, target.track).paused = *paused,
            Action::Clone { name, images, replicas, from, .. } => {
                let mut clone = side(held, from.track).clone();
                (clone.name, clone.uid, clone.replicas) = (name.clone(), format!("uid-{name}"), *replicas);
                (clone.current, clone.updated, clone.ready, clone.ready_addresses) = (0, 0, 0, 0);
                for i in images {
                    clone.containers[i.index].image = i.to.clone();
                }
                held.candidate = Some(clone);
            }
            Action::Undo { target, revision, .. } => {
                let w = side(held, target.track);
                let kept = w.revisions.iter().find(|k| k.revision == *revision).unwrap().clone();
                (w.containers, w.template_hash, w.updated, w.generation) = (kept.images, Some(kept.template_hash), 0, w.generation + 1);
            }
            Action::Steer { target, how, .. } => return rollouts::steer(side(held, target.track), how),
            Action::SuspendSync { .. } | Action::RestoreSync { .. } => {}
            Action::Fence { .. } => (held.version, held.stamp) = (held.version + 1, Some(format!("1.{}", held.version))),
        }
        WriteOutcome::Landed
    }
}

pub(crate) fn kept(revision: u64, image: &str) -> KeptRevision {
    let images = vec![ContainerImage { name: "app".into(), image: image.into() }];
    KeptRevision {
        revision,
        replica_set: format!("rs-{revision}"),
        template_hash: format!("h-{image}"),
        images,
        change_cause: None,
        references: vec![],
    }
}

fn side(held: &mut Held, track: Track) -> &mut Workload {
    if track == Track::Stable { &mut held.stable } else { held.candidate.as_mut().unwrap() }
}

/// One tick nearer to what is wanted: a pod is replaced, started or stopped.
fn settle(w: &mut Workload, broken: bool) {
    w.observed_generation = w.generation;
    w.current = w.replicas;
    if w.updated < w.replicas && !w.paused {
        w.updated += 1;
    }
    w.updated = w.updated.min(w.replicas);
    w.ready = if broken { 0 } else { (w.ready + 1).min(w.replicas) };
    (w.available, w.ready_addresses) = (w.ready, w.ready);
}
