//! What the API server, other people and lost answers may do to a driver at the worst moment.

use super::*;
use crate::domain::port::LEASE_DURATION;
use crate::domain::weight::Weight;
use crate::engine::world::blue_green;

/// Requests of a kind that were sent since a step of the trace.
fn sent(process: &Process, since: usize, is: impl Fn(&Call) -> bool) -> usize {
    process.trace[since..].iter().flat_map(|(_, _, r)| r).filter(|r| is(&r.call)).count()
}

fn is_write(call: &Call) -> bool {
    matches!(call, Call::Write { .. })
}

/// Ticks whenever the driver wants to be ticked, for some time.
fn live(process: &mut Process, cluster: &mut Cluster, time: Millis) {
    let until = cluster.world.now.mono.plus(time);
    while cluster.world.now.mono < until {
        process.tick(cluster);
        let next = process.core.wake_at().minus(cluster.world.now.mono).max(Millis(20)).min(Millis::secs(1));
        cluster.world.pass(next);
    }
}

#[test]
fn what_is_refused_is_not_asked_in_a_storm() {
    for code in [403, 422, 429] {
        let (mut cluster, mut process) = begun(&["backend"], 20);
        cluster.always = Some(WriteOutcome::Refused { code, why: "no".into() });
        process.order(&mut cluster, "more", Command::SetWeight(crate::domain::weight::Weight::capped(90)));
        let mark = process.trace.len();
        live(&mut process, &mut cluster, Millis::mins(5));
        let tries = sent(&process, mark, is_write);
        assert!((3..25).contains(&tries), "{code}: {tries} tries in five minutes");
        cluster.always = None;
        live(&mut process, &mut cluster, Millis::mins(1));
        assert_eq!(cluster.world.weight("backend"), 90, "{code}: and then it goes on");
    }
}

#[test]
fn an_overloaded_server_and_credentials_that_run_out_pause_nothing() {
    for code in [401, 429] {
        let (mut cluster, mut process) = begun(&["backend"], 20);
        let next = cluster.writes.len();
        cluster.faults.insert(next, WriteOutcome::Refused { code, why: "not now".into() });
        process.run(&mut cluster, 45);
        assert_eq!(cluster.phase(), Some(&Phase::Progressing), "{code}");
        assert!(cluster.world.weight("backend") >= 25, "{code}");
    }
}

#[test]
fn a_refused_rollback_is_asked_again_and_again_but_not_in_a_storm() {
    let (mut cluster, mut process) = begun(&["backend"], 20);
    cluster.always = Some(WriteOutcome::Refused { code: 403, why: "no".into() });
    let mark = process.trace.len();
    process.order(&mut cluster, "back", Command::RollBack);
    process.settle(&mut cluster);
    live(&mut process, &mut cluster, Millis::mins(2));
    let tries = sent(&process, mark, is_write);
    assert!((20..40).contains(&tries), "every five seconds at the most: {tries}");
    cluster.always = None;
    live(&mut process, &mut cluster, Millis::secs(6));
    assert_eq!(cluster.world.weight("backend"), 0);
}

#[test]
fn a_lost_route_write_is_sent_again_while_nothing_at_all_can_be_read() {
    let (mut cluster, mut process) = begun(&["backend"], 20);
    (cluster.unreadable, cluster.blind) = (true, true);
    cluster.faults.insert(cluster.writes.len(), WriteOutcome::Unknown { why: "timeout".into() });
    let mark = process.trace.len();
    process.order(&mut cluster, "back", Command::RollBack);
    live(&mut process, &mut cluster, Millis::secs(30));
    assert_eq!(cluster.world.weight("backend"), 0);
    live(&mut process, &mut cluster, Millis::mins(2));
    let tries = sent(&process, mark, is_write);
    assert!((3..60).contains(&tries), "again and again, but not in a storm: {tries}");
}

