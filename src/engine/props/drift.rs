//! Somebody else writes to what a run is about: it pauses and asks, and each of the answers does what it says.

mod later;
mod revision;

use super::*;
use crate::domain::drift::{MANAGER, Writer};
use crate::engine::choices::choices;

const THEIRS: &str = "shop/app:v9";

fn at_ten() -> Run {
    let mut run = Run::started(canary(&["backend"]));
    run.turns(12);
    assert_eq!(run.world.weight("backend"), 10);
    run
}

fn set_image(run: &mut Run, track: Track, image: &str, by: &str) {
    let component = run.world.release.components[0].name.clone();
    let w = run.world.workload(&component, track);
    w.containers[0].image = image.into();
    w.template_hash = Some(format!("h-{image}"));
    w.images_by = Some(Writer { manager: by.into(), at: None });
}

/// Why it stands still.
fn why(run: &Run) -> String {
    match run.phase() {
        Phase::Paused { why, .. } => why,
        other => panic!("{other:?}"),
    }
}

/// It stands still for this change of the route.
fn asks_about(run: &Run, change: &str) {
    assert!(why(run).starts_with(&format!("backend: VirtualService backend: {change}")), "{}", why(run));
}

fn refused(run: &mut Run) -> String {
    run.order(Command::AcceptDrift).unwrap_err().to_string()
}

#[test]
fn a_weight_that_somebody_set_is_what_the_plan_goes_on_from_once_accepted() {
    let mut run = at_ten();
    run.world.workload("backend", Track::Candidate).ready_addresses = 4;
    run.world.meddle("backend", 60);
    let turned = run.rollout.as_ref().unwrap().turn;
    run.turn();
    assert!(
        why(&run).starts_with("backend: VirtualService backend: candidate 10 → 60 by argocd-controller at 00:01:00Z;"),
        "{}",
        why(&run)
    );
    assert!(run.rollout.as_ref().unwrap().turn > turned, "a key pressed before is refused");
    run.world.workload("backend", Track::Candidate).replicas = 4;
    run.world.pass(Millis::ZERO);
    run.world.workload("backend", Track::Candidate).ready_addresses = 4;
    run.order(Command::AcceptDrift).unwrap();
    run.turns(5);
    assert!(why(&run).starts_with("accepted: backend: VirtualService backend: candidate 10 → 60"), "{}", why(&run));
    assert_eq!((run.world.weight("backend"), run.rollout.as_ref().unwrap().asked), (60, Weight::capped(60)));
    run.order(Command::Resume).unwrap();
    run.turns(30);
    assert_eq!(run.weights[..4], [0, 10, 60, 75], "held at 60, then the plan's next one");
}

#[test]
fn each_choice_is_told_before_it_is_made() {
    let mut run = at_ten();
    run.world.meddle("backend", 5);
    run.turn();
    let order = Order { id: "x".into(), command: Command::AcceptDrift, actor: "me".into(), at: run.world.now.wall, mark: None };
    let now = crate::domain::time::Now { wall: run.world.now.wall, ..run.world.now };
    let told = choices(run.rollout.as_ref().unwrap(), &run.world.observe(), &order, now);
    assert_eq!(
        told,
        [
            "backend: VirtualService backend: candidate 10 → 5 by argocd-controller 5s ago",
            "accept (A): the plan goes on from 5 % at step 1 of 12, once resumed",
            "resume (p): sets ours again: VirtualService backend: stable 95 → 90; VirtualService backend: candidate 5 → 10",
            "roll back (Ctrl-R): the candidate's traffic and pods go"
        ]
    );
}

#[test]
fn an_answer_is_to_what_was_told_and_to_nothing_that_came_after() {
    let mut run = at_ten();
    run.order(Command::Pause).unwrap();
    run.turn();
    let seen = run.rollout.as_ref().unwrap().mark();
    run.world.meddle("backend", 60);
    let untold = run.rollout.clone();
    run.turn();
    assert!(run.rollout.as_ref().unwrap().turn > seen.turn, "told: a key pressed before is refused");
    run.rollout = untold;
    run.order(Command::Resume).unwrap();
    run.turn();
    asks_about(&run, "candidate 10 → 60");
    assert_eq!(run.world.weight("backend"), 60);
}

