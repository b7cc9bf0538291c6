//! Writing: one at a time going forward, all at once going back.

use std::collections::{BTreeMap, VecDeque};

use crate::domain::action::{Action, Precondition, WriteOutcome};
use crate::domain::auto_sync::Application;
use crate::domain::journal::EntryKind;
use crate::domain::mutant::{Mutant, mutant};
use crate::domain::object::ObjectRef;
use crate::domain::rollout::Intent;
use crate::domain::time::Millis;
use crate::domain::weight::Weight;
use crate::engine::decide::write_refused;
use crate::engine::{auto_sync, drift, scale};

use super::io::{Call, Request};
use super::{Core, Pending};

/// How long a request can linger before it takes effect: the API server gives up after 60 s.
const LATEST_LANDING: Millis = Millis::secs(90);

/// The oldest look that a step forward may rest on: readiness is no part of what a write can test.
const OLDEST_FACT: Millis = Millis::secs(4);

/// How often a write that takes traffic back is sent again at once, where the server fails at it.
const AT_ONCE: usize = 2;
/// A server that takes longer to fail is not asked again at once.
const FAILS_QUICKLY: Millis = Millis::secs(1);

/// Writes that are planned or under way.
#[derive(Debug, Default)]
pub(super) struct Writes {
    queue: VecDeque<Intent>,
    /// The line of the next write, on its way to the journal: the write waits for it.
    announced: Option<(u64, Intent)>,
    /// By request id.
    flying: BTreeMap<u64, Intent>,
    /// When the last one was sent.
    sent: Millis,
    /// Which of the plan's were sent again.
    repeated: Vec<u64>,
}

impl Writes {
    /// Whether something is under way that the next turn waits for. A rollback waits for no Application.
    pub fn is_busy(&self, going_back: bool) -> bool {
        self.announced.is_some() || self.flying.values().any(|intent| !(going_back && intent.action.is_beside()))
    }

    /// Whether an Application is being written to already.
    fn is_beside(&self, action: &Action) -> bool {
        action.is_beside() && self.flying.values().any(|intent| intent.action.object() == action.object())
    }

    pub fn is_planned(&self) -> bool {
        !self.queue.is_empty()
    }

    pub fn drop_queue(&mut self) {
        self.queue.clear();
        self.announced = None;
    }

    /// Whether a write of unknown fate goes out again at once. What takes traffic back means the same twice, and waits for nothing:
    /// of two servers behind a balancer one may be dead.
    fn repeats(&mut self, intent: &Intent, now: Millis) -> bool {
        let tries = self.repeated.iter().filter(|seq| **seq == intent.seq).count();
        let back = matches!(intent.action, Action::Route { .. }) && intent.precondition == Precondition::Identity;
        let again = back && tries < AT_ONCE && now.minus(self.sent) < FAILS_QUICKLY;
        if again {
            self.repeated.push(intent.seq);
        }
        again
    }

    /// A fence for each route that a write in flight gives something to: where nothing is to be taken back yet, a write of the
    /// same weights would change nothing and stop nothing.
    pub fn raised_meanwhile(&self) -> impl Iterator<Item = (String, Action)> {
        self.flying.values().filter_map(|intent| match &intent.action {
            Action::Route { component, facts, weight, .. } if *weight > Weight::ZERO && facts.rises_to(*weight) => {
                Some((component.clone(), Action::Fence { component: component.clone(), object: facts.object.clone() }))
            }
            _ => None,
        })
    }

    pub fn len(&self) -> usize {
        self.queue.len() + self.flying.len() + usize::from(self.announced.is_some())
    }
}

impl Core {
    /// Numbers the engine's actions and queues them. Fences come first: while the fate of a write is unknown nothing
    /// else is sent, except a rollback.
    pub(super) fn plan_writes(&mut self, actions: Vec<(Action, Precondition)>) {
        self.writes.drop_queue();
        self.writes.repeated.clear();
        self.calm.begin();
        let rolling_back = self.is_rolling_back();
        let actions: Vec<_> = actions.into_iter().map(|(action, precondition)| self.against_churn(action, precondition)).collect();
        self.forget_old_fences();
        let fences: Vec<(Action, Precondition)> = self
            .fences
            .iter()
            .map(|(object, (component, _))| {
                (Action::Fence { component: component.clone(), object: object.clone() }, Precondition::Identity)
            })
            .collect();
        let all = match (fences.is_empty(), rolling_back) {
            (true, _) => actions,
            (false, false) => fences,
            (false, true) => actions.into_iter().chain(fences).collect(),
        };
        let Some(r) = &mut self.rollout else { return };
        r.intents = self.writes.flying.values().filter(|intent| intent.action.is_beside()).cloned().collect();
        for (action, precondition) in all {
            if self.writes.is_beside(&action) {
                continue;
            }
            r.seq += 1;
            let intent = Intent { seq: r.seq, action, precondition };
            r.intents.push(intent.clone());
            self.writes.queue.push_back(intent);
        }
    }