#[test]
fn a_route_write_that_the_server_fails_at_is_sent_again_at_once_and_then_waits_for_its_turn() {
    for (failures, left) in [(1, 0), (2, 0), (3, 10)] {
        let (mut cluster, mut process) = begun(&["backend"], 20);
        cluster.failing = failures;
        process.order(&mut cluster, "back", Command::RollBack);
        process.settle(&mut cluster);
        assert_eq!(cluster.world.weight("backend"), left, "after {failures} failures, in the same moment");
        process.run(&mut cluster, 20);
        assert_eq!(cluster.phase(), Some(&Phase::RolledBack));
    }
}

#[test]
fn a_driver_that_cannot_store_lets_go_all_the_same() {
    let (mut cluster, mut process) = begun(&["backend"], 20);
    cluster.refuse_store = true;
    process.order(&mut cluster, "back", Command::RollBack);
    process.settle(&mut cluster);
    live(&mut process, &mut cluster, Millis::mins(1));
    assert_eq!(process.core.view().rollout.unwrap().phase, Phase::RolledBack);
    process.input(cluster.world.now, Input::Detach);
    process.settle(&mut cluster);
    assert!(process.core.is_detached());
    assert_eq!(cluster.lease.0, None);
}

#[test]
fn a_refused_store_is_tried_again_until_it_works_and_then_the_lease_is_let_go() {
    let (mut cluster, mut process) = begun(&["backend"], 20);
    cluster.refuse_store = true;
    process.order(&mut cluster, "back", Command::RollBack);
    process.settle(&mut cluster);
    let mark = process.trace.len();
    live(&mut process, &mut cluster, Millis::mins(3));
    let tries = sent(&process, mark, |c| matches!(c, Call::Store { .. }));
    assert!((3..60).contains(&tries), "{tries} tries");
    cluster.refuse_store = false;
    live(&mut process, &mut cluster, Millis::mins(1));
    assert_eq!((cluster.phase(), &cluster.lease.0), (Some(&Phase::RolledBack), &None));
}

#[test]
fn an_order_is_not_lost_when_somebody_else_writes_to_the_state_at_that_moment() {
    let (mut cluster, mut process) = begun(&["backend"], 20);
    process.order(&mut cluster, "hold-it", Command::Pause);
    // Up to the moment when the new state is on its way; then another one leaves an order.
    while !process.wire.iter().any(|r| matches!(r.call, Call::Store { .. })) {
        let Some(Request { id, call }) = process.wire.pop_front() else {
            process.input(cluster.world.now, Input::Tick);
            continue;
        };
        let reply = cluster.execute(call);
        process.input(cluster.world.now, Input::Reply { id, reply });
    }
    let at = cluster.world.now.wall;
    let command = Command::SetWeight(crate::domain::weight::Weight::capped(5));
    cluster.execute(Call::Append {
        namespace: "shop".into(),
        release: "shop".into(),
        order: Order { id: "five".into(), command, actor: "you".into(), at, mark: None },
    });
    process.run(&mut cluster, 5);
    let log: Vec<String> = cluster.state.as_ref().unwrap().0.log.iter().map(|e| e.text.clone()).collect();
    assert!(log.iter().any(|l| l == "pause") && log.iter().any(|l| l == "set weight 5 %"), "{log:?}");
    assert_eq!(process.core.view().answers.get("hold-it"), Some(&None));
    assert!(matches!(cluster.phase(), Some(Phase::Paused { .. })), "{:?}", cluster.phase());
}

#[test]
fn without_a_lease_an_order_is_refused_with_the_reason_and_a_rollback_is_not() {
    let (mut cluster, first) = begun(&["backend"], 20);
    drop(first);
    cluster.world.pass(LEASE_DURATION);
    cluster.refuse_lease = true;
    let mut process = Process::new("b", &cluster);
    let mark = process.trace.len();
    live(&mut process, &mut cluster, Millis::secs(40));
    assert!(sent(&process, mark, |c| matches!(c, Call::Lease { .. })) < 60);
    process.order(&mut cluster, "hold-it", Command::Pause);
    live(&mut process, &mut cluster, Millis::secs(5));
    assert_eq!(process.core.view().answers.get("hold-it"), Some(&Some("leases are forbidden".to_owned())));
    process.order(&mut cluster, "back", Command::RollBack);
    live(&mut process, &mut cluster, Millis::secs(30));
    assert_eq!((cluster.world.weight("backend"), cluster.phase()), (0, Some(&Phase::RolledBack)));
}

