//! When an order to scale is done: the Deployment has the replicas, and its pods are ready.

use jiff::Timestamp;

use crate::cli::exit::Exit;
use crate::domain::command::Command;
use crate::domain::observed::Workload;
use crate::domain::release::{Router, Track};
use crate::domain::view::View;

use super::goal::Ending;

/// What is waited for.
#[derive(Clone, Debug)]
pub struct Scaled {
    component: Option<String>,
    track: Track,
    replicas: u32,
    /// When the answer was first seen: what was read before says nothing of it.
    answered: Option<Timestamp>,
}

impl Scaled {
    /// What an order to scale waits for.
    pub fn of(command: &Command) -> Option<Scaled> {
        match command {
            Command::Scale { component, track, replicas } => {
                Some(Scaled { component: component.clone(), track: *track, replicas: *replicas, answered: None })
            }
            _ => None,
        }
    }

    /// How it ends, if it does now, once the order is answered.
    pub fn settled(&mut self, view: &View) -> Option<Ending> {
        let answered = *self.answered.get_or_insert(view.now.wall);
        let observed = view.observed.as_ref().filter(|o| o.at > answered && view.saved)?;
        let component = view.release.component(self.name(view)?)?;
        let w = observed.workload(&component.name, self.track)?;
        let by_weight = matches!(component.router, Router::Replicas { .. }) && view.rollout.as_ref().is_some_and(|r| !r.is_over());
        let there = w.replicas == self.replicas || (by_weight && w.replicas > self.replicas);
        match (there, by_weight) {
            (true, _) if w.is_settled() => Some(Ending { exit: Exit::Done, text: told(&component.name, w) }),
            (true, _) | (false, true) => None,
            (false, false) => {
                let who = w.replicas_by.as_ref().map_or("somebody else", |by| by.manager.as_str());
                let text = format!("{}: Deployment {} has {} replicas, set by {who} since", component.name, w.name, w.replicas);
                Some(Ending { exit: Exit::Error, text })
            }
        }
    }

    /// How it ends when its time has run out.
    pub fn timed_out(&self, view: &View) -> Option<Ending> {
        self.answered?;
        let name = self.name(view)?;
        let w = view.observed.as_ref()?.workload(name, self.track)?;
        let problem = w.problems.first().or(w.stalled.as_ref()).map(|p| format!(": {p}")).unwrap_or_default();
        Some(Ending { exit: Exit::TimedOut, text: format!("timed out: {}{problem}", told(name, w)) })
    }

    fn name<'a>(&'a self, view: &'a View) -> Option<&'a str> {
        self.component.as_deref().or(view.release.components.first().map(|c| c.name.as_str()))
    }
}

fn told(component: &str, w: &Workload) -> String {
    format!("{component}: Deployment {} has {} of {} pods ready", w.name, w.ready, w.replicas)
}
