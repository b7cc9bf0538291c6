//! One run of a script: events in the order of the true time, one thread, nothing else.

mod faults;
mod happen;
mod morning;
mod people;
pub mod process;
mod queue;

use cutover::domain::action::{Action, WriteOutcome};
use cutover::domain::rollout::{Phase, Rollout};
use cutover::domain::step::Step;
use cutover::domain::time::Millis;
use cutover::driver::core::io::{Call, Input, Reply, Request};

use crate::laws::{Laws, Sent};
use crate::report::Coverage;
use crate::script::{Script, TROUBLE};
use crate::world::{Application, World};
use process::Process;
use queue::Queue;

/// How long a request may linger before nobody waits for it any more.
pub const DEADLINE: Millis = Millis::secs(5);

/// Something that is to come.
#[derive(Debug)]
enum Event {
    /// A request reaches the server.
    Arrive { to: Life, number: u64, request: Box<Request> },
    /// An answer reaches the process.
    Answer { to: Life, id: u64, reply: Box<Reply> },
    /// A process wanted to be woken.
    Tick(Life),
    /// A write lands after everybody gave it up, or a second time.
    Land(Box<Sent>),
    /// The script goes on.
    Happen(usize),
    /// A process starts again.
    Start(usize),
    /// People look at the screen.
    People,
    /// GitOps looks at the routes.
    Git,
}

/// One life of a process: what is meant for an earlier one is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life {
    who: usize,
    life: u32,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    Done,
    RolledBack,
    Parked,
    /// Nothing was begun.
    Nothing,
}

pub struct Run<'a> {
    script: &'a Script,
    pub world: World,
    pub laws: Laws,
    pub coverage: Coverage,
    processes: Vec<Process>,
    events: Queue<Event>,
    requests: u64,
    orders: u64,
    /// Writes that landed, and steps that were taken: where a process can be killed.
    pub landed: u64,
    pub steps: u64,
    /// A process dies at this step, or at this landed write.
    pub kill_at_step: Option<u64>,
    pub kill_at_landing: Option<u64>,
    /// When what lands now was sent, if that was long ago.
    sent_at: Option<Millis>,
    /// Components whose route was sent back, in order.
    sent_back: Vec<String>,
    /// How many that were when a suspension left last.
    beside: Option<usize>,
    /// One line for every step, for a determinism check and for people.
    pub trace: Option<Vec<String>>,
}

