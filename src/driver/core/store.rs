//! Storing: intent first, by compare-and-swap.

use std::sync::Arc;

use crate::domain::command::{Command, Refusal};
use crate::domain::mutant::{Mutant, mutant};
use crate::domain::opaque::Opaque;
use crate::domain::port::{FaultKind, StoreOutcome, Stored};
use crate::domain::rollout::{Phase, Rollout};
use crate::engine::rollback;

use super::io::{Call, Request};
use super::{BREATH, Core, Pending, STORE_EVERY};

/// What was on record when it was stored or read last.
#[derive(Debug)]
pub(super) struct OnRecord {
    pub run: String,
    pub over: bool,
    epoch: u64,
    turn: u64,
}

impl OnRecord {
    fn of(r: &Rollout) -> OnRecord {
        OnRecord { run: r.id.clone(), over: r.is_over(), epoch: r.epoch, turn: r.turn }
    }

    /// Whether a record is older than this one: within an epoch turns are counted up. One that goes back is never too old.
    fn is_newer(&self, r: &Rollout) -> bool {
        (&self.run, self.epoch) == (&r.id, r.epoch) && self.turn > r.turn && !r.is_back()
    }
}

impl Core {
    /// Whether the run differs from what is stored in anything but its clocks.
    pub(super) fn is_dirty(&self) -> bool {
        match (&self.rollout, &self.stored) {
            (Some(now), Some(then)) => !is_as_stored(now, then),
            (Some(_), None) => true,
            (None, _) => false,
        }
    }

    /// Stores the run if that is worth it. Answers whether a request was sent.
    pub(super) fn store_if_worth(&mut self, out: &mut Vec<Request>) -> bool {
        let aged = self.active().is_some() && self.now.elapsed(self.stored_at) >= STORE_EVERY;
        if !(self.is_dirty() || aged || !self.spent.is_empty()) || self.is_open(Pending::Store) || !self.setup.may_write {
            return false;
        }
        self.store_now(out);
        true
    }

    /// Puts on record what is not yet, once: whoever lets go reads nothing any more, and a record that is refused then must
    /// not keep it. Answers whether a request was sent.
    pub(super) fn store_before_leaving(&mut self, out: &mut Vec<Request>) -> bool {
        let worth = self.rollout.is_some() && (self.is_dirty() || !self.spent.is_empty());
        if self.parted || !worth || !self.setup.may_write {
            return false;
        }
        self.parted = true;
        self.store_now(out);
        true
    }

    pub(super) fn store_now(&mut self, out: &mut Vec<Request>) {
        let Some(r) = &mut self.rollout else { return };
        r.epoch = self.lease.epoch(self.now).unwrap_or(r.epoch);
        // The judge's state is large: it goes into what is stored, and never into what is decided on and looked at.
        let rollout = Arc::new(Rollout { judge: Some(Opaque::of(Arc::clone(&self.judge))), ..r.clone() });
        self.stored = Some(Arc::clone(&rollout));
        self.stored_at = self.now.mono;
        self.saving.append(&mut self.unsaved);
        let call = Call::Store { rollout, expect: self.version.clone(), spent: std::mem::take(&mut self.spent) };
        self.send(Pending::Store, call, out);
    }

    pub(super) fn on_stored(&mut self, outcome: StoreOutcome, out: &mut Vec<Request>) {
        match outcome {
            StoreOutcome::Stored { version } => {
                self.version = Some(version);
                self.recorded = self.stored.as_deref().map(OnRecord::of);
                // What was read before, or is being read, is older than this.
                self.fresh.state = None;
                self.outdated = self.pending.iter().filter(|(_, p)| *p == Pending::Load).map(|(id, _)| *id).collect();
                self.saving.clear();
                self.cleared("store");
                self.send_queued(out);
                return;
            }
            // The plan was made from a state that is no longer there: nothing of it is sent.
            StoreOutcome::Conflict => self.calm.conflict(self.now.mono),
            StoreOutcome::Refused { why } => self.not_stored(FaultKind::Forbidden, why),
            StoreOutcome::Unknown { why } => self.not_stored(FaultKind::Unreachable, why),
        }
        self.stored = None;
        let later = std::mem::take(&mut self.unsaved);
        self.unsaved = std::mem::take(&mut self.saving);
        self.unsaved.extend(later);
        let back = self.rollout.as_ref().is_some_and(Rollout::is_back);
        if !back && self.is_look_old() {
            // What was decided then rested on what was seen then: gone on from is what is stored, and decided is anew.
            self.version = None;
        }
        if back {
            self.send_queued(out); // a refused record never delays a rollback
        } else {
            self.writes.drop_queue();
            if let Some(r) = &mut self.rollout {
                r.intents.clear();
            }
        }
        self.soon();
    }

