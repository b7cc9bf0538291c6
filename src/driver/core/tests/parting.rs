//! Ends: of runs, of orders, of drivers. Whoever is done lets go, and what is left over harms nobody.

use super::*;

/// A run that was rolled back and let go of.
fn rolled_back() -> Cluster {
    let (mut cluster, mut process) = begun(&["backend"], 20);
    process.order(&mut cluster, "back", Command::RollBack);
    process.run(&mut cluster, 30);
    assert_eq!((cluster.phase(), cluster.lease.0.as_deref()), (Some(&Phase::RolledBack), None));
    cluster
}

fn left(id: &str, command: Command, cluster: &Cluster) -> Order {
    Order { id: id.into(), command, actor: "bob".into(), at: cluster.world.now.wall, mark: None }
}

/// Answers everything that is asked, the questions about the Lease last, and lets go once an order is answered.
fn settle_with_a_late_lease(process: &mut Process, cluster: &mut Cluster, leave_after: Option<&str>) {
    let mut left = false;
    for _ in 0..200 {
        if !left && leave_after.is_some_and(|id| process.core.view().answers.contains_key(id)) {
            left = true;
            process.input(cluster.world.now, Input::Detach);
        }
        let urgent = process.wire.iter().position(|r| !matches!(r.call, Call::Lease { .. })).unwrap_or(0);
        let Some(Request { id, call }) = process.wire.remove(urgent) else { return };
        let reply = cluster.execute(call);
        process.input(cluster.world.now, Input::Reply { id, reply });
    }
    panic!("the driver never comes to rest");
}

#[test]
fn a_driver_lets_go_also_with_lines_that_are_not_on_record() {
    let mut cluster = rolled_back();
    let mut process = Process::new("b", &cluster);
    process.order(&mut cluster, "again", Command::RollBack);
    settle_with_a_late_lease(&mut process, &mut cluster, Some("again"));
    for _ in 0..10 {
        cluster.world.pass(Millis::secs(2));
        process.tick(&mut cluster);
    }
    assert!(process.core.is_detached(), "{:?}", process.core.view().faults);
    assert_eq!(cluster.lease.0, None);
}

#[test]
fn the_end_of_a_rollback_is_recorded_also_when_the_lease_came_late() {
    // Killed before its first write: the rollback is over within the turn that asks for the Lease.
    let mut cluster = Cluster::new(canary(&["backend"]));
    let mut first = Process::new("a", &cluster);
    let images = [("backend".to_owned(), Image::parse(NEW).unwrap())].into();
    first.order(&mut cluster, "start", Command::Start { images, cause: None });
    while cluster.state.is_none() {
        let Request { id, call } = first.wire.pop_front().unwrap();
        let reply = cluster.execute(call);
        first.input(cluster.world.now, Input::Reply { id, reply });
    }
    cluster.lease.0 = None; // it ran out
    let mut process = Process::new("b", &cluster);
    process.order(&mut cluster, "back", Command::RollBack);
    for _ in 0..30 {
        settle_with_a_late_lease(&mut process, &mut cluster, None);
        cluster.world.pass(Millis::secs(2));
        process.input(cluster.world.now, Input::Tick);
    }
    let view = process.core.view();
    assert!(view.saved && view.rollout.is_some_and(|r| r.phase == Phase::RolledBack));
    assert_eq!(cluster.phase(), Some(&Phase::RolledBack));
    assert_eq!(cluster.lease.0, None, "nothing is left to drive");
}

#[test]
fn what_was_left_before_a_run_does_not_meet_it() {
    let mut cluster = rolled_back();
    cluster.orders.push(left("old", Command::RollBack, &cluster));
    let mut process = Process::new("b", &cluster);
    let images = [("backend".to_owned(), Image::parse(NEW).unwrap())].into();
    process.order(&mut cluster, "start again", Command::Start { images, cause: None });
    process.run(&mut cluster, 10);
    assert_eq!(cluster.phase(), Some(&Phase::Progressing));
    assert_eq!(cluster.orders, []);
}

#[test]
fn a_refused_order_that_comes_twice_stays_refused() {
    let mut cluster = rolled_back();
    cluster.orders.push(left("x", Command::Reject, &cluster));
    let mut process = Process::new("b", &cluster);
    process.order(&mut cluster, "x", Command::Reject);
    process.run(&mut cluster, 3);
    let answers = process.core.view().answers;
    assert!(matches!(answers.get("x"), Some(Some(why)) if why.contains("no rollout is under way")), "{answers:?}");
}

