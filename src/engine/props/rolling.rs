//! One Deployment that rolls: its shares, what Kubernetes gives up, and the way back to a revision.

use super::*;

#[test]
fn a_rolling_update_pauses_at_its_share_and_goes_on() {
    let mut run = Run::started(rolling());
    run.turns(8);
    assert_eq!((run.world.workload("web", Track::Stable).updated, run.world.workload("web", Track::Stable).paused), (2, true));
    run.turns(40);
    assert_eq!((run.phase(), run.world.workload("web", Track::Stable).updated), (Phase::Completed, 4));
    run.order(Command::RollBack).unwrap();
    run.turns(20);
    assert_eq!((run.phase(), run.image("web", Track::Stable).as_str()), (Phase::RolledBack, OLD));
}

#[test]
fn a_pause_of_ours_that_the_controller_has_not_seen_yet_is_left_as_it_is() {
    let mut run = Run::started(rolling());
    while !run.world.workload("web", Track::Stable).paused {
        run.turn();
    }
    let w = run.world.workload("web", Track::Stable);
    (w.generation, w.observed_generation) = (7, 6);
    let decision = decide(run.rollout.as_ref().unwrap(), &run.world.observe(), &run.world.judgement(), run.world.now);
    assert_eq!(decision.actions, []);
    assert!(
        decision.rollout.waiting.as_ref().is_some_and(|w| w.contains("has not seen the newest spec")),
        "{:?}",
        decision.rollout.waiting
    );
}

#[test]
fn a_share_is_reached_when_the_new_pods_answer_beside_all_old_ones() {
    let mut run = Run::started(rolling());
    while !run.world.workload("web", Track::Stable).paused {
        run.turn();
    }
    let look = |run: &mut Run, ready: u32| {
        // One more than wanted, as a surge has it: the old ones are ready anyway.
        let w = run.world.workload("web", Track::Stable);
        (w.current, w.ready) = (w.replicas + 1, ready);
        decide(run.rollout.as_ref().unwrap(), &run.world.observe(), &run.world.judgement(), run.world.now).rollout
    };
    assert_eq!(look(&mut run, 4).step(), Some(&Step::Roll(Weight::capped(50))), "four of five");
    assert_ne!(look(&mut run, 5).step(), Some(&Step::Roll(Weight::capped(50))));
}

#[test]
fn an_update_that_kubernetes_gives_up_is_taken_back_though_the_old_pods_are_ready() {
    let mut run = Run::new(rolling());
    // What was said of a version before is no news of this one.
    run.world.workload("web", Track::Stable).stalled = Some("ProgressDeadlineExceeded".into());
    run.order(start_of(&["web"])).unwrap();
    run.turn();
    assert_eq!(run.phase(), Phase::Progressing);
    assert_eq!(run.world.workload("web", Track::Stable).ready, 4);
    run.turn();
    assert!(run.rollout.as_ref().unwrap().is_back(), "{}", run.phase());
}

#[test]
fn a_step_that_gets_on_has_all_the_time_it_needs_and_one_that_does_not_asks() {
    let mut run = Run::started(rolling());
    let wait = |run: &mut Run, minutes: u64| {
        for _ in 0..minutes * 3 {
            let rollout = run.rollout.clone().unwrap();
            let decision = decide(&rollout, &run.world.observe(), &run.world.judgement(), run.world.now);
            for (action, precondition) in &decision.actions {
                run.world.apply(action, *precondition);
            }
            run.rollout = Some(decision.rollout);
            run.world.skip(Millis::secs(20));
        }
    };
    for pod in 1..=2 {
        wait(&mut run, 10);
        assert_eq!((run.phase(), run.step()), (Phase::Progressing, Some(&Step::Roll(Weight::capped(50)))), "{pod}");
        run.world.pass(Millis::ZERO);
    }
    let mut stuck = Run::started(rolling());
    wait(&mut stuck, 10);
    assert_eq!(stuck.phase(), Phase::Progressing);
    wait(&mut stuck, 2);
    let Phase::Paused { why, .. } = stuck.phase() else { panic!("{:?}", stuck.phase()) };
    assert!(why.starts_with("roll 50 % got nowhere for 11m: web: its controller has not seen the newest spec"), "{why}");
    assert!(stuck.world.workload("web", Track::Stable).paused, "it stands still until a person says so");
}

