//! What a process may send, held against what it knows and what is on record.

use cutover::domain::action::Action;
use cutover::domain::journal::EntryKind;
use cutover::domain::port::{LEASE_DURATION, LeaseAsk};
use cutover::domain::release::Track;
use cutover::domain::rollout::{Phase, Rollout};
use cutover::domain::testers::TestersMove;
use cutover::domain::time::Millis;
use cutover::domain::view::Driver;
use cutover::driver::core::io::{Call, Request};

use super::taken::LATEST;
use super::{Entered, Laws, seq};
use crate::run::process::{Process, number};
use crate::world::World;

/// The oldest fact that a step forward may rest on: a look may take ten seconds, and what follows from it a moment; clocks run
/// two percent slow.
const FRESH: Millis = Millis(12_400);

impl Laws {
    /// A request leaves.
    pub fn sends(&mut self, process: &Process, call: &Call, world: &World) {
        let writes = match call {
            Call::Write { .. } | Call::Store { .. } | Call::Append { .. } | Call::Journal { .. } => true,
            Call::Lease { ask, .. } => *ask != LeaseAsk::Read,
            _ => false,
        };
        if writes && !process.may_write {
            return self.broken("R1", world.now, format!("{} only watches and sends {call:?}", process.name()));
        }
        if matches!(call, Call::Lease { ask: LeaseAsk::Acquire { .. }, .. }) {
            self.taken_from(process, world.now);
        }
        self.held_in(world.lease.epoch, world.now);
        if let Call::Store { rollout, .. } = call {
            self.stored_in(rollout);
            self.ends_in(process, rollout, world.now);
            let others = |e: &&mut Entered| e.run == rollout.id && e.who != process.who();
            self.entered.iter_mut().filter(others).for_each(|e| e.alone = false);
        }
        if let Call::Store { rollout, .. } = call
            && self.entry(rollout).is_none()
        {
            let napping = process.nap.map_or(Millis::ZERO, |since| world.now.minus(since));
            let (run, cursor, who) = (rollout.id.clone(), rollout.cursor, process.who());
            self.entered.push(Entered {
                run,
                cursor,
                since: rollout.entered,
                at: world.now,
                who,
                slept: process.slept.plus(napping),
                alone: true,
            });
        }
        if let Call::Write { action, stamp, .. } = call {
            self.write_sent(process, action, stamp, world);
        }
    }

    /// What is sent to be stored may be on record much later, or never.
    fn ends_in(&mut self, process: &Process, rollout: &Rollout, now: Millis) {
        let key = (process.name(), rollout.id.clone());
        if rollout.is_back() {
            self.sent_back.entry(key.clone()).or_insert(now);
        }
        if rollout.is_over() {
            self.sent_over.entry(key).or_insert(now);
        } else {
            self.sent_over.remove(&key);
        }
    }

    fn write_sent(&mut self, process: &Process, action: &Action, stamp: &str, world: &World) {
        let now = world.now;
        if matches!(action, Action::RestoreSync { .. }) {
            return self.asked_to_restore(process, action, world);
        }
        let run = process.core.rollout();
        let goes_back = run.is_some_and(|run| run.is_back());
        if !process.intents.contains(&seq(stamp)) && !(process.unwritten && goes_back) {
            self.broken("A1", now, format!("write {stamp} without an intent in the journal: {action}"));
        }
        self.stamped(action, stamp, run, now);
        if goes_back || matches!(action, Action::Fence { .. }) {
            return;
        }
        if let Some((object, _)) = process.unfenced.iter().find(|(_, at)| now.minus(**at) < LATEST) {
            self.broken("P5", now, format!("what became of a write to {object} is not known, nor is it stamped: {action}"));
        }
        if process.unwritten {
            self.broken("A3", now, format!("a step forward while the journal takes no line: {action}"));
        }
        if world.run().is_some_and(|r| r.seq < seq(stamp)) && !self.state_lost {
            self.broken("A1", now, format!("write {stamp} was never stored as intended: {action}"));
        }
        if !process.open.is_empty() {
            self.broken("P11", now, format!("a second write while the first is not answered: {action}"));
        }
        self.rests_on_facts(process, action, run, world);
        self.rests_on_a_word(action, world);
        self.after_the_suspension(process, action, world);
        self.drives(&process.core.driver(), action, stamp, world);
    }

