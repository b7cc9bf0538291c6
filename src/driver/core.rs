//! The driver as a state machine: `step(now, input) -> requests`.
//!
//! One *turn*: read the stored state and the objects (fresh, together), apply orders, let the engine decide, store the new
//! state with the intents in it, and only then send the writes. A rollback is the exception: its route writes leave at
//! once, from memory, and the stored intent goes beside them.

mod answers;
mod calm;
mod lease;
mod reads;
mod restore;
mod rollback;
mod store;
mod turn;
mod writes;

pub mod io;
#[cfg(test)]
mod tests;
mod view;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, OnceLock};

use crate::analysis::Judge;
use crate::domain::action::WriteOutcome;
use crate::domain::command::Order;
use crate::domain::journal::{Entry, EntryKind};
use crate::domain::object::ObjectRef;
use crate::domain::observed::Observed;
use crate::domain::port::{Fault, StoreOutcome, Stored};
use crate::domain::release::{Component, Prometheus, Release};
use crate::domain::rollout::Rollout;
use crate::domain::room::Room;
use crate::domain::time::{Millis, Now};
use crate::domain::verdict::Judgement;

use calm::Calm;
use io::{Call, Input, Reply, Request};
use lease::Lease;
use restore::Restoring;
use store::OnRecord;
use writes::Writes;

/// How a driver behaves.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Setup {
    /// What the Lease calls us: `you@bastion1#4711`.
    pub holder: String,
    /// Whether anything may be written at all.
    pub may_write: bool,
    /// Whether a run found without a driver is taken up; otherwise only orders make us take the Lease.
    pub take_up: bool,
    /// How often the world is read while a run is under way.
    pub active: Millis,
    /// How often it is read otherwise.
    pub idle: Millis,
    /// Who handed its rollout over to us, if somebody did.
    #[serde(default)]
    pub after: Option<String>,
}

/// The least time between two turns, so that a burst of hints is one turn.
const BREATH: Millis = Millis(100);
/// The oldest look that anything is decided on, counted from when it was asked for: a request has ten seconds.
const OLDEST_LOOK: Millis = Millis::secs(12);
/// Said of a request without a fitting answer.
const BROKEN: &str = "the request was not carried out as it should";
/// The least time between two turns that hints may bring about, while a run is under way and otherwise: where thousands of
/// pods come and go there is always a hint.
const HINTS_APART: (Millis, Millis) = (Millis(500), Millis::secs(2));
/// How often the covered time is stored when nothing else changes.
const STORE_EVERY: Millis = Millis::secs(15);

/// The driver of one release.
#[derive(Debug)]
pub struct Core {
    setup: Setup,
    /// As declared or discovered; a run carries its own copy.
    declared: Arc<Release>,
    rollout: Option<Rollout>,
    /// Version of the stored state that `rollout` descends from.
    version: Option<String>,
    /// What was last stored, to tell what is worth storing again.
    stored: Option<Arc<Rollout>>,
    stored_at: Millis,
    /// What was on record last.
    recorded: Option<OnRecord>,
    observed: Option<Arc<Observed>>,
    observed_at: Option<Millis>,
    /// When the newest look was asked for.
    looked_at: Option<Now>,
    /// When a write was last answered: no look from before it says what became of it.
    written_at: Option<Millis>,
    /// The components as they were when the open look was asked for, and as `observed` has their roles.
    asked_as: Option<Arc<Release>>,
    looked_as: Option<Arc<Release>>,
    /// The newest that is known of the room for more pods, and when it was seen.
    room: Option<(Room, Millis)>,
    /// Whether the next look is to tell it, and whether the newest was asked to.
    wants_room: bool,
    weighs: bool,
    /// It tells of routes and Deployments only: enough to send traffic back by, and for nothing else.
    hasty: bool,
    /// Shared with the state that was stored last.
    judge: Arc<Judge>,
    /// What the judge says of the newest look: asked when somebody wants to know it.
    judgement: OnceLock<Judgement>,
    lease: Lease,
    orders: VecDeque<Order>,
    /// Orders that others left in the stored state.
    remote: Vec<Order>,
    /// Whether the stored state was read at least once.
    loaded_once: bool,
    /// Orders handed to another driver, with when.
    forwarded: BTreeMap<String, (Order, Millis)>,
    /// Which order an open request hands over.
    appending: BTreeMap<u64, String>,
    /// Orders that were obeyed and are in no stored state yet, and those in the state that is being stored.
    unsaved: Vec<Order>,
    saving: Vec<Order>,
    /// What became of orders given here: refused with why, or taken.
    answers: BTreeMap<String, Option<String>>,
    /// Orders that were taken and are answered by the run once they are carried out.
    awaited: BTreeSet<String>,
    /// Remote orders that were dealt with and can be dropped from the stored state.
    spent: Vec<String>,
    writes: Writes,
    /// Auto-sync that a person has us switch on again.
    restoring: Option<Restoring>,
    /// Objects with a write of unknown fate, with component and since when: nothing else is written before they are stamped.
    fences: BTreeMap<ObjectRef, (String, Millis)>,
    /// Objects that changed between our reading and our writing: somebody keeps writing to them.
    contested: BTreeSet<ObjectRef>,
    calm: Calm,
    /// Reads of this turn that have come back.
    fresh: Fresh,
    /// Open requests, with what each is for: a handful.
    pending: Vec<(u64, Pending)>,
    /// Reads of the stored state that were asked for before it was stored anew.
    outdated: BTreeSet<u64>,
    next_id: u64,
    next_turn: Millis,
    /// When the last turn began.
    turn_began: Option<Millis>,
    next_sample: Millis,
    /// When counters were last asked for.
    sampled_at: Millis,
    faults: BTreeMap<&'static str, (Fault, jiff::Timestamp)>,
    last_logged: Option<Arc<Entry>>,
    detaching: bool,
    /// Whether the last record before letting go was sent.
    parted: bool,
    now: Now,
}

