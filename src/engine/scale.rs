//! More or fewer pods for one side, because a person says so: with a run under way or without one.
//!
//! A run takes part: what stable was at its start is what later steps, the promotion and the way back count on, so that it
//! rises with what stable is given ([`Rollout::targets`]). Where pods are the weight both sides grow, and the weight stays.
//! Everywhere else the Deployment is written to until it has the wanted replicas ([`carry`]).

use std::sync::Arc;

use crate::domain::action::{Action, Target};
use crate::domain::command::{Command, Order, Refusal};
use crate::domain::journal::{Entry, EntryKind};
use crate::domain::mutant::{Mutant, mutant};
use crate::domain::object::ObjectRef;
use crate::domain::observed::{ComponentObserved, Observed, Workload};
use crate::domain::owner::Tool;
use crate::domain::release::{Component, Release, Router, Track};
use crate::domain::rollout::{Phase, Rollout, Scaling};
use crate::domain::step::Step;
use crate::domain::time::{Millis, Now};
use crate::domain::weight::Weight;

use super::command::not_now;
use super::{guard, needs, ratio, room};

mod carry;
mod preview;

pub use carry::{alone, landed, refused};
pub(super) use carry::{answer, due, writes};
pub(super) use preview::preview;

/// What is asked, with everything that is known of it.
struct Ask<'a> {
    component: &'a Component,
    track: Track,
    replicas: u32,
    seen: &'a ComponentObserved,
    workload: &'a Workload,
}

/// Takes an order to scale. Where no run is on record the state that comes back is none either; it only keeps the order.
///
/// # Errors
/// Why it cannot be, and what would work: an autoscaler that owns the replicas, a quota without room, a share of the traffic
/// that fewer pods would not bear, a state that has changed since it was asked.
pub(super) fn scale(
    release: &Release,
    rollout: Option<&Rollout>,
    observed: Option<&Observed>,
    order: &Order,
    now: Now,
) -> Result<Rollout, Refusal> {
    if let Some(r) = rollout
        && (r.answer(&order.id).is_some_and(|a| a.refused.is_none()) || r.scalings.iter().any(|s| s.order == order.id))
    {
        return Ok(r.clone());
    }
    still_there(rollout, order)?;
    let Some(observed) = observed else { return Err(Refusal::TooOld { age: Millis::ZERO }) };
    let running = rollout.filter(|r| !r.is_over());
    let release = running.map_or(release, |r| &r.release);
    let ask = ask(release, observed, order)?;
    unowned(release, &ask)?;
    unsent(&ask)?;
    match running {
        Some(r) => bears(r, &ask)?,
        None => answers(&ask)?,
    }
    let mut next = rollout.cloned().unwrap_or_else(|| blank(release, order, now));
    take(&mut next, &ask, order);
    let grown: Vec<Action> = writes(&next, observed, order).into_iter().map(|(action, _)| action).collect();
    room::may_scale(observed, &grown)?;
    next.turn += 1;
    next.note(Entry { at: now.wall, kind: EntryKind::Command, actor: order.actor.clone(), text: order.command.to_string() });
    if !next.scalings.iter().any(|s| s.order == order.id) {
        answer(&mut next, &order.id, None);
    }
    Ok(next)
}

/// A record that is no run.
fn blank(release: &Release, order: &Order, now: Now) -> Rollout {
    let mut record = Rollout::new(release.clone(), &order.id, &order.actor, now.wall);
    (record.phase, record.ended) = (Phase::Completed, Some(now.wall));
    record
}

/// Whether what was on the screen is still there: a run that began or ended since makes it another question.
fn still_there(rollout: Option<&Rollout>, order: &Order) -> Result<(), Refusal> {
    let Some(mark) = &order.mark else { return Ok(()) };
    match rollout.filter(|r| !r.is_blank()) {
        Some(r) if *mark != r.mark() => Err(Refusal::Moved { now: super::command::describe(r) }),
        None if !mark.rollout.is_empty() => Err(Refusal::Moved { now: "no rollout is under way".to_owned() }),
        _ => Ok(()),
    }
}

fn ask<'a>(release: &'a Release, observed: &'a Observed, order: &Order) -> Result<Ask<'a>, Refusal> {
    let Command::Scale { component, track, replicas } = &order.command else { return Err(not_now("nothing is to be scaled")) };
    let unfit = |what: String| Refusal::Unfit { what };
    let names = || release.components.iter().map(|c| c.name.as_str()).collect::<Vec<_>>().join(", ");
    let component = match (component, release.components.as_slice()) {
        (Some(name), _) => release
            .component(name)
            .ok_or_else(|| unfit(format!("release {} has no component `{name}`; it has: {}", release.name, names())))?,
        (None, [one]) => one,
        (None, _) => return Err(unfit(format!("release {} has several components, name one of: {}", release.name, names()))),
    };
    let name = &component.name;
    let seen = observed.components.get(name).ok_or_else(|| unfit(format!("{name}: not read yet, try again")))?;
    let workload = observed.workload(name, *track).ok_or_else(|| match (track, &component.candidate) {
        (Track::Candidate, None) => unfit(format!("{name}: a {} release has no candidate", release.strategy.word())),
        (Track::Candidate, Some(deployment)) => unfit(format!("{name}: Deployment {deployment} does not exist")),
        (Track::Stable, _) => unfit(format!("{name}: Deployment {} does not exist", component.stable)),
    })?;
    Ok(Ask { component, track: *track, replicas: *replicas, seen, workload })
}

