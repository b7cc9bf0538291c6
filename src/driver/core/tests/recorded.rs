//! What is on record, what is known besides, and which of the two counts.

use super::*;

#[test]
fn a_rollback_whose_end_is_not_on_record_goes_on_where_the_candidate_gets_traffic_again() {
    for recorded in [false, true] {
        let (mut cluster, mut process) = begun(&["backend"], 20);
        process.order(&mut cluster, "back", Command::RollBack);
        while !matches!(cluster.phase(), Some(Phase::RollingBack { .. })) {
            process.go_on(&mut cluster);
        }
        cluster.refuse_store = !recorded;
        process.run(&mut cluster, 15);
        assert_eq!(process.core.view().rollout.unwrap().phase, Phase::RolledBack);
        cluster.world.workload("backend", Track::Candidate).replicas = 4;
        cluster.world.meddle("backend", 30);
        process.run(&mut cluster, 20);
        assert_eq!(cluster.world.weight("backend"), if recorded { 30 } else { 0 }, "what comes after the end is somebody's own wish");
    }
}

#[test]
fn what_is_known_is_kept_where_somebody_leaves_an_order_beside_it() {
    let (mut cluster, mut process) = begun(&["backend"], 20);
    process.run(&mut cluster, 3);
    let covered = |p: &Process| p.core.view().rollout.unwrap().covered;
    let before = covered(&process);
    assert!(cluster.state.as_ref().unwrap().0.covered < before, "it is newer than the record");
    let at = cluster.world.now.wall;
    cluster.orders.push(Order { id: "odd".into(), command: Command::Resume, actor: "other".into(), at, mark: None });
    cluster.version += 1;
    process.run(&mut cluster, 1);
    assert!(covered(&process) >= before, "{} after {before}", covered(&process));
}

#[test]
fn what_was_decided_and_not_recorded_is_decided_anew_after_a_long_sleep() {
    // The answer is there before the sleep, or after it.
    for refused in [true, false] {
        decided_anew(refused);
    }
}

fn decided_anew(refused: bool) {
    let (mut cluster, mut driver) = begun(&["backend"], 20);
    let before = cluster.state.as_ref().unwrap().0.asked;
    assert!(before.percent() > 0);
    let lost = loop {
        match driver.wire.front() {
            Some(Request { id, call: Call::Store { rollout, .. } }) if rollout.asked > before => break *id,
            _ => driver.go_on(&mut cluster),
        }
    };
    driver.wire.clear();
    if refused {
        let reply = Reply::Stored(StoreOutcome::Refused { why: "configmaps are forbidden".into() });
        driver.input(cluster.world.now, Input::Reply { id: lost, reply });
        driver.wire.clear();
    }
    cluster.world.skip(Millis::mins(2));
    // Meanwhile the candidate's pods are gone: nobody would go on now.
    cluster.world.broken = true;
    cluster.world.pass(Millis::secs(2));
    if !refused {
        let reply = Reply::Stored(StoreOutcome::Unknown { why: "no answer".into() });
        driver.input(cluster.world.now, Input::Reply { id: lost, reply });
    }
    driver.run(&mut cluster, 4);
    assert_eq!(driver.core.view().rollout.unwrap().asked, before);
    assert_eq!(cluster.state.as_ref().unwrap().0.asked, before);
}

#[test]
fn a_record_that_an_old_request_of_ours_made_anew_sets_nothing_back() {
    let (mut cluster, mut driver) = begun(&["backend"], 1);
    let old = cluster.state.clone().unwrap();
    driver.run(&mut cluster, 19);
    assert_eq!((old.0.epoch, cluster.world.weight("backend")), (1, 10));
    cluster.world.meddle("backend", 0);
    driver.run(&mut cluster, 3);
    let Some(Phase::Paused { .. }) = cluster.phase() else { panic!("{:?}", cluster.phase()) };
    // Somebody deleted it, and a store that was given up long ago lands.
    cluster.state = Some((old.0, old.1 + 100));
    driver.run(&mut cluster, 12);
    assert!(matches!(cluster.phase(), Some(Phase::Paused { .. })), "{:?}", cluster.phase());
    assert_eq!(cluster.world.weight("backend"), 0, "what somebody else set is written over by nobody");
}

#[test]
fn an_end_that_could_not_be_put_on_record_is_tried_again_soon() {
    let (mut cluster, mut driver) = begun(&["backend"], 20);
    driver.core.setup.idle = Millis::mins(1);
    driver.order(&mut cluster, "back", Command::RollBack);
    while driver.core.view().rollout.unwrap().phase != Phase::RolledBack {
        driver.go_on(&mut cluster);
    }
    cluster.refuse_store = true;
    cluster.blind = true;
    driver.settle(&mut cluster);
    cluster.world.pass(Millis::secs(6));
    driver.tick(&mut cluster);
    assert_ne!(cluster.phase(), Some(&Phase::RolledBack), "neither stored nor looked after");
    (cluster.refuse_store, cluster.blind) = (false, false);
    for _ in 0..8 {
        cluster.world.pass(Millis::secs(1));
        driver.tick(&mut cluster);
    }
    assert_eq!(cluster.phase(), Some(&Phase::RolledBack));
}

#[test]
fn where_the_record_is_gone_and_another_driver_wrote_since_a_person_is_asked() {
    for unknown in [true, false] {
        let (mut cluster, driver) = begun(&["backend"], 20);
        let mut other = Process::new("b", &cluster);
        other.run(&mut cluster, 2);
        drop(driver);
        // Another one takes over and writes; then its record is deleted, before it was read here, and its Lease runs out.
        let (epoch, weight) = (cluster.lease.1 + u64::from(unknown), cluster.world.weight("backend"));
        cluster.world.workload("backend", Track::Candidate).stamp = Some(format!("{epoch}.9"));
        (cluster.lease, cluster.state) = ((None, epoch, cluster.lease.2 + 1), None);
        other.run(&mut cluster, 60);
        assert_eq!((cluster.lease.0.as_deref(), cluster.lease.1), (Some("b"), epoch + 1));
        let paused = matches!(cluster.phase(), Some(Phase::Paused { why, .. }) if why.contains("record was deleted"));
        assert_eq!((paused, cluster.world.weight("backend") > weight), (unknown, !unknown), "{:?}", cluster.phase());
    }
}

#[test]
fn a_rollback_is_put_on_record_also_while_nobody_answers_about_the_lease() {
    let (mut cluster, dead) = begun(&["backend"], 20);
    drop(dead);
    let mut process = Process::new("b", &cluster);
    // Answers everything but what is asked about the Lease.
    let settle = |process: &mut Process, cluster: &mut Cluster| {
        while let Some(place) = process.wire.iter().position(|r| !matches!(r.call, Call::Lease { .. })) {
            let Request { id, call } = process.wire.remove(place).unwrap();
            let reply = cluster.execute(call);
            process.input(cluster.world.now, Input::Reply { id, reply });
        }
    };
    process.input(cluster.world.now, Input::Tick);
    settle(&mut process, &mut cluster);
    process.order(&mut cluster, "back", Command::RollBack);
    settle(&mut process, &mut cluster);
    assert_eq!(cluster.world.weight("backend"), 0);
    assert!(matches!(cluster.phase(), Some(Phase::RollingBack { .. })), "{:?}", cluster.phase());
    assert_eq!(process.wire.len(), 1, "and the Lease is asked for once");
}
