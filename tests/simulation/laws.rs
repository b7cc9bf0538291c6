//! What must hold whatever happens. Each law has the name that the design gives it; the first one that is broken ends a run.
//!
//! The laws know the true world and every message, and nothing of how the engine decides.

mod auto_sync;
mod end;
mod hands;
mod landed;
mod sends;
mod served;
mod stored;
mod taken;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use cutover::domain::action::Action;
use cutover::domain::command::{Command, Order};
use cutover::domain::rollout::Rollout;
use cutover::domain::time::Millis;
use cutover::driver::core::io::Call;

use crate::run::Life;
use crate::run::process::Process;
use crate::script::{Fault, Script};
use crate::world::World;

/// A write on its way.
#[derive(Clone, Debug)]
pub struct Sent {
    pub from: Life,
    pub call: Call,
    /// When it left, or reached the server for the first time.
    pub at: Millis,
}

/// A law that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    pub law: &'static str,
    pub at: Millis,
    pub text: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {:.3} s: {}", self.law, self.at.0 as f64 / 1000.0, self.text)
    }
}

/// A component's numbers around a write.
#[derive(Clone, Debug, PartialEq)]
pub struct Look {
    stable_part: u32,
    candidate_part: u32,
    foreign: u32,
    /// Whether testers go to the candidate, whatever the weights say.
    testers: bool,
    /// Since when another route sends there.
    neighbour: Option<Millis>,
    replicas: [u32; 2],
    scaled: [bool; 2],
    share: f64,
}

/// A rollback that somebody asked for.
#[derive(Clone, Debug)]
struct Asked {
    at: Millis,
    run: String,
    who: usize,
    /// Too late for a run that ended meanwhile.
    only_under_way: bool,
    /// Whether it was over already, as that process knew it.
    over: bool,
    /// Whether the process lived on long enough to do it.
    lived: bool,
}

/// A step that was entered.
#[derive(Clone, Debug)]
struct Entered {
    run: String,
    cursor: usize,
    /// When that was, by the clock of whoever entered it: a step may be entered again.
    since: jiff::Timestamp,
    /// When that was first to be stored.
    at: Millis,
    /// By whom, and how long that process had slept until then.
    who: usize,
    slept: Millis,
    /// Whether nobody else has driven it since.
    alone: bool,
}

/// The laws and what they remember.
pub struct Laws {
    found: Option<Violation>,
    /// The highest epoch with a write of its own that landed.
    acted: u64,
    /// Components whose route was taken back in the run of this name.
    taken_back: BTreeMap<String, String>,
    /// When somebody else last wrote to a component's objects.
    meddled: Vec<Millis>,
    /// Whether there ever was a reason to roll back by itself.
    cause: bool,
    /// Whether something stands in the way that only people can remove.
    obstacle: bool,
    /// Whether a clock was ever wrong: then there may be no fresh data, and a hold may last.
    wrong_clock: bool,
    /// When each process, of one life, first sent a run to be stored as one that goes back, and as one that is over.
    sent_back: BTreeMap<(String, String), Millis>,
    sent_over: BTreeMap<(String, String), Millis>,
    /// By how much wall clocks were set back, all in all.
    set_back: Millis,
    /// Whether neither clock may tell how long a machine slept: one stood still, and the other was set meanwhile.
    stands_still: bool,
    /// By how much one process' clock runs faster than another's, ppm.
    apart: u64,
    /// Weights that people asked for, and whether one stepped back.
    by_hand: BTreeSet<u8>,
    stepped_back: bool,
    /// Whether people scaled, and their orders to accept what somebody else did.
    sized: bool,
    accepts: BTreeSet<String>,
    /// Weights that came by such an order.
    accepted: BTreeSet<u8>,
    /// The newest turn of a run on record, and who put it there.
    newest: Option<(String, u64, String)>,
    /// Orders with the turn that their mark named.
    marks: BTreeMap<String, (String, u64)>,
    backs: Vec<Asked>,
    /// The steps that were entered, in order.
    entered: Vec<Entered>,
    /// When each run was first on record as one that goes back, or taken back.
    went_back: BTreeMap<String, Millis>,
    /// Since when what a run asks for now is on record.
    asked_since: BTreeMap<String, Millis>,
    /// Somebody damaged or deleted the stored state.
    state_lost: bool,
    /// Since when the new version fails.
    bad_since: Option<Millis>,
    /// Whether there ever was a reason to pause by itself.
    pause_cause: bool,
    /// Whether requests may take effect twice, or after they were given up: then a Lease may change under its holder.
    repeats: bool,
    /// When somebody else last deployed another version to a candidate.
    replaced: Option<Millis>,
    /// When somebody else last set a weight that nobody has decided on since, by component.
    foreign: Vec<Option<Millis>>,
    /// When somebody else took the testers' rule away, or resumed a Deployment that rests at its share, and nobody has decided on
    /// it since.
    undone: Vec<Option<Millis>>,
    /// In which run, and when, somebody else last restarted a candidate whose pod template was on record, and nobody has decided on
    /// it since.
    restarted: Vec<Option<(String, Millis)>>,
    /// When a driver last got a sample that told everything.
    pub sampled: Option<Millis>,
    /// When somebody last ordered something, and to take a run over from whoever drives it.
    last_order: Millis,
    last_take_over: Option<Millis>,
    /// By whom that was ordered, and when.
    take_over: BTreeMap<usize, Millis>,
    auto_sync: auto_sync::AutoSync,
    taken: taken::Taken,
    served: served::Served,
}

