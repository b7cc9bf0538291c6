//! How fast an autoscaler may follow what its metrics ask for: windows, rates, limits. Pure.

use serde_json::Value;

use crate::sim::kernel::object::Fields;

/// What an autoscaler remembers between its looks. Times are virtual milliseconds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Memory {
    recommendations: Vec<(u64, i64)>,
    ups: Vec<(u64, i64)>,
    downs: Vec<(u64, i64)>,
}

/// A condition that a step of the judgement sets.
pub type Verdict = (&'static str, &'static str);

/// The outcome of the judgement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// Replicas it comes to.
    pub replicas: i64,
    /// Reason and message of `AbleToScale`.
    pub able: Verdict,
    /// Whether `ScalingLimited` is true.
    pub is_limited: bool,
    /// Reason and message of `ScalingLimited`.
    pub limited: Verdict,
}

/// The usual window for scaling down, in seconds.
const DOWN_WINDOW: u64 = 300;
/// Nothing older than this many milliseconds can matter: the longest window the API allows.
const FORGET_MS: u64 = 3_600_000;

impl Memory {
    /// The first look: the present size counts as a recommendation.
    pub fn begin(&mut self, now: u64, current: i64) {
        if self.recommendations.is_empty() {
            self.recommendations.push((now, current));
        }
    }

    /// The size was changed.
    pub fn scaled(&mut self, now: u64, from: i64, to: i64) {
        let list = if to > from { &mut self.ups } else { &mut self.downs };
        list.push((now, (to - from).abs()));
        list.retain(|(at, _)| at + FORGET_MS > now);
    }

    /// What becomes of `wanted`, within `min` and `max` and at the speed that `spec.behavior` allows.
    pub fn judge(&mut self, now: u64, behavior: Option<&Value>, current: i64, wanted: i64, limits: (i64, i64)) -> Judged {
        let up = Rules::of(behavior.and_then(|b| b.pointer("/scaleUp")), true);
        let down = Rules::of(behavior.and_then(|b| b.pointer("/scaleDown")), false);
        let stable = self.stabilize(now, current, wanted, (up.window, down.window), behavior.is_some());
        self.recommendations.push((now, wanted));
        self.recommendations.retain(|(at, _)| at + FORGET_MS > now);
        let able = if stable == wanted {
            ("ReadyForNewScale", "recommended size matches current size")
        } else if behavior.is_some() && wanted >= current {
            ("ScaleUpStabilized", "recent recommendations were lower than current one, applying the lowest recent recommendation")
        } else {
            ("ScaleDownStabilized", "recent recommendations were higher than current one, applying the highest recent recommendation")
        };
        let (replicas, limited) = match behavior {
            Some(_) => self.paced(now, current, stable, limits, (&up, &down)),
            None => bounded(current, stable, limits),
        };
        Judged { replicas, able, is_limited: replicas != stable, limited }
    }

    fn stabilize(&self, now: u64, current: i64, wanted: i64, windows: (u64, u64), both_ways: bool) -> i64 {
        let within = |window: u64| self.recommendations.iter().filter(move |(at, _)| at + window * 1000 > now).map(|(_, n)| *n);
        let highest = within(windows.1).chain([wanted]).max().unwrap_or(wanted);
        if !both_ways {
            return highest;
        }
        let lowest = within(windows.0).chain([wanted]).min().unwrap_or(wanted);
        current.max(lowest).min(highest)
    }

    fn paced(&self, now: u64, current: i64, wanted: i64, (min, max): (i64, i64), (up, down): (&Rules, &Rules)) -> (i64, Verdict) {
        if wanted > current {
            let rate = self.limit(now, current, up, true).max(current);
            let (most, verdict) = if max > rate { (rate, FAST_UP) } else { (max, TOO_MANY) };
            if wanted > most {
                return (most, verdict);
            }
        } else if wanted < current {
            let rate = self.limit(now, current, down, false).min(current);
            let (least, verdict) = if min < rate { (rate, FAST_DOWN) } else { (min, TOO_FEW) };
            if wanted < least {
                return (least, verdict);
            }
        }
        (wanted, WITHIN)
    }

    /// The size that the policies allow at most (up) or at least (down).
    fn limit(&self, now: u64, current: i64, rules: &Rules, up: bool) -> i64 {
        if rules.select == "Disabled" {
            return current;
        }
        let sizes = rules.policies.iter().map(|policy| {
            let changed = |list: &[(u64, i64)]| -> i64 {
                list.iter().filter(|(at, _)| at + policy.period * 1000 > now).map(|(_, change)| change).sum()
            };
            let begin = current - changed(&self.ups) + changed(&self.downs);
            let share = policy.value as f64 / 100.0;
            match (policy.percent, up) {
                (false, true) => begin + policy.value,
                (false, false) => begin - policy.value,
                (true, true) => (begin as f64 * (1.0 + share)).ceil() as i64,
                (true, false) => (begin as f64 * (1.0 - share)) as i64,
            }
        });
        let largest_change = rules.select != "Min";
        (if largest_change == up { sizes.max() } else { sizes.min() }).unwrap_or(current)
    }
}

