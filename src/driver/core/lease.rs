//! The Lease: who drives. Validity is measured on our monotonic clock from *before* a renewal was sent.

use crate::domain::command::{Command, Order};
use crate::domain::holder::{person, shown};
use crate::domain::journal::{EntryKind, TOOK_OVER};
use crate::domain::mutant::{Mutant, mutant};
use crate::domain::port::{FaultKind, LEASE_DURATION, LeaseAsk, LeaseOutcome};
use crate::domain::time::{Millis, Now};
use crate::engine::drift;

use super::io::{Call, Request};
use super::{Core, Pending};

/// How often it is renewed.
const RENEW_EVERY: Millis = Millis::secs(5);
/// How soon it is asked for again after it was not given.
const ASK_AGAIN: Millis = Millis::secs(1);
/// How long after it was said the Lease is taken from another driver: some tries, and no more.
const TAKE_OVER_WITHIN: Millis = Millis::secs(30);
/// No write is sent when less than this is left.
const MARGIN: Millis = Millis::secs(3);
/// A stamp that claims a later epoch than this was written by nobody of ours: a Lease counts in 32 bits.
const IMPLAUSIBLE: u64 = 1 << 30;

/// What we know of the Lease.
#[derive(Debug, Default)]
pub(super) struct Lease {
    /// Our epoch and when the last successful request for it was sent.
    held: Option<(u64, Now)>,
    /// Somebody else's: who, the object's version, and since when we have seen that version.
    other: Option<(String, String, Millis)>,
    /// When the open request was sent.
    asked_at: Option<Now>,
    /// Set while letting go.
    leaving: bool,
    /// When to ask again.
    next: Millis,
    /// Not to be asked for before, after it was refused or nothing was answered.
    not_before: Millis,
    /// The open request only looks.
    looking: bool,
    /// Whose Lease the open request takes, as a person said.
    seizing: Option<String>,
    /// Whose Lease was taken for an order that is not obeyed yet.
    seized: Option<String>,
    /// It is new, and what another driver may have written to is not stamped yet.
    unstamped: bool,
    /// A newer driver's record was met: the Lease is no longer ours, and whose it is comes with the next look.
    lost: bool,
}

impl Lease {
    /// Our epoch, while the Lease is surely ours: by the monotonic clock, and by the wall clock too, since the former stands
    /// still while a laptop sleeps. Once it is asked to be released, anybody may have it.
    pub fn epoch(&self, now: Now) -> Option<u64> {
        let fresh = |at: &Now| now.elapsed(at.mono).max(now.since(at.wall)).plus(MARGIN) < LEASE_DURATION || mutant(Mutant::LeaseForEver);
        self.held.filter(|(_, at)| fresh(at) && !self.leaving).map(|(epoch, _)| epoch)
    }

    pub fn is_free(&self) -> bool {
        self.held.is_none()
    }

    pub fn renew_at(&self) -> Millis {
        self.held.map_or(Millis(u64::MAX), |(_, at)| at.mono.plus(RENEW_EVERY).max(self.next))
    }

    pub fn not_before(&self) -> Millis {
        self.not_before
    }

    /// Another driver, and how long ago its Lease was last seen to change.
    pub fn other(&self, now: Millis) -> Option<(&str, Millis)> {
        self.other.as_ref().map(|(holder, _, at)| (holder.as_str(), now.minus(*at)))
    }

    /// Whether another driver is alive as far as we can tell.
    pub fn other_is_alive(&self, now: Millis) -> bool {
        self.other(now).is_some_and(|(_, age)| age < LEASE_DURATION)
    }
}

impl Core {
    fn ask_lease(&mut self, ask: LeaseAsk, out: &mut Vec<Request>) {
        if self.is_open(Pending::Lease) {
            return;
        }
        self.lease.asked_at = Some(self.now);
        self.lease.looking = ask == LeaseAsk::Read;
        self.lease.seizing = None;
        let release = self.declared.name.clone();
        let (namespace, holder) = (self.declared.namespace.clone(), self.setup.holder.clone());
        self.send(Pending::Lease, Call::Lease { namespace, release, holder, ask }, out);
    }

    pub(super) fn renew_lease(&mut self, out: &mut Vec<Request>) {
        if let Some((epoch, _)) = self.lease.held
            && !self.lease.leaving
            && !self.is_open(Pending::Lease)
            && self.now.mono >= self.lease.renew_at()
        {
            self.ask_lease(LeaseAsk::Renew { epoch }, out);
            self.lease.next = self.now.mono.plus(Millis::secs(1));
        }
    }

