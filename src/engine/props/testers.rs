//! Testers meet the candidate first, and nobody does once a run is over.

use super::super::checklist;
use super::*;
use crate::domain::beside::Beside;

/// Turns until something is so.
fn until(run: &mut Run, what: &str, so: impl Fn(&Run) -> bool) {
    for _ in 0..200 {
        if so(run) {
            return;
        }
        run.turn();
    }
    panic!("{what} never came: {:?}", run.rollout);
}

/// A canary with testers that gets a quarter of the traffic.
fn at_a_quarter() -> Run {
    let mut run = Run::started(with_testers(canary(&["backend"])));
    until(&mut run, "25 %", |r| r.world.weight("backend") == 25);
    run
}

#[test]
fn testers_are_let_in_before_the_first_weight_and_until_the_last() {
    let mut run = Run::started(with_testers(canary(&["backend", "frontend"])));
    until(&mut run, "the rule", |r| r.world.admits_testers("backend"));
    assert_eq!(run.world.weight("backend"), 0, "before anybody else");
    assert!(run.world.workload("backend", Track::Candidate).ready > 0, "and not before it is ready");
    until(&mut run, "75 %", |r| r.world.weight("backend") == 75);
    assert!(run.world.admits_testers("backend") && run.world.admits_testers("frontend"));
    until(&mut run, "100 %", |r| r.world.weight("backend") == 100);
    assert!(!run.world.admits_testers("backend"), "in the same write: everybody is a tester now");
    run.order(Command::StepBack).unwrap();
    until(&mut run, "75 % again", |r| r.world.weight("backend") == 75);
    assert!(run.world.admits_testers("backend"));
    run.order(Command::Resume).unwrap();
    run.order(Command::Promote).unwrap();
    until(&mut run, "the end", |r| r.phase() == Phase::Completed);
    assert!(!run.world.admits_testers("backend") && !run.world.admits_testers("frontend"));
    assert_eq!(run.world.workload("backend", Track::Candidate).replicas, 0, "nothing keeps it");
}

#[test]
fn nobody_is_let_in_while_it_is_paused() {
    let mut run = Run::started(with_testers(canary(&["backend"])));
    run.order(Command::Pause).unwrap();
    run.turns(12);
    assert!(run.world.workload("backend", Track::Candidate).ready > 0 && !run.world.admits_testers("backend"));
    run.order(Command::Resume).unwrap();
    until(&mut run, "the rule", |r| r.world.admits_testers("backend"));
}

#[test]
fn nobody_is_let_in_by_an_accepted_weight_before_it_goes_on() {
    let mut run = at_a_quarter();
    // Somebody made the route anew.
    run.world.meddle("backend", 0);
    run.world.set_testers("backend", false);
    until(&mut run, "the pause", |r| matches!(r.phase(), Phase::Paused { .. }));
    run.order(Command::AcceptDrift).unwrap();
    run.turns(6);
    assert!(!run.world.admits_testers("backend"));
    assert_eq!(run.rollout.as_ref().unwrap().drifts, [], "that the rule went with the weight is accepted, too");
    run.order(Command::Resume).unwrap();
    until(&mut run, "the rule", |r| r.world.admits_testers("backend"));
}

#[test]
fn a_rule_that_somebody_took_away_is_asked_about_before_it_is_put_back() {
    let mut run = at_a_quarter();
    run.turns(2);
    run.world.set_testers("backend", false);
    *run.world.by("backend") = "kubectl-edit";
    run.turns(4);
    let Phase::Paused { why, .. } = run.phase() else { panic!("{}", run.phase()) };
    assert!(why.contains("testers header x-canary: always → – by kubectl-edit"), "{why}");
    assert!(!run.world.admits_testers("backend"));
    assert!(run.order(Command::AcceptDrift).unwrap_err().to_string().contains("the release lets testers in"));
    run.order(Command::Resume).unwrap();
    until(&mut run, "the rule", |r| r.world.admits_testers("backend"));
    assert_eq!(run.phase(), Phase::Progressing);
    // The step to 100 % takes it away itself.
    until(&mut run, "100 %", |r| r.world.weight("backend") == 100);
    run.turns(4);
    assert_eq!(run.phase(), Phase::Progressing);
}

#[test]
fn a_promotion_out_of_turn_takes_the_rule_away_with_the_weight() {
    let mut run = Run::started(with_testers(canary(&["backend"])));
    until(&mut run, "10 %", |r| r.world.weight("backend") == 10);
    run.order(Command::Promote).unwrap();
    until(&mut run, "the end", |r| r.phase() == Phase::Completed);
    assert!(!run.world.admits_testers("backend"));
    assert_eq!((run.world.weight("backend"), run.world.workload("backend", Track::Candidate).replicas), (0, 0));
}

