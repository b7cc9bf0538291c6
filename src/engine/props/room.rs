//! Room for more pods: quotas refuse what they would, nodes and budgets are told, and nothing of it holds a way back.

use super::*;
use crate::domain::observed::Rolls;
use crate::domain::room::{Budget, Limit, Nodes, Room};
use crate::domain::text::SafeText;

/// A quota with so many pods left of 20, and nodes with room for so many of each Deployment.
fn room(left: u64, fit: u32) -> Option<Room> {
    let names = ["backend", "backend-canary", "frontend", "frontend-canary", "web", "web-canary"].map(str::to_owned);
    let takes = names.iter().map(|n| (n.clone(), 1000)).collect();
    let limit = Limit { quota: "team".into(), resource: "pods".into(), hard: 20_000, used: 20_000 - left * 1000, takes };
    let nodes = Nodes { open: 3, fit: names.into_iter().map(|n| (n, fit)).collect() };
    Some(Room { quotas: Ok(vec![limit]), nodes: Ok(nodes), budgets: Ok(vec![]) })
}

fn unseen() -> Option<Room> {
    let why = || SafeText::from("no right to list them");
    Some(Room { quotas: Err(why()), nodes: Err(why()), budgets: Err(why()) })
}

fn start(run: &mut Run) -> Result<(), Refusal> {
    let images = run.world.release.components.iter().map(|c| (c.name.clone(), Image::parse(NEW).unwrap())).collect();
    run.order(Command::Start { images, cause: None })
}

fn remarks(run: &Run, command: Command) -> Vec<String> {
    let order = Order { id: "p".into(), command, actor: "me".into(), at: run.world.now.wall, mark: None };
    let seen = run.world.observe();
    super::super::preview::preview(&run.world.release, run.rollout.as_ref(), Some(&seen), &order, run.world.now).remarks
}

fn waiting(run: &Run) -> String {
    run.rollout.as_ref().unwrap().waiting.clone().unwrap_or_default()
}

#[test]
fn a_start_that_a_quota_has_no_room_for_is_refused_with_the_numbers() {
    let mut run = Run::new(canary(&["backend", "frontend"]));
    run.world.room = room(1, 9);
    let refusal = start(&mut run).unwrap_err().to_string();
    let why = "10 % needs 1 more pod, and quota team has room for 0 (pods 19 of 20 used)";
    assert_eq!(refusal, format!("frontend: {why}; the highest safe weight is 0 %"), "backend's pod takes what is left");
    run.world.room = room(2, 9);
    start(&mut run).unwrap();
}

#[test]
fn a_weight_is_refused_with_the_highest_that_there_is_room_for() {
    let mut run = Run::started(canary(&["backend"]));
    run.turns(12);
    assert_eq!(run.world.workload("backend", Track::Candidate).current, 1);
    run.world.room = room(2, 9);
    let refusal = run.order(Command::SetWeight(Weight::capped(90))).unwrap_err();
    let why = "90 % needs 3 more pods, and quota team has room for 2 (pods 18 of 20 used)";
    assert_eq!(refusal.to_string(), format!("backend: {why}; the highest safe weight is 75 %"));
    run.order(Command::SetWeight(Weight::capped(75))).unwrap();
    run.turns(4);
    assert_eq!(run.world.weight("backend"), 75);
}

#[test]
fn a_plan_waits_for_room_and_goes_on_when_there_is() {
    let mut run = Run::started(canary(&["backend"]));
    while run.world.weight("backend") < 25 {
        run.turn();
    }
    run.world.room = room(0, 9);
    run.turns(60);
    assert_eq!(run.world.weight("backend"), 25, "half of the traffic needs a second pod");
    let why = "backend-canary to 2 needs 1 more pod, and quota team has room for 0 (pods 20 of 20 used)";
    assert_eq!(waiting(&run), format!("backend: {why}; the highest safe weight is 25 %"));
    run.world.room = room(1, 9);
    run.turns(4);
    assert_eq!(run.world.weight("backend"), 50);
}

