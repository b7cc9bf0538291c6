//! One turn: orders, decision, intent, writes.

use std::sync::Arc;

use crate::domain::action::{Action, Precondition};
use crate::domain::command::{Command, Order};
use crate::domain::journal::EntryKind;
use crate::domain::mutant::{Mutant, mutant};
use crate::domain::observed::Observed;
use crate::domain::port::FaultKind;
use crate::domain::release::Router;
use crate::domain::rollout::{Phase, Rollout};
use crate::domain::time::Millis;
use crate::engine;
use crate::engine::Decision;
use crate::engine::preview;

use super::io::Request;
use super::{Core, Pending};

/// How soon the stored state is asked for again while an order waits for it.
const ASK_AGAIN: Millis = Millis::secs(1);

/// Where this process stands in a turn.
enum Place {
    /// It drives.
    Drive,
    /// It waits for an answer about the Lease.
    Ask,
    /// Another one drives, or nothing is to be driven.
    Watch,
}

impl Core {
    /// Both reads are in: decide.
    pub(super) fn turn_when_read(&mut self, out: &mut Vec<Request>) {
        // A rollback needs no Lease, and waits for no answer about it.
        let asked = self.is_open(Pending::Lease) && !self.is_urgent();
        let open = [Pending::Load, Pending::Observe, Pending::Store];
        if asked || open.iter().any(|p| self.is_open(*p)) || self.is_writing() {
            return;
        }
        let before_a_write = self.looked_at.zip(self.written_at).is_some_and(|(looked, written)| looked.mono < written);
        if self.fresh.observed && (self.is_look_old() || before_a_write) && !mutant(Mutant::StaleLook) {
            self.fresh.observed = false;
            return self.soon();
        }
        if !self.fresh.observed {
            // Once for every look that fails: where the stored state cannot be read either, a rollback goes on all the same.
            let failed = std::mem::take(&mut self.fresh.failed);
            if self.fresh.state.is_some() || (failed && self.is_rolling_back()) {
                self.turn_blind(out);
            }
            return;
        }
        self.adopt_stored();
        self.reopen();
        self.judge_anew();
        self.answer_forwarded();
        self.restore_on_look(out);
        if (!self.setup.may_write && !mutant(Mutant::WatcherWrites)) || self.detaching {
            self.fresh.observed = false;
            return self.refuse_orders_without_rights();
        }
        // The end of a run is work until it is on record, also when a line came after it.
        let work = self.has_work() || self.is_dirty();
        let ours = self.lease.epoch(self.now).is_some();
        let wanted = !self.orders.is_empty() || (work && (self.setup.take_up || ours));
        let place = if wanted { self.place(out) } else { Place::Watch };
        match place {
            Place::Ask if self.is_open(Pending::Lease) => {} // its answer brings us back here
            Place::Ask => {
                self.fresh.observed = false;
                self.next_turn = self.next_turn.min(self.lease.not_before());
            }
            Place::Watch => {
                self.fresh.observed = false;
                if self.is_rolling_back() && self.is_dirty() {
                    // Begun here beside a driver that does not know of it yet: on record it goes on with it.
                    self.store_if_worth(out);
                }
            }
            Place::Drive if self.is_to_weigh() => {
                // Nothing is decided meanwhile: what was asked before that would be taken for its answer. What takes the run back
                // is not put off.
                self.fresh.observed = false;
                if self.is_due_back() {
                    self.decide(out);
                } else {
                    (self.wants_room, self.next_turn) = (true, self.now.mono);
                }
            }
            Place::Drive if self.hasty => {
                // A run may be on record that nobody knew of when the look was asked for: decided is on a whole one.
                self.fresh.observed = false;
                self.take_back(out);
                if self.is_rolling_back() {
                    self.next_turn = self.now.mono;
                } else if !self.orders.is_empty() {
                    self.next_turn = self.next_turn.min(self.now.mono.plus(ASK_AGAIN));
                }
            }
            Place::Drive => {
                self.fresh.observed = false;
                self.stamp_what_is_taken_over();
                self.obey();
                self.decide(out);
            }
        }
    }

