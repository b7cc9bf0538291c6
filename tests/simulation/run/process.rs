//! A process that drives, or watches: a core, its clocks, its disk.

use std::collections::BTreeMap;
use std::sync::Arc;

use cutover::domain::action::{Action, WriteOutcome};
use cutover::domain::command::Mark;
use cutover::domain::journal::{Entry, EntryKind};
use cutover::domain::object::ObjectRef;
use cutover::domain::observed::Observed;
use cutover::domain::release::Track;
use cutover::domain::sample::{Scrape, Series};
use cutover::domain::time::{Millis, Now};
use cutover::driver::core::io::{Input, Reply};
use cutover::driver::core::{Core, Setup};
use cutover::engine::decide::LONGEST_GAP;

use crate::script::Script;
use crate::world::{World, epoch};

const NAMES: [&str; 3] = ["ada", "bob", "eve"];

pub struct Process {
    who: usize,
    pub core: Core,
    pub alive: Option<u32>,
    lives: u32,
    pub may_write: bool,
    /// When it was started, and how fast its clock runs.
    born: Millis,
    skew: i64,
    /// Whether its monotonic clock stands still while it sleeps, and for how long that did.
    stands_still: bool,
    pub stood: Millis,
    /// By how much its wall clock is wrong, ms.
    off: i64,
    pub tick_at: Option<Millis>,
    pub sleeps_until: Millis,
    pub missed: Vec<Input>,
    /// How long it stays away when it has left.
    pub away: Millis,
    /// Since when it sleeps.
    pub nap: Option<Millis>,
    /// Time it slept, all in all, as far as no look covers it.
    pub slept: Millis,
    /// The disk takes nothing until then.
    pub disk_full_until: Millis,
    /// The Lease does not answer until then.
    pub lease_down_until: Millis,
    /// Whether the last line could not be written.
    pub unwritten: bool,
    /// Numbers of the intents on its disk.
    pub intents: Vec<u64>,
    /// The newest look, and when its request was carried out.
    pub look: Option<(Millis, Arc<Observed>)>,
    /// Looks on their way back, by when they were made.
    pub looking: Vec<(u64, Millis)>,
    /// When the newest sample that told everything was delivered.
    pub sampled: Option<Millis>,
    /// The writes that are open.
    pub open: Vec<Open>,
    /// What was written to, and nobody told what became of it: since when, until it is stamped.
    pub unfenced: BTreeMap<ObjectRef, Millis>,
    /// Requests that suspend an Application's auto-sync, each with the run that it was sent for.
    pub suspending: Vec<(u64, Option<String>)>,
    /// What an earlier screen showed.
    pub earlier: Option<Mark>,
}

/// A write that is not answered yet.
#[derive(Clone)]
pub struct Open {
    id: u64,
    seq: u64,
    object: ObjectRef,
    fence: bool,
    beside: bool,
}

impl Open {
    pub fn of(id: u64, action: &Action, stamp: &str) -> Open {
        let fence = matches!(action, Action::Fence { .. });
        Open { id, seq: crate::laws::seq(stamp), object: action.object(), fence, beside: action.is_beside() }
    }
}

impl Process {
    pub fn all(script: &Script, world: &World) -> Vec<Process> {
        let wanted = [true, script.second, script.watcher];
        let here = (0..3).filter(|n| wanted[*n]);
        here.enumerate().map(|(who, n)| Process::new(who, n, script, world)).collect()
    }

    fn new(who: usize, role: usize, script: &Script, world: &World) -> Process {
        let may_write = role < 2;
        Process {
            who,
            core: core(NAMES[role], 0, may_write, world, Now { mono: Millis::ZERO, wall: epoch() }),
            alive: None,
            lives: 0,
            may_write,
            born: Millis::ZERO,
            skew: script.skew[role],
            stands_still: script.stands_still,
            stood: Millis::ZERO,
            off: 0,
            tick_at: None,
            sleeps_until: Millis::ZERO,
            missed: vec![],
            away: Millis::ZERO,
            nap: None,
            slept: Millis::ZERO,
            disk_full_until: Millis::ZERO,
            lease_down_until: Millis::ZERO,
            unwritten: false,
            intents: vec![],
            look: None,
            looking: vec![],
            sampled: None,
            open: vec![],
            unfenced: BTreeMap::new(),
            suspending: vec![],
            earlier: None,
        }
    }