/// An autoscaler sets its own replicas again within seconds: its bounds are what is to be changed. With no pod it rests.
fn unowned(release: &Release, ask: &Ask<'_>) -> Result<(), Refusal> {
    let Some(hpa) = ask.workload.hpa.as_ref().filter(|_| ask.workload.replicas > 0) else { return Ok(()) };
    let (namespace, to, name) = (&release.namespace, ask.replicas, &ask.component.name);
    let object = ObjectRef::new(ask.workload.kind(), namespace.clone(), ask.workload.name.clone());
    let keda = ask.seen.owners.iter().find(|o| o.tool == Tool::Keda && o.object == object);
    let how = match (keda, to > hpa.max, to) {
        (_, _, 0) => "an autoscaler keeps at least one pod".to_owned(),
        (Some(keda), ..) => format!(
            "its minimum is yours to change: kubectl -n {namespace} patch scaledobject {} --type merge -p '{{\"spec\":{{\"minReplicaCount\":{to}}}}}'",
            keda.name
        ),
        (None, false, _) => format!(
            "its minimum is yours to change: kubectl -n {namespace} patch hpa {} -p '{{\"spec\":{{\"minReplicas\":{to}}}}}'",
            hpa.name
        ),
        (None, true, _) => format!(
            "its bounds are yours to change: kubectl -n {namespace} patch hpa {} -p '{{\"spec\":{{\"minReplicas\":{to},\"maxReplicas\":{to}}}}}'",
            hpa.name
        ),
    };
    let (deployment, pods) = (&ask.workload.name, ask.workload.replicas);
    let what = format!(
        "{name}: HPA {} owns the replicas of Deployment {deployment} (min {}, max {}, {pods} now) and would set its own again; {how}",
        hpa.name, hpa.min, hpa.max
    );
    Err(not_now(what))
}

/// Testers who have a way of their own are traffic, too.
fn unsent(ask: &Ask<'_>) -> Result<(), Refusal> {
    let name = &ask.component.name;
    if ask.track == Track::Stable || ask.replicas > 0 || mutant(Mutant::ScaledBelowItsShare) {
        return Ok(());
    }
    let past = ask.seen.past().map(|who| format!("{name}: {who} sends to the candidate, and nobody would answer without a pod"));
    match past.or_else(|| ask.seen.beside.unread().map(|why| format!("{name}: {why}; try again in a moment"))) {
        Some(why) => Err(not_now(why)),
        None => Ok(()),
    }
}

/// Without a run nobody knows what the traffic needs; but a side that gets some keeps a pod to answer with.
fn answers(ask: &Ask<'_>) -> Result<(), Refusal> {
    let name = &ask.component.name;
    if let Err(problem) = ask.seen.route.as_ref()
        && problem.may_send()
        && (ask.track, ask.replicas) == (Track::Candidate, 0)
    {
        return Err(not_now(format!("{name}: {problem}; it may still send to the candidate, and nobody would answer without a pod")));
    }
    let percent = ask.seen.route.as_ref().map_or(0, |facts| facts.percent());
    let share = if ask.track == Track::Candidate { percent } else { 100 - percent };
    if is_by_ratio(ask) && ask.track == Track::Candidate && ask.replicas > ask.workload.replicas {
        return Err(not_now(format!("{name}: the candidate's pods are its share of the traffic: start a rollout (s) that gives it some")));
    }
    if ask.replicas == 0 && share > 0 {
        return Err(not_now(format!("{name}: {} gets {share} % of the traffic, and nobody would answer it without a pod", ask.track)));
    }
    Ok(())
}