    /// Whether others left orders that may make pods, and the look did not tell what room there is for them.
    fn is_to_weigh(&self) -> bool {
        let back = self.is_rolling_back() || self.orders.iter().chain(&self.remote).any(|o| o.command.goes_back());
        !self.weighs && !back && self.remote.iter().any(|o| o.command.may_raise())
    }

    /// Whether there is something to drive.
    fn has_work(&self) -> bool {
        self.active().is_some() || self.rollout.as_ref().is_some_and(|r| r.clean_up.is_some() || !r.scalings.is_empty())
    }

    /// Why the stored state cannot be gone on from, if so. Without it nothing goes forward.
    fn unreadable(&self) -> Option<String> {
        self.faults.get("state").map(|(fault, _)| fault.text.clone())
    }

    /// Whether the record is there and tells nothing: then nobody goes forward, no order reaches whoever drives, and a rollback
    /// that began here is done from here.
    fn is_record_damaged(&self) -> bool {
        self.faults.get("state").is_some_and(|(fault, _)| fault.kind == FaultKind::Unreadable)
    }

    pub(super) fn is_rolling_back(&self) -> bool {
        self.active().is_some_and(Rollout::is_back)
    }

    /// Whether a rollback is under way, or waits to begin.
    fn is_urgent(&self) -> bool {
        self.is_rolling_back() || self.orders.iter().any(|o| o.command.goes_back())
    }

    /// Takes the Lease if it can be had; with another driver alive, orders go to it. A rollback does not wait for a Lease.
    fn place(&mut self, out: &mut Vec<Request>) -> Place {
        if self.lease.epoch(self.now).is_some() || mutant(Mutant::LeaseIgnored) {
            return Place::Drive;
        }
        if self.lease.other_is_alive(self.now.mono) {
            self.forward_orders(out);
            self.refuse_late_take_over();
            if !self.is_taking_over() {
                return if self.is_rolling_back() && self.is_record_damaged() { Place::Drive } else { Place::Watch };
            }
            self.seize_lease(out);
            return Place::Ask;
        }
        self.hold_lease(out);
        if self.is_urgent() { Place::Drive } else { Place::Ask }
    }

    /// Applies the orders that wait: ours, then those that others left. Where ours begin a run, what others left before it
    /// was meant for another one: a rollback that nobody was there to do must not take this run back.
    fn obey(&mut self) {
        let before = self.rollout.as_ref().map(|r| r.id.clone());
        // Where nobody answered, what is asked waits for an answer, but for what goes back.
        let unreached = self.is_unreached();
        let (now, later) = std::mem::take(&mut self.orders).into_iter().partition(|o| !unreached || o.command.goes_back());
        self.orders = later;
        if !self.orders.is_empty() {
            self.next_turn = self.next_turn.min(self.now.mono.plus(ASK_AGAIN));
        }
        let back = now.iter().any(|o| o.command.goes_back());
        for order in <Vec<Order>>::from(now) {
            // Refused from memory alone it could be wrong: there may be a run that memory knows nothing of.
            if unreached && !self.would_work(&order) {
                self.queue(order);
                self.next_turn = self.now.mono.plus(ASK_AGAIN);
            } else {
                self.apply(&order);
            }
        }
        let begun = self.rollout.as_ref().filter(|r| !r.is_blank()).is_some_and(|r| Some(&r.id) != before.as_ref());
        if back {
            self.begin_nothing();
        }
        for order in std::mem::take(&mut self.remote) {
            if begun {
                self.pass_over(order, "this run");
            } else {
                self.apply(&order);
            }
        }
    }