/// The number in a stamp.
pub fn seq(stamp: &str) -> u64 {
    stamp.split('.').next_back().and_then(|s| s.parse().ok()).unwrap_or(0)
}

fn epoch_of(stamp: &str) -> u64 {
    stamp.split('.').next().and_then(|s| s.parse().ok()).unwrap_or(0)
}

impl Laws {
    pub fn new(script: &Script) -> Laws {
        Laws {
            found: None,
            acted: 0,
            taken_back: BTreeMap::new(),
            meddled: vec![Millis::ZERO; 2],
            cause: script.nature.bad || script.nature.broken,
            obstacle: script.git.is_some(),
            wrong_clock: false,
            stands_still: script.stands_still,
            apart: script.skew.iter().max().zip(script.skew.iter().min()).map_or(0, |(fast, slow)| fast.abs_diff(*slow)),
            by_hand: BTreeSet::new(),
            stepped_back: false,
            sized: false,
            accepts: BTreeSet::new(),
            accepted: BTreeSet::new(),
            newest: None,
            marks: BTreeMap::new(),
            backs: vec![],
            entered: vec![],
            went_back: BTreeMap::new(),
            asked_since: BTreeMap::new(),
            state_lost: false,
            bad_since: script.nature.bad.then_some(Millis::ZERO),
            pause_cause: script.faults.values().any(|f| matches!(f, Fault::Refused(401 | 403))),
            repeats: script.faults.values().any(|f| matches!(f, Fault::Twice(_) | Fault::Late(_))),
            replaced: None,
            foreign: vec![None; 2],
            undone: vec![None; 2],
            restarted: vec![None; 2],
            sent_back: BTreeMap::new(),
            sent_over: BTreeMap::new(),
            set_back: Millis::ZERO,
            sampled: None,
            last_order: Millis::ZERO,
            last_take_over: None,
            take_over: BTreeMap::new(),
            auto_sync: auto_sync::AutoSync::default(),
            taken: taken::Taken::default(),
            served: served::Served::default(),
        }
    }

    pub fn is_broken(&self) -> bool {
        self.found.is_some()
    }

    pub fn violation(&self) -> Option<&Violation> {
        self.found.as_ref()
    }

    /// Since when the new version fails.
    pub fn bad_since(&self) -> Option<Millis> {
        self.bad_since
    }

    fn broken(&mut self, law: &'static str, at: Millis, text: impl Into<String>) {
        if self.found.is_none() {
            self.found = Some(Violation { law, at, text: text.into() });
        }
    }

    /// The numbers of the component that an action is about.
    pub fn look(&self, world: &World, action: &Action) -> Option<Look> {
        Look::at(world, action.component())
    }