    /// Asks for the Lease when it is free or its holder was not heard of for its whole duration; otherwise looks again.
    /// Answers whether it is ours.
    pub(super) fn hold_lease(&mut self, out: &mut Vec<Request>) -> bool {
        if self.lease.epoch(self.now).is_some() {
            return true;
        }
        if self.now.mono < self.lease.not_before {
            return false;
        }
        let expired = match &self.lease.other {
            Some((_, version, at)) if self.now.elapsed(*at) >= LEASE_DURATION => Some(version.clone()),
            _ => None,
        };
        self.ask_lease(LeaseAsk::Acquire { expired, after: self.epoch_on_record() }, out);
        false
    }

    /// Takes the Lease from a driver that is alive, at the version that was read last; where that was renewed meanwhile, the
    /// answer brings the newer one and it is asked for again.
    pub(super) fn seize_lease(&mut self, out: &mut Vec<Request>) {
        let Some((holder, version, _)) = self.lease.other.clone() else { return };
        if self.is_open(Pending::Lease) || self.now.mono < self.lease.not_before {
            return;
        }
        self.ask_lease(LeaseAsk::Acquire { expired: Some(version), after: self.epoch_on_record() }, out);
        self.lease.seizing = Some(holder);
    }

    /// Stamps of a new epoch are to be higher than all before, whatever became of the Lease that counted them.
    fn epoch_on_record(&self) -> u64 {
        self.rollout.as_ref().map_or(0, |r| r.epoch).max(self.epoch_on_objects())
    }

    /// The newest epoch that has written to what was looked at, by its stamps.
    fn epoch_on_objects(&self) -> u64 {
        let seen = self.observed.iter().flat_map(|o| o.components.values());
        let stamps = seen.flat_map(|c| {
            let sides = [&c.stable, &c.candidate].map(|w| w.as_ref().and_then(|w| w.stamp.as_deref()));
            sides.into_iter().chain([c.route.as_ref().ok().and_then(|f| f.stamp.as_deref())])
        });
        let epochs = stamps.flatten().filter_map(|stamp| stamp.split_once('.')?.0.parse().ok());
        epochs.filter(|epoch| *epoch < IMPLAUSIBLE).max().unwrap_or(0)
    }

    /// A stamp of a later epoch than ours says that somebody has taken over and acted. Its record may not have landed yet, and our
    /// next renewal, which tells it, may be seconds away.
    pub(super) fn heed_stamps(&mut self) {
        if !mutant(Mutant::LeaseForEver) {
            self.lose_lease_to(self.epoch_on_objects());
        }
    }

    /// Whether somebody said to take the Lease from whoever holds it.
    pub(super) fn is_taking_over(&self) -> bool {
        self.orders.iter().any(|o| o.command == Command::TakeOver)
    }

    /// Whoever said so meant it then: a machine that slept since takes nothing from anybody.
    pub(super) fn refuse_late_take_over(&mut self) {
        let now = self.now;
        let late = |o: &Order| o.command == Command::TakeOver && now.since(o.at) > TAKE_OVER_WITHIN;
        let (late, rest) = std::mem::take(&mut self.orders).into_iter().partition(late);
        self.orders = rest;
        for order in <Vec<Order>>::from(late) {
            let why = format!("asked {} ago, and not done until now: ask again, if it is still meant", now.since(order.at));
            self.answers.insert(order.id, Some(why));
        }
    }

    /// Says whose Lease it was, once the order that took it is on record.
    pub(super) fn tell_take_over(&mut self) {
        let (Some(from), Some(epoch)) = (self.lease.seized.clone(), self.lease.epoch(self.now)) else { return };
        self.note(EntryKind::Lease, format!("taken over from {} by {} (epoch {epoch})", shown(&from), person(&self.setup.holder)));
    }

    /// A state that a newer driver stored is proof that the Lease changed hands.
    pub(super) fn lose_lease_to(&mut self, epoch: u64) {
        if self.lease.held.is_some_and(|(mine, _)| mine < epoch) {
            (self.lease.held, self.lease.lost, self.lease.next) = (None, true, self.now.mono);
            self.writes.drop_queue();
        }
    }

    /// Stamps what another driver had, as soon as both are there: the Lease, and the run. The record may have been read last.
    pub(super) fn stamp_what_is_taken_over(&mut self) {
        let (Some((epoch, _)), Some(r), true) = (self.lease.held, self.active(), self.lease.unstamped) else { return };
        let (others, known) = (r.epoch > 0 && r.epoch != epoch, r.epoch);
        self.lease.unstamped = false;
        if others {
            self.stamp_everything();
            self.ask_where_the_record_is_lost(known);
        }
    }

