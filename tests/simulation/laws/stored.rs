//! What a stored state may say, held against the one before and the world.

use cutover::domain::release::{Strategy, Track};
use cutover::domain::rollout::{ComponentTarget, Phase, Recorded, Rollout};
use cutover::domain::step::Step;
use cutover::domain::time::Millis;

use super::Laws;
use crate::run::process::Process;
use crate::world::{INTERVAL, OTHER, Part, World};

impl Laws {
    /// A state was stored over another, and was sent at a moment.
    pub fn stored(&mut self, process: &Process, (before, after): (Option<&Rollout>, &Rollout), sent: Millis, world: &World) {
        self.made_anew(process, after);
        let same = before.filter(|b| b.id == after.id);
        let taken = |id: &str| self.accepts.contains(id) && same.is_none_or(|b| b.answer(id).is_none());
        if after.orders.iter().any(|a| a.refused.is_none() && taken(&a.order)) && same.is_none_or(|b| b.asked != after.asked) {
            self.accepted.insert(after.asked.percent());
        }
        if let Some(before) = same {
            self.goes_on(process, (before, after), sent, world);
        }
        if same.is_none_or(|b| b.asked != after.asked) {
            self.asked_since.insert(after.id.clone(), world.now);
        }
        if after.is_back() {
            // It may have gone back long before that could be put on record.
            let since = self.sent_back.get(&(process.name(), after.id.clone())).copied().unwrap_or(world.now);
            self.went_back.entry(after.id.clone()).or_insert(since);
        }
        if after.is_back() && !same.is_some_and(Rollout::is_back) && !self.cause {
            self.broken("V1", world.now, format!("rolled back without a cause: {}", after.phase));
        }
        let turned = after.release.components != world.release.components;
        let ended = !turned && after.is_over() && !same.is_some_and(Rollout::is_over) && !(before.is_none() && self.state_lost);
        if ended {
            self.ended(process, after, world);
        }
    }

    /// What was on record is lost, and who goes on never had it: nobody there was told what others did.
    fn made_anew(&mut self, process: &Process, after: &Rollout) {
        let older = |n: &(String, u64, String)| n.0 == after.id && n.1 > after.turn;
        let own = self.newest.as_ref().is_some_and(|n| older(n) && n.2 == process.name());
        if self.state_lost && !own && self.newest.as_ref().is_some_and(older) {
            self.foreign.fill(None);
            self.undone.fill(None);
            self.restarted.fill(None);
        }
        if !own {
            self.newest = Some((after.id.clone(), after.turn, process.name()));
        }
    }

    fn goes_on(&mut self, process: &Process, (before, after): (&Rollout, &Rollout), sent: Millis, world: &World) {
        if before.is_back() && !after.is_back() {
            self.broken("T3", world.now, "a rollback that had begun was unset");
        }
        let paused = |r: &Rollout| matches!(&r.phase, Phase::Paused { by, .. } if by == "cutover");
        let reason = self.pause_cause || self.cause || self.is_obstructed() || self.meddled.iter().any(|at| *at > Millis::ZERO);
        if paused(after) && !paused(before) && !reason && !after.phase.to_string().contains("got nowhere for") {
            self.broken("P2", world.now, format!("paused without a cause: {}", after.phase));
        }
        // Its size is what a person gave stable, where one did.
        let same = |a: &ComponentTarget, t: &ComponentTarget| {
            let replicas = if a.sized.is_some() { a.stable.replicas } else { t.stable.replicas };
            a.stable == Recorded { replicas, ..t.stable.clone() } && (a.sized.is_none() || a.sized <= Some(a.stable.replicas))
        };
        // Or somebody accepted what another one made of stable.
        let accepted = |id: &str| self.accepts.contains(id) && before.answer(id).is_none();
        let by_word = after.orders.iter().any(|a| a.refused.is_none() && accepted(&a.order));
        if !by_word && before.targets.iter().any(|(name, t)| after.targets.get(name).is_none_or(|a| !same(a, t))) {
            self.broken("V2", world.now, "what a rollback goes back to was changed");
        }
        // An order to scale is answered only once it is done: it acts from when it is on record.
        let known = |r: &Rollout, id: &str| r.answer(id).is_some() || r.scalings.iter().any(|s| s.order == id);
        let taken = after.orders.iter().filter(|a| a.refused.is_none()).map(|a| &a.order);
        for order in taken.chain(after.scalings.iter().map(|s| &s.order)).filter(|id| !known(before, id)) {
            let Some((run, turn)) = self.marks.get(order) else { continue };
            let moved = *run != before.id || *turn < before.turn;
            let back = after.is_back();
            if moved && !back {
                self.broken("H1", world.now, format!("an order seen at turn {turn} acted at turn {}", before.turn));
            }
        }
        if after.cursor > before.cursor && !after.is_back() {
            self.passed(process, (before, after), sent, world);
        }
    }

