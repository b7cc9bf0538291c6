//! Switching an Application's auto-sync on again: a person's order to this process, whoever drives, run or no run. It needs no
//! Lease and no record: the Application itself says what it was, and a patch tests that it still does.

use std::collections::BTreeMap;

use crate::domain::action::{Action, Precondition, WriteOutcome};
use crate::domain::command::Order;
use crate::domain::journal::{Entry, EntryKind};
use crate::domain::port::FaultKind;
use crate::engine::auto_sync::{self, TRIES};

use super::io::{Call, Request};
use super::{Core, Pending};

/// What stands where other writes have their stamp: an Application gets none.
const NO_STAMP: &str = "0.0";

/// An order that is being carried out.
#[derive(Debug)]
pub(super) struct Restoring {
    order: Order,
    /// How often it was sent.
    tries: u8,
    /// By request.
    open: BTreeMap<u64, Action>,
    /// Why it is to be tried again, where it is.
    again: Option<String>,
    /// Why it cannot be done.
    refused: Option<String>,
}

impl Core {
    pub(super) fn take_restore(&mut self, order: Order) {
        if self.restoring.is_some() {
            self.answers.insert(order.id, Some("it is being restored already".to_owned()));
            return;
        }
        self.restoring = Some(Restoring { order, tries: 0, open: BTreeMap::new(), again: None, refused: None });
        // What stands there is looked at first.
        self.fresh.observed = false;
        self.next_turn = self.now.mono;
    }

    /// Whether a look is waited for to restore on.
    pub(super) fn wants_to_restore(&self) -> bool {
        self.restoring.as_ref().is_some_and(|r| r.open.is_empty())
    }

    /// There is a new look: sends what follows from it.
    pub(super) fn restore_on_look(&mut self, out: &mut Vec<Request>) {
        let (Some(observed), true) = (self.observed.clone(), self.wants_to_restore()) else { return };
        let Some(mut restoring) = self.restoring.take() else { return };
        let writes = match auto_sync::restore(self.release(), &observed) {
            Ok(writes) => writes,
            // What was there when it was sent before is gone: somebody else was as quick.
            Err(_) if restoring.tries > 0 => return self.restored(restoring.order, None),
            Err(refusal) => return self.restored(restoring.order, Some(refusal.to_string())),
        };
        (restoring.tries, restoring.again) = (restoring.tries + 1, None);
        for (action, _) in writes {
            self.tell(EntryKind::Intent, &restoring.order.actor, action.to_string(), out);
            let call = Call::Write { action: Box::new(action.clone()), precondition: Precondition::Value, stamp: NO_STAMP.to_owned() };
            restoring.open.insert(self.send(Pending::Restore, call, out), action);
        }
        self.restoring = Some(restoring);
    }

    /// One of them was answered. What changed meanwhile is looked at again, a few times.
    pub(super) fn on_restored(&mut self, id: u64, outcome: WriteOutcome, out: &mut Vec<Request>) {
        let Some(mut restoring) = self.restoring.take() else { return };
        let Some(action) = restoring.open.remove(&id) else {
            self.restoring = Some(restoring);
            return;
        };
        let said = outcome.said();
        self.tell(EntryKind::Outcome, &restoring.order.actor, format!("{action}: {said}"), out);
        match outcome {
            WriteOutcome::Landed => {}
            WriteOutcome::Refused { code, why } if code != 429 => {
                if matches!(code, 401 | 403) {
                    self.fault("auto-sync", FaultKind::Forbidden, why.clone());
                }
                restoring.refused = Some(why);
            }
            WriteOutcome::Conflict { why } | WriteOutcome::Unknown { why } | WriteOutcome::Refused { why, .. } => {
                restoring.again = Some(why)
            }
        }
        self.soon();
        if !restoring.open.is_empty() {
            self.restoring = Some(restoring);
            return;
        }
        match (restoring.refused.take(), &restoring.again) {
            (None, Some(_)) if restoring.tries < TRIES => self.restoring = Some(restoring),
            (Some(why), _) => self.restored(restoring.order, Some(why)),
            (None, again) => {
                let again = again.clone();
                self.restored(restoring.order, again);
            }
        }
    }

    fn restored(&mut self, order: Order, refused: Option<String>) {
        if refused.is_none() {
            self.cleared("auto-sync");
        }
        self.answers.insert(order.id, refused);
    }

    /// A line for the record: the run's, where we drive one, else this machine's journal alone.
    fn tell(&mut self, kind: EntryKind, actor: &str, text: String, out: &mut Vec<Request>) {
        let entry = Entry { at: self.now.wall, kind, actor: actor.to_owned(), text };
        match &mut self.rollout {
            Some(r) if kind != EntryKind::Intent && self.lease.epoch(self.now).is_some() => {
                r.note(entry);
                self.log_new_lines(out);
            }
            _ => {
                self.send(Pending::Journal, Call::Journal { entry, durable: true }, out);
            }
        }
    }
}