    /// Begins a new life, with an empty head and the disk it had.
    pub fn begin(&mut self, world: &World) -> u32 {
        self.lives += 1;
        (self.alive, self.born) = (Some(self.lives), world.now);
        self.stood = Millis::ZERO;
        let now = self.local(world.now);
        let name = if self.may_write { NAMES[self.who.min(1)] } else { NAMES[2] };
        self.core = core(name, self.lives, self.may_write, world, now);
        (self.tick_at, self.sleeps_until, self.look, self.sampled, self.earlier) = (None, Millis::ZERO, None, None, None);
        (self.missed, self.looking, self.open, self.suspending, self.slept) = (vec![], vec![], vec![], vec![], Millis::ZERO);
        self.unfenced.clear();
        (self.unwritten, self.nap, self.away) = (false, None, Millis::ZERO);
        self.lives
    }

    pub fn name(&self) -> String {
        format!("{}{}#{}", NAMES[self.who.min(2)], if self.may_write { "" } else { " (watches)" }, self.lives)
    }

    /// What it calls itself in the Lease.
    pub fn holds(&self, lease: &str) -> bool {
        self.core.holder() == lease
    }

    pub fn who(&self) -> usize {
        self.who
    }

    /// What its clocks show.
    pub fn local(&self, truth: Millis) -> Now {
        let since = truth.minus(self.born).0 as i64;
        let awake = since - self.stood.0 as i64;
        let mono = 1_000 + awake + awake * self.skew / 1_000_000;
        let wall = epoch().as_millisecond() + truth.0 as i64 + since * self.skew / 1_000_000 + self.off;
        Now { mono: Millis(mono as u64), wall: jiff::Timestamp::from_millisecond(wall).unwrap() }
    }

    /// When its monotonic clock shows a time.
    pub fn truth(&self, mono: Millis) -> Millis {
        if mono.0 > 1 << 40 {
            return Millis(1 << 40);
        }
        let since = (mono.0 as i64 - 1_000).max(0) * 1_000_000;
        let rate = 1_000_000 + self.skew;
        Millis(self.born.0 + self.stood.0 + (since.div_euclid(rate) + 1) as u64)
    }

    /// It wakes: how long it slept counts for the laws, and for its clock.
    pub fn woke(&mut self, now: Millis) {
        let nap = self.nap.take().map_or(Millis::ZERO, |since| now.minus(since));
        if nap > LONGEST_GAP {
            self.slept = self.slept.plus(nap);
        }
        if self.stands_still {
            self.stood = self.stood.plus(nap);
        }
    }

    pub fn jump(&mut self, by: i64) {
        self.off += by;
    }

    /// A line for its journal.
    pub fn write_line(&mut self, entry: &Entry, now: Millis) -> Result<(), String> {
        self.unwritten = now < self.disk_full_until;
        if self.unwritten {
            return Err("no space left on device".into());
        }
        if entry.kind == EntryKind::Intent {
            self.intents.extend(number(&entry.text));
        }
        Ok(())
    }

    /// Remembers what an answer told, for the laws. Answers with the number of the write whose outcome it is.
    pub fn take_note(&mut self, id: u64, reply: &Reply, now: Millis) -> Option<u64> {
        match reply {
            Reply::Observed(Ok(seen)) => {
                let made = self.looking.iter().find(|(n, _)| *n == id).map_or(now, |(_, at)| *at);
                self.look = Some((made, Arc::clone(seen)));
            }
            Reply::Sampled(result) => {
                // What is new is new also to a clock that was ahead when it asked.
                let truly = (epoch() + now.duration()).as_millisecond();
                let new = |s: &Scrape, at: i64| s.asked.as_millisecond().min(truly) - at <= 2 * s.interval.0 as i64;
                let tells = |s: &Scrape, one: &Series| one.samples.last().is_some_and(|last| last.value.is_finite() && new(s, last.at_ms));
                let whole = |s: &Scrape| s.series.iter().any(|one| one.track == Track::Candidate && tells(s, one));
                if result.as_ref().is_ok_and(whole) {
                    self.sampled = Some(now);
                }
            }
            Reply::Written(outcome) => {
                let place = self.open.iter().position(|o| o.id == id)?;
                let open = self.open.remove(place);
                match outcome {
                    WriteOutcome::Unknown { .. } if !open.beside => drop(self.unfenced.insert(open.object, now)),
                    WriteOutcome::Landed if open.fence => drop(self.unfenced.remove(&open.object)),
                    _ => {}
                }
                return Some(open.seq);
            }
            _ => {}
        }
        self.looking.retain(|(n, _)| *n != id);
        None
    }
}

/// The number in a line that begins with `#7 `.
pub fn number(text: &str) -> Option<u64> {
    text.strip_prefix('#')?.split(' ').next()?.parse().ok()
}

fn core(name: &str, life: u32, may_write: bool, world: &World, now: Now) -> Core {
    let setup = Setup {
        holder: format!("{name}@host#{life}"),
        may_write,
        take_up: true,
        active: Millis::secs(4),
        idle: Millis::secs(20),
        after: None,
    };
    Core::new(setup, world.release.clone(), now)
}