/// The reads of one turn.
#[derive(Debug, Default)]
struct Fresh {
    /// `Some(None)`: there is no stored state.
    state: Option<Option<Stored>>,
    observed: bool,
    /// The look failed, and nothing was done about it yet.
    failed: bool,
}

/// What an open request was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pending {
    Load,
    Observe,
    Sample,
    Store,
    Lease,
    Append,
    Write,
    Restore,
    Journal,
}

impl Core {
    /// A driver that knows nothing of the world yet.
    pub fn new(setup: Setup, release: impl Into<Arc<Release>>, now: Now) -> Core {
        let declared: Arc<Release> = release.into();
        Core {
            judge: Arc::new(Judge::new(&declared)),
            judgement: OnceLock::new(),
            declared,
            setup,
            rollout: None,
            version: None,
            stored: None,
            stored_at: now.mono,
            recorded: None,
            observed: None,
            observed_at: None,
            looked_at: None,
            written_at: None,
            asked_as: None,
            looked_as: None,
            room: None,
            wants_room: false,
            weighs: false,
            hasty: false,
            lease: Lease::default(),
            orders: VecDeque::new(),
            remote: Vec::new(),
            loaded_once: false,
            forwarded: BTreeMap::new(),
            appending: BTreeMap::new(),
            unsaved: Vec::new(),
            saving: Vec::new(),
            answers: BTreeMap::new(),
            awaited: BTreeSet::new(),
            spent: Vec::new(),
            writes: Writes::default(),
            restoring: None,
            fences: BTreeMap::new(),
            contested: BTreeSet::new(),
            calm: Calm::default(),
            fresh: Fresh::default(),
            pending: Vec::new(),
            outdated: BTreeSet::new(),
            next_id: 1,
            next_turn: now.mono,
            turn_began: None,
            next_sample: now.mono,
            sampled_at: now.mono,
            faults: BTreeMap::new(),
            last_logged: None,
            detaching: false,
            parted: false,
            now,
        }
    }

    /// One input in, the requests that follow from it out. Requests are to be executed in order as far as `Journal` goes
    /// (it is durable before what comes after it is sent), otherwise side by side.
    pub fn step(&mut self, now: Now, input: Input, out: &mut Vec<Request>) {
        self.now = now;
        match input {
            Input::Tick => {}
            Input::Changed => self.take_hint(),
            Input::Weigh => self.weigh(),
            Input::Restored(stored) => self.begin_with(*stored),
            Input::Order(order) => self.take_order(order, out),
            Input::Detach => self.detach(out),
            Input::Reply { id, reply } => self.reply(id, reply, out),
        }
        self.overdue_orders(out);
        self.renew_lease(out);
        self.read_when_due(out);
        self.answer_awaited();
        self.let_go_when_done(out);
        self.log_new_lines(out);
    }

    /// When the core wants to be stepped again at the latest, if no reply comes before.
    pub fn wake_at(&self) -> Millis {
        let mut at = Millis(u64::MAX);
        if self.may_read() {
            at = at.min(self.turn_at());
        }
        if self.may_sample() {
            at = at.min(self.next_sample);
        }
        if !self.is_open(Pending::Lease) {
            at = at.min(self.lease.renew_at());
        }
        // One that is overdue and waits for the record wakes nobody.
        let due = self.forwarded.values().map(|(order, since)| since.plus(rollback::patience(order)));
        at = due.filter(|due| *due > self.now.mono).fold(at, Millis::min);
        at.max(self.now.mono)
    }

    /// Whether the driver has let go and may be dropped.
    pub fn is_detached(&self) -> bool {
        self.detaching && self.lease.is_free() && self.pending.iter().all(|(_, p)| *p == Pending::Journal)
    }

    /// The release as the run has it, else as declared.
    fn release(&self) -> &Arc<Release> {
        self.active().map_or(&self.declared, |r| &r.release)
    }

    /// The components as the newest look was made for, and told.
    fn looked_as(&self) -> &[Component] {
        self.looked_as.as_ref().map_or(&[], |release| &release.components)
    }

    /// The run, unless it is over.
    fn active(&self) -> Option<&Rollout> {
        self.rollout.as_ref().filter(|r| !r.is_over())
    }

