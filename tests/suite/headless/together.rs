//! Two at once: one drives, and what others order arrives; signals end a command and leave nobody driving.

use crate::shop::{NEW, Running, STABLE, Shop, canary, until};

fn long_run(shop: &Shop) -> Running {
    shop.file("cutover.yaml", &canary("{ weight: 10, hold: 1h }, { weight: 50, hold: 1h }, { weight: 100 }, { approve: promote }"));
    let run = shop.spawn(&["run", "--image", NEW]);
    until("10 %", || shop.weights() == (90, 10));
    until("the hold is on record", || shop.stored().is_some_and(|r| r["cursor"] == 2));
    run
}

#[test]
fn of_two_runs_one_drives_and_both_see_the_end() {
    let shop = Shop::open("healthy", 20.0);
    shop.file("cutover.yaml", &canary("{ weight: 20, hold: 1s }, { weight: 60, hold: 1s }, { weight: 100 }"));
    let runs = [shop.spawn(&["run", "--image", NEW]), shop.spawn(&["run", "--image", NEW])];
    let told = runs.map(Running::end);
    for one in &told {
        assert_eq!(one.code, Some(0), "{told:#?}");
    }
    assert_eq!((shop.image(STABLE).as_str(), shop.weights()), (NEW, (100, 0)));
    let log = shop.front.take_log();
    let routed = log.iter().filter(|s| s.method == "PATCH" && s.target.contains("virtualservices")).count();
    assert_eq!(routed, 4, "20, 60, 100 and back to 0, each written once: {told:#?}");
    assert_eq!(shop.holder(), "");
}

#[test]
fn orders_to_another_driver_arrive() {
    let shop = Shop::open("healthy", 20.0);
    let run = long_run(&shop);
    let driver = format!("ada@{}#{}", host(), run.id());
    assert_eq!(shop.status()["driver"], driver);
    let told = shop.ends(0, &["pause"]);
    assert!(told.err.contains("is paused by ada@"), "{told:?}");
    shop.ends(0, &["resume"]);
    shop.ends(0, &["step"]);
    assert_eq!(shop.weights(), (50, 50));
    let refused = shop.ends(1, &["approve"]);
    assert!(refused.err.contains("nothing waits for an approval"), "{refused:?}");
    assert_eq!(shop.holder(), driver, "whoever gives an order does not take over");
    shop.ends(0, &["rollback"]);
    assert_eq!(shop.weights(), (100, 0));
    let told = run.end();
    assert_eq!(told.code, Some(3), "{told:?}");
    assert!(told.out.contains("pause by ada@") && told.out.contains("advance by ada@"), "{told:?}");
    assert_eq!((shop.orders_left(), shop.holder()), (vec![], String::new()));
}

#[test]
fn a_run_that_is_taken_over_says_so_and_sees_the_end() {
    let shop = Shop::open("healthy", 20.0);
    let run = long_run(&shop);
    let before = shop.holder();
    let asked = shop.ends(2, &["take-over"]);
    assert!(asked.err.contains("whoever drives it now will stop; add --yes"), "{asked:?}");
    assert_eq!(shop.holder(), before);
    let taker = shop.spawn(&["takeover", "--yes"]);
    until("the Lease changed hands", || shop.holder().ends_with(&format!("#{}", taker.id())));
    shop.ends(0, &["step"]);
    assert_eq!(shop.weights(), (50, 50), "an order finds its way to the new driver");
    until("the first one has noticed", || shop.stored().is_some_and(|r| r["epoch"] == 2));
    shop.ends(0, &["rollback"]);
    let (first, second) = (run.end(), taker.end());
    assert_eq!((first.code, second.code), (Some(3), Some(3)), "{first:?} {second:?}");
    assert!(first.out.contains(&format!("ada@{} took over and drives now", host())), "{first:?}");
    assert!(second.out.contains(&format!("taken over from ada@{0} by ada@{0} (epoch 2)", host())), "{second:?}");
    assert_eq!((shop.orders_left(), shop.holder()), (vec![], String::new()));
}

fn host() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    name.trim().split('.').next().unwrap().to_owned()
}

#[test]
fn a_signal_ends_a_run_lets_go_and_says_that_nobody_drives() {
    let shop = Shop::open("healthy", 20.0);
    let mut run = long_run(&shop);
    for (signal, code) in [("INT", 130), ("TERM", 143), ("HUP", 129)] {
        run.signal(signal);
        let told = run.end();
        assert_eq!(told.code, Some(code), "{told:?}");
        assert!(told.err.contains("Nobody drives it now, so nobody rolls it back"), "{told:?}");
        assert_eq!((shop.holder().as_str(), shop.weights()), ("", (90, 10)));
        run = shop.spawn(&["run"]);
        until("it is driven again", || run.is_over() || !shop.holder().is_empty());
    }
    drop(run);
}

#[test]
fn an_order_that_nobody_was_there_to_take_does_not_meet_the_next_run() {
    let shop = Shop::open("healthy", 20.0);
    shop.file("cutover.yaml", &canary("{ weight: 20, hold: 1s }, { weight: 100 }"));
    shop.ends(0, &["run", "--image", NEW]);
    // As left by somebody who gave up while a driver was deaf.
    let order = r#"{"id":"old","command":"rollBack","actor":"bob@bastion2","at":"2026-01-01T00:00:00Z","mark":null}"#;
    shop.with(|kernel| {
        let leave = |map: &mut serde_json::Value| map["data"]["order-old"] = order.into();
        kernel
            .world
            .modify(&cutover::sim::kernel::resource::CONFIG_MAP, crate::shop::NAMESPACE, "cutover-storefront", "bob", leave)
            .unwrap();
    });
    let told = shop.ends(0, &["run", "--image", "registry.io/fusion-electronics-backend:v1.5.1"]);
    assert!(told.out.contains("bob@bastion2 asked to roll back before this run: passed over"), "{told:?}");
    assert!(shop.image(STABLE).ends_with(":v1.5.1"));
    assert_eq!(shop.orders_left(), [""; 0]);
}
