//! Whole runs against the compact world, scripted and random.

mod argo_rollout;
mod auto_sync;
mod capacity;
mod colours;
mod drift;
mod random;
mod rolling;
mod room;
mod routes;
mod scale;
mod testers;

use std::collections::BTreeMap;

use super::preview::after;
use super::world::{NEW, OLD, World, blue_green, by_annotations, by_replicas, canary, kept, rolling, with_testers};
use super::{decide, guard};
use crate::domain::action::Action;
use crate::domain::command::{Command, Order, Refusal};
use crate::domain::image::Image;
use crate::domain::observed::Autoscaler;
use crate::domain::release::Strategy as Kind;
use crate::domain::release::{Canary, Component, Release, Router, Stage, Track};
use crate::domain::rollout::{Phase, Rollout};
use crate::domain::step::Step;
use crate::domain::time::Millis;
use crate::domain::verdict::{Doubt, Verdict};
use crate::domain::weight::Weight;

/// A world, the run in it, and what happened.
struct Run {
    world: World,
    rollout: Option<Rollout>,
    orders: u32,
    weights: Vec<u32>,
    /// How long a turn lasts.
    pace: Millis,
}

impl Run {
    fn new(release: Release) -> Run {
        Run { world: World::new(release), rollout: None, orders: 0, weights: vec![], pace: Millis::secs(5) }
    }

    fn started(release: Release) -> Run {
        let mut run = Run::new(release);
        let images = run.world.release.components.iter().map(|c| (c.name.clone(), Image::parse(NEW).unwrap())).collect();
        run.order(Command::Start { images, cause: None }).unwrap();
        run
    }

    fn order(&mut self, command: Command) -> Result<(), Refusal> {
        self.orders += 1;
        let order = Order { id: format!("o{}", self.orders), command, actor: "me".into(), at: self.world.now.wall, mark: None };
        self.rollout = Some(after(&self.world.release, self.rollout.as_ref(), Some(&self.world.observe()), &order, self.world.now)?);
        Ok(())
    }

    /// One decision, its writes, and some time.
    fn turn(&mut self) {
        let Some(rollout) = &self.rollout else { return };
        let decision = decide(rollout, &self.world.observe(), &self.world.judgement(), self.world.now);
        let mut rollout = decision.rollout;
        for (action, precondition) in &decision.actions {
            check_write(&self.world, &rollout, action);
            let outcome = self.world.apply(action, *precondition);
            if let Action::SuspendSync { application, .. } = action {
                super::auto_sync::written(&mut rollout, application, &outcome, self.world.now);
            }
        }
        self.rollout = Some(rollout);
        let first = self.world.release.components[0].name.clone();
        let weight = self.world.weight(&first);
        if self.weights.last() != Some(&weight) {
            self.weights.push(weight);
        }
        self.world.pass(self.pace);
    }

    fn turns(&mut self, n: usize) {
        (0..n).for_each(|_| self.turn());
    }

    fn phase(&self) -> Phase {
        self.rollout.as_ref().unwrap().phase.clone()
    }

    fn step(&self) -> Option<&Step> {
        self.rollout.as_ref().unwrap().step()
    }

    fn image(&mut self, component: &str, track: Track) -> String {
        self.world.workload(component, track).containers[0].image.clone()
    }
}

/// What no write may ever do, whatever led to it.
fn check_write(world: &World, rollout: &Rollout, action: &Action) {
    if let Action::Route { component, facts, weight, .. } = action {
        let seen = world.observe();
        let rises = facts.rises_to(*weight);
        let whole = rollout.targets[component].stable.replicas;
        if rises {
            assert!(!rollout.is_back(), "a rollback never raises the candidate");
            let candidate = seen.workload(component, Track::Candidate).unwrap();
            assert!(candidate.ready_addresses > 0, "traffic goes up only on ready addresses");
            assert!(*weight <= guard::safe_weight(candidate.ready_addresses, whole), "traffic goes up only as far as the pods bear");
        } else if facts.candidate > 0 {
            let stable = seen.workload(component, Track::Stable).unwrap();
            let bears = guard::safe_weight(stable.ready_addresses, whole).percent() + weight.percent() >= 100;
            assert!(bears || rollout.is_back(), "only a rollback gives stable more than it bears");
            assert!(seen.workload(component, Track::Stable).unwrap().ready > 0, "traffic goes back only to where somebody answers");
        }
    }
    if let Action::Scale { component, target, to: 0, .. } = action
        && target.track == Track::Candidate
        && !matches!(rollout.release.components[0].router, Router::Replicas { .. })
    {
        assert_eq!(world.weight(component), 0, "nothing that gets traffic is scaled away");
    }
}

