//! Orders to scale through a driver: with no run on record, refused by the server, left for another driver, and after a death.

use super::*;

fn five() -> Command {
    Command::Scale { component: Some("backend".into()), track: Track::Stable, replicas: 5 }
}

fn pods(cluster: &mut Cluster) -> u32 {
    cluster.world.workload("backend", Track::Stable).replicas
}

fn answer(driver: &Process, id: &str) -> Option<Option<String>> {
    driver.core.view().answers.get(id).cloned()
}

#[test]
fn without_a_run_it_is_written_answered_and_let_go_of() {
    let mut cluster = Cluster::new(canary(&["backend"]));
    let mut driver = Process::new("a", &cluster);
    driver.order(&mut cluster, "five", five());
    assert_eq!(answer(&driver, "five"), None);
    driver.run(&mut cluster, 4);
    assert_eq!((pods(&mut cluster), answer(&driver, "five")), (5, Some(None)));
    assert_eq!((driver.core.view().rollout, cluster.lease.0.clone()), (None, None), "no run was begun");
    let told = driver.core.view().aside;
    let lines: Vec<&str> = told.iter().map(|e| e.text.as_str()).collect();
    assert_eq!(lines[0], "scale backend to 5");
    assert!(lines.iter().any(|l| l.ends_with("backend: Deployment backend: replicas 4 → 5: done")), "{lines:?}");
    let writes = cluster.writes.len();
    driver.run(&mut cluster, 20);
    assert_eq!(cluster.writes.len(), writes, "written once");
    // A run begins over it as over nothing.
    driver.start(&mut cluster);
    driver.run(&mut cluster, 4);
    assert_eq!(cluster.state.as_ref().unwrap().0.targets["backend"].stable.replicas, 5);
}

#[test]
fn what_the_server_refuses_is_answered_and_stops_nothing() {
    for ticks in [0, 30] {
        let (mut cluster, mut driver) = (Cluster::new(canary(&["backend"])), None);
        let driver = driver.get_or_insert(Process::new("a", &cluster));
        if ticks > 0 {
            driver.start(&mut cluster);
            driver.run(&mut cluster, ticks);
        }
        let before = cluster.phase().cloned();
        let at = cluster.writes.len();
        for n in at..at + 3 {
            cluster.faults.insert(n, WriteOutcome::Refused { code: 403, why: "no right to patch deployments".into() });
        }
        driver.order(&mut cluster, "five", five());
        driver.settle(&mut cluster);
        assert_eq!(answer(driver, "five"), Some(Some("backend: no right to patch deployments".into())));
        cluster.faults.clear();
        driver.run(&mut cluster, 1);
        if ticks > 0 {
            assert_eq!(cluster.phase().map(Phase::word), before.as_ref().map(Phase::word));
        }
        assert_eq!(pods(&mut cluster), 4, "a refusal is not tried again");
    }
}

#[test]
fn left_for_another_driver_it_is_done_and_answered_there() {
    let (mut cluster, mut driver) = begun(&["backend"], 12);
    let mut other = Process::new("b", &cluster);
    other.tick(&mut cluster);
    other.order(&mut cluster, "five", five());
    for _ in 0..4 {
        other.tick(&mut cluster);
        driver.run(&mut cluster, 1);
    }
    other.tick(&mut cluster);
    assert_eq!((pods(&mut cluster), answer(&other, "five"), cluster.orders.len()), (5, Some(None), 0));
    assert_eq!(cluster.lease.0.as_deref(), Some("a"));
    assert_eq!(cluster.state.as_ref().unwrap().0.targets["backend"].stable.replicas, 5);
}

#[test]
fn whoever_comes_after_a_death_carries_it_out() {
    for deaths in 1..40 {
        let mut cluster = Cluster::new(canary(&["backend"]));
        let mut driver = Process::new("a", &cluster);
        driver.order(&mut cluster, "five", five());
        for _ in 0..deaths {
            driver.go_on(&mut cluster);
        }
        let ordered = cluster.state.as_ref().is_some_and(|(r, _)| !r.scalings.is_empty() || r.answer("five").is_some());
        drop(driver);
        let mut next = Process::new("b", &cluster);
        next.run(&mut cluster, 20);
        assert_eq!(pods(&mut cluster), if ordered { 5 } else { 4 }, "after {deaths} requests");
    }
}

#[test]
fn a_write_of_unknown_fate_is_made_sure_of() {
    let mut cluster = Cluster::new(canary(&["backend"]));
    let mut driver = Process::new("a", &cluster);
    cluster.faults.insert(0, WriteOutcome::Unknown { why: "timeout".into() });
    driver.order(&mut cluster, "five", five());
    driver.run(&mut cluster, 10);
    assert_eq!((pods(&mut cluster), answer(&driver, "five")), (5, Some(None)));
}
