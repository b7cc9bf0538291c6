//! Actions: one intended change of one cluster object, as data.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::argo_rollout::Steer;
use super::auto_sync::Application;
use super::object::{Kind, ObjectRef};
use super::observed::Workload;
use super::release::Track;
use super::route::{CANARY, CANARY_WEIGHT, RouteEntry, RouteFacts};
use super::testers::TestersMove;
use super::weight::Weight;

/// The annotation that tells whose write an object carries last: `epoch.seq`.
pub const STAMP: &str = "cutover.dev/stamp";
/// The annotation that people read in `kubectl rollout history`.
pub const CHANGE_CAUSE: &str = "kubernetes.io/change-cause";

/// One intended change of one object. Values are absolute, never relative: sent twice, it means the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Action {
    /// Set the two weights (or the one selector key) of a route.
    Route {
        /// The component.
        component: String,
        /// The route as read.
        facts: RouteFacts,
        /// What is asked for.
        weight: Weight,
        /// What becomes of the testers' rule.
        #[serde(default)]
        testers: TestersMove,
    },
    /// Set a Deployment's replicas.
    Scale {
        /// The component.
        component: String,
        /// The Deployment.
        target: Target,
        /// As read.
        from: u32,
        /// Wanted.
        to: u32,
    },
    /// Set images of a Deployment's containers, and its change-cause; unpauses a paused one when `unpause`.
    SetImages {
        /// The component.
        component: String,
        /// The Deployment.
        target: Target,
        /// The containers that change.
        images: Vec<ImageChange>,
        /// New change-cause.
        cause: Option<String>,
        /// Wanted `spec.paused`, where it must change with the images.
        paused: Option<bool>,
    },
    /// Set `spec.paused`.
    SetPaused {
        /// The component.
        component: String,
        /// The Deployment.
        target: Target,
        /// Wanted.
        paused: bool,
    },
    /// Make the candidate's Deployment from stable's: other name, track labels, images and replicas.
    Clone {
        /// The component.
        component: String,
        /// Stable's Deployment.
        from: Target,
        /// The new Deployment's name.
        name: String,
        /// Labels (and selector) that differ.
        labels: BTreeMap<String, String>,
        /// Container images that differ.
        images: Vec<ImageChange>,
        /// Replicas.
        replicas: u32,
        /// Change-cause.
        cause: Option<String>,
    },
    /// Change nothing but our stamp, so that a write whose fate is unknown can no longer land.
    Fence {
        /// The component.
        component: String,
        /// The object.
        object: ObjectRef,
    },
    /// Set the pod template back to a kept ReplicaSet's (annotations of the Deployment stay).
    Undo {
        /// The component.
        component: String,
        /// The Deployment.
        target: Target,
        /// The revision to go back to.
        revision: u64,
        /// The ReplicaSet that keeps it.
        replica_set: String,
        /// New change-cause.
        cause: Option<String>,
    },
    /// Tell Argo Rollouts what to do with a Rollout of its.
    Steer {
        /// The component.
        component: String,
        /// The Rollout.
        target: Target,
        /// What.
        how: Steer,
    },
    /// Take an Application's auto-sync away and keep what it was in an annotation.
    SuspendSync {
        /// The first component that has an object of its.
        component: String,
        /// The Application as read.
        application: Box<Application>,
    },
    /// Put it back. Only ever a person's order.
    RestoreSync {
        /// The first component that has an object of its.
        component: String,
        /// The Application as read.
        application: Box<Application>,
    },
}

/// A Deployment, or an Argo Rollout, as read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// The side it is.
    pub track: Track,
    /// The object.
    pub object: ObjectRef,
    /// Its uid.
    pub uid: String,
    /// Its stamp as read.
    pub stamp: Option<String>,
    /// Its version as read: what is tested while it carries no stamp of ours.
    #[serde(default)]
    pub resource_version: Option<String>,
}

impl Target {
    /// A Deployment as it was read.
    pub fn of(track: Track, namespace: &str, w: &Workload) -> Target {
        let object = ObjectRef::new(w.kind(), namespace, w.name.clone());
        let resource_version = Some(w.resource_version.clone()).filter(|v| !v.is_empty());
        Target { track, object, uid: w.uid.clone(), stamp: w.stamp.clone(), resource_version }
    }
}