#[test]
fn while_there_is_no_telling_who_drives_traffic_is_taken_back_and_no_pod_away() {
    let (mut cluster, first) = begun(&["backend"], 20);
    drop(first);
    cluster.world.pass(LEASE_DURATION);
    cluster.silent_lease = true;
    let mut process = Process::new("b", &cluster);
    process.order(&mut cluster, "back", Command::RollBack);
    live(&mut process, &mut cluster, Millis::secs(60));
    let pods = |cluster: &mut Cluster| cluster.world.workload("backend", Track::Candidate).replicas;
    assert_eq!(cluster.world.weight("backend"), 0);
    assert!(pods(&mut cluster) > 0, "another driver could be sending them traffic");
    cluster.silent_lease = false;
    live(&mut process, &mut cluster, Millis::secs(60));
    assert_eq!((pods(&mut cluster), cluster.phase()), (0, Some(&Phase::RolledBack)));
}

#[test]
fn a_rollback_is_not_over_while_a_raise_of_unknown_fate_can_still_land() {
    let (mut cluster, mut process) = begun(&["backend"], 1);
    assert_eq!(cluster.world.weight("backend"), 0, "the first raise is still to come");
    while !cluster.writes.iter().any(|a| matches!(a, Action::Route { .. })) {
        cluster.late = matches!(process.wire.front(), Some(Request { call: Call::Write { action, .. }, .. }) if matches!(**action, Action::Route { .. }));
        process.go_on(&mut cluster);
    }
    // The object cannot be stamped at first.
    cluster.always = Some(WriteOutcome::Refused { code: 403, why: "no".into() });
    process.order(&mut cluster, "back", Command::RollBack);
    process.run(&mut cluster, 6);
    assert!(matches!(process.core.view().rollout.unwrap().phase, Phase::RollingBack { .. }));
    cluster.always = None;
    process.run(&mut cluster, 20);
    assert_eq!(cluster.phase(), Some(&Phase::RolledBack));
    let (action, precondition) = cluster.delayed.take().unwrap();
    let outcome = cluster.world.apply(&action, precondition);
    assert!(matches!(outcome, WriteOutcome::Conflict { .. }), "{outcome:?}: nobody would notice it any more");
}

#[test]
fn a_rollback_overtakes_a_raise_that_is_on_its_way() {
    let (mut cluster, mut process) = begun(&["backend"], 1);
    while !process.wire.iter().any(|r| matches!(&r.call, Call::Write { action, .. } if matches!(**action, Action::Route { .. }))) {
        process.go_on(&mut cluster);
    }
    let requests = process.order(&mut cluster, "back", Command::RollBack);
    assert!(requests.iter().any(|r| is_write(&r.call)), "memory says 0 %, but 10 % is under way");
}

#[test]
fn a_completed_switch_is_taken_back_from_memory_with_the_roles_it_had() {
    for retired in [false, true] {
        let mut cluster = Cluster::new(blue_green());
        let mut process = Process::new("a", &cluster);
        process.start(&mut cluster);
        process.run(&mut cluster, 10);
        process.order(&mut cluster, "ok", Command::Approve);
        process.run(&mut cluster, 120);
        assert_eq!(cluster.phase(), Some(&Phase::Completed));
        if !retired {
            cluster.world.workload("web", Track::Stable).replicas = 4;
            cluster.world.pass(Millis::ZERO);
            process.run(&mut cluster, 20);
        }
        let before = cluster.writes.len();
        process.order(&mut cluster, "back", Command::RollBack);
        process.settle(&mut cluster);
        process.run(&mut cluster, 20);
        assert_eq!((cluster.phase(), cluster.world.weight("web")), (Some(&Phase::RolledBack), 0));
        for action in &cluster.writes[before..] {
            assert!(!matches!(action, Action::SetImages { .. }), "no image was replaced, none is restored: {action}");
        }
        let first_is_route = matches!(cluster.writes[before], Action::Route { .. });
        assert_eq!(first_is_route, !retired, "an old colour that was scaled away comes up first: {}", cluster.writes[before]);
    }
}

