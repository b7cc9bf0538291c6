//! The world as read for a decision: fresh, complete, trimmed to what decisions use.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::argo_rollout::ArgoRollout;
use super::beside::Beside;
use super::drift::Writer;
use super::object::Kind;
use super::owner::Owner;
use super::reference::{Checked, Reference};
use super::release::Track;
use super::room::{Room, amount};
use super::route::{RouteFacts, RouteProblem};
use super::text::SafeText;
use super::time::Millis;

/// All components of a release, read in one go.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Observed {
    /// When the read began, wall clock.
    pub at: Timestamp,
    /// By component name.
    pub components: BTreeMap<String, ComponentObserved>,
    /// What room there is for more pods, where that was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<Room>,
    /// Controllers that move traffic themselves, are installed, and whose objects may not be listed: whether one of them drives
    /// this release is not known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unlisted: Vec<SafeText>,
}

impl Observed {
    /// One side's workload.
    pub fn workload(&self, component: &str, track: Track) -> Option<&Workload> {
        let c = self.components.get(component)?;
        match track {
            Track::Stable => c.stable.as_ref(),
            Track::Candidate => c.candidate.as_ref(),
        }
    }

    /// Forgets what a look does not tell for which a rollback waits that knows of no run ([`super::port::Haste::AtOnce`]): the
    /// worlds that stand for a cluster answer with it.
    pub fn at_once(&mut self) {
        for c in self.components.values_mut() {
            c.owners.clear();
            if c.route.as_ref().map_or(true, |route| route.object.kind != Kind::Service) {
                c.beside = Beside::not_asked();
            }
            c.stable.iter_mut().chain(&mut c.candidate).for_each(Workload::at_once);
        }
    }

    /// What is to be said of everything that sends to candidates beside the weights, each line with its component.
    pub fn notes(&self) -> impl Iterator<Item = String> + '_ {
        self.components.iter().flat_map(|(name, c)| c.notes().map(move |note| format!("{name}: {note}")))
    }

    /// One component's route, where it could be told.
    pub fn route(&self, component: &str) -> Option<&RouteFacts> {
        self.components.get(component)?.route.as_ref().ok()
    }
}

/// One component.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ComponentObserved {
    /// Stable's Deployment; `None` when it does not exist.
    pub stable: Option<Workload>,
    /// The candidate's Deployment; `None` when it does not exist or the strategy has none.
    pub candidate: Option<Workload>,
    /// The route.
    pub route: Result<RouteFacts, RouteProblem>,
    /// Who wrote its weights, or its selector, last.
    #[serde(default)]
    pub route_by: Option<Writer>,
    /// Who else manages the objects.
    #[serde(default)]
    pub owners: Vec<Owner>,
    /// What was found of the ConfigMaps and Secrets that its templates refer to.
    #[serde(default)]
    pub checked: Vec<Checked>,
    /// What other routes do.
    #[serde(default)]
    pub beside: Beside,
}

impl ComponentObserved {
    /// Who sends to the candidate whatever the weights say, as far as it is known: another rule of the route, another route.
    pub fn past(&self) -> Option<SafeText> {
        let rule = || self.route.as_ref().ok().filter(|route| route.bypass).map(|route| SafeText::from(route.object.to_string()));
        self.beside.senders().first().cloned().or_else(rule)
    }

    /// What is to be said of everything that sends to the candidate beside the weights.
    pub fn notes(&self) -> impl Iterator<Item = SafeText> + '_ {
        self.route.iter().flat_map(|route| route.notes.iter().cloned()).chain(self.beside.notes())
    }
}

/// A Deployment, or an Argo Rollout, trimmed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Workload {
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// Its version as read.
    pub resource_version: String,
    /// `metadata.generation`.
    pub generation: i64,
    /// `status.observedGeneration`.
    pub observed_generation: i64,
    /// `spec.replicas`.
    pub replicas: u32,
    /// `status.replicas`: pods that exist, old and new.
    pub current: u32,
    /// `status.updatedReplicas`.
    pub updated: u32,
    /// `status.readyReplicas`.
    pub ready: u32,
    /// `status.availableReplicas`.
    pub available: u32,
    /// Ready addresses of its pods in EndpointSlices (its ready pods where no Service selects them).
    pub ready_addresses: u32,
    /// Why the Service that is to send to its pods would reach none of them, where it is told by a selector.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unselected: Option<SafeText>,
    /// `spec.paused`.
    pub paused: bool,
    /// Containers in order: name and image.
    pub containers: Vec<ContainerImage>,
    /// ConfigMaps and Secrets without which its pods do not start.
    #[serde(default)]
    pub references: Vec<Reference>,
    /// Who wrote its images last.
    #[serde(default)]
    pub images_by: Option<Writer>,
    /// Who wrote its replicas last.
    #[serde(default)]
    pub replicas_by: Option<Writer>,
    /// Our stamp annotation, `epoch.seq`.
    pub stamp: Option<String>,
    /// `deployment.kubernetes.io/revision`.
    pub revision: Option<u64>,
    /// `kubernetes.io/change-cause`.
    pub change_cause: Option<SafeText>,
    /// `pod-template-hash` of the newest ReplicaSet.
    pub template_hash: Option<String>,
    /// Digest of the running image of the first container, where a pod reports one.
    pub digest: Option<String>,
    /// Kept revisions, newest first, the current one included.
    pub revisions: Vec<KeptRevision>,
    /// Reason and message when the Deployment says that it does not progress.
    pub stalled: Option<SafeText>,
    /// Its autoscaler.
    pub hpa: Option<Autoscaler>,
    /// Whether it has one cannot be told: autoscalers may not be listed.
    #[serde(default)]
    pub hpa_unknown: bool,
    /// How it replaces its pods.
    #[serde(default)]
    pub rolls: Rolls,
    /// Restarts counted over its pods' containers, with their ages.
    pub restarts: Vec<Restart>,
    /// Pods that cannot run, with the reason: `web-7f9c: ImagePullBackOff: not found`.
    pub problems: Vec<SafeText>,
    /// What Argo Rollouts says of it, where it is one of its Rollouts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub argo: Option<Box<ArgoRollout>>,
}

