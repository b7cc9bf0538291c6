//! Argo CD's auto-sync: suspended with the first write, never waited for by a rollback, restored by a person's order alone.

use super::*;
use crate::domain::auto_sync::Application;
use crate::domain::auto_sync::tests::{healing, suspended};
use crate::domain::journal::{Entry, EntryKind};
use crate::domain::object::{Kind, ObjectRef};

fn managed(application: Application) -> Cluster {
    let mut cluster = Cluster::new(canary(&["backend"]));
    cluster.world.managed_by(application, ObjectRef::new(Kind::VirtualService, "shop", "backend"));
    cluster
}

fn started(application: Application, ticks: usize) -> (Cluster, Process) {
    let mut cluster = managed(application);
    let mut process = Process::new("a", &cluster);
    process.start(&mut cluster);
    process.run(&mut cluster, ticks);
    (cluster, process)
}

fn lines(process: &Process) -> Vec<Entry> {
    let sent = process.trace.iter().flat_map(|(_, _, requests)| requests);
    let line = |r: &Request| if let Call::Journal { entry, .. } = &r.call { Some(entry.clone()) } else { None };
    sent.filter_map(line).collect()
}

fn told(process: &Process, kind: EntryKind, words: &str) -> usize {
    lines(process).iter().filter(|e| e.kind == kind && e.text.contains(words)).count()
}

#[test]
fn the_first_write_of_a_run_is_the_suspension_with_its_intent_and_outcome_on_record() {
    let (cluster, process) = started(healing(), 30);
    assert!(matches!(cluster.writes[0], Action::SuspendSync { .. }), "{:?}", cluster.writes[0]);
    assert_eq!(cluster.writes.iter().filter(|a| a.is_beside()).count(), 1);
    assert!(cluster.world.weight("backend") > 0);
    let text = "#1 backend: Application shop: auto-sync on (prune, selfHeal) → off";
    assert_eq!((told(&process, EntryKind::Intent, text), told(&process, EntryKind::Outcome, &format!("{text}: done"))), (1, 1));
    assert!(cluster.state.unwrap().0.intents.is_empty());
}

#[test]
fn a_refused_one_stops_nothing_and_is_not_asked_again() {
    let mut cluster = managed(healing());
    cluster.faults.insert(0, WriteOutcome::Refused { code: 403, why: "not allowed".into() });
    let mut process = Process::new("a", &cluster);
    process.start(&mut cluster);
    process.run(&mut cluster, 30);
    assert_eq!(cluster.writes.iter().filter(|a| a.is_beside()).count(), 1);
    assert!(cluster.world.weight("backend") > 0 && matches!(cluster.phase(), Some(Phase::Progressing)), "{:?}", cluster.phase());
    assert_eq!(told(&process, EntryKind::Note, "its auto-sync stays on: not allowed; what it puts back is told"), 1);
}

#[test]
fn one_that_changed_meanwhile_is_read_and_planned_again_and_a_lost_answer_needs_no_fence() {
    for fault in [WriteOutcome::Conflict { why: "changed".into() }, WriteOutcome::Unknown { why: "timeout".into() }] {
        let mut cluster = managed(healing());
        cluster.faults.insert(0, fault.clone());
        let mut process = Process::new("a", &cluster);
        process.start(&mut cluster);
        process.run(&mut cluster, 30);
        assert!(cluster.world.application().is_suspended() && cluster.world.weight("backend") > 0, "{fault:?}");
        assert!(!cluster.writes.iter().any(|a| matches!(a, Action::Fence { .. })), "{fault:?}");
        assert_eq!(told(&process, EntryKind::Note, "stays on"), 0, "{fault:?}");
    }
}

/// Answers everything but suspensions, which hang.
fn settle_but_for_applications(process: &mut Process, cluster: &mut Cluster, hanging: &mut Vec<Request>) {
    for _ in 0..200 {
        let Some(request) = process.wire.pop_front() else { return };
        if matches!(&request.call, Call::Write { action, .. } if action.is_beside()) {
            hanging.push(request);
            continue;
        }
        let reply = cluster.execute(request.call);
        process.input(cluster.world.now, Input::Reply { id: request.id, reply });
    }
    panic!("the driver never comes to rest");
}

#[test]
fn a_rollback_sends_its_routes_first_and_waits_for_no_application() {
    let (mut cluster, mut process) = started(Application { automated: None, ..healing() }, 30);
    *cluster.world.application() = healing();
    cluster.world.compare();
    process.run(&mut cluster, 1); // seen
    let sent = process.order(&mut cluster, "back", Command::RollBack);
    let writes: Vec<bool> =
        sent.iter().filter_map(|r| if let Call::Write { action, .. } = &r.call { Some(action.is_beside()) } else { None }).collect();
    assert_eq!(writes, [false, true], "the routes, and beside them the suspension, at once");
    let mut hanging = vec![];
    settle_but_for_applications(&mut process, &mut cluster, &mut hanging);
    assert_eq!((cluster.world.weight("backend"), hanging.len()), (0, 1));
    // It is put back while the suspension hangs: it is taken back all the same, and nothing is suspended twice.
    cluster.world.meddle("backend", 10);
    for _ in 0..2 {
        cluster.world.pass(Millis::secs(2));
        process.input(cluster.world.now, Input::Tick);
        settle_but_for_applications(&mut process, &mut cluster, &mut hanging);
    }
    assert_eq!((cluster.world.weight("backend"), hanging.len()), (0, 1));
    assert_eq!(cluster.state.as_ref().unwrap().0.intents.len(), 1, "the one that hangs stays on record");
    assert!(matches!(cluster.phase(), Some(Phase::RollingBack { .. })), "not over while it may still be put back");
    let Request { id, call } = hanging.pop().unwrap();
    let reply = cluster.execute(call);
    process.input(cluster.world.now, Input::Reply { id, reply });
    process.settle(&mut cluster);
    process.run(&mut cluster, 20);
    assert!(cluster.phase() == Some(&Phase::RolledBack) && cluster.world.application().is_suspended());
}

