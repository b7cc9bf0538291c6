//! Routes whose weights sum to little, alone and shared with others.

use super::*;

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
