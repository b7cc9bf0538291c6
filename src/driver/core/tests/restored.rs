//! A driver that begins with a state that was read before.

use super::*;
use crate::domain::release::Router;
use crate::domain::weight::Weight;

/// What a second process reads before it starts a driver, and that driver.
fn restored(cluster: &Cluster) -> Process {
    let mut process = Process::new("b", cluster);
    let stored = Box::new(cluster.stored().unwrap());
    assert_eq!(process.input(cluster.world.now, Input::Restored(stored)), [], "nothing is read before the order that follows");
    process
}

fn is_write(request: &Request) -> bool {
    matches!(request.call, Call::Write { .. })
}

#[test]
fn a_rollback_writes_its_routes_before_it_reads_anything() {
    let (mut cluster, driver) = begun(&["backend", "frontend"], 20);
    drop(driver);
    let mut other = restored(&cluster);
    let sent = other.order(&mut cluster, "back", Command::RollBack);
    let reads = |r: &Request| matches!(r.call, Call::Load { .. } | Call::Observe { .. } | Call::Sample { .. });
    assert_eq!(sent.iter().filter(|r| is_write(r)).count(), 2, "{sent:?}");
    assert!(sent.iter().rposition(is_write) < sent.iter().position(reads).or(Some(usize::MAX)), "{sent:?}");
    other.settle(&mut cluster);
    assert_eq!([cluster.world.weight("backend"), cluster.world.weight("frontend")], [0, 0]);
    other.run(&mut cluster, 30);
    assert_eq!(cluster.phase(), Some(&Phase::RolledBack));
}

#[test]
fn a_driver_that_lives_learns_of_it_and_ends_the_rollback() {
    // Once with the state as it was read, once with the driver having stored meanwhile: the order gets through either way.
    for stored_meanwhile in [false, true] {
        let (mut cluster, mut driver) = begun(&["backend"], 20);
        let mut other = restored(&cluster);
        if stored_meanwhile {
            driver.order(&mut cluster, "hold-it", Command::Pause);
            driver.settle(&mut cluster);
        }
        other.order(&mut cluster, "back", Command::RollBack);
        for _ in 0..30 {
            other.settle(&mut cluster);
            driver.tick(&mut cluster);
            cluster.world.pass(Millis::secs(1));
            other.input(cluster.world.now, Input::Tick);
        }
        assert_eq!(cluster.world.weight("backend"), 0);
        assert_eq!(cluster.phase(), Some(&Phase::RolledBack), "stored meanwhile: {stored_meanwhile}");
        assert_eq!(other.core.view().answers.get("back"), Some(&None));
        assert_eq!(cluster.lease.1, 1, "nobody took the Lease from a driver that answers");
    }
}

#[test]
fn a_write_that_landed_before_its_driver_died_is_not_taken_for_somebody_elses() {
    let (mut cluster, driver) = begun(&["backend"], 20);
    drop(driver);
    assert_eq!(cluster.world.weight("backend"), 10);
    // Stored before the write to 10 % was seen to hold.
    let (stored, _) = cluster.state.as_mut().unwrap();
    stored.targets.values_mut().for_each(|t| std::sync::Arc::make_mut(t).held = Some(Weight::ZERO));
    cluster.lease.0 = None;
    let mut other = Process::new("b", &cluster);
    other.order(&mut cluster, "on", Command::Advance);
    other.run(&mut cluster, 8);
    assert_eq!(cluster.phase(), Some(&Phase::Progressing), "{:?}", cluster.state.as_ref().map(|(r, _)| &r.log));
    assert_eq!(cluster.world.weight("backend"), 25);
}