const WITHIN: Verdict = ("DesiredWithinRange", "the desired count is within the acceptable range");
const TOO_MANY: Verdict = ("TooManyReplicas", "the desired replica count is more than the maximum replica count");
const TOO_FEW: Verdict = ("TooFewReplicas", "the desired replica count is less than the minimum replica count");
const FAST_UP: Verdict = ("ScaleUpLimit", "the desired replica count is increasing faster than the maximum scale rate");
const FAST_DOWN: Verdict = ("ScaleDownLimit", "the desired replica count is decreasing faster than the maximum scale rate");

/// Without `spec.behavior`: at most double, or four.
fn bounded(current: i64, wanted: i64, (min, max): (i64, i64)) -> (i64, Verdict) {
    let rate = (2 * current).max(4);
    let (most, verdict) = if max > rate { (rate, FAST_UP) } else { (max, TOO_MANY) };
    match wanted {
        few if few < min => (min, TOO_FEW),
        many if many > most => (most, verdict),
        fine => (fine, WITHIN),
    }
}

/// One direction of `spec.behavior`.
#[derive(Debug)]
struct Rules {
    window: u64,
    select: String,
    policies: Vec<Policy>,
}

#[derive(Debug)]
struct Policy {
    percent: bool,
    value: i64,
    period: u64,
}

impl Rules {
    fn of(spec: Option<&Value>, up: bool) -> Self {
        let none = Value::Null;
        let spec = spec.unwrap_or(&none);
        let usual_window = if up { 0 } else { DOWN_WINDOW };
        let window = spec.int("/stabilizationWindowSeconds").map_or(usual_window, i64::unsigned_abs);
        let mut policies: Vec<Policy> = spec.items("/policies").iter().map(Policy::of).collect();
        if policies.is_empty() {
            policies.push(Policy { percent: true, value: 100, period: 15 });
            if up {
                policies.push(Policy { percent: false, value: 4, period: 15 });
            }
        }
        Self { window, select: spec.text("/selectPolicy").to_owned(), policies }
    }
}

impl Policy {
    fn of(spec: &Value) -> Self {
        Self {
            percent: spec.text("/type") == "Percent",
            value: spec.int("/value").unwrap_or(0),
            period: spec.int("/periodSeconds").map_or(15, i64::unsigned_abs),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const MINUTE: u64 = 60_000;

    #[test]
    fn without_behavior_growth_at_most_doubles_and_shrinking_waits_five_minutes() {
        let mut memory = Memory::default();
        memory.begin(0, 3);
        let judged = memory.judge(0, None, 3, 20, (3, 10));
        assert_eq!((judged.replicas, judged.limited.0, judged.is_limited), (6, "ScaleUpLimit", true));
        let judged = memory.judge(MINUTE, None, 6, 20, (3, 10));
        assert_eq!((judged.replicas, judged.limited.0), (10, "TooManyReplicas"));
        let judged = memory.judge(2 * MINUTE, None, 10, 2, (3, 10));
        assert_eq!((judged.replicas, judged.able.0), (10, "ScaleDownStabilized"));
        let judged = memory.judge(7 * MINUTE, None, 10, 2, (3, 10));
        assert_eq!((judged.replicas, judged.able.0, judged.limited.0), (3, "ReadyForNewScale", "TooFewReplicas"));
    }

    #[test]
    fn policies_set_the_pace_both_ways() {
        let behavior = json!({
            "scaleUp": {"policies": [{"type": "Pods", "value": 2, "periodSeconds": 30}]},
            "scaleDown": {"stabilizationWindowSeconds": 60, "policies": [{"type": "Percent", "value": 50, "periodSeconds": 60}]},
        });
        let mut memory = Memory::default();
        let judged = memory.judge(0, Some(&behavior), 3, 9, (1, 10));
        assert_eq!((judged.replicas, judged.limited.0), (5, "ScaleUpLimit"));
        memory.scaled(0, 3, 5);
        assert_eq!(memory.judge(15_000, Some(&behavior), 5, 9, (1, 10)).replicas, 5);
        assert_eq!(memory.judge(31_000, Some(&behavior), 5, 9, (1, 10)).replicas, 7);
        assert_eq!(memory.judge(40_000, Some(&behavior), 8, 1, (1, 10)).replicas, 8);
        let judged = memory.judge(200_000, Some(&behavior), 8, 1, (1, 10));
        assert_eq!((judged.replicas, judged.limited.0, judged.is_limited), (4, "ScaleDownLimit", true));
        let never = json!({"scaleDown": {"stabilizationWindowSeconds": 0, "selectPolicy": "Disabled"}});
        assert_eq!(Memory::default().judge(0, Some(&never), 8, 1, (1, 10)).replicas, 8);
    }
}