#[test]
fn what_cannot_be_seen_refuses_nothing_and_is_said() {
    let mut run = Run::new(canary(&["backend"]));
    run.world.room = unseen();
    start(&mut run).unwrap();
    let told = remarks(&run, Command::SetWeight(Weight::FULL));
    assert!(told.is_empty(), "not ready for one yet: {told:?}");
    run.turns(12);
    let told = remarks(&run, Command::SetWeight(Weight::FULL));
    for what in ["quotas", "room on the nodes"] {
        assert!(told.contains(&format!("not known: {what}: no right to list them")), "{told:?}");
    }
    run.order(Command::SetWeight(Weight::FULL)).unwrap();
    run.turns(6);
    assert_eq!(run.world.weight("backend"), 100);
}

#[test]
fn nodes_without_room_are_told_and_refuse_nothing() {
    let mut run = Run::started(canary(&["backend"]));
    run.turns(12);
    run.world.room = room(20, 1);
    let told = remarks(&run, Command::SetWeight(Weight::FULL));
    let line = "backend: 100 % needs 3 more pods, and 3 nodes have room for 1: 2 wait for a node";
    assert!(told.contains(&line.to_owned()), "{told:?}");
    run.order(Command::SetWeight(Weight::FULL)).unwrap();
    run.world.room = room(20, 3);
    let told = remarks(&run, Command::SetWeight(Weight::FULL));
    assert!(!told.iter().any(|l| l.contains("nodes")), "{told:?}");
}

#[test]
fn a_promotion_waits_where_no_pod_of_stables_may_go_before_a_new_one_is_there() {
    let at_approval = |rolls| {
        let mut run = Run::started(canary(&["backend"]));
        run.turns(90);
        run.world.workload("backend", Track::Stable).rolls = rolls;
        run.world.room = room(0, 9);
        run
    };
    let careful = Rolls { surge: 1, unavailable: 0 };
    let mut run = at_approval(careful);
    let refusal = run.order(Command::Promote).unwrap_err().to_string();
    assert!(refusal.starts_with("backend: the update of backend needs 1 more pod, and quota team has room for 0"), "{refusal}");
    run.order(Command::Approve).unwrap();
    run.turns(3);
    assert_eq!(run.image("backend", Track::Stable), OLD, "{}", waiting(&run));
    assert!(waiting(&run).contains("the update of backend needs 1 more pod"), "{}", waiting(&run));
    run.world.room = room(1, 9);
    run.turns(30);
    assert_eq!(run.phase(), Phase::Completed);

    let mut run = at_approval(Rolls { surge: 1, unavailable: 1 });
    run.order(Command::Promote).unwrap();
    run.turns(30);
    assert_eq!(run.phase(), Phase::Completed, "old pods make room for new ones");
}

#[test]
fn a_way_back_asks_nobody_for_room() {
    let mut run = Run::started(by_replicas());
    while run.world.workload("web", Track::Stable).replicas > 2 {
        run.turn();
    }
    run.world.room = room(0, 0);
    run.order(Command::StepBack).unwrap();
    run.turns(10);
    assert!(run.world.workload("web", Track::Stable).replicas > 2, "{}", waiting(&run));
    run.order(Command::RollBack).unwrap();
    run.turns(10);
    assert_eq!((run.phase(), run.world.workload("web", Track::Stable).replicas), (Phase::RolledBack, 4));
    let mut run = Run::started(canary(&["backend"]));
    run.turns(30);
    run.world.room = room(0, 0);
    let told = remarks(&run, Command::RollBack);
    assert!(!told.iter().any(|l| l.contains("quota") || l.contains("nodes")), "{told:?}");
}

#[test]
fn where_pods_are_the_weight_the_new_ones_come_first() {
    let mut run = Run::new(by_replicas());
    run.world.room = room(0, 9);
    let refusal = start(&mut run).unwrap_err().to_string();
    assert!(refusal.contains("needs 1 more pod, and quota team has room for 0"), "{refusal}");
}