    /// Nothing rises while the run is paused, but by a person's word.
    fn rests_on_a_word(&mut self, action: &Action, world: &World) {
        let Action::Route { facts, weight, testers, .. } = action else { return };
        let paused = world.run().is_some_and(|r| matches!(r.phase, Phase::Paused { .. }));
        // Where everything goes to the candidate testers are there already.
        let more = facts.rises_to(*weight) || (*testers == TestersMove::Add && facts.stable > 0);
        if paused && more && !self.stepped_back && !self.by_hand.contains(&weight.percent()) {
            self.broken("T7", world.now, format!("raised while paused: {action}"));
        }
    }

    /// Only who truly holds the Lease goes forward, in its epoch.
    fn drives(&mut self, driver: &Driver, action: &Action, stamp: &str, world: &World) {
        let Driver::Us { holder: me, .. } = driver else {
            return self.broken("C2", world.now, format!("a write without the Lease: {action}"));
        };
        // With its namespace the Lease goes, too.
        if self.was_taken_lately(world.now) || world.gone {
            return;
        }
        if world.lease.holder.as_deref() != Some(me) {
            self.broken("C2", world.now, format!("{me} writes while {:?} holds the Lease: {action}", world.lease.holder));
        } else if super::epoch_of(stamp) != world.lease.epoch && !self.repeats {
            self.broken("C2", world.now, format!("{me} writes {stamp} in epoch {}: {action}", world.lease.epoch));
        }
    }

    /// Somebody who was told to take the run over asks for the Lease, and does so soon.
    fn taken_from(&mut self, process: &Process, now: Millis) {
        let soon = |at: Millis| self.wrong_clock || now.minus(at) <= Millis::secs(32);
        if self.take_over.get(&process.who()).is_some_and(|at| soon(*at)) {
            self.last_take_over = Some(now);
        }
    }

    /// Whoever is taken over learns of it with its next renewal; and who slept by no clock cannot know.
    fn was_taken_lately(&self, now: Millis) -> bool {
        let taken = self.last_take_over.is_some_and(|at| now.minus(at) <= LEASE_DURATION.plus(Millis::secs(10)));
        taken || (self.wrong_clock && self.stands_still)
    }

    /// Nobody says that it drives while another holds the Lease.
    pub fn claims(&mut self, process: &Process, world: &World) {
        let Some(holder) =
            world.lease.holder.as_deref().filter(|holder| !self.repeats && !process.holds(holder) && !self.was_taken_lately(world.now))
        else {
            return;
        };
        if process.may_write && matches!(process.core.driver(), Driver::Us { .. }) {
            self.broken("C2", world.now, format!("{} says that it drives while {holder} holds the Lease", process.name()));
        }
    }

    /// Going forward rests on a fresh look, and on pods that bear it.
    fn rests_on_facts(&mut self, process: &Process, action: &Action, run: Option<&Rollout>, world: &World) {
        let now = world.now;
        let Some((at, seen)) = &process.look else {
            return self.broken("C3", now, format!("a write without any look: {action}"));
        };
        let untold = self.wrong_clock && self.stands_still;
        if now.minus(*at) > FRESH && !untold {
            return self.broken("C3", now, format!("a write on a look {} s old: {action}", now.minus(*at).0 as f64 / 1000.0));
        }
        let Action::Route { component, facts, weight, .. } = action else { return };
        let by_ratio = world.part(component).is_some_and(|p| p.by_ratio());
        if by_ratio || !facts.rises_to(*weight) {
            return;
        }
        let whole = run.and_then(|r| r.targets.get(component)).map_or(1, |t| t.stable.replicas.max(1));
        let ready = seen.workload(component, Track::Candidate).map_or(0, |w| w.ready_addresses);
        // Half again of what a stable pod got at the start is the most that is taken on trust.
        if ready == 0 || u32::from(weight.percent()) * whole > ready * 150 {
            self.broken("T2", now, format!("{weight} on {ready} ready pods where stable had {whole}: {action}"));
        }
    }

    /// A write was answered: its outcome is written down at once.
    pub fn outcome(&mut self, process: &Process, seq: u64, out: &[Request], now: Millis) {
        let said = out.iter().any(
            |r| matches!(&r.call, Call::Journal { entry, .. } if entry.kind == EntryKind::Outcome && number(&entry.text) == Some(seq)),
        );
        if !said {
            self.broken("A1", now, format!("{}: the outcome of write #{seq} was not written down", process.name()));
        }
    }
}