#[test]
fn a_new_process_takes_a_completed_switch_back_with_the_roles_it_had() {
    let mut cluster = Cluster::new(blue_green());
    let mut first = Process::new("a", &cluster);
    first.start(&mut cluster);
    first.run(&mut cluster, 10);
    first.order(&mut cluster, "ok", Command::Approve);
    first.run(&mut cluster, 120);
    assert_eq!(cluster.phase(), Some(&Phase::Completed));
    let before = cluster.writes.len();
    let mut second = Process::new("b", &cluster);
    second.order(&mut cluster, "back", Command::RollBack);
    second.settle(&mut cluster);
    second.run(&mut cluster, 20);
    assert_eq!((cluster.phase(), cluster.world.weight("web")), (Some(&Phase::RolledBack), 0));
    assert!(!cluster.writes[before..].iter().any(|a| matches!(a, Action::SetImages { .. })), "{:?}", &cluster.writes[before..]);
}

#[test]
fn a_rollback_by_a_new_process_does_not_wait_for_the_look_nor_for_its_success() {
    let (mut cluster, first) = begun(&["backend"], 20);
    drop(first);
    cluster.lease.0 = None;
    cluster.blind = true;
    let mut process = Process::new("b", &cluster);
    process.order(&mut cluster, "back", Command::RollBack);
    live(&mut process, &mut cluster, Millis::secs(3));
    assert_eq!(cluster.world.weight("backend"), 0, "what is stored is enough");
    // A conflict or a lost answer while blind is tried again.
    cluster.world.meddle("backend", 40);
    live(&mut process, &mut cluster, Millis::secs(12));
    assert_eq!(cluster.world.weight("backend"), 0);
    cluster.blind = false;
    live(&mut process, &mut cluster, Millis::secs(30));
    assert_eq!(cluster.phase(), Some(&Phase::RolledBack));
}

#[test]
fn an_order_that_may_not_be_handed_over_is_refused_and_a_rollback_done() {
    let (mut cluster, mut driver) = begun(&["backend"], 20);
    let mut other = Process::new("b", &cluster);
    other.run(&mut cluster, 2);
    cluster.refuse_append = true;
    driver.tick(&mut cluster);
    other.order(&mut cluster, "hold-it", Command::Pause);
    other.run(&mut cluster, 2);
    assert_eq!(other.core.view().answers.get("hold-it"), Some(&Some("configmaps are forbidden".to_owned())));
    driver.tick(&mut cluster);
    other.order(&mut cluster, "back", Command::RollBack);
    other.settle(&mut cluster);
    other.tick(&mut cluster);
    assert_eq!(cluster.world.weight("backend"), 0, "at once");
}

#[test]
fn a_request_that_breaks_is_one_of_unknown_fate() {
    let (mut cluster, mut process) = begun(&["backend"], 1);
    while !process.wire.iter().any(|r| is_write(&r.call)) {
        process.go_on(&mut cluster);
    }
    let at = process.wire.iter().position(|r| is_write(&r.call)).unwrap();
    let id = process.wire.remove(at).unwrap().id;
    process.input(cluster.world.now, Input::Reply { id, reply: Reply::Journaled(Err("it broke".into())) });
    let before = cluster.writes.len();
    process.run(&mut cluster, 40);
    assert!(matches!(cluster.writes[before], Action::Fence { .. }), "{}", cluster.writes[before]);
    assert!(cluster.world.weight("backend") >= 10, "and then it goes on");
}

