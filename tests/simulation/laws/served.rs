//! Whoever gets traffic answers: looked at again after every raise, and for as long as the weight stands.

use std::collections::BTreeMap;

use cutover::domain::release::Track;
use cutover::domain::step::Step;
use cutover::domain::time::Millis;
use cutover::domain::view::Driver;

use super::Laws;
use crate::run::process::Process;
use crate::world::World;

/// Looks that follow each other by no more are one stretch.
const APART: Millis = Millis::secs(9);
/// For how long such a stretch may show a weight that no pod answers for: ten seconds, the looks about them, and a look whose record
/// could not be read.
const PATIENCE: Millis = Millis::secs(25);

/// What each process has seen, look by look.
#[derive(Default)]
pub struct Served {
    /// When a driver looked last.
    looked: BTreeMap<usize, Millis>,
    /// Since when its looks show a component without anybody to answer.
    bare: BTreeMap<(usize, String), Millis>,
}

impl Laws {
    /// A driver has looked, and decided.
    pub fn looked(&mut self, process: &Process, world: &World) {
        let Some((at, seen)) = &process.look else { return };
        let who = process.who();
        let core = &process.core;
        let drives = process.may_write && matches!(core.driver(), Driver::Us { .. }) && core.trouble("state").is_none();
        let before = self.served.looked.insert(who, *at);
        if !drives || world.is_turned() || before.is_none_or(|before| at.minus(before) > APART) {
            self.served.bare.retain(|(process, _), _| *process != who);
        }
        let Some(run) = core.rollout().filter(|_| drives && !world.is_turned()) else { return };
        let serves = matches!(run.step(), Some(Step::Shift(_) | Step::Hold(_) | Step::Approve(_) | Step::Retire(_)));
        for part in world.parts.iter().filter(|p| !p.by_ratio()) {
            let name = &part.declared.name;
            let share = seen.route(name).map_or(0, |f| f.percent());
            let nobody = seen.workload(name, Track::Candidate).is_some_and(|w| w.ready == 0);
            let key = (who, name.clone());
            if !(serves && !run.is_back() && !run.is_over() && share > 0 && nobody) {
                self.served.bare.remove(&key);
                continue;
            }
            let since = *self.served.bare.entry(key).or_insert(*at);
            if at.minus(since) > PATIENCE {
                let text = format!("{name}: for {} no pod answers, it gets {share} %, and nobody takes it back", at.minus(since));
                self.broken("P10", world.now, text);
            }
        }
    }
}
