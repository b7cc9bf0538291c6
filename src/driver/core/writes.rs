//! Writing: one at a time going forward, all at once going back.

use std::collections::{BTreeMap, VecDeque};

use crate::domain::action::{Action, Precondition, WriteOutcome};
use crate::domain::journal::EntryKind;
use crate::domain::object::ObjectRef;
use crate::domain::rollout::Intent;
use crate::domain::time::Millis;
use crate::domain::weight::Weight;
use crate::engine::decide::shift_refused;

use super::io::{Call, Request};
use super::{Core, Pending};

/// How long a request can linger before it takes effect: the API server gives up after 60 s.
const LATEST_LANDING: Millis = Millis::secs(90);

/// Writes that are planned or under way.
#[derive(Debug, Default)]
pub(super) struct Writes {
    queue: VecDeque<Intent>,
    /// By request id.
    flying: BTreeMap<u64, Intent>,
}

impl Writes {
    pub fn is_busy(&self) -> bool {
        !self.flying.is_empty()
    }

    pub fn is_planned(&self) -> bool {
        !self.queue.is_empty()
    }

    pub fn drop_queue(&mut self) {
        self.queue.clear();
    }

    /// The way back for each route that a write in flight gives something to.
    pub fn raised_meanwhile(&self) -> impl Iterator<Item = (String, Action)> {
        self.flying.values().filter_map(|intent| match &intent.action {
            Action::Route { component, facts, weight } if *weight > Weight::ZERO && facts.rises_to(*weight) => {
                let back = Action::Route { component: component.clone(), facts: facts.clone(), weight: Weight::ZERO };
                Some((component.clone(), back))
            }
            _ => None,
        })
    }

    pub fn len(&self) -> usize {
        self.queue.len() + self.flying.len()
    }
}

impl Core {
    /// Numbers the engine's actions and queues them. Fences come first: while the fate of a write is unknown nothing
    /// else is sent, except a rollback.
    pub(super) fn plan_writes(&mut self, actions: Vec<(Action, Precondition)>) {
        self.writes.drop_queue();
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
        r.intents.clear();
        for (action, precondition) in all {
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
            _ => (action, precondition),
        }
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
        if self.writes.is_busy() && !all {
            return;
        }
        if self.lease.epoch(self.now).is_none() && !all {
            self.writes.drop_queue();
            return;
        }
        while let Some(intent) = self.writes.queue.pop_front() {
            self.send_write(intent, out);
            if !all {
                return;
            }
        }
    }

    fn send_write(&mut self, intent: Intent, out: &mut Vec<Request>) {
        let Some(r) = &mut self.rollout else { return };
        let epoch = self.lease.epoch(self.now).unwrap_or(r.epoch);
        let line = crate::domain::journal::Entry {
            at: self.now.wall,
            kind: EntryKind::Intent,
            actor: crate::engine::decide::SELF.to_owned(),
            text: format!("#{} {}", intent.seq, intent.action),
        };
        let stamp = format!("{epoch}.{}", intent.seq);
        self.send(Pending::Journal, Call::Journal { entry: line, durable: true }, out);
        let call = Call::Write { action: Box::new(intent.action.clone()), precondition: intent.precondition, stamp };
        let id = self.send(Pending::Write, call, out);
        self.writes.flying.insert(id, intent);
    }

    pub(super) fn on_written(&mut self, id: u64, outcome: WriteOutcome, out: &mut Vec<Request>) {
        let Some(intent) = self.writes.flying.remove(&id) else { return };
        let component = intent.action.component().to_owned();
        if let Some(r) = &mut self.rollout {
            r.intents.retain(|i| i.seq != intent.seq);
        }
        let said = match &outcome {
            WriteOutcome::Landed => "done".to_owned(),
            WriteOutcome::Conflict { .. } => "the object changed meanwhile: read and planned again".to_owned(),
            WriteOutcome::Refused { code, why } => format!("refused ({code}): {why}"),
            WriteOutcome::Unknown { why } => format!("no answer ({why}): it may or may not have landed"),
        };
        self.note(EntryKind::Outcome, format!("#{} {}: {said}", intent.seq, intent.action));
        match outcome {
            WriteOutcome::Landed => self.landed(&component, &intent.action),
            WriteOutcome::Conflict { .. } => {
                self.writes.drop_queue();
                self.calm.conflict(self.now.mono);
                if intent.precondition == Precondition::Unchanged {
                    self.contested.insert(intent.action.object());
                }
            }
            // Nothing was changed, and nothing is wrong: later.
            WriteOutcome::Refused { code: 429, .. } => {
                self.writes.drop_queue();
                self.calm.refusal(self.now.mono, self.is_rolling_back());
            }
            WriteOutcome::Refused { why, .. } => self.refused(&component, &why),
            WriteOutcome::Unknown { .. } => {
                self.writes.drop_queue();
                self.calm.refusal(self.now.mono, self.is_rolling_back());
                let since = self.now.mono;
                self.fences.insert(intent.action.object(), (component, since));
            }
        }
        self.soon();
        self.send_queued(out);
    }

    fn landed(&mut self, component: &str, action: &Action) {
        if let Action::Fence { object, .. } = action {
            self.fences.remove::<ObjectRef>(object);
        }
        if let Some(r) = &mut self.rollout {
            r.trouble.remove(component);
        }
    }

    fn refused(&mut self, component: &str, why: &str) {
        self.writes.drop_queue();
        self.calm.refusal(self.now.mono, self.is_rolling_back());
        let Some(r) = &mut self.rollout else { return };
        if r.is_back() {
            r.trouble.insert(component.to_owned(), why.to_owned());
        } else {
            *r = shift_refused(r, component, why, self.now);
        }
    }
}