/// Whether the run's traffic would still be borne. More pods always are.
fn bears(r: &Rollout, ask: &Ask<'_>) -> Result<(), Refusal> {
    let name = &ask.component.name;
    if r.is_back() && ask.track == Track::Candidate {
        return Err(Refusal::RollingBack);
    }
    if is_by_ratio(ask) && !r.release.strategy.is_in_place() {
        return keeps_ratio(r, ask);
    }
    if ask.replicas >= ask.workload.replicas || mutant(Mutant::ScaledBelowItsShare) {
        return Ok(());
    }
    // A route that cannot be read may send all to the candidate, or nothing.
    let unread = ask.seen.route.as_ref().err().filter(|problem| ask.track == Track::Candidate && problem.may_send());
    let stands = ask.seen.route.as_ref().map_or(if unread.is_some() { 100 } else { 0 }, |facts| facts.percent());
    let planned = if matches!(r.step(), Some(Step::Prepare)) { needs::first_weight(r) } else { r.asked };
    let share = match ask.track {
        // What it gets now, or is about to.
        Track::Stable if matches!(r.step(), Some(Step::Promote)) => Weight::FULL,
        Track::Stable => Weight::capped(100 - stands.min(r.asked.percent())),
        Track::Candidate => planned.max(Weight::capped(stands)),
    };
    let least = guard::pods_needed(base(r, name), share);
    if ask.replicas >= least {
        return Ok(());
    }
    if let Some(problem) = unread {
        return Err(not_now(format!(
            "{name}: {problem}; it may send the candidate more than {} of {} pods bear: try again once it is read",
            ask.replicas, ask.workload.replicas
        )));
    }
    let then = match ask.track {
        Track::Stable => "fewer when the rollout is over",
        Track::Candidate => "a lower weight first (<), or roll back (Ctrl-R)",
    };
    Err(not_now(format!("{name}: {} bears {share} of the traffic, which needs {least} of {} pods: {then}", ask.track, base(r, name))))
}

/// Where pods are the weight, the other side grows along.
fn keeps_ratio(r: &Rollout, ask: &Ask<'_>) -> Result<(), Refusal> {
    let name = &ask.component.name;
    let Some(total) = total(r, ask) else {
        let other = if ask.track == Track::Stable { format!("{name}/candidate") } else { name.clone() };
        return Err(not_now(format!(
            "{name}: {} has {} of the traffic and no pod, pods being the weight: scale {other}",
            ask.track,
            match ask.track {
                Track::Stable => Weight::ZERO,
                Track::Candidate => r.asked,
            }
        )));
    };
    let base = base(r, name);
    if total < base && ask.replicas < ask.workload.replicas {
        return Err(not_now(format!(
            "{name}: both sides bear the traffic with {base} pods together, and that would be {total}: fewer when the rollout is over"
        )));
    }
    Ok(())
}

/// The pods of both sides with which one side gets what is asked at the weight that is asked for; `None` where that side
/// gets nothing.
fn total(r: &Rollout, ask: &Ask<'_>) -> Option<u32> {
    let candidate = r.asked.percent();
    let share = if ask.track == Track::Candidate { candidate } else { 100 - candidate };
    if share == 0 {
        return None;
    }
    let side = |total: u32| match (ratio::split(total, r.asked), ask.track) {
        ((stable, _), Track::Stable) => stable,
        ((_, candidate), Track::Candidate) => candidate,
    };
    // Rounding moves it by a pod or two.
    let near = u64::from(ask.replicas) * 100 / u64::from(share);
    let first = u32::try_from(near.saturating_sub(100)).unwrap_or(u32::MAX).max(ask.replicas);
    (first..=first.saturating_add(300)).find(|total| side(*total) >= ask.replicas)
}

fn is_by_ratio(ask: &Ask<'_>) -> bool {
    matches!(ask.component.router, Router::Replicas { .. })
}

/// What all of the traffic needs, as it was when the run began.
fn base(r: &Rollout, component: &str) -> u32 {
    r.targets.get(component).map_or(0, |t| t.sized.unwrap_or(t.stable.replicas))
}

/// What the order makes of the state.
fn take(next: &mut Rollout, ask: &Ask<'_>, order: &Order) {
    let name = ask.component.name.as_str();
    let splits = is_by_ratio(ask) && !next.is_over() && !next.release.strategy.is_in_place();
    let whole = if splits { total(next, ask) } else { Some(ask.replicas).filter(|_| ask.track == Track::Stable) };
    let (over, asked) = (next.is_over(), next.asked);
    if let (false, Some(whole), Some(target)) = (over, whole, next.targets.get_mut(name).map(Arc::make_mut)) {
        // With none of the traffic, its size says nothing of what the traffic needs.
        if splits || asked < Weight::FULL {
            let base = *target.sized.get_or_insert(target.stable.replicas);
            target.stable.replicas = whole.max(base);
        }
        if splits {
            target.held = None; // another split is on its way, and it is ours
        }
    }
    next.scalings.retain(|s| s.deployment != ask.workload.name);
    let by_its_weight =
        splits && (next.is_back() || matches!(next.step(), Some(Step::Shift(_) | Step::Hold(_) | Step::Approve(_) | Step::Promote)));
    if ask.workload.replicas != ask.replicas && !by_its_weight {
        let deployment = ask.workload.name.clone();
        next.scalings.push(Scaling { order: order.id.clone(), component: name.to_owned(), deployment, to: ask.replicas });
    }
}

fn to_scale(namespace: &str, component: &str, (track, workload): (Track, &Workload), to: u32) -> Action {
    let target = Target::of(track, namespace, workload);
    Action::Scale { component: component.to_owned(), target, from: workload.replicas, to }
}