#[test]
fn a_budget_is_explained_where_pods_go_and_refuses_nothing() {
    let budget = |covers: &str| {
        let mut seen = room(20, 9).unwrap();
        let covers = [covers.to_owned()].into();
        seen.budgets = Ok(vec![Budget { name: "web".into(), wants: "minAvailable 4".into(), healthy: 5, desired: 4, allowed: 1, covers }]);
        Some(seen)
    };
    let head = "web: budget web (minAvailable 4; 5 healthy, 1 may be evicted) does not hold what a Deployment does with its own pods; ";
    let mut run = Run::started(canary(&["web"]));
    run.turns(90);
    run.world.room = budget("web");
    let told = remarks(&run, Command::Promote);
    assert!(told.contains(&format!("{head}drains of their nodes may wait meanwhile")), "{told:?}");
    run.world.room = budget("db");
    assert!(!remarks(&run, Command::Promote).iter().any(|l| l.contains("budget")));
    run.world.room = budget("web");
    run.order(Command::Promote).unwrap();
    // Where pods are the weight, stable's go for good.
    let mut run = Run::started(by_replicas());
    run.turn();
    while run.world.workload("web", Track::Candidate).ready == 0 {
        run.turn();
    }
    run.world.room = budget("web");
    run.world.workload("web", Track::Stable).replicas = 4;
    let seen = run.world.observe();
    let shrink = super::super::preview::writes(run.rollout.as_ref().unwrap(), Some(&seen));
    let actions: Vec<Action> = shrink.into_iter().map(|(action, _)| action).collect();
    let told = super::super::room::preview(run.rollout.as_ref().unwrap(), &seen, &actions);
    assert!(actions.iter().any(|a| matches!(a, Action::Scale { from: 4, to: 3, .. })), "{actions:?}");
    assert!(!told.iter().any(|l| l.contains("afterwards fewer")), "four of five are left: {told:?}");
    let mut tight = budget("web").unwrap();
    tight.budgets.as_mut().unwrap()[0].healthy = 4;
    run.world.room = Some(tight);
    let told = super::super::room::preview(run.rollout.as_ref().unwrap(), &run.world.observe(), &actions);
    assert!(told[0].ends_with("afterwards fewer than 4 are left, and drains of their nodes wait until there are more"), "{told:?}");
}

/// Turns after each of which stable is as it is said to be.
fn turns_with(run: &mut Run, n: usize, stable: impl Fn(&mut crate::domain::observed::Workload)) {
    for _ in 0..n {
        run.turn();
        stable(run.world.workload("backend", Track::Stable));
    }
}

#[test]
fn a_rollback_whose_stable_gets_no_more_pods_takes_the_candidates_away_first() {
    let mut run = Run::started(canary(&["backend"]));
    run.turns(12);
    run.order(Command::RollBack).unwrap();
    let starved = |w: &mut crate::domain::observed::Workload| w.updated = 0;
    turns_with(&mut run, 11, starved);
    assert_eq!((run.world.weight("backend"), run.world.workload("backend", Track::Candidate).replicas), (0, 1), "not at once");
    turns_with(&mut run, 3, starved);
    assert_eq!(run.world.workload("backend", Track::Candidate).replicas, 0);
    let said = run.rollout.as_ref().unwrap().log.iter().filter(|e| e.text.contains("make room for stable's")).count();
    assert_eq!(said, 1);
    assert!(matches!(run.phase(), Phase::RollingBack { .. }), "stable is not back yet");
    run.turns(6);
    assert_eq!(run.phase(), Phase::RolledBack);
}

#[test]
fn pods_of_stable_that_were_made_and_do_not_get_ready_take_nothing_from_the_candidate() {
    let mut run = Run::started(canary(&["backend"]));
    run.turns(12);
    run.order(Command::RollBack).unwrap();
    turns_with(&mut run, 100, |w| (w.ready, w.available, w.ready_addresses) = (0, 0, 0));
    assert_eq!((run.world.weight("backend"), run.world.workload("backend", Track::Candidate).replicas), (0, 1));
}
