//! Orders to scale: without a run, beside one, where pods are the weight, and what refuses them.

use super::*;
use crate::domain::object::{Kind as Object, ObjectRef};
use crate::domain::owner::{Owner, Reverts, Tool};
use crate::domain::room::{Limit, Nodes, Room};
use crate::domain::route::RouteProblem;
use crate::engine::scale;

fn to(track: Track, replicas: u32) -> Command {
    Command::Scale { component: None, track, replicas }
}

fn stable(replicas: u32) -> Command {
    to(Track::Stable, replicas)
}

fn candidate(replicas: u32) -> Command {
    to(Track::Candidate, replicas)
}

fn pods(run: &mut Run, component: &str) -> (u32, u32) {
    (run.world.workload(component, Track::Stable).replicas, run.world.workload(component, Track::Candidate).replicas)
}

fn refusal(run: &mut Run, command: Command) -> String {
    run.order(command).unwrap_err().to_string()
}

fn remarks(run: &Run, command: Command) -> Vec<String> {
    let order = Order { id: "p".into(), command, actor: "me".into(), at: run.world.now.wall, mark: None };
    super::super::preview::preview(&run.world.release, run.rollout.as_ref(), Some(&run.world.observe()), &order, run.world.now).remarks
}

fn at(release: Release, weight: u32) -> Run {
    let mut run = Run::started(release);
    let first = run.world.release.components[0].name.clone();
    for _ in 0..200 {
        if run.world.weight(&first) == weight && matches!(run.step(), Some(Step::Hold(_))) {
            return run;
        }
        run.turn();
    }
    panic!("never at {weight} %: {:?}", run.rollout);
}

fn no_drift(run: &Run) {
    let r = run.rollout.as_ref().unwrap();
    assert!(r.drifts.is_empty() && !matches!(r.phase, Phase::Paused { .. }), "{r:?}");
}

#[test]
fn without_a_run_none_is_begun_and_a_later_one_knows_the_new_size() {
    let mut run = Run::new(canary(&["web"]));
    run.order(stable(6)).unwrap();
    let record = run.rollout.clone().unwrap();
    assert!(record.is_blank() && record.is_over() && record.answer("o1").is_none(), "answered when it is done: {record:?}");
    run.turn();
    run.turn();
    let record = run.rollout.clone().unwrap();
    assert_eq!(pods(&mut run, "web"), (6, 0));
    assert!(record.scalings.is_empty() && record.answer("o1").is_some_and(|a| a.refused.is_none()));
    assert!(refusal(&mut run, Command::RollBack).contains("no rollout is under way"), "it was none");
    assert!(refusal(&mut run, Command::Advance).contains("no rollout is under way"));
    // Asked for what is there, it is done.
    run.order(stable(6)).unwrap();
    assert!(run.rollout.as_ref().unwrap().answer("o4").is_some());
    let images = [("web".to_owned(), Image::parse(NEW).unwrap())].into();
    run.order(Command::Start { images, cause: None }).unwrap();
    assert_eq!(run.rollout.as_ref().unwrap().targets["web"].stable.replicas, 6);
}

#[test]
fn a_side_that_gets_traffic_keeps_a_pod_and_an_idle_one_need_not() {
    let mut run = Run::new(canary(&["web"]));
    let why = refusal(&mut run, stable(0));
    assert_eq!(why, "web: stable gets 100 % of the traffic, and nobody would answer it without a pod");
    run.order(candidate(2)).unwrap();
    run.turns(2);
    // As long as its route cannot be read, it may get some.
    run.world.unseen = Some(RouteProblem::Unread("500".into()));
    let why = refusal(&mut run, candidate(0));
    assert_eq!(why, "web: route not read: 500; it may still send to the candidate, and nobody would answer without a pod");
    run.world.unseen = None;
    run.order(candidate(0)).unwrap();
    run.turns(2);
    assert_eq!(pods(&mut run, "web"), (4, 0));
    let mut colours = Run::new(blue_green());
    *colours.world.parts("web") = (0, 100);
    assert!(refusal(&mut colours, stable(0)).contains("stable gets 100 %"), "whichever colour serves is stable");
    colours.order(candidate(0)).unwrap();
    colours.turns(2);
    assert_eq!(pods(&mut colours, "web"), (0, 0), "blue goes, green's pods are as they were");
}

