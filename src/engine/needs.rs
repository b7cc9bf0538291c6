//! What is still missing for the step under way, one component at a time, in a safe order.

use std::sync::Arc;

use crate::domain::action::{Action, ImageChange, Precondition, Target};
use crate::domain::drift::Sort;
use crate::domain::mutant::{Mutant, mutant};
use crate::domain::observed::{ComponentObserved, ContainerImage, Observed, Workload};
use crate::domain::release::{Component, Router, Track};
use crate::domain::rollout::{ComponentTarget, FOR_APPROVAL, Phase, Rollout};
use crate::domain::route::{Acceptance, RouteFacts};
use crate::domain::step::Step;
use crate::domain::testers::TestersMove;
use crate::domain::weight::Weight;

use super::{guard, promote, ratio};

mod argo;
mod pods;
mod rolling;

/// What is said where autoscalers may not be listed.
pub(super) const HPA_UNKNOWN: &str =
    "whether an autoscaler owns these replicas cannot be told (no right to list horizontalpodautoscalers), so running pods are left alone";

/// Where in the safe order a need stands. A later stage is not begun for any component before the earlier ones are met
/// for all: components move together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// The workload exists and carries the images.
    Images,
    /// Enough replicas are asked for.
    Capacity,
    /// They are ready.
    Ready,
    /// The route says so.
    Route,
    /// Those who carry the traffic took it over.
    Accepted,
    /// What is no longer needed goes.
    Clean,
}

/// One thing that is missing.
#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::large_enum_variant)] // a handful live for one turn
pub enum Need {
    /// A write brings it nearer.
    Act(Stage, Action, Precondition),
    /// The world has to come round.
    Wait(Stage, String),
}

impl Need {
    /// Its place in the order.
    pub fn stage(&self) -> Stage {
        match self {
            Need::Act(stage, ..) | Need::Wait(stage, _) => *stage,
        }
    }

    /// The write, where one brings it nearer.
    pub fn action(self) -> Option<Action> {
        match self {
            Need::Act(_, action, _) => Some(action),
            Need::Wait(..) => None,
        }
    }
}

/// Whether a controller has seen the version that the run wants of what turns in place: until then it speaks of another one.
pub(super) fn speaks_of_wanted(r: &Rollout, component: &str, workload: &Workload) -> bool {
    let wanted = |target: &Arc<ComponentTarget>| match &target.undo {
        Some(kept) => workload.template_hash.as_ref() == Some(&kept.template_hash),
        None => image_changes(workload, &target.images).is_empty(),
    };
    workload.is_seen() && r.targets.get(component).is_some_and(wanted)
}

/// What is told of all that is waited for: a person's word before what comes by itself.
pub fn foremost(waits: impl IntoIterator<Item = String>) -> Option<String> {
    waits.into_iter().min_by_key(|why| !why.starts_with(FOR_APPROVAL))
}

/// One component with everything that is known of it.
pub(super) struct Part<'a> {
    pub rollout: &'a Rollout,
    pub component: &'a Component,
    pub target: &'a ComponentTarget,
    pub seen: &'a ComponentObserved,
}

/// What is missing for the rollout's current step, over all components. Empty: the step's state of the world is reached.
pub fn missing(rollout: &Rollout, observed: &Observed) -> Vec<Need> {
    let mut all = Vec::new();
    for component in &rollout.release.components {
        let (Some(target), Some(seen)) = (rollout.targets.get(&component.name), observed.components.get(&component.name)) else {
            all.push(Need::Wait(Stage::Images, format!("{}: not read yet", component.name)));
            continue;
        };
        let part = Part { rollout, component, target, seen };
        all.extend(match rollout.step() {
            Some(Step::Promote) => promote::needs(&part),
            Some(Step::Roll(share)) => part.roll(*share),
            Some(Step::Follow) => part.follow(),
            Some(Step::Retire(length)) if rollout.covered >= *length || mutant(Mutant::RetiredEarly) => {
                // Somebody may have sent the traffic back to it meanwhile.
                let needs = part.serve(rollout.asked);
                if needs.is_empty() { part.retire() } else { needs }
            }
            Some(Step::Prepare) if rollout.asked > Weight::ZERO && part.is_set_by_hand() => part.set(rollout.asked),
            Some(Step::Prepare) => part.lowered(rollout.asked).unwrap_or_else(|| part.prepare_for(first_weight(rollout))),
            Some(_) if rollout.release.strategy.is_in_place() => Vec::new(),
            Some(Step::Watch(_)) | None => Vec::new(),
            Some(_) => part.serve(rollout.asked),
        });
    }
    all
}

