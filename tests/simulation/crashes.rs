//! A driver dies at every step it takes and at every write that lands, one after the other: each time the next life goes on
//! to the same end.

use cutover::domain::command::Command;
use cutover::domain::time::Millis;

use crate::run::{End, Run};
use crate::script::{Happening, Script, Shape};

/// Steps and landed writes of an undisturbed run.
fn undisturbed(script: &Script, end: End) -> (u64, u64) {
    let mut run = Run::new(script);
    assert_eq!(run.go(), end, "{:?}: {:?}", script.shape, run.laws.violation());
    (run.steps, run.landed)
}

/// Somebody takes the run back in the middle, and once more for the case that nobody was there to hear it.
fn taken_back(shape: Shape) -> Script {
    let mut script = Script::quiet(0, shape);
    for at in [25, 70].map(Millis::secs) {
        script.happenings.push((at, Happening::Order { who: 0, command: Command::RollBack, stale: false }));
    }
    script
}

fn ends_well(script: &Script, wanted: End, what: &str, prepare: impl FnOnce(&mut Run<'_>)) {
    let mut run = Run::new(script);
    prepare(&mut run);
    run.trace = Some(vec![]);
    let end = run.go();
    let trace = run.trace.take().unwrap();
    let tail = trace.iter().rev().take(60).rev().cloned().collect::<Vec<_>>().join("\n");
    assert!(run.laws.violation().is_none(), "{:?}, {what}: {:?}\n{tail}", script.shape, run.laws.violation());
    assert_eq!(end, wanted, "{:?}, {what}\n{tail}", script.shape);
}

/// The two ways a run may take, with where each ends.
fn ways() -> impl Iterator<Item = (Script, End)> {
    let both = |shape| [(Script::quiet(0, shape), End::Done), (taken_back(shape), End::RolledBack)];
    Shape::ALL.into_iter().flat_map(both)
}

#[test]
fn killed_at_any_step_a_run_comes_to_its_end() {
    for (script, end) in ways() {
        let (steps, _) = undisturbed(&script, end);
        for step in 1..=steps {
            ends_well(&script, end, &format!("killed at step {step}"), |run| run.kill_at_step = Some(step));
        }
    }
}

#[test]
fn killed_after_any_landed_write_a_run_comes_to_its_end() {
    for (script, end) in ways() {
        let (_, landed) = undisturbed(&script, end);
        for write in 1..=landed {
            ends_well(&script, end, &format!("killed after write {write}"), |run| run.kill_at_landing = Some(write));
        }
    }
}