#[test]
fn after_a_sleep_the_lease_is_not_ours_until_it_is_renewed() {
    let (mut cluster, mut process) = begun(&["backend"], 20);
    // The monotonic clock stood still; the wall clock did not, and neither did the others.
    cluster.world.now.wall = cluster.world.now.wall.checked_add(std::time::Duration::from_secs(3600)).unwrap();
    cluster.lease = (Some("b".into()), cluster.lease.1 + 1, cluster.lease.2 + 1);
    let before = cluster.writes.len();
    process.order(&mut cluster, "more", Command::SetWeight(crate::domain::weight::Weight::capped(20)));
    process.run(&mut cluster, 4);
    assert_eq!(cluster.writes.len(), before, "{:?}", &cluster.writes[before..]);
}

#[test]
fn an_order_that_was_refused_is_not_obeyed_later_in_somebody_elses_run() {
    let mut cluster = Cluster::new(canary(&["backend"]));
    let mut idle = Process::new("b", &cluster);
    idle.run(&mut cluster, 2);
    idle.order(&mut cluster, "on", Command::Advance);
    idle.run(&mut cluster, 4);
    assert!(idle.core.view().answers["on"].is_some());
    let mut other = Process::new("a", &cluster);
    other.start(&mut cluster);
    for _ in 0..30 {
        other.tick(&mut cluster);
        idle.tick(&mut cluster);
        cluster.world.pass(Millis::secs(2));
    }
    assert!(cluster.state.as_ref().unwrap().0.overrides.is_empty());
    assert!(cluster.state.as_ref().unwrap().0.log.iter().all(|e| e.text != "advance"));
}

#[test]
fn no_pod_goes_on_a_look_from_before_a_write() {
    let (mut cluster, mut process) = begun(&["backend"], 0);
    let is_raise = |r: &Request| matches!(&r.call, Call::Write { action, .. } if matches!(**action, Action::Route { .. }));
    while !process.wire.front().is_some_and(is_raise) {
        process.go_on(&mut cluster);
    }
    cluster.late = true;
    process.settle(&mut cluster);
    cluster.world.pass(Millis::secs(5));
    process.input(cluster.world.now, Input::Tick);
    let mut take = |is: fn(&Call) -> bool| {
        let place = process.wire.iter().position(|r| is(&r.call)).unwrap();
        process.wire.remove(place).unwrap()
    };
    let (load, look) = (take(|c| matches!(c, Call::Load { .. })), take(|c| matches!(c, Call::Observe { .. })));
    // The look is made while the route is at 0; the raise lands a moment later.
    let seen = cluster.execute(look.call);
    let (raise, precondition) = cluster.delayed.take().unwrap();
    assert_eq!(cluster.world.apply(&raise, precondition), WriteOutcome::Landed);
    process.input(cluster.world.now, Input::Reply { id: look.id, reply: seen });
    cluster.world.skip(Millis(100));
    let mark = process.trace.len();
    process.order(&mut cluster, "back", Command::RollBack);
    process.settle(&mut cluster);
    let unanswered = Fault { kind: FaultKind::Unreachable, text: "no answer".into() };
    process.input(cluster.world.now, Input::Reply { id: load.id, reply: Reply::Loaded(Err(unanswered)) });
    process.run(&mut cluster, 10);
    let sent: Vec<&Call> = process.trace[mark..].iter().flat_map(|(_, _, requests)| requests).map(|r| &r.call).collect();
    let first = |is: fn(&Call) -> bool| sent.iter().position(|c| is(c)).unwrap();
    let back = first(|c| matches!(c, Call::Write { action, .. } if matches!(&**action, Action::Route { weight: Weight::ZERO, .. })));
    let scaled = first(|c| matches!(c, Call::Write { action, .. } if matches!(**action, Action::Scale { to: 0, .. })));
    assert!(back < scaled, "the candidate's pods go once its traffic went");
    assert_eq!(cluster.phase(), Some(&Phase::RolledBack));
}