    /// Begins with a state that was read a moment ago. An order that comes with it is taken before anything is read again.
    pub(super) fn begin_with(&mut self, stored: Stored) {
        self.fresh.state = Some(Some(stored));
        self.adopt_stored();
        self.next_turn = self.now.mono.plus(BREATH);
        self.next_sample = self.next_turn;
    }

    fn not_stored(&mut self, kind: FaultKind, why: String) {
        self.calm.refusal(self.now.mono, self.rollout.as_ref().is_some_and(Rollout::is_back));
        self.fault("store", kind, why);
    }

    /// Takes over what is stored, where it is not what we last stored ourselves.
    pub(super) fn adopt_stored(&mut self) {
        let Some(fresh) = self.fresh.state.take() else { return };
        self.loaded_once = true;
        let Some(stored) = fresh else {
            // Somebody deleted the state while a run was under way: ours is the newest there is.
            self.version = None;
            self.stored = None;
            return;
        };
        // Somebody may have left an order beside it and no more: what is known here since is newer.
        let same = |theirs: &Arc<Rollout>| self.stored.as_ref().is_some_and(|then| is_same(theirs, then));
        // What was decided and is not on record rested on what was seen and measured then: it is decided anew.
        let ahead = |mine: &Rollout, theirs: &Rollout| !mine.is_back() && mine.id == theirs.id && mine.turn != theirs.turn;
        let unstored =
            self.stored.is_none() && self.rollout.as_ref().zip(stored.rollout.as_ref()).is_some_and(|(mine, theirs)| ahead(mine, theirs));
        let known = self.version.as_deref() == Some(stored.version.as_str()) && !unstored;
        let ours = known || stored.rollout.as_ref().is_some_and(same);
        self.version = Some(stored.version);
        self.remote = stored.orders.into_iter().filter(|o| !self.spent.contains(&o.id) && !self.forwarded.contains_key(&o.id)).collect();
        let Some(theirs) = stored.rollout.filter(|_| !ours) else { return };
        self.lose_lease_to(theirs.epoch);
        if self.recorded.as_ref().is_some_and(|known| known.is_newer(&theirs))
            && let Some(mine) = self.rollout.as_mut().filter(|mine| mine.id == theirs.id && !mine.is_back())
        {
            // Deleted, and made anew by a request of ours that landed long after it was given up: ours is put there again.
            mine.seq = mine.seq.max(theirs.seq);
            self.stored = None;
            return;
        }
        let keep_ours = self.rollout.as_ref().is_some_and(|mine| {
            // A rollback that has begun here is never undone by an older record of the same run.
            mine.id == theirs.id && mine.is_back() && !theirs.is_back() && theirs.phase != Phase::Completed
        });
        if !keep_ours {
            self.obey_again(&theirs);
            self.restore(theirs);
        } else {
            self.stored = None;
            if let Some(mine) = &mut self.rollout {
                // Numbers that were given to writes are not given again.
                (mine.seq, mine.epoch) = (mine.seq.max(theirs.seq), mine.epoch.max(theirs.epoch));
                rollback::again(mine, "another driver went on meanwhile", self.now);
            }
            // What people gave stable since is what is gone back to.
            let sized = self.rollout.iter_mut().flat_map(|r| &mut r.targets);
            for (mine, theirs) in sized.filter_map(|(name, mine)| Some((Arc::make_mut(mine), theirs.targets.get(name)?))) {
                (mine.sized, mine.stable.replicas) = (theirs.sized, theirs.stable.replicas);
            }
        }
    }

