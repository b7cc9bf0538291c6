//! Random commands, and what holds whatever they are.

use proptest::prelude::*;

use super::*;

fn commands() -> impl proptest::strategy::Strategy<Value = Option<Command>> {
    prop_oneof![
        4 => Just(None),
        4 => Just(Some(Command::Advance)),
        2 => Just(Some(Command::StepBack)),
        2 => (0u8..=100).prop_map(|w| Some(Command::SetWeight(Weight::capped(w)))),
        3 => Just(Some(Command::Pause)),
        4 => Just(Some(Command::Resume)),
        4 => Just(Some(Command::Approve)),
        2 => Just(Some(Command::Reject)),
        2 => Just(Some(Command::Promote)),
        1 => Just(Some(Command::RollBack)),
        4 => Just(Some(start_of(&["backend", "frontend"]))),
        1 => Just(Some(Command::Undo { component: None, revision: 0 })),
    ]
}

/// Plays a script of commands with time between them, counting what was accepted and refused.
fn play(script: &[(Option<Command>, u8, u8)], tally: &mut BTreeMap<&'static str, (u32, u32)>) {
    let mut release = canary(&["backend", "frontend"]);
    let weight = |w| Stage::Weight { weight: Weight::capped(w), hold: Millis::secs(60) };
    release.strategy = Kind::Canary(Canary { steps: vec![weight(25), Stage::Approve { label: "half".into() }, weight(50), weight(100)] });
    let mut run = Run::new(release);
    for (command, turns, luck) in script {
        run.world.verdict = match luck {
            0 => Verdict::Rollback,
            1..=3 => Verdict::Inconclusive(Doubt::NoData),
            _ => Verdict::Healthy,
        };
        if let Some(command) = command {
            let entry = tally.entry(command.word()).or_default();
            match run.order(command.clone()) {
                Ok(()) => entry.0 += 1,
                Err(_) => entry.1 += 1,
            }
        }
        run.turns(usize::from(*turns));
        if run.rollout.is_some() && matches!(run.phase(), Phase::RolledBack) {
            assert_eq!((run.world.weight("backend"), run.world.weight("frontend")), (0, 0), "components never end apart");
        }
    }
    // Whatever happened: a rollback ends with everything on stable, running what it ran.
    run.world.verdict = Verdict::Healthy;
    if run.rollout.as_ref().is_some_and(|r| !r.is_over() && matches!(r.release.strategy, Kind::Canary(_))) {
        run.order(Command::RollBack).unwrap();
        run.turns(40);
        assert_eq!(run.phase(), Phase::RolledBack);
        assert_eq!((run.world.weight("backend"), run.world.weight("frontend")), (0, 0));
        let recorded = run.rollout.clone().unwrap().targets["backend"].stable.images[0].image.clone();
        assert_eq!(run.image("backend", Track::Stable), recorded);
    }
}

/// Every command must be met in states that take it and in states that do not, or the property proves little.
#[test]
fn random_commands_keep_the_promises() {
    use proptest::strategy::{Strategy, ValueTree};
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let script = proptest::collection::vec((commands(), 0u8..30, 0u8..60), 1..40);
    let mut tally = BTreeMap::new();
    for _ in 0..400 {
        play(&script.new_tree(&mut runner).unwrap().current(), &mut tally);
    }
    let all: u32 = tally.values().map(|(a, r)| a + r).sum();
    for (word, (accepted, refused)) in &tally {
        // A rollback is refused only where there is nothing to take back.
        assert!(accepted * 100 >= all, "{word} accepted {accepted} of {all}: {tally:?}");
        assert!(refused * 100 >= all, "{word} refused {refused} of {all}: {tally:?}");
    }
    assert_eq!(tally.len(), 11, "{tally:?}");
}
