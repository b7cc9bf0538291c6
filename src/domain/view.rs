//! What a face shows of a driver: a snapshot after each step.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::checklist::Checklist;
use super::journal::Entry;
use super::observed::Observed;
use super::port::Fault;
use super::release::Release;
use super::rollout::Rollout;
use super::time::{Millis, Now};
use super::verdict::Judgement;

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
    pub release: Arc<Release>,
    /// The last run, over or not.
    pub rollout: Option<Rollout>,
    /// Journal lines of what was done while no run was on record.
    pub aside: Vec<Arc<Entry>>,
    /// Whether the stored state was read: before that, no run is no news.
    pub loaded: bool,
    /// The newest look at the objects.
    pub observed: Option<Arc<Observed>>,
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
    /// Whether the run is on record as it stands here, clocks aside.
    pub saved: bool,
    /// Writes planned or under way.
    pub writes: usize,
    /// Whether nothing may be written.
    pub read_only: bool,
}
