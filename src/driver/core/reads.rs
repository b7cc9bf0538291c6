//! Reading: the stored state, the objects, the counters.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use crate::domain::command::Order;
use crate::domain::mutant::{Mutant, mutant};
use crate::domain::observed::Observed;
use crate::domain::port::{Fault, FaultKind, Haste, Stored};
use crate::domain::release::Release;
use crate::domain::sample::Scrape;
use crate::domain::time::Millis;
use crate::domain::verdict::Judgement;
use crate::engine::orient;

use super::io::{Call, Request};
use super::{BREATH, Core, Fresh, HINTS_APART, OLDEST_LOOK, Pending};

/// How often another driver's answer to an order is looked for.
const ANSWERS_APART: Millis = Millis(500);
/// How long it is told what room there was.
const ROOM_LASTS: Millis = Millis::secs(30);

impl Core {
    /// Begins a turn, and asks for counters, when their time has come.
    pub(super) fn read_when_due(&mut self, out: &mut Vec<Request>) {
        if self.now.mono >= self.turn_at() && self.may_read() {
            // What was read is known, also where no turn came of it.
            self.adopt_stored();
            self.fresh = Fresh::default();
            self.turn_began = Some(self.now.mono);
            self.looked_at = Some(self.now);
            self.next_turn = self.now.mono.plus(self.apart());
            let (namespace, release) = (self.declared.namespace.clone(), self.declared.name.clone());
            self.send(Pending::Load, Call::Load { namespace, release }, out);
            let release = Arc::clone(self.release());
            self.asked_as = Some(Arc::clone(&release));
            let haste = self.haste();
            self.weighs = haste == Haste::Rising;
            self.hasty = haste == Haste::AtOnce;
            self.wants_room = false;
            self.send(Pending::Observe, Call::Observe { release, haste }, out);
            self.watch_lease(out);
        }
        if self.now.mono >= self.next_sample && self.may_sample() {
            self.next_sample = self.now.mono.plus(self.interval());
            self.sampled_at = self.now.mono;
            let release = Arc::clone(self.release());
            self.send(Pending::Sample, Call::Sample { release }, out);
        }
    }

    /// The scrape interval, or a minute where nothing is scraped.
    fn interval(&self) -> Millis {
        self.prometheus().map_or(Millis::mins(1), |p| p.interval.max(Millis::secs(1)))
    }

    /// How the next look is waited for.
    fn haste(&self) -> Haste {
        let back = self.is_rolling_back() || self.orders.iter().any(|o| o.command.goes_back());
        let routed = self.declared.components.iter().all(|c| c.router.is_route());
        let rises = self.wants_room || self.orders.iter().any(|o| o.command.may_raise());
        match back {
            true if self.active().is_none() && routed => Haste::AtOnce,
            true => Haste::Back,
            false if rises => Haste::Rising,
            false if self.active().is_some() || !self.orders.is_empty() || self.restoring.is_some() => Haste::Waited,
            false => Haste::Calm,
        }
    }

    /// Time from one turn to the next, when nothing happens.
    fn apart(&self) -> Millis {
        match (self.forwarded.is_empty(), self.active()) {
            (false, _) => ANSWERS_APART.min(self.setup.active),
            (true, Some(_)) => self.setup.active,
            // An order waits, or the end of a run that is ours to put on record.
            (true, None) if !self.orders.is_empty() || (self.lease.epoch(self.now).is_some() && self.is_dirty()) => self.setup.active,
            (true, None) => self.setup.idle,
        }
    }

    pub(super) fn on_loaded(&mut self, result: Result<Option<Stored>, Fault>) {
        match result {
            Ok(stored) => {
                self.cleared("state");
                self.fresh.state = Some(stored);
            }
            Err(fault) => {
                // A state that cannot be read never stands in the way of a rollback; everything else waits.
                self.fault("state", fault.kind, fault.text);
                self.fresh.state = None;
            }
        }
    }

    pub(super) fn on_observed(&mut self, result: Result<Arc<Observed>, Fault>) {
        match result {
            Ok(mut observed) => {
                self.cleared("cluster");
                self.observed_at = Some(self.now.mono);
                self.fresh.observed = true;
                self.looked_as = self.asked_as.take();
                self.keep_room(&mut observed);
                self.observed = Some(observed);
                self.heed_stamps();
                self.face();
                self.notice(); // what follows from it is judged in the turn
            }
            Err(fault) => {
                self.calm.refusal(self.now.mono, true);
                self.fault("cluster", fault.kind, fault.text);
                self.fresh.observed = mutant(Mutant::StaleLook) && self.observed.is_some();
                self.fresh.failed = true;
                self.judge_anew(); // what is known grows old
            }
        }
    }

    pub(super) fn on_sampled(&mut self, result: Result<Scrape, String>) {
        match result {
            Ok(scrape) => {
                self.cleared("metrics");
                let release = self.release().clone();
                let judge = Arc::make_mut(&mut self.judge);
                judge.feed(&release, &scrape);
                judge.heard_at(self.sampled_at);
            }
            Err(why) => {
                Arc::make_mut(&mut self.judge).outage(&why, self.now.wall);
                self.fault("metrics", FaultKind::Unreachable, why);
            }
        }
        self.judge_anew();
    }

