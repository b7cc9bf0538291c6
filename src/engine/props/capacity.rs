//! Who can bear the traffic: autoscalers, pods that never get ready, and replicas as the weight.

use super::*;
use crate::domain::observed::Workload;
use crate::engine::preview::preview;

fn hpa(max: u32) -> Option<Autoscaler> {
    Some(Autoscaler { name: "hpa".into(), min: 1, max, current: 1, desired: 1, limited: true, metrics: vec![] })
}

/// A ratio release at half of its four pods.
fn at_half() -> Run {
    let mut run = Run::started(by_replicas());
    while run.world.workload("web", Track::Stable).replicas > 2 {
        run.turn();
    }
    assert_eq!((run.world.workload("web", Track::Stable).replicas, run.world.workload("web", Track::Candidate).replicas), (2, 2));
    run
}

fn ready(run: &mut Run, track: Track) -> u32 {
    run.world.workload("web", track).ready
}

#[test]
fn by_ratio_stable_grows_at_once_and_the_candidate_goes_as_stable_can_bear_it() {
    let mut run = at_half();
    run.order(Command::RollBack).unwrap();
    run.turn();
    let (stable, candidate) = (run.world.workload("web", Track::Stable).replicas, run.world.workload("web", Track::Candidate).replicas);
    assert_eq!((stable, candidate), (4, 1), "two ready pods bear the share of three");
    run.turns(10);
    assert_eq!(run.phase(), Phase::RolledBack);
    assert_eq!((ready(&mut run, Track::Stable), ready(&mut run, Track::Candidate)), (4, 0));
}

#[test]
fn by_ratio_a_stable_pod_that_never_gets_ready_does_not_hold_the_rollback_up() {
    for limp in 1..=3 {
        let mut run = at_half();
        run.world.limp = limp;
        run.world.pass(Millis::ZERO);
        run.order(Command::RollBack).unwrap();
        let mut turns = 0;
        while run.world.workload("web", Track::Candidate).replicas > 0 {
            run.turn();
            turns += 1;
            assert!(turns <= 14, "a minute is enough: {limp} of 4 never ready");
        }
        run.turns(70);
        assert_eq!(run.phase(), Phase::RolledBack, "{limp}");
        let last = run.rollout.as_ref().unwrap().log.back().unwrap().text.clone();
        assert!(last.contains(&format!("only {} of 4 stable pods are ready", 4 - limp)), "{last}");
    }
}

#[test]
fn by_ratio_the_candidate_stays_while_nobody_else_answers() {
    let mut run = at_half();
    run.world.limp = 4;
    run.world.pass(Millis::ZERO);
    run.order(Command::RollBack).unwrap();
    run.turns(100);
    assert_eq!((run.world.workload("web", Track::Stable).replicas, ready(&mut run, Track::Candidate)), (4, 2));
    assert!(matches!(run.phase(), Phase::RollingBack { .. }));
    run.world.limp = 0;
    run.turns(8);
    assert_eq!((run.phase(), ready(&mut run, Track::Stable)), (Phase::RolledBack, 4));
}

#[test]
fn by_ratio_stable_is_whole_again_though_the_candidate_was_deleted() {
    let mut run = at_half();
    run.world.delete_candidate("web");
    run.order(Command::RollBack).unwrap();
    run.turns(8);
    assert_eq!((run.phase(), ready(&mut run, Track::Stable)), (Phase::RolledBack, 4));
}

#[test]
fn by_ratio_what_somebody_began_by_hand_goes_back_to_the_size_both_had_together() {
    let mut run = at_half();
    run.rollout = None;
    run.order(Command::RollBack).unwrap();
    run.turns(10);
    assert_eq!((run.phase(), ready(&mut run, Track::Stable), ready(&mut run, Track::Candidate)), (Phase::RolledBack, 4, 0));
}

#[test]
fn any_rollback_ends_though_a_stable_pod_never_gets_ready() {
    let mut run = Run::started(canary(&["backend"]));
    run.turns(30);
    run.world.limp = 1;
    run.order(Command::RollBack).unwrap();
    run.turns(4);
    assert_eq!(run.world.weight("backend"), 0);
    run.turns(70);
    assert_eq!(run.phase(), Phase::RolledBack, "{:?}", run.rollout.unwrap().waiting);
}

