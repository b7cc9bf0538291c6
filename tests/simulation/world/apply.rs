//! What a write does, with the preconditions of the real patches: a stale version is a conflict, so is a failed test.

use cutover::domain::action::{Action, Precondition, Target, WriteOutcome};
use cutover::domain::observed::{ContainerImage, KeptRevision};
use cutover::domain::release::Router;
use cutover::domain::route::{RouteEntry, RouteFacts};
use cutover::domain::testers::TestersMove;
use cutover::domain::time::Millis;

use super::{Deployment, Hand, Part, Route, World};

/// How long a gateway takes to take a route over.
const GATEWAY: Millis = Millis(700);

fn conflict(why: &str) -> WriteOutcome {
    WriteOutcome::Conflict { why: why.into() }
}

fn gone() -> WriteOutcome {
    WriteOutcome::Refused { code: 404, why: "not found".into() }
}

impl World {
    /// Carries one write out.
    pub fn apply(&mut self, action: &Action, precondition: Precondition, stamp: &str) -> WriteOutcome {
        if action.is_beside() {
            return self.write_application(action);
        }
        let (version, now) = (self.version(), self.now);
        let Some(part) = self.parts.iter_mut().find(|p| p.declared.name == action.component()) else { return gone() };
        match action {
            Action::Route { facts, weight, testers, .. } => {
                let wanted = facts.parts(*weight);
                match &facts.entry {
                    RouteEntry::Replicas { .. } => ratio(part, facts, wanted, precondition, version),
                    _ => route(part, facts, (wanted, *testers), (precondition, stamp), (version, now)),
                }
            }
            Action::Scale { target, from, to, .. } => {
                let Some(d) = side(part, target) else { return gone() };
                if let Some(why) = guarded(d, target, precondition) {
                    return why;
                }
                if precondition == Precondition::Value && d.replicas != *from {
                    return conflict("replicas are others");
                }
                d.written(version, stamp, d.replicas != *to);
                d.set_replicas(*to, Hand::Ours);
                WriteOutcome::Landed
            }
            Action::SetImages { target, images, paused, .. } => {
                let Some(d) = side(part, target) else { return gone() };
                if let Some(why) = guarded(d, target, precondition) {
                    return why;
                }
                if precondition == Precondition::Value && images.iter().any(|change| d.image != change.from) {
                    return conflict("the image is another");
                }
                let before = (d.image.clone(), d.paused);
                d.paused = paused.unwrap_or(d.paused);
                images.iter().for_each(|change| d.set_image(&change.to, Hand::Ours));
                d.turn();
                d.written(version, stamp, before != (d.image.clone(), d.paused));
                WriteOutcome::Landed
            }
            Action::SetPaused { target, paused, .. } => {
                let Some(d) = side(part, target) else { return gone() };
                if let Some(why) = guarded(d, target, precondition) {
                    return why;
                }
                d.written(version, stamp, d.paused != *paused);
                d.set_paused(*paused);
                WriteOutcome::Landed
            }
            Action::Clone { from, name, images, replicas, .. } => {
                let made = clone(part, from, name, images.first().map(|i| i.to.as_str()), *replicas, version);
                let new = part.candidate.as_mut().filter(|_| made == WriteOutcome::Landed);
                new.into_iter().for_each(|d| d.stamp = Some(stamp.to_owned()));
                made
            }
            Action::Undo { target, revision, replica_set, .. } => {
                let Some(d) = side(part, target) else { return gone() };
                // What keeps the revision is read first: it may be gone, or keep a newer one by now.
                let Some(back) = d.kept.iter().find(|k| k.replica_set == *replica_set).cloned() else {
                    return gone();
                };
                if back.revision != *revision {
                    return conflict("it no longer keeps that revision");
                }
                if let Some(why) = guarded(d, target, precondition) {
                    return why;
                }
                let image = image_of(&back);
                d.written(version, stamp, d.image != image);
                d.set_image(image, Hand::Ours);
                WriteOutcome::Landed
            }
            // Here are no Rollouts.
            Action::Steer { .. } | Action::SuspendSync { .. } | Action::RestoreSync { .. } => gone(),
            Action::Fence { object, .. } => {
                let hit = [part.stable.as_mut(), part.candidate.as_mut()]
                    .into_iter()
                    .flatten()
                    .find(|d| d.name == object.name && object.kind.name() == "Deployment");
                if let Some(d) = hit {
                    d.written(version, stamp, false);
                } else if let Some(r) =
                    part.route.as_mut().filter(|r| object.kind.name() != "Deployment" && r.stamp.as_deref() != Some(stamp))
                {
                    (r.version, r.stamp) = (version, Some(stamp.to_owned()));
                }
                WriteOutcome::Landed
            }
        }
    }
}

