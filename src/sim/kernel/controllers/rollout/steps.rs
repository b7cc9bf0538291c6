//! What Argo Rollouts does next with one Rollout: which step it stands at, and how many pods each version gets. Pure.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::sim::kernel::object::Fields;

/// What a Rollout asks for.
#[derive(Debug, Clone, Default)]
pub struct Wishes {
    /// `spec.replicas`.
    pub replicas: i64,
    /// `spec.paused`.
    pub paused: bool,
    /// `spec.strategy.canary.steps`.
    pub steps: Vec<Value>,
}

/// What its status carries from one look to the next.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    /// `currentPodHash`.
    pub current: String,
    /// `stableRS`.
    pub stable: String,
    /// `currentStepIndex`.
    pub step: i64,
    /// `controllerPause`: with no pause beside it, a person has ended one.
    pub holds: bool,
    /// `pauseConditions`: since when.
    pub pause: Option<Timestamp>,
    /// `abort`.
    pub abort: bool,
    /// `promoteFull`.
    pub full: bool,
}

/// A version's pods.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pods {
    /// Wanted.
    pub size: i64,
    /// There.
    pub actual: i64,
    /// Available.
    pub available: i64,
}

/// What follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// The next status.
    pub state: State,
    /// Pods of the wanted version.
    pub new: i64,
    /// Pods of the one that serves.
    pub stable: i64,
    /// When a pause ends by itself.
    pub wake: Option<Timestamp>,
}

/// One look: the template's `hash`, the pods of it and of the version that serves, and the time.
pub fn turn(mut state: State, wishes: &Wishes, hash: &str, (new, stable): (Pods, Pods), now: Timestamp) -> Turn {
    let (all, last) = (wishes.replicas, i64::try_from(wishes.steps.len()).unwrap_or(i64::MAX));
    if state.current != hash {
        let known = state.stable.is_empty() || state.stable == hash;
        state = State { current: hash.to_owned(), step: if known { last } else { 0 }, stable: state.stable, ..State::default() };
    }
    if state.stable.is_empty() || state.stable == hash {
        if state.stable.is_empty() && new.available >= all {
            hash.clone_into(&mut state.stable);
        }
        state.step = last;
        return Turn { state, new: all, stable: all, wake: None };
    }
    if state.abort {
        (state.step, state.holds, state.pause) = (0, false, None);
        let left = if stable.available >= all { 0 } else { new.size };
        return Turn { state, new: left, stable: all, wake: None };
    }
    if state.full {
        (state.step, state.holds, state.pause) = (last, false, None);
    }
    let wake = if wishes.paused { None } else { walk(&mut state, wishes, (new, stable), now) };
    let wanted = pods(weight(&wishes.steps, state.step), all);
    let there = new.available >= wanted;
    // Pods come before others go.
    let kept = if there { all - wanted } else { stable.size.max(all - wanted) };
    if state.step >= last && there && wanted == all && stable.actual == 0 {
        state = State { current: hash.to_owned(), stable: hash.to_owned(), step: last, ..State::default() };
    }
    Turn { state, new: wanted, stable: kept, wake }
}

/// Goes on as far as nothing has to be waited for.
fn walk(state: &mut State, wishes: &Wishes, (new, stable): (Pods, Pods), now: Timestamp) -> Option<Timestamp> {
    while let Some(step) = usize::try_from(state.step).ok().and_then(|n| wishes.steps.get(n)) {
        if let Some(weight) = step.int("/setWeight") {
            let wanted = pods(weight, wishes.replicas);
            if new.size != wanted || new.available < wanted || stable.size > wishes.replicas - wanted {
                return None;
            }
        } else if step.get("pause").is_some() {
            let since = match (state.holds, state.pause) {
                (false, _) => {
                    (state.holds, state.pause) = (true, Some(now));
                    now
                }
                (true, Some(since)) => since,
                (true, None) => {
                    (state.holds, state.step) = (false, state.step + 1);
                    continue;
                }
            };
            let end = since + SignedDuration::from_secs(seconds(step.pointer("/pause/duration"))?);
            if now < end {
                return Some(end);
            }
            (state.holds, state.pause) = (false, None);
        }
        state.step += 1;
    }
    None
}

