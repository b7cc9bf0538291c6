//! The way back of one component: its Deployment, its images, its pods, its route, and what its pods need to start.

use crate::domain::observed::{ComponentObserved, KeptRevision, Workload};
use crate::domain::reference::{Presence, Reference};
use crate::domain::release::{Component, Router};
use crate::domain::rollout::{ComponentTarget, Recorded};
use crate::domain::route::{Acceptance, RouteProblem};

use super::super::guard;
use super::super::needs::image_changes;
use super::super::start::recorded;
use super::{Back, Stand};

/// What was found, good and bad.
#[derive(Default)]
struct Findings {
    /// What keeps it from going back, with what to do about it.
    missing: Vec<(String, String)>,
    /// What nobody knows.
    doubts: Vec<String>,
    notes: Vec<String>,
    /// Whether pods must start before, or soon after, the traffic comes back.
    starts: bool,
}

/// The way back of a component with what a run recorded of it, if one did.
pub(super) fn back(component: &Component, target: Option<&ComponentTarget>, seen: Option<&ComponentObserved>) -> Back {
    let revision = target.and_then(|t| t.stable.revision);
    let not_sure = |why: &str| Back { revision, stand: Stand::NotSure { why: why.to_owned() }, notes: Vec::new() };
    let Some(seen) = seen else { return not_sure("the cluster has not been read yet") };
    let name = target.map_or(&component.stable, |t| &t.stable.name);
    // Roles may have turned since the run began: what was stable then is found by its name.
    let Some(stable) = seen.stable.iter().chain(&seen.candidate).find(|w| w.name == *name) else {
        let stand = Stand::No { why: format!("Deployment {name} does not exist"), todo: "apply its manifest again".to_owned() };
        return Back { revision, stand, notes: Vec::new() };
    };
    let as_found = recorded(stable);
    let before = target.map_or(&as_found, |t| &t.stable);
    let mut found = Findings::default();
    found.remade(before, stable);
    let template = found.images(before, stable, target.is_some_and(|t| t.undo.is_some()));
    found.pods(before, stable, template);
    found.route(component, target, seen);
    if target.is_none() {
        found.same_version(stable, seen);
    }
    let references = match template {
        Template::Kept(kept) => &kept.references,
        Template::Stands | Template::Written => &stable.references,
    };
    found.references(references, seen);
    found.told(before.revision)
}

/// Where the pod template that would serve comes from.
#[derive(Clone, Copy)]
enum Template<'a> {
    /// The Deployment has it now.
    Stands,
    /// The recorded images are written into the Deployment's template.
    Written,
    /// An undo is undone: the template is the kept revision's.
    Kept(&'a KeptRevision),
}

impl Findings {
    fn told(self, revision: Option<u64>) -> Back {
        let join = |parts: Vec<String>| parts.join("; ");
        let (whys, mut todos): (Vec<String>, Vec<String>) = self.missing.into_iter().unzip();
        todos.dedup();
        let stand = match (whys.is_empty(), self.doubts.is_empty()) {
            (false, _) => Stand::No { why: join(whys), todo: join(todos) },
            (true, false) => Stand::NotSure { why: join(self.doubts) },
            (true, true) => Stand::Ready,
        };
        Back { revision, stand, notes: self.notes }
    }

    /// Without a record what stable runs is all that there is to go back to.
    fn same_version(&mut self, stable: &Workload, seen: &ComponentObserved) {
        let sends = seen.route.as_ref().is_ok_and(|f| f.candidate > 0);
        let other = seen.candidate.as_ref().filter(|c| c.name != stable.name && c.containers == stable.containers);
        if let Some(other) = other.filter(|_| sends) {
            let image = stable.containers.first().map_or("", |i| i.image.as_str());
            self.doubts.push(format!("{} runs {image} as {} does; `cutover undo` puts an earlier revision back", stable.name, other.name));
        }
    }

    fn remade(&mut self, before: &Recorded, stable: &Workload) {
        if stable.uid != before.uid {
            self.doubts.push(format!("Deployment {} was made anew since the start", stable.name));
        }
    }