    /// A step was left behind: a hold only after its time, with evidence, or by somebody's word.
    fn passed(&mut self, process: &Process, (before, after): (&Rollout, &Rollout), sent: Millis, world: &World) {
        let by_word = after.express || after.overrides.len() > before.overrides.len();
        let Some(Step::Hold(length)) = before.step() else { return };
        let told = before.orders.len() != after.orders.len();
        if by_word || told {
            return;
        }
        let weight = before.asked.percent();
        if self.bad_throughout(world, before) && weight > 0 && !self.obstacle {
            self.broken("T5", world.now, format!("a fifth of the requests fail, and the hold at {weight} % was passed"));
        }
        self.of_its_version(before, weight, sent, world);
        let judged = matches!(before.release.strategy, Strategy::Canary(_));
        // Two intervals, ten seconds that requests may take, and as much until the decision was stored.
        // Evidence is stored: the last life's counts, too.
        // A sleep is hidden from both clocks where one stood still and the other was set back meanwhile.
        let hidden = self.set_back.min(process.stood);
        let fresh = self.sampled.is_some_and(|at| sent.minus(at) <= Millis(INTERVAL.0 * 3 + 12_000).plus(hidden));
        if judged && weight > 0 && !fresh && !self.obstacle {
            self.broken("T5", world.now, format!("the hold at {weight} % was passed without fresh samples: {:?}", self.sampled));
        }
        if let Some(entry) = self.entry(before).filter(|_| !self.state_lost).cloned() {
            // What it slept through somebody else may have watched.
            let slept = if entry.who == process.who() && entry.alone { process.slept.minus(entry.slept) } else { Millis::ZERO };
            let lasted = world.now.minus(entry.at).minus(slept);
            // Clocks may run two percent fast, and the last look counts.
            if lasted.plus(Millis::secs(2)).0 * 100 < length.0 * 97 {
                self.broken("C1", world.now, format!("a hold of {length} was passed after {lasted}"));
            }
        }
    }

    /// What was seen of a version that is not the run's is no evidence for it.
    fn of_its_version(&mut self, before: &Rollout, weight: u8, sent: Millis, world: &World) {
        // A look may be as old.
        let known = self.replaced.is_some_and(|at| sent.minus(at) > Millis::secs(15));
        let of_this = |flag: &Option<(String, Millis)>| flag.clone().filter(|(run, _)| *run == before.id);
        let long_ago = |flag: &Option<(String, Millis)>| of_this(flag).is_some_and(|(_, at)| sent.minus(at) > Millis::secs(15));
        if weight > 0 && self.restarted.iter().any(long_ago) {
            self.broken("T8", world.now, format!("the hold at {weight} % was passed by pods of another template"));
        }
        // Somebody may have accepted it.
        let wanted = |p: &Part| before.targets.get(&p.declared.name).is_some_and(|t| t.images.iter().any(|i| i.image == OTHER));
        let other = |p: &&Part| p.candidate.as_ref().is_some_and(|d| d.image == OTHER) && !wanted(p);
        if let Some(part) = world.parts.iter().find(other).filter(|_| weight > 0 && known) {
            let name = &part.declared.name;
            self.broken(
                "T8",
                world.now,
                format!("{name}: the hold at {weight} % of {:?} was passed by {OTHER}", before.targets.get(name).map(|t| &t.images)),
            );
        }
    }

    /// Whether the new version failed from before this step began.
    fn bad_throughout(&self, world: &World, before: &Rollout) -> bool {
        let since = self.entry(before).map(|e| e.at);
        world.nature.bad && self.bad_since.zip(since).is_some_and(|(bad, since)| bad <= since)
    }

    /// Whether pods of the candidate stay that nobody wants: none are kept, none was ordered, no autoscaler owns them.
    fn leaves_pods(&self, after: &Rollout, part: &Part) -> bool {
        let canary = matches!(after.release.strategy, Strategy::Canary(_)) && after.release.keep == Millis::ZERO;
        canary && !self.sized && part.neighbour.is_none() && part.candidate.as_ref().is_some_and(|d| d.replicas > 0 && d.scaler.is_none())
    }

    /// The end says what the world is like, as far as the process could know.
    fn ended(&mut self, process: &Process, after: &Rollout, world: &World) {
        let looked = process.look.as_ref().map_or(Millis::ZERO, |(at, _)| *at);
        // It may have ended long before that could be put on record.
        let over = self.sent_over.get(&(process.name(), after.id.clone())).copied().unwrap_or(world.now);
        for part in &world.parts {
            let name = &part.declared.name;
            let Some(target) = after.targets.get(name) else { continue };
            if self.was_meddled(world, name, looked.min(over).minus(Millis::secs(1)).min(world.now.minus(Millis::secs(60)))) {
                continue;
            }
            let image = |track| {
                let side = if track == Track::Stable { &part.stable } else { &part.candidate };
                side.as_ref().map(|d| d.image.clone())
            };
            let weighs = part.route.as_ref().map_or(0, |r| r.candidate);
            let switched = matches!(after.release.strategy, Strategy::BlueGreen(_));
            let undone = target.undo.is_some();
            let (old, new) = (target.stable.images.first().map(|i| i.image.clone()), target.images.first().map(|i| i.image.clone()));
            let text = match after.phase {
                Phase::RolledBack | Phase::Completed if part.route.as_ref().is_some_and(|r| r.testers) => {
                    Some(format!("{}, and testers still go to the candidate", after.phase))
                }
                Phase::RolledBack if weighs > 0 => Some(format!("rolled back with {weighs} on the candidate")),
                Phase::RolledBack if self.leaves_pods(after, part) => Some("rolled back, and the candidate's pods are still there".into()),
                Phase::RolledBack if image(Track::Stable) != old && part.stable.is_some() => {
                    Some(format!("rolled back, and stable runs {:?}", image(Track::Stable)))
                }
                Phase::Completed if switched && part.route.as_ref().is_some_and(|r| r.stable > 0) => {
                    Some("switched, and the old colour serves".into())
                }
                Phase::Completed if !switched && !undone && image(Track::Stable) != new => {
                    Some(format!("done, and stable runs {:?}", image(Track::Stable)))
                }
                Phase::Completed if !switched && weighs > 0 => Some(format!("done with {weighs} on the candidate")),
                _ => None,
            };
            if let Some(text) = text {
                self.broken("V3", world.now, format!("{name}: {text}"));
            }
        }
    }
}
