//! What a version lacks that Argo Rollouts carries out.

use crate::domain::action::{Action, Precondition};
use crate::domain::argo_rollout::{ArgoRollout, Steer};
use crate::domain::observed::Workload;
use crate::domain::release::Track;
use crate::domain::rollout::{FOR_APPROVAL, Phase};

use super::{Need, Part, Stage};

impl Part<'_> {
    /// The controller has carried the wanted version through all of its steps.
    pub(super) fn follow(&self) -> Vec<Need> {
        let Some(workload) = &self.seen.stable else {
            return vec![self.wait(&format!("Rollout {} does not exist", self.component.stable))];
        };
        let Some(argo) = &workload.argo else { return vec![self.wait(&format!("{} is no Argo Rollout", workload.name))] };
        let template = self.template(workload);
        if matches!(self.rollout.phase, Phase::Paused { .. }) {
            let turning = template.is_none() && argo.is_midway();
            return if turning && !workload.paused { vec![self.set_paused(workload, true)] } else { Vec::new() };
        }
        if let Some(need) = template {
            return vec![need];
        }
        if workload.paused {
            return vec![self.set_paused(workload, false)];
        }
        if !workload.is_seen() {
            return vec![self.wait("Argo Rollouts has not seen the new version yet")];
        }
        if argo.is_done() { Vec::new() } else { vec![self.walk(workload, argo)] }
    }

    fn wait(&self, what: &str) -> Need {
        Need::Wait(Stage::Route, format!("{}: {what}", self.name()))
    }

    /// On its way: what ends a pause that a person ended, or what is waited for.
    fn walk(&self, workload: &Workload, argo: &ArgoRollout) -> Need {
        let steer = |how: Steer| {
            let action = Action::Steer { component: self.name().to_owned(), target: self.to_target(Track::Stable, workload), how };
            Need::Act(Stage::Route, action, Precondition::Value)
        };
        if self.rollout.express && argo.is_midway() {
            return if argo.promoting {
                self.wait("Argo Rollouts promotes it")
            } else {
                steer(Steer::PromoteFull { current: argo.current.clone() })
            };
        }
        let place = argo.place();
        match &argo.pause {
            Some(pause) if self.target.passed == Some(pause.at) => steer(Steer::GoOn { pause: pause.clone() }),
            Some(pause) => match pause.lasts {
                None => Need::Wait(Stage::Route, format!("{FOR_APPROVAL}{}: {place}, {pause}", self.name())),
                Some(_) => self.wait(&format!("{place}, {pause}")),
            },
            None => {
                let why = argo.message.as_ref().map(|m| format!(": {m}")).unwrap_or_default();
                self.wait(&format!("{place}{why}"))
            }
        }
    }
}
