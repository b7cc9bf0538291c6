//! Orders given to another driver, and what became of orders.

use crate::domain::command::{Command, Order};
use crate::domain::port::{Fault, FaultKind};
use crate::domain::rollout::{Answer, ORDERS_KEPT};

use super::io::{Call, Request};
use super::{Core, Pending};

impl Core {
    /// Leaves the orders that wait in the stored state, for whoever drives.
    pub(super) fn forward_orders(&mut self, out: &mut Vec<Request>) {
        if self.orders.is_empty() {
            return; // who only watches has no reason to look sooner
        }
        // What is asked of this process is no matter for the other one.
        let (ours, theirs) = std::mem::take(&mut self.orders).into_iter().partition(|o| o.command == Command::TakeOver);
        self.orders = ours;
        for order in <Vec<Order>>::from(theirs) {
            if self.forwarded.contains_key(&order.id) || self.is_answered_on_record(&order.id) {
                continue;
            }
            self.forwarded.insert(order.id.clone(), (order.clone(), self.now.mono));
            let (namespace, release) = (self.declared.namespace.clone(), self.declared.name.clone());
            let handed = order.id.clone();
            let id = self.send(Pending::Append, Call::Append { namespace, release, order }, out);
            self.appending.insert(id, handed);
        }
        self.soon();
    }

    /// Whether an order was obeyed here and the run on record says so: its driver learns of it there, and left for it once
    /// more it could come after the end, when nobody is there to take it away.
    fn is_answered_on_record(&self, order: &str) -> bool {
        self.stored.as_ref().is_some_and(|r| r.answer(order).is_some())
    }

    /// An order that cannot be handed over for want of rights is refused; one that the network kept is handed over again. A
    /// rollback waits for neither.
    pub(super) fn on_appended(&mut self, id: u64, result: Result<(), Fault>, out: &mut Vec<Request>) {
        let handed = self.appending.remove(&id).and_then(|order| self.forwarded.get(&order)).map(|(order, _)| order.clone());
        match result {
            Ok(()) => self.cleared("orders"),
            Err(fault) => {
                if let Some(order) = handed {
                    if order.command.goes_back() {
                        self.take_forwarded_back(&order, out);
                    } else if fault.kind != FaultKind::Unreachable {
                        self.forwarded.remove(&order.id);
                        self.answers.insert(order.id, Some(fault.text.clone()));
                    }
                }
                self.fault("orders", fault.kind, fault.text);
            }
        }
        self.soon();
    }

    /// Forwarded orders that the stored run has an answer to.
    pub(super) fn answer_forwarded(&mut self) {
        let Some(r) = &self.rollout else { return };
        let answered: Vec<Answer> = self.forwarded.keys().filter_map(|id| r.answer(id)).cloned().collect();
        for answer in answered {
            self.forwarded.remove(&answer.order);
            self.answers.insert(answer.order, answer.refused);
        }
    }

    /// Orders that are answered when they are carried out, and are.
    pub(super) fn answer_awaited(&mut self) {
        let Some(r) = self.rollout.as_ref().filter(|_| !self.awaited.is_empty()) else { return };
        let answered: Vec<Answer> = self.awaited.iter().filter_map(|id| r.answer(id)).cloned().collect();
        for answer in answered {
            self.awaited.remove(&answer.order);
            self.answers.insert(answer.order, answer.refused);
        }
    }

    /// Writes an answer into the run, so that whoever gave the order from elsewhere finds it.
    pub(super) fn remember_answer(&mut self, order: &str, refused: Option<String>) {
        let Some(r) = &mut self.rollout else { return };
        if r.answer(order).is_none() {
            r.orders.push_back(Answer { order: order.to_owned(), refused });
            while r.orders.len() > ORDERS_KEPT {
                r.orders.pop_front();
            }
        }
    }

    /// Without a Lease nothing goes forward: who waits for it is told why it cannot be had. A rollback needs none.
    pub(super) fn refuse_without_lease(&mut self, why: &str) {
        for order in std::mem::take(&mut self.orders) {
            if order.command.goes_back() {
                self.orders.push_back(order);
            } else {
                // What a person was told is refused is not obeyed from the record later.
                self.spent.push(order.id.clone());
                self.answers.insert(order.id, Some(why.to_owned()));
            }
        }
    }

    pub(super) fn refuse_orders_without_rights(&mut self) {
        if !self.setup.may_write {
            while let Some(order) = self.orders.pop_front() {
                self.answers.insert(order.id, Some(super::rollback::READ_ONLY.to_owned()));
            }
        }
    }
}