    /// A route that somebody keeps writing to never stays as it was read for as long as a write takes. There the values that
    /// are replaced are compared instead, and our stamp, which it is given first: a late write of ours fails on it.
    fn against_churn(&self, action: Action, precondition: Precondition) -> (Action, Precondition) {
        match &action {
            Action::Route { facts, component, .. } if precondition == Precondition::Unchanged && self.contested.contains(&facts.object) => {
                match facts.stamp {
                    Some(_) => (action, Precondition::Value),
                    None => (Action::Fence { component: component.clone(), object: facts.object.clone() }, Precondition::Identity),
                }
            }
            // So does a Deployment that is not ours yet, and whose controller never rests.
            Action::Scale { target, component, .. }
            | Action::SetImages { target, component, .. }
            | Action::SetPaused { target, component, .. }
            | Action::Undo { target, component, .. }
                if precondition == Precondition::Value && target.stamp.is_none() && self.contested.contains(&target.object) =>
            {
                (Action::Fence { component: component.clone(), object: target.object.clone() }, Precondition::Identity)
            }
            _ => (action, precondition),
        }
    }

    /// Another driver may have died with a write on its way: whatever it could have written to is stamped, before anything
    /// else is written.
    pub(super) fn stamp_everything(&mut self) {
        let Some(r) = self.active().filter(|_| !mutant(Mutant::NoStampAtTakeOver)) else { return };
        let mut all = Vec::new();
        for c in &r.release.components {
            let route = r.targets.get(&c.name).and_then(|t| t.route.as_ref()).map(|facts| facts.object.clone());
            let workloads = [Some(&c.stable), c.candidate.as_ref()].into_iter().flatten();
            let workloads = workloads.map(|name| ObjectRef::new(r.release.workload_kind(), r.release.namespace.clone(), name.clone()));
            all.extend(route.into_iter().chain(workloads).map(|object| (object, c.name.clone())));
        }
        let since = self.now.mono;
        // Also what was guarded once before: that guard may be over.
        self.fences.extend(all.into_iter().map(|(object, component)| (object, (component, since))));
    }

    /// Whether a write of unknown fate may still land.
    pub(super) fn is_fenced(&self) -> bool {
        self.fences.values().any(|(_, since)| self.now.elapsed(*since) < LATEST_LANDING)
    }

    fn forget_old_fences(&mut self) {
        let now = self.now;
        self.fences.retain(|_, (_, since)| now.elapsed(*since) < LATEST_LANDING);
    }

    /// Sends what is queued: all of it going back, else the next one.
    pub(super) fn send_queued(&mut self, out: &mut Vec<Request>) {
        let all = self.is_rolling_back();
        if self.writes.is_busy(all) && !all {
            return;
        }
        if !all && self.writes.is_planned() && !self.may_go_forward() {
            self.writes.drop_queue();
            self.soon();
            return;
        }
        while let Some(intent) = self.writes.queue.pop_front() {
            if mutant(Mutant::IntentAfterWrite) {
                self.send_write(intent.clone(), out);
                self.announce(&intent, out);
                continue;
            }
            let line = self.announce(&intent, out);
            if mutant(Mutant::AllAtOnce) {
                self.send_write(intent, out);
                continue;
            }
            if !all {
                self.writes.announced = Some((line, intent));
                return;
            }
            self.send_write(intent, out);
            if mutant(Mutant::RollbackOneByOne) {
                return;
            }
        }
    }

    /// Writes down what is about to be sent. A rollback waits for no disk: its lines outlive this process, if not the machine.
    fn announce(&mut self, intent: &Intent, out: &mut Vec<Request>) -> u64 {
        let entry = crate::domain::journal::Entry {
            at: self.now.wall,
            kind: EntryKind::Intent,
            actor: crate::engine::decide::SELF.to_owned(),
            text: format!("#{} {}", intent.seq, intent.action),
        };
        let durable = !self.is_rolling_back();
        self.send(Pending::Journal, Call::Journal { entry, durable }, out)
    }

    /// A line is in the journal, or is not: nothing goes forward that could not be written down before. A rollback's writes
    /// were sent with their lines.
    pub(super) fn on_announced(&mut self, line: u64, written: bool, out: &mut Vec<Request>) {
        let Some((_, intent)) = self.writes.announced.take_if(|(id, _)| *id == line) else { return };
        // The Lease may have run out while a slow disk took the line, and what was seen may have grown old.
        let written = written || mutant(Mutant::WritesWithoutJournal);
        if written && self.may_go_forward() {
            return self.send_write(intent, out);
        }
        self.writes.drop_queue();
        if let Some(r) = &mut self.rollout {
            r.intents.clear();
        }
        if !written {
            self.calm.refusal(self.now.mono, false);
        }
        self.soon();
    }

    /// Whether a step forward may be sent now: the Lease is ours, and what it rests on was seen a moment ago.
    fn may_go_forward(&self) -> bool {
        let fresh = self.observed_at.is_some_and(|at| self.now.elapsed(at) <= OLDEST_FACT);
        (fresh && !self.is_look_old() || mutant(Mutant::StaleLook))
            && (self.lease.epoch(self.now).is_some() || mutant(Mutant::LeaseIgnored))
    }