/// The first weight that the plan asks for after preparing.
pub(super) fn first_weight(rollout: &Rollout) -> Weight {
    let first = rollout.plan.iter().find_map(|s| if let Step::Shift(w) = s { Some(*w) } else { None });
    first.unwrap_or(Weight::FULL).max(rollout.asked)
}

impl Part<'_> {
    fn name(&self) -> &str {
        &self.component.name
    }

    /// Whether a person asked for a weight below the plan's first.
    fn is_set_by_hand(&self) -> bool {
        matches!(self.rollout.phase, Phase::Paused { .. })
    }

    /// A weight below the plan's first: down at once, up once the candidate is prepared for it.
    fn set(&self, weight: Weight) -> Vec<Need> {
        let falls = self.seen.route.as_ref().is_ok_and(|facts| facts.percent() > weight.percent());
        let lacking = if falls { Vec::new() } else { self.prepare(weight) };
        if lacking.is_empty() { self.serve(weight) } else { lacking }
    }

    /// A Deployment as a write's target.
    pub fn to_target(&self, track: Track, workload: &Workload) -> Target {
        Target::of(track, &self.rollout.release.namespace, workload)
    }

    pub fn scale(&self, stage: Stage, track: Track, workload: &Workload, to: u32) -> Need {
        let action =
            Action::Scale { component: self.name().to_owned(), target: self.to_target(track, workload), from: workload.replicas, to };
        Need::Act(stage, action, Precondition::Value)
    }

    /// Stepped back to before the first weight, the traffic goes first, whatever the candidate is like.
    fn lowered(&self, weight: Weight) -> Option<Vec<Need>> {
        let candidate = self.seen.candidate.as_ref()?;
        if self.seen.route.as_ref().ok()?.candidate == 0 || weight > Weight::ZERO {
            return None;
        }
        Some(self.serve(weight)).filter(|needs| !needs.is_empty() && candidate.replicas > 0)
    }

    /// Prepared for a weight; then testers meet the candidate before anybody else does.
    fn prepare_for(&self, weight: Weight) -> Vec<Need> {
        let lacking = self.prepare(weight);
        let admit = |facts: &RouteFacts| self.testers_move(facts, self.rollout.asked) != TestersMove::Keep;
        if lacking.is_empty() && self.seen.route.as_ref().is_ok_and(admit) {
            return self.route(self.rollout.asked).into_iter().collect();
        }
        lacking
    }

    /// Testers have a way of their own until everybody is sent to the candidate, or to stable with the new version.
    fn wants_testers(&self, weight: Weight) -> bool {
        weight < Weight::FULL && self.rollout.asked < Weight::FULL && !matches!(self.rollout.step(), Some(Step::Promote))
    }

    /// What becomes of the testers' rule. While it is paused nobody is let in, but where a person set the weight.
    fn testers_move(&self, facts: &RouteFacts, weight: Weight) -> TestersMove {
        let stands_still = matches!(self.rollout.phase, Phase::Paused { .. }) && !self.rollout.by_hand;
        let asked_about = self.rollout.drifts.iter().any(|d| d.component == self.name() && d.sort == Sort::Testers);
        match facts.testers_move(self.wants_testers(weight)) {
            TestersMove::Add if stands_still || asked_about => TestersMove::Keep,
            other => other,
        }
    }

    /// The candidate carries the images, with capacity for a weight, and is ready.
    fn prepare(&self, weight: Weight) -> Vec<Need> {
        let Some(candidate) = &self.seen.candidate else { return vec![self.create(weight)] };
        if let Some(need) = self.images(Track::Candidate, candidate, &self.target.images) {
            return vec![need];
        }
        if matches!(self.component.router, Router::Replicas { .. }) {
            return self.settled(candidate); // its replicas are its weight: they come with the shift
        }
        self.capacity(candidate, weight)
    }

    /// The asked weight is in force, with the capacity it needs.
    fn serve(&self, weight: Weight) -> Vec<Need> {
        let Some(candidate) = &self.seen.candidate else {
            return vec![Need::Wait(Stage::Images, format!("{}: the candidate's Deployment is gone", self.name()))];
        };
        if matches!(self.component.router, Router::Replicas { .. }) {
            // By pods: a share that was rounded up is above its weight for good.
            let most = ratio::split(self.target.stable.replicas, weight).1;
            let falling = self.seen.route.as_ref().is_ok_and(|facts| facts.candidate > most);
            let needs = if falling { Vec::new() } else { self.as_known(candidate) };
            return if needs.is_empty() { self.serve_by_ratio(candidate, weight) } else { needs };
        }
        // A route that stands there already, by somebody else's hand, needs its pods all the same.
        let shifting = matches!(self.rollout.step(), Some(Step::Shift(_))) && weight > Weight::ZERO;
        let (rising, falling) = match &self.seen.route {
            Ok(facts) => (facts.rises_to(weight) || (shifting && facts.holds(weight)), facts.percent() > weight.percent()),
            Err(problem) => return vec![Need::Wait(Stage::Route, format!("{}: {problem}", self.name()))],
        };
        // Traffic that is to go waits for nothing else.
        if falling && let Some(need) = self.hand_back(weight) {
            return vec![need];
        }
        let mut needs = self.as_known(candidate);
        if !rising {
            needs.extend(self.hand_back(weight));
            return needs;
        }
        needs.extend(self.capacity(candidate, weight));
        needs.extend(self.route(weight));
        needs
    }

    /// Both sides carry what the run has for them, also after somebody else changed it and a person said to set it again.
    fn as_known(&self, candidate: &Workload) -> Vec<Need> {
        if mutant(Mutant::NoRevisionCheck) {
            return Vec::new();
        }
        let stable = self.seen.stable.as_ref().and_then(|s| self.images(Track::Stable, s, &self.target.stable.images));
        stable.into_iter().chain(self.images(Track::Candidate, candidate, &self.target.images)).collect()
    }

    /// Traffic comes back to stable as far as its ready pods bear it: while it got little, an autoscaler may have left few of
    /// them, and adds more only as the traffic comes. (A rollback asks nothing of the kind.)
    pub fn hand_back(&self, weight: Weight) -> Option<Need> {
        let Ok(facts) = &self.seen.route else { return self.route(weight) };
        let (ready, whole) = (self.seen.stable.as_ref().map_or(0, |s| s.ready_addresses), self.target.stable.replicas.max(1));
        let bears = guard::safe_weight(ready, whole).percent();
        let rest = match self.component.router.splits() {
            true => weight.max(Weight::capped(100 - bears)),
            false if bears < 100 => Weight::FULL, // all or nothing
            false => weight,
        };
        if rest == weight || facts.percent() > rest.percent() {
            return self.route(rest);
        }
        // A person may have left it few pods while it got little.
        let wanted = guard::pods_needed(whole, Weight::capped(100 - weight.percent()));
        if let Some(stable) = self.seen.stable.as_ref().filter(|s| s.replicas < wanted && !s.may_autoscale()) {
            return Some(self.scale(Stage::Capacity, Track::Stable, stable, wanted));
        }
        let text = format!(
            "{}: {ready} stable pods for what {whole} bore at the start: the candidate keeps {} % until there are more",
            self.name(),
            facts.percent()
        );
        Some(Need::Wait(Stage::Route, text))
    }

    /// The route asks for a weight, and it was taken over.
    pub fn route(&self, weight: Weight) -> Option<Need> {
        let facts = match &self.seen.route {
            Ok(facts) => facts,
            Err(problem) => return Some(Need::Wait(Stage::Route, format!("{}: {problem}", self.name()))),
        };
        let testers = self.testers_move(facts, weight);
        if !facts.holds(weight) || testers != TestersMove::Keep {
            if let Some(why) = facts.cannot_express(weight).filter(|_| !facts.holds(weight)) {
                return Some(Need::Wait(Stage::Route, format!("{}: {why}", self.name())));
            }
            let weight = if mutant(Mutant::RelativeWeights) { self.relative(facts, weight) } else { weight };
            let action = Action::Route { component: self.name().to_owned(), facts: facts.clone(), weight, testers };
            return Some(Need::Act(Stage::Route, action, Precondition::Unchanged));
        }
        match &facts.accepted {
            Acceptance::Yes => None,
            Acceptance::Pending(what) => Some(Need::Wait(Stage::Accepted, format!("{}: {what}", self.name()))),
            Acceptance::Refused(why) => Some(Need::Wait(Stage::Accepted, format!("{}: refused: {why}", self.name()))),
        }
    }

    /// A weight as a change of what stands there, which is what [`Mutant::RelativeWeights`] sends.
    fn relative(&self, facts: &RouteFacts, weight: Weight) -> Weight {
        let before = self.target.held.unwrap_or(Weight::ZERO);
        Weight::capped((facts.percent() + weight.percent()).saturating_sub(before.percent()))
    }

    /// Pods that may still be sent to stay until that is known.
    pub fn unread(&self) -> Option<Need> {
        self.seen.beside.unread().map(|why| Need::Wait(Stage::Clean, format!("{}: {why}", self.component.name)))
    }

    /// The old colour goes.
    fn retire(&self) -> Vec<Need> {
        let Some(stable) = &self.seen.stable else { return Vec::new() };
        if stable.replicas == 0 || stable.hpa.is_some() || self.seen.route.as_ref().is_ok_and(|r| r.percent() < 100 || r.bypass) {
            return Vec::new();
        }
        vec![self.scale(Stage::Clean, Track::Stable, stable, 0)]
    }

    /// A Deployment carries these images.
    pub fn images(&self, track: Track, workload: &Workload, wanted: &[ContainerImage]) -> Option<Need> {
        let images = image_changes(workload, wanted);
        if images.is_empty() {
            return None;
        }
        let cause =
            Some(self.rollout.cause.clone().unwrap_or_else(|| format!("cutover {}: {}", self.rollout.release.name, versions(&images))));
        let paused = workload.paused.then_some(false);
        let action =
            Action::SetImages { component: self.name().to_owned(), target: self.to_target(track, workload), images, cause, paused };
        Some(Need::Act(Stage::Images, action, Precondition::Value))
    }

    /// The candidate is made from stable.
    fn create(&self, weight: Weight) -> Need {
        let (Some(stable), Some(name)) = (&self.seen.stable, &self.component.candidate) else {
            return Need::Wait(Stage::Images, format!("{}: neither Deployment exists", self.name()));
        };
        let replicas = match self.component.router {
            Router::Replicas { .. } => 0,
            _ => guard::pods_needed(self.whole(), weight),
        };
        let action = Action::Clone {
            component: self.name().to_owned(),
            from: self.to_target(Track::Stable, stable),
            name: name.clone(),
            labels: super::start::track_labels(self.component, self.seen.route.as_ref().ok()),
            images: image_changes(stable, &self.target.images),
            replicas,
            cause: self.rollout.cause.clone(),
        };
        Need::Act(Stage::Images, action, Precondition::Identity)
    }
}

/// Containers whose image is not the wanted one.
pub(super) fn image_changes(workload: &Workload, wanted: &[ContainerImage]) -> Vec<ImageChange> {
    let differs = |(index, have): (usize, &ContainerImage)| {
        let want = wanted.iter().find(|w| w.name == have.name && w.image != have.image)?;
        Some(ImageChange { index, container: have.name.clone(), from: have.image.clone(), to: want.image.clone() })
    };
    workload.containers.iter().enumerate().filter_map(differs).collect()
}

fn versions(images: &[ImageChange]) -> String {
    images.iter().map(|i| i.to.as_str()).collect::<Vec<_>>().join(", ")
}