/// While stable got nothing, its autoscaler took most of its pods: all at once would be four times what each is made for.
#[test]
fn a_promotion_gives_stable_no_more_than_its_pods_bear() {
    let mut run = Run::started(canary(&["backend"]));
    run.turns(90);
    let shrink = |w: &mut Workload, to| {
        (w.replicas, w.current, w.updated, w.ready, w.available, w.ready_addresses) = (to, to, to, to, to, to);
        w.hpa = hpa(4);
    };
    shrink(run.world.workload("backend", Track::Stable), 1);
    run.order(Command::Approve).unwrap();
    run.turns(10);
    assert_eq!(run.world.weight("backend"), 63, "one pod of four bears 37 %");
    assert!(run.rollout.as_ref().unwrap().waiting.as_ref().unwrap().contains("the candidate keeps 63 %"));
    run.world.workload("backend", Track::Stable).replicas = 2;
    run.turns(4);
    assert_eq!(run.world.weight("backend"), 25);
    run.world.workload("backend", Track::Stable).replicas = 3;
    run.turns(10);
    assert_eq!((run.phase(), run.world.weight("backend")), (Phase::Completed, 0));
}

#[test]
fn a_promotion_gives_stable_the_pods_back_that_somebody_took() {
    let mut run = Run::started(canary(&["backend"]));
    run.turns(90);
    run.world.workload("backend", Track::Stable).replicas = 1;
    run.world.pass(Millis::ZERO);
    run.order(Command::Approve).unwrap();
    run.turns(20);
    assert_eq!((run.phase(), run.world.workload("backend", Track::Stable).ready), (Phase::Completed, 4));
}

#[test]
fn where_autoscalers_may_not_be_listed_none_is_assumed() {
    let mut run = Run::started(canary(&["backend"]));
    for track in [Track::Stable, Track::Candidate] {
        run.world.workload("backend", track).hpa_unknown = true;
    }
    run.turns(60);
    assert_eq!(run.world.workload("backend", Track::Candidate).replicas, 1, "running pods are left alone");
    assert_eq!(run.world.weight("backend"), 25, "what one pod bears");
    let waiting = run.rollout.as_ref().unwrap().waiting.clone().unwrap();
    assert!(waiting.contains("no right to list horizontalpodautoscalers"), "{waiting}");
    let refusal = run.order(Command::SetWeight(Weight::capped(90))).unwrap_err();
    assert!(refusal.to_string().contains("no right to list horizontalpodautoscalers"), "{refusal}");
    let mut ratio = Run::started(by_replicas());
    ratio.world.workload("web", Track::Stable).hpa_unknown = true;
    ratio.turns(20);
    assert_eq!(ratio.world.weight("web"), 0);
    assert!(ratio.rollout.unwrap().waiting.unwrap().contains("no right to list"));
    let mut ratio = Run::new(by_replicas());
    ratio.world.workload("web", Track::Stable).hpa_unknown = true;
    let refused = ratio.order(start_of(&["web"])).unwrap_err().to_string();
    assert!(refused.contains("no right to list horizontalpodautoscalers"), "before anything is written: {refused}");
}

#[test]
fn a_finished_run_is_not_taken_back_over_what_came_after_it() {
    let mut run = Run::started(canary(&["backend"]));
    run.turns(90);
    run.order(Command::Approve).unwrap();
    run.turns(30);
    assert_eq!(run.phase(), Phase::Completed);
    run.world.workload("backend", Track::Stable).containers[0].image = "shop/app:v3".into();
    let refusal = run.order(Command::RollBack).unwrap_err();
    assert!(refusal.to_string().contains("no rollout is under way"), "{refusal}");
    run.world.workload("backend", Track::Stable).containers[0].image = NEW.into();
    run.order(Command::RollBack).unwrap();
}