impl Workload {
    /// Whether its controller has seen the newest spec: until then it speaks of the one before.
    pub fn is_seen(&self) -> bool {
        self.observed_generation >= self.generation
    }

    /// Whether the Deployment's controller has seen the newest spec and every wanted pod runs it and is ready.
    pub fn is_settled(&self) -> bool {
        self.is_seen() && self.updated == self.replicas && self.ready >= self.replicas && self.current <= self.replicas
    }

    fn at_once(&mut self) {
        self.ready_addresses = self.ready;
        (self.template_hash, self.digest, self.hpa, self.hpa_unknown) = (None, None, None, true);
        self.revisions.clear();
        self.restarts.clear();
        self.problems.clear();
    }

    /// What kind of object it is.
    pub fn kind(&self) -> Kind {
        if self.argo.is_some() { Kind::Rollout } else { Kind::Deployment }
    }

    /// Whether something else may own its replicas.
    pub fn may_autoscale(&self) -> bool {
        self.hpa.is_some() || self.hpa_unknown
    }

    /// A container's image.
    pub fn image(&self, container: Option<&str>) -> Option<&ContainerImage> {
        match container {
            Some(name) => self.containers.iter().find(|c| c.name == name),
            None => self.containers.first(),
        }
    }
}

/// How far a rolling update goes beside the wanted pods; both are 0 where all pods go before new ones come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rolls {
    /// Pods that there may be too many.
    pub surge: u32,
    /// Pods that may be missing.
    pub unavailable: u32,
}

impl Rolls {
    /// Whether no old pod goes before a new one is there: without room for one more pod nothing moves.
    pub fn needs_room(self) -> bool {
        self.surge > 0 && self.unavailable == 0
    }
}

/// A container's name and image, as written in the pod template.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ContainerImage {
    /// Container name.
    pub name: String,
    /// Image reference, unparsed.
    pub image: String,
}

/// A revision that a ReplicaSet keeps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptRevision {
    /// Its number.
    pub revision: u64,
    /// The ReplicaSet.
    pub replica_set: String,
    /// Its `pod-template-hash`.
    pub template_hash: String,
    /// Its images.
    pub images: Vec<ContainerImage>,
    /// `kubernetes.io/change-cause`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change_cause: Option<SafeText>,
    /// ConfigMaps and Secrets without which its pods do not start.
    #[serde(default)]
    pub references: Vec<Reference>,
}

/// A HorizontalPodAutoscaler, trimmed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Autoscaler {
    /// Its name.
    pub name: String,
    /// `minReplicas`.
    pub min: u32,
    /// `maxReplicas`.
    pub max: u32,
    /// `status.currentReplicas`.
    pub current: u32,
    /// `status.desiredReplicas`.
    pub desired: u32,
    /// Whether it wants more than it may have.
    pub limited: bool,
    /// What it goes by, where it has values.
    #[serde(default)]
    pub metrics: Vec<Pressure>,
}

/// A measure that an autoscaler goes by, averaged over its pods, beside its target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pressure {
    /// `cpu`, `memory`, `requests`.
    pub name: SafeText,
    /// Now: percent, or thousandths of a unit.
    pub now: u64,
    /// The target, in the same.
    pub target: u64,
    /// Whether they are percent of what is requested.
    pub percent: bool,
}

impl Pressure {
    /// Whether it is above its target by more than the tenth that an autoscaler overlooks.
    pub fn is_over(&self) -> bool {
        self.now.saturating_mul(10) > self.target.saturating_mul(11)
    }

    /// Pods that would bring it to its target, in fractions, for so many pods as it is averaged over.
    pub fn pods(&self, pods: u32) -> f64 {
        f64::from(pods) * self.now as f64 / self.target.max(1) as f64
    }
}

/// `cpu 92 % of 70 %`.
impl std::fmt::Display for Pressure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Pressure { name, now, target, percent } = self;
        match percent {
            true => write!(f, "{name} {now} % of {target} %"),
            false => write!(f, "{name} {} of {}", amount(name.as_str(), *now), amount(name.as_str(), *target)),
        }
    }
}

/// A container's restarts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restart {
    /// The pod's uid, so that a pod that comes back does not reset the count.
    pub pod: String,
    /// Container name.
    pub container: String,
    /// `restartCount`, with evictions and completed runs left out.
    pub count: u32,
    /// How long ago the last one was, where the status says.
    pub ago: Option<Millis>,
    /// Reason of the last end: `Error`, `OOMKilled`.
    pub reason: Option<SafeText>,
}