    fn images<'a>(&mut self, before: &Recorded, stable: &'a Workload, undoing: bool) -> Template<'a> {
        let number = before.revision.map_or_else(|| "it".to_owned(), |n| format!("revision {n}"));
        let has = |name: &str| stable.containers.iter().any(|c| c.name == name);
        if let Some(gone) = before.images.iter().find(|i| !has(&i.name)) {
            self.doubts.push(format!("Deployment {} has no container {} any more", stable.name, gone.name));
        }
        let same_template = before.template_hash.is_none() || stable.template_hash == before.template_hash;
        let same_images = image_changes(stable, &before.images).is_empty();
        if same_images && same_template {
            return Template::Stands;
        }
        let by_hash = stable.revisions.iter().find(|k| Some(&k.template_hash) == before.template_hash.as_ref());
        match by_hash {
            Some(kept) if undoing => {
                self.notes.push(format!("ReplicaSet {} keeps {number}", kept.replica_set));
                Template::Kept(kept)
            }
            Some(kept) if !same_images => {
                self.notes.push(format!("ReplicaSet {} keeps {number}", kept.replica_set));
                Template::Written
            }
            _ if same_images => {
                self.doubts.push(format!("the pod template of {} was changed since the start, apart from its images", stable.name));
                Template::Stands
            }
            _ => {
                self.doubts
                    .push(format!("no ReplicaSet keeps {number}: its recorded images are written again, the rest stays as it is now"));
                Template::Written
            }
        }
    }

    fn pods(&mut self, before: &Recorded, stable: &Workload, template: Template<'_>) {
        let wanted = before.replicas.max(1);
        if !matches!(template, Template::Stands) {
            self.starts = true;
            self.notes.push(format!("{} pods are replaced", stable.replicas.max(wanted)));
            return;
        }
        let ready = if stable.updated > 0 { stable.ready.min(stable.updated) } else { stable.ready };
        self.starts = ready < wanted;
        if ready > 0 && stable.ready_addresses == 0 {
            self.doubts.push(format!("{} has ready pods and no ready address: no Service reaches them", stable.name));
        }
        match ready {
            _ if ready >= wanted => self.notes.push(format!("{ready} of {wanted} pods ready")),
            0 if stable.replicas == 0 => self.notes.push(format!("no pod runs: {wanted} are started first")),
            0 => match stable.problems.first() {
                Some(problem) => self.missing.push((
                    format!("none of {} pods of {} is ready: {problem}", stable.replicas, stable.name),
                    format!("see kubectl describe pods of deployment/{}", stable.name),
                )),
                None => self.doubts.push(format!("none of {} pods of {} is ready yet", stable.replicas, stable.name)),
            },
            _ if stable.replicas >= wanted && guard::bearable(ready) < wanted => {
                let load = f64::from(wanted) / f64::from(ready);
                self.doubts.push(format!("only {ready} of {wanted} pods are ready: {load:.1}x the usual load each"));
            }
            _ => self.notes.push(format!("{ready} of {wanted} pods ready, the others are started")),
        }
    }

    fn route(&mut self, component: &Component, target: Option<&ComponentTarget>, seen: &ComponentObserved) {
        let known = target.is_some_and(|t| t.route.is_some());
        match &seen.route {
            Ok(facts) => {
                if let Acceptance::Refused(why) = &facts.accepted {
                    self.doubts.push(format!("{} is refused: {why}", facts.object));
                }
            }
            Err(RouteProblem::None) => {}
            // Without a candidate no ratio sends anything to one.
            Err(RouteProblem::Missing(_)) if matches!(component.router, Router::Replicas { .. }) && seen.stable.is_some() => {}
            Err(problem @ RouteProblem::Missing(_)) => self.missing.push((problem.to_string(), "apply its manifest again".to_owned())),
            Err(problem @ RouteProblem::Unfit { .. }) => {
                self.missing.push((problem.to_string(), "put the release's two sides back into it".to_owned()));
            }
            Err(problem) if known => self.doubts.push(format!("{problem}; it would be written as it was last known")),
            Err(problem) => self.doubts.push(problem.to_string()),
        }
    }

    /// Pods that run need nothing more; those that must start need all of it.
    fn references(&mut self, references: &[Reference], seen: &ComponentObserved) {
        let presence = |r: &Reference| seen.checked.iter().find(|c| c.reference == *r).map(|c| &c.presence);
        let mut unchecked: Vec<(String, Vec<String>)> = Vec::new();
        for reference in references {
            let why = match presence(reference) {
                Some(Presence::Present) => continue,
                Some(Presence::Missing) if self.starts => {
                    self.missing
                        .push((format!("{reference} does not exist, and pods do not start without it"), "create it again".to_owned()));
                    continue;
                }
                Some(Presence::Missing) => {
                    self.doubts.push(format!("{reference} does not exist: pods that run go on, one that starts anew does not"));
                    continue;
                }
                Some(Presence::Forbidden) => format!("no right to get {}", reference.kind.plural()),
                Some(Presence::Unread(why)) => why.to_string(),
                None => "not asked yet".to_owned(),
            };
            match unchecked.iter_mut().find(|(known, _)| *known == why) {
                Some((_, names)) => names.push(reference.to_string()),
                None => unchecked.push((why, vec![reference.to_string()])),
            }
        }
        let lines = unchecked.into_iter().map(|(why, names)| format!("{} not checked: {why}", names.join(", ")));
        if self.starts { self.doubts.extend(lines) } else { self.notes.extend(lines) }
    }
}