#[test]
fn a_look_made_before_the_run_was_known_is_told_with_the_roles_of_the_run() {
    let mut cluster = Cluster::new(crate::engine::world::blue_green());
    let mut first = Process::new("a", &cluster);
    first.start(&mut cluster);
    first.run(&mut cluster, 20);
    first.order(&mut cluster, "yes", Command::Approve);
    first.run(&mut cluster, 8);
    assert_eq!(cluster.world.weight("web"), 100, "the new colour serves, and without a run it would be called stable");
    let before = cluster.state.as_ref().unwrap().0.clone();
    drop(first);
    cluster.lease.0 = None;
    let mut other = Process::new("b", &cluster);
    cluster.unreadable = true;
    other.tick(&mut cluster);
    cluster.unreadable = false;
    other.order(&mut cluster, "hold", Command::Pause);
    other.run(&mut cluster, 3);
    let after = &cluster.state.as_ref().unwrap().0;
    assert_eq!((after.asked, &after.targets["web"].stable), (before.asked, &before.targets["web"].stable));
    assert_eq!(cluster.world.weight("web"), 100);
}

#[test]
fn a_rollback_asks_for_nothing_that_it_does_not_rest_on() {
    let haste = |command: Option<Command>| {
        let (mut cluster, driver) = begun(&["backend"], 20);
        drop(driver);
        let mut other = Process::new("b", &cluster);
        let sent = match command {
            Some(command) => other.order(&mut cluster, "o", command),
            None => other.input(cluster.world.now, Input::Tick),
        };
        sent.iter().find_map(|r| if let Call::Observe { haste, .. } = &r.call { Some(*haste) } else { None })
    };
    let asked = [None, Some(Command::Pause), Some(Command::RollBack), Some(Command::Reject)].map(haste);
    assert_eq!(asked, [Haste::Calm, Haste::Waited, Haste::AtOnce, Haste::AtOnce].map(Some));
}

#[test]
fn what_no_run_is_about_is_taken_back_after_a_look_at_routes_and_deployments() {
    let mut cluster = Cluster::new(canary(&["backend", "frontend"]));
    for component in ["backend", "frontend"] {
        *cluster.world.parts(component) = (80, 20);
        cluster.world.workload(component, Track::Candidate).replicas = 2;
    }
    let mut process = Process::new("a", &cluster);
    let sent = process.order(&mut cluster, "back", Command::RollBack);
    let look = |r: &Request| matches!(r.call, Call::Observe { haste: Haste::AtOnce, .. });
    assert!(sent.iter().any(look), "{sent:?}");
    process.settle(&mut cluster);
    assert_eq!([cluster.world.weight("backend"), cluster.world.weight("frontend")], [0, 0]);
    process.run(&mut cluster, 30);
    assert_eq!(cluster.phase(), Some(&Phase::RolledBack));
    assert_eq!(cluster.world.workload("backend", Track::Candidate).replicas, 0, "the pods go once they are looked at");

    // Where pods are the weight, they are what is looked at.
    let mut by_ratio = canary(&["backend"]);
    by_ratio.components[0].router = Router::Replicas { service: None };
    let mut cluster = Cluster::new(by_ratio);
    let sent = Process::new("a", &cluster).order(&mut cluster, "back", Command::RollBack);
    assert!(sent.iter().any(|r| matches!(r.call, Call::Observe { haste: Haste::Back, .. })), "{sent:?}");
}

#[test]
fn a_rollback_ordered_before_the_run_could_be_read_takes_back_the_run_that_is_there() {
    let (mut cluster, driver) = begun(&["backend"], 40);
    drop(driver);
    assert!(cluster.world.weight("backend") > 0);
    let run = cluster.state.as_ref().unwrap().0.id.clone();
    cluster.lease.0 = None;
    let mut other = Process::new("b", &cluster);
    cluster.unreadable = true;
    other.tick(&mut cluster);
    other.order(&mut cluster, "back", Command::RollBack);
    other.settle(&mut cluster);
    cluster.unreadable = false;
    other.run(&mut cluster, 40);
    assert_eq!(cluster.world.weight("backend"), 0);
    let stored = &cluster.state.as_ref().unwrap().0;
    assert_eq!((&stored.id, &stored.phase), (&run, &Phase::RolledBack));
    assert_eq!(other.core.view().answers.get("back"), Some(&None));
}