#[test]
fn a_weight_that_came_after_a_refused_shift_is_somebody_elses() {
    let mut run = at_ten();
    let refused = loop {
        let decision = decide(run.rollout.as_ref().unwrap(), &run.world.observe(), &run.world.judgement(), run.world.now);
        if let Some((shift, _)) = decision.actions.iter().find(|(action, _)| matches!(action, Action::Route { .. })) {
            break crate::engine::decide::write_refused(&decision.rollout, shift, "refused (403)", run.world.now);
        }
        run.turn();
    };
    run.rollout = Some(refused);
    run.world.meddle("backend", 60);
    run.order(Command::Resume).unwrap();
    run.turn();
    asks_about(&run, "candidate 10 → 60");
    assert_eq!(run.world.weight("backend"), 60);
}

#[test]
fn what_is_written_over_is_what_was_told_and_not_what_came_after_the_key() {
    let mut run = at_ten();
    run.world.meddle("backend", 60);
    run.turn();
    run.order(Command::Resume).unwrap();
    run.world.meddle("backend", 5);
    run.turn();
    asks_about(&run, "candidate 10 → 5");
    assert_eq!(run.world.weight("backend"), 5);
    run.order(Command::Resume).unwrap();
    run.turns(2);
    assert_eq!((run.world.weight("backend"), run.phase()), (10, Phase::Progressing));
    // The same value set once more before ours landed is another write.
    run.world.meddle("backend", 5);
    run.turn();
    run.order(Command::Resume).unwrap();
    run.world.pass(Millis::secs(3));
    run.world.meddle("backend", 5);
    run.turn();
    assert!(matches!(run.phase(), Phase::Paused { .. }) && run.world.weight("backend") == 5);
    run.order(Command::Resume).unwrap();
    run.turns(2);
    // Ours stands again, so what was written over once is somebody else's when it comes once more.
    run.world.meddle("backend", 5);
    run.turn();
    asks_about(&run, "candidate 10 → 5");
}

#[test]
fn what_cannot_be_gone_on_from_is_refused_with_the_reason() {
    let mut run = at_ten();
    assert!(refused(&mut run).contains("nothing was changed by anybody else"));
    run.world.meddle("backend", 90);
    run.turn();
    assert!(refused(&mut run).contains("the highest safe weight is 37 %"), "its one pod would not bear it");
    let mut pair = Run::started(canary(&["backend", "frontend"]));
    pair.turns(14);
    assert_eq!(pair.world.weight("frontend"), 10);
    pair.world.meddle("frontend", 5);
    pair.turn();
    let why = refused(&mut pair);
    assert!(why.contains("stand apart (backend 10 %, frontend 5 %)"), "{why}");
    assert_eq!(pair.world.weight("backend"), 10, "nothing moved");
}

#[test]
fn another_image_in_the_candidate_is_never_written_over_silently() {
    for turns in [1, 3, 12, 60] {
        let mut run = Run::started(canary(&["backend"]));
        run.turns(turns);
        let weight = run.world.weight("backend");
        set_image(&mut run, Track::Candidate, THEIRS, "kubectl-set");
        run.turns(6);
        assert_eq!(run.image("backend", Track::Candidate), THEIRS, "after {turns} turns");
        assert!(why(&run).contains(" → shop/app:v9 by kubectl-set"), "{}", why(&run));
        assert_eq!(run.world.weight("backend"), weight);
        run.order(Command::Resume).unwrap();
        run.turns(2);
        assert_eq!((run.image("backend", Track::Candidate).as_str(), run.phase()), (NEW, Phase::Progressing));
        // Set back once more: asked once more.
        set_image(&mut run, Track::Candidate, THEIRS, "kubectl-set");
        run.turns(2);
        assert!(matches!(run.phase(), Phase::Paused { .. }));
    }
}

#[test]
fn an_image_set_before_ours_was_is_another_revision_too() {
    let mut run = Run::started(canary(&["backend"]));
    set_image(&mut run, Track::Candidate, THEIRS, "helm");
    run.turns(3);
    assert_eq!(run.image("backend", Track::Candidate), THEIRS);
    assert!(why(&run).contains("image of app shop/app:v1 → shop/app:v9 by helm"), "{}", why(&run));
}