#[test]
fn a_canary_walks_its_steps_and_promotes() {
    let mut run = Run::started(canary(&["backend", "frontend"]));
    run.turns(90);
    assert_eq!(run.step(), Some(&Step::Approve("approve".into())), "{:?}", run.rollout);
    assert_eq!(run.weights, [0, 10, 25, 50, 75, 100]);
    run.order(Command::Approve).unwrap();
    run.turns(30);
    assert_eq!(run.phase(), Phase::Completed);
    assert_eq!((run.world.weight("backend"), run.world.weight("frontend")), (0, 0));
    assert_eq!(run.image("backend", Track::Stable), NEW);
    assert_eq!(run.world.workload("frontend", Track::Candidate).replicas, 0);
}

#[test]
fn holds_wait_for_evidence() {
    let mut run = Run::started(canary(&["backend"]));
    run.world.verdict = Verdict::Inconclusive(Doubt::NoData);
    run.turns(200);
    assert_eq!((run.world.weight("backend"), run.step()), (10, Some(&Step::Hold(Millis::secs(60)))));
    run.order(Command::Advance).unwrap();
    assert_eq!(run.rollout.as_ref().unwrap().overrides.len(), 1, "going on without evidence is recorded");
    run.turns(10);
    assert_eq!(run.world.weight("backend"), 25);
}

#[test]
fn a_failing_gate_takes_it_back_even_while_paused() {
    for pause in [false, true] {
        let mut run = Run::started(canary(&["backend", "frontend"]));
        run.turns(40);
        assert!(run.world.weight("frontend") > 0);
        if pause {
            run.order(Command::Pause).unwrap();
        }
        run.world.verdict = Verdict::Rollback;
        run.turns(10);
        assert_eq!(run.phase(), Phase::RolledBack);
        assert_eq!((run.world.weight("backend"), run.world.weight("frontend")), (0, 0));
        assert_eq!(run.world.workload("backend", Track::Candidate).replicas, 0);
    }
}

#[test]
fn a_rollback_in_the_middle_of_promoting_restores_the_old_images() {
    let mut run = Run::started(canary(&["backend"]));
    run.turns(90);
    run.order(Command::Approve).unwrap();
    run.turns(2);
    assert_eq!(run.image("backend", Track::Stable), NEW);
    run.order(Command::RollBack).unwrap();
    run.turns(20);
    assert_eq!((run.phase(), run.world.weight("backend")), (Phase::RolledBack, 0));
    assert_eq!(run.image("backend", Track::Stable), OLD);
}

#[test]
fn a_completed_release_can_still_be_taken_back() {
    let mut run = Run::started(canary(&["backend"]));
    run.turns(90);
    run.order(Command::Approve).unwrap();
    run.turns(30);
    assert_eq!(run.phase(), Phase::Completed);
    run.order(Command::RollBack).unwrap();
    run.turns(20);
    assert_eq!((run.phase(), run.image("backend", Track::Stable).as_str()), (Phase::RolledBack, OLD));
}

#[test]
fn blue_green_switches_after_approval_and_swaps_roles() {
    let mut run = Run::started(blue_green());
    run.turns(20);
    assert_eq!((run.step(), run.world.weight("web")), (Some(&Step::Approve("switch".into())), 0));
    assert_eq!(run.world.workload("web", Track::Candidate).ready, 4, "all of the new colour is up before anybody is asked");
    run.order(Command::Approve).unwrap();
    run.turns(5);
    assert_eq!(run.world.weight("web"), 100);
    run.turns(40);
    assert_eq!(run.phase(), Phase::Completed);
    assert_eq!(run.world.workload("web", Track::Stable).replicas, 0, "the old colour is retired");
    // Taking it back scales the old colour first: traffic to nowhere helps nobody.
    run.order(Command::RollBack).unwrap();
    run.turn();
    assert_eq!((run.world.weight("web"), run.world.workload("web", Track::Stable).replicas), (100, 4));
    run.turns(10);
    assert_eq!((run.world.weight("web"), run.phase()), (0, Phase::RolledBack));
}

#[test]
fn pods_that_answer_still_and_are_not_wanted_any_more_get_no_traffic_back() {
    let mut run = Run::started(blue_green());
    run.turns(20);
    run.order(Command::Approve).unwrap();
    run.turns(5);
    assert_eq!(run.world.weight("web"), 100);
    let mut seen = run.world.observe();
    let old = seen.components.get_mut("web").unwrap().stable.as_mut().unwrap();
    assert!(old.ready > 0);
    old.replicas = 0;
    let moves = super::rollback::first_moves(run.rollout.as_ref().unwrap(), Some(&seen));
    assert!(matches!(moves[..], [(Action::Scale { from: 0, to: 4, .. }, _)]), "{moves:?}");
}