#[test]
fn a_run_counts_on_what_stable_is_given() {
    let mut run = at(canary(&["web"]), 25);
    let told = remarks(&run, stable(6));
    assert_eq!(told, ["web: the rollout counts on 6 pods of stable from now on, the way back included"]);
    run.order(stable(6)).unwrap();
    run.turns(2);
    assert_eq!(pods(&mut run, "web"), (6, 1));
    no_drift(&run);
    let mut back = Run { world: run.world.clone(), rollout: run.rollout.clone(), orders: 50, weights: vec![], pace: run.pace };
    back.order(Command::RollBack).unwrap();
    back.turns(12);
    assert_eq!((back.phase(), pods(&mut back, "web")), (Phase::RolledBack, (6, 0)), "a way back leaves them");
    while run.world.weight("web") < 50 {
        run.turn();
    }
    no_drift(&run);
    assert_eq!(pods(&mut run, "web"), (6, 3), "half of what six bear");
    run.order(Command::Promote).unwrap();
    run.turns(60);
    assert_eq!((run.phase(), pods(&mut run, "web")), (Phase::Completed, (6, 0)));
}

#[test]
fn what_somebody_else_sends_to_a_candidate_that_is_being_prepared_counts() {
    let mut run = Run::started(canary(&["web"]));
    run.turn();
    run.world.meddle("web", 100);
    run.turn();
    run.order(candidate(4)).unwrap();
    run.turns(3);
    assert_eq!(pods(&mut run, "web"), (4, 4));
    assert_eq!(run.step(), Some(&Step::Prepare));
    assert!(refusal(&mut run, candidate(1)).contains("candidate bears 100 % of the traffic, which needs 4 of 4 pods"));
}

#[test]
fn a_route_that_cannot_be_read_may_send_the_candidate_all() {
    let mut run = at(canary(&["web"]), 10);
    run.order(candidate(4)).unwrap();
    run.turns(3);
    assert_eq!(pods(&mut run, "web").1, 4);
    run.world.unseen = Some(RouteProblem::Unread("500".into()));
    run.turn();
    assert_eq!(
        refusal(&mut run, candidate(1)),
        "web: route not read: 500; it may send the candidate more than 1 of 4 pods bear: try again once it is read"
    );
    run.order(candidate(5)).unwrap();
}

#[test]
fn fewer_than_a_share_needs_are_refused_and_more_never_are() {
    let mut run = Run::started(canary(&["web"]));
    run.turn();
    let why = refusal(&mut run, stable(3));
    assert_eq!(why, "web: stable bears 100 % of the traffic, which needs 4 of 4 pods: fewer when the rollout is over");
    let mut run = at(canary(&["web"]), 50);
    assert!(refusal(&mut run, stable(1)).contains("stable bears 50 % of the traffic, which needs 2 of 4 pods"));
    assert!(refusal(&mut run, candidate(1)).contains("candidate bears 50 % of the traffic, which needs 2 of 4 pods: a lower weight first"));
    assert!(remarks(&run, stable(2)).contains(&"web: the rollout goes on counting on 4 pods for all of the traffic".to_owned()));
    run.order(stable(9)).unwrap();
    run.order(candidate(3)).unwrap();
    run.turns(3);
    assert_eq!(pods(&mut run, "web"), (9, 3));
    run.order(stable(2)).unwrap();
    run.turns(2);
    assert_eq!(pods(&mut run, "web").0, 2, "what was raised by hand may be taken back by hand");
    run.order(Command::Promote).unwrap();
    run.turns(60);
    assert_eq!((run.phase(), pods(&mut run, "web").0), (Phase::Completed, 4), "a promotion needs what all of the traffic needs");
    let mut rolls = Run::started(rolling());
    assert!(refusal(&mut rolls, stable(3)).contains("needs 4 of 4 pods"));
    rolls.order(stable(5)).unwrap();
    rolls.turns(40);
    assert_eq!((rolls.phase(), rolls.world.workload("web", Track::Stable).replicas), (Phase::Completed, 5));
    assert!(refusal(&mut rolls, candidate(1)).contains("a rolling release has no candidate"));
}

#[test]
fn the_old_colour_may_shrink_once_it_gets_nothing() {
    let mut run = Run::started(blue_green());
    run.turns(8);
    run.order(Command::Approve).unwrap();
    run.turns(6);
    assert_eq!(run.world.weight("web"), 100);
    let told = remarks(&run, stable(1));
    assert!(told[0].contains("the candidate gets all of the traffic now: more pods for that one are web/candidate"), "{told:?}");
    run.order(stable(1)).unwrap();
    run.turns(2);
    assert_eq!(pods(&mut run, "web"), (1, 4));
    assert!(refusal(&mut run, candidate(2)).contains("candidate bears 100 %"));
}

