//! What a face shows of a driver: a snapshot after each step.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::domain::checklist::Checklist;
use crate::domain::command::Order;
use crate::domain::observed::Observed;
use crate::domain::port::Fault;
use crate::domain::release::Release;
use crate::domain::rollout::Rollout;
use crate::domain::time::{Millis, Now};
use crate::domain::verdict::Judgement;
use crate::engine::{self, Preview};

use super::Core;

/// Who drives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Driver {
    /// We do.
    Us {
        /// Our name in the Lease.
        holder: String,
        /// Our epoch.
        epoch: u64,
    },
    /// Somebody else does.
    Other {
        /// Their name in the Lease.
        holder: String,
        /// How long ago we last saw the Lease change.
        seen: Millis,
    },
    /// Nobody: nobody will roll back by itself.
    Nobody,
}

/// A snapshot of a driver.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// When it was taken.
    pub now: Now,
    /// The release: as the run has it, else as declared.
    pub release: Release,
    /// The last run, over or not.
    pub rollout: Option<Rollout>,
    /// The newest look at the objects.
    pub observed: Option<Observed>,
    /// How old it is.
    pub observed_age: Option<Millis>,
    /// What the gates say.
    pub judgement: Judgement,
    /// Who drives.
    pub driver: Driver,
    /// What became of the orders given here: `None` taken, `Some` refused with why.
    pub answers: BTreeMap<String, Option<String>>,
    /// What does not work, by subject, and since when.
    pub faults: BTreeMap<String, (Fault, Timestamp)>,
    /// The rollback under way, or the last one.
    pub checklist: Option<Checklist>,
    /// Writes planned or under way.
    pub writes: usize,
    /// Whether nothing may be written.
    pub read_only: bool,
}

impl Core {
    /// A snapshot.
    pub fn view(&self) -> View {
        let driver = match (self.lease.epoch(self.now.mono), self.lease.other(self.now.mono)) {
            (Some(epoch), _) => Driver::Us { holder: self.setup.holder.clone(), epoch },
            (None, Some((holder, seen))) if self.lease.other_is_alive(self.now.mono) => Driver::Other { holder: holder.to_owned(), seen },
            _ => Driver::Nobody,
        };
        View {
            now: self.now,
            release: self.release().clone(),
            checklist: self.rollout.as_ref().and_then(|r| engine::checklist(r, self.observed.as_ref(), &self.judgement, self.now)),
            rollout: self.rollout.clone(),
            observed: self.observed.clone(),
            observed_age: self.observed_at.map(|at| self.now.elapsed(at)),
            judgement: self.judgement.clone(),
            driver,
            answers: self.answers.clone(),
            faults: self.faults.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect(),
            writes: self.writes.len(),
            read_only: !self.setup.may_write,
        }
    }
}

impl View {
    /// What an order would do, from what is in memory.
    pub fn preview(&self, order: &Order) -> Preview {
        engine::preview(&self.release, self.rollout.as_ref(), self.observed.as_ref(), order, self.now)
    }
}
