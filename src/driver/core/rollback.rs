//! The fast path: a rollback's route writes leave at once, from memory; everything else goes beside them.

use crate::domain::action::Precondition;
use crate::domain::command::{Command, Order};
use crate::domain::mutant::{Mutant, mutant};
use crate::domain::port::LEASE_DURATION;
use crate::domain::time::Millis;
use crate::engine::rollback::first_moves;

use super::io::Request;
use super::{Core, Pending};

/// How long another driver has to take up a rollback before we do it ourselves.
const ANSWER_WITHIN: Millis = Millis::secs(2);

impl Core {
    pub(super) fn take_order(&mut self, order: Order, out: &mut Vec<Request>) {
        if !self.setup.may_write {
            self.answers.insert(order.id, Some(READ_ONLY.to_owned()));
            return;
        }
        if order.command == Command::RestoreSync {
            return self.take_restore(order);
        }
        if order.command == Command::TakeOver && self.lease.epoch(self.now).is_some() {
            self.answers.insert(order.id, Some("this process drives it already: there is nobody to take it over from".to_owned()));
            return;
        }
        let at_once = order.command.goes_back() && self.known_enough();
        // What memory refuses is asked of the cluster: a run may have begun since.
        let known = at_once && self.would_work(&order);
        if known {
            self.roll_back_now(&order, out);
            if self.lease.epoch(self.now).is_none() {
                // Another process may drive: if one does, it is to learn of this, too.
                self.queue(order);
            }
        } else {
            self.queue(order);
        }
    }

    /// Whether routes are known from memory.
    fn known_enough(&self) -> bool {
        self.active().is_some() || (self.loaded_once && self.observed.is_some())
    }

    /// Turns the run round and sends every route back, before anything is read or stored.
    pub(super) fn roll_back_now(&mut self, order: &Order, out: &mut Vec<Request>) {
        self.writes.drop_queue();
        if !self.apply(order) {
            return;
        }
        let waits = mutant(Mutant::RollbackAfterRecord) || (mutant(Mutant::RollbackAfterLease) && self.lease.epoch(self.now).is_none());
        if !waits {
            self.send_back(out);
        }
        if !self.is_open(Pending::Store) {
            self.store_now(out);
        }
        if self.lease.epoch(self.now).is_none() {
            self.hold_lease(out);
        }
        self.soon();
    }

    /// Sends every route back from memory, those included that a write in flight is about to raise.
    fn send_back(&mut self, out: &mut Vec<Request>) {
        let Some(r) = &self.rollout else { return };
        let seen = self.seen_by(&r.release);
        let mut moves = first_moves(r, seen.as_deref());
        let raised = self.writes.raised_meanwhile().filter(|(component, _)| !moves.iter().any(|(m, _)| m.component() == component));
        moves.extend(raised.map(|(_, back)| (back, Precondition::Identity)).collect::<Vec<_>>());
        self.plan_writes(moves);
        self.send_queued(out);
    }

    /// A rollback that was asked of a process that had read nothing yet leaves as soon as the stored run is known: it does
    /// not wait for the look at everything.
    pub(super) fn hurry_back(&mut self, out: &mut Vec<Request>) {
        let waiting = self.orders.iter().any(|o| o.command.goes_back());
        let told = self.fresh.state.is_some() && ![Pending::Load, Pending::Lease].iter().any(|p| self.is_open(*p));
        if !(waiting && told && self.setup.may_write && self.is_open(Pending::Observe)) {
            return;
        }
        self.adopt_stored();
        if self.active().is_none() || self.lease.other_is_alive(self.now.mono) {
            return;
        }
        self.take_back(out);
    }

    /// Carries out the orders to go back that wait here, and no other.
    pub(super) fn take_back(&mut self, out: &mut Vec<Request>) {
        let (back, rest) = std::mem::take(&mut self.orders).into_iter().partition(|o| o.command.goes_back());
        self.orders = rest;
        if !back.is_empty() {
            self.begin_nothing();
        }
        for order in <Vec<Order>>::from(back) {
            // Refused from memory alone it could be wrong: there may be a run that memory knows nothing of.
            if self.is_unreached() && !self.would_work(&order) {
                self.orders.push_back(order);
            } else {
                self.roll_back_now(&order, out);
            }
        }
    }

    /// The look failed: nothing goes forward. A rollback goes on from memory, over and over: its writes mean the same twice.
    pub(super) fn turn_blind(&mut self, out: &mut Vec<Request>) {
        self.adopt_stored();
        self.answer_forwarded();
        if !self.setup.may_write || self.detaching {
            return self.refuse_orders_without_rights();
        }
        if self.lease.other_is_alive(self.now.mono) {
            return self.forward_orders(out);
        }
        if self.active().is_none() {
            return;
        }
        self.take_back(out);
        if self.is_rolling_back() && !self.is_writing() && (self.setup.take_up || self.lease.epoch(self.now).is_some()) {
            self.send_back(out);
        }
    }

    /// Carries out an order to go back that another driver was to have. What was read meanwhile is known first. Refused from
    /// memory alone it could be wrong: it stays where it waits until the record was read.
    pub(super) fn take_forwarded_back(&mut self, order: &Order, out: &mut Vec<Request>) {
        if !self.is_open(Pending::Store) {
            self.adopt_stored();
        }
        if (self.is_unreached() || !self.loaded_once) && !self.would_work(order) {
            return; // asked again with every step
        }
        self.forwarded.remove(&order.id);
        self.roll_back_now(order, out);
    }

    /// Orders that another driver did not answer in time: a rollback is done by us then, the rest is reported.
    pub(super) fn overdue_orders(&mut self, out: &mut Vec<Request>) {
        let late = |(order, at): &(Order, Millis)| self.now.elapsed(*at) >= patience(order);
        let overdue: Vec<Order> = self.forwarded.values().filter(|f| late(f)).map(|(order, _)| order.clone()).collect();
        for order in overdue {
            if order.command.goes_back() {
                self.take_forwarded_back(&order, out);
            } else {
                self.forwarded.remove(&order.id);
                // The driver is gone, or deaf: its Lease has run out by now, and the order is taken up here.
                self.queue(order);
            }
        }
    }
}

/// How long another driver has to answer an order.
pub(super) fn patience(order: &Order) -> Millis {
    if order.command.goes_back() { ANSWER_WITHIN } else { LEASE_DURATION }
}

/// The answer to every order in read-only mode.
pub(super) const READ_ONLY: &str = "read-only: nothing may be written (started with --read-only, or the rights do not allow it)";