#[test]
fn an_accepted_image_is_held_anew_and_is_what_gets_promoted() {
    let mut run = Run::started(canary(&["backend"]));
    run.turns(60);
    let weight = run.world.weight("backend");
    assert!(weight > 25);
    set_image(&mut run, Track::Candidate, THEIRS, "argocd-controller");
    run.turns(2);
    run.order(Command::AcceptDrift).unwrap();
    let r = run.rollout.clone().unwrap();
    assert_eq!((r.covered, r.step()), (Millis::ZERO, Some(&Step::Shift(Weight::capped(weight as u8)))), "its weight is held anew");
    run.order(Command::Resume).unwrap();
    run.turns(60);
    run.order(Command::Approve).unwrap();
    run.turns(30);
    assert_eq!((run.phase(), run.image("backend", Track::Stable).as_str()), (Phase::Completed, THEIRS));
}

#[test]
fn stables_image_is_asked_about_and_an_accepted_one_is_what_a_rollback_goes_to() {
    for accept in [true, false] {
        let mut run = at_ten();
        set_image(&mut run, Track::Stable, "shop/app:v1.1", "kubectl-set");
        run.turns(3);
        assert!(why(&run).contains("Deployment backend: image of app shop/app:v1 → shop/app:v1.1"), "{}", why(&run));
        run.order(if accept { Command::AcceptDrift } else { Command::Resume }).unwrap();
        run.turns(3);
        let back = if accept { "shop/app:v1.1" } else { OLD };
        assert_eq!(run.image("backend", Track::Stable), back);
        run.order(Command::RollBack).unwrap();
        run.turns(10);
        assert_eq!((run.phase(), run.image("backend", Track::Stable).as_str()), (Phase::RolledBack, back));
    }
    let mut run = at_ten();
    set_image(&mut run, Track::Stable, NEW, "kubectl-set");
    run.turns(2);
    assert!(refused(&mut run).contains("stable runs the new version already"));
}

#[test]
fn a_deployment_made_again_is_asked_about_and_one_that_is_gone_cannot_be_accepted() {
    let mut run = at_ten();
    run.world.remake_candidate("backend");
    run.turns(2);
    assert!(why(&run).contains("Deployment backend-canary: deleted and made again"), "{}", why(&run));
    run.order(Command::AcceptDrift).unwrap();
    run.order(Command::Resume).unwrap();
    run.turns(2);
    assert_eq!(run.phase(), Phase::Progressing);
    run.world.delete_candidate("backend");
    run.turns(2);
    assert!(why(&run).contains("Deployment backend-canary: deleted by somebody else"), "{}", why(&run));
    assert!(refused(&mut run).contains("make it again, or roll back"));
    run.order(Command::RollBack).unwrap();
    run.turns(10);
    assert_eq!((run.phase(), run.world.weight("backend")), (Phase::RolledBack, 0));
}

#[test]
fn pods_of_a_ratio_that_somebody_scaled_are_asked_about() {
    let mut run = Run::started(by_replicas());
    while run.world.weight("web") != 50 {
        run.turn();
    }
    run.turn();
    run.world.workload("web", Track::Candidate).replicas = 6;
    run.turns(2);
    assert!(why(&run).contains("Deployment web-canary: replicas 2 → 6"), "{}", why(&run));
    assert_eq!(run.world.workload("web", Track::Candidate).replicas, 6);
    run.order(Command::AcceptDrift).unwrap();
    run.turns(8);
    let stands = (run.world.workload("web", Track::Stable).replicas, run.world.workload("web", Track::Candidate).replicas);
    assert_eq!((stands, run.rollout.as_ref().unwrap().asked), ((2, 6), Weight::capped(75)));
}

#[test]
fn what_we_wrote_ourselves_is_never_taken_for_somebody_elses() {
    let mut run = at_ten();
    run.world.meddle("backend", 60);
    *run.world.by("backend") = MANAGER; // an earlier driver's write that landed late
    set_image(&mut run, Track::Candidate, THEIRS, MANAGER);
    run.turns(4);
    assert_eq!(run.phase(), Phase::Progressing, "{:?}", run.rollout.as_ref().unwrap().log.back());
    assert_eq!((run.world.weight("backend"), run.image("backend", Track::Candidate).as_str()), (10, NEW));
}

#[test]
fn a_rolling_update_that_somebody_overtook_asks_and_goes_on_with_either() {
    for accept in [true, false] {
        let mut run = Run::started(rolling());
        run.turns(6);
        let w = run.world.workload("web", Track::Stable);
        w.containers[0].image = THEIRS.into();
        (w.updated, w.generation) = (0, w.generation + 1);
        run.turns(3);
        assert_eq!(run.image("web", Track::Stable), THEIRS);
        if accept {
            run.order(Command::AcceptDrift).unwrap();
        }
        run.order(Command::Resume).unwrap();
        run.turns(60);
        let runs = if accept { THEIRS } else { NEW };
        assert_eq!((run.phase(), run.image("web", Track::Stable).as_str()), (Phase::Completed, runs));
    }
}