#[test]
fn while_it_is_taken_back_stable_may_grow_and_the_candidate_not() {
    let mut run = at(canary(&["web"]), 50);
    run.order(Command::RollBack).unwrap();
    assert_eq!(run.order(candidate(5)), Err(Refusal::RollingBack));
    assert!(refusal(&mut run, stable(3)).contains("needs 4 of 4 pods"));
    run.order(stable(6)).unwrap();
    run.turns(15);
    assert_eq!((run.phase(), pods(&mut run, "web"), run.world.weight("web")), (Phase::RolledBack, (6, 0), 0));
}

#[test]
fn where_pods_are_the_weight_the_other_side_grows_along_and_the_weight_stays() {
    let mut run = at(by_replicas(), 50);
    run.world.verdict = Verdict::Inconclusive(Doubt::NoData); // it stays there
    assert_eq!(pods(&mut run, "web"), (2, 2));
    let told = remarks(&run, stable(5));
    assert_eq!(told, ["web: the weight stays 50 %: both sides have 10 pods together from now on"]);
    run.order(stable(5)).unwrap();
    assert!(run.rollout.as_ref().unwrap().answer("o2").is_some(), "the plan does it");
    run.turns(12);
    assert_eq!((pods(&mut run, "web"), run.world.weight("web")), ((5, 5), 50));
    no_drift(&run);
    run.order(stable(3)).unwrap();
    run.turns(12);
    assert_eq!(pods(&mut run, "web"), (3, 3), "down again, no further than at the start");
    let why = refusal(&mut run, stable(1));
    assert_eq!(why, "web: both sides bear the traffic with 4 pods together, and that would be 2: fewer when the rollout is over");
    run.order(Command::RollBack).unwrap();
    run.turns(12);
    assert_eq!((run.phase(), pods(&mut run, "web")), (Phase::RolledBack, (6, 0)), "all of them are stable's again");
}

#[test]
fn where_pods_are_the_weight_a_side_without_traffic_gets_none() {
    let mut run = Run::started(by_replicas());
    assert!(refusal(&mut run, candidate(1)).contains("candidate has 0 % of the traffic and no pod, pods being the weight: scale web"));
    run.order(stable(8)).unwrap();
    run.turn();
    assert_eq!(pods(&mut run, "web").0, 8);
    while run.world.weight("web") < 25 {
        run.turn();
    }
    no_drift(&run);
    run.turns(3);
    assert_eq!(pods(&mut run, "web"), (6, 2), "a quarter of eight");
    let mut idle = Run::new(by_replicas());
    assert!(refusal(&mut idle, candidate(1)).contains("the candidate's pods are its share of the traffic: start a rollout"));
}

#[test]
fn an_autoscaler_is_not_fought_and_what_to_change_is_said() {
    let mut run = Run::new(canary(&["web"]));
    run.world.workload("web", Track::Stable).hpa = Some(Autoscaler { name: "web-hpa".into(), min: 2, max: 6, ..Autoscaler::default() });
    let why = refusal(&mut run, stable(5));
    let own = "web: HPA web-hpa owns the replicas of Deployment web (min 2, max 6, 4 now) and would set its own again";
    assert_eq!(
        why,
        format!("{own}; its minimum is yours to change: kubectl -n shop patch hpa web-hpa -p '{{\"spec\":{{\"minReplicas\":5}}}}'")
    );
    assert!(refusal(&mut run, stable(9)).ends_with("'{\"spec\":{\"minReplicas\":9,\"maxReplicas\":9}}'"));
    assert!(refusal(&mut run, stable(0)).ends_with("an autoscaler keeps at least one pod"));
    let object = ObjectRef::new(Object::Deployment, "shop", "web");
    run.world.owners = vec![Owner { tool: Tool::Keda, name: "web-so".into(), object, reverts: Reverts::Replicas, application: None }];
    assert!(refusal(&mut run, stable(5)).contains("patch scaledobject web-so --type merge"));
    run.world.workload("web", Track::Stable).replicas = 0;
    assert!(remarks(&run, stable(3)).iter().any(|l| l.contains("HPA web-hpa rests while there is no pod, and takes over (2–6 pods)")));
    run.order(stable(3)).unwrap();
    run.turns(2);
    assert_eq!(pods(&mut run, "web").0, 3, "with no pod it rests");
}

