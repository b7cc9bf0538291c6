//! People at the screen: one approves what waits for it, one resumes what was paused.

use cutover::domain::command::{Command, Mark};
use cutover::domain::release::Router;
use cutover::domain::rollout::Phase;
use cutover::domain::step::Step;
use cutover::domain::time::Millis;

use super::process::Process;
use super::{Event, Run};
use crate::script::TROUBLE;

/// How often they look.
const LOOKS: Millis = Millis::secs(8);

impl Run<'_> {
    pub(super) fn people(&mut self) {
        self.after(LOOKS, Event::People);
        let Some(who) = self.processes.iter().position(|p| p.alive.is_some() && p.may_write && self.world.now >= p.sleeps_until) else {
            return;
        };
        let Some(r) = self.rollout() else { return };
        let mark = Some(r.mark());
        match (&r.phase, r.step()) {
            (Phase::Progressing, Some(Step::Approve(_))) if self.script.approver => self.order(who, Command::Approve, mark),
            (Phase::Paused { .. }, _) if self.script.resumer && self.world.now < TROUBLE.plus(Millis::secs(30)) => {
                self.order(who, Command::Resume, mark);
            }
            _ => {}
        }
    }
}

impl Process {
    /// What its screen shows, or showed before the last order.
    pub(super) fn shown(&self, stale: bool) -> Option<Mark> {
        let now = self.core.rollout().map(|r| r.mark());
        if stale { self.earlier.clone().or(now) } else { now }
    }

    /// Components whose traffic a rollback takes back at once, from memory: the process has seen them.
    pub(super) fn routes_to_take_back(&self) -> Vec<String> {
        let (Some(run), Some(seen)) = (self.core.rollout(), self.core.observed()) else { return vec![] };
        if !self.may_write || run.is_over() || run.is_back() {
            return vec![];
        }
        let out = |name: &&String| {
            let Some(c) = seen.components.get(*name) else { return false };
            // An undo's release has no routes, whatever was looked at before it was known.
            let unrouted = run.release.component(name).is_some_and(|c| matches!(c.router, Router::Replicas { .. } | Router::None));
            // Pods that are being taken away are scaled up again first.
            let answers = c.stable.as_ref().is_some_and(|s| s.ready_addresses > 0 && s.replicas > 0);
            !unrouted && c.route.as_ref().is_ok_and(|f| f.candidate > 0) && answers
        };
        run.targets.keys().filter(out).cloned().collect()
    }

    pub(super) fn remember_screen(&mut self) {
        self.earlier = self.earlier.take().or_else(|| self.core.rollout().map(|r| r.mark()));
    }
}
