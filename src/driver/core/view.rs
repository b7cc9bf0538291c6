//! The snapshot that faces are given.

use crate::domain::observed::Observed;
use crate::domain::port::Fault;
use crate::domain::rollout::Rollout;
use crate::domain::view::{Driver, View};
use crate::engine;

use super::{Core, Pending};

impl Core {
    /// What we call ourselves in the Lease.
    pub fn holder(&self) -> &str {
        &self.setup.holder
    }

    /// Who drives, as far as is known here.
    pub fn driver(&self) -> Driver {
        match (self.lease.epoch(self.now), self.lease.other(self.now.mono)) {
            (Some(epoch), _) => Driver::Us { holder: self.setup.holder.clone(), epoch },
            (None, Some((holder, seen))) if self.lease.other_is_alive(self.now.mono) => Driver::Other { holder: holder.to_owned(), seen },
            _ => Driver::Nobody,
        }
    }

    /// The run, as far as one is known.
    pub fn rollout(&self) -> Option<&Rollout> {
        self.rollout.as_ref().filter(|r| !r.is_blank())
    }

    /// What was last seen of the objects.
    pub fn observed(&self) -> Option<&Observed> {
        self.observed.as_deref()
    }

    /// What last went wrong with something, `state` or `store` for one, if it still does.
    pub fn trouble(&self, what: &str) -> Option<&Fault> {
        self.faults.get(what).map(|(fault, _)| fault)
    }

    /// A snapshot.
    pub fn view(&self) -> View {
        View {
            now: self.now,
            release: self.release().clone(),
            checklist: self.rollout.as_ref().and_then(|r| engine::checklist(r, self.observed.as_deref(), self.judgement(), self.now)),
            rollout: self.rollout().cloned(),
            aside: self.rollout.iter().filter(|r| r.is_blank()).flat_map(|r| r.log.iter().cloned()).collect(),
            loaded: self.loaded_once,
            observed: self.observed.clone(),
            observed_age: self.observed_at.map(|at| self.now.elapsed(at)),
            judgement: self.judgement().clone(),
            driver: self.driver(),
            answers: self.answers.clone(),
            faults: self.faults.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect(),
            saved: !self.is_dirty() && !self.is_open(Pending::Store),
            writes: self.writes.len(),
            read_only: !self.setup.may_write,
        }
    }
}