#[test]
fn undo_goes_to_a_kept_revision_and_back() {
    let mut run = Run::new(rolling());
    assert!(matches!(run.order(Command::Undo { component: None, revision: 9 }), Err(Refusal::Unfit { .. })));
    run.order(Command::Undo { component: None, revision: 0 }).unwrap();
    run.turns(20);
    assert_eq!((run.phase(), run.image("web", Track::Stable).as_str()), (Phase::Completed, "shop/app:v0"));
    run.world.workload("web", Track::Stable).revisions = vec![kept(3, "shop/app:v0"), kept(2, OLD)];
    run.order(Command::RollBack).unwrap();
    run.turns(20);
    assert_eq!((run.phase(), run.image("web", Track::Stable).as_str()), (Phase::RolledBack, OLD));
}

/// The candidate has nothing to do with it, however it is: kept after a rollback, it may never have come up.
#[test]
fn an_undo_beside_a_candidate_that_never_came_up_is_carried_out() {
    let mut run = Run::new(canary(&["web"]));
    run.world.workload("web", Track::Stable).revisions = vec![kept(2, OLD), kept(1, "shop/app:v0")];
    let w = run.world.workload("web", Track::Candidate);
    (w.replicas, w.stalled) = (2, Some("ProgressDeadlineExceeded".into()));
    run.order(Command::Undo { component: None, revision: 0 }).unwrap();
    run.turns(20);
    assert_eq!((run.phase(), run.image("web", Track::Stable).as_str()), (Phase::Completed, "shop/app:v0"));
}

/// Whoever takes it over may have looked at what another run is about.
#[test]
fn an_undo_knows_of_no_route() {
    let mut run = Run::new(canary(&["web"]));
    run.world.workload("web", Track::Stable).revisions = vec![kept(2, OLD), kept(1, "shop/app:v0")];
    run.order(Command::Undo { component: None, revision: 0 }).unwrap();
    assert!(run.world.observe().route("web").is_some());
    run.order(Command::Pause).unwrap();
    assert_eq!(run.rollout.unwrap().targets["web"].route, None);
}

#[test]
fn an_update_that_somebody_resumed_at_its_share_is_asked_about() {
    let mut run = Run::started(rolling());
    while !matches!(run.step(), Some(Step::Hold(_))) {
        run.turn();
    }
    run.world.workload("web", Track::Stable).paused = false;
    run.turns(2);
    let Phase::Paused { why, .. } = run.phase() else { panic!("{}", run.phase()) };
    assert!(why.contains("Deployment web: paused true → false by somebody else"), "{why}");
    let refused = run.order(Command::AcceptDrift).unwrap_err().to_string();
    assert!(refused.contains("goes on past the share"), "{refused}");
    run.order(Command::Resume).unwrap();
    run.turns(4);
    assert!(run.world.workload("web", Track::Stable).paused);
    assert_eq!((run.phase(), matches!(run.step(), Some(Step::Hold(_)))), (Phase::Progressing, true));
}

#[test]
fn an_undo_that_has_to_be_done_again_names_the_revision_by_its_new_number() {
    let mut run = Run::new(rolling());
    run.order(Command::Undo { component: None, revision: 0 }).unwrap();
    while run.image("web", Track::Stable) == OLD {
        run.turn();
    }
    // Put back once, its ReplicaSet has a new number; and somebody changes the template.
    let w = run.world.workload("web", Track::Stable);
    w.revisions.iter_mut().find(|k| k.revision == 1).unwrap().revision = 3;
    w.template_hash = Some("h-restarted".into());
    let decision = decide(run.rollout.as_ref().unwrap(), &run.world.observe(), &run.world.judgement(), run.world.now);
    let named = decision.actions.iter().find_map(|(a, _)| if let Action::Undo { revision, .. } = a { Some(*revision) } else { None });
    assert_eq!(named, Some(3), "{:?}", decision.actions);
}
