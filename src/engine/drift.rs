//! Foreign writes: what a run was seen to have and is another now. Never corrected silently: a person is asked.
//!
//! A run remembers what its routes held ([`held`](crate::domain::rollout::ComponentTarget::held)) and what its Deployments
//! were ([`known`](crate::domain::rollout::ComponentTarget::known)). What is neither that nor what the run asks for was
//! written by somebody else, unless the object itself says that it was us: an earlier driver, a write that landed late.

use std::sync::Arc;

use crate::domain::action::Action;
use crate::domain::drift::{Drift, Known, Sort, Writer};
use crate::domain::journal::{Entry, EntryKind};
use crate::domain::mutant::{Mutant, mutant};
use crate::domain::object::ObjectRef;
use crate::domain::observed::{ComponentObserved, ContainerImage, Observed, Workload};
use crate::domain::owner::Owner;
use crate::domain::release::{Component, Router, Strategy, Track};
use crate::domain::rollout::{ComponentTarget, Phase, Rollout};
use crate::domain::route::{RouteEntry, RouteFacts, RouteProblem};
use crate::domain::step::Step;
use crate::domain::testers::TestersMove;
use crate::domain::time::Now;
use crate::domain::weight::Weight;

use super::decide::{self, SELF};
use super::needs::image_changes;
use super::ratio;

mod known;

pub use known::landed;
pub(super) use known::{overrule, remember};

fn by_us(writer: Option<&Writer>) -> bool {
    writer.is_some_and(Writer::is_us)
}

/// Whether somebody else wrote to the route after a moment: whoever gave an order before that meant what stood there then.
pub(super) fn is_later(seen: &ComponentObserved, at: jiff::Timestamp) -> bool {
    seen.route_by.as_ref().is_some_and(|by| !by.is_us() && by.at.is_some_and(|written| written > at))
}

/// Pauses where the record is gone and a driver wrote since that we know nothing of: what it was told, by whom, is gone too.
pub fn ask_about_lost_record(r: &mut Rollout, observed: Option<&Observed>, now: Now) {
    if matches!(r.phase, Phase::Progressing) {
        decide::halt(r, observed);
        let why = "its record was deleted, and another driver went on since, with what orders is not known; look at what runs, \
                   then resume or roll back";
        decide::pause(r, why.to_owned(), now);
    }
}

/// Pauses for what somebody else changed. Where it is paused already, what is new goes on record.
pub(super) fn ask(r: &mut Rollout, observed: &Observed, now: Now) {
    let found = find(r, observed);
    let mut news: Vec<Drift> = found.iter().filter(|d| !r.drifts.iter().any(|known| known.is_same(d))).cloned().collect();
    r.drifts = found;
    if matches!(r.phase, Phase::Paused { .. }) && !news.is_empty() {
        r.turn += 1; // a key that was pressed before was no answer to this
    }
    if matches!(r.phase, Phase::Progressing) && !r.drifts.is_empty() {
        decide::halt(r, Some(observed));
    }
    if let (Phase::Progressing, Some(first)) = (&r.phase, r.drifts.first()) {
        news.retain(|d| !d.is_same(first));
        let more = if r.drifts.len() > 1 { format!(", and {} more", r.drifts.len() - 1) } else { String::new() };
        decide::pause(r, format!("{first}{more}; resume to set ours again, accept it, or roll back"), now);
    }
    for drift in news {
        r.note(Entry { at: now.wall, kind: EntryKind::Note, actor: SELF.to_owned(), text: format!("changed by others: {drift}") });
    }
}