    /// Whoever takes back begins nothing: what was left to begin a run was left before. With one under way it is refused anyway.
    pub(super) fn begin_nothing(&mut self) {
        if self.active().is_some() {
            return;
        }
        let begins = |o: &Order| matches!(o.command, Command::Start { .. } | Command::Undo { .. });
        let (begin, rest): (Vec<Order>, Vec<Order>) = std::mem::take(&mut self.remote).into_iter().partition(begins);
        self.remote = rest;
        begin.into_iter().for_each(|order| self.pass_over(order, "what was to be taken back"));
    }

    fn pass_over(&mut self, order: Order, what: &str) {
        self.note(EntryKind::Note, format!("{} asked to {} before {what}: passed over", order.actor, order.command));
        self.spent.push(order.id);
    }

    /// Whether nobody answered when the record was asked for.
    pub(super) fn is_unreached(&self) -> bool {
        self.faults.get("state").is_some_and(|(fault, _)| fault.kind == FaultKind::Unreachable)
    }

    /// Whether an order would be taken, by what is known.
    pub(super) fn would_work(&self, order: &Order) -> bool {
        preview::after(&self.declared, self.rollout.as_ref(), self.observed.as_deref(), order, self.now).is_ok()
    }

    /// Applies one order to the run, and remembers what became of it.
    pub(super) fn apply(&mut self, order: &Order) -> bool {
        self.spent.push(order.id.clone());
        if let Some(why) = self.unreadable().filter(|_| !order.command.goes_back()) {
            self.answers.insert(order.id.clone(), Some(why));
            return false;
        }
        if let Some(known) = self.rollout.as_ref().and_then(|r| r.answer(&order.id)) {
            self.answers.insert(order.id.clone(), known.refused.clone());
            return false;
        }
        let result = preview::after(&self.declared, self.rollout.as_ref(), self.observed.as_deref(), order, self.now);
        match result {
            Ok(mut next) => {
                self.unsaved.push(order.clone());
                let fresh_run = self.rollout.as_ref().is_none_or(|r| r.id != next.id);
                if fresh_run {
                    self.judge = Arc::new(crate::analysis::Judge::new(&next.release));
                    self.last_logged = None;
                }
                if fresh_run && next.scalings.is_empty() {
                    // What was asked a moment before is still to be done.
                    next.scalings = self.rollout.as_mut().map(|r| std::mem::take(&mut r.scalings)).unwrap_or_default();
                }
                let (begins, waits) = (fresh_run && !next.is_blank(), next.scalings.iter().any(|s| s.order == order.id));
                self.rollout = Some(next);
                self.face();
                if begins {
                    self.note(EntryKind::Command, format!("{} ordered: {}", order.actor, order.command));
                    self.remember_answer(&order.id, None);
                }
                if waits {
                    self.awaited.insert(order.id.clone());
                } else {
                    self.answers.insert(order.id.clone(), None);
                }
                if order.command == Command::TakeOver {
                    self.tell_take_over();
                }
                if fresh_run {
                    self.notice();
                }
                self.judge_anew();
                true
            }
            Err(refusal) => {
                let why = refusal.to_string();
                self.note(EntryKind::Note, format!("{} asked to {}: refused: {why}", order.actor, order.command));
                self.remember_answer(&order.id, Some(why.clone()));
                self.answers.insert(order.id.clone(), Some(why));
                false
            }
        }
    }

    /// What a rollback may do without the Lease: another driver, which knows nothing of it yet, may send the candidate traffic
    /// again in this very moment, and pods that are gone could not bear it. Where the pods are the route, taking them away is
    /// taking traffic back, which waits for nothing; and who may hold no Lease at all goes on without.
    fn borne(&self, mut actions: Vec<(Action, Precondition)>) -> Vec<(Action, Precondition)> {
        let refused = self.faults.get("lease").is_some_and(|(fault, _)| fault.kind == FaultKind::Forbidden);
        if self.lease.epoch(self.now).is_none() && !refused && !mutant(Mutant::LeaseIgnored) {
            let release = self.release();
            actions.retain(|(action, _)| match action {
                Action::Scale { component, from, to, .. } => {
                    to >= from || release.component(component).is_some_and(|c| matches!(c.router, Router::Replicas { .. }))
                }
                _ => true,
            });
        }
        actions
    }

