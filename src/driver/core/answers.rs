//! Orders given to another driver, and what became of orders.

use crate::domain::port::Fault;
use crate::domain::rollout::{Answer, ORDERS_KEPT};

use super::io::{Call, Request};
use super::{Core, Pending};

impl Core {
    /// Leaves the orders that wait in the stored state, for whoever drives.
    pub(super) fn forward_orders(&mut self, out: &mut Vec<Request>) {
        while let Some(order) = self.orders.pop_front() {
            if self.forwarded.contains_key(&order.id) {
                continue;
            }
            self.forwarded.insert(order.id.clone(), (order.clone(), self.now.mono));
            let (namespace, release) = (self.declared.namespace.clone(), self.declared.name.clone());
            self.send(Pending::Append, Call::Append { namespace, release, order }, out);
        }
        self.soon();
    }

    pub(super) fn on_appended(&mut self, result: Result<(), Fault>) {
        match result {
            Ok(()) => self.cleared("orders"),
            Err(fault) => self.fault("orders", fault.kind, fault.text),
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

    pub(super) fn refuse_orders_without_rights(&mut self) {
        if !self.setup.may_write {
            while let Some(order) = self.orders.pop_front() {
                self.answers.insert(order.id, Some(super::rollback::READ_ONLY.to_owned()));
            }
        }
    }
}
