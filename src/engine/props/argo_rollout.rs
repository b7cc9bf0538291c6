//! What Argo Rollouts carries out, walked, approved, aborted and taken back.

use super::super::world::argo_rollout;
use super::*;
use crate::domain::action::Action;
use crate::domain::argo_rollout::Steer;

/// A run of which every write to the Rollout is kept.
fn walked(run: &mut Run, turns: usize) -> Vec<&'static str> {
    let mut written = vec![];
    for _ in 0..turns {
        let rollout = run.rollout.as_ref().unwrap();
        let decision = decide(rollout, &run.world.observe(), &run.world.judgement(), run.world.now);
        written.extend(decision.actions.iter().map(|(action, _)| match action {
            Action::SetImages { .. } => "images",
            Action::SetPaused { paused: true, .. } => "pause",
            Action::SetPaused { .. } => "resume",
            Action::Steer { how: Steer::GoOn { .. }, .. } => "go on",
            Action::Steer { how: Steer::PromoteFull { .. }, .. } => "promote",
            Action::Steer { how: Steer::Abort { .. }, .. } => "abort",
            Action::Undo { .. } => "undo",
            other => panic!("{other}"),
        }));
        run.turn();
    }
    written
}

/// Begun, and standing in the endless pause.
fn waiting() -> Run {
    let mut run = Run::started(argo_rollout());
    assert_eq!(walked(&mut run, 6), ["images"]);
    let label = run.rollout.as_ref().unwrap().approval().expect("an approval").to_owned();
    assert!(label.starts_with("web: step 2 of 4 (pause), CanaryPauseStep since"), "{label}");
    run
}

fn is_midway(run: &mut Run) -> bool {
    run.world.workload("web", Track::Stable).argo.as_ref().unwrap().is_midway()
}

#[test]
fn an_approval_ends_the_pause_that_was_seen_and_no_other() {
    let mut run = waiting();
    run.order(Command::Approve).unwrap();
    let twice = run.order(Command::Approve).unwrap_err().to_string();
    assert!(twice.contains("it was told to go on"), "{twice}");
    assert_eq!(walked(&mut run, 4), ["go on"]);
    let timed = run.order(Command::Approve).unwrap_err().to_string();
    assert!(timed.contains("step 4 of 4 (pause 30s) ends by itself"), "{timed}");
    assert_eq!(walked(&mut run, 12), [""; 0], "it goes on by itself");
    assert_eq!((run.phase(), run.image("web", Track::Stable).as_str()), (Phase::Completed, NEW));
}

#[test]
fn a_pause_that_begins_within_the_second_of_the_one_that_was_ended_is_kept() {
    let mut run = Run::started(argo_rollout());
    run.pace = Millis(50);
    let since = |run: &mut Run| run.world.workload("web", Track::Stable).argo.as_ref().unwrap().pause.as_ref().unwrap().at.since;
    assert_eq!(walked(&mut run, 6), ["images"]);
    let first = since(&mut run);
    run.order(Command::Approve).unwrap();
    assert_eq!(walked(&mut run, 8), ["go on"]);
    assert_eq!(since(&mut run), first, "it is the same second");
    assert_eq!(run.world.workload("web", Track::Stable).argo.as_ref().unwrap().step, Some(3));
}

#[test]
fn who_waits_for_a_person_is_told_before_who_goes_on_by_itself() {
    let mut release = argo_rollout();
    let second = Component { name: "zone".into(), stable: "zone".into(), ..release.components[0].clone() };
    release.components.push(second);
    let mut run = Run::started(release);
    walked(&mut run, 6);
    // The first one was told to go on, and stands in a pause that ends by itself; the second one still waits.
    let at = run.world.workload("web", Track::Stable).argo.as_ref().unwrap().pause.as_ref().unwrap().at;
    let target = run.rollout.as_mut().unwrap().targets.get_mut("web").unwrap();
    std::sync::Arc::make_mut(target).passed = Some(at);
    walked(&mut run, 4);
    assert_eq!(run.world.workload("web", Track::Stable).argo.as_ref().unwrap().step, Some(3));
    let label = run.rollout.as_ref().unwrap().approval().map(str::to_owned);
    assert!(label.as_ref().is_some_and(|l| l.starts_with("zone: step 2 of 4 (pause)")), "{label:?}");
}

#[test]
fn next_ends_a_timed_pause_early_and_that_is_on_record() {
    let mut run = waiting();
    run.order(Command::Advance).unwrap();
    assert_eq!(walked(&mut run, 4), ["go on"]);
    run.order(Command::Advance).unwrap();
    assert_eq!(walked(&mut run, 4), ["go on"]);
    assert_eq!(run.phase(), Phase::Completed);
    assert_eq!(run.rollout.unwrap().overrides, ["me ended step 4 of 4 (pause 30s) of Argo Rollouts early"]);
}

#[test]
fn a_promotion_skips_what_is_left_of_its_steps() {
    let mut run = waiting();
    run.order(Command::Promote).unwrap();
    assert_eq!(walked(&mut run, 5), ["promote"]);
    assert_eq!((run.phase(), is_midway(&mut run)), (Phase::Completed, false));
}