#[test]
fn a_rollback_takes_the_rule_away_at_once_also_where_no_weight_was_given() {
    for percent in [0, 25] {
        let mut run = Run::started(with_testers(canary(&["backend", "frontend"])));
        until(&mut run, "the rule", |r| r.world.admits_testers("frontend") && r.world.weight("frontend") == percent);
        let known = run.world.observe();
        run.order(Command::RollBack).unwrap();
        let first = super::super::rollback::first_moves(run.rollout.as_ref().unwrap(), Some(&known));
        for (action, precondition) in &first {
            run.world.apply(action, *precondition);
        }
        assert!(!run.world.admits_testers("backend") && !run.world.admits_testers("frontend"), "with the first writes, from memory");
        until(&mut run, "the end", |r| r.phase() == Phase::RolledBack);
        assert_eq!((run.world.weight("backend"), run.world.workload("backend", Track::Candidate).replicas), (0, 0));
    }
}

#[test]
fn a_rule_that_comes_late_is_taken_away_before_the_rollback_is_over() {
    let mut run = at_a_quarter();
    run.order(Command::RollBack).unwrap();
    run.turn();
    run.world.set_testers("backend", true);
    until(&mut run, "the end", |r| r.phase() == Phase::RolledBack);
    assert!(!run.world.admits_testers("backend"));
}

#[test]
fn a_switch_lets_testers_in_until_it_is_made_and_a_selector_cannot() {
    let refused = Run::new(with_testers(blue_green())).order(start_of(&["web"])).unwrap_err().to_string();
    assert!(refused.contains("testers cannot be told apart by service"), "{refused}");
    let mut release = with_testers(canary(&["web"]));
    release.strategy = blue_green().strategy;
    let mut run = Run::started(release);
    until(&mut run, "the rule", |r| r.world.admits_testers("web"));
    until(&mut run, "the approval", |r| matches!(r.rollout.as_ref().unwrap().step(), Some(Step::Approve(_))));
    assert!(run.world.admits_testers("web") && run.world.weight("web") == 0);
    run.order(Command::Approve).unwrap();
    until(&mut run, "the switch", |r| r.world.weight("web") == 100);
    assert!(!run.world.admits_testers("web"));
}

#[test]
fn a_rule_that_was_left_is_said_before_anything_is_written() {
    let mut run = Run::new(with_testers(canary(&["backend"])));
    run.world.set_testers("backend", true);
    let refused = run.order(start_of(&["backend"])).unwrap_err().to_string();
    assert!(refused.contains("header x-canary: always goes to the candidate already"), "{refused}");
    run.order(Command::RollBack).unwrap();
    until(&mut run, "the end", |r| r.phase() == Phase::RolledBack);
    assert!(!run.world.admits_testers("backend"));
}

/// Another route that sends to the candidate.
fn neighbour() -> Beside {
    Beside::Sends(vec!["HTTPRoute testers (header x-canary: always)".into()])
}

fn last_word(run: &Run) -> String {
    run.rollout.as_ref().unwrap().log.back().unwrap().text.clone()
}

#[test]
fn pods_that_another_route_sends_to_stay_and_the_last_line_says_for_whom() {
    for back in [true, false] {
        let mut run = Run::started(canary(&["backend"]));
        until(&mut run, "25 %", |r| r.world.weight("backend") == 25);
        run.world.beside = neighbour();
        let pods = run.world.workload("backend", Track::Candidate).replicas;
        run.order(if back { Command::RollBack } else { Command::Promote }).unwrap();
        until(&mut run, "the end", |r| matches!(r.phase(), Phase::RolledBack | Phase::Completed));
        assert_eq!(run.world.weight("backend"), 0);
        assert!(run.world.workload("backend", Track::Candidate).replicas >= pods, "testers are served");
        let list = checklist(run.rollout.as_ref().unwrap(), Some(&run.world.observe()), &run.world.judgement(), run.world.now);
        let pods = list.map(|list| list.lines.last().unwrap().text.clone());
        let kept = "backend: candidate kept, HTTPRoute testers (header x-canary: always) sends to it";
        assert_eq!(pods.as_deref(), back.then_some(kept), "the checklist says what is so");
        let word = last_word(&run);
        let why = "; backend: the candidate's pods stay, since HTTPRoute testers (header x-canary: always) sends to them";
        assert!(word.ends_with(why), "{word}");
        let none = Command::Scale { component: None, track: Track::Candidate, replicas: 0 };
        let refused = run.order(none.clone()).unwrap_err().to_string();
        assert!(refused.contains("HTTPRoute testers (header x-canary: always) sends to the candidate"), "{refused}");
        run.world.beside = Beside::default();
        run.order(none).unwrap();
        until(&mut run, "no pod", |r| r.world.observe().workload("backend", Track::Candidate).unwrap().replicas == 0);
    }
}

