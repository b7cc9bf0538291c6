//! The Lease changes hands while its holder is alive, because a person said so.

use super::*;
use crate::domain::object::{Kind, ObjectRef};

/// One driver that is alive, and another process that knows of it.
fn two() -> (Cluster, Process, Process) {
    let (mut cluster, driver) = begun(&["backend"], 12);
    let mut other = Process::new("bob@bastion2#7", &cluster);
    other.run(&mut cluster, 1);
    (cluster, driver, other)
}

fn lines(process: &Process) -> Vec<String> {
    process.core.view().rollout.unwrap().log.iter().map(|e| e.text.clone()).collect()
}

fn told(process: &Process, text: &str) -> bool {
    lines(process).iter().any(|l| l.contains(text))
}

#[test]
fn it_is_taken_from_a_live_driver_which_stops_and_says_who_has_it() {
    let (mut cluster, mut driver, mut other) = two();
    assert_eq!((cluster.lease.0.as_deref(), cluster.lease.1), (Some("a"), 1));
    // Renewed since it was read last: the answer brings the newer version.
    driver.tick(&mut cluster);
    other.order(&mut cluster, "mine", Command::TakeOver);
    other.settle(&mut cluster);
    assert_eq!((cluster.lease.0.as_deref(), cluster.lease.1), (Some("bob@bastion2#7"), 2));
    assert_eq!(other.core.view().answers.get("mine"), Some(&None));
    assert!(told(&other, "taken over from a by bob@bastion2 (epoch 2)"), "{:?}", lines(&other));
    let written = cluster.writes.len();
    driver.run(&mut cluster, 4);
    assert!(told(&driver, "bob@bastion2 took over and drives now"), "{:?}", lines(&driver));
    assert_eq!(
        (cluster.writes.len(), cluster.lease.0.as_deref()),
        (written, Some("bob@bastion2#7")),
        "it neither writes nor takes it back"
    );
    for _ in 0..30 {
        other.tick(&mut cluster);
        driver.run(&mut cluster, 1);
    }
    assert!(cluster.world.weight("backend") > 10, "the new one carries it on");
    let stored = cluster.state.as_ref().unwrap().0.clone();
    assert!(stored.log.iter().any(|e| e.kind == crate::domain::journal::EntryKind::Command && e.text == "take over" && e.actor == "me"));
    assert_eq!(stored.epoch, 2);
    driver.order(&mut cluster, "stop", Command::Pause);
    for _ in 0..4 {
        driver.run(&mut cluster, 1);
        other.tick(&mut cluster);
    }
    assert!(matches!(cluster.phase(), Some(Phase::Paused { .. })), "the loser's orders go to the one that drives");
}

#[test]
fn who_was_handed_a_rollout_says_by_whom() {
    let (mut cluster, mut driver) = begun(&["backend"], 12);
    driver.input(cluster.world.now, Input::Detach);
    driver.settle(&mut cluster);
    assert_eq!(cluster.lease.0, None);
    let mut heir = Process::new("ada@b#2 (background)", &cluster);
    heir.core.setup.after = Some("ada@b#1".into());
    heir.run(&mut cluster, 3);
    assert!(told(&heir, "ada@b#2 (background) drives (epoch 2), handed over by ada@b#1"), "{:?}", lines(&heir));
    let mut other = Process::new("bob@bastion2#7", &cluster);
    other.run(&mut cluster, 1);
    other.order(&mut cluster, "mine", Command::TakeOver);
    other.settle(&mut cluster);
    assert!(told(&other, "taken over from ada@b#2 (background) by bob@bastion2 (epoch 3)"), "{:?}", lines(&other));
}

#[test]
fn a_driver_that_meets_a_newer_ones_record_stops_before_its_lease_is_due() {
    let (mut cluster, mut driver, mut other) = two();
    driver.tick(&mut cluster);
    other.order(&mut cluster, "mine", Command::TakeOver);
    other.settle(&mut cluster);
    // Its own next turn comes before its next renewal.
    cluster.world.pass(Millis::secs(2));
    driver.tick(&mut cluster);
    driver.tick(&mut cluster);
    assert!(told(&driver, "took over and drives now"), "{:?}", lines(&driver));
}

#[test]
fn what_is_driven_already_or_does_not_run_is_not_taken_over() {
    let (mut cluster, mut driver, _) = two();
    driver.order(&mut cluster, "mine", Command::TakeOver);
    driver.settle(&mut cluster);
    let answer = |p: &Process, id: &str| p.core.view().answers.get(id).cloned().flatten().unwrap();
    assert!(answer(&driver, "mine").contains("drives it already"));
    let mut cluster = Cluster::new(canary(&["backend"]));
    let mut idle = Process::new("b", &cluster);
    idle.order(&mut cluster, "none", Command::TakeOver);
    idle.run(&mut cluster, 2);
    assert!(answer(&idle, "none").contains("no rollout is under way"));
    assert_eq!(cluster.lease.0, None, "and let go of again");
}

