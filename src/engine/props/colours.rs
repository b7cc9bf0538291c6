//! Switches that somebody made by hand, with no run on record.

use super::*;

/// A switch whose selector knows the two sides by these values, made by hand.
fn switched(stable: &str, candidate: &str) -> Run {
    let mut release = blue_green();
    release.components[0].router =
        Router::Service { service: "web".into(), key: "version".into(), stable: stable.into(), candidate: candidate.into() };
    let mut run = Run::new(release);
    let pods = run.world.workload("web", Track::Stable).replicas;
    run.world.workload("web", Track::Candidate).replicas = pods;
    run.world.pass(Millis::secs(60));
    run.world.meddle("web", 100);
    run
}

#[test]
fn what_a_selector_calls_a_canary_goes_back_to_what_it_calls_stable() {
    for (stable, candidate) in [("stable", "canary"), ("active", "preview")] {
        let mut run = switched(stable, candidate);
        run.order(Command::RollBack).unwrap();
        run.turns(10);
        assert_eq!((run.phase(), run.world.weight("web")), (Phase::RolledBack, 0), "{candidate}");
    }
}

#[test]
fn of_two_colours_the_one_that_serves_is_stable_and_the_refusal_says_how_to_switch() {
    let refused = switched("blue", "green").order(Command::RollBack).unwrap_err().to_string();
    assert!(refused.contains("no route sends anything to a candidate") && refused.contains("`cutover run`"), "{refused}");
}
