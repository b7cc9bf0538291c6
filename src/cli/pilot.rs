//! What a headless command does with a driver: it gives an order, looks at every snapshot, answers approvals that are
//! scripted, and lets go when what was asked is settled. Decides from data alone, so that a rehearsal repeats exactly.

pub mod goal;
pub mod narrator;
mod scaled;

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::domain::command::{Command, Order, Refusal};
use crate::domain::holder::shown;
use crate::domain::image::Image;
use crate::domain::journal::TOOK_OVER;
use crate::domain::rollout::{Phase, Rollout};
use crate::domain::time::Millis;
use crate::domain::view::{Driver, View};

use super::exit::Exit;
use super::run::wants;

pub use goal::{Ending, Goal};
pub use narrator::{Line, Narrator};
use scaled::Scaled;

/// An answer that is given for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scripted {
    /// Label of the approval it answers; any when `None`.
    pub at: Option<String>,
    /// How long the person takes.
    pub after: Millis,
    /// What the person says.
    pub command: Command,
}

/// What is to be done next.
#[derive(Clone, Debug, PartialEq)]
pub enum Move {
    /// Print a line.
    Say(Line),
    /// Give an order.
    Give(Order),
    /// Let go.
    LetGo,
}

/// A headless command under way.
#[derive(Debug)]
pub struct Pilot {
    goal: Goal,
    order: Option<String>,
    /// The images of a run that was ordered: where another process began the same one first, it is that one.
    wanted: Option<BTreeMap<String, Image>>,
    /// The pods that an order to scale waits for.
    scaled: Option<Scaled>,
    deadline: Option<Millis>,
    script: Vec<Scripted>,
    narrator: Narrator,
    /// The turn that was answered last, so that each approval is answered once.
    answered: Option<u64>,
    /// Whether we have driven, and whom we come after.
    drove: bool,
    leaving: Option<String>,
    ending: Option<Ending>,
    last: Option<View>,
}

impl Pilot {
    /// Waits for `goal` after `order` (its id) was given, until `deadline` on the driver's monotonic clock.
    /// What happened before `since` is not told again.
    pub fn new(goal: Goal, order: Option<String>, deadline: Option<Millis>, since: Timestamp) -> Pilot {
        let narrator = Narrator::new(since);
        Pilot {
            goal,
            order,
            wanted: None,
            scaled: None,
            deadline,
            script: Vec::new(),
            narrator,
            answered: None,
            drove: false,
            leaving: None,
            ending: None,
            last: None,
        }
    }

    /// Answers approvals for people who are not there.
    pub fn with_script(mut self, script: Vec<Scripted>) -> Pilot {
        self.script = script;
        self
    }

    /// Comes after another driver, which may still hold the Lease.
    pub fn after(mut self, leaving: Option<String>) -> Pilot {
        self.leaving = leaving;
        self
    }

    /// Joins a run to the same images that another process was quicker to begin, or has carried to its end already.
    pub fn joining(mut self, images: Option<BTreeMap<String, Image>>) -> Pilot {
        self.wanted = images;
        self
    }

    /// Waits for the pods that this order asks for, if it asks for some.
    pub fn scaling(mut self, command: Option<&Command>) -> Pilot {
        self.scaled = command.and_then(Scaled::of);
        self
    }

    /// How it ended, once it has.
    pub fn ending(&self) -> Option<&Ending> {
        self.ending.as_ref()
    }

    /// The newest snapshot.
    pub fn last(&self) -> Option<&View> {
        self.last.as_ref()
    }

    /// Looks at a snapshot.
    pub fn see(&mut self, view: &View) -> Vec<Move> {
        let mut moves: Vec<Move> = self.narrator.tell(view).into_iter().map(Move::Say).collect();
        self.join(view);
        if self.ending.is_none() {
            let late = self.deadline.is_some_and(|at| view.now.mono >= at);
            self.ending = goal::settled(self.goal, self.order.as_deref(), view).or_else(|| self.scaled(view)).or_else(|| self.yields(view));
            if self.ending.is_none() && late {
                let scaled = self.scaled.as_ref().and_then(|s| s.timed_out(view));
                self.ending = Some(scaled.unwrap_or_else(|| goal::timed_out(self.goal, Some(view))));
            }
            match &self.ending {
                Some(_) => moves.push(Move::LetGo),
                None => moves.extend(self.scripted(view).map(Move::Give)),
            }
        }
        self.last = Some(view.clone());
        moves
    }

    /// Whether the pods are there that were asked for.
    fn scaled(&mut self, view: &View) -> Option<Ending> {
        let taken = self.order.as_ref().is_some_and(|id| matches!(view.answers.get(id), Some(None)));
        self.scaled.as_mut().filter(|_| taken)?.settled(view)
    }

    /// Where driving is all that was asked, it is over when somebody else does it.
    fn yields(&mut self, view: &View) -> Option<Ending> {
        match &view.driver {
            Driver::Us { .. } => self.drove = true,
            Driver::Other { holder, .. } if self.goal == Goal::Drive && (self.drove || self.leaving.as_ref() != Some(holder)) => {
                let took = if self.drove { format!("{} {TOOK_OVER}", shown(holder)) } else { format!("{} drives it", shown(holder)) };
                return Some(Ending { exit: Exit::Done, text: format!("{}: {took}; nothing is left to do here", view.release.name) });
            }
            Driver::Other { .. } | Driver::Nobody => {}
        }
        None
    }

    fn join(&mut self, view: &View) {
        let Some(Some(Some(why))) = self.order.as_ref().map(|id| view.answers.get(id)) else { return };
        let done = |r: &Rollout| r.phase == Phase::Completed && *why == Refusal::Unchanged.to_string();
        let under_way = |r: &Rollout| !r.is_over() && !r.is_back();
        let same = |r: &&Rollout| self.wanted.as_ref().is_some_and(|images| wants(r, images));
        if view.rollout.as_ref().filter(same).is_some_and(|r| under_way(r) || done(r)) {
            self.order = None;
        }
    }

    /// The answer to an approval that has waited long enough.
    fn scripted(&mut self, view: &View) -> Option<Order> {
        let r = view.rollout.as_ref().filter(|r| r.phase == Phase::Progressing && self.answered != Some(r.turn))?;
        let label = r.approval()?;
        let answer = self.script.iter().find(|s| s.at.as_ref().is_none_or(|at| at == label))?;
        (view.now.since(r.entered) >= answer.after).then(|| {
            self.answered = Some(r.turn);
            let id = format!("{}-{}", r.id, r.turn);
            Order { id, command: answer.command.clone(), actor: "script".to_owned(), at: view.now.wall, mark: Some(r.mark()) }
        })
    }
}

/// An order's id: unique on this machine, and unlikely to be met on another.
pub fn order_id(at: Timestamp, process: u32) -> String {
    format!("{:x}-{process:x}", at.as_nanosecond())
}