impl<'a> Run<'a> {
    pub fn new(script: &'a Script) -> Run<'a> {
        let mut world = World::new(script.shape.release(), script.nature, script.total);
        world.application = script.application.map(Application::healing);
        let mut run = Run {
            laws: Laws::new(script),
            coverage: Coverage::default(),
            processes: Process::all(script, &world),
            world,
            script,
            events: Queue::new(),
            requests: 0,
            orders: 0,
            landed: 0,
            steps: 0,
            kill_at_step: None,
            kill_at_landing: None,
            sent_at: None,
            sent_back: vec![],
            beside: None,
            trace: None,
        };
        run.at(Millis(10), Event::Start(0));
        for who in 1..run.processes.len() {
            run.at(Millis(2_000 + 500 * who as u64), Event::Start(who));
        }
        for (n, (at, _)) in script.happenings.iter().enumerate() {
            run.at(*at, Event::Happen(n));
        }
        run.at(Millis::secs(5), Event::People);
        // GitOps looks at everything now and then, also before anybody writes.
        script.git.iter().for_each(|after| run.at(Millis(after.0 % 1_000), Event::Git));
        run
    }

    /// Runs to the end, and until everything that may still land has landed.
    pub fn go(&mut self) -> End {
        let end = TROUBLE.plus(self.patience());
        self.until(end, |run| run.world.now > TROUBLE && run.is_quiet());
        let end = self.end();
        self.laws.at_the_end(&self.world, &self.processes, end, self.script);
        let fights = self.script.git.is_some() && self.script.git_holds > 0;
        if self.script.morning && !fights && matches!(end, End::Parked | End::Nothing) && !self.laws.is_broken() {
            self.morning();
        }
        end
    }

    /// Goes on until a moment, or until it is `over`.
    fn until(&mut self, end: Millis, over: impl Fn(&Run<'_>) -> bool) {
        while let Some((at, event)) = self.events.pop_until(end).filter(|_| !self.laws.is_broken()) {
            self.world.advance(at);
            self.happen(event);
            if over(self) {
                break;
            }
        }
    }

    /// Twice all holds and a minute, and the time a candidate may take to come up.
    fn patience(&self) -> Millis {
        let slow = if self.script.nature.broken { Millis::mins(12) } else { Millis::mins(2) };
        Millis(self.script.shape.bake().0 * 2).plus(Millis::secs(60)).plus(slow)
    }

    /// Whether nothing is to come any more but people looking.
    fn is_quiet(&self) -> bool {
        let Some(run) = self.rollout() else { return false };
        let over = run.is_over() && run.clean_up.is_none() && self.world.lease.holder.is_none();
        // Nobody resumes or approves any more.
        let waits = matches!(run.phase, Phase::Paused { .. }) || matches!(run.step(), Some(Step::Approve(_))) && !self.script.approver;
        // A version that begins to fail is seen to, whatever waits.
        let since = self.laws.bad_since().map_or(TROUBLE, |at| TROUBLE.max(at.plus(Millis::secs(60))));
        let parked = waits && self.world.now > since.plus(Millis::secs(75));
        (over || parked)
            && !self.laws.awaits(self.world.now)
            && !self.events.iter().any(|e| matches!(e, Event::Land(_) | Event::Happen(_) | Event::Git))
    }

    pub fn rollout(&self) -> Option<&Rollout> {
        self.world.run()
    }

    /// Some trouble was met.
    fn met(&mut self, class: &'static str) {
        self.coverage.met(class, self.world.run());
    }

    fn end(&self) -> End {
        match self.rollout().map(|r| &r.phase) {
            None => End::Nothing,
            Some(Phase::Completed) => End::Done,
            Some(Phase::RolledBack) => End::RolledBack,
            Some(_) => End::Parked,
        }
    }

    fn at(&mut self, at: Millis, event: Event) {
        self.events.push(at.max(self.world.now), event);
    }

    fn after(&mut self, time: Millis, event: Event) {
        self.at(self.world.now.plus(time), event);
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Arrive { to, number, request } => self.arrive(to, number, *request),
            Event::Answer { to, id, reply } => self.input(to, Input::Reply { id, reply: *reply }),
            Event::Tick(to) => {
                if self.processes[to.who].tick_at == Some(self.world.now) {
                    self.catch_up(to);
                    self.input(to, Input::Tick);
                }
            }
            Event::Land(sent) => self.land_late(&sent),
            Event::Happen(n) => self.happening(n),
            Event::Start(who) => self.start(who),
            Event::People => self.people(),
            Event::Git => self.git(),
        }
    }

    /// One step of a process. What it asks for goes out in order; the journal is written before anything after it is sent.
    fn input(&mut self, to: Life, input: Input) {
        let now = self.world.now;
        let Some(process) = self.processes.get_mut(to.who).filter(|p| p.alive == Some(to.life)) else { return };
        if now < process.sleeps_until {
            process.missed.push(input);
            return;
        }
        process.woke(now);
        self.steps += 1;
        if self.kill_at_step == Some(self.steps) {
            return self.kill(to.who, Millis::secs(20));
        }
        let mut out = vec![];
        let local = process.local(now);
        if let Input::Reply { id, reply: Reply::Written(outcome) } = &input
            && let Some((_, run)) = process.suspending.iter().find(|(request, _)| request == id)
        {
            self.laws.suspension(outcome, run.clone());
        }
        let answered = if let Input::Reply { id, reply } = &input { process.take_note(*id, reply, now) } else { None };
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{:>9.3} {} {}", now.0 as f64 / 1000.0, process.name(), described(&input)));
        }
        let looked = matches!(input, Input::Reply { reply: Reply::Observed(Ok(_)), .. });
        process.core.step(local, input, &mut out);
        if let Some(trace) = &mut self.trace {
            trace.extend(out.iter().map(|r| format!("{:>24} {}", format!("→ #{}", r.id), told(&r.call))));
        }
        self.laws.claims(&self.processes[to.who], &self.world);
        if looked {
            self.laws.looked(&self.processes[to.who], &self.world);
        }
        if let Some(at) = self.processes[to.who].sampled.filter(|_| self.processes[to.who].may_write) {
            self.laws.sampled = self.laws.sampled.max(Some(at));
        }
        if let Some(seq) = answered {
            self.laws.outcome(&self.processes[to.who], seq, &out, now);
        }
        for request in out {
            self.send(to, request);
        }
        self.wake(to.who);
    }

    /// What came while it slept is read when it wakes.
    fn catch_up(&mut self, to: Life) {
        let process = &mut self.processes[to.who];
        if process.alive == Some(to.life) && self.world.now >= process.sleeps_until {
            process.woke(self.world.now);
            for input in std::mem::take(&mut process.missed) {
                self.input(to, input);
            }
        }
    }