/// One container's image, as read and wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageChange {
    /// Index in `spec.template.spec.containers`.
    pub index: usize,
    /// Container name.
    pub container: String,
    /// As read.
    pub from: String,
    /// Wanted.
    pub to: String,
}

/// What must still be true of an object for a write to land.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Precondition {
    /// Nothing about it changed since it was read: `resourceVersion`. For raising traffic.
    Unchanged,
    /// The values that are replaced are as read, and so is our stamp. For Deployments, whose status others write all the time,
    /// and for routes that somebody keeps writing to.
    Value,
    /// It is the same object and entry. For taking traffic back: neither a foreign write nor status churn may delay it.
    Identity,
}

/// What became of a write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum WriteOutcome {
    /// It holds.
    Landed,
    /// A precondition no longer held (409, or 422 for a failed `test`): read again, plan again.
    Conflict {
        /// What the server said.
        why: String,
    },
    /// The server said no.
    Refused {
        /// HTTP status code.
        code: u16,
        /// What it said, and what to do.
        why: String,
    },
    /// No answer: it may have landed, or may land yet.
    Unknown {
        /// What happened instead.
        why: String,
    },
}

impl WriteOutcome {
    /// In a few words, for a record.
    pub fn said(&self) -> String {
        match self {
            WriteOutcome::Landed => "done".to_owned(),
            WriteOutcome::Conflict { .. } => "the object changed meanwhile: read and planned again".to_owned(),
            WriteOutcome::Refused { code, why } => format!("refused ({code}): {why}"),
            WriteOutcome::Unknown { why } => format!("no answer ({why}): it may or may not have landed"),
        }
    }
}

impl Action {
    /// The component it is for.
    pub fn component(&self) -> &str {
        match self {
            Action::Route { component, .. }
            | Action::Scale { component, .. }
            | Action::SetImages { component, .. }
            | Action::SetPaused { component, .. }
            | Action::Clone { component, .. }
            | Action::Fence { component, .. }
            | Action::Undo { component, .. }
            | Action::Steer { component, .. }
            | Action::SuspendSync { component, .. }
            | Action::RestoreSync { component, .. } => component,
        }
    }

    /// The object it changes.
    pub fn object(&self) -> ObjectRef {
        match self {
            Action::Route { facts, .. } => facts.object.clone(),
            Action::Scale { target, .. }
            | Action::SetImages { target, .. }
            | Action::SetPaused { target, .. }
            | Action::Undo { target, .. }
            | Action::Steer { target, .. } => target.object.clone(),
            Action::Fence { object, .. } => object.clone(),
            Action::SuspendSync { application, .. } | Action::RestoreSync { application, .. } => application.object.clone(),
            Action::Clone { from, name, .. } => ObjectRef::new(Kind::Deployment, from.object.namespace.clone(), name.clone()),
        }
    }

    /// Whether it is of no object of the release: a rollback does not wait for it.
    pub fn is_beside(&self) -> bool {
        matches!(self, Action::SuspendSync { .. } | Action::RestoreSync { .. })
    }