#[test]
fn a_rollback_that_was_over_is_done_again_where_another_driver_went_on() {
    let (mut cluster, mut driver) = begun(&["backend"], 20);
    let before = cluster.state.clone().unwrap().0;
    driver.order(&mut cluster, "back", Command::RollBack);
    driver.run(&mut cluster, 30);
    assert_eq!(cluster.phase(), Some(&Phase::RolledBack));
    // Another one, which never learnt of it, stored the run as it knew it.
    let theirs = Rollout { seq: 99, ..before };
    cluster.state = Some((theirs, cluster.state.as_ref().unwrap().1 + 1));
    driver.input(cluster.world.now, Input::Restored(Box::new(cluster.stored().unwrap())));
    let mine = driver.core.view().rollout.unwrap();
    assert!(matches!(mine.phase, Phase::RollingBack { .. }), "{}", mine.phase);
    assert_eq!(mine.seq, 99, "numbers are not given twice");
    driver.run(&mut cluster, 30);
    assert_eq!(cluster.phase(), Some(&Phase::RolledBack));
}

#[test]
fn a_lease_that_is_being_released_is_not_ours_any_more() {
    let (mut cluster, mut driver) = begun(&["backend"], 20);
    assert!(matches!(driver.core.view().driver, crate::domain::view::Driver::Us { .. }));
    driver.input(cluster.world.now, Input::Detach);
    // Until it is answered anybody may have it.
    while driver.trace.iter().flat_map(|(.., sent)| sent).all(|r| !matches!(r.call, Call::Lease { ask: LeaseAsk::Release { .. }, .. })) {
        driver.go_on(&mut cluster);
    }
    assert_eq!(driver.core.view().driver, crate::domain::view::Driver::Nobody);
}

#[test]
fn a_record_that_knows_nothing_of_it_takes_nothing_off_the_time_that_nobody_answers() {
    let (mut cluster, mut driver) = begun(&["backend"], 20);
    cluster.world.broken = true;
    cluster.world.pass(Millis::ZERO);
    for _ in 0..8 {
        driver.run(&mut cluster, 1);
        // Somebody stores what was read before the pods went.
        let (record, version) = cluster.state.as_mut().unwrap();
        (record.unserved, record.most, *version) = (None, record.most + 1, *version + 1);
    }
    assert_eq!(cluster.world.weight("backend"), 0, "nobody answered for ten seconds");
}

#[test]
fn a_rollback_left_for_a_dead_driver_is_not_refused_before_the_record_was_read() {
    // Without a record nothing shows that one Deployment that turns is to be taken back.
    let mut cluster = Cluster::new(crate::engine::world::rolling());
    let mut driver = Process::new("a", &cluster);
    driver.start(&mut cluster);
    driver.run(&mut cluster, 4);
    drop(driver);
    let mut other = Process::new("b", &cluster);
    other.order(&mut cluster, "back", Command::RollBack);
    // Objects and Lease can be read; of the record no answer comes, and the order cannot be left there.
    let none = || Fault { kind: FaultKind::Unreachable, text: "no answer".into() };
    while let Some(Request { id, call }) = other.wire.pop_front() {
        let handed = matches!(call, Call::Append { .. });
        let reply = match call {
            Call::Load { .. } => Reply::Loaded(Err(none())),
            Call::Append { .. } => Reply::Appended(Err(none())),
            call => cluster.execute(call),
        };
        other.input(cluster.world.now, Input::Reply { id, reply });
        if handed {
            break;
        }
    }
    assert_eq!(other.core.view().answers.get("back"), None, "nobody knows yet");
    other.run(&mut cluster, 20);
    assert_eq!((cluster.phase(), other.core.view().answers.get("back")), (Some(&Phase::RolledBack), Some(&None)));
    assert_eq!(cluster.world.workload("web", Track::Stable).containers[0].image, OLD);
}
