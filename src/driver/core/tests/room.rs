//! When a driver asks what room there is for more pods.

use super::*;

/// The looks and the writes of what was sent, in order.
fn sent(driver: &Process) -> Vec<&'static str> {
    let requests = driver.trace.iter().flat_map(|(_, _, requests)| requests);
    requests
        .filter_map(|r| match &r.call {
            Call::Observe { haste: Haste::Rising, .. } => Some("room"),
            Call::Observe { .. } => Some("look"),
            Call::Write { action, .. } => match &**action {
                Action::Scale { from, to, .. } if to > from => Some("more"),
                Action::SetImages { .. } => Some("images"),
                _ => Some("write"),
            },
            _ => None,
        })
        .collect()
}

#[test]
fn room_is_asked_for_before_pods_are_made_and_only_then() {
    let mut cluster = Cluster::new(canary(&["backend"]));
    let mut driver = Process::new("a", &cluster);
    let images = [("backend".to_owned(), Image::parse(NEW).unwrap())].into();
    driver.order(&mut cluster, "s", Command::Start { images, cause: None });
    for _ in 0..60 {
        cluster.world.pass(Millis::secs(2));
        driver.tick(&mut cluster);
    }
    assert!(cluster.world.weight("backend") >= 25);
    let sent = sent(&driver);
    for (at, what) in sent.iter().enumerate().filter(|(_, what)| matches!(**what, "more" | "images")) {
        assert_eq!(sent[at - 1], "room", "{what} rests on a look that told it: {sent:?}");
    }
    let count = |what: &str| sent.iter().filter(|s| **s == what).count();
    assert!(count("more") >= 1 && count("room") <= count("more") + count("images") + 1, "{sent:?}");
}

#[test]
fn whoever_weighs_a_step_is_told_and_goes_on_seeing_it_for_a_while() {
    let mut cluster = Cluster::new(canary(&["backend"]));
    let seen = crate::domain::room::Room { quotas: Ok(vec![]), nodes: Ok(Default::default()), budgets: Ok(vec![]) };
    cluster.world.room = Some(seen);
    let mut driver = Process::new("a", &cluster);
    driver.tick(&mut cluster);
    let told = |driver: &Process| driver.core.view().observed.unwrap().room.is_some();
    assert!(!told(&driver), "nobody asked");
    cluster.world.pass(Millis::secs(3));
    driver.input(cluster.world.now, Input::Weigh);
    driver.settle(&mut cluster);
    cluster.world.pass(Millis::secs(1));
    driver.tick(&mut cluster);
    assert!(told(&driver));
    assert_eq!(sent(&driver).iter().filter(|s| **s == "room").count(), 1);
    cluster.world.pass(Millis::secs(10));
    driver.tick(&mut cluster);
    assert!(told(&driver), "a look that did not ask keeps it");
    cluster.world.pass(Millis::secs(30));
    driver.tick(&mut cluster);
    assert!(!told(&driver), "but not for ever");
}
