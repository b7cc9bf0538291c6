//! Routes whose weights sum to little, alone and shared with others.

use super::*;
use crate::domain::object::{Kind, ObjectRef};
use crate::domain::route::RouteProblem;

#[test]
fn a_route_whose_total_is_too_small_is_given_one_that_is_not() {
    for total in [1, 2, 10] {
        let mut run = Run::new(canary(&["backend"]));
        *run.world.parts("backend") = (total, 0);
        run.order(start_of(&["backend"])).unwrap();
        run.turns(90);
        assert_eq!(run.weights, [0, 10, 25, 50, 75, 100], "total {total}");
        run.order(Command::RollBack).unwrap();
        run.turns(10);
        assert_eq!((run.phase(), run.world.parts("backend").1), (Phase::RolledBack, 0));
    }
}

#[test]
fn what_is_set_or_stepped_back_to_nothing_gets_nothing() {
    for command in [Command::SetWeight(Weight::ZERO), Command::StepBack] {
        for (release, name) in [(canary(&["backend"]), "backend"), (by_replicas(), "web")] {
            let mut run = Run::started(release);
            while run.world.weight(name) == 0 {
                run.turn();
            }
            run.turns(2);
            // Whatever the candidate is like by now.
            run.world.broken = true;
            run.order(command.clone()).unwrap();
            run.turns(6);
            assert_eq!(run.world.weight(name), 0, "{command} {name}: {:?}", run.rollout.unwrap().waiting);
            assert!(matches!(run.phase(), Phase::Paused { .. }));
            run.world.broken = false;
            run.order(Command::Resume).unwrap();
            run.turns(12);
            assert!(run.world.weight(name) > 0, "{command} {name}: and on it goes");
        }
    }
}

#[test]
fn taken_down_to_nothing_a_weight_may_be_set_again() {
    for weight in [4, 10, 40] {
        for (release, name) in [(canary(&["backend"]), "backend"), (by_replicas(), "web")] {
            let mut run = Run::started(release);
            assert!(run.order(Command::SetWeight(Weight::capped(weight))).is_err(), "the candidate is not ready yet");
            run.turns(12);
            run.order(Command::StepBack).unwrap();
            run.turns(8);
            assert_eq!(run.world.weight(name), 0, "{name}");
            run.order(Command::SetWeight(Weight::capped(weight))).unwrap();
            run.turns(12);
            let nearest = if name == "web" { run.world.weight(name) } else { u32::from(weight) };
            assert_eq!(run.world.weight(name), nearest, "{name} {weight}: {:?}", run.rollout);
            assert!(run.world.weight(name) > 0 || (name, weight) == ("web", 4), "{name} {weight}: {:?}", run.rollout);
            assert!(matches!(run.phase(), Phase::Paused { .. }));
        }
    }
}

#[test]
fn a_small_total_that_others_share_is_refused_before_the_first_write_and_goes_back_all_the_same() {
    let mut run = Run::new(canary(&["backend", "frontend"]));
    *run.world.parts("frontend") = (1, 0);
    run.world.share_out("frontend", false);
    let refused = run.order(start_of(&["backend", "frontend"])).unwrap_err();
    assert!(matches!(&refused, Refusal::Weight { component, why } if component == "frontend" && why.contains("sum to 1")), "{refused}");
    // It was 100 when the run began, and is 1 now: nothing is written that is not what was asked.
    run.world.share_out("frontend", true);
    run.order(start_of(&["backend", "frontend"])).unwrap();
    run.turns(10);
    assert_eq!(run.world.weight("frontend"), 10);
    run.world.share_out("frontend", false);
    *run.world.parts("frontend") = (0, 1);
    run.turns(5);
    run.order(Command::Resume).unwrap();
    run.turns(30);
    assert_eq!(*run.world.parts("frontend"), (0, 1), "10 % cannot be said in ones");
    assert!(run.rollout.as_ref().unwrap().waiting.as_ref().unwrap().contains("cannot express"), "{:?}", run.rollout);
    assert!(matches!(run.order(Command::SetWeight(Weight::capped(30))), Err(Refusal::Weight { .. })));
    run.order(Command::RollBack).unwrap();
    run.turns(10);
    assert_eq!((run.phase(), *run.world.parts("frontend")), (Phase::RolledBack, (1, 0)));
}

/// A canary at its second weight, on its way back.
fn going_back(unseen: Option<RouteProblem>) -> Run {
    let mut run = Run::started(canary(&["backend"]));
    while run.world.weight("backend") < 25 {
        run.turn();
    }
    run.order(Command::RollBack).unwrap();
    run.world.unseen = unseen;
    run
}

fn unfit(sends: bool) -> RouteProblem {
    RouteProblem::Unfit { object: ObjectRef::new(Kind::VirtualService, "shop", "backend"), why: "no pair".into(), sends }
}

#[test]
fn while_a_route_cannot_be_seen_the_candidates_pods_stay_and_the_rollback_is_not_over() {
    for problem in [RouteProblem::Unread("500".into()), RouteProblem::Forbidden("get".into()), unfit(true)] {
        let mut run = going_back(Some(problem.clone()));
        run.turns(120);
        assert!(matches!(run.phase(), Phase::RollingBack { routes_held: None, .. }), "{problem}: {}", run.phase());
        let waiting = run.rollout.as_ref().unwrap().waiting.clone().unwrap_or_default();
        assert!(waiting.contains(&problem.to_string()), "{waiting}");
        assert!(run.world.workload("backend", Track::Candidate).replicas > 0, "{problem}");
        assert_eq!(run.world.weight("backend"), 0, "{problem}: it was written as it was last known");
        run.world.unseen = None;
        run.turns(10);
        assert_eq!((run.phase(), run.world.workload("backend", Track::Candidate).replicas), (Phase::RolledBack, 0), "{problem}");
    }
}

