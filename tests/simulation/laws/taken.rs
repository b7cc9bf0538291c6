//! Whoever takes a run over stamps every object of it before it goes forward: what the driver before had on its way fails then.

use std::collections::{BTreeMap, BTreeSet};

use cutover::domain::action::Action;
use cutover::domain::object::{Kind, ObjectRef};
use cutover::domain::rollout::Rollout;
use cutover::domain::time::Millis;

use super::{Laws, epoch_of};

/// A write that is older can no longer land, and nobody has to guard against it.
pub(super) const LATEST: Millis = Millis::secs(60);

/// Who wrote to what.
#[derive(Default)]
pub struct Taken {
    /// The epoch in which each run was first stored.
    begun: BTreeMap<String, u64>,
    /// Of each epoch, when it began and what it wrote to.
    wrote: BTreeMap<u64, (Millis, BTreeSet<ObjectRef>)>,
}

impl Laws {
    /// The Lease is in this epoch.
    pub(super) fn held_in(&mut self, epoch: u64, now: Millis) {
        self.taken.wrote.entry(epoch).or_insert_with(|| (now, BTreeSet::new()));
    }

    /// A state is sent to be stored.
    pub(super) fn stored_in(&mut self, rollout: &Rollout) {
        // Nothing written before what it plans now: it begins here, also where the same order began it once before.
        let begins = usize::try_from(rollout.seq).is_ok_and(|seq| seq == rollout.intents.len());
        if begins || !self.taken.begun.contains_key(&rollout.id) {
            self.taken.begun.insert(rollout.id.clone(), rollout.epoch);
        }
    }

    /// A write leaves; `run` is what its process knows of the run.
    pub(super) fn stamped(&mut self, action: &Action, stamp: &str, run: Option<&Rollout>, now: Millis) {
        let epoch = epoch_of(stamp);
        let (since, mut objects) = self.taken.wrote.entry(epoch).or_insert_with(|| (now, BTreeSet::new())).clone();
        if let Some(r) = run
            && !r.is_back()
            && !r.is_over()
            && !matches!(action, Action::Fence { .. })
            && !self.state_lost
            && self.taken.begun.get(&r.id).is_some_and(|begun| *begun > 0 && *begun < epoch)
            && now.minus(since) < LATEST
        {
            let missing: Vec<String> = of(r).filter(|object| !objects.contains(object)).map(|object| object.to_string()).collect();
            if !missing.is_empty() {
                let missing = missing.join(", ");
                self.broken("P4", now, format!("epoch {epoch} took over and goes forward with {missing} unstamped: {action}"));
            }
        }
        objects.insert(action.object());
        self.taken.wrote.insert(epoch, (since, objects));
    }
}

/// The objects of a run.
fn of(r: &Rollout) -> impl Iterator<Item = ObjectRef> {
    let deployment = |name: &String| ObjectRef::new(Kind::Deployment, r.release.namespace.clone(), name.clone());
    r.release.components.iter().flat_map(move |c| {
        let route = r.targets.get(&c.name).and_then(|t| t.route.as_ref()).map(|facts| facts.object.clone());
        route.into_iter().chain([&c.stable].into_iter().chain(&c.candidate).map(deployment))
    })
}
