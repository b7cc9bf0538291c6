//! What happens by itself: other people's writes, deaths, clocks, pods, Prometheus.

use cutover::domain::command::Order;
use cutover::domain::release::Router;
use cutover::domain::release::Track;
use cutover::domain::testers::TestersMove;
use cutover::domain::time::Millis;
use cutover::driver::core::io::Input;

use super::{Event, Life, Run};
use crate::script::Happening;
use crate::world::{Hand, Neighbour, OTHER, Route, World};

impl Run<'_> {
    pub(super) fn happening(&mut self, n: usize) {
        let Some((_, what)) = self.script.happenings.get(n) else { return };
        let what = what.clone();
        self.met(what.class());
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{:>9.3} {what:?}", self.world.now.0 as f64 / 1000.0));
        }
        match what {
            Happening::Order { who, command, stale } => {
                let mark = self.processes.get(who).and_then(|p| p.shown(stale));
                self.order(who, command, mark);
            }
            Happening::Kill { who, for_ } => self.kill(who, for_),
            Happening::Leave { who, for_ } => self.leave(who, for_),
            Happening::Sleep { who, for_ } => self.sleep(who, for_),
            Happening::Jump { who, by } => {
                self.laws.meddled(&what, &self.world);
                if let Some(process) = self.processes.get_mut(who) {
                    process.jump(by);
                }
            }
            Happening::DiskFull { who, for_ } => {
                let until = self.world.now.plus(for_);
                if let Some(process) = self.processes.get_mut(who) {
                    process.disk_full_until = until;
                }
            }
            Happening::LeaseDown { who, for_ } => {
                let until = self.world.now.plus(for_);
                if let Some(process) = self.processes.get_mut(who) {
                    process.lease_down_until = until;
                }
            }
            other => {
                self.laws.meddled(&other, &self.world);
                meddle(&mut self.world, &other);
                if matches!(other, Happening::Meddle { .. } | Happening::RestoreRoute { .. }) {
                    self.git_is_told();
                }
            }
        }
    }

    pub(super) fn order(&mut self, who: usize, command: cutover::domain::command::Command, mark: Option<cutover::domain::command::Mark>) {
        self.orders += 1;
        let Some(process) = self.processes.get(who).filter(|p| self.world.now >= p.sleeps_until && p.away == Millis::ZERO) else { return };
        let Some(life) = process.alive else { return };
        let id = format!("order-{}", self.orders);
        let at = process.local(self.world.now).wall;
        let order = Order { id, command, actor: process.name(), at, mark };
        self.laws.ordered(process, &order, &self.world);
        let back = order.command.goes_back();
        let due = if back { process.routes_to_take_back() } else { vec![] };
        let from = self.sent_back.len();
        self.beside = None;
        self.input(Life { who, life }, Input::Order(order));
        let due = if self.processes.get(who).is_some_and(|p| p.alive == Some(life)) { due } else { vec![] };
        self.laws.left_at_once(&due, self.sent_back.get(from..).unwrap_or_default(), &self.world);
        if let Some(beside) = self.beside.filter(|_| back) {
            self.laws.routes_first(&due, self.sent_back.get(from..beside).unwrap_or_default(), &self.world);
        }
        if let Some(process) = self.processes.get_mut(who) {
            process.remember_screen();
        }
    }

    /// It dies: nothing it sent is taken back, nothing is answered to it any more.
    pub(super) fn kill(&mut self, who: usize, for_: Millis) {
        let Some(process) = self.processes.get_mut(who).filter(|p| p.alive.is_some()) else { return };
        process.alive = None;
        self.laws.died(who, self.world.now);
        self.after(for_, Event::Start(who));
    }

    fn leave(&mut self, who: usize, for_: Millis) {
        let Some(life) = self.processes.get(who).and_then(|p| p.alive) else { return };
        self.laws.died(who, self.world.now);
        if let Some(process) = self.processes.get_mut(who) {
            process.away = for_;
        }
        self.input(Life { who, life }, Input::Detach);
    }

    fn sleep(&mut self, who: usize, for_: Millis) {
        let Some(process) = self.processes.get_mut(who) else { return };
        let Some(life) = process.alive else { return };
        let until = self.world.now.plus(for_).max(process.sleeps_until);
        process.nap = process.nap.or(Some(self.world.now));
        process.sleeps_until = until;
        self.laws.died(who, self.world.now); // what it was asked may wait
        process.tick_at = Some(until);
        self.at(until, Event::Tick(Life { who, life }));
    }

    /// A process begins, or begins again: the first one starts the release if nobody has.
    pub(super) fn start(&mut self, who: usize) {
        let fresh = self.world.record.as_ref().is_none_or(|r| r.rollout.is_none() && !r.damaged);
        let Some(process) = self.processes.get_mut(who) else { return };
        if process.alive.is_some_and(|_| !process.core.is_detached()) {
            return;
        }
        let life = process.begin(&self.world);
        if who == 0 && fresh {
            let images = World::all(&self.world.release, &World::wanted());
            self.order(0, cutover::domain::command::Command::Start { images, cause: None }, None);
        } else {
            self.input(Life { who, life }, Input::Tick);
        }
    }

    /// The run that a process drives, or else what is on record.
    pub(super) fn run_of(&self, who: usize) -> Option<String> {
        let own = self.processes.get(who).and_then(|p| p.core.rollout());
        own.or(self.world.run()).map(|r| r.id.clone())
    }

    /// GitOps watches: whoever wrote to a route, it comes some time later.
    pub(super) fn git_is_told(&mut self) {
        if let Some(after) = self.script.git {
            self.after(after, Event::Git);
        }
    }

    /// GitOps puts every route back to what git says.
    pub(super) fn git(&mut self) {
        if !self.world.heals() {
            return;
        }
        let now = self.world.now;
        for place in 0..self.world.parts.len() {
            let (version, total) = (self.world.version(), self.world.total);
            let Some(part) = self.world.parts.get(place).filter(|p| !p.by_ratio()) else { continue };
            let percent = match part.declared.router {
                Router::Service { .. } if self.script.git_holds > 0 => 100,
                _ => self.script.git_holds,
            };
            let weight = self.world.part_for(place, percent);
            if part.route.as_ref().is_none_or(|r| r.candidate == weight) {
                continue;
            }
            self.coverage.met("git revert", self.world.run());
            self.laws.meddled(&Happening::Meddle { part: place, weight: percent }, &self.world);
            if let Some(route) = self.world.parts.get_mut(place).and_then(|p| p.route.as_mut()) {
                route.set((total - weight, weight), (version, now), Hand::Foreign);
            }
        }
    }
}

