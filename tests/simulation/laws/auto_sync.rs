//! Argo CD's auto-sync: off before anything forward is written, or refused; back on by a person's order alone.

use std::collections::BTreeMap;

use cutover::domain::action::{Action, WriteOutcome};
use cutover::domain::owner::Reverts;

use super::Laws;
use crate::run::process::Process;
use crate::world::World;

/// After so many tries that came to nothing a run goes on without.
const TRIES: u32 = 3;

/// What became of suspending it.
#[derive(Default)]
pub struct AutoSync {
    /// Runs in which it landed or was refused.
    settled: Vec<String>,
    /// Tries that came to nothing, by run.
    tried: BTreeMap<String, u32>,
    /// Processes that were ordered to restore it.
    ordered: Vec<usize>,
}

impl Laws {
    /// Somebody ordered to restore it.
    pub fn restore_ordered(&mut self, who: usize) {
        self.auto_sync.ordered.push(who);
    }

    /// A suspension landed, or was answered.
    pub fn suspension(&mut self, outcome: &WriteOutcome, run: Option<String>) {
        let Some(run) = run else { return };
        let tried = self.auto_sync.tried.entry(run.clone()).or_default();
        *tried += 1;
        let over = match outcome {
            WriteOutcome::Landed => true,
            WriteOutcome::Refused { code, .. } => *code != 429 || *tried >= TRIES,
            WriteOutcome::Conflict { .. } | WriteOutcome::Unknown { .. } => *tried >= TRIES,
        };
        if over {
            self.auto_sync.settled.push(run);
        }
    }

    /// Nothing forward leaves before that, as far as the process can see that it heals itself.
    pub(super) fn after_the_suspension(&mut self, process: &Process, action: &Action, world: &World) {
        let lowers = matches!(action, Action::Route { facts, weight, .. } if !facts.rises_to(*weight));
        if action.is_beside() || lowers {
            return;
        }
        let owners = process.look.iter().flat_map(|(_, seen)| seen.components.values()).flat_map(|c| &c.owners);
        let mut healing = owners.filter(|o| o.reverts == Reverts::AtOnce && o.application.as_ref().is_some_and(|a| a.denied.is_none()));
        // Of its own run, as what is on record may be gone; of the record where there is none.
        let settled = process.core.rollout().or(world.run()).is_some_and(|r| self.auto_sync.settled.contains(&r.id));
        if healing.next().is_some() && !settled {
            self.broken("G1", world.now, format!("written while its Application heals itself, unasked: {action}"));
        }
    }

    /// Nobody restores it unasked.
    pub(super) fn asked_to_restore(&mut self, process: &Process, action: &Action, world: &World) {
        if !self.auto_sync.ordered.contains(&process.who()) {
            self.broken("G2", world.now, format!("{} restores what nobody asked it to: {action}", process.name()));
        }
    }

    /// A rollback's suspension leaves beside its routes, never before them.
    pub fn routes_first(&mut self, due: &[String], sent_before: &[String], world: &World) {
        if let Some(late) = due.iter().find(|name| !sent_before.contains(name)) {
            self.broken("G3", world.now, format!("a rollback was ordered and the suspension left before {late}"));
        }
    }
}
