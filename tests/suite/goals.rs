//! How a command ends, by the last thing its driver showed.

use cutover::cli::exit::Exit;
use cutover::cli::pilot::goal::{Goal, settled, timed_out};
use cutover::domain::port::{Fault, FaultKind};
use cutover::domain::rollout::Phase;
use cutover::domain::step::Step;
use cutover::domain::time::Millis;
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

#[test]
fn a_record_that_fails_for_what_passes_is_waited_for_a_little_and_one_that_is_refused_is_not() {
    let ended = |kind, later: Millis| {
        let mut view = holding(&["backend"]);
        let rollout = view.rollout.as_mut().unwrap();
        (rollout.phase, rollout.ended) = (Phase::RolledBack, Some(view.now.wall));
        view.saved = false;
        view.faults.insert("store".into(), (Fault { kind, text: "no".into() }, view.now.wall));
        view.now.wall += later.duration();
        settled(Goal::Back, None, &view)
    };
    assert_eq!(ended(FaultKind::Unreachable, Millis::secs(9)), None);
    for (kind, later) in [(FaultKind::Unreachable, Millis::secs(11)), (FaultKind::Forbidden, Millis::ZERO)] {
        let ending = ended(kind, later).unwrap();
        assert_eq!(ending.exit, Exit::Done);
        assert!(ending.text.contains("not on record: no"), "{}", ending.text);
    }
}