/// Counts how often somebody gave the candidate traffic again after it was seen to have none, and says what stops them. It
/// is taken back every time all the same.
pub(super) fn count_reverts(r: &mut Rollout, observed: &Observed, now: Now) {
    let mut lines = Vec::new();
    for (name, target) in &mut r.targets {
        let (Some(seen), Some(Weight::ZERO)) = (observed.components.get(name), target.held) else { continue };
        let Ok(facts) = &seen.route else { continue };
        if facts.candidate == 0 || is_by_pods(facts) {
            continue;
        }
        Arc::make_mut(target).held = None;
        r.reverts += 1;
        let who = seen.route_by.as_ref().map_or("somebody else", |by| by.manager.as_str());
        let stop = seen.owners.iter().filter(|o| o.object == facts.object).find_map(Owner::how_to_stop);
        let stop = stop.map(|how| format!("; to stop that: {how}")).unwrap_or_default();
        lines.push(format!(
            "{name}: {}: candidate 0 → {} by {who}: taken back again ({} so far){stop}",
            facts.object, facts.candidate, r.reverts
        ));
    }
    for text in lines {
        r.note(Entry { at: now.wall, kind: EntryKind::Note, actor: SELF.to_owned(), text });
    }
}

/// What somebody else changed, first what matters most.
pub fn find(r: &Rollout, observed: &Observed) -> Vec<Drift> {
    if mutant(Mutant::DriftOverwritten) {
        return Vec::new();
    }
    let mut all = Vec::new();
    for component in &r.release.components {
        let (Some(target), Some(seen)) = (r.targets.get(&component.name), observed.components.get(&component.name)) else { continue };
        let look = Look { r, component, target, seen };
        all.extend(look.route());
        for track in sides(r) {
            all.extend(look.workload(*track));
        }
    }
    all
}

/// The change that keeps an action from being sent: one of the same field, and for more traffic any change of its component.
pub(super) fn against<'a>(drifts: &'a [Drift], action: &Action) -> Option<&'a Drift> {
    let own = |d: &&Drift| d.component == action.component();
    let of_track =
        |sort: Sort, track: Track| [Sort::Replicas(track), Sort::Image(track), Sort::Remade(track), Sort::Gone(track)].contains(&sort);
    drifts.iter().filter(own).find(|d| match action {
        Action::Route { facts, weight, testers, .. } => {
            let lets_in = d.sort == Sort::Testers && *testers == TestersMove::Add;
            facts.rises_to(*weight) || matches!(d.sort, Sort::Weight | Sort::Route) || lets_in
        }
        Action::Scale { target, .. } => of_track(d.sort, target.track) || matches!(d.sort, Sort::Replicas(_)),
        Action::SetImages { target, .. }
        | Action::SetPaused { target, .. }
        | Action::Undo { target, .. }
        | Action::Steer { target, .. } => of_track(d.sort, target.track),
        Action::Clone { .. } => of_track(d.sort, Track::Candidate),
        Action::Fence { .. } | Action::SuspendSync { .. } | Action::RestoreSync { .. } => false,
    })
}

/// The sides whose Deployments are looked after in the step under way.
fn sides(r: &Rollout) -> &'static [Track] {
    let over = matches!(r.step(), Some(Step::Watch(_)) | None);
    match (&r.release.strategy, over) {
        (Strategy::Rolling(_) | Strategy::ArgoRollout, _) | (Strategy::Canary(_), true) => &[Track::Stable],
        (Strategy::BlueGreen(_), true) => &[Track::Candidate],
        (Strategy::Canary(_) | Strategy::BlueGreen(_), false) => &[Track::Stable, Track::Candidate],
    }
}

/// The images that the run gives a side, if it gives it any in the step under way.
fn wanted<'a>(r: &Rollout, target: &'a ComponentTarget, track: Track) -> Option<&'a [ContainerImage]> {
    let promoting = matches!(r.step(), Some(Step::Promote | Step::Watch(_)) | None);
    let given = match (&r.release.strategy, track) {
        (Strategy::Rolling(_) | Strategy::ArgoRollout, Track::Stable)
        | (Strategy::Canary(_) | Strategy::BlueGreen(_), Track::Candidate) => true,
        (Strategy::Canary(_), Track::Stable) => promoting,
        _ => false,
    };
    given.then_some(target.images.as_slice())
}

