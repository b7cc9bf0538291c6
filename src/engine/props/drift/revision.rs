//! Another revision in the candidate: its image, or the rest of its template.

use super::*;

#[test]
fn by_ratio_the_image_of_the_run_is_set_again_where_the_share_was_rounded_up() {
    let mut run = Run::started(by_replicas());
    while run.world.weight("web") == 0 {
        run.turn();
    }
    run.turns(4);
    assert_eq!((run.world.weight("web"), run.rollout.as_ref().unwrap().asked), (25, Weight::capped(10)));
    set_image(&mut run, Track::Candidate, THEIRS, "kubectl-set");
    run.turns(2);
    run.order(Command::Resume).unwrap();
    run.turns(2);
    assert_eq!((run.image("web", Track::Candidate).as_str(), run.phase()), (NEW, Phase::Progressing));
}

#[test]
fn another_template_with_the_same_image_is_another_revision_and_is_held_anew_once_accepted() {
    for accept in [true, false] {
        let mut run = at_ten();
        run.turns(4);
        assert!(run.rollout.as_ref().unwrap().covered > Millis::ZERO);
        run.world.workload("backend", Track::Candidate).template_hash = Some("h-with-another-variable".into());
        run.turns(2);
        let change = "Deployment backend-canary: pod template h-shop/app:v2 → h-with-another-variable";
        assert!(why(&run).contains(change), "{}", why(&run));
        run.order(if accept { Command::AcceptDrift } else { Command::Resume }).unwrap();
        assert_eq!(run.rollout.as_ref().unwrap().covered, Millis::ZERO, "what was covered was covered for another revision");
        if accept {
            run.order(Command::Resume).unwrap();
        }
        run.turns(4);
        assert_eq!((run.phase(), run.world.weight("backend")), (Phase::Progressing, 10));
    }
}

#[test]
fn what_is_set_again_on_one_side_says_nothing_of_the_other() {
    let mut run = at_ten();
    run.turns(4);
    set_image(&mut run, Track::Stable, THEIRS, "kubectl-set");
    run.turn();
    assert!(why(&run).contains("image"), "{}", why(&run));
    // After what was told, and before the answer.
    run.world.workload("backend", Track::Candidate).template_hash = Some("h-untold".into());
    run.order(Command::Resume).unwrap();
    run.turns(3);
    assert!(why(&run).contains("pod template"), "{}", why(&run));
}