#[test]
fn a_quota_says_how_many_there_may_be() {
    let mut run = Run::new(canary(&["web"]));
    let takes = [("web".to_owned(), 1000), ("web-canary".to_owned(), 1000)].into();
    let limit = Limit { quota: "team".into(), resource: "pods".into(), hard: 6_000, used: 4_000, takes };
    let nodes = Nodes { open: 2, fit: [("web".to_owned(), 1)].into() };
    run.world.room = Some(Room { quotas: Ok(vec![limit]), nodes: Ok(nodes), budgets: Ok(vec![]) });
    let why = "web: web to 9 needs 5 more pods, and quota team has room for 2 (pods 4 of 6 used); at the most it can have 6";
    assert_eq!(refusal(&mut run, stable(9)), why);
    assert_eq!(remarks(&run, stable(6)), ["web: web to 6 needs 2 more pods, and 2 nodes have room for 1: 1 waits for a node"]);
    run.order(stable(6)).unwrap();
}

#[test]
fn it_is_bound_to_the_state_it_was_given_in_and_acts_once() {
    let mut run = at(canary(&["web"]), 10);
    let now = run.world.now;
    let given = |run: &Run, id: &str, mark| {
        let order = Order { id: id.into(), command: stable(6), actor: "me".into(), at: now.wall, mark };
        after(&run.world.release, run.rollout.as_ref(), Some(&run.world.observe()), &order, now)
    };
    let mark = run.rollout.as_ref().unwrap().mark();
    let next = given(&run, "x", Some(mark.clone())).unwrap();
    run.rollout = Some(next.clone());
    assert_eq!(given(&run, "x", Some(mark.clone())), Ok(next), "the same order again changes nothing");
    assert!(matches!(given(&run, "y", Some(mark.clone())), Err(Refusal::Moved { .. })), "a double press is refused");
    let mut idle = Run::new(canary(&["web"]));
    assert!(matches!(given(&idle, "z", Some(mark)), Err(Refusal::Moved { .. })), "the run that it was asked in is over");
    let several = Command::Scale { component: None, track: Track::Stable, replicas: 6 };
    idle = Run::new(canary(&["backend", "frontend"]));
    assert!(refusal(&mut idle, several).contains("name one of: backend, frontend"));
}

#[test]
fn what_the_server_refuses_is_the_answer_and_stops_no_run() {
    let mut run = at(canary(&["web"]), 10);
    run.order(stable(6)).unwrap();
    let decided = decide(run.rollout.as_ref().unwrap(), &run.world.observe(), &run.world.judgement(), run.world.now);
    let mut r = decided.rollout;
    let (action, _) = decided.actions.first().unwrap();
    assert!(scale::refused(&mut r, action, "forbidden") && !scale::refused(&mut r, action, "forbidden"));
    assert_eq!(r.answer("o2").unwrap().refused.as_deref(), Some("web: forbidden"));
    assert!(r.scalings.is_empty() && r.phase == Phase::Progressing);
}

#[test]
fn stable_keeps_its_pods_while_the_traffic_is_about_to_come_to_it() {
    let mut run = Run::started(canary(&["web"]));
    run.turns(90);
    assert_eq!(run.world.weight("web"), 100);
    run.order(Command::Approve).unwrap();
    run.turn();
    assert_eq!((run.step(), run.world.weight("web")), (Some(&Step::Promote), 100));
    let why = refusal(&mut run, stable(0));
    assert!(why.contains("stable bears 100 % of the traffic"), "{why}");
}

#[test]
fn fewer_pods_that_were_accepted_are_what_the_traffic_needs() {
    let mut run = at(by_replicas(), 25);
    run.order(stable(6)).unwrap();
    run.turns(12);
    let (s, c) = pods(&mut run, "web");
    assert!(s + c > 4, "{s} and {c}");
    run.world.workload("web", Track::Stable).replicas = 2;
    run.world.workload("web", Track::Candidate).replicas = 1;
    run.turns(2);
    run.order(Command::AcceptDrift).unwrap();
    let target = &run.rollout.as_ref().unwrap().targets["web"];
    assert_eq!((target.stable.replicas, target.sized.is_none_or(|base| base <= 3)), (3, true), "{target:?}");
}