    /// An order was given.
    pub fn ordered(&mut self, process: &Process, order: &Order, world: &World) {
        if order.command == Command::RestoreSync {
            return self.restore_ordered(process.who()); // it is no order to the run
        }
        self.last_order = world.now;
        self.sized |= matches!(order.command, Command::Scale { .. });
        if order.command == Command::AcceptDrift {
            self.accepts.insert(order.id.clone());
        }
        if !matches!(order.command, Command::Pause) {
            self.foreign.fill(None);
            self.undone.fill(None);
            self.restarted.fill(None);
        } else if world.run().is_some_and(|r| r.release.strategy.is_in_place()) {
            self.undone.fill(None); // what turns in place is paused by that very word
        }
        // These are no step of the run that was seen: to begin another one, to scale, to drive.
        let own = matches!(order.command, Command::Start { .. } | Command::Undo { .. } | Command::Scale { .. } | Command::TakeOver);
        if let Some(mark) = order.mark.as_ref().filter(|_| !own) {
            self.marks.insert(order.id.clone(), (mark.rollout.clone(), mark.turn));
        }
        match &order.command {
            Command::SetWeight(weight) => {
                self.by_hand.insert(weight.percent());
            }
            Command::StepBack => self.stepped_back = true,
            Command::TakeOver => drop(self.take_over.insert(process.who(), world.now)),
            _ => {}
        }
        let run = world.run();
        if order.command.goes_back() {
            self.cause = true;
            if let Some(run) = run.filter(|r| !r.is_over() && process.may_write) {
                let only_under_way = order.command == Command::Reject;
                let over = self.sent_over.contains_key(&(process.name(), run.id.clone()));
                self.backs.push(Asked { at: world.now, run: run.id.clone(), who: process.who(), only_under_way, over, lived: true });
            }
        }
    }

    /// A rollback was ordered: the routes of all components leave in the same step, before anything is read or stored.
    pub fn left_at_once(&mut self, due: &[String], sent: &[String], world: &World) {
        if let Some(late) = due.iter().find(|name| !sent.contains(name)) {
            self.broken("L2", world.now, format!("a rollback was ordered and {late} did not leave at once"));
        }
    }

    /// A process died, left or fell asleep: what was asked of it just now may be lost.
    pub fn died(&mut self, who: usize, now: Millis) {
        let lately = |b: &&mut Asked| b.who == who && now.minus(b.at) < Millis::secs(20);
        self.backs.iter_mut().filter(lately).for_each(|b| b.lived = false);
    }

    /// Whether a run may stand still, and say so.
    fn is_obstructed(&self) -> bool {
        self.obstacle || self.wrong_clock
    }

    /// When a step of a run was last entered.
    fn entry(&self, run: &Rollout) -> Option<&Entered> {
        self.entered.iter().find(|e| e.run == run.id && e.cursor == run.cursor && e.since == run.entered)
    }

    /// Whether somebody else wrote to a component since a moment.
    fn was_meddled(&self, world: &World, component: &str, since: Millis) -> bool {
        let place = world.parts.iter().position(|p| p.declared.name == component);
        place.and_then(|n| self.meddled.get(n)).is_some_and(|at| *at >= since && *at > Millis::ZERO)
    }
}

impl Look {
    pub fn at(world: &World, component: &str) -> Option<Look> {
        let part = world.part(component)?;
        let route = part.route.as_ref();
        let replicas = [&part.stable, &part.candidate].map(|d| d.as_ref().map_or(0, |d| d.replicas));
        Some(Look {
            stable_part: route.map_or(0, |r| r.stable),
            candidate_part: route.map_or(0, |r| r.candidate),
            foreign: route.map_or(0, |r| r.foreign),
            testers: route.is_some_and(|r| r.testers),
            neighbour: part.neighbour.and_then(|n| n.since),
            replicas,
            scaled: [&part.stable, &part.candidate].map(|d| d.as_ref().is_some_and(|d| d.scaler.is_some())),
            share: if part.by_ratio() {
                share(replicas[0], replicas[1])
            } else {
                share(route.map_or(0, |r| r.stable), route.map_or(0, |r| r.candidate))
            },
        })
    }
}

fn share(stable: u32, candidate: u32) -> f64 {
    if stable + candidate == 0 { 0.0 } else { f64::from(candidate) / f64::from(stable + candidate) }
}