#[test]
fn more_that_is_changed_while_a_person_paused_is_on_record_and_stops_what_would_follow() {
    let mut run = at_ten();
    run.order(Command::Pause).unwrap();
    set_image(&mut run, Track::Candidate, THEIRS, "flux");
    run.turns(4);
    let told = |run: &Run| run.rollout.as_ref().unwrap().log.iter().filter(|e| e.text.starts_with("changed by others")).count();
    assert_eq!((why(&run).as_str(), told(&run)), ("asked", 1), "once");
    run.order(Command::SetWeight(Weight::capped(30))).unwrap();
    run.turns(4);
    assert_eq!(run.world.weight("backend"), 10, "no more traffic for a version nobody asked for");
    run.order(Command::SetWeight(Weight::capped(5))).unwrap();
    run.turns(4);
    assert_eq!(run.world.weight("backend"), 5, "less is always had");
}

#[test]
fn whoever_moves_the_same_traffic_keeps_a_run_from_starting_and_never_from_going_back() {
    use crate::domain::object::{Kind, ObjectRef};
    use crate::domain::owner::{Owner, Reverts, Tool};
    let owner = |tool, reverts| Owner {
        tool,
        name: "shop".into(),
        object: ObjectRef::new(Kind::VirtualService, "shop", "backend"),
        reverts,
        application: None,
    };
    let mut run = at_ten();
    run.world.owners = vec![owner(Tool::Flagger, Reverts::Fights)];
    run.turns(3);
    assert_eq!(run.phase(), Phase::Progressing, "asked of a start only");
    run.order(Command::RollBack).unwrap();
    run.turns(10);
    assert_eq!(run.phase(), Phase::RolledBack);
    let refused = run.order(start_of(&["backend"])).unwrap_err().to_string();
    assert!(refused.contains("Flagger Canary shop moves this traffic itself, and two controllers would fight"), "{refused}");
    run.world.owners = vec![owner(Tool::ArgoCd, Reverts::AtOnce)];
    run.order(start_of(&["backend"])).unwrap();
}

#[test]
fn a_rollback_counts_who_gives_the_candidate_traffic_again_and_says_what_stops_them() {
    use crate::domain::object::{Kind, ObjectRef};
    use crate::domain::owner::{Owner, Reverts, Tool};
    let mut run = at_ten();
    run.world.limp = 4;
    let object = ObjectRef::new(Kind::VirtualService, "shop", "backend");
    run.world.owners = vec![Owner { tool: Tool::ArgoCd, name: "shop".into(), object, reverts: Reverts::AtOnce, application: None }];
    run.world.pass(Millis::ZERO);
    run.world.workload("backend", Track::Stable).ready = 1;
    run.order(Command::RollBack).unwrap();
    run.turn();
    assert_eq!((run.world.weight("backend"), run.phase() == Phase::RolledBack), (0, false));
    for _ in 0..2 {
        run.turn();
        run.world.workload("backend", Track::Stable).ready = 1;
        run.world.meddle("backend", 10);
        run.turn();
        assert_eq!(run.world.weight("backend"), 0, "taken back every time");
        run.world.workload("backend", Track::Stable).ready = 1;
    }
    let r = run.rollout.as_ref().unwrap();
    assert_eq!(r.reverts, 2);
    let told = r.log.iter().rev().find(|e| e.text.contains("taken back again")).map(|e| e.text.clone()).unwrap();
    assert!(
        told.contains("by argocd-controller: taken back again (2 so far); to stop that: argocd app set shop --sync-policy none"),
        "{told}"
    );
}

#[test]
fn a_pause_stops_at_what_was_ours_and_not_at_what_somebody_else_wrote() {
    let mut run = at_ten();
    // Nobody was told of it yet.
    run.world.meddle("backend", 3);
    run.order(Command::Pause).unwrap();
    assert_eq!(run.rollout.as_ref().unwrap().asked.percent(), 10);
    run.turns(2);
    assert_eq!(run.world.weight("backend"), 3, "and writes over nothing");
}