/// The weight in force at a step: the last one set so far, everything after the last step.
fn weight(steps: &[Value], step: i64) -> i64 {
    let upto = usize::try_from(step).unwrap_or(0);
    if upto >= steps.len() {
        return 100;
    }
    steps.iter().take(upto + 1).filter_map(|s| s.int("/setWeight")).next_back().unwrap_or(0)
}

/// The nearest number of pods; some on both sides where both are meant to get some.
fn pods(weight: i64, all: i64) -> i64 {
    let nearest = (all * weight + 50) / 100;
    match weight {
        ..=0 => 0,
        100.. => all,
        _ if all < 2 => nearest,
        _ => nearest.clamp(1, all - 1),
    }
}

/// `30`, `"30"`, `"30s"`, `"1h30m"`; nothing is for ever.
fn seconds(value: Option<&Value>) -> Option<i64> {
    match value? {
        Value::String(text) => text.parse().ok().or_else(|| Some(text.parse::<SignedDuration>().ok()?.as_secs())),
        number => number.as_i64(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn wishes() -> Wishes {
        let steps = vec![json!({"setWeight": 20}), json!({"pause": {}}), json!({"setWeight": 60}), json!({"pause": {"duration": "1m"}})];
        Wishes { replicas: 5, paused: false, steps }
    }

    fn whole(size: i64) -> Pods {
        Pods { size, actual: size, available: size }
    }

    fn served() -> State {
        State { current: "old".into(), stable: "old".into(), step: 4, ..State::default() }
    }

    #[test]
    fn pods_come_before_others_go_and_an_endless_pause_waits_for_a_person() {
        let first = turn(served(), &wishes(), "new", (Pods::default(), whole(5)), at(0));
        assert_eq!((first.state.step, first.new, first.stable), (0, 1, 5), "a pod more until it is there");
        let there = turn(first.state, &wishes(), "new", (whole(1), whole(5)), at(1));
        assert_eq!((there.state.step, there.new, there.stable), (0, 1, 4));
        let paused = turn(there.state, &wishes(), "new", (whole(1), whole(4)), at(2));
        assert_eq!((paused.state.step, paused.state.pause, paused.wake), (1, Some(at(2)), None));
        let still = turn(paused.state.clone(), &wishes(), "new", (whole(1), whole(4)), at(9_999));
        assert_eq!(still.state, paused.state);
        let ended = State { pause: None, ..paused.state };
        let on = turn(ended, &wishes(), "new", (whole(1), whole(4)), at(10_000));
        assert_eq!((on.state.step, on.state.holds, on.new), (2, false, 3));
    }

    #[test]
    fn a_pause_with_a_length_ends_by_itself() {
        let held = State { current: "new".into(), stable: "old".into(), step: 3, holds: true, pause: Some(at(100)), ..State::default() };
        let pods = (whole(3), whole(2));
        assert_eq!(turn(held.clone(), &wishes(), "new", pods, at(159)).wake, Some(at(160)));
        let over = turn(held, &wishes(), "new", pods, at(160));
        assert_eq!((over.state.step, over.new, over.stable), (4, 5, 2));
        let last = turn(over.state, &wishes(), "new", (whole(5), Pods::default()), at(170));
        assert_eq!((last.state.stable.as_str(), last.state.holds), ("new", false));
    }

    #[test]
    fn aborted_the_old_pods_come_back_first_and_another_template_begins_anew() {
        let gone = State { current: "new".into(), stable: "old".into(), step: 2, abort: true, ..State::default() };
        let back = turn(gone.clone(), &wishes(), "new", (whole(3), whole(2)), at(0));
        assert_eq!((back.new, back.stable, back.state.step), (3, 5, 0));
        let there = turn(back.state, &wishes(), "new", (whole(3), whole(5)), at(1));
        assert_eq!((there.new, there.state.abort), (0, true));
        let old = turn(there.state, &wishes(), "old", (whole(5), whole(5)), at(2));
        assert_eq!((old.state.abort, old.state.step, old.new), (false, 4, 5));
    }

    #[test]
    fn promoted_in_full_it_waits_for_nothing() {
        let held =
            State { current: "new".into(), stable: "old".into(), step: 1, holds: true, pause: Some(at(0)), full: true, abort: false };
        let turned = turn(held, &wishes(), "new", (whole(1), whole(4)), at(1));
        assert_eq!((turned.state.step, turned.state.pause, turned.new, turned.stable), (4, None, 5, 4));
    }
}
