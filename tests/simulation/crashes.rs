//! A driver dies at every step it takes and at every write that lands, one after the other: each time the next life goes on
//! to the same end.

use crate::run::{End, Run};
use crate::script::{Script, Shape};

/// Steps and landed writes of an undisturbed run.
fn undisturbed(script: &Script) -> (u64, u64) {
    let mut run = Run::new(script);
    assert_eq!(run.go(), End::Done, "{:?}: {:?}", script.shape, run.laws.violation());
    (run.steps, run.landed)
}

fn ends_well(script: &Script, what: &str, prepare: impl FnOnce(&mut Run<'_>)) {
    let mut run = Run::new(script);
    prepare(&mut run);
    run.trace = Some(vec![]);
    let end = run.go();
    let trace = run.trace.take().unwrap();
    let tail = trace.iter().rev().take(60).rev().cloned().collect::<Vec<_>>().join("\n");
    assert!(run.laws.violation().is_none(), "{:?}, {what}: {:?}\n{tail}", script.shape, run.laws.violation());
    assert_eq!(end, End::Done, "{:?}, {what}\n{tail}", script.shape);
}

#[test]
fn killed_at_any_step_a_run_comes_to_its_end() {
    for shape in Shape::ALL {
        let script = Script::quiet(0, shape);
        let (steps, _) = undisturbed(&script);
        for step in 1..=steps {
            ends_well(&script, &format!("killed at step {step}"), |run| run.kill_at_step = Some(step));
        }
    }
}

#[test]
fn killed_after_any_landed_write_a_run_comes_to_its_end() {
    for shape in Shape::ALL {
        let script = Script::quiet(0, shape);
        let (_, landed) = undisturbed(&script);
        for write in 1..=landed {
            ends_well(&script, &format!("killed after write {write}"), |run| run.kill_at_landing = Some(write));
        }
    }
}