fn side(seen: &ComponentObserved, track: Track) -> Option<&Workload> {
    if track == Track::Stable { seen.stable.as_ref() } else { seen.candidate.as_ref() }
}

pub(super) fn is_by_pods(facts: &RouteFacts) -> bool {
    matches!(facts.entry, RouteEntry::Replicas { .. })
}

/// One component with what it was and what it is.
struct Look<'a> {
    r: &'a Rollout,
    component: &'a Component,
    target: &'a ComponentTarget,
    seen: &'a ComponentObserved,
}

impl Look<'_> {
    fn drift(&self, object: ObjectRef, sort: Sort, field: &str, (before, after): (String, String), by: Option<&Writer>) -> Drift {
        let field = field.to_owned();
        Drift { component: self.component.name.clone(), object, sort, field, before, after, by: by.cloned() }
    }

    fn route(&self) -> Vec<Drift> {
        let Some(held) = self.target.held else { return Vec::new() };
        if matches!(self.r.step(), Some(Step::Promote) | None) || self.r.release.strategy.is_in_place() {
            return Vec::new();
        }
        match &self.seen.route {
            Ok(facts) if is_by_pods(facts) => self.pods(facts, held),
            // On the way from one weight to the next either may stand there.
            Ok(facts) if facts.holds(held) || facts.holds(self.r.asked) => self.testers(facts).into_iter().collect(),
            Ok(facts) => {
                let drift = self.weight(facts, held);
                // The same value set once more, by another hand or later, is another write.
                let told = self.target.overruled.as_ref().is_some_and(|over| over.is_same(&drift) && over.by == drift.by);
                if told { Vec::new() } else { vec![drift] }
            }
            Err(RouteProblem::Unfit { object, why, .. }) if !matches!(self.component.router, Router::Replicas { .. }) => {
                let now = why.as_str().to_owned();
                vec![self.drift(object.clone(), Sort::Route, "route", (held.to_string(), now), self.seen.route_by.as_ref())]
            }
            Err(RouteProblem::Missing(object)) if !matches!(self.component.router, Router::Replicas { .. }) => {
                vec![self.drift(object.clone(), Sort::Route, "route", (held.to_string(), "deleted".to_owned()), None)]
            }
            Err(_) => Vec::new(),
        }
    }

    /// Who let testers in asks before it does so again.
    fn testers(&self, facts: &RouteFacts) -> Option<Drift> {
        let rule = facts.testers.as_ref().filter(|rule| !rule.stands && self.target.admitted)?;
        // Also where somebody stepped back to before the first weight.
        let serving = matches!(self.r.step(), Some(Step::Prepare | Step::Shift(_) | Step::Hold(_) | Step::Approve(_)));
        let known = self.r.drifts.iter().find(|d| d.component == self.component.name && d.sort == Sort::Testers);
        if let Some(known) = known.filter(|_| serving && self.r.asked < Weight::FULL) {
            return Some(known.clone()); // a weight of ours that was written since is no answer
        }
        let values = (rule.testers.to_string(), "–".to_owned());
        let drift = self.drift(facts.object.clone(), Sort::Testers, "testers", values, self.seen.route_by.as_ref());
        // What a person said to put back, and nothing that came later.
        let told = self.target.overruled.as_ref().is_some_and(|over| over.is_same(&drift) && over.by == drift.by);
        (serving && self.r.asked < Weight::FULL && !told && !by_us(self.seen.route_by.as_ref())).then_some(drift)
    }

    fn weight(&self, facts: &RouteFacts, held: Weight) -> Drift {
        let (field, values) = match &facts.entry {
            RouteEntry::Service { key, stable, candidate, current } => {
                let before = if held == Weight::ZERO { stable } else { candidate };
                (format!("selector {key}"), (before.clone(), current.clone()))
            }
            _ => ("candidate".to_owned(), (facts.parts(held).1.to_string(), facts.candidate.to_string())),
        };
        self.drift(facts.object.clone(), Sort::Weight, &field, values, self.seen.route_by.as_ref())
    }

    /// Pods get from one split to the next one by one; once there, each of the two numbers is ours.
    fn pods(&self, facts: &RouteFacts, held: Weight) -> Vec<Drift> {
        if held != self.r.asked || matches!(self.r.step(), Some(Step::Watch(_))) {
            return Vec::new();
        }
        let (stable, candidate) = ratio::split(self.target.stable.replicas, held);
        let sides = [(Track::Stable, stable, facts.stable), (Track::Candidate, candidate, facts.candidate)];
        let changed = sides.into_iter().filter(|(_, before, after)| before != after);
        changed
            .filter_map(|(track, before, after)| {
                let workload = side(self.seen, track)?;
                let by = workload.replicas_by.as_ref();
                let values = (before.to_string(), after.to_string());
                (!by_us(by)).then(|| self.drift(self.deployment(&workload.name), Sort::Replicas(track), "replicas", values, by))
            })
            .collect()
    }

    fn workload(&self, track: Track) -> Vec<Drift> {
        let Some(known) = self.target.known.get(&track) else { return Vec::new() };
        let name = if track == Track::Stable { Some(&self.component.stable) } else { self.component.candidate.as_ref() };
        let Some(workload) = side(self.seen, track) else {
            let sort = Sort::Gone(track);
            return name
                .map(|n| self.drift(self.deployment(n), sort, "uid", (known.uid.clone(), String::new()), None))
                .into_iter()
                .collect();
        };
        let (object, by) = (self.deployment(&workload.name), workload.images_by.as_ref());
        let mut all = Vec::new();
        if workload.uid != known.uid {
            all.push(self.drift(object.clone(), Sort::Remade(track), "uid", (known.uid.clone(), workload.uid.clone()), by));
        }
        let is = |images: &[ContainerImage]| image_changes(workload, images).is_empty();
        if is(&known.images) || wanted(self.r, self.target, track).is_some_and(is) || mutant(Mutant::NoRevisionCheck) {
            all.extend(self.template(track, known, workload));
            all.extend(self.resumed(workload));
            return all;
        }
        let changes = image_changes(workload, &known.images);
        let change = |c: crate::domain::action::ImageChange| {
            self.drift(object.clone(), Sort::Image(track), &format!("image of {}", c.container), (c.to, c.from), by)
        };
        all.extend(changes.into_iter().map(change));
        all
    }

    /// The rest of the candidate's template: what is judged is another revision, too.
    fn template(&self, track: Track, known: &Known, workload: &Workload) -> Option<Drift> {
        let judged = track == Track::Candidate && matches!(self.r.step(), Some(Step::Hold(_) | Step::Approve(_)));
        let (before, after) = known.template.as_ref().zip(workload.template_hash.as_ref()).filter(|(a, b)| judged && a != b)?;
        if mutant(Mutant::TemplateIgnored) {
            return None;
        }
        let values = (before.clone(), after.clone());
        Some(self.drift(self.deployment(&workload.name), Sort::Template, "pod template", values, None))
    }

    /// A rolling update stands paused at its share: unpaused by somebody, all of its pods become the new version.
    fn resumed(&self, workload: &Workload) -> Option<Drift> {
        let holds =
            matches!(self.r.release.strategy, Strategy::Rolling(_)) && matches!(self.r.step(), Some(Step::Hold(_) | Step::Approve(_)));
        let share = self.r.plan.iter().take(self.r.cursor).rev().find_map(|s| if let Step::Roll(w) = s { Some(*w) } else { None });
        let values = || ("true".to_owned(), "false".to_owned());
        (holds && share < Some(Weight::FULL) && share.is_some() && !workload.paused)
            .then(|| self.drift(self.deployment(&workload.name), Sort::Resumed, "paused", values(), None))
    }

    fn deployment(&self, name: &str) -> ObjectRef {
        ObjectRef::new(self.r.release.workload_kind(), self.r.release.namespace.clone(), name)
    }
}