    /// A rollback is over once that is on record: where somebody gave the candidate traffic again before that, it goes on.
    fn reopen(&mut self) {
        let unended = |id: &str| self.recorded.as_ref().is_some_and(|known| known.run == id && !known.over);
        let Some(r) = self.rollout.as_ref().filter(|r| r.phase == Phase::RolledBack && unended(&r.id)) else { return };
        let sends = |seen: &Observed| r.targets.keys().any(|name| seen.route(name).is_some_and(|f| f.candidate > 0));
        if self.seen_by(&r.release).is_none_or(|seen| !sends(&seen)) {
            return;
        }
        if let Some(r) = &mut self.rollout {
            engine::rollback::again(r, "the candidate was given traffic again before the end was on record", self.now);
        }
    }

    /// Whether the look was at another release, or had the roles the other way round: then it is looked again before anything is
    /// decided.
    fn is_look_of_another(&self, r: &Rollout) -> bool {
        r.release.components != self.looked_as() && !r.is_over()
    }

    /// What the engine makes of the last look. A run that is over may have the roles the other way round than what is looked at
    /// since, or other objects.
    fn decision(&self, r: &Rollout) -> Option<Decision> {
        match (self.seen_by(&r.release), &self.observed) {
            (Some(observed), _) => Some(engine::decide(r, &observed, self.judgement(), self.now)),
            (None, Some(other)) => engine::scale::alone(r, other, self.now),
            (None, None) => None,
        }
    }

    /// Whether what was seen takes the run back, whatever room there is.
    fn is_due_back(&mut self) -> bool {
        let run = self.active().filter(|r| !r.is_back() && !self.is_look_of_another(r) && self.unreadable().is_none());
        let Some(decision) = run.and_then(|r| self.decision(r)) else { return false };
        self.keep_count(&decision.rollout);
        decision.rollout.is_back()
    }

    /// A decision is put off, and what it has seen is not: for how long nobody answers is counted from look to look.
    fn keep_count(&mut self, decided: &Rollout) {
        if let Some(r) = &mut self.rollout {
            (r.unserved, r.looked) = (decided.unserved, decided.looked);
        }
    }

    /// Lets the engine decide and stores what it decided, with the intents in it.
    fn decide(&mut self, out: &mut Vec<Request>) {
        if self.unreadable().is_some() && !self.is_rolling_back() {
            return;
        }
        let Some(r) = &self.rollout else { return };
        if self.observed.is_none() {
            return;
        }
        if self.is_look_of_another(r) {
            self.next_turn = self.now.mono;
            self.store_if_worth(out);
            return;
        }
        let Some(decision) = self.decision(r) else {
            self.store_if_worth(out);
            return;
        };
        if !self.weighs && !decision.rollout.is_back() && decision.actions.iter().any(|(a, _)| engine::room::adds_pods(a)) {
            // More pods: what room there is for them is asked only now, and then it is decided again.
            self.keep_count(&decision.rollout);
            self.wants_room = true;
            self.next_turn = self.now.mono;
            self.store_if_worth(out);
            return;
        }
        if r.is_back() && !r.is_over() && decision.rollout.is_over() && self.is_fenced() {
            // Not over while a write of unknown fate can still raise what was taken back.
            self.plan_writes(Vec::new());
        } else {
            let actions = self.borne(decision.actions);
            self.rollout = Some(decision.rollout);
            self.plan_writes(actions);
        }
        if self.writes.is_planned() {
            self.next_turn = self.now.mono; // look again as soon as they have landed
            self.store_now(out);
        } else if self.store_if_worth(out) {
            self.soon();
        }
        if self.is_rolling_back() {
            // The record goes beside the writes of a rollback, never before them.
            self.send_queued(out);
        }
    }
}