    /// Whoever drove after the record that is known here left stamps; the record itself is gone.
    fn ask_where_the_record_is_lost(&mut self, known: u64) {
        let lost = self.loaded_once && self.stored.is_none() && self.epoch_on_objects() > known;
        if let Some(r) = self.rollout.as_mut().filter(|_| lost) {
            drift::ask_about_lost_record(r, self.observed.as_deref(), self.now);
        }
    }

    pub(super) fn watch_lease(&mut self, out: &mut Vec<Request>) {
        if self.lease.held.is_none() && self.now.mono >= self.lease.next {
            self.ask_lease(LeaseAsk::Read, out);
            self.lease.next = self.now.mono.plus(Millis::secs(5));
        }
    }

    pub(super) fn on_leased(&mut self, outcome: LeaseOutcome) {
        if !matches!(outcome, LeaseOutcome::Refused { .. } | LeaseOutcome::Unknown { .. }) {
            self.cleared("lease");
        }
        match outcome {
            // Our own name, by an earlier life or a namesake: it is for taking, which raises the epoch.
            LeaseOutcome::Held { .. } if self.lease.looking => self.lease.other = None,
            LeaseOutcome::Held { epoch } => {
                let epoch = if mutant(Mutant::EpochKept) { epoch.min(1) } else { epoch };
                let news = self.lease.held.is_none_or(|(e, _)| e != epoch);
                self.lease.held = Some((epoch, self.lease.asked_at.unwrap_or(self.now)));
                let before = self.lease.other.take();
                self.lease.lost = false;
                if news {
                    self.lease.unstamped = true;
                    self.stamp_what_is_taken_over();
                    self.lease.seized = self.lease.seizing.take();
                }
                if news && self.lease.seized.is_none() {
                    let after = match (self.setup.after.take(), before) {
                        (Some(holder), _) => format!(", handed over by {holder}"),
                        (None, Some((holder, ..))) => format!(" after {holder}"),
                        (None, None) => String::new(),
                    };
                    self.note(EntryKind::Lease, format!("{} drives (epoch {epoch}){after}", self.setup.holder));
                }
            }
            LeaseOutcome::Free => (self.lease.held, self.lease.other, self.lease.leaving) = (None, None, false),
            LeaseOutcome::Taken { holder, version, .. } => {
                let lost = std::mem::take(&mut self.lease.lost);
                if self.lease.held.take().is_some() || lost {
                    self.note(EntryKind::Lease, format!("{} {TOOK_OVER}: nothing more is written here", shown(&holder)));
                    self.writes.drop_queue();
                }
                let since = self.lease.other.as_ref().filter(|(_, v, _)| *v == version).map_or(self.now.mono, |(_, _, at)| *at);
                self.lease.other = Some((holder, version, since));
            }
            LeaseOutcome::Refused { why } => {
                self.lease.not_before = self.now.mono.plus(ASK_AGAIN);
                self.refuse_without_lease(&why);
                self.fault("lease", FaultKind::Forbidden, why);
            }
            LeaseOutcome::Unknown { why } => {
                self.lease.not_before = self.now.mono.plus(ASK_AGAIN);
                self.fault("lease", FaultKind::Unreachable, why);
            }
        }
    }

    /// Stops after what is in flight, and one last try to store what is not.
    pub(super) fn detach(&mut self, out: &mut Vec<Request>) {
        self.detaching = true;
        self.writes.drop_queue();
        if self.setup.may_write && self.is_dirty() && !self.is_open(Pending::Store) && self.lease.epoch(self.now).is_some() {
            self.store_now(out);
        }
    }

    /// Lets go of the Lease when asked to stop, or when there is nothing left to drive.
    pub(super) fn let_go_when_done(&mut self, out: &mut Vec<Request>) {
        let Some((epoch, _)) = self.lease.held else { return };
        let idle = !mutant(Mutant::LeaseKept)
            && self.active().is_none()
            && self.orders.is_empty()
            && self.rollout.as_ref().is_none_or(|r| r.clean_up.is_none() && r.scalings.is_empty());
        if self.writes.is_busy(false) || self.is_open(Pending::Store) || self.is_open(Pending::Lease) {
            return;
        }
        if self.detaching && self.store_before_leaving(out) {
            return;
        }
        if (self.detaching || (idle && !self.is_dirty())) && !self.lease.leaving {
            self.lease.leaving = true;
            self.ask_lease(LeaseAsk::Release { epoch }, out);
        } else if self.lease.leaving {
            // The answer was lost: it runs out by itself.
            (self.lease.held, self.lease.leaving) = (None, false);
        }
    }
}
