//! The fast path: a rollback's route writes leave at once, from memory; everything else goes beside them.

use crate::domain::command::{Command, Order};
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
        let back = matches!(order.command, Command::RollBack | Command::Reject);
        if back && self.known_enough() {
            self.roll_back_now(&order, out);
            if self.lease.epoch(self.now.mono).is_none() {
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
    fn roll_back_now(&mut self, order: &Order, out: &mut Vec<Request>) {
        self.writes.drop_queue();
        if !self.apply(order) {
            return;
        }
        let Some(r) = &self.rollout else { return };
        let moves = first_moves(r, self.observed.as_ref());
        self.plan_writes(moves);
        self.send_queued(out);
        if !self.is_open(Pending::Store) {
            self.store_now(out);
        }
        if self.lease.epoch(self.now.mono).is_none() {
            self.hold_lease(out);
        }
        self.soon();
    }

    /// Orders that another driver did not answer in time: a rollback is done by us then, the rest is reported.
    pub(super) fn overdue_orders(&mut self, out: &mut Vec<Request>) {
        let late = |(order, at): &(Order, Millis)| {
            let patience = if order.command == Command::RollBack { ANSWER_WITHIN } else { LEASE_DURATION };
            self.now.elapsed(*at) >= patience
        };
        let overdue: Vec<Order> = self.forwarded.values().filter(|f| late(f)).map(|(order, _)| order.clone()).collect();
        for order in overdue {
            self.forwarded.remove(&order.id);
            if order.command == Command::RollBack {
                self.roll_back_now(&order, out);
            } else {
                // The driver is gone, or deaf: its Lease has run out by now, and the order is taken up here.
                self.queue(order);
            }
        }
    }
}

/// The answer to every order in read-only mode.
pub(super) const READ_ONLY: &str = "read-only: nothing may be written (started with --read-only, or the rights do not allow it)";