#[test]
fn while_it_is_paused_nothing_goes_on() {
    let mut run = waiting();
    run.order(Command::Pause).unwrap();
    assert_eq!(walked(&mut run, 3), ["pause"]);
    assert!(run.order(Command::Approve).unwrap_err().to_string().contains("resume first"));
    run.order(Command::Resume).unwrap();
    assert_eq!(walked(&mut run, 3), ["resume"]);
    run.order(Command::Approve).unwrap();
    assert_eq!(walked(&mut run, 2), ["go on"]);
}

#[test]
fn on_the_way_back_the_traffic_comes_first() {
    let mut run = waiting();
    run.order(Command::RollBack).unwrap();
    let first = super::super::rollback::first_moves(run.rollout.as_ref().unwrap(), Some(&run.world.observe()));
    assert!(matches!(&first[..], [(Action::Steer { how: Steer::Abort { .. }, .. }, _)]), "{first:?}");
    assert_eq!(walked(&mut run, 8), ["abort", "images"]);
    assert_eq!((run.phase(), run.image("web", Track::Stable).as_str(), is_midway(&mut run)), (Phase::RolledBack, OLD, false));
}

#[test]
fn a_paused_one_is_taken_back_and_left_unpaused() {
    let mut run = waiting();
    run.order(Command::Pause).unwrap();
    assert_eq!(walked(&mut run, 2), ["pause"]);
    run.order(Command::RollBack).unwrap();
    assert_eq!(walked(&mut run, 8), ["abort", "images"]);
    assert_eq!((run.phase(), run.world.workload("web", Track::Stable).paused), (Phase::RolledBack, false));
}

#[test]
fn what_serves_already_is_taken_back_without_walking_the_steps_again() {
    let mut run = waiting();
    run.order(Command::Promote).unwrap();
    run.turns(6);
    run.order(Command::RollBack).unwrap();
    assert_eq!(walked(&mut run, 8), ["images", "promote"]);
    assert_eq!((run.phase(), run.image("web", Track::Stable).as_str(), is_midway(&mut run)), (Phase::RolledBack, OLD, false));
}

#[test]
fn a_version_that_argo_rollouts_gives_up_is_taken_back() {
    let mut run = waiting();
    run.world.workload("web", Track::Stable).argo.as_mut().unwrap().aborted = true;
    run.world.pass(Millis::secs(5));
    assert_eq!(walked(&mut run, 8), ["images"], "it gave the traffic back itself");
    assert_eq!(run.phase(), Phase::RolledBack);
    let log = &run.rollout.as_ref().unwrap().log;
    let why = "rollback: web: Argo Rollouts aborted it: metric \"errors\" assessed Failed";
    assert!(log.iter().any(|e| e.text.starts_with(why)), "{log:?}");
    // The same version once more meets the reason, and the one that came back is no news.
    run.world.workload("web", Track::Stable).containers[0].image = NEW.into();
    run.world.workload("web", Track::Stable).argo.as_mut().unwrap().aborted = true;
    let images = [("web".to_owned(), Image::parse(NEW).unwrap())].into();
    let refused = run.order(Command::Start { images, cause: None }).unwrap_err().to_string();
    assert!(refused.contains("aborted this version already"), "{refused}");
}

#[test]
fn what_somebody_began_by_hand_is_taken_back_to_what_serves() {
    let mut run = Run::new(argo_rollout());
    assert!(run.order(Command::RollBack).unwrap_err().to_string().contains("no rollout is under way"));
    let w = run.world.workload("web", Track::Stable);
    (w.containers[0].image, w.template_hash) = (NEW.into(), Some(format!("h-{NEW}")));
    (0..4).for_each(|_| run.world.pass(Millis::secs(5)));
    assert!(is_midway(&mut run));
    run.order(Command::RollBack).unwrap();
    assert_eq!(walked(&mut run, 8), ["abort", "images"]);
    assert_eq!((run.phase(), run.image("web", Track::Stable).as_str()), (Phase::RolledBack, OLD));
}

#[test]
fn a_revision_is_put_back_through_the_same_steps_and_the_other_way_round() {
    let mut run = Run::new(argo_rollout());
    run.order(Command::Undo { component: None, revision: 1 }).unwrap();
    assert_eq!(walked(&mut run, 6), ["undo"]);
    assert!(run.rollout.as_ref().unwrap().approval().is_some(), "{:?}", run.rollout.as_ref().unwrap().waiting);
    run.order(Command::RollBack).unwrap();
    assert_eq!(walked(&mut run, 8), ["abort", "undo"]);
    assert_eq!((run.phase(), run.image("web", Track::Stable).as_str()), (Phase::RolledBack, OLD));
}

#[test]
fn a_template_that_is_another_objects_is_not_released_from_here() {
    let mut run = Run::new(argo_rollout());
    run.world.workload("web", Track::Stable).argo.as_mut().unwrap().template_of = Some("Deployment web".into());
    let images = [("web".to_owned(), Image::parse(NEW).unwrap())].into();
    let refused = run.order(Command::Start { images, cause: None }).unwrap_err().to_string();
    assert!(refused.contains("is that of Deployment web (workloadRef)"), "{refused}");
}
