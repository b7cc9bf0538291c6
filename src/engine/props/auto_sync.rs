//! Argo CD's auto-sync around a run: suspended first, never fought over, restored by nobody here.

use super::*;
use crate::domain::action::WriteOutcome;
use crate::domain::auto_sync::Application;
use crate::domain::auto_sync::tests::{healing, suspended};
use crate::domain::object::{Kind as Of, ObjectRef};
use crate::engine::auto_sync::{self, TRIES};
use crate::engine::{decide, preview};

fn managed(application: Application) -> Run {
    let mut run = Run::new(canary(&["backend", "frontend"]));
    run.world.managed_by(application, ObjectRef::new(Of::VirtualService, "shop", "backend"));
    run
}

fn begun(application: Application) -> Run {
    let mut run = managed(application);
    let images = ["backend", "frontend"].map(|c| (c.to_owned(), Image::parse(NEW).unwrap())).into();
    run.order(Command::Start { images, cause: None }).unwrap();
    run
}

/// What would be written now.
fn planned(run: &Run) -> Vec<Action> {
    let decision = decide(run.rollout.as_ref().unwrap(), &run.world.observe(), &run.world.judgement(), run.world.now);
    decision.actions.into_iter().map(|(action, _)| action).collect()
}

/// A decision whose suspension comes to this, and nothing else is written.
fn suspension_meets(run: &mut Run, outcome: &WriteOutcome) {
    let decision = decide(run.rollout.as_ref().unwrap(), &run.world.observe(), &run.world.judgement(), run.world.now);
    let [(Action::SuspendSync { application, .. }, _)] = &decision.actions[..] else { panic!("{:?}", decision.actions) };
    let mut rollout = decision.rollout;
    auto_sync::written(&mut rollout, application, outcome, run.world.now);
    run.rollout = Some(rollout);
}

fn notes(run: &Run, words: &str) -> usize {
    run.rollout.as_ref().unwrap().log.iter().filter(|e| e.text.contains(words)).count()
}

#[test]
fn nothing_is_written_before_the_auto_sync_is_off_and_it_stays_off() {
    let mut run = begun(healing());
    let first = planned(&run);
    assert!(matches!(&first[..], [Action::SuspendSync { component, .. }] if component == "backend"), "{first:?}");
    assert_eq!(first[0].to_string(), "backend: Application shop: auto-sync on (prune, selfHeal) → off");
    run.turn();
    assert_eq!((run.world.application().automated.clone(), run.world.application().kept.clone()), (None, healing().automated));
    run.turns(120);
    assert!(run.world.weight("backend") == 100 && run.world.application().is_suspended());
    run.order(Command::Approve).unwrap();
    run.turns(60);
    assert_eq!((run.phase(), run.world.application().is_suspended()), (Phase::Completed, true));
    assert_eq!(notes(&run, "Argo CD app shop: auto-sync stays off: commit what runs now to git, then restore it"), 1);
}

#[test]
fn one_that_may_not_be_suspended_or_fails_to_stops_nothing() {
    let no = || WriteOutcome::Refused { code: 403, why: "not allowed; ask for the rule".into() };
    let unknown = || WriteOutcome::Unknown { why: "timeout".into() };
    let busy = || WriteOutcome::Refused { code: 429, why: "later".into() };
    let conflict = || WriteOutcome::Conflict { why: "changed".into() };
    for outcomes in [vec![no()], vec![unknown(), busy(), conflict()], vec![unknown(), no()], vec![conflict(); usize::from(TRIES)]] {
        let mut run = begun(healing());
        outcomes.iter().for_each(|outcome| suspension_meets(&mut run, outcome));
        let said = "Argo CD app shop heals itself, and its auto-sync stays on: ";
        assert_eq!((notes(&run, said), notes(&run, "to stop that: argocd app set shop --sync-policy none")), (1, 1), "{outcomes:?}");
        assert!(!planned(&run).is_empty() && planned(&run).iter().all(|a| !a.is_beside()), "{outcomes:?}");
        run.turns(30);
        assert!(run.world.weight("backend") > 0 && run.world.application().automated.is_some(), "{outcomes:?}");
    }
}

