//! Pods: enough of them for a weight, and those that are the weight.

use crate::domain::mutant::{Mutant, mutant};
use crate::domain::observed::Workload;
use crate::domain::release::{Router, Track};
use crate::domain::weight::Weight;

use super::super::{fits, guard, ratio};
use super::{Need, Part, Stage};

impl Part<'_> {
    /// Pods that stable needs for all of the traffic.
    pub(super) fn whole(&self) -> u32 {
        guard::stable_pods(self.target.stable.replicas, self.seen.stable.as_ref())
    }

    /// Enough candidate pods for a weight, asked for and ready.
    pub(super) fn capacity(&self, candidate: &Workload, weight: Weight) -> Vec<Need> {
        let wanted = guard::pods_needed(self.whole(), weight);
        let mut needs = Vec::new();
        // An autoscaler owns the replicas once there are any; nobody fights it.
        let ours = !candidate.may_autoscale() || candidate.replicas == 0 || mutant(Mutant::AutoscalerFought);
        if candidate.replicas < wanted && ours {
            needs.push(self.scale(Stage::Capacity, Track::Candidate, candidate, wanted));
        }
        if mutant(Mutant::RaiseWithoutPods) {
            return needs;
        }
        needs.extend(self.settled(candidate));
        let enough = if candidate.may_autoscale() { 1 } else { wanted };
        if needs.is_empty() && candidate.ready_addresses < enough {
            needs.push(Need::Wait(Stage::Ready, format!("{}: {} of {enough} addresses ready", self.name(), candidate.ready_addresses)));
        }
        needs
    }

    /// The Deployment's controller has caught up and every wanted pod is ready.
    pub fn settled(&self, workload: &Workload) -> Vec<Need> {
        if workload.is_settled() {
            return Vec::new();
        }
        let mut text = format!("{}: {} {}/{} ready", self.name(), workload.name, workload.ready.min(workload.updated), workload.replicas);
        if let Some(problem) = workload.problems.first().or(workload.stalled.as_ref()) {
            text.push_str(&format!(": {problem}"));
        }
        vec![Need::Wait(Stage::Ready, text)]
    }

    /// Two Deployments share one Service: the growing side first, and ready, before the other shrinks.
    pub(super) fn serve_by_ratio(&self, candidate: &Workload, weight: Weight) -> Vec<Need> {
        let Some(stable) = &self.seen.stable else {
            return vec![Need::Wait(Stage::Images, format!("{}: stable's Deployment is gone", self.name()))];
        };
        if let Some(hpa) = stable.hpa.as_ref().or(candidate.hpa.as_ref()) {
            return vec![Need::Wait(Stage::Capacity, fits::fought(self.name(), hpa))];
        }
        if stable.hpa_unknown || candidate.hpa_unknown {
            return vec![Need::Wait(Stage::Capacity, fits::unknown(self.name()))];
        }
        let (s, c) = ratio::split(self.target.stable.replicas, weight);
        let sides = [(Track::Candidate, candidate, c), (Track::Stable, stable, s)];
        let grow = sides.iter().find(|(_, w, to)| w.replicas < *to).map(|(t, w, to)| self.scale(Stage::Capacity, *t, w, *to));
        let wait = sides.iter().find(|(_, w, to)| w.replicas <= *to && !w.is_settled()).map(|(_, w, _)| self.settled(w));
        // Stable gives nothing away to pods that nobody reaches; what falls waits for no such thing.
        let wait = wait.or_else(|| self.unreached(candidate).filter(|_| stable.replicas > s).map(|need| vec![need]));
        let shrink = sides.iter().find(|(_, w, to)| w.replicas > *to).map(|(t, w, to)| self.scale(Stage::Route, *t, w, *to));
        grow.into_iter().chain(wait.into_iter().flatten()).chain(shrink).collect()
    }

    /// Pods that are ready and behind no Service get nothing, whatever their number is.
    fn unreached(&self, candidate: &Workload) -> Option<Need> {
        let Router::Replicas { service: Some(service) } = &self.component.router else { return None };
        let name = &candidate.name;
        (candidate.ready > 0 && candidate.ready_addresses == 0).then(|| {
            Need::Wait(
                Stage::Ready,
                format!("{}: Service {service} reaches no pod of {name}: do their labels match its selector?", self.name()),
            )
        })
    }
}
