//! The morning after: nothing is in the way any more, and somebody takes back what still waits for people.

use cutover::domain::command::Command;
use cutover::domain::time::Millis;

use super::Run;

/// How long a rollback may take then: pods come up, Leases of the dead run out.
const ENDS_WITHIN: Millis = Millis::mins(3);

impl Run<'_> {
    pub(super) fn morning(&mut self) {
        (self.world.limp, self.world.fall, self.world.scrapes.down) = (0, 0, false);
        self.world.quota = None;
        let now = self.world.now;
        if self.processes.first().is_none_or(|p| p.alive.is_none() || p.away > Millis::ZERO || now < p.sleeps_until) {
            // Nobody has a console open: a new one is begun.
            self.kill(0, Millis::ZERO);
            self.start(0);
        }
        let mark = self.processes.first().and_then(|p| p.shown(false));
        self.order(0, Command::RollBack, mark);
        self.until(now.plus(ENDS_WITHIN), |run| run.rollout().is_some_and(|r| r.is_over()));
        self.laws.in_the_morning(&self.world);
    }
}
