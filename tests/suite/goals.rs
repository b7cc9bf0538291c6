//! How a command ends, by the last thing its driver showed.

use cutover::cli::exit::Exit;
use cutover::cli::pilot::goal::{Goal, timed_out};
use cutover::domain::step::Step;
use cutover::domain::verdict::{Doubt, Verdict};
use cutover::domain::weight::Weight;

use crate::fixture::{holding, judgement};

#[test]
fn no_telling_is_the_reason_only_once_there_is_something_to_tell() {
    type Is = fn(&Step) -> bool;
    let steps: [(Is, u8, Exit); 3] = [
        (|s| matches!(s, Step::Prepare), 0, Exit::TimedOut),
        (|s| matches!(s, Step::Hold(_)), 10, Exit::Inconclusive),
        // Traffic is back on stable by then, and stable carries what is judged.
        (|s| matches!(s, Step::Promote), 0, Exit::Inconclusive),
    ];
    for (is, asked, exit) in steps {
        let mut view = holding(&["backend"]);
        view.judgement = judgement(&["backend"], Verdict::Inconclusive(Doubt::NoData));
        let rollout = view.rollout.as_mut().unwrap();
        rollout.cursor = rollout.plan.iter().position(is).unwrap();
        rollout.asked = Weight::capped(asked);
        let ending = timed_out(Goal::End { people: true }, Some(&view));
        assert_eq!(ending.exit, exit, "{:?}: {}", view.rollout.unwrap().step(), ending.text);
    }
}

#[test]
fn a_paused_run_waits_for_a_person_whatever_is_known() {
    let mut view = crate::screens::reverted();
    view.judgement = judgement(&["backend"], Verdict::Inconclusive(Doubt::NoData));
    let ending = timed_out(Goal::End { people: true }, Some(&view));
    assert_eq!(ending.exit, Exit::TimedOut, "{}", ending.text);
    assert!(ending.text.contains("candidate 25 → 0 by argocd-controller"), "{}", ending.text);
}
