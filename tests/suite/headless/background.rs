//! A driver in the background: begun by hand, or by a run whose terminal hangs up.

use rustix::process::Signal;

use crate::shop::background::Background;
use crate::shop::{NEW, Running, Shop, canary, until};

fn waiting_run(shop: &Shop, more: &[&str]) -> Running {
    shop.file("cutover.yaml", &canary("{ weight: 10, hold: 1h }, { weight: 100 }"));
    let run = shop.spawn(&[&["run", "--image", NEW], more].concat());
    until("10 %", || shop.weights() == (90, 10));
    until("the hold is on record", || shop.stored().is_some_and(|r| r["cursor"] == 2));
    run
}

#[test]
fn a_run_that_hangs_up_hands_over_where_it_is_told_to() {
    let shop = Shop::open("healthy", 20.0);
    let background = Background::of(shop.home.path());
    let run = waiting_run(&shop, &["--on-hangup", "hand-over"]);
    run.signal("HUP");
    let told = run.end();
    assert_eq!(told.code, Some(129), "{told:?}");
    assert!(told.err.contains("interrupted; ada@") && told.err.contains("(background) drives now"), "{told:?}");
    assert!(!told.err.contains("Nobody drives"), "{told:?}");
    shop.ends(0, &["rollback"]);
    until("no process is left", || background.processes().is_empty());
    assert_eq!((shop.weights(), shop.holder().as_str()), ((100, 0), ""));
}

#[test]
fn it_is_begun_by_hand_and_lets_go_when_it_is_ended() {
    let shop = Shop::open("healthy", 20.0);
    let background = Background::of(shop.home.path());
    let none = shop.ends(1, &["drive", "--detach", "storefront"]);
    assert!(none.err.contains("no rollout of storefront is under way"), "{none:?}");
    let run = waiting_run(&shop, &[]);
    let taken = shop.ends(1, &["drive", "--detach"]);
    assert!(taken.err.contains("drives it; nothing is left to do here"), "one that somebody drives is left alone: {taken:?}");
    run.signal("TERM");
    run.end();
    let told = shop.ends(0, &["drive", "--detach", "-o", "json"]);
    let started: serde_json::Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!(started["driver"], shop.holder());
    assert_eq!(background.processes(), [u32::try_from(started["pid"].as_u64().unwrap()).unwrap()]);
    assert!(std::path::Path::new(started["log"].as_str().unwrap()).is_file(), "{started}");
    // Nothing hangs up where there is no terminal.
    background.signal(Signal::HUP);
    shop.ends(0, &["pause"]);
    assert_eq!(background.processes().len(), 1);
    background.signal(Signal::TERM);
    until("it lets go", || shop.holder().is_empty() && background.processes().is_empty());
    assert!(background.log().contains("Nobody drives it now"), "{}", background.log());
}

#[test]
fn a_log_that_cannot_be_written_keeps_nobody_from_driving() {
    let shop = Shop::open("healthy", 20.0);
    let background = Background::of(shop.home.path());
    let run = waiting_run(&shop, &[]);
    run.signal("TERM");
    run.end();
    std::fs::remove_dir_all(shop.home.path().join(".local")).unwrap();
    shop.file(".local", "not a folder");
    let told = shop.ends(0, &["drive", "--detach"]);
    assert!(told.out.contains("(background) drives now") && told.out.contains("/dev/null"), "{told:?}");
    shop.ends(0, &["rollback"]);
    until("no process is left", || background.processes().is_empty());
}