#[test]
fn by_ratio_nothing_is_shared_out_where_no_pod_runs() {
    let mut run = Run::new(by_replicas());
    run.world.workload("web", Track::Stable).replicas = 0;
    let images = || [("web".to_owned(), Image::parse(NEW).unwrap())].into();
    let refused = run.order(Command::Start { images: images(), cause: None }).unwrap_err().to_string();
    assert!(refused.contains("0 replicas") && refused.contains("`cutover scale web N`"), "{refused}");
    run.world.workload("web", Track::Stable).replicas = 1;
    let refused = run.order(Command::Start { images: images(), cause: None }).unwrap_err().to_string();
    assert!(refused.contains("of 1 pod 10 % would be 0 for the candidate") && refused.contains("`cutover scale web 2`"), "{refused}");
    run.world.workload("web", Track::Stable).replicas = 2;
    run.order(Command::Start { images: images(), cause: None }).unwrap();
}

#[test]
fn what_stables_autoscaler_added_since_the_start_counts_for_what_the_candidate_has_to_bear() {
    let mut run = Run::started(canary(&["web"]));
    while run.world.weight("web") < 10 {
        run.turn();
    }
    let stable = run.world.workload("web", Track::Stable);
    (stable.replicas, stable.hpa) = (12, hpa(20));
    run.world.pass(Millis::ZERO);
    let refused = guard::can_hold(run.rollout.as_ref().unwrap(), &run.world.observe(), Weight::capped(50)).unwrap_err().to_string();
    assert!(refused.contains("(12 pods)"), "{refused}");
    while run.world.weight("web") < 50 {
        run.turn();
    }
    assert_eq!(run.world.workload("web", Track::Candidate).replicas, 6, "half of what stable has today");
}

#[test]
fn a_switch_to_pods_that_the_service_would_not_reach_is_told_and_never_made() {
    let mut run = Run::new(blue_green());
    let why = "Service web would reach no pod of web-green";
    run.world.workload("web", Track::Candidate).unselected = Some(why.into());
    let start = Command::Start { images: [("web".to_owned(), Image::parse(NEW).unwrap())].into(), cause: None };
    let refused = run.order(start.clone()).unwrap_err().to_string();
    assert!(refused.contains(why), "{refused}");
    run.world.workload("web", Track::Candidate).unselected = None;
    run.order(start).unwrap();
    run.world.workload("web", Track::Candidate).unselected = Some(why.into());
    run.turns(30);
    run.order(Command::Approve).ok();
    run.turns(30);
    let waiting = run.rollout.as_ref().unwrap().waiting.clone().unwrap_or_default();
    assert_eq!(run.world.weight("web"), 0, "{waiting}");
    assert!(waiting.contains(why), "{waiting}");
}

#[test]
fn a_switch_whose_service_reaches_nobody_any_more_is_taken_back() {
    let mut run = Run::started(blue_green());
    run.turns(20);
    run.order(Command::Approve).unwrap();
    while run.world.weight("web") == 0 {
        run.turn();
    }
    run.world.workload("web", Track::Candidate).unselected = Some("Service web would reach no pod of web-green".into());
    run.turns(10);
    assert_eq!((run.phase(), run.world.weight("web")), (Phase::RolledBack, 0));
    let told = |e: &std::sync::Arc<crate::domain::journal::Entry>| {
        e.text.contains("Service web would reach no pod of web-green, and it gets 100 %")
    };
    assert!(run.rollout.unwrap().log.iter().any(told));
}

#[test]
fn pods_that_an_autoscaler_keeps_afterwards_are_told_at_the_start() {
    for (release, track, deployment) in [(canary(&["web"]), Track::Candidate, "web-canary"), (blue_green(), Track::Stable, "web-blue")] {
        let mut run = Run::new(release);
        run.world.workload("web", track).hpa = hpa(6);
        let images = [("web".to_owned(), Image::parse(NEW).unwrap())].into();
        let command = Command::Start { images, cause: None };
        let order = Order { id: "o".into(), command, actor: "me".into(), at: run.world.now.wall, mark: None };
        let told = preview(&run.world.release, None, Some(&run.world.observe()), &order, run.world.now).remarks;
        let line = format!("web: autoscaler hpa owns the replicas of {deployment}: its pods stay afterwards");
        assert!(told.contains(&line), "{told:?}");
    }
}

