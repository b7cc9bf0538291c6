//! Is there room? Whether the namespace's quotas, and the nodes, take the pods that a step needs. A quota refuses pods for
//! certain, so it refuses a step; nodes only may (more of them may come), so they are told. Nothing of it holds a way back.

use crate::domain::action::Action;
use crate::domain::command::Refusal;
use crate::domain::observed::{Observed, Workload};
use crate::domain::release::{Component, Router, Track};
use crate::domain::rollout::Rollout;
use crate::domain::room::{Budget, Limit, Room, amount};
use crate::domain::step::Step;
use crate::domain::weight::Weight;

use super::needs::{self, Need};
use super::{guard, promote, ratio};

/// More pods of one component's template.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Ask<'a> {
    component: &'a str,
    /// The Deployment whose template it is.
    template: &'a str,
    pods: u32,
    /// Why they are needed: `25 %`, `stable`.
    what: String,
}

/// The first ask that does not fit.
#[derive(Debug)]
struct Short<'a> {
    ask: &'a Ask<'a>,
    limit: &'a Limit,
    /// How many of its pods fit.
    fits: u64,
}

/// Whether quotas take the pods that `weight` needs.
///
/// # Errors
/// [`Refusal::CannotHold`] with the numbers and the highest weight for which there is room.
pub(super) fn may_grow(rollout: &Rollout, observed: &Observed, weight: Weight) -> Result<(), Refusal> {
    let asks = asks(rollout, observed, weight);
    refusal(rollout, observed, &asks, weight)
}

/// Whether quotas take the pods that a run needs first: those of its first weight, or of the update itself.
///
/// # Errors
/// As [`may_grow`].
pub(super) fn may_start(rollout: &Rollout, observed: &Observed) -> Result<(), Refusal> {
    may_grow(rollout, observed, needs::first_weight(rollout))?;
    let first: Vec<Action> = needs::missing(rollout, observed).into_iter().filter_map(Need::action).collect();
    may_write(rollout, observed, first.iter())
}

/// Whether quotas take the pods that stable needs to take over, beside the candidate's.
///
/// # Errors
/// As [`may_grow`].
pub(super) fn may_promote(rollout: &Rollout, observed: &Observed) -> Result<(), Refusal> {
    if !rollout.plan.contains(&Step::Promote) {
        return Ok(());
    }
    let asks: Vec<Ask<'_>> = rollout.release.components.iter().filter_map(|c| take_over(rollout, observed, c)).collect();
    refusal(rollout, observed, &asks, rollout.asked)
}

/// The pods that stable needs to take the candidate's place.
fn take_over<'a>(rollout: &Rollout, observed: &'a Observed, component: &'a Component) -> Option<Ask<'a>> {
    let stable = observed.workload(&component.name, Track::Stable)?;
    let whole = rollout.targets.get(&component.name)?.stable.replicas.max(1);
    let grows = match component.router {
        Router::None => return None,
        Router::Replicas { .. } => stable.replicas < whole,
        _ => promote::grows(stable, whole),
    };
    let pods = match grows {
        true => whole.saturating_sub(stable.current),
        false => u32::from(stable.rolls.needs_room() && stable.replicas > 0),
    };
    let what = if grows { format!("{} to {whole}", stable.name) } else { format!("the update of {}", stable.name) };
    (pods > 0).then(|| Ask { component: &component.name, template: &stable.name, pods, what })
}

/// Whether quotas take the pods that writes make, all together.
///
/// # Errors
/// As [`may_grow`].
pub(super) fn may_write<'a>(rollout: &Rollout, observed: &'a Observed, actions: impl Iterator<Item = &'a Action>) -> Result<(), Refusal> {
    let promoting = matches!(rollout.step(), Some(Step::Promote | Step::Roll(_) | Step::Follow));
    let asks: Vec<Ask<'_>> = actions.filter(|a| !goes_back(a, promoting)).filter_map(|a| ask(a, observed)).collect();
    refusal(rollout, observed, &asks, due(rollout))
}

/// Whether quotas take the pods that a person asks for.
///
/// # Errors
/// [`Refusal::Unfit`] with the numbers, and how many there may be.
pub(super) fn may_scale(observed: &Observed, actions: &[Action]) -> Result<(), Refusal> {
    let asks: Vec<Ask<'_>> = actions.iter().filter_map(|a| ask(a, observed)).collect();
    let Some(short) = observed.room.as_ref().and_then(|room| short(room, &asks)) else { return Ok(()) };
    let all = [Track::Stable, Track::Candidate].into_iter().filter_map(|track| observed.workload(short.ask.component, track));
    let pods = all.filter(|w| w.name == short.ask.template).map(|w| u64::from(w.current)).next().unwrap_or(0);
    let most = pods.saturating_add(short.fits);
    Err(Refusal::Unfit { what: format!("{}: {short}; at the most it can have {most}", short.ask.component) })
}

