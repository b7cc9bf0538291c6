//! What a landed write may have done to the objects.

use cutover::domain::action::{Action, Precondition};
use cutover::domain::release::Track;
use cutover::domain::rollout::Rollout;
use cutover::domain::step::Step;
use cutover::domain::time::Millis;
use cutover::driver::core::io::Call;

use super::{Laws, Look, Sent, epoch_of};
use crate::world::{WHOLE, World};

impl Laws {
    /// A write of ours took effect.
    pub fn landed(&mut self, sent: &Sent, before: Option<Look>, world: &World) {
        let Call::Write { action, precondition, stamp } = &sent.call else { return };
        if action.is_beside() {
            return; // it is of no object of the release
        }
        let (Some(before), Some(after)) = (before, Look::at(world, action.component())) else { return };
        self.in_its_epoch(action, *precondition, stamp, world);
        if world.is_turned() {
            return;
        }
        match &**action {
            Action::Route { component, weight, .. } => {
                if weight.percent() == 0
                    && *precondition == Precondition::Identity
                    && let Some(run) = world.run()
                {
                    self.went_back.entry(run.id.clone()).or_insert(world.now);
                }
                // The same weight again takes nothing from whoever set it.
                if *precondition != Precondition::Identity && (after.share - before.share).abs() > 1e-9 {
                    self.over_foreign(component, sent, world);
                }
                self.route(component, (&before, &after), sent, world);
                if after.share > before.share + 1e-9 {
                    self.beyond_asked(component, sent, &after, world);
                }
            }
            Action::Scale { component, target, to, .. } => self.scale(component, target.track, *to, &before, sent, world),
            Action::SetPaused { component, paused: true, .. } => self.over_undone(component, sent, world),
            Action::Fence { component, .. } => self.remember_back(component, world),
            _ => {}
        }
    }

    /// Nothing of an older epoch lands once a newer one has acted, but what takes traffic back.
    fn in_its_epoch(&mut self, action: &Action, precondition: Precondition, stamp: &str, world: &World) {
        if matches!(action, Action::Fence { .. }) {
            return;
        }
        let epoch = epoch_of(stamp);
        // A rollback goes on without the Lease, and what it sends last takes pods away.
        let back = matches!(action, Action::Scale { to: 0, .. }) && world.run().is_some_and(|r| r.is_back());
        if epoch < self.acted && precondition != Precondition::Identity && !back && !self.state_lost {
            self.broken("T6", world.now, format!("a write of epoch {epoch} landed after epoch {} acted: {action}", self.acted));
        }
        self.acted = self.acted.max(epoch);
    }

    /// Somebody else's weight is never written over silently.
    fn over_foreign(&mut self, component: &str, sent: &Sent, world: &World) {
        let place = world.parts.iter().position(|p| p.declared.name == component);
        let Some(Some(at)) = place.and_then(|n| self.foreign.get(n).copied()) else { return };
        let serving =
            world.run().is_some_and(|r| !r.is_back() && matches!(r.step(), Some(Step::Shift(_) | Step::Hold(_) | Step::Approve(_))));
        if serving && at < sent.at {
            self.broken("P12", world.now, format!("{component}: a weight that somebody else set at {} s was written over", at.as_secs()));
        }
    }

    /// Nor is what they took away put back.
    fn over_undone(&mut self, component: &str, sent: &Sent, world: &World) {
        let place = world.parts.iter().position(|p| p.declared.name == component);
        let Some(Some(at)) = place.and_then(|n| self.undone.get(n).copied()) else { return };
        if at < sent.at && world.run().is_some_and(|r| !r.is_back()) {
            self.broken("P12", world.now, format!("{component}: what somebody else undid at {} s was put back", at.as_secs()));
        }
    }

    fn route(&mut self, component: &str, (before, after): (&Look, &Look), sent: &Sent, world: &World) {
        let by_ratio = world.part(component).is_some_and(|p| p.by_ratio());
        let total = |l: &Look| if by_ratio { 0 } else { l.stable_part + l.candidate_part };
        if total(before) != total(after) || before.foreign != after.foreign {
            self.broken("T1", world.now, format!("{component}: the total became {} from {}", total(after), total(before)));
        }
        if after.testers && !before.testers {
            self.over_undone(component, sent, world);
            self.admitted(component, after, sent, world);
        }
        if after.share > before.share + 1e-9 {
            self.raised(component, after, (by_ratio, sent), world);
        } else if after.share <= 0.0 && !after.testers {
            self.remember_back(component, world);
        }
    }

    /// What was sent since something else is asked raises no higher than that.
    fn beyond_asked(&mut self, component: &str, sent: &Sent, after: &Look, world: &World) {
        let Some(run) = world.run().filter(|r| !r.is_back()) else { return };
        let by_ratio = world.part(component).is_some_and(|p| p.by_ratio());
        let since = self.asked_since.get(&run.id).copied().filter(|since| sent.at > *since);
        let percent = (after.share * 100.0).round() as u8;
        if since.is_some() && !by_ratio && percent > run.asked.percent() {
            self.broken("T1", world.now, format!("{component} was raised to {percent} % where {} is asked", run.asked));
        }
    }