#[test]
fn a_suspension_that_was_on_its_way_when_a_rollback_was_asked_is_not_sent_twice() {
    let mut cluster = managed(healing());
    *cluster.world.parts("backend") = (90, 10);
    cluster.world.workload("backend", Track::Candidate).containers[0].image = NEW.into();
    let mut process = Process::new("a", &cluster);
    process.start(&mut cluster);
    assert!(cluster.world.application().is_suspended() || process.core.view().writes > 0);
    let sent = process.order(&mut cluster, "back", Command::RollBack);
    let beside = sent.iter().filter(|r| matches!(&r.call, Call::Write { action, .. } if action.is_beside())).count();
    assert!(beside <= 1);
    process.settle(&mut cluster);
    process.run(&mut cluster, 20);
    assert!(cluster.phase() == Some(&Phase::RolledBack) && cluster.world.application().is_suspended());
}

#[test]
fn a_person_restores_it_without_a_run_a_lease_or_a_record() {
    let mut cluster = managed(suspended());
    let mut process = Process::new("a", &cluster);
    process.order(&mut cluster, "on", Command::RestoreSync);
    process.settle(&mut cluster);
    process.run(&mut cluster, 3);
    assert_eq!((cluster.world.application().automated.clone(), cluster.world.application().kept.clone()), (healing().automated, None));
    assert_eq!(process.core.view().answers.get("on"), Some(&None));
    assert!(cluster.state.is_none() && cluster.lease == (None, 0, 0), "nothing else was touched");
    let line = "backend: Application shop: auto-sync off → on (prune, selfHeal)";
    let by_me = lines(&process).iter().filter(|e| e.actor == "me").count();
    assert_eq!((told(&process, EntryKind::Intent, line), told(&process, EntryKind::Outcome, &format!("{line}: done")), by_me), (1, 1, 2));
}

#[test]
fn it_is_restored_beside_whoever_drives_and_a_run_does_not_suspend_it_again() {
    let (mut cluster, mut driver) = started(healing(), 12);
    assert!(cluster.world.application().is_suspended());
    let mut other = Process::new("b", &cluster);
    other.order(&mut cluster, "on", Command::RestoreSync);
    other.settle(&mut cluster);
    assert_eq!((other.core.view().answers.get("on"), cluster.lease.0.as_deref()), (Some(&None), Some("a")));
    driver.run(&mut cluster, 30);
    assert!(cluster.world.application().automated.is_some(), "what a person has switched on stays on");
    assert!(cluster.world.weight("backend") > 10, "and the run goes on");
}

#[test]
fn restoring_reads_again_what_changed_and_says_why_it_cannot() {
    let conflict = || WriteOutcome::Conflict { why: "changed".into() };
    let mut cluster = managed(suspended());
    cluster.faults.insert(0, conflict());
    let mut process = Process::new("a", &cluster);
    process.order(&mut cluster, "on", Command::RestoreSync);
    process.run(&mut cluster, 4);
    assert!(process.core.view().answers["on"].is_none() && cluster.world.application().automated.is_some());

    let refused = |outcome: Option<WriteOutcome>, application: Application| {
        let mut cluster = managed(application);
        cluster.always = outcome;
        let mut process = Process::new("a", &cluster);
        process.order(&mut cluster, "on", Command::RestoreSync);
        process.run(&mut cluster, 30);
        (process.core.view().answers["on"].clone().unwrap(), cluster.writes.len())
    };
    assert_eq!(refused(Some(conflict()), suspended()), ("changed".into(), 3));
    assert_eq!(refused(Some(WriteOutcome::Refused { code: 403, why: "not allowed".into() }), suspended()), ("not allowed".into(), 1));
    assert!(refused(None, healing()).0.contains("no Argo CD app of this release"));
    let (why, writes) = refused(None, Application { kept: Some("{".into()), ..suspended() });
    assert!(why.contains("holds no sync policy but `{`") && writes == 0, "{why}");
}

#[test]
fn read_only_restores_nothing() {
    let mut cluster = managed(suspended());
    let setup = Setup { holder: "w".into(), may_write: false, take_up: false, active: Millis::secs(2), idle: Millis::secs(5), after: None };
    let core = Core::new(setup, cluster.world.release.clone(), cluster.world.now);
    let mut watcher = Process { core, wire: VecDeque::new(), trace: vec![] };
    watcher.order(&mut cluster, "on", Command::RestoreSync);
    watcher.run(&mut cluster, 3);
    assert!(watcher.core.view().answers["on"].as_deref().unwrap().starts_with("read-only"));
    assert_eq!((cluster.writes.len(), lines(&watcher).len()), (0, 0));
}