    /// Orders that were obeyed in a state that was never stored are obeyed again in the one that is there instead.
    fn obey_again(&mut self, theirs: &Rollout) {
        let same = self.rollout.as_ref().is_some_and(|mine| mine.id == theirs.id);
        for order in std::mem::take(&mut self.unsaved) {
            let begins = matches!(order.command, Command::Start { .. } | Command::Undo { .. } | Command::Scale { .. });
            if theirs.answer(&order.id).is_some() || self.remote.iter().any(|o| o.id == order.id) {
                continue;
            }
            // Whoever rolls back what runs there means what runs there, also when it was not known yet what that is.
            let back = order.command.goes_back() && !theirs.is_over() && order.mark.as_ref().is_none_or(|mark| mark.rollout == theirs.id);
            if same || begins || back {
                self.answers.remove(&order.id);
                self.orders.push_back(order);
            } else {
                // It was meant for a run that is no longer there.
                let now = crate::engine::command::describe(theirs);
                self.answers.insert(order.id, Some(Refusal::Moved { now }.to_string()));
            }
        }
    }

    /// Goes on from a stored run. Its clocks mean nothing here, and intents without an outcome are answered by reading.
    fn restore(&mut self, stored: Arc<Rollout>) {
        let mut theirs = (*stored).clone();
        theirs.judge = None;
        theirs.ticked = None;
        if mutant(Mutant::RollbackForgotten) && matches!(theirs.phase, Phase::RollingBack { .. }) {
            theirs.phase = Phase::Progressing;
        }
        if mutant(Mutant::TargetDerivedAnew) {
            for (name, target) in &mut theirs.targets {
                if let Some(stable) = self.observed.as_ref().and_then(|o| o.workload(name, crate::domain::release::Track::Stable)) {
                    Arc::make_mut(target).stable.images.clone_from(&stable.containers);
                }
            }
        }
        let mine = self.rollout.as_ref().filter(|mine| mine.id == theirs.id);
        let news = mine.is_none();
        // How long nobody answers was seen here: a record that knows less of it takes nothing off.
        theirs.looked = mine.and_then(|mine| mine.looked);
        theirs.unserved = mine.and_then(|mine| mine.unserved).max(theirs.unserved);
        if let (true, Some(state)) = (news, &stored.judge)
            && let Some(judge) = state.read()
        {
            self.judge = Arc::new(judge);
        }
        self.recorded = Some(OnRecord::of(&stored));
        self.stored = Some(stored);
        self.last_logged = theirs.log.back().cloned();
        theirs.intents.clear();
        self.rollout = Some(theirs);
        self.face();
    }
}

/// Whether a record is the one that was stored last.
fn is_same(theirs: &Rollout, then: &Rollout) -> bool {
    let clocks = |r: &Rollout| (r.epoch, r.covered, r.most, r.unserved);
    clocks(theirs) == clocks(then) && theirs.targets == then.targets && is_as_stored(theirs, then)
}

/// Whether two states of a run differ in nothing but their clocks, what is waited for, and what is read again every turn.
/// Asked after every step: nothing is copied for it, and a new field has to be thought of here.
fn is_as_stored(now: &Rollout, then: &Rollout) -> bool {
    let Rollout {
        schema,
        id,
        release,
        plan,
        cursor,
        phase,
        turn,
        entered,
        covered: _,
        most: _,
        unserved: _,
        ticked: _,
        looked: _,
        asked,
        by_hand,
        express,
        targets: _,
        started_by,
        started,
        ended,
        cause,
        overrides,
        epoch: _,
        seq,
        intents,
        scalings,
        orders,
        log,
        waiting: _,
        trouble,
        drifts,
        reverts,
        suspensions,
        routes_back,
        errors_before,
        clean_up,
        judge: _,
    } = now;
    (turn, seq, cursor, asked, express, phase) == (&then.turn, &then.seq, &then.cursor, &then.asked, &then.express, &then.phase)
        && (log, intents, orders, scalings) == (&then.log, &then.intents, &then.orders, &then.scalings)
        && (schema, id, release, plan) == (&then.schema, &then.id, &then.release, &then.plan)
        && (entered, started, ended, clean_up) == (&then.entered, &then.started, &then.ended, &then.clean_up)
        && (started_by, cause, overrides) == (&then.started_by, &then.cause, &then.overrides)
        && *by_hand == then.by_hand
        && (trouble, routes_back, errors_before) == (&then.trouble, &then.routes_back, &then.errors_before)
        && (drifts, reverts, suspensions) == (&then.drifts, &then.reverts, &then.suspensions)
}
