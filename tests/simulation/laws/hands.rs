//! What other people do, and what it excuses.

use cutover::domain::release::Track;
use cutover::domain::step::Step;
use cutover::domain::time::Millis;

use super::Laws;
use crate::script::Happening;
use crate::world::World;

impl Laws {
    /// Somebody else's hands.
    pub fn meddled(&mut self, what: &Happening, world: &World) {
        if let Happening::Meddle { part, weight } = what {
            // It may send traffic to where nobody answers; so may all of it on a stable that is retired.
            let bare = world.parts.get(*part).is_some_and(|p| p.stable.as_ref().is_none_or(|d| d.ready() == 0));
            self.cause |= *weight > 0 || bare;
            let weight = world.part_for(*part, *weight);
            let other = world.parts.get(*part).and_then(|p| p.route.as_ref()).is_some_and(|r| r.candidate != weight);
            let holding = world.run().is_some_and(|r| matches!(r.step(), Some(Step::Hold(_) | Step::Approve(_))));
            let asked = world.run().map_or(0, |r| r.asked.percent());
            let held = world.parts.get(*part).is_some_and(|p| (p.share() * 100.0).round() as u8 == asked);
            let settled = holding && held && world.now.minus(self.last_order) > Millis::secs(15);
            // Set back to ours again, nothing of somebody else's is left.
            let ours = u64::from(weight) * 100 == u64::from(world.total) * u64::from(asked);
            if let Some(flag) = self.foreign.get_mut(*part).filter(|_| other && (settled || ours)) {
                *flag = Some(world.now).filter(|_| !ours);
            }
        }
        if let Happening::Dismiss { part } | Happening::Unpause { part } = what {
            self.undoes(*part, world);
        }
        if let Happening::Restart { part } = what {
            self.restarts(*part, world);
        }
        if let Happening::Image { track: Track::Candidate, .. } = what {
            self.replaced = Some(world.now);
        }
        let touched = match what {
            Happening::Meddle { part, .. }
            | Happening::Dismiss { part }
            | Happening::Churn { part }
            | Happening::RestoreRoute { part }
            | Happening::Restart { part }
            | Happening::Unpause { part } => Some(*part),
            Happening::Scaler { part, .. } => {
                self.obstacle = true;
                Some(*part)
            }
            // Without its route all of the traffic may go to where nobody answers.
            Happening::DropRoute { part }
            | Happening::DropCandidate { part }
            | Happening::Scale { part, .. }
            | Happening::Image { part, .. } => {
                (self.obstacle, self.cause) = (true, true);
                Some(*part)
            }
            Happening::GoesBad => {
                (self.cause, self.bad_since) = (true, self.bad_since.or(Some(world.now)));
                None
            }
            Happening::Jump { by, .. } => {
                self.wrong_clock = true;
                self.set_back = self.set_back.plus(Millis(by.min(&0).unsigned_abs()));
                None
            }
            Happening::Quota(_) => {
                (self.obstacle, self.cause) = (true, true);
                None
            }
            Happening::Namespace => {
                (self.state_lost, self.obstacle, self.cause) = (true, true, true);
                self.meddled.fill(world.now);
                None
            }
            Happening::Limp(_) | Happening::Fall(_) => {
                self.cause = true;
                None
            }
            Happening::DropRecord | Happening::DamageRecord => {
                (self.state_lost, self.obstacle) = (true, true);
                None
            }
            _ => None,
        };
        if let Some(at) = touched.and_then(|part| self.meddled.get_mut(part)) {
            *at = world.now;
        }
    }

    /// Somebody changes the template of what a run that rests is judged by.
    fn restarts(&mut self, part: usize, world: &World) {
        let run = world.run().filter(|r| matches!(r.step(), Some(Step::Hold(_))));
        let known = world.parts.get(part).is_some_and(|p| {
            let known = run.and_then(|r| r.targets.get(&p.declared.name)?.known.get(&Track::Candidate));
            let stands = p.candidate.as_ref().and_then(|d| d.kept.iter().find(|k| k.revision == d.revision));
            known.zip(stands).is_some_and(|(known, stands)| known.template.as_ref() == Some(&stands.template_hash))
        });
        let settled = world.now.minus(self.last_order) > Millis::secs(15);
        if let Some(flag) = self.restarted.get_mut(part).filter(|_| known && settled) {
            *flag = run.map(|r| (r.id.clone(), world.now));
        }
    }

    /// Somebody takes away what a run that rests has put there.
    fn undoes(&mut self, part: usize, world: &World) {
        let rests = world.run().is_some_and(|r| matches!(r.step(), Some(Step::Hold(_) | Step::Approve(_))));
        let stands = world
            .parts
            .get(part)
            .is_some_and(|p| p.route.as_ref().is_some_and(|r| r.testers) || p.stable.as_ref().is_some_and(|d| d.paused));
        let settled = world.now.minus(self.last_order) > Millis::secs(15);
        if let Some(flag) = self.undone.get_mut(part).filter(|_| rests && stands && settled) {
            *flag = Some(world.now);
        }
    }
}
