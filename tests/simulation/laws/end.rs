//! What must have come of it, once nothing happens any more.

use cutover::domain::rollout::{Phase, Rollout};
use cutover::domain::step::Step;
use cutover::domain::time::Millis;
use cutover::domain::view::Driver;

use super::Laws;
use crate::run::End;
use crate::run::process::Process;
use crate::script::{Script, TROUBLE};
use crate::world::{Deployment, OLD, OTHER, Part, World};

/// How long after it was asked a rollback is looked for.
const SOON: Millis = Millis::secs(60);

/// How far back a foreign write excuses what ours does: it may rest on a look before it, and land late.
pub fn window() -> Millis {
    Millis::secs(20)
}

/// Pods of what the run goes back to cannot be ready: the colours may have changed their roles.
fn is_lame(run: &Rollout, world: &World) -> bool {
    world.parts.iter().any(|p| {
        let stable = run.targets.get(&p.declared.name).map(|t| &t.stable.name);
        let turned = p.candidate.as_ref().is_some_and(|d| Some(&d.name) == stable);
        (if turned { world.fall } else { world.limp }) > 0
    })
}

/// Whether somebody deleted the Deployment that is gone back to: the colour that began the run, which may be the second one.
fn is_gone(run: &Rollout, world: &World) -> bool {
    world.parts.iter().any(|p| {
        let stable = run.targets.get(&p.declared.name).map(|t| &t.stable.name);
        stable.is_some_and(|name| [&p.stable, &p.candidate].into_iter().flatten().all(|d| d.name != *name))
    })
}

impl Laws {
    /// What stable runs may never come up: somebody else put it there, or a run whose predecessor's record is lost found it there.
    fn never_up(&self, world: &World) -> bool {
        let found = |p: &Part, d: &Deployment| {
            let target = world.run().and_then(|r| r.targets.get(&p.declared.name)).and_then(|t| t.stable.images.first());
            self.state_lost && d.image != OLD && target.is_some_and(|i| i.image == d.image)
        };
        let stuck = |p: &Part| p.stable.as_ref().is_some_and(|d| d.image == OTHER || found(p, d));
        world.nature.broken && world.parts.iter().any(stuck)
    }

    pub fn at_the_end(&mut self, world: &World, processes: &[Process], end: End, script: &Script) {
        if self.is_broken() {
            return;
        }
        let Some(run) = world.run() else {
            if !self.state_lost && script.faults.is_empty() && !self.is_obstructed() {
                self.broken("L1", world.now, "nothing was begun");
            }
            return;
        };
        self.asked_is_done(run, world);
        match end {
            End::Parked => self.parked(run, world, script),
            End::Done | End::RolledBack => {
                self.kept_pods_went(run, world);
                let holds = |p: &&Process| p.alive.is_some() && matches!(p.core.driver(), Driver::Us { .. });
                // Pods that are kept have to be taken away by somebody.
                let keeps = run.clean_up.is_some_and(|at| self.wrong_clock || world.wall() <= at + SOON.duration());
                if let Some(driver) = processes.iter().find(holds).filter(|_| !keeps && !self.state_lost && world.lease.holder.is_some()) {
                    self.broken("O3", world.now, format!("over, and {} still holds the Lease", driver.name()));
                }
                self.stays_so(run, world);
            }
            End::Nothing => {}
        }
    }

    /// Whether a rollback was asked so lately that it cannot be told yet whether it is done.
    pub fn awaits(&self, now: Millis) -> bool {
        self.backs.last().is_some_and(|asked| asked.lived && now.minus(asked.at) <= SOON)
    }

    /// A rollback that was asked of a process that lived is done.
    fn asked_is_done(&mut self, run: &Rollout, world: &World) {
        let backs = std::mem::take(&mut self.backs);
        // What was over is not taken back where its objects have moved on.
        let replaced = world.parts.iter().flat_map(|p| [&p.stable, &p.candidate]).flatten().any(|d| d.image == OTHER);
        for asked in backs.iter().filter(|b| b.lived && b.run == run.id && world.now.minus(b.at) > SOON) {
            let late = run.phase == Phase::Completed && (asked.only_under_way || (asked.over && replaced));
            if !run.is_back() && !late && !self.state_lost {
                self.broken("H2", world.now, format!("a rollback was asked at {} s and not done: {}", asked.at.as_secs(), run.phase));
            }
        }
        self.backs = backs;
    }