    fn send_write(&mut self, intent: Intent, out: &mut Vec<Request>) {
        let Some(r) = &mut self.rollout else { return };
        let epoch = self.lease.epoch(self.now).unwrap_or(r.epoch);
        let stamp = format!("{epoch}.{}", intent.seq);
        let precondition = if mutant(Mutant::NoVersion) { Precondition::Identity } else { intent.precondition };
        let call = Call::Write { action: Box::new(intent.action.clone()), precondition, stamp };
        let id = self.send(Pending::Write, call, out);
        self.writes.flying.insert(id, intent);
        self.writes.sent = self.now.mono;
    }

    pub(super) fn on_written(&mut self, id: u64, outcome: WriteOutcome, out: &mut Vec<Request>) {
        let Some(intent) = self.writes.flying.remove(&id) else { return };
        if !(intent.action.is_beside() && self.is_rolling_back()) {
            self.written_at = Some(self.now.mono);
        }
        let component = intent.action.component().to_owned();
        if let Some(r) = &mut self.rollout {
            r.intents.retain(|i| i.seq != intent.seq);
        }
        if !mutant(Mutant::OutcomeUnwritten) {
            self.note(EntryKind::Outcome, format!("#{} {}: {}", intent.seq, intent.action, outcome.said()));
        }
        if let Action::SuspendSync { application, .. } = &intent.action {
            self.on_suspended(application, &outcome);
        } else {
            self.on_settled(&intent, component, outcome);
        }
        self.soon();
        // An outcome is in the journal also if another state is taken over in this very step.
        self.log_new_lines(out);
        self.send_queued(out);
    }

    /// What became of suspending an Application's auto-sync. It stops nothing: going forward the engine plans again, and a
    /// rollback goes on without it.
    fn on_suspended(&mut self, application: &Application, outcome: &WriteOutcome) {
        if let Some(r) = &mut self.rollout {
            auto_sync::written(r, application, outcome, self.now);
        }
        match outcome {
            WriteOutcome::Landed => {}
            _ if self.is_rolling_back() => {}
            WriteOutcome::Conflict { .. } => {
                self.writes.drop_queue();
                self.calm.conflict(self.now.mono);
            }
            WriteOutcome::Refused { .. } | WriteOutcome::Unknown { .. } => {
                self.writes.drop_queue();
                self.calm.refusal(self.now.mono, false);
            }
        }
    }

    /// What became of a write to an object of the release.
    fn on_settled(&mut self, intent: &Intent, component: String, outcome: WriteOutcome) {
        match outcome {
            WriteOutcome::Unknown { .. } if mutant(Mutant::UnknownIsDone) => self.landed(&component, &intent.action),
            WriteOutcome::Conflict { why } if mutant(Mutant::ConflictIsRefusal) => self.refused(&intent.action, &why),
            WriteOutcome::Landed => self.landed(&component, &intent.action),
            WriteOutcome::Conflict { .. } => {
                self.writes.drop_queue();
                self.calm.conflict(self.now.mono);
                if intent.precondition != Precondition::Identity {
                    self.contested.insert(intent.action.object());
                }
            }
            // Nothing was changed, and nothing is wrong: later.
            WriteOutcome::Refused { code: 401 | 429, .. } => {
                self.writes.drop_queue();
                self.calm.refusal(self.now.mono, self.is_rolling_back());
            }
            WriteOutcome::Refused { why, .. } => self.refused(&intent.action, &why),
            WriteOutcome::Unknown { .. } => {
                self.writes.drop_queue();
                self.calm.refusal(self.now.mono, self.is_rolling_back());
                let since = self.now.mono;
                if !mutant(Mutant::NoFenceAfterUnknown) {
                    self.fences.insert(intent.action.object(), (component, since));
                }
                if self.is_rolling_back() && self.writes.repeats(intent, since) {
                    self.writes.queue.push_back(intent.clone());
                    self.rollout.iter_mut().for_each(|r| r.intents.push(intent.clone()));
                }
            }
        }
    }

    fn landed(&mut self, component: &str, action: &Action) {
        if let Action::Fence { object, .. } = action {
            self.fences.remove::<ObjectRef>(object);
        }
        if let Some(r) = &mut self.rollout {
            r.trouble.remove(component);
            drift::landed(r, action);
            scale::landed(r, action);
        }
    }

    fn refused(&mut self, action: &Action, why: &str) {
        self.writes.drop_queue();
        let Some(r) = &mut self.rollout else { return };
        // What a person asked for on the side is no step of the plan.
        if scale::refused(r, action, why) {
            return;
        }
        self.calm.refusal(self.now.mono, self.is_rolling_back());
        let Some(r) = &mut self.rollout else { return };
        if r.is_back() {
            r.trouble.insert(action.component().to_owned(), why.to_owned());
        } else {
            *r = write_refused(r, action, why, self.now);
        }
    }
}