/// Other people's hands on the objects.
fn meddle(world: &mut World, what: &Happening) {
    let (version, now) = (world.version(), world.now);
    match what {
        Happening::Limp(n) => world.limp = *n,
        Happening::Quota(hard) => world.quota = *hard,
        Happening::Namespace => world.vanish(),
        Happening::Fall(n) => world.fall = *n,
        Happening::MetricsDown(down) => world.scrapes.down = *down,
        Happening::OneArm(one) => world.one_arm = *one,
        Happening::Ill(illness) => world.ill = illness.map(|illness| (illness, now)),
        Happening::CountersReset => world.scrapes.reset = true,
        Happening::GoesBad => world.nature.bad = true,
        Happening::DropRecord => world.record = None,
        Happening::DamageRecord => {
            if let Some(record) = &mut world.record {
                (record.damaged, record.version) = (true, version);
            }
        }
        Happening::Meddle { part, weight } => {
            let by_ratio = world.parts.get(*part).is_some_and(|p| p.by_ratio());
            let weight = world.part_for(*part, *weight);
            let total = world.total;
            if let Some(route) = world.parts.get_mut(*part).and_then(|p| p.route.as_mut()).filter(|_| !by_ratio) {
                route.set((total - weight, weight), (version, now), Hand::Foreign);
            }
        }
        Happening::Dismiss { part } => {
            if let Some(route) = world.parts.get_mut(*part).and_then(|p| p.route.as_mut()) {
                route.admit(TestersMove::Remove, (version, now), Hand::Foreign);
            }
        }
        Happening::Churn { part } => {
            if let Some(route) = world.parts.get_mut(*part).and_then(|p| p.route.as_mut()) {
                route.version = version;
            }
        }
        Happening::DropRoute { part } => {
            if let Some(part) = world.parts.get_mut(*part).filter(|p| !p.by_ratio()) {
                part.route = None;
            }
        }
        Happening::RestoreRoute { part } => {
            let made = Route::made((world.total, 0), version);
            if let Some(part) = world.parts.get_mut(*part).filter(|p| p.route.is_none() && p.candidate.is_some()) {
                part.route = Some(made);
            }
        }
        Happening::Unseen { part, for_ } => {
            if let Some(part) = world.parts.get_mut(*part) {
                part.unseen_until = now.plus(*for_);
            }
        }
        Happening::Neighbour { part, stands } => {
            if let Some(part) = world.parts.get_mut(*part).filter(|p| p.neighbour.is_some() || *stands) {
                part.neighbour = Some(Neighbour { since: stands.then_some(now) });
            }
        }
        Happening::Unlisted { part, for_ } => {
            if let Some(part) = world.parts.get_mut(*part) {
                part.unlisted_until = now.plus(*for_);
            }
        }
        Happening::DropCandidate { part } => {
            if let Some(part) = world.parts.get_mut(*part) {
                part.candidate = None;
            }
        }
        Happening::Scale { part, track, to } => with(world, *part, *track, |d| {
            if d.replicas > 0 {
                (d.replicas, d.version, d.generation, d.replicas_by) = (*to, version, d.generation + 1, Some(Hand::Foreign));
            }
        }),
        Happening::Scaler { part, track } => {
            let ratio = world.parts.get(*part).is_some_and(|p| p.by_ratio());
            // One that leaves things as they are, one that wants more, one that allows fewer.
            let bounds = [(1, 6), (6, 12), (1, 3)][(now.0 % 3) as usize];
            with(world, *part, *track, |d| d.scaler = if ratio { d.scaler } else { Some(bounds) });
        }
        Happening::Image { part, track } => with(world, *part, *track, |d| {
            d.set_image(OTHER, Hand::Foreign);
            (d.version, d.generation) = (version, d.generation + 1);
        }),
        Happening::Restart { part } => with(world, *part, Track::Candidate, |d| {
            d.restart();
            (d.version, d.generation) = (version, d.generation + 1);
        }),
        Happening::Unpause { part } => with(world, *part, Track::Stable, |d| {
            if d.paused {
                d.set_paused(false);
                (d.version, d.generation) = (version, d.generation + 1);
            }
        }),
        _ => {}
    }
}

fn with(world: &mut World, part: usize, track: Track, change: impl FnOnce(&mut crate::world::Deployment)) {
    let Some(part) = world.parts.get_mut(part) else { return };
    let side = if track == Track::Stable { part.stable.as_mut() } else { part.candidate.as_mut() };
    if let Some(deployment) = side {
        change(deployment);
    }
}