#[test]
fn a_hold_that_passed_cites_what_each_gate_said() {
    let mut run = Run::started(canary(&["web"]));
    while run.world.weight("web") < 25 {
        run.turn();
    }
    let log = run.rollout.unwrap().log;
    let passed = log.iter().find(|e| e.text.starts_with("hold ") && e.text.contains("passed: ")).unwrap();
    assert!(passed.text.contains("in the last window (web: errors: "), "{}", passed.text);
}

#[test]
fn by_ratio_pods_behind_no_service_are_waited_for_before_stable_gives_any() {
    let mut run = Run::started(by_replicas());
    while run.world.workload("web", Track::Candidate).ready == 0 {
        run.turn();
    }
    run.world.unreached = true;
    run.turns(20);
    assert_eq!(run.world.workload("web", Track::Stable).replicas, 4);
    let waiting = run.rollout.as_ref().unwrap().waiting.clone().unwrap();
    assert!(waiting.contains("Service web reaches no pod of web-canary"), "{waiting}");
    // What falls waits for no such thing.
    let mut run = at_half();
    run.turns(4);
    run.world.unreached = true;
    run.order(Command::StepBack).unwrap();
    run.turns(10);
    assert_eq!(run.world.workload("web", Track::Candidate).replicas, 1, "{:?}", run.rollout.unwrap().waiting);
}

#[test]
fn by_ratio_an_autoscaler_of_either_side_is_told_before_the_first_write() {
    for track in [Track::Stable, Track::Candidate] {
        let mut run = Run::new(by_replicas());
        run.world.workload("web", track).hpa = hpa(6);
        let images = [("web".to_owned(), Image::parse(NEW).unwrap())].into();
        let refused = run.order(Command::Start { images, cause: None }).unwrap_err().to_string();
        assert!(refused.contains("autoscaler hpa owns the replicas") && refused.contains("remove it for the release"), "{refused}");
    }
}

/// A canary that holds at its first weight, and whose pods are all gone.
fn unserved(release: Release) -> Run {
    let mut run = Run::started(release);
    while !matches!(run.step(), Some(Step::Hold(_))) || run.world.weight("web") == 0 {
        run.turn();
    }
    run.world.broken = true;
    run.world.pass(Millis::ZERO);
    assert_eq!(ready(&mut run, Track::Candidate), 0);
    run
}

#[test]
fn a_weight_that_no_pod_answers_for_is_taken_back_without_any_gate() {
    let mut release = canary(&["web"]);
    release.gates.clear();
    let mut run = unserved(release);
    run.turns(8);
    let log = &run.rollout.as_ref().unwrap().log;
    let why = "rollback: web: no pod of web-canary is ready, and it gets 10 % of the traffic";
    assert!(log.iter().any(|e| e.text.starts_with(why)), "{log:?}");
    assert_eq!((run.phase(), run.world.weight("web")), (Phase::RolledBack, 0));
}

#[test]
fn a_pod_that_is_replaced_is_waited_for() {
    let mut run = unserved(canary(&["web"]));
    run.pace = Millis::secs(2);
    run.turns(3);
    assert!(run.rollout.as_ref().unwrap().unserved.is_some());
    run.world.broken = false;
    run.turns(60);
    let r = run.rollout.unwrap();
    assert_eq!((r.is_back(), r.unserved), (false, None), "{}", r.phase);
}

#[test]
fn while_it_is_paused_by_a_person_a_weight_that_no_pod_answers_for_is_taken_back_all_the_same() {
    let mut run = unserved(canary(&["web"]));
    run.order(Command::Pause).unwrap();
    run.turns(8);
    assert_eq!((run.phase(), run.world.weight("web")), (Phase::RolledBack, 0));
}

#[test]
fn a_step_that_begins_anew_takes_nothing_off_the_time_that_nobody_answers() {
    let mut release = canary(&["web"]);
    release.gates.clear();
    let mut run = unserved(release);
    run.pace = Millis::secs(2);
    for _ in 0..5 {
        run.turn();
        // As when a person resumes, time and again.
        let r = run.rollout.as_mut().unwrap();
        crate::engine::decide::enter(r, r.cursor, run.world.now);
    }
    run.turns(5);
    assert_eq!((run.phase(), run.world.weight("web")), (Phase::RolledBack, 0));
}
