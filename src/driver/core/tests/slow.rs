//! A connection that takes its time, and somebody who keeps writing to the routes meanwhile.

use super::*;

/// Time between two events of the simulation.
const BEAT: Millis = Millis(50);

/// A driver whose requests take `latency` there and back, in a cluster whose routes change with every beat.
struct Slow {
    cluster: Cluster,
    process: Process,
    latency: Millis,
    /// How long a look at everything takes.
    look: Millis,
    churn: bool,
    /// Arrive at the server, then here: when, the request's number, and what comes of it.
    under_way: Vec<(Millis, u64, Call)>,
    answered: Vec<(Millis, u64, Reply)>,
    beats: u64,
}

impl Slow {
    fn new(components: &[&str]) -> Slow {
        let cluster = Cluster::new(canary(components));
        let process = Process::new("a", &cluster);
        Slow { cluster, process, latency: Millis(200), look: Millis(400), churn: true, under_way: vec![], answered: vec![], beats: 0 }
    }

    fn now(&self) -> Millis {
        self.cluster.world.now.mono
    }

    fn send(&mut self, requests: Vec<Request>) {
        for Request { id, call } in requests {
            // A look at everything takes several questions, one after the other; the journal is on this machine.
            let there = match call {
                Call::Journal { .. } => Millis::ZERO,
                Call::Observe { .. } => self.look,
                _ => Millis(self.latency.0 / 2),
            };
            self.under_way.push((self.now().plus(there), id, call));
        }
    }

    fn input(&mut self, input: Input) {
        let requests = self.process.input(self.cluster.world.now, input);
        self.process.wire.clear();
        self.send(requests);
    }

    /// What arrives by now, at the server and here.
    fn arrive(&mut self) {
        loop {
            let now = self.now();
            if let Some(i) = self.under_way.iter().position(|(at, ..)| *at <= now) {
                let (_, id, call) = self.under_way.remove(i);
                let back = if matches!(call, Call::Journal { .. }) { Millis::ZERO } else { Millis(self.latency.0 / 2) };
                let reply = self.cluster.execute(call);
                self.answered.push((now.plus(back), id, reply));
            } else if let Some(i) = self.answered.iter().position(|(at, ..)| *at <= now) {
                let (_, id, reply) = self.answered.remove(i);
                self.input(Input::Reply { id, reply });
            } else {
                return;
            }
        }
    }

    fn beat(&mut self) {
        self.cluster.world.skip(BEAT);
        self.beats += 1;
        if self.beats.is_multiple_of(20) {
            self.cluster.world.pass(Millis::ZERO); // a pod a second
        }
        if self.churn {
            self.cluster.world.churn();
            self.input(Input::Changed);
        }
        self.arrive();
        if self.process.core.wake_at() <= self.now() {
            self.input(Input::Tick);
            self.arrive();
        }
    }

    /// Goes on until something is so; answers how long that took.
    fn until(&mut self, what: &str, mut is: impl FnMut(&Slow) -> bool) -> Millis {
        let began = self.now();
        while !is(self) {
            assert!(self.now().minus(began) < Millis::mins(30), "{what}: never; {:?}", self.process.core.view().rollout.map(|r| r.waiting));
            self.beat();
        }
        self.now().minus(began)
    }

    fn order(&mut self, id: &str, command: Command) {
        let order = Order { id: id.into(), command, actor: "me".into(), at: self.cluster.world.now.wall, mark: None };
        self.input(Input::Order(order));
    }

    fn start(&mut self) {
        let images = self.cluster.world.release.components.iter().map(|c| (c.name.clone(), Image::parse(NEW).unwrap())).collect();
        self.order("start", Command::Start { images, cause: None });
    }
}

#[test]
fn a_walk_gets_through_churn_on_a_slow_connection_and_goes_back() {
    let mut slow = Slow::new(&["backend", "frontend"]);
    slow.start();
    let first = slow.until("the first weight", |s| s.cluster.world.weight("frontend") == 10);
    assert!(first < Millis::secs(30), "{first}");
    slow.until("half", |s| s.cluster.world.weight("frontend") == 50);
    let routes = |s: &Slow| s.cluster.writes.iter().filter(|a| matches!(a, Action::Route { .. })).count();
    assert!(routes(&slow) <= 2 * 3 + 4, "a few conflicts at the start, then none: {} writes", routes(&slow));
    slow.order("back", Command::RollBack);
    let back = slow.until("back on stable", |s| s.cluster.world.weight("backend") + s.cluster.world.weight("frontend") == 0);
    assert!(back <= Millis(300), "half a round trip: {back}");
    slow.until("the end", |s| s.cluster.phase() == Some(&Phase::RolledBack));
}

#[test]
fn a_promotion_gets_through_churn() {
    let mut slow = Slow::new(&["backend"]);
    slow.start();
    slow.until("everything", |s| s.cluster.world.weight("backend") == 100);
    slow.order("promote", Command::Promote);
    slow.until("the end", |s| s.cluster.phase() == Some(&Phase::Completed));
}

#[test]
fn a_contested_route_is_not_written_over_somebody_elses_weight() {
    let mut slow = Slow::new(&["backend"]);
    slow.start();
    slow.until("the second weight", |s| s.cluster.world.weight("backend") == 25);
    // Between our look and our write: the values are compared, though the version is not.
    slow.until("a write on its way", |s| {
        s.under_way.iter().any(|(_, _, c)| matches!(c, Call::Write { action, .. } if matches!(**action, Action::Route { .. })))
    });
    slow.cluster.world.meddle("backend", 60);
    slow.until("a pause", |s| matches!(s.cluster.phase(), Some(Phase::Paused { .. })));
    assert_eq!(slow.cluster.world.weight("backend"), 60);
}

#[test]
fn a_rollback_by_a_new_process_leaves_before_the_look_is_back() {
    let mut slow = Slow::new(&["backend"]);
    slow.start();
    slow.until("the second weight", |s| s.cluster.world.weight("backend") == 25);
    slow.cluster.lease.0 = None;
    slow.process = Process::new("b", &slow.cluster);
    (slow.under_way, slow.answered, slow.look) = (vec![], vec![], Millis::secs(8));
    slow.order("back", Command::RollBack);
    let back = slow.until("back on stable", |s| s.cluster.world.weight("backend") == 0);
    assert!(back <= Millis(500), "one question and one write: {back}");
    slow.until("the end", |s| s.cluster.phase() == Some(&Phase::RolledBack));
}