#[test]
fn no_pod_goes_while_other_routes_cannot_be_read_and_traffic_does_not_wait_for_it() {
    for (back, keep) in [(true, 0), (true, 60), (false, 0)] {
        let mut release = canary(&["backend"]);
        release.keep = Millis::secs(keep);
        let mut run = Run::started(release);
        until(&mut run, "25 %", |r| r.world.weight("backend") == 25);
        run.world.beside = Beside::Unread("other HTTPRoutes not read: 500".into());
        run.order(if back { Command::RollBack } else { Command::Promote }).unwrap();
        until(&mut run, "the route", |r| r.world.weight("backend") == 0);
        run.turns(30);
        assert!(run.world.workload("backend", Track::Candidate).replicas > 0);
        if keep == 0 {
            let waiting = run.rollout.as_ref().unwrap().waiting.clone().unwrap();
            assert_eq!(waiting, "backend: other HTTPRoutes not read: 500: one of them may send to the candidate");
        } else {
            assert_eq!(run.phase(), Phase::RolledBack, "they were to stay anyway");
        }
        run.world.beside = Beside::default();
        until(&mut run, "the pods", |r| r.world.observe().workload("backend", Track::Candidate).unwrap().replicas == 0);
        until(&mut run, "the end", |r| matches!(r.phase(), Phase::RolledBack | Phase::Completed));
    }
}

#[test]
fn another_route_is_told_wherever_weights_are() {
    let mut run = Run::started(canary(&["backend"]));
    run.world.beside = neighbour();
    let seen = run.world.observe();
    run.world.beside = Beside::Unread("other HTTPRoutes not read: 500".into());
    let none = Command::Scale { component: None, track: Track::Candidate, replicas: 0 };
    assert!(run.order(none).unwrap_err().to_string().ends_with("one of them may send to the candidate; try again in a moment"));
    let notes: Vec<String> = seen.components["backend"].notes().map(|n| n.as_str().to_owned()).collect();
    assert_eq!(notes, ["HTTPRoute testers (header x-canary: always) also sends to the candidate"]);
    run.world.beside = Beside::Forbidden("list httproutes: not allowed".into());
    let seen = run.world.observe();
    assert_eq!((seen.components["backend"].past(), seen.components["backend"].beside.unread()), (None, None), "nobody waits for ever");
    let notes: Vec<String> = seen.components["backend"].notes().map(|n| n.as_str().to_owned()).collect();
    assert_eq!(notes, ["whether another one sends to the candidate is not known: list httproutes: not allowed"]);
}

/// Somebody else takes the testers' rule away, now.
fn dismiss(run: &mut Run) {
    run.world.pass(Millis::secs(2));
    let weight = run.world.weight("backend");
    run.world.meddle("backend", weight);
    run.world.set_testers("backend", false);
}

fn asks_about_testers(run: &Run) -> bool {
    run.rollout.as_ref().unwrap().drifts.iter().any(|d| d.sort == crate::domain::drift::Sort::Testers)
}

#[test]
fn a_rule_that_is_taken_away_again_after_the_answer_is_asked_about_again() {
    let mut run = at_a_quarter();
    run.turns(2);
    dismiss(&mut run);
    run.turn();
    assert!(asks_about_testers(&run));
    run.order(Command::Resume).unwrap();
    // Its driver died before it wrote, and somebody does it once more.
    dismiss(&mut run);
    run.turns(2);
    assert!(asks_about_testers(&run) && !run.world.admits_testers("backend"), "{}", run.phase());
    run.order(Command::Resume).unwrap();
    run.turns(2);
    assert!(run.world.admits_testers("backend") && !asks_about_testers(&run));
}

#[test]
fn a_step_back_does_not_put_a_rule_back_that_somebody_took_away() {
    let mut run = Run::started(with_testers(canary(&["backend"])));
    until(&mut run, "10 %", |r| r.world.weight("backend") == 10 && matches!(r.step(), Some(Step::Hold(_))));
    run.turns(2);
    // It lay there meanwhile: its driver was not alive.
    let at = run.world.now.wall;
    dismiss(&mut run);
    let order = Order { id: "left".into(), command: Command::StepBack, actor: "me".into(), at, mark: None };
    let next = super::super::preview::after(&run.world.release, run.rollout.as_ref(), Some(&run.world.observe()), &order, run.world.now);
    run.rollout = Some(next.unwrap());
    run.turns(3);
    assert_eq!((run.world.weight("backend"), run.world.admits_testers("backend"), asks_about_testers(&run)), (0, false, true));
    run.order(Command::Resume).unwrap();
    until(&mut run, "the rule", |r| r.world.admits_testers("backend"));
}