#[test]
fn a_route_that_does_not_name_the_candidate_any_more_keeps_no_rollback_open() {
    let mut run = going_back(Some(unfit(false)));
    *run.world.parts("backend") = (100, 0);
    run.turns(20);
    assert_eq!((run.phase(), run.world.workload("backend", Track::Candidate).replicas), (Phase::RolledBack, 0));
}

/// A canary that is rolled back, and keeps its pods for a minute.
fn back_with_its_pods() -> Run {
    let mut run = going_back(None);
    std::sync::Arc::make_mut(&mut run.rollout.as_mut().unwrap().release).keep = Millis::mins(1);
    run.turns(6);
    assert_eq!(run.phase(), Phase::RolledBack);
    run
}

#[test]
fn pods_that_are_kept_after_a_rollback_stay_longer_while_the_route_cannot_be_seen() {
    let mut run = back_with_its_pods();
    run.world.unseen = Some(RouteProblem::Unread("500".into()));
    run.turns(40);
    assert!(run.world.workload("backend", Track::Candidate).replicas > 0, "its time is over, and somebody may send to it");
    run.world.unseen = None;
    run.turns(4);
    assert_eq!(run.world.workload("backend", Track::Candidate).replicas, 0);
}

#[test]
fn a_clock_that_is_set_back_keeps_no_pods_longer_than_they_were_to_stay() {
    let mut run = back_with_its_pods();
    run.world.now.wall -= Millis::mins(60).duration();
    run.turns(8);
    assert!(run.world.workload("backend", Track::Candidate).replicas > 0);
    run.turns(8);
    assert_eq!(run.world.workload("backend", Track::Candidate).replicas, 0);
}

#[test]
fn without_a_run_what_cannot_be_seen_is_not_said_to_send_nothing() {
    let mut run = Run::new(canary(&["backend"]));
    run.world.unseen = Some(RouteProblem::Unread("500".into()));
    let refused = run.order(Command::RollBack).unwrap_err().to_string();
    assert!(refused.contains("500") && refused.contains("cannot be told"), "{refused}");
}

#[test]
fn an_old_colour_stays_while_the_route_cannot_be_seen() {
    let mut run = Run::started(blue_green());
    run.turns(20);
    run.order(Command::Approve).unwrap();
    while !matches!(run.step(), Some(Step::Retire(_))) {
        run.turn();
    }
    run.world.unseen = Some(RouteProblem::Unread("500".into()));
    run.turns(60);
    assert!(run.world.workload("web", Track::Stable).replicas > 0, "{:?}", run.rollout.unwrap().waiting);
    run.world.unseen = None;
    run.turns(10);
    assert_eq!((run.phase(), run.world.workload("web", Track::Stable).replicas), (Phase::Completed, 0));
}

#[test]
fn two_components_that_were_found_on_one_route_are_not_begun_together() {
    let mut run = Run::new(canary(&["backend", "frontend"]));
    let mut observed = run.world.observe();
    let route = observed.components["backend"].route.clone();
    observed.components.get_mut("frontend").unwrap().route = route;
    let order =
        Order { id: "o".into(), command: start_of(&["backend", "frontend"]), actor: "me".into(), at: run.world.now.wall, mark: None };
    let refused = after(&run.world.release, None, Some(&observed), &order, run.world.now).unwrap_err().to_string();
    assert!(refused.contains("frontend and backend both move VirtualService backend"), "{refused}");
    run.order(start_of(&["backend", "frontend"])).unwrap();
}

/// Of a promotion that no record tells of.
#[test]
fn without_a_record_it_is_said_where_stable_runs_what_is_taken_back() {
    for (image, told) in [(NEW, true), (OLD, false)] {
        let mut run = Run::new(canary(&["backend"]));
        run.world.workload("backend", Track::Stable).containers[0].image = image.into();
        run.world.workload("backend", Track::Candidate).containers[0].image = NEW.into();
        run.world.workload("backend", Track::Candidate).replicas = 4;
        run.world.pass(Millis::secs(60));
        *run.world.parts("backend") = (0, 100);
        run.order(Command::RollBack).unwrap();
        run.turns(10);
        assert_eq!((run.phase(), run.world.weight("backend")), (Phase::RolledBack, 0));
        let said = crate::engine::rollback::same_version(&run.rollout.unwrap());
        assert_eq!(said.is_some_and(|s| s.contains("`cutover undo --component backend`")), told, "{image}");
    }
}

#[test]
fn the_checklist_tells_when_the_traffic_was_back_also_once_all_else_is_done() {
    let mut run = Run::started(canary(&["web"]));
    while run.world.weight("web") == 0 {
        run.turn();
    }
    run.order(Command::RollBack).unwrap();
    let after = |run: &Run| {
        let r = run.rollout.as_ref().unwrap();
        let list = super::super::checklist::checklist(r, Some(&run.world.observe()), &run.world.judgement(), run.world.now).unwrap();
        let done = |line: &crate::domain::checklist::Line| match &line.state {
            crate::domain::checklist::LineState::Done { after } => Some(*after),
            _ => None,
        };
        list.lines.iter().map(done).collect::<Vec<_>>()
    };
    while after(&run)[0].is_none() || run.phase() != Phase::RolledBack {
        run.turn();
    }
    let first = after(&run);
    assert!(first[0].is_some() && first[0] < *first.last().unwrap(), "the route first, the pods last: {first:?}");
    run.turns(5);
    assert_eq!(after(&run), first, "and it stays so");
}