/// Looks of a process in twenty seconds, stepped every 100 ms. `driver` drives meanwhile, if there is one.
fn looks(watcher: &mut Process, mut driver: Option<&mut Process>, cluster: &mut Cluster) -> usize {
    let begun = watcher.trace.len();
    for _ in 0..200 {
        if let Some(driver) = driver.as_deref_mut() {
            driver.tick(cluster);
        }
        watcher.tick(cluster);
        cluster.world.pass(Millis(100));
    }
    let asked = watcher.trace.iter().skip(begun).flat_map(|(.., out)| out);
    asked.filter(|r| matches!(r.call, Call::Observe { .. })).count()
}

#[test]
fn who_watches_another_driver_looks_no_more_often_than_a_driver_does() {
    let (mut cluster, mut driver) = begun(&["backend"], 6);
    let mut watcher = Process::new("b", &cluster);
    let n = looks(&mut watcher, Some(&mut driver), &mut cluster);
    assert!((9..=12).contains(&n), "{n} looks in 20 s");
    watcher.order(&mut cluster, "pause", Command::Pause);
    let n = looks(&mut watcher, Some(&mut driver), &mut cluster);
    assert!((10..=16).contains(&n), "{n} looks in 20 s, one of them for an answer");
    assert_eq!(watcher.core.view().answers.get("pause"), Some(&None));
}

#[test]
fn a_rollback_beside_a_dead_driver_does_not_look_all_the_time() {
    let (mut cluster, _dead) = begun(&["backend"], 20);
    let mut process = Process::new("b", &cluster);
    process.order(&mut cluster, "back", Command::RollBack);
    let n = looks(&mut process, None, &mut cluster);
    assert_eq!(cluster.phase(), Some(&Phase::RolledBack), "the dead one's Lease ran out meanwhile");
    assert!(n < 25, "{n} looks in 20 s");
}

#[test]
fn a_rollback_that_is_on_record_is_not_left_for_the_driver_once_more() {
    let (mut cluster, mut driver) = begun(&["backend"], 20);
    let mut other = Process::new("b", &cluster);
    other.run(&mut cluster, 2);
    let loaded = cluster.stored().unwrap();
    other.input(cluster.world.now, Input::Restored(Box::new(loaded)));
    other.order(&mut cluster, "back", Command::RollBack);
    // Its record lands and its driver sees to the rest, before it gets to its next turn.
    let (now, mut later) = (other.wire.len(), VecDeque::new());
    for _ in 0..now {
        let Request { id, call } = other.wire.pop_front().unwrap();
        let reply = cluster.execute(call);
        other.input(cluster.world.now, Input::Reply { id, reply });
    }
    later.append(&mut other.wire);
    driver.run(&mut cluster, 10);
    assert_eq!((cluster.phase(), cluster.lease.0.as_deref()), (Some(&Phase::RolledBack), None));
    other.wire = later;
    other.settle(&mut cluster);
    other.run(&mut cluster, 10);
    assert_eq!(cluster.orders, [], "nobody is there to take it away");
    assert_eq!(other.core.view().answers.get("back"), Some(&None));
}

#[test]
fn whoever_takes_back_begins_nothing_that_was_left_to_begin() {
    let mut cluster = rolled_back();
    let images = [("backend".to_owned(), Image::parse(NEW).unwrap())].into();
    cluster.orders.push(left("begin", Command::Start { images, cause: None }, &cluster));
    let mut process = Process::new("b", &cluster);
    process.order(&mut cluster, "back", Command::RollBack);
    process.run(&mut cluster, 10);
    assert_eq!((cluster.phase(), cluster.world.weight("backend")), (Some(&Phase::RolledBack), 0));
    assert_eq!(cluster.orders, []);
}

#[test]
fn an_order_that_was_refused_for_want_of_a_lease_is_not_obeyed_later() {
    let (mut cluster, driver) = begun(&["backend"], 20);
    let mut other = Process::new("b", &cluster);
    other.run(&mut cluster, 1);
    drop(driver);
    // Left for a driver that is gone, and taken up here once that is known.
    other.order(&mut cluster, "more", Command::SetWeight(crate::domain::weight::Weight::capped(90)));
    cluster.refuse_lease = true;
    other.run(&mut cluster, 12);
    assert_eq!(other.core.view().answers.get("more"), Some(&Some("leases are forbidden".to_owned())));
    cluster.refuse_lease = false;
    other.order(&mut cluster, "hold", Command::Pause);
    other.run(&mut cluster, 4);
    assert!(matches!(cluster.phase(), Some(Phase::Paused { .. })), "{:?}", cluster.phase());
    assert!(cluster.state.as_ref().unwrap().0.asked.percent() < 90 && cluster.orders.is_empty());
}