    /// The verb it needs on the object.
    pub fn verb(&self) -> &'static str {
        if matches!(self, Action::Clone { .. }) { "create" } else { "patch" }
    }

    /// Object, field, before, after: what a dialog shows.
    pub fn changes(&self) -> Vec<Change> {
        let object = self.object();
        let change = |field: &str, before: String, after: String| Change { object: object.clone(), field: field.to_owned(), before, after };
        match self {
            Action::Route { facts, weight, testers, .. } => {
                let rule = testers_change(facts, *testers);
                let mut all = route_changes(facts, *weight);
                // Where the rule is what it is about, weights that stay are not worth a line.
                all.retain(|c| rule.is_none() || c.before != c.after);
                all.extend(rule);
                all
            }
            Action::Scale { from, to, .. } => vec![change("replicas", from.to_string(), to.to_string())],
            Action::SetImages { images, cause, paused, .. } => {
                let mut all: Vec<Change> =
                    images.iter().map(|i| change(&format!("image of {}", i.container), i.from.clone(), i.to.clone())).collect();
                all.extend(paused.map(|p| change("paused", (!p).to_string(), p.to_string())));
                all.extend(cause.as_ref().map(|c| change("change-cause", "…".to_owned(), c.clone())));
                all
            }
            Action::SetPaused { paused, .. } => vec![change("paused", (!paused).to_string(), paused.to_string())],
            Action::Clone { from, images, replicas, cause, .. } => {
                let mut all = vec![
                    change("created from", "–".to_owned(), from.object.to_string()),
                    change("replicas", "–".to_owned(), replicas.to_string()),
                ];
                all.extend(images.iter().map(|i| change(&format!("image of {}", i.container), "–".to_owned(), i.to.clone())));
                all.extend(cause.as_ref().map(|c| change("change-cause", "–".to_owned(), c.clone())));
                all
            }
            Action::Fence { .. } => vec![change("stamp", "…".to_owned(), "ours".to_owned())],
            Action::Undo { revision, replica_set, cause, .. } => {
                let template = change("pod template", "current".to_owned(), format!("revision {revision} ({replica_set})"));
                let cause = cause.as_ref().map(|c| change("change-cause", "…".to_owned(), c.clone()));
                std::iter::once(template).chain(cause).collect()
            }
            Action::Steer { how, .. } => {
                let (field, before, after) = how.change();
                vec![change(field, before, after)]
            }
            Action::SuspendSync { application, .. } => vec![change("auto-sync", application.now(), "off".to_owned())],
            Action::RestoreSync { application, .. } if application.is_overruled() => {
                vec![change("kept auto-sync", application.was(), "–".to_owned())]
            }
            Action::RestoreSync { application, .. } => vec![change("auto-sync", application.now(), application.was())],
        }
    }
}

fn route_changes(facts: &RouteFacts, weight: Weight) -> Vec<Change> {
    let change =
        |field: &str, before: String, after: String| Change { object: facts.object.clone(), field: field.to_owned(), before, after };
    match &facts.entry {
        RouteEntry::Service { key, stable, candidate, current } => {
            let wanted = if weight == Weight::ZERO { stable } else { candidate };
            vec![change(&format!("selector {key}"), current.clone(), wanted.clone())]
        }
        RouteEntry::Ingress { prefix, canary, weight: written, .. } => {
            let (_, part) = facts.parts(weight);
            let old = |text: &Option<String>| text.clone().unwrap_or_else(|| "–".to_owned());
            let mut all = vec![change(&format!("{prefix}/{CANARY_WEIGHT}"), old(written), part.to_string())];
            if part > 0 && canary.as_deref() != Some("true") {
                all.push(change(&format!("{prefix}/{CANARY}"), old(canary), "true".to_owned()));
            }
            all
        }
        _ => {
            let (stable, candidate) = facts.parts(weight);
            vec![
                change("stable", facts.stable.to_string(), stable.to_string()),
                change("candidate", facts.candidate.to_string(), candidate.to_string()),
            ]
        }
    }
}

fn testers_change(facts: &RouteFacts, wanted: TestersMove) -> Option<Change> {
    let rule = facts.testers.as_ref()?.testers.to_string();
    let (before, after) = match wanted {
        TestersMove::Keep => return None,
        TestersMove::Add => ("–".to_owned(), rule),
        TestersMove::Remove => (rule, "–".to_owned()),
    };
    Some(Change { object: facts.object.clone(), field: "testers".to_owned(), before, after })
}

/// One changed field of one object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The object.
    pub object: ObjectRef,
    /// The field, for people.
    pub field: String,
    /// Its value as read.
    pub before: String,
    /// Its value wanted.
    pub after: String,
}

/// `VirtualService backend: candidate 25 → 0`.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} {} → {}", self.object, self.field, super::text::sanitize(&self.before), super::text::sanitize(&self.after))
    }
}

/// One line for the journal: `backend: VirtualService backend: stable 75 → 100, candidate 25 → 0`.
impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.component(), self.object())?;
        for (n, change) in self.changes().iter().enumerate() {
            let lead = if n == 0 { ":" } else { "," };
            write!(f, "{lead} {} {} → {}", change.field, super::text::sanitize(&change.before), super::text::sanitize(&change.after))?;
        }
        Ok(())
    }
}