    /// Testers got a way of their own: that is traffic, too.
    fn admitted(&mut self, component: &str, after: &Look, sent: &Sent, world: &World) {
        if world.run().is_some_and(|run| run.is_back() && self.taken_back.get(component) == Some(&run.id)) {
            self.broken("T3", world.now, format!("{component}: testers were let in after it was taken back"));
        }
        if after.replicas[1] == 0 && !self.was_meddled(world, component, sent.at.minus(super::end::window())) {
            self.broken("T4", world.now, format!("{component}: testers go to a candidate without pods"));
        }
    }

    /// The candidate got more.
    fn raised(&mut self, component: &str, after: &Look, (by_ratio, sent): (bool, &Sent), world: &World) {
        let Some(run) = world.run() else { return };
        if run.is_back() && self.taken_back.get(component) == Some(&run.id) {
            self.broken("T3", world.now, format!("{component} was raised to {:.0} % after it was taken back", after.share * 100.0));
        }
        let percent = (after.share * 100.0).round() as u8;
        let planned = run.plan.iter().any(|s| matches!(s, Step::Shift(w) if w.percent() == percent));
        if !by_ratio && !planned && !self.by_hand.contains(&percent) && !self.accepted.contains(&percent) {
            self.broken("T1", world.now, format!("{component} was raised to {percent} %, which no step asks for"));
        }
        if !by_ratio && after.replicas[1] == 0 && !self.was_meddled(world, component, sent.at.minus(super::end::window())) {
            self.broken("T4", world.now, format!("{component}: traffic goes to a candidate without pods"));
        }
    }

    fn scale(&mut self, component: &str, track: Track, to: u32, before: &Look, sent: &Sent, world: &World) {
        let place = usize::from(track == Track::Candidate);
        let from = before.replicas[place];
        let by_ratio = world.part(component).is_some_and(|p| p.by_ratio());
        let share = if track == Track::Candidate { before.share } else { 1.0 - before.share };
        let lately = self.was_meddled(world, component, sent.at.minus(super::end::window()));
        // Where nothing is under way nobody but the person who says so knows what the traffic needs.
        let by_word = to > 0 && world.run().is_some_and(|r| r.is_over());
        if to < from && !by_ratio && !lately && !by_word && share > 0.0 {
            // What was more than all of the traffic needs may go, by a person's word.
            // Or than what was there at the start.
            let whole = world.run().and_then(|r| r.targets.get(component)).map_or(WHOLE, |t| t.stable.replicas.min(WHOLE)).max(1);
            let bears = self.sized && f64::from(to) * 1.5 / f64::from(from.clamp(1, whole)) >= share;
            // While nothing is under way nobody knows what the traffic needs but the person who asks for fewer.
            let by_word = world.run().is_none_or(Rollout::is_over);
            if to == 0 || !(bears || by_word) {
                self.broken(
                    "T4",
                    world.now,
                    format!("{component}: {track} is scaled {from} → {to} with {:.0} % of the traffic", share * 100.0),
                );
            }
        }
        if to == 0 && before.testers && track == Track::Candidate && !lately {
            self.broken("T4", world.now, format!("{component}: {track} is scaled to nothing while testers go to it"));
        }
        let told = before.neighbour.is_some_and(|since| since.plus(super::end::window()) < sent.at);
        if to == 0 && told && track == Track::Candidate && world.part(component).is_some_and(|p| p.has_neighbours()) {
            self.broken("T4", world.now, format!("{component}: {track} is scaled to nothing while another route sends to it"));
        }
        if let Some(run) = world.run()
            && let Some(Step::Retire(length)) = run.step()
            && track == Track::Stable
            && to == 0
            && !run.is_back()
            && !run.scalings.iter().any(|s| s.component == component && s.to == 0)
            && self.entry(run).is_some_and(|e| world.now.minus(e.at).plus(Millis::secs(3)) < *length)
        {
            self.broken("P9", world.now, format!("{component}: the old version went before its {length} were over"));
        }
        let asked = |r: &Rollout| r.scalings.iter().any(|s| s.component == component);
        // Whoever put it on record and whoever takes the pods away have clocks that have drifted apart since the beginning.
        let gained = Millis(world.now.0 * self.apart / 1_000_000);
        if to == 0
            && track == Track::Candidate
            && !self.wrong_clock
            && let Some(run) = world.run().filter(|r| r.is_back() && r.release.keep > Millis::ZERO && !asked(r))
            && self.went_back.get(&run.id).is_some_and(|at| world.now.minus(*at).plus(gained).0 * 100 < run.release.keep.0 * 97)
        {
            self.broken("K", world.now, format!("{component}: its pods went before their {} were over", run.release.keep));
        }
        if before.scaled[place] && from > 0 && !lately {
            self.broken("O2", world.now, format!("{component}: {track} is scaled {from} → {to} against its autoscaler"));
        }
    }

    /// From now on nothing may raise this component in the run that is being taken back.
    fn remember_back(&mut self, component: &str, world: &World) {
        if let Some(run) = world.run().filter(|r| r.is_back()) {
            self.taken_back.insert(component.to_owned(), run.id.clone());
        }
    }
}