#[test]
fn a_take_over_that_was_slept_through_takes_nothing() {
    let (mut cluster, mut driver, mut other) = two();
    other.order(&mut cluster, "mine", Command::TakeOver);
    driver.run(&mut cluster, 40);
    other.run(&mut cluster, 3);
    assert_eq!(cluster.lease.0.as_deref(), Some("a"));
    let said = other.core.view().answers.get("mine").cloned().flatten().unwrap();
    assert!(said.contains("ask again"), "{said}");
}

#[test]
fn a_lease_that_may_not_be_taken_refuses_the_order_and_nothing_else() {
    let (mut cluster, mut driver, mut other) = two();
    cluster.refuse_lease = true;
    other.order(&mut cluster, "mine", Command::TakeOver);
    other.settle(&mut cluster);
    assert_eq!(other.core.view().answers.get("mine"), Some(&Some("leases are forbidden".to_owned())));
    cluster.refuse_lease = false;
    driver.run(&mut cluster, 2);
    assert_eq!(cluster.lease.0.as_deref(), Some("a"));
    assert!(!told(&driver, "took over"));
}

#[test]
fn a_rollback_under_way_goes_on_with_whoever_takes_it_over() {
    let (mut cluster, mut driver, mut other) = two();
    driver.order(&mut cluster, "back", Command::RollBack);
    driver.settle(&mut cluster);
    other.run(&mut cluster, 1);
    if cluster.phase() != Some(&Phase::RolledBack) {
        other.order(&mut cluster, "mine", Command::TakeOver);
        other.run(&mut cluster, 20);
    }
    assert_eq!((cluster.phase(), cluster.world.weight("backend")), (Some(&Phase::RolledBack), 0));
}

#[test]
fn where_somebody_deleted_the_lease_the_next_epoch_is_higher_than_the_one_on_record() {
    let (mut cluster, driver) = begun(&["backend"], 20);
    drop(driver);
    let before = cluster.state.as_ref().unwrap().0.epoch;
    assert!(before > 0);
    (cluster.lease.0, cluster.lease.1) = (None, 0);
    let mut other = Process::new("b", &cluster);
    other.run(&mut cluster, 3);
    assert_eq!((cluster.lease.0.as_deref(), cluster.lease.1), (Some("b"), before + 1));
    assert!(cluster.state.as_ref().unwrap().0.epoch > before, "and is on record");
}

#[test]
fn who_takes_over_stamps_also_what_it_had_to_guard_long_ago() {
    let (mut cluster, mut driver) = begun(&["backend"], 20);
    let route = ObjectRef::new(Kind::VirtualService, "shop", "backend");
    driver.core.fences.insert(route.clone(), ("backend".into(), Millis::ZERO));
    // Another one drives meanwhile, and dies.
    let (_, epoch, version) = cluster.lease;
    cluster.lease = (Some("b".into()), epoch + 1, version + 1);
    cluster.state.as_mut().unwrap().0.epoch = epoch + 1;
    cluster.world.pass(Millis::mins(3));
    let before = driver.trace.len();
    driver.run(&mut cluster, 20);
    assert_eq!(cluster.lease.0.as_deref(), Some("a"), "it is taken over");
    let written = driver.trace[before..].iter().flat_map(|(.., out)| out).filter_map(|r| match &r.call {
        Call::Write { action, .. } => Some(action),
        _ => None,
    });
    assert!(written.clone().any(|a| matches!(&**a, Action::Fence { object, .. } if *object == route)), "{:?}", written.collect::<Vec<_>>());
}

#[test]
fn who_learns_of_the_run_after_it_took_the_lease_stamps_all_the_same() {
    let (mut cluster, driver) = begun(&["backend"], 20);
    drop(driver);
    cluster.lease.0 = None;
    let mut other = Process::new("b", &cluster);
    cluster.unreadable = true;
    other.order(&mut cluster, "next", Command::Advance);
    let (id, acquire) = loop {
        let Request { id, call } = other.wire.pop_front().expect("the Lease is asked for");
        if matches!(&call, Call::Lease { ask: LeaseAsk::Acquire { .. }, .. }) {
            break (id, call);
        }
        let reply = cluster.execute(call);
        other.input(cluster.world.now, Input::Reply { id, reply });
    };
    // The record can be read again, and is, while the answer about the Lease is on its way.
    cluster.unreadable = false;
    other.run(&mut cluster, 2);
    let reply = cluster.execute(acquire);
    other.input(cluster.world.now, Input::Reply { id, reply });
    other.run(&mut cluster, 8);
    assert_eq!(cluster.lease.0.as_deref(), Some("b"));
    let writes = other.trace.iter().flat_map(|(.., out)| out).filter_map(|r| match &r.call {
        Call::Write { action, .. } => Some(action),
        _ => None,
    });
    let first: Vec<bool> = writes.take(3).map(|a| matches!(**a, Action::Fence { .. })).collect();
    assert_eq!(first, [true, true, true], "both Deployments and the route");
}

