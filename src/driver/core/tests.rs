//! The driver against the compact world: whole runs, kills, lost answers, refusals, two drivers.

#[cfg(test)]
mod auto_sync;
#[cfg(test)]
mod cluster;
#[cfg(test)]
mod metrics;
#[cfg(test)]
mod parting;
#[cfg(test)]
mod recorded;
#[cfg(test)]
mod restored;
#[cfg(test)]
mod room;
#[cfg(test)]
mod round_trips;
#[cfg(test)]
mod scaled;
#[cfg(test)]
mod slow;
#[cfg(test)]
mod taken;
#[cfg(test)]
mod trouble;

use std::collections::{BTreeMap, VecDeque};

use super::io::{Call, Input, Reply, Request};
use super::{Core, Setup};
use crate::domain::action::{Action, Precondition, WriteOutcome};
use crate::domain::command::{Command, Order};
use crate::domain::image::Image;
use crate::domain::port::{Fault, FaultKind, Haste, LeaseAsk, LeaseOutcome, StoreOutcome, Stored};
use crate::domain::release::{Release, Track};
use crate::domain::rollout::{Phase, Rollout};
use crate::domain::time::{Millis, Now};
use crate::engine::world::{NEW, OLD, World, canary};
use cluster::Cluster;

/// A driver with its unanswered requests.
struct Process {
    core: Core,
    wire: VecDeque<Request>,
    trace: Vec<(Now, Input, Vec<Request>)>,
}

impl Process {
    fn new(name: &str, cluster: &Cluster) -> Process {
        let setup =
            Setup { holder: name.into(), may_write: true, take_up: true, active: Millis::secs(2), idle: Millis::secs(5), after: None };
        let core = Core::new(setup, cluster.world.release.clone(), cluster.world.now);
        Process { core, wire: VecDeque::new(), trace: vec![] }
    }

    fn input(&mut self, now: Now, input: Input) -> Vec<Request> {
        let mut out = vec![];
        self.core.step(now, input.clone(), &mut out);
        self.trace.push((now, input, out.clone()));
        self.wire.extend(out.clone());
        out
    }

    /// Answers everything that is asked, until nothing is.
    fn settle(&mut self, cluster: &mut Cluster) {
        for _ in 0..200 {
            let Some(Request { id, call }) = self.wire.pop_front() else { return };
            let reply = cluster.execute(call);
            self.input(cluster.world.now, Input::Reply { id, reply });
        }
        panic!("the driver never comes to rest");
    }

    /// Answers the oldest request, or lets two seconds pass where there is none.
    fn go_on(&mut self, cluster: &mut Cluster) {
        match self.wire.pop_front() {
            Some(Request { id, call }) => {
                let reply = cluster.execute(call);
                self.input(cluster.world.now, Input::Reply { id, reply });
            }
            None => {
                cluster.world.pass(Millis::secs(2));
                self.input(cluster.world.now, Input::Tick);
            }
        }
    }

    fn tick(&mut self, cluster: &mut Cluster) {
        self.input(cluster.world.now, Input::Tick);
        self.settle(cluster);
    }

    fn run(&mut self, cluster: &mut Cluster, ticks: usize) {
        for _ in 0..ticks {
            self.tick(cluster);
            cluster.world.pass(Millis::secs(2));
        }
    }

    fn order(&mut self, cluster: &mut Cluster, id: &str, command: Command) -> Vec<Request> {
        let order = Order { id: id.into(), command, actor: "me".into(), at: cluster.world.now.wall, mark: None };
        self.input(cluster.world.now, Input::Order(order))
    }

    fn start(&mut self, cluster: &mut Cluster) {
        let images = cluster.world.release.components.iter().map(|c| (c.name.clone(), Image::parse(NEW).unwrap())).collect();
        self.order(cluster, "start", Command::Start { images, cause: None });
        self.settle(cluster);
    }
}

fn begun(components: &[&str], ticks: usize) -> (Cluster, Process) {
    let mut cluster = Cluster::new(canary(components));
    let mut process = Process::new("a", &cluster);
    process.start(&mut cluster);
    process.run(&mut cluster, ticks);
    (cluster, process)
}

#[test]
fn a_driver_walks_a_canary_to_its_end_and_lets_go() {
    let (mut cluster, mut process) = begun(&["backend", "frontend"], 200);
    assert_eq!(process.core.view().rollout.unwrap().waiting.as_deref(), Some("waits for approval: approve"));
    process.order(&mut cluster, "ok", Command::Approve);
    process.run(&mut cluster, 60);
    assert_eq!(cluster.phase(), Some(&Phase::Completed));
    assert_eq!(cluster.lease.0, None, "a driver with nothing to drive holds no Lease");
    assert_eq!(cluster.world.workload("backend", Track::Stable).containers[0].image, NEW);
}