#[test]
fn where_the_right_is_known_to_lack_it_is_told_and_not_tried() {
    let mut run = begun(Application { denied: Some("needs patch on applications".into()), ..healing() });
    assert!(planned(&run).iter().all(|a| !a.is_beside()));
    run.turns(30);
    assert_eq!(notes(&run, "its auto-sync stays on: needs patch on applications"), 1, "once");
    assert!(run.world.weight("backend") > 0);
}

#[test]
fn what_does_not_heal_itself_is_not_touched() {
    for automated in [None, Some("{}".to_owned()), Some(r#"{"prune":true}"#.to_owned())] {
        let mut run = begun(Application { automated: automated.clone(), ..healing() });
        run.turns(30);
        assert_eq!((run.world.application().automated.clone(), run.world.application().kept.clone()), (automated, None));
    }
}

#[test]
fn a_rollback_suspends_it_beside_the_routes_also_of_a_run_that_nobody_declared() {
    let mut run = managed(healing());
    *run.world.parts("backend") = (75, 25);
    for (c, n) in [("backend", 1), ("frontend", 0)] {
        let w = run.world.workload(c, Track::Candidate);
        (w.replicas, w.ready, w.current, w.updated, w.ready_addresses) = (n, n, n, n, n);
    }
    run.order(Command::RollBack).unwrap();
    let seen = run.world.observe();
    let moves = crate::engine::rollback::first_moves(run.rollout.as_ref().unwrap(), Some(&seen));
    let actions: Vec<&Action> = moves.iter().map(|(action, _)| action).collect();
    assert!(matches!(actions[..], [Action::Route { .. }, Action::SuspendSync { .. }]), "{actions:?}");
    run.turn();
    assert_eq!((run.world.weight("backend"), run.world.application().is_suspended()), (0, true));
    run.turns(20);
    assert_eq!(run.phase(), Phase::RolledBack);
    assert_eq!(notes(&run, "auto-sync stays off: take the change back in git (git revert), then restore it"), 1);
}

#[test]
fn a_rollback_asks_once_more_for_what_was_refused_going_forward() {
    let mut run = begun(healing());
    suspension_meets(&mut run, &WriteOutcome::Refused { code: 403, why: "no".into() });
    run.turns(30);
    run.order(Command::RollBack).unwrap();
    run.turns(3);
    assert!(run.world.weight("backend") == 0 && run.world.application().is_suspended());
}

#[test]
fn a_rollback_of_what_never_wrote_suspends_nothing() {
    let mut run = begun(healing());
    run.order(Command::RollBack).unwrap();
    run.turns(5);
    assert_eq!((run.phase(), run.world.application().is_suspended()), (Phase::RolledBack, false));
}

#[test]
fn somebody_who_switches_it_on_again_is_not_fought() {
    let mut run = begun(healing());
    run.turns(20);
    let application = run.world.application();
    (application.automated, application.made_by) = (healing().automated, Some("ApplicationSet shops".into()));
    run.world.compare();
    run.turns(90);
    assert_eq!(notes(&run, "somebody switched its auto-sync on again (ApplicationSet shops makes it)"), 1);
    assert!(run.world.application().automated.is_some() && run.world.weight("backend") == 100);
    run.order(Command::RollBack).unwrap();
    run.turns(20);
    assert!(run.phase() == Phase::RolledBack && run.world.application().automated.is_some());
}

#[test]
fn traffic_that_goes_down_does_not_wait_for_it() {
    let mut run = begun(Application { automated: None, ..healing() });
    run.turns(30);
    let before = run.world.weight("backend");
    *run.world.application() = healing();
    run.world.compare();
    run.order(Command::StepBack).unwrap();
    let planned = planned(&run);
    assert!(matches!(planned[..], [Action::Route { .. }, Action::Route { .. }, Action::SuspendSync { .. }]), "{planned:?}");
    run.turns(3);
    assert!(run.world.weight("backend") < before && run.world.application().is_suspended());
}

fn shown(run: &Run, command: Command) -> preview::Preview {
    let order = Order { id: "o".into(), command, actor: "me".into(), at: run.world.now.wall, mark: None };
    preview(&run.world.release, run.rollout.as_ref(), Some(&run.world.observe()), &order, run.world.now)
}

#[test]
fn the_confirms_show_the_write_as_any_other() {
    let images = BTreeMap::from([("backend".to_owned(), Image::parse(NEW).unwrap())]);
    let start = shown(&managed(healing()), Command::Start { images: images.clone(), cause: None });
    assert_eq!(start.changes[0].to_string(), "Application shop: auto-sync on (prune, selfHeal) → off");
    assert!(start.changes.len() > 1, "and what comes after it: {:?}", start.changes);
    assert!(
        start.remarks.iter().any(|r| r.starts_with("Argo CD app shop heals itself: its auto-sync is paused with this")),
        "{:?}",
        start.remarks
    );
    let denied = shown(&managed(Application { denied: Some("needs patch".into()), ..healing() }), Command::Start { images, cause: None });
    assert!(denied.changes.iter().all(|c| c.field != "auto-sync"));
    assert!(denied.remarks.iter().any(|r| r.ends_with("its auto-sync cannot be paused: needs patch")), "{:?}", denied.remarks);

    let mut run = begun(Application { automated: None, ..healing() });
    run.turns(30);
    *run.world.application() = healing();
    run.world.compare();
    let back = shown(&run, Command::RollBack);
    assert_eq!(back.changes.last().unwrap().to_string(), "Application shop: auto-sync on (prune, selfHeal) → off");
    assert!(back.remarks.iter().any(|r| r.contains("its auto-sync is paused with this")));
    assert!(back.remarks.iter().all(|r| !r.contains("to stop that")), "{:?}", back.remarks);
}

#[test]
fn a_person_is_shown_what_argo_cd_would_do_then() {
    let mut run = managed(Application { sync: Some("OutOfSync".into()), differs: vec!["VirtualService backend".into()], ..suspended() });
    let restore = shown(&run, Command::RestoreSync);
    assert_eq!((restore.refusal, restore.changes[0].to_string()), (None, "Application shop: auto-sync off → on (prune, selfHeal)".into()));
    assert!(
        restore.remarks.iter().any(|r| r == "it says OutOfSync: VirtualService backend would be put back to git's"),
        "{:?}",
        restore.remarks
    );
    run.world.application().automated = Some("{}".into());
    let theirs = shown(&run, Command::RestoreSync);
    assert_eq!(theirs.changes[0].to_string(), "Application shop: kept auto-sync on (prune, selfHeal) → –");
    run.world.application().kept = Some("what".into());
    let broken = shown(&run, Command::RestoreSync).refusal.unwrap().to_string();
    assert!(broken.contains("holds no sync policy but `what`"), "{broken}");
    let none = shown(&managed(healing()), Command::RestoreSync).refusal.unwrap().to_string();
    assert!(none.contains("no Argo CD app of this release has its auto-sync suspended"), "{none}");
    let order = Order { id: "o".into(), command: Command::RestoreSync, actor: "me".into(), at: run.world.now.wall, mark: None };
    let going = begun(healing());
    assert!(crate::engine::command(going.rollout.as_ref().unwrap(), None, &order, run.world.now).is_err(), "it is no business of a run");
}

#[test]
fn pods_that_a_person_asks_for_wait_for_it_too() {
    let mut run = managed(healing());
    run.order(Command::Scale { component: Some("backend".into()), track: Track::Stable, replicas: 12 }).unwrap();
    let first = planned(&run);
    assert!(matches!(&first[..], [Action::SuspendSync { .. }]), "{first:?}");
    run.turns(3);
    assert_eq!((run.world.application().is_suspended(), run.world.workload("backend", Track::Stable).replicas), (true, 12));
}
