//! What a rolling update of the one Deployment lacks.

use crate::domain::action::{Action, Precondition};
use crate::domain::observed::Workload;
use crate::domain::release::Track;
use crate::domain::rollout::Phase;
use crate::domain::weight::Weight;

use super::super::guard;
use super::{Need, Part, Stage};

impl Part<'_> {
    /// The rolling update has its share of updated pods; below 100 % the Deployment is paused there.
    pub(super) fn roll(&self, share: Weight) -> Vec<Need> {
        let Some(workload) = &self.seen.stable else {
            return vec![Need::Wait(Stage::Images, format!("{}: Deployment {} does not exist", self.name(), self.component.stable))];
        };
        let pause = |paused| self.set_paused(workload, paused);
        let template = self.template(workload);
        if matches!(self.rollout.phase, Phase::Paused { .. }) {
            let turning = template.is_none() && workload.updated < workload.replicas;
            return if turning && !workload.paused { vec![pause(true)] } else { Vec::new() };
        }
        if let Some(need) = template {
            return vec![need];
        }
        let wait = |text: String| vec![Need::Wait(Stage::Ready, format!("{}: {text}", self.name()))];
        if share < Weight::FULL && !workload.is_seen() {
            // What it says is of the spec before: of the one that our own pause made another, too.
            return wait("its controller has not seen the newest spec yet".to_owned());
        }
        let wanted = guard::pods_needed(workload.replicas, share);
        let reached = workload.updated >= wanted;
        // Between the old pods and the new ones all are to answer: of how many new ones do, nobody tells.
        let all = workload.replicas.max(workload.current);
        match (share == Weight::FULL, reached, workload.paused) {
            (true, _, true) | (false, false, true) => vec![pause(false)],
            (false, true, false) => vec![pause(true)],
            (true, _, false) => self.settled(workload),
            (false, true, true) if workload.ready < all => wait(format!("{}/{all} ready", workload.ready)),
            (false, true, true) => Vec::new(),
            (false, false, false) => wait(format!("{} of {wanted} updated", workload.updated)),
        }
    }

    /// What turns stops where it is, or goes on.
    pub(super) fn set_paused(&self, workload: &Workload, paused: bool) -> Need {
        let action = Action::SetPaused { component: self.name().to_owned(), target: self.to_target(Track::Stable, workload), paused };
        Need::Act(Stage::Capacity, action, Precondition::Value)
    }

    /// The rolling Deployment's template: the wanted images, or the kept revision.
    pub(super) fn template(&self, workload: &Workload) -> Option<Need> {
        let Some(kept) = &self.target.undo else { return self.images(Track::Stable, workload, &self.target.images) };
        if workload.template_hash.as_ref() == Some(&kept.template_hash) {
            return None;
        }
        // Put back once, it has another number.
        let now = workload.revisions.iter().find(|k| k.template_hash == kept.template_hash).unwrap_or(kept);
        let action = Action::Undo {
            component: self.name().to_owned(),
            target: self.to_target(Track::Stable, workload),
            revision: now.revision,
            replica_set: now.replica_set.clone(),
            cause: self.rollout.cause.clone(),
        };
        Some(Need::Act(Stage::Images, action, Precondition::Value))
    }
}
