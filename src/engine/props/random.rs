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
        3 => (any::<bool>(), 0u32..9).prop_map(|(stable, replicas)| Some(scale(stable, replicas))),
    ]
}

fn scale(stable: bool, replicas: u32) -> Command {
    let track = if stable { Track::Stable } else { Track::Candidate };
    Command::Scale { component: Some("backend".into()), track, replicas }
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
    assert_eq!(tally.len(), 12, "{tally:?}");
}

/// What else happens in a cluster.
#[derive(Clone, Copy, Debug)]
enum Mishap {
    Nothing,
    Limp(u32),
    Broken(bool),
    Meddle(u32),
    Total(u32),
    Shrink(u32),
    Scaler(bool),
    Image,
    Unpause,
    Delete,
    Remake,
    Testers(bool),
}

fn mishaps() -> impl proptest::strategy::Strategy<Value = Mishap> {
    prop_oneof![
        8 => Just(Mishap::Nothing),
        2 => (0u32..=4).prop_map(Mishap::Limp),
        1 => proptest::bool::ANY.prop_map(Mishap::Broken),
        2 => (0u32..=100).prop_map(Mishap::Meddle),
        1 => (1u32..12).prop_map(Mishap::Total),
        1 => (0u32..4).prop_map(Mishap::Shrink),
        1 => proptest::bool::ANY.prop_map(Mishap::Scaler),
        1 => Just(Mishap::Image),
        1 => Just(Mishap::Unpause),
        1 => Just(Mishap::Delete),
        1 => Just(Mishap::Remake),
        1 => proptest::bool::ANY.prop_map(Mishap::Testers),
    ]
}

fn befall(world: &mut World, mishap: Mishap) {
    let components = world.release.components.clone();
    let ratio = matches!(components[0].router, Router::Replicas { .. });
    let split = components[0].router.splits() && !ratio;
    let hpa = |on: bool| on.then(|| Autoscaler { name: "hpa".into(), min: 1, max: 4, ..Autoscaler::default() });
    for c in &components {
        let has_candidate = world.observe().workload(&c.name, Track::Candidate).is_some();
        match mishap {
            Mishap::Nothing => {}
            Mishap::Limp(n) => world.limp = n,
            Mishap::Broken(is) => world.broken = is,
            Mishap::Meddle(weight) if split => world.meddle(&c.name, weight),
            Mishap::Total(total) if split => *world.parts(&c.name) = (total, 0),
            Mishap::Shrink(to) => world.workload(&c.name, Track::Stable).replicas = to,
            Mishap::Scaler(on) if !ratio => world.workload(&c.name, Track::Stable).hpa = hpa(on),
            Mishap::Image if has_candidate => world.workload(&c.name, Track::Candidate).containers[0].image = "shop/app:v9".into(),
            Mishap::Unpause => world.workload(&c.name, Track::Stable).paused = false,
            Mishap::Remake if has_candidate => world.remake_candidate(&c.name),
            Mishap::Testers(stands) if c.testers.is_some() => world.set_testers(&c.name, stands),
            Mishap::Delete if has_candidate => world.delete_candidate(&c.name),
            _ => {}
        }
    }
    world.pass(Millis::ZERO);
}

/// Whatever is ordered and whatever happens: once it stops happening, a rollback takes everything back.
fn endure(release: Release, script: &[(Option<Command>, u8, Mishap)]) {
    let components: Vec<&str> = release.components.iter().map(|c| c.name.as_str()).collect();
    let start = start_of(&components);
    let names: Vec<String> = components.iter().map(|c| (*c).to_owned()).collect();
    let mut run = Run::new(release);
    run.order(start).unwrap();
    let mut told = vec![];
    for (command, turns, mishap) in script {
        befall(&mut run.world, *mishap);
        // An undo is a run of another shape, which the compact world does not look at with its eyes.
        let taken = command.clone().filter(|c| c.word() != "undo").map(|c| run.order(c).is_ok());
        run.turns(usize::from(*turns));
        told.push(format!("{mishap:?} {command:?} {taken:?} -> {} {:?}", run.phase(), run.weights.last()));
    }
    (run.world.limp, run.world.broken) = (0, false);
    befall(&mut run.world, Mishap::Scaler(false));
    if run.phase() == Phase::Completed || run.phase() == Phase::RolledBack {
        return;
    }
    run.order(Command::RollBack).unwrap();
    run.turns(100);
    let said = run.rollout.as_ref().unwrap().waiting.clone();
    assert_eq!(run.phase(), Phase::RolledBack, "{said:?}\n{}", told.join("\n"));
    let recorded = run.rollout.clone().unwrap().targets;
    for name in &names {
        assert_eq!(run.world.weight(name), 0, "{}", told.join("\n"));
        assert!(!run.world.admits_testers(name), "{}", told.join("\n"));
        assert_eq!(run.image(name, Track::Stable), recorded[name].stable.images[0].image, "{}", told.join("\n"));
        let answers = run.world.workload(name, Track::Stable).ready > 0;
        assert!(answers || recorded[name].stable.replicas == 0, "{}", told.join("\n"));
        assert!(!run.world.workload(name, Track::Stable).paused, "{}", told.join("\n"));
    }
}

#[test]
fn a_rollback_takes_everything_back_whatever_happened() {
    use proptest::strategy::{Strategy, ValueTree};
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let asked = prop_oneof![12 => commands(), 1 => Just(Some(Command::AcceptDrift))];
    let script = proptest::collection::vec((asked, 0u8..25, mishaps()), 1..15);
    for n in 0..300 {
        let release = match n % 6 {
            0 => canary(&["backend", "frontend"]),
            1 => blue_green(),
            2 => rolling(),
            3 => by_annotations(),
            4 => with_testers(canary(&["backend", "frontend"])),
            _ => by_replicas(),
        };
        endure(release, &script.new_tree(&mut runner).unwrap().current());
    }
}
