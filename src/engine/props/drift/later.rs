//! What came after an order was given, or after a hold began, is not what was meant.

use super::*;

#[test]
fn a_weight_set_by_hand_goes_over_what_stood_there_and_over_nothing_later() {
    let mut run = at_ten();
    run.order(Command::SetWeight(Weight::capped(30))).unwrap();
    // Its write comes to nothing, and somebody else is quicker than the next one.
    let lost = decide(run.rollout.as_ref().unwrap(), &run.world.observe(), &run.world.judgement(), run.world.now);
    assert_eq!(lost.actions.len(), 1);
    run.rollout = Some(lost.rollout);
    run.world.meddle("backend", 60);
    run.turns(3);
    assert_eq!((run.world.weight("backend"), run.rollout.as_ref().unwrap().drifts.len()), (60, 1));
}

#[test]
fn a_weight_that_was_asked_for_before_somebody_else_wrote_does_not_go_over_that() {
    let mut run = at_ten();
    let at = run.world.now.wall;
    run.world.pass(Millis::secs(2));
    run.world.meddle("backend", 60);
    // It lay there meanwhile: its driver was not alive.
    let order = Order { id: "left".into(), command: Command::SetWeight(Weight::capped(30)), actor: "me".into(), at, mark: None };
    let next = after(&run.world.release, run.rollout.as_ref(), Some(&run.world.observe()), &order, run.world.now);
    run.rollout = Some(next.unwrap());
    run.turns(3);
    assert_eq!((run.world.weight("backend"), run.rollout.as_ref().unwrap().drifts.len()), (60, 1));
    run.order(Command::SetWeight(Weight::capped(20))).unwrap();
    run.turns(3);
    assert_eq!(run.world.weight("backend"), 20, "who saw it meant it");
}

#[test]
fn who_begins_to_drive_in_a_hold_finds_what_somebody_wrote_since() {
    let mut run = at_ten();
    assert!(matches!(run.step(), Some(Step::Hold(_))));
    // What the routes held was seen by a driver that died before it put that on record.
    let target = run.rollout.as_mut().unwrap().targets.get_mut("backend").unwrap();
    std::sync::Arc::make_mut(target).held = None;
    run.world.pass(Millis::secs(2));
    run.world.meddle("backend", 0);
    run.turns(2);
    asks_about(&run, "candidate 10 → 0");
    assert_eq!(run.world.weight("backend"), 0);
    run.order(Command::Resume).unwrap();
    run.turns(2);
    assert_eq!(run.world.weight("backend"), 10);
}

#[test]
fn what_came_after_it_was_asked_to_accept_is_asked_about_first() {
    let mut run = at_ten();
    let at = run.world.now.wall;
    run.world.pass(Millis::secs(2));
    run.world.meddle("backend", 20);
    let order = Order { id: "left".into(), command: Command::AcceptDrift, actor: "me".into(), at, mark: None };
    let next = after(&run.world.release, run.rollout.as_ref(), Some(&run.world.observe()), &order, run.world.now);
    let why = next.unwrap_err().to_string();
    assert!(why.contains("candidate 10 → 20") && why.contains("after it was asked"), "{why}");
    run.turns(2);
    asks_about(&run, "candidate 10 → 20");
    run.order(Command::AcceptDrift).unwrap();
    assert_eq!(run.rollout.as_ref().unwrap().asked, Weight::capped(20), "what was told is taken");
}
