//! The rows of lists and panes, brought in order when something changes and not when something is drawn.

use std::cmp::Reverse;
use std::sync::Arc;

use crate::domain::journal::Entry;
use crate::domain::live::{EventRow, HpaRow, PodRow, Snapshot};
use crate::domain::release::{Release, Router, Track};
use crate::domain::rollout::Phase;
use crate::domain::view::View;

use super::list::List;
use super::model::{Model, ReleaseKey, Screen};
use super::pane::Pane;

/// How urgently a release needs a person: the release list is in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// Somebody must decide.
    Person,
    /// It moves by itself.
    Moving,
    /// Nothing happens.
    Rest,
}

/// How urgently a release needs a person.
pub fn need(view: &View) -> Need {
    let Some(r) = view.rollout.as_ref().filter(|r| !r.is_over()) else { return Need::Rest };
    let stuck = view.checklist.as_ref().is_some_and(|c| c.lines.iter().any(|l| l.stuck().is_some()));
    match (&r.phase, r.step()) {
        (Phase::Paused { .. }, _) => Need::Person,
        (Phase::Progressing, _) if r.approval().is_some() => Need::Person,
        _ if stuck => Need::Person,
        _ => Need::Moving,
    }
}

/// The component and side that a Deployment of a release is.
pub fn side_of<'a>(release: &'a Release, deployment: &str) -> Option<(&'a str, Track)> {
    release.components.iter().find_map(|c| {
        let track = match deployment {
            d if d == c.stable => Track::Stable,
            d if Some(d) == c.candidate.as_deref() => Track::Candidate,
            _ => return None,
        };
        Some((c.name.as_str(), track))
    })
}

/// The component and side of a pod. In a rolling update the new template's pods are the candidate's.
pub fn pod_side<'a>(view: &'a View, pod: &PodRow) -> Option<(&'a str, Track)> {
    let (component, track) = side_of(&view.release, pod.deployment.as_deref()?)?;
    let rolls = view.release.component(component).is_some_and(|c| c.router == Router::None);
    let running = view.rollout.as_ref().filter(|r| rolls && !r.is_over());
    let old = running.and_then(|r| r.targets.get(component)).and_then(|t| t.stable.template_hash.as_deref());
    let is_new = old.is_some() && pod.template_hash.as_deref() != old;
    Some((component, if is_new { Track::Candidate } else { track }))
}

/// Ready and wanted pods of what serves, as the watch of Deployments tells them: known long before everything about a release
/// is read where it has thousands of pods.
pub fn readiness(view: &View, snapshot: &Snapshot) -> Option<(u32, u32)> {
    let serving = snapshot.deployments.iter().filter(|d| matches!(side_of(&view.release, d.name.as_str()), Some((_, Track::Stable))));
    let (ready, wanted) = serving.fold((0, 0), |(all_ready, all_wanted), d| {
        let [wanted, ready, ..] = d.replicas;
        (all_ready + ready, all_wanted + wanted)
    });
    // Where nothing is wanted it may be the other colour that serves.
    (wanted > 0).then_some((ready, wanted))
}

/// Pods of a release: what is not ready first, then the candidate's, by name.
pub fn pods(view: &View, snapshot: &Snapshot) -> Vec<usize> {
    let mut found: Vec<_> = snapshot
        .pods
        .iter()
        .enumerate()
        .filter_map(|(i, pod)| pod_side(view, pod).map(|(component, track)| (pod.is_ready(), Reverse(track), component, &pod.name, i)))
        .collect();
    found.sort_unstable();
    found.into_iter().map(|(.., i)| i).collect()
}

/// Autoscalers of a release.
pub fn hpas<'a>(view: &'a View, snapshot: &'a Snapshot) -> impl Iterator<Item = (usize, &'a HpaRow)> {
    snapshot.hpas.iter().enumerate().filter(|(_, hpa)| side_of(&view.release, &hpa.target).is_some())
}

/// Events about a release's objects.
pub fn events<'a>(view: &'a View, snapshot: &'a Snapshot) -> impl Iterator<Item = (usize, &'a EventRow)> {
    let names: Vec<String> = view.release.components.iter().flat_map(names).collect();
    snapshot.events.iter().map(AsRef::as_ref).enumerate().filter(move |(_, event): &(usize, &EventRow)| {
        let about = event.about.1.as_str();
        names.iter().any(|name| about.strip_prefix(name.as_str()).is_some_and(is_suffix))
    })
}

/// Names of the objects a component is made of.
fn names(c: &crate::domain::release::Component) -> Vec<String> {
    let mut names = vec![c.stable.clone()];
    names.extend(c.candidate.clone());
    match &c.router {
        Router::Service { service, .. } => names.push(service.clone()),
        Router::Replicas { service } => names.extend(service.clone()),
        Router::Istio { virtual_service, .. } => names.push(virtual_service.clone()),
        Router::Gateway { http_route, .. } => names.push(http_route.clone()),
        Router::Nginx { ingress, .. } => names.push(ingress.clone()),
        Router::None => {}
    }
    names
}

/// Whether what follows an object's name is nothing, or what Kubernetes hangs on the names of ReplicaSets and pods. Its
/// letters have no vowels, so that `backend-api` is not taken for a pod of `backend`.
fn is_suffix(rest: &str) -> bool {
    let part = |p: &str| (4..=10).contains(&p.len()) && p.bytes().all(|b| b"bcdfghjklmnpqrstvwxz0123456789".contains(&b));
    rest.is_empty() || rest.strip_prefix('-').is_some_and(|r| r.split('-').count() <= 2 && r.split('-').all(part))
}

