//! A canary's last step: stable takes over the candidate's images, then the traffic, then the candidate goes.

use crate::domain::observed::Workload;
use crate::domain::release::{Router, Track};
use crate::domain::weight::Weight;

use super::guard;
use super::needs::{Need, Part, Stage};

/// What is missing until one component is promoted.
pub(super) fn needs(part: &Part<'_>) -> Vec<Need> {
    let Some(stable) = &part.seen.stable else {
        return vec![Need::Wait(Stage::Images, format!("{}: stable's Deployment is gone", part.component.name))];
    };
    if let Some(need) = part.images(Track::Stable, stable, &part.target.images) {
        return vec![need];
    }
    if let Router::Replicas { .. } = part.component.router {
        return by_ratio(part);
    }
    let mut needs = part.settled(stable);
    let whole = part.target.stable.replicas.max(1);
    if grows(stable, whole) {
        needs.insert(0, part.scale(Stage::Capacity, Track::Stable, stable, whole));
    } else if needs.is_empty() && stable.ready_addresses == 0 {
        needs.push(Need::Wait(Stage::Ready, format!("{}: stable has no ready address yet", part.component.name)));
    }
    needs.extend(part.hand_back(Weight::ZERO));
    needs.extend(clean(part));
    needs
}

/// Whether stable was left with too few pods to take the traffic back, and nobody else adds them.
pub(super) fn grows(stable: &Workload, whole: u32) -> bool {
    stable.replicas == 0 || (guard::bearable(stable.replicas) < whole && !stable.may_autoscale())
}

fn by_ratio(part: &Part<'_>) -> Vec<Need> {
    let (Some(stable), total) = (&part.seen.stable, part.target.stable.replicas) else { return Vec::new() };
    let mut needs = Vec::new();
    if stable.replicas < total {
        needs.push(part.scale(Stage::Capacity, Track::Stable, stable, total));
    }
    needs.extend(part.settled(stable));
    needs.extend(clean(part));
    needs
}

/// The candidate's pods go, unless something still sends to them.
pub(super) fn clean(part: &Part<'_>) -> Option<Need> {
    let candidate = part.seen.candidate.as_ref()?;
    if candidate.replicas == 0 || candidate.hpa.is_some() || part.seen.past().is_some() {
        return None;
    }
    Some(part.unread().unwrap_or_else(|| part.scale(Stage::Clean, Track::Candidate, candidate, 0)))
}