    /// Whether the look shows what was long ago: the machine slept while its answer lay there. The wall clock tells, where the
    /// monotonic one stood still.
    pub(super) fn is_look_old(&self) -> bool {
        self.looked_at.is_none_or(|at| self.now.elapsed(at.mono).max(self.now.since(at.wall)) > OLDEST_LOOK)
    }

    /// The judge learns what the cluster shows: weights, versions, restarts.
    pub(super) fn notice(&mut self) {
        if let Some(observed) = &self.observed {
            let run = self.rollout.as_ref().filter(|r| !r.is_over());
            Arc::make_mut(&mut self.judge).notice(run.map_or(&self.declared, |r| &r.release), observed, self.now);
        }
    }

    /// The newest look with the roles that a run's release has; `None` when it was a look at other things.
    pub(super) fn seen_by(&self, release: &Release) -> Option<Arc<Observed>> {
        let seen = self.observed.as_ref()?;
        Some(match orient::facing(release, self.looked_as(), seen)? {
            Cow::Borrowed(_) => Arc::clone(seen),
            Cow::Owned(turned) => Arc::new(turned),
        })
    }

    /// Tells the newest look with the roles that the release has now: of the run under way, else of whichever colour serves.
    /// Whenever one of the two changes.
    pub(super) fn face(&mut self) {
        if self.release().components != self.looked_as()
            && let Some(turned) = self.seen_by(self.release())
        {
            self.looked_as = Some(Arc::clone(self.release()));
            self.observed = Some(turned);
        }
        if self.active().is_none()
            && self.declared.components == self.looked_as()
            && let Some((release, observed)) = self.observed.as_ref().and_then(|o| orient::turned(&self.declared, o))
        {
            (self.declared, self.observed) = (Arc::new(release), Some(Arc::new(observed)));
            self.looked_as = Some(Arc::clone(&self.declared));
        }
    }

    /// What is known now is judged anew, once somebody wants to know it: many looks only tell that nothing is to be done.
    pub(super) fn judge_anew(&mut self) {
        self.judgement = OnceLock::new();
    }

    /// What the judge says; nothing before the first look.
    pub(super) fn judgement(&self) -> &Judgement {
        let Some(observed) = &self.observed else { return const { &Judgement::NOTHING } };
        self.judgement.get_or_init(|| self.judge.judge(self.active().map_or(&self.declared, |r| &r.release), observed, self.now))
    }

    /// What room there was is told for a while, so that whoever weighs a step goes on seeing it.
    fn keep_room(&mut self, observed: &mut Arc<Observed>) {
        if let Some(room) = &observed.room {
            self.room = Some((room.clone(), self.now.mono));
        } else if let Some((room, _)) = self.room.as_ref().filter(|(_, at)| self.now.elapsed(*at) <= ROOM_LASTS) {
            Arc::make_mut(observed).room = Some(room.clone());
        }
    }

    /// Somebody thinks of a step: the next look, which comes soon, tells what room there is.
    pub(super) fn weigh(&mut self) {
        self.wants_room = true;
        self.take_hint();
    }

    /// Something changed: looks sooner, but not all the time.
    pub(super) fn take_hint(&mut self) {
        let apart = if self.active().is_some() { HINTS_APART.0 } else { HINTS_APART.1 };
        let rested = self.turn_began.map_or(Millis::ZERO, |began| began.plus(apart));
        self.next_turn = self.next_turn.min(self.now.mono.plus(BREATH).max(rested));
    }

    /// Looks again soon.
    pub(super) fn soon(&mut self) {
        self.next_turn = self.next_turn.min(self.now.mono.plus(BREATH));
    }

    /// An order waits for the next turn, which comes at once.
    pub(super) fn queue(&mut self, order: Order) {
        self.orders.push_back(order);
        self.next_turn = self.now.mono;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::port::LeaseOutcome;
    use crate::domain::time::Now;
    use crate::driver::core::Setup;
    use crate::driver::core::io::{Input, Reply};
    use crate::engine::world::{World, canary};

    #[test]
    fn hints_bring_a_look_sooner_but_not_all_the_time() {
        let world = World::new(canary(&["web"]));
        let setup =
            Setup { holder: "a".into(), may_write: true, take_up: true, active: Millis::secs(2), idle: Millis::secs(20), after: None };
        let mut core = Core::new(setup, world.release.clone(), world.now);
        let mut looks = vec![];
        for n in 0..100 {
            let now = Now { mono: Millis(100 * n), ..world.now };
            let mut out = vec![];
            core.step(now, Input::Changed, &mut out);
            while let Some(Request { id, call }) = out.pop() {
                let reply = match call {
                    Call::Load { .. } => Reply::Loaded(Ok(None)),
                    Call::Observe { haste, .. } => {
                        assert_eq!(haste, Haste::Calm, "nothing is under way");
                        looks.push(now.mono.0);
                        Reply::Observed(Ok(Arc::new(world.observe())))
                    }
                    Call::Lease { .. } => Reply::Leased(LeaseOutcome::Free),
                    other => panic!("{other:?}"),
                };
                core.step(now, Input::Reply { id, reply }, &mut out);
            }
        }
        assert_eq!(looks, [0, 2_000, 4_000, 6_000, 8_000]);
    }
}