#[test]
fn every_write_has_its_intent_stored_before_and_its_outcome_after() {
    let (_, process) = begun(&["backend"], 60);
    let mut intents: Vec<u64> = vec![];
    for (_, _, requests) in &process.trace {
        for request in requests {
            match &request.call {
                Call::Store { rollout, .. } => intents = rollout.intents.iter().map(|i| i.seq).collect(),
                Call::Write { stamp, .. } => {
                    let seq: u64 = stamp.split('.').next_back().unwrap().parse().unwrap();
                    assert!(intents.contains(&seq), "write {stamp} was never announced: {intents:?}");
                }
                _ => {}
            }
        }
    }
}

#[test]
fn killed_anywhere_it_goes_on_from_the_stored_state() {
    for kill_after in 1..60 {
        let mut cluster = Cluster::new(canary(&["backend"]));
        let mut first = Process::new("a", &cluster);
        let images = BTreeMap::from([("backend".to_owned(), Image::parse(NEW).unwrap())]);
        first.order(&mut cluster, "start", Command::Start { images, cause: None });
        // Dies after so many answers, with whatever was on the wire executed but unanswered.
        for _ in 0..kill_after {
            match first.wire.pop_front() {
                Some(Request { id, call }) => {
                    let reply = cluster.execute(call);
                    first.input(cluster.world.now, Input::Reply { id, reply });
                }
                None => {
                    cluster.world.pass(Millis::secs(2));
                    first.input(cluster.world.now, Input::Tick);
                }
            }
        }
        first.wire.drain(..).for_each(|r| drop(cluster.execute(r.call)));
        if cluster.state.is_none() {
            continue; // it died before anything was begun
        }
        let mut second = Process::new("b", &cluster);
        second.run(&mut cluster, 240);
        second.order(&mut cluster, "ok", Command::Approve);
        second.run(&mut cluster, 80);
        assert_eq!(cluster.phase(), Some(&Phase::Completed), "killed after {kill_after}");
        assert_eq!((cluster.lease.1, cluster.world.weight("backend")), (2, 0));
    }
}

#[test]
fn a_rollback_leaves_at_once_for_all_routes_without_reading() {
    let (mut cluster, mut process) = begun(&["backend", "frontend"], 20);
    assert_eq!(cluster.world.weight("frontend"), 10);
    let sent = process.order(&mut cluster, "back", Command::RollBack);
    let calls: Vec<&str> = sent
        .iter()
        .map(|r| match &r.call {
            Call::Journal { durable: true, .. } => "line on disk",
            Call::Journal { .. } => "line",
            Call::Write { .. } => "write",
            Call::Store { .. } => "store",
            _ => "read",
        })
        .collect();
    assert_eq!(calls[..5], ["line", "write", "line", "write", "store"], "no disk is waited for: {calls:?}");
    process.settle(&mut cluster);
    assert_eq!((cluster.world.weight("backend"), cluster.world.weight("frontend")), (0, 0));
    process.run(&mut cluster, 20);
    assert_eq!(cluster.phase(), Some(&Phase::RolledBack));
    assert!(process.core.view().checklist.unwrap().is_done());
}

#[test]
fn a_rollback_needs_no_readable_state() {
    let (mut cluster, _) = begun(&["backend"], 20);
    cluster.unreadable = true;
    cluster.lease.0 = None;
    let mut other = Process::new("b", &cluster);
    other.run(&mut cluster, 3);
    other.order(&mut cluster, "go", Command::Pause);
    other.run(&mut cluster, 2);
    assert_eq!(other.core.view().answers["go"].as_deref(), Some("damaged"));
    other.order(&mut cluster, "back", Command::RollBack);
    other.run(&mut cluster, 6);
    assert_eq!(cluster.world.weight("backend"), 0);
}

#[test]
fn recorded_inputs_give_byte_identical_requests_also_across_a_kill() {
    let (mut cluster, first) = begun(&["backend", "frontend"], 25);
    let mut second = Process::new("b", &cluster);
    second.run(&mut cluster, 30);
    second.order(&mut cluster, "back", Command::RollBack);
    second.run(&mut cluster, 30);
    assert_eq!(cluster.phase(), Some(&Phase::RolledBack));
    for (name, process) in [("a", first), ("b", second)] {
        let setup =
            Setup { holder: name.into(), may_write: true, take_up: true, active: Millis::secs(2), idle: Millis::secs(5), after: None };
        let mut fresh = Core::new(setup, cluster.world.release.clone(), process.trace[0].0);
        for (now, input, requests) in &process.trace {
            // Through JSON, as a recording on disk goes.
            let input: Input = serde_json::from_str(&serde_json::to_string(input).unwrap()).unwrap();
            let mut out = vec![];
            fresh.step(*now, input, &mut out);
            assert_eq!(serde_json::to_string(&out).unwrap(), serde_json::to_string(requests).unwrap());
        }
    }
}