fn side<'a>(part: &'a mut Part, target: &Target) -> Option<&'a mut Deployment> {
    [part.stable.as_mut(), part.candidate.as_mut()].into_iter().flatten().find(|d| d.name == target.object.name)
}

/// The tests that every patch of a Deployment begins with.
fn guarded(d: &Deployment, target: &Target, precondition: Precondition) -> Option<WriteOutcome> {
    if d.uid.to_string() != target.uid {
        return Some(conflict("it was made anew"));
    }
    if precondition == Precondition::Identity {
        return None;
    }
    let stale = match (&target.stamp, &target.resource_version) {
        (Some(stamp), _) => d.stamp.as_ref() != Some(stamp),
        (None, version) => version.as_ref().is_some_and(|v| *v != d.resource_version()),
    };
    stale.then(|| conflict("somebody of ours wrote since"))
}

fn route(
    part: &mut Part,
    facts: &RouteFacts,
    ((stable, candidate), testers): ((u32, u32), TestersMove),
    (precondition, stamp): (Precondition, &str),
    at: (u64, Millis),
) -> WriteOutcome {
    let Some(r) = &mut part.route else { return gone() };
    if r.uid.to_string() != facts.uid {
        return conflict("it was made anew");
    }
    // A run may have the two colours the other way round than the world names them.
    let turned = match (&facts.entry, &part.declared.router) {
        (RouteEntry::Service { stable, .. }, Router::Service { candidate, .. }) => stable == candidate,
        _ => false,
    };
    let as_declared = |(a, b): (u32, u32)| if turned { (b, a) } else { (a, b) };
    let as_read = (r.stable, r.candidate) == as_declared((facts.stable, facts.candidate));
    let refused = match precondition {
        Precondition::Unchanged => facts.resource_version != r.version.to_string(),
        Precondition::Value => !as_read || (facts.stamp.is_some() && facts.stamp != r.stamp),
        // A selector's old value is tested only where it is asked; the rest says which object it is.
        Precondition::Identity => false,
    };
    if refused || (matches!(facts.entry, RouteEntry::Service { .. }) && precondition != Precondition::Identity && !as_read) {
        return conflict("the route changed");
    }
    // The rule stands above the weights' own: with it or without it they are found at another place.
    if facts.testers.as_ref().is_some_and(|rule| rule.stands) != r.testers {
        return conflict("the rules stand elsewhere");
    }
    r.admit(testers, at, Hand::Ours);
    r.set(as_declared((stable, candidate)), at, Hand::Ours);
    if precondition == Precondition::Value && facts.stamp.is_some() {
        (r.version, r.stamp) = (at.0, Some(stamp.to_owned()));
    }
    WriteOutcome::Landed
}

impl Route {
    /// One that somebody has just made.
    pub fn made((stable, candidate): (u32, u32), version: u64) -> Route {
        let (stamp, by, pending_until) = (None, Some(Hand::Foreign), Millis::ZERO);
        Route { uid: version, stable, candidate, version, stamp, by, at: Millis::ZERO, pending_until, foreign: 7, testers: false }
    }

    /// The testers' rule is put there or taken away.
    pub fn admit(&mut self, testers: TestersMove, (version, now): (u64, Millis), by: Hand) {
        let stands = testers == TestersMove::Add || (self.testers && testers == TestersMove::Keep);
        if self.testers != stands {
            (self.testers, self.version, self.pending_until) = (stands, version, now.plus(GATEWAY));
            (self.by, self.at) = (Some(by), now);
        }
    }

    /// A write that changes nothing leaves no version behind, as on a real server.
    pub fn set(&mut self, (stable, candidate): (u32, u32), (version, now): (u64, Millis), by: Hand) {
        if (self.stable, self.candidate) != (stable, candidate) {
            (self.stable, self.candidate, self.version) = (stable, candidate, version);
            (self.pending_until, self.by, self.at) = (now.plus(GATEWAY), Some(by), now);
        }
    }
}