/// The weight that pods are wanted for.
fn due(rollout: &Rollout) -> Weight {
    if matches!(rollout.step(), Some(Step::Prepare)) { needs::first_weight(rollout) } else { rollout.asked }
}

/// Whether a write makes pods.
pub fn adds_pods(action: &Action) -> bool {
    matches!(action, Action::Scale { from, to, .. } if to > from)
        || matches!(action, Action::Clone { replicas, .. } if *replicas > 0)
        || matches!(action, Action::SetImages { .. } | Action::Undo { .. })
}

/// Stable gets back what was taken from it, or a revision comes back: that is a way back, also step by step.
fn goes_back(action: &Action, promoting: bool) -> bool {
    match action {
        Action::Scale { target, .. } | Action::SetImages { target, .. } => target.track == Track::Stable && !promoting,
        Action::Undo { .. } => true,
        _ => false,
    }
}

fn refusal(rollout: &Rollout, observed: &Observed, asks: &[Ask<'_>], weight: Weight) -> Result<(), Refusal> {
    let Some(short) = observed.room.as_ref().and_then(|room| short(room, asks)) else { return Ok(()) };
    Err(Refusal::CannotHold { component: short.ask.component.to_owned(), why: short.to_string(), safe: safe(rollout, observed, weight) })
}

/// The highest weight below `weight` for whose pods there is room; what stands already is.
fn safe(rollout: &Rollout, observed: &Observed, weight: Weight) -> Weight {
    let room = observed.room.as_ref();
    let percent = |name: &String| observed.route(name).map_or(0, |route| route.percent());
    let stands = rollout.targets.keys().map(percent).min().unwrap_or(0).min(weight.percent());
    let fits = |w: &u8| room.is_none_or(|room| short(room, &asks(rollout, observed, Weight::capped(*w))).is_none());
    Weight::capped((stands..weight.percent()).rev().find(fits).unwrap_or(stands))
}

/// Pods that a weight needs besides those that are there, component by component.
fn asks<'a>(rollout: &'a Rollout, observed: &'a Observed, weight: Weight) -> Vec<Ask<'a>> {
    let one = |c: &'a Component| {
        let candidate = observed.workload(&c.name, Track::Candidate);
        let template = candidate.or(observed.workload(&c.name, Track::Stable))?;
        let at_start = rollout.targets.get(&c.name)?.stable.replicas;
        let whole = guard::stable_pods(at_start, observed.workload(&c.name, Track::Stable));
        let (wanted, scaled) = match c.router {
            Router::None => return None,
            Router::Replicas { .. } => (ratio::split(at_start, weight).1, true),
            // An autoscaler adds its pods as the traffic comes.
            _ => (guard::pods_needed(whole, weight), candidate.is_none_or(|w| !w.may_autoscale() || w.replicas == 0)),
        };
        let pods = wanted.saturating_sub(candidate.map_or(0, |w| w.current));
        (scaled && pods > 0).then(|| Ask { component: &c.name, template: &template.name, pods, what: weight.to_string() })
    };
    rollout.release.components.iter().filter_map(one).collect()
}

/// The pods that a write makes.
fn ask<'a>(action: &'a Action, observed: &'a Observed) -> Option<Ask<'a>> {
    let component = action.component();
    let of = |track| observed.workload(component, track);
    let (template, pods, what): (&Workload, u32, String) = match action {
        Action::Scale { target, from, to, .. } if to > from => {
            let workload = of(target.track)?;
            (workload, to.saturating_sub(workload.current), format!("{} to {to}", workload.name))
        }
        Action::Clone { replicas, name, .. } => (of(Track::Stable)?, *replicas, name.clone()),
        // New pods take the place of old ones, unless the first must come before any goes.
        Action::SetImages { target, .. } | Action::Undo { target, .. } => {
            let workload = of(target.track).filter(|w| w.rolls.needs_room() && w.replicas > 0)?;
            (workload, 1, format!("the update of {}", workload.name))
        }
        _ => return None,
    };
    (pods > 0).then(|| Ask { component, template: &template.name, pods, what })
}

/// The first ask that a quota has no room for, with those before it.
fn short<'a>(room: &'a Room, asks: &'a [Ask<'a>]) -> Option<Short<'a>> {
    let limits = room.quotas.as_ref().ok()?;
    limits.iter().find_map(|limit| {
        let mut left = limit.left();
        asks.iter().find_map(|ask| {
            let each = limit.takes.get(ask.template).copied().filter(|n| *n > 0)?;
            let fits = left / each;
            left = left.saturating_sub(each.saturating_mul(u64::from(ask.pods)));
            (fits < u64::from(ask.pods)).then_some(Short { ask, limit, fits })
        })
    })
}