#[test]
fn a_stamp_of_a_later_epoch_stops_a_driver_that_was_told_nothing_yet() {
    let (mut cluster, mut driver, _) = two();
    let (written, weight) = (cluster.writes.len(), cluster.world.weight("backend"));
    assert!((1..100).contains(&weight), "there is something left to write");
    // Its Lease and its record say as before that it drives; somebody else has written already.
    driver.order(&mut cluster, "on", Command::SetWeight(crate::domain::weight::Weight::capped(90)));
    cluster.world.workload("backend", Track::Candidate).stamp = Some("2.7".into());
    driver.settle(&mut cluster);
    assert_eq!((cluster.lease.0.as_deref(), cluster.lease.1), (Some("a"), 1));
    assert_eq!((cluster.writes.len(), cluster.world.weight("backend")), (written, weight), "nothing more is sent in the epoch before");
    assert!(!matches!(driver.core.driver(), crate::domain::view::Driver::Us { .. }), "{:?}", driver.core.driver());
}

#[test]
fn where_the_lease_was_deleted_the_epochs_go_on_from_what_the_objects_tell() {
    // The latest that can be true; one that nobody of ours can have written.
    for (stamp, epoch) in [("7.1", 8), ("99999999999.1", 2)] {
        let (mut cluster, mut driver, _) = two();
        cluster.world.workload("backend", Track::Candidate).stamp = Some(stamp.into());
        cluster.lease = (None, 0, cluster.lease.2 + 1);
        driver.run(&mut cluster, 12);
        assert_eq!((cluster.lease.0.as_deref(), cluster.lease.1), (Some("a"), epoch), "{stamp}");
    }
}

#[test]
fn beside_a_driver_that_no_order_reaches_a_rollback_goes_on_by_itself() {
    let (mut cluster, mut driver, mut other) = two();
    assert!(cluster.world.weight("backend") > 0);
    cluster.unreadable = true;
    other.run(&mut cluster, 1);
    other.order(&mut cluster, "back", Command::RollBack);
    // The first write of it is lost, and so is every one that follows at once.
    cluster.failing = 3;
    for _ in 0..6 {
        driver.tick(&mut cluster);
        other.tick(&mut cluster);
        cluster.world.pass(Millis::secs(2));
    }
    assert_eq!((cluster.world.weight("backend"), cluster.lease.0.as_deref()), (0, Some("a")));
}

#[test]
fn a_refused_stamp_asks_a_person_and_moves_nothing() {
    let mut cluster = Cluster::new(crate::engine::world::blue_green());
    let mut driver = Process::new("a", &cluster);
    driver.order(&mut cluster, "start", Command::Start { images: [("web".into(), Image::parse(NEW).unwrap())].into(), cause: None });
    driver.run(&mut cluster, 20);
    driver.order(&mut cluster, "switch", Command::Approve);
    driver.run(&mut cluster, 4);
    assert_eq!((cluster.world.weight("web"), cluster.phase()), (100, Some(&Phase::Progressing)), "switched, the old colour stays a while");
    drop(driver);
    cluster.lease.0 = None;
    cluster.always = Some(WriteOutcome::Refused { code: 403, why: "services are forbidden".into() });
    let (mut other, before) = (Process::new("b", &cluster), cluster.writes.len());
    other.run(&mut cluster, 6);
    assert!(matches!(cluster.writes.get(before), Some(Action::Fence { .. })), "{:?}", cluster.writes.get(before));
    let Some(Phase::Paused { why, .. }) = cluster.phase() else { panic!("{:?}", cluster.phase()) };
    assert!(why.contains("services are forbidden"), "{why}");
    // Allowed again: what stands goes on.
    cluster.always = None;
    other.order(&mut cluster, "on", Command::Resume);
    for _ in 0..60 {
        other.run(&mut cluster, 1);
        assert_eq!(cluster.world.weight("web"), 100, "all users stay where they were sent");
    }
    assert_eq!(cluster.phase(), Some(&Phase::Completed));
}
