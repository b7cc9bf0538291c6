//! Helm's own record of what it installed: a rollback of ours puts the objects back, and the record stays.

use crate::domain::observed::Observed;
use crate::domain::owner::{Owner, Tool};
use crate::domain::release::Track;
use crate::domain::rollout::Rollout;

/// The field manager of everything that Helm writes.
const HELM: &str = "helm";

/// Helm releases whose newest revision is what is taken back: Helm would write it again with its next change. Where we
/// brought the new version its record never had it, and there is nothing to put right.
pub(super) fn behind(observed: &Observed, next: &Rollout) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, target) in &next.targets {
        let Some(seen) = observed.components.get(name) else { continue };
        let undone = observed.workload(name, Track::Stable).filter(|_| target.undo.is_some() && !next.is_back());
        let by_helm = |writer: Option<&crate::domain::drift::Writer>| writer.is_some_and(|w| w.manager.as_str() == HELM);
        let deployment = undone.filter(|w| by_helm(w.images_by.as_ref())).map(|w| w.name.as_str());
        let route = seen.route.as_ref().ok().filter(|_| next.is_back() && by_helm(seen.route_by.as_ref())).map(|f| f.object.name.as_str());
        let told = |o: &&Owner| o.tool == Tool::Helm && [deployment, route].contains(&Some(o.object.name.as_str()));
        lines.extend(seen.owners.iter().filter(told).filter_map(line));
    }
    lines.sort();
    lines.dedup();
    lines
}

fn line(owner: &Owner) -> Option<String> {
    let how = owner.how_to_stop()?;
    Some(format!(
        "Helm release {} wrote what is taken back and would write it again; to put its record right afterwards: {how}",
        owner.name
    ))
}