/// Two patches: the side that grows comes first.
fn ratio(part: &mut Part, facts: &RouteFacts, (stable, candidate): (u32, u32), precondition: Precondition, version: u64) -> WriteOutcome {
    let RouteEntry::Replicas { stable: (_, su), candidate: (_, cu) } = &facts.entry else { return gone() };
    let tested = precondition != Precondition::Identity;
    let one = |d: Option<&mut Deployment>, uid: &str, from: u32, to: u32| {
        let Some(d) = d else { return gone() };
        if d.uid.to_string() != uid || (tested && d.replicas != from) {
            return conflict("replicas are others");
        }
        if d.replicas != to {
            (d.replicas, d.version, d.generation, d.replicas_by) = (to, version, d.generation + 1, Some(Hand::Ours));
        }
        WriteOutcome::Landed
    };
    let Part { stable: s, candidate: c, .. } = part;
    let growing = candidate > facts.candidate;
    let mut first = WriteOutcome::Landed;
    for on_candidate in if growing { [true, false] } else { [false, true] } {
        if first == WriteOutcome::Landed {
            first = if on_candidate { one(c.as_mut(), cu, facts.candidate, candidate) } else { one(s.as_mut(), su, facts.stable, stable) };
        }
    }
    first
}

fn clone(part: &mut Part, from: &Target, name: &str, image: Option<&str>, replicas: u32, version: u64) -> WriteOutcome {
    let Some(stable) = part.stable.as_ref() else { return gone() };
    if stable.uid.to_string() != from.uid {
        return conflict("stable was made anew");
    }
    if part.candidate.is_some() {
        return conflict("it exists");
    }
    let image = image.unwrap_or(&stable.image).to_owned();
    let uid = 100 + version as u32;
    part.candidate = Some(Deployment {
        name: name.to_owned(),
        uid,
        version,
        status: 0,
        generation: 1,
        seen: 0,
        replicas,
        paused: false,
        restarts: 0,
        kept: vec![kept((uid, 0), 1, &image)],
        image,
        stamp: None,
        image_by: Some(Hand::Ours),
        replicas_by: Some(Hand::Ours),
        scaler: None,
        revision: 1,
        pods: vec![],
    });
    WriteOutcome::Landed
}

impl Deployment {
    /// A write came through: the stamp stands, and the controller has something new to see where the spec changed. One that
    /// changes nothing leaves no version behind, as on a real server.
    pub fn written(&mut self, version: u64, stamp: &str, spec: bool) {
        // Of a Deployment a new annotation counts as a new spec does.
        if spec || self.stamp.as_deref() != Some(stamp) {
            (self.version, self.generation) = (version, self.generation + 1);
        }
        self.stamp = Some(stamp.to_owned());
    }

    /// Who writes what stands there already owns nothing by it.
    pub fn set_replicas(&mut self, to: u32, by: Hand) {
        if self.replicas != to {
            (self.replicas, self.replicas_by) = (to, Some(by));
        }
    }

    /// Stops or goes on.
    pub fn set_paused(&mut self, paused: bool) {
        self.paused = paused;
        self.turn();
    }

    /// A new template.
    pub fn set_image(&mut self, image: &str, by: Hand) {
        if self.image != image {
            (self.image_by, self.image) = (Some(by), image.to_owned());
            self.turn();
        }
    }

    /// Its controller makes the template's ReplicaSet the newest revision; while it is paused none that is not there yet.
    pub fn turn(&mut self) {
        let found = self.kept.iter().find(|k| image_of(k) == self.image);
        if found.map_or(self.paused, |k| k.revision == self.revision) {
            return;
        }
        self.revision += 1;
        self.kept.retain(|k| image_of(k) != self.image);
        self.keep();
    }

    /// The same image in another pod template: its pods are taken for replaced already.
    pub fn restart(&mut self) {
        self.restarts += 1;
        self.revision += 1;
        self.keep();
    }

    fn keep(&mut self) {
        self.kept.insert(0, kept((self.uid, self.restarts), self.revision, &self.image));
        self.kept.truncate(4);
    }
}

/// A revision of a Deployment, and the ReplicaSet that keeps it: the same one also under a newer number.
pub fn kept((uid, restarts): (u32, u32), revision: u64, image: &str) -> KeptRevision {
    KeptRevision {
        revision,
        replica_set: format!("rs-{uid}-{image}-{restarts}"),
        template_hash: format!("h-{image}-{restarts}"),
        images: vec![ContainerImage { name: "app".into(), image: image.into() }],
        change_cause: None,
        references: vec![],
    }
}

fn image_of(kept: &KeptRevision) -> &str {
    kept.images.first().map_or("", |i| i.image.as_str())
}
