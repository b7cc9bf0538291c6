//! Killed at any moment and started again, a run goes on from the stored state; what the killed processes recorded gives
//! the same requests when it is fed to a fresh core.

use cutover::cli::drive::Beginning;
use cutover::driver::core::Core;
use cutover::driver::shell::Recorded;

use crate::shop::{NEW, OLD, STABLE, Shop, canary, until};

const STEPS: &str = "{ weight: 10, hold: 2s }, { weight: 50, hold: 2s }, { weight: 100 }";

/// Feeds a recording, part by part, to fresh cores. Answers how many parts and steps there were.
fn replay(text: &str) -> (usize, usize) {
    let (mut parts, mut steps, mut core) = (0, 0, None);
    let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
    for (n, line) in lines.iter().enumerate() {
        if let Ok(begin) = serde_json::from_str::<Beginning>(line) {
            core = Some(Core::new(begin.setup, begin.release, begin.now));
            parts += 1;
            continue;
        }
        let recorded: Recorded = match serde_json::from_str(line) {
            Ok(recorded) => recorded,
            // The last line of a killed process may be cut short.
            Err(_) if lines.get(n + 1).is_none_or(|next| serde_json::from_str::<Beginning>(next).is_ok()) => continue,
            Err(e) => panic!("line {n} of {}: {e}: {line:.200}", lines.len()),
        };
        let mut out = Vec::new();
        core.as_mut().unwrap().step(recorded.now, recorded.input, &mut out);
        assert_eq!(serde_json::to_string(&out).unwrap(), serde_json::to_string(&recorded.requests).unwrap(), "line {n}");
        steps += 1;
    }
    (parts, steps)
}

#[test]
fn a_run_killed_again_and_again_goes_on_and_its_recording_replays() {
    let shop = Shop::open("healthy", 20.0);
    shop.file("cutover.yaml", &canary(STEPS));
    let args = ["run", "--image", NEW, "--record", "run.jsonl"];
    type Point<'a> = (&'a str, Box<dyn Fn() -> bool + 'a>);
    let points: [Point<'_>; 5] = [
        ("as soon as anything is stored", Box::new(|| shop.stored().is_some())),
        ("the moment the route has moved", Box::new(|| shop.weights().1 == 10)),
        ("in a hold", Box::new(|| shop.stored().is_some_and(|r| r["cursor"] == 2))),
        ("the moment it moves on", Box::new(|| shop.weights().1 == 50)),
        ("while stable is replaced", Box::new(|| shop.image(STABLE) == NEW)),
    ];
    for (point, reached) in &points {
        let mut run = shop.spawn(&args);
        // What the one before has reached counts when this one drives.
        until(point, || (reached() && !shop.holder().is_empty()) || run.is_over());
        run.signal("KILL");
        let told = run.end();
        assert_eq!(told.code, None, "{point}: {told:?}");
        shop.lease_runs_out();
    }
    let told = shop.ends(0, &args);
    assert!(told.out.contains(" found "), "{told:?}");
    assert_eq!((shop.image(STABLE).as_str(), shop.weights()), (NEW, (100, 0)));
    let run = shop.stored().unwrap();
    assert_eq!(run["phase"], "completed");
    let (parts, steps) = replay(&std::fs::read_to_string(shop.home.path().join("run.jsonl")).unwrap());
    assert_eq!(parts, points.len() + 1);
    assert!(steps > 60, "{steps}");
}

#[test]
fn after_a_kill_the_lease_runs_out_by_itself_and_a_rollback_does_not_wait_for_it() {
    let shop = Shop::open("healthy", 20.0);
    shop.file("cutover.yaml", &canary("{ weight: 10, hold: 1h }, { weight: 100 }, { approve: promote }"));
    let run = shop.spawn(&["run", "--image", NEW]);
    until("10 %", || shop.weights().1 == 10);
    run.signal("KILL");
    run.end();
    let dead = shop.holder();
    assert!(dead.contains("#"), "{dead}");
    // The next one waits until the dead one's Lease has surely run out, then drives.
    let next = shop.spawn(&["run"]);
    until("the next one drives", || !shop.holder().is_empty() && shop.holder() != dead);
    next.signal("KILL");
    next.end();
    let begun = std::time::Instant::now();
    let told = shop.ends(0, &["rollback"]);
    assert_eq!(shop.weights(), (100, 0), "{told:?}");
    assert_eq!((shop.image(STABLE).as_str(), shop.stored().unwrap()["phase"].as_str()), (OLD, Some("rolledBack")));
    assert!(begun.elapsed().as_secs() < 40, "{:?}", begun.elapsed());
    assert_eq!(shop.orders_left(), [""; 0]);
}