#[test]
fn after_a_lost_answer_nothing_is_written_before_a_fence() {
    let (mut cluster, mut process) = begun(&["backend", "frontend"], 20);
    let next = cluster.writes.len();
    cluster.faults.insert(next, WriteOutcome::Unknown { why: "timeout".into() });
    process.run(&mut cluster, 40);
    let after: Vec<bool> = cluster.writes[next..next + 2].iter().map(|a| matches!(a, Action::Fence { .. })).collect();
    assert_eq!(after, [false, true], "{:?}", &cluster.writes[next..next + 2]);
    assert!(cluster.world.weight("backend") >= 25, "and then it goes on");
}

#[test]
fn a_conflict_is_planned_again() {
    let (mut cluster, mut process) = begun(&["backend"], 20);
    let next = cluster.writes.len();
    cluster.faults.insert(next, WriteOutcome::Conflict { why: "changed".into() });
    process.run(&mut cluster, 40);
    assert!(cluster.world.weight("backend") >= 25);
    assert_eq!(cluster.state.as_ref().unwrap().0.phase, Phase::Progressing);
}

#[test]
fn a_refused_shift_takes_the_other_components_back_and_says_which() {
    let (mut cluster, mut process) = begun(&["backend", "frontend"], 20);
    assert_eq!(cluster.world.weight("backend"), 10);
    cluster.refuse_route_of = Some("frontend".into());
    process.run(&mut cluster, 60);
    assert_eq!(cluster.refuse_route_of, None, "the shift of the second component was tried");
    let Some(Phase::Paused { why, .. }) = cluster.phase() else { panic!("{:?}", cluster.phase()) };
    assert!(why.contains("webhook says no"), "{why}");
    assert_eq!(cluster.world.weight("backend"), cluster.world.weight("frontend"), "components never end apart");
}

#[test]
fn orders_go_to_the_driver_and_a_rollback_does_not_wait_for_a_dead_one() {
    let (mut cluster, mut driver) = begun(&["backend"], 20);
    let mut other = Process::new("b", &cluster);
    other.run(&mut cluster, 2);
    other.order(&mut cluster, "hold-it", Command::Pause);
    for _ in 0..5 {
        other.tick(&mut cluster);
        driver.tick(&mut cluster);
        cluster.world.pass(Millis::secs(1));
    }
    assert!(matches!(cluster.phase(), Some(Phase::Paused { .. })), "{:?}", cluster.phase());
    assert_eq!(other.core.view().answers.get("hold-it"), Some(&None));
    // The driver dies; its Lease has not run out yet.
    drop(driver);
    let began = cluster.world.now;
    other.order(&mut cluster, "back", Command::RollBack);
    while cluster.world.weight("backend") > 0 {
        other.tick(&mut cluster);
        cluster.world.pass(Millis(500));
        assert!(cluster.world.now.elapsed(began.mono) < Millis::secs(5), "a rollback waits for nobody");
    }
    other.run(&mut cluster, 30);
    assert_eq!(cluster.phase(), Some(&Phase::RolledBack));
}

#[test]
fn read_only_sends_no_write_whatever_is_asked() {
    let (mut cluster, _) = begun(&["backend"], 20);
    let setup = Setup { holder: "w".into(), may_write: false, take_up: true, active: Millis::secs(2), idle: Millis::secs(5), after: None };
    let mut watcher =
        Process { core: Core::new(setup, cluster.world.release.clone(), cluster.world.now), wire: VecDeque::new(), trace: vec![] };
    for (n, command) in [Command::Advance, Command::RollBack, Command::Promote, Command::Pause].into_iter().enumerate() {
        watcher.run(&mut cluster, 5);
        watcher.order(&mut cluster, &n.to_string(), command);
        watcher.run(&mut cluster, 5);
        assert!(watcher.core.view().answers[&n.to_string()].as_deref().unwrap().starts_with("read-only"));
    }
    let sent = watcher.trace.iter().flat_map(|(_, _, r)| r).map(|r| &r.call);
    let writes = sent.filter(|c| match c {
        Call::Write { .. } | Call::Store { .. } | Call::Append { .. } | Call::Journal { .. } => true,
        Call::Lease { ask, .. } => *ask != LeaseAsk::Read,
        _ => false,
    });
    assert_eq!(writes.count(), 0);
}

#[test]
fn a_detached_driver_lets_go() {
    let (mut cluster, mut process) = begun(&["backend"], 20);
    process.input(cluster.world.now, Input::Detach);
    process.settle(&mut cluster);
    assert!(process.core.is_detached());
    assert_eq!((cluster.lease.0, cluster.world.workload("backend", Track::Stable).containers[0].image.as_str()), (None, OLD));
}