    /// Asks to be woken when the process wants it.
    fn wake(&mut self, who: usize) {
        let Some(process) = self.processes.get_mut(who) else { return };
        let Some(life) = process.alive else { return };
        if process.core.is_detached() {
            process.alive = None;
            let away = process.away;
            return self.after(away, Event::Start(who));
        }
        let at = process.truth(process.core.wake_at()).max(self.world.now.plus(Millis(1)));
        if process.tick_at != Some(at) {
            process.tick_at = Some(at);
            self.at(at, Event::Tick(Life { who, life }));
        }
    }

    fn send(&mut self, from: Life, request: Request) {
        let now = self.world.now;
        if self.processes[from.who].alive != Some(from.life) {
            return; // it died between two requests of one step
        }
        self.laws.sends(&self.processes[from.who], &request.call, &self.world);
        if let Call::Journal { entry, .. } = &request.call {
            let reply = Reply::Journaled(self.processes[from.who].write_line(entry, now));
            return self.after(Millis::ZERO, Event::Answer { to: from, id: request.id, reply: Box::new(reply) });
        }
        if let Call::Write { stamp, action, .. } = &request.call {
            match &**action {
                Action::Route { component, weight, .. } if weight.percent() == 0 => self.sent_back.push(component.clone()),
                Action::SuspendSync { .. } => {
                    self.beside = Some(self.sent_back.len());
                    let run = self.run_of(from.who);
                    self.processes[from.who].suspending.push((request.id, run));
                }
                _ => {}
            }
            if !matches!(**action, Action::RestoreSync { .. }) {
                self.processes[from.who].open.push(process::Open::of(request.id, action, stamp));
            }
        }
        self.requests += 1;
        let number = self.requests;
        // A request takes 5 to 40 ms there, by its number; two of one step may overtake each other.
        let there = Millis(5 + (number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) % 36);
        self.route(from, number, request, there);
    }

    /// A write takes effect, and is held against the laws.
    fn land(&mut self, sent: &Sent) -> WriteOutcome {
        let Call::Write { action, precondition, stamp } = &sent.call else { return unknown() };
        let before = self.laws.look(&self.world, action);
        let outcome = self.world.apply(action, *precondition, stamp);
        if outcome == WriteOutcome::Landed {
            self.landed += 1;
            self.laws.landed(sent, before, &self.world);
            if matches!(**action, Action::Route { .. } | Action::RestoreSync { .. }) {
                self.git_is_told();
            }
            if matches!(**action, Action::SuspendSync { .. }) {
                self.laws.suspension(&outcome, self.run_of(sent.from.who));
            }
            if self.kill_at_landing == Some(self.landed) {
                self.kill(sent.from.who, Millis::secs(20));
            }
        }
        outcome
    }
}

pub fn unknown() -> WriteOutcome {
    WriteOutcome::Unknown { why: "nothing within 5 s".into() }
}

impl Life {
    pub fn who(self) -> usize {
        self.who
    }

    pub fn life(self) -> u32 {
        self.life
    }
}

fn described(input: &Input) -> String {
    match input {
        Input::Tick => "wakes".into(),
        Input::Order(order) => format!("is ordered to {}", order.command),
        Input::Reply { id, reply } => {
            let text = match reply {
                Reply::Written(outcome) => format!("{outcome:?}"),
                Reply::Stored(outcome) => format!("{outcome:?}"),
                Reply::Leased(outcome) => format!("{outcome:?}"),
                Reply::Loaded(Ok(Some(stored))) => {
                    format!(
                        "loaded version {}: {}",
                        stored.version,
                        stored.rollout.as_ref().map_or("no run".into(), |r| r.phase.to_string())
                    )
                }
                Reply::Loaded(other) => format!("loaded {other:?}"),
                Reply::Observed(Ok(_)) => "saw everything".into(),
                Reply::Observed(Err(fault)) => format!("saw nothing: {}", fault.text),
                Reply::Sampled(result) => format!("sampled: {}", result.is_ok()),
                Reply::Appended(result) => format!("order left: {result:?}"),
                Reply::Journaled(result) => format!("line kept: {}", result.is_ok()),
            };
            format!("← #{id} {text}")
        }
        other => format!("{other:?}"),
    }
}

fn told(call: &Call) -> String {
    match call {
        Call::Load { .. } => "load".into(),
        Call::Observe { .. } => "look".into(),
        Call::Sample { .. } => "sample".into(),
        Call::Store { rollout, expect, .. } => {
            format!(
                "store over {expect:?}: {}, step {}, asked {}, intents {}",
                rollout.phase,
                rollout.cursor,
                rollout.asked,
                rollout.intents.len()
            )
        }
        Call::Lease { ask, .. } => format!("lease {ask:?}"),
        Call::Append { order, .. } => format!("leave the order to {}", order.command),
        Call::Write { action, precondition, stamp } => format!("write {stamp} ({precondition:?}) {action}"),
        Call::Journal { entry, .. } => format!("note {}", entry.text),
    }
}