/// A release's journal, newest first: its file's lines, and those of the stored state that are not in it.
pub fn journal<'a>(view: Option<&'a View>, file: &'a [Entry]) -> Vec<&'a Entry> {
    let aside = view.into_iter().flat_map(|v| &v.aside);
    let stored = view.and_then(|v| v.rollout.as_ref()).into_iter().flat_map(|r| &r.log).chain(aside).map(AsRef::as_ref);
    let mut all: Vec<&Entry> = file.iter().chain(stored.filter(|e| !file.contains(e))).collect();
    all.sort_by_key(|e| Reverse(e.at));
    all
}

/// What the order of the pods rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PodsStamp {
    /// Where the shared rows lie in memory.
    rows: usize,
    filter: String,
    key: ReleaseKey,
    /// The run, and whether it is over: in a rolling update it tells old pods from new ones.
    run: Option<(String, bool)>,
}

impl Model {
    /// Brings every list in order again.
    pub fn refresh(&mut self) {
        self.refresh_fleet();
        let focus = self.focus;
        let Screen::Release(key) = self.screen.clone() else { return };
        let Some(view) = self.releases.get(&key).map(|seen| Arc::clone(&seen.view)) else { return };
        let live = self.live.get(&key.namespace).map(Arc::clone).unwrap_or_default();
        let (view, live) = (view.as_ref(), live.as_ref());
        if let Some(list) = self.lists.get_mut(&Pane::Pods) {
            // Ten thousand pods are brought in order when they change, not with every look at the release.
            let run = view.rollout.as_ref().map(|r| (r.id.clone(), r.is_over()));
            let stamp = PodsStamp { rows: Arc::as_ptr(&live.pods).addr(), filter: list.filter.text().to_owned(), key: key.clone(), run };
            if self.pods_stamp.as_ref() != Some(&stamp) {
                let order = pods(view, live);
                let rows = order.iter().filter_map(|i| live.pods.get(*i).map(|pod| (*i, pod.as_ref())));
                list.refresh(rows, |p: &PodRow| &p.uid, |p| pod_text(view, p));
                self.pods_stamp = Some(stamp);
            }
            let id = list.current().and_then(|i| live.pods.get(i)).map(|p| p.uid.clone());
            list.tie(id, focus == Pane::Pods);
        }
        if let Some(list) = self.lists.get_mut(&Pane::Hpas) {
            list.refresh(hpas(view, live), |h: &HpaRow| h.name.as_str(), |h| format!("{} {}", h.name, h.target));
            let id = list.current().and_then(|i| live.hpas.get(i)).map(|h| h.name.to_string());
            list.tie(id, focus == Pane::Hpas);
        }
        if let Some(list) = self.lists.get_mut(&Pane::Events) {
            let text = |e: &EventRow| format!("{} {} {} {}", e.reason, e.about.0, e.about.1, e.message);
            list.refresh(events(view, live), |e: &EventRow| &e.uid, text);
            let id = list.current().and_then(|i| live.events.get(i)).map(|e| e.uid.clone());
            // At the top it stays with what is newest.
            list.tie(id, false);
        }
        let file = self.journals.get(&key).map(Vec::as_slice).unwrap_or_default();
        let entries: Vec<(String, &Entry)> =
            journal(Some(view), file).into_iter().map(|e| (format!("{} {}", e.at.as_nanosecond(), e.text), e)).collect();
        if let Some(list) = self.lists.get_mut(&Pane::Journal) {
            list.refresh(
                entries.iter().enumerate(),
                |(id, _): &(String, &Entry)| id,
                |(_, e)| format!("{} {} {}", e.kind.word(), e.actor, e.text),
            );
            let id = list.current().and_then(|i| entries.get(i)).map(|(id, _)| id.clone());
            list.tie(id, false);
        }
    }

    fn refresh_fleet(&mut self) {
        let mut order: Vec<(Need, ReleaseKey)> = self.releases.iter().map(|(key, seen)| (need(&seen.view), key.clone())).collect();
        order.sort();
        self.fleet_order = order.into_iter().map(|(_, key)| key).collect();
        let ids: Vec<String> = self.fleet_order.iter().map(ToString::to_string).collect();
        self.fleet.refresh(ids.iter().enumerate(), |id| id.as_str(), Clone::clone);
        let id = self.fleet.current().and_then(|i| ids.get(i).cloned());
        self.fleet.select(id);
    }

    /// The list that has the focus, if what has the focus is a list.
    pub fn list_mut(&mut self) -> Option<&mut List> {
        match self.screen {
            Screen::Fleet => Some(&mut self.fleet),
            Screen::Release(_) => self.lists.get_mut(&self.focus),
        }
    }

    /// The same to look at.
    pub fn list(&self) -> Option<&List> {
        match self.screen {
            Screen::Fleet => Some(&self.fleet),
            Screen::Release(_) => self.lists.get(&self.focus),
        }
    }

    /// The pod under the cursor.
    pub fn selected_pod(&self) -> Option<&PodRow> {
        self.snapshot()?.pods.get(self.lists.get(&Pane::Pods)?.current()?).map(AsRef::as_ref)
    }
}

fn pod_text(view: &View, pod: &PodRow) -> String {
    let (component, track) = pod_side(view, pod).map_or(("", String::new()), |(c, t)| (c, t.to_string()));
    format!("{} {component} {track} {} {}", pod.name, pod.status, pod.node.as_ref().map_or("", |n| n.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_are_told_from_other_workloads() {
        for own in ["", "-7f9c4bd5c8", "-7f9c4bd5c8-x2xqz", "-x2xqz"] {
            assert!(is_suffix(own), "{own}");
        }
        for other in ["-api", "-canary", "-api-7f9c4bd5c8-x2xqz", "s", "-"] {
            assert!(!is_suffix(other), "{other}");
        }
    }
}