#[test]
fn the_next_blue_green_release_goes_the_other_way() {
    let mut run = Run::started(blue_green());
    run.order(Command::Pause).unwrap();
    run.order(Command::Resume).unwrap();
    run.turns(20);
    run.order(Command::Approve).unwrap();
    run.turns(60);
    assert_eq!(run.phase(), Phase::Completed);
    let images = BTreeMap::from([("web".to_owned(), Image::parse("shop/app:v3").unwrap())]);
    run.order(Command::Start { images, cause: None }).unwrap();
    let component = &run.rollout.as_ref().unwrap().release.components[0];
    assert_eq!((component.stable.as_str(), component.candidate.as_deref()), ("web-green", Some("web-blue")));
}

#[test]
fn a_ratio_canary_moves_pods_between_two_deployments() {
    let mut run = Run::started(by_replicas());
    run.turns(120);
    assert_eq!(run.weights.last(), Some(&100), "{:?}", run.rollout);
    run.order(Command::Approve).unwrap();
    run.turns(40);
    assert_eq!(run.phase(), Phase::Completed, "{:?}", run.rollout);
    assert_eq!((run.world.workload("web", Track::Stable).ready, run.world.workload("web", Track::Candidate).replicas), (4, 0));
}

#[test]
fn a_foreign_weight_pauses_and_is_not_overwritten() {
    let mut run = Run::started(canary(&["backend"]));
    run.turns(12);
    assert_eq!(run.world.weight("backend"), 10);
    run.world.meddle("backend", 60);
    run.turns(5);
    assert!(
        matches!(run.phase(), Phase::Paused { ref why, .. } if why.contains("candidate 10 → 60 by argocd-controller")),
        "{:?}",
        run.phase()
    );
    assert_eq!(run.world.weight("backend"), 60);
    run.order(Command::Resume).unwrap();
    run.turns(2);
    assert_eq!(run.world.weight("backend"), 10);
}

#[test]
fn a_double_press_cannot_skip_a_step() {
    let mut run = Run::started(canary(&["backend"]));
    run.turns(12);
    let r = run.rollout.clone().unwrap();
    let press =
        |id: &str| Order { id: id.into(), command: Command::Advance, actor: "me".into(), at: run.world.now.wall, mark: Some(r.mark()) };
    let once = super::command(&r, Some(&run.world.observe()), &press("a"), run.world.now).unwrap();
    let again = super::command(&once, Some(&run.world.observe()), &press("b"), run.world.now);
    assert!(matches!(again, Err(Refusal::Moved { .. })), "{again:?}");
    assert_eq!(super::command(&once, None, &press("a"), run.world.now).unwrap(), once, "the same order twice acts once");
}

#[test]
fn more_than_the_pods_bear_is_refused_with_the_safe_weight() {
    let mut run = Run::started(canary(&["backend"]));
    run.turns(12);
    run.world.workload("backend", Track::Candidate).hpa =
        Some(Autoscaler { name: "hpa".into(), min: 1, max: 1, current: 1, desired: 1, limited: true, metrics: vec![] });
    let refusal = run.order(Command::SetWeight(Weight::capped(90))).unwrap_err();
    assert!(matches!(&refusal, Refusal::CannotHold { safe, .. } if safe.percent() == 37), "{refusal}");
    assert!(refusal.to_string().contains("HPA hpa 1/1 at its ceiling"), "{refusal}");
    run.order(Command::SetWeight(Weight::capped(30))).unwrap();
    run.turns(3);
    assert_eq!(run.world.weight("backend"), 30);
    run.order(Command::StepBack).unwrap();
    run.turns(3);
    assert_eq!(run.world.weight("backend"), 25);
}

#[test]
fn pods_that_a_weight_needs_come_before_the_traffic() {
    let mut run = Run::started(canary(&["backend"]));
    run.turns(12);
    assert_eq!(run.world.workload("backend", Track::Candidate).replicas, 1);
    run.order(Command::SetWeight(Weight::capped(90))).unwrap();
    run.turn();
    assert_eq!((run.world.weight("backend"), run.world.workload("backend", Track::Candidate).replicas), (10, 4));
    run.turns(6);
    assert_eq!(run.world.weight("backend"), 90);
}

#[test]
fn a_candidate_that_never_comes_up_gets_no_traffic() {
    let mut run = Run::started(canary(&["backend"]));
    run.world.broken = true;
    run.turns(30);
    assert_eq!((run.step(), run.world.weight("backend")), (Some(&Step::Prepare), 0));
    let mut late = Run::started(canary(&["backend"]));
    late.world.broken = true;
    late.turns(130);
    assert_eq!(late.phase(), Phase::RolledBack, "ten minutes are enough");
    run.world.workload("backend", Track::Candidate).stalled = Some("ProgressDeadlineExceeded".into());
    run.turns(5);
    assert_eq!(run.phase(), Phase::RolledBack);
}

fn start_of(components: &[&str]) -> Command {
    let images = components.iter().map(|c| ((*c).to_owned(), Image::parse(NEW).unwrap()));
    Command::Start { images: images.collect(), cause: None }
}