    /// Not over: then somebody is waited for, and it says whom.
    fn parked(&mut self, run: &Rollout, world: &World, script: &Script) {
        let said = run.waiting.is_some() || matches!(run.phase, Phase::Paused { .. });
        if !said && !self.state_lost {
            self.broken("L3", world.now, format!("{}, step {:?}, and nothing says what it waits for", run.phase, run.step()));
        }
        let waits_for_people =
            matches!(run.phase, Phase::Paused { .. }) || (matches!(run.step(), Some(Step::Approve(_))) && !script.approver);
        // The counters of this world do not know that the colours have changed their roles.
        if !waits_for_people && !self.is_obstructed() && world.limp == 0 && !world.is_turned() {
            self.broken("L1", world.now, format!("{}, step {:?}, waiting {:?}", run.phase, run.step(), run.waiting));
        }
        let shares: Vec<f64> = world.parts.iter().map(|p| p.share()).collect();
        let apart = shares.windows(2).any(|s| (s[0] - s[1]).abs() > 1e-9);
        // Who dies while it takes routes back leaves some of them: the next driver asks, as it cannot know why.
        let halfway = self.backs.iter().any(|b| !b.lived);
        if matches!(run.phase, Phase::Paused { .. })
            && apart
            && !halfway
            && self.meddled.iter().all(|at| *at == Millis::ZERO)
            && !self.is_obstructed()
        {
            self.broken("M", world.now, format!("paused with components apart: {shares:?}"));
        }
        let failing = self.bad_since.is_some_and(|at| world.now.minus(at) > Millis::secs(120));
        if matches!((&run.phase, run.step()), (Phase::Progressing, Some(Step::Approve(_))))
            && run.asked.percent() > 0
            && failing
            && !self.is_obstructed()
        {
            self.broken("T5", world.now, "a failing version waits for its approval");
        }
        let hopeless = is_lame(run, world) || is_gone(run, world) || world.is_cramped() || self.never_up(world);
        if matches!(run.phase, Phase::RollingBack { .. })
            && !hopeless
            && !self.state_lost
            && self.meddled.iter().all(|at| world.now.minus(*at) > SOON)
        {
            self.broken("L2", world.now, format!("a rollback does not end: {:?}", run.waiting));
        }
    }

    /// A rollback that is ordered once nothing is in its way any more comes to its end, whatever happened before.
    pub fn in_the_morning(&mut self, world: &World) {
        if world.is_turned() || self.never_up(world) || world.parts.iter().any(|p| p.stable.is_none()) {
            return;
        }
        let record = world.record.as_ref().filter(|r| !r.damaged).and_then(|r| r.rollout.as_deref());
        // Where no record says otherwise the colour that serves is stable.
        let told = |p: &&Part| record.is_some() || p.declared.router.splits();
        let sends = |p: &&Part| p.share() > 0.0 || p.route.as_ref().is_some_and(|r| r.testers);
        if let Some(part) = world.parts.iter().filter(told).find(sends) {
            let text = format!("taken back in the morning, and {} still sends to the candidate", part.declared.name);
            return self.broken("L2", world.now, text);
        }
        if let Some(run) = record.filter(|r| !r.is_over()) {
            let text = format!("taken back in the morning, and it does not end: {}, waiting {:?}", run.phase, run.waiting);
            self.broken("L2", world.now, text);
        }
    }

    /// Pods that are kept for a post-mortem go once its time is over.
    fn kept_pods_went(&mut self, run: &Rollout, world: &World) {
        let due = run.ended.map(|at| at + run.release.keep.duration() + SOON.duration());
        let left = |p: &&Part| {
            let meddled = self.was_meddled(world, &p.declared.name, Millis(1));
            p.candidate.as_ref().is_some_and(|d| d.replicas > 0 && d.scaler.is_none()) && !meddled && p.neighbour.is_none()
        };
        if run.phase == Phase::RolledBack
            && run.release.keep > Millis::ZERO
            && due.is_some_and(|due| world.wall() > due)
            && world.now > TROUBLE.plus(SOON)
            && !(self.is_obstructed() || self.sized)
            && let Some(part) = world.parts.iter().find(left)
        {
            self.broken(
                "K",
                world.now,
                format!("{}: its pods were to be kept for {}, and are still there", part.declared.name, run.release.keep),
            );
        }
    }

    /// What ended stays as it ended, also when something of ours lands late.
    fn stays_so(&mut self, run: &Rollout, world: &World) {
        if run.phase != Phase::RolledBack || world.is_turned() {
            return;
        }
        let raised = world.parts.iter().find(|p| p.route.as_ref().is_some_and(|r| r.candidate > 0 || r.testers));
        if let Some(part) = raised.filter(|p| !self.was_meddled(world, &p.declared.name, Millis(1))) {
            self.broken("V3", world.now, format!("{}: rolled back, and the candidate has traffic again", part.declared.name));
        }
    }
}