/// `25 % needs 3 more pods, and quota team has room for 1 (requests.cpu 9.5 of 10 used, 0.25 a pod)`.
impl std::fmt::Display for Short<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Short { ask, limit, fits } = self;
        let each = limit.takes.get(ask.template).copied().unwrap_or(0);
        let each = if limit.resource.as_str().ends_with("pods") {
            String::new()
        } else {
            format!(", {} a pod", amount(limit.resource.as_str(), each))
        };
        write!(f, "{} needs {}, and quota {} has room for {fits} ({limit}{each})", ask.what, more(ask.pods), limit.quota)
    }
}

fn more(pods: u32) -> String {
    if pods == 1 { "1 more pod".to_owned() } else { format!("{pods} more pods") }
}

/// What a person should know, before a run goes on with these writes, of the room for its pods: what nodes have room for,
/// what a disruption budget wants, and what could not be seen. Of a way back nothing of it is told.
pub(super) fn preview(rollout: &Rollout, observed: &Observed, actions: &[Action]) -> Vec<String> {
    let Some(room) = observed.room.as_ref().filter(|_| !rollout.is_back() && !rollout.is_over()) else { return Vec::new() };
    let mut all = asks(rollout, observed, due(rollout));
    let promotes = matches!(rollout.step(), Some(Step::Promote)) || rollout.express;
    all.extend(rollout.release.components.iter().filter(|_| promotes).filter_map(|c| take_over(rollout, observed, c)));
    for ask in actions.iter().filter_map(|a| ask(a, observed)) {
        if !all.iter().any(|known| known.component == ask.component && known.pods >= ask.pods) {
            all.push(ask);
        }
    }
    told(observed, room, &all, actions)
}

/// The same of an order that scales, whatever else is under way.
pub(super) fn preview_scale(observed: &Observed, actions: &[Action]) -> Vec<String> {
    let Some(room) = observed.room.as_ref() else { return Vec::new() };
    let asks: Vec<Ask<'_>> = actions.iter().filter_map(|a| ask(a, observed)).collect();
    told(observed, room, &asks, actions)
}

fn told(observed: &Observed, room: &Room, asks: &[Ask<'_>], actions: &[Action]) -> Vec<String> {
    let mut lines = Vec::new();
    if !asks.is_empty() {
        lines.extend(asks.iter().filter_map(|ask| on_nodes(room, ask)));
        let unseen = [("quotas", room.quotas.as_ref().err()), ("room on the nodes", room.nodes.as_ref().err())];
        lines.extend(unseen.into_iter().filter_map(|(what, why)| Some(format!("not known: {what}: {}", why?))));
    }
    lines.extend(budgets(observed, room, actions));
    lines
}

fn on_nodes(room: &Room, ask: &Ask<'_>) -> Option<String> {
    let nodes = room.nodes.as_ref().ok()?;
    let fit = *nodes.fit.get(ask.template)?;
    let Ask { component, pods, what, .. } = ask;
    let room = match nodes.open {
        0 => "no node takes new ones".to_owned(),
        1 => format!("1 node has room for {fit}"),
        open => format!("{open} nodes have room for {fit}"),
    };
    (fit < *pods).then(|| {
        let rest = pods - fit;
        let wait = if rest == 1 { "1 waits".to_owned() } else { format!("{rest} wait") };
        format!("{component}: {what} needs {}, and {room}: {wait} for a node", more(*pods))
    })
}

/// Budgets of the pods that go with these writes. They are asked before evictions only.
fn budgets(observed: &Observed, room: &Room, actions: &[Action]) -> Vec<String> {
    let gone = actions.iter().filter_map(|a| goes(a, observed).map(|(name, gone)| (a.component(), name, gone)));
    let covering = |name: &String| room.budgets.iter().flatten().filter(|b| b.covers.contains(name)).collect::<Vec<_>>();
    gone.flat_map(|(component, name, gone)| covering(name).into_iter().map(move |b| budget(component, b, gone))).collect()
}

/// The Deployment whose pods go with a write, and how many of them go for good.
fn goes<'a>(action: &Action, observed: &'a Observed) -> Option<(&'a String, u32)> {
    let (target, gone) = match action {
        Action::Scale { target, from, to, .. } if to < from => (target, from.saturating_sub(*to)),
        Action::SetImages { target, .. } | Action::Undo { target, .. } => (target, 0),
        _ => return None,
    };
    let workload = observed.workload(action.component(), target.track).filter(|w| w.replicas > 0)?;
    Some((&workload.name, gone))
}

fn budget(component: &str, b: &Budget, gone: u32) -> String {
    let then = if gone > 0 && b.healthy.saturating_sub(gone) < b.desired {
        format!("afterwards fewer than {} are left, and drains of their nodes wait until there are more", b.desired)
    } else {
        "drains of their nodes may wait meanwhile".to_owned()
    };
    format!(
        "{component}: budget {} ({}; {} healthy, {} may be evicted) does not hold what a Deployment does with its own pods; {then}",
        b.name, b.wants, b.healthy, b.allowed
    )
}