    fn prometheus(&self) -> Option<&Prometheus> {
        self.release().prometheus.as_ref()
    }

    /// Whether nothing stands in the way of a new turn but its time.
    fn may_read(&self) -> bool {
        let open = [Pending::Load, Pending::Observe, Pending::Store].iter().any(|p| self.is_open(*p));
        !open && !self.is_writing() && !self.detaching
    }

    /// Whether writes are under way that a turn waits for.
    fn is_writing(&self) -> bool {
        self.writes.is_busy(self.is_rolling_back())
    }

    /// When the next turn is due: later than its time after a failure, but for an order, which waits for nothing.
    fn turn_at(&self) -> Millis {
        if self.orders.is_empty() && !self.wants_to_restore() { self.next_turn.max(self.calm.until()) } else { self.next_turn }
    }

    /// Whether nothing stands in the way of a new scrape but its time. A rollback that waits to begin does not share the
    /// machine and the line with counters that it does not look at.
    fn may_sample(&self) -> bool {
        let begins = self.orders.iter().any(|o| o.command.goes_back());
        self.prometheus().is_some() && !self.is_open(Pending::Sample) && !self.detaching && !begins
    }

    fn send(&mut self, pending: Pending, call: Call, out: &mut Vec<Request>) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        self.pending.push((id, pending));
        out.push(Request { id, call });
        id
    }

    fn is_open(&self, what: Pending) -> bool {
        self.pending.iter().any(|(_, p)| *p == what)
    }

    fn reply(&mut self, id: u64, reply: Reply, out: &mut Vec<Request>) {
        // An answer to a question that was not asked (or was answered) means nothing.
        let Some(place) = self.pending.iter().position(|(open, _)| *open == id) else { return };
        let (_, pending) = self.pending.remove(place);
        match (pending, reply) {
            (Pending::Load, Reply::Loaded(_)) if self.outdated.remove(&id) => {}
            (Pending::Load, Reply::Loaded(result)) => self.on_loaded(result),
            (Pending::Observe, Reply::Observed(result)) => self.on_observed(result),
            (Pending::Sample, Reply::Sampled(result)) => self.on_sampled(result),
            (Pending::Store, Reply::Stored(outcome)) => self.on_stored(outcome, out),
            (Pending::Lease, Reply::Leased(outcome)) => self.on_leased(outcome),
            (Pending::Append, Reply::Appended(result)) => self.on_appended(id, result, out),
            (Pending::Write, Reply::Written(outcome)) => self.on_written(id, outcome, out),
            (Pending::Journal, Reply::Journaled(result)) => self.on_journaled(id, result, out),
            (Pending::Restore, Reply::Written(outcome)) => self.on_restored(id, outcome, out),
            // Its execution broke: nobody knows what became of it.
            (Pending::Restore, _) => self.on_restored(id, WriteOutcome::Unknown { why: BROKEN.to_owned() }, out),
            (Pending::Write, _) => self.on_written(id, WriteOutcome::Unknown { why: BROKEN.to_owned() }, out),
            (Pending::Store, _) => self.on_stored(StoreOutcome::Unknown { why: BROKEN.to_owned() }, out),
            _ => self.fault("protocol", crate::domain::port::FaultKind::Other, BROKEN.to_owned()),
        }
        self.hurry_back(out);
        self.turn_when_read(out);
    }

    fn fault(&mut self, what: &'static str, kind: crate::domain::port::FaultKind, text: String) {
        let since = self.faults.get(what).map_or(self.now.wall, |(_, since)| *since);
        self.faults.insert(what, (Fault { kind, text }, since));
    }

    fn cleared(&mut self, what: &'static str) {
        self.faults.remove(what);
    }

    fn note(&mut self, kind: EntryKind, text: String) {
        let entry = Entry { at: self.now.wall, kind, actor: crate::engine::decide::SELF.to_owned(), text };
        if let Some(r) = &mut self.rollout {
            r.note(entry);
        }
    }

    /// Sends the run's new lines to the journal.
    pub(super) fn log_new_lines(&mut self, out: &mut Vec<Request>) {
        let Some(r) = &self.rollout else { return };
        let seen = self.last_logged.as_ref().and_then(|last| r.log.iter().rposition(|e| e == last)).map_or(0, |i| i + 1);
        let lines: Vec<Arc<Entry>> = r.log.iter().skip(seen).cloned().collect();
        if let Some(last) = lines.last() {
            self.last_logged = Some(last.clone());
        }
        for entry in lines {
            self.send(Pending::Journal, Call::Journal { entry: Arc::unwrap_or_clone(entry), durable: false }, out);
        }
    }

    fn on_journaled(&mut self, id: u64, result: Result<(), String>, out: &mut Vec<Request>) {
        let written = result.is_ok();
        match result {
            Ok(()) => self.cleared("journal"),
            Err(why) => self.fault("journal", crate::domain::port::FaultKind::Other, why),
        }
        self.on_announced(id, written, out);
    }
}
