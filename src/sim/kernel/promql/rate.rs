//! Functions over a window of a counter or gauge that compare its samples: `rate`, `increase`, `delta` and their kin.

use super::number::Sum;
use super::select::Window;
use crate::sim::kernel::tsdb::Sample;

/// How much longer than the average distance of samples a gap at the window's edge may be to be bridged.
const BRIDGED: f64 = 1.1;

fn seconds(millis: i64) -> f64 {
    millis as f64 / 1_000.0
}

/// The change within a window, extrapolated to its edges as Prometheus does; nothing for fewer than two samples.
///
/// Up to 110 % of the samples' average distance the gap to an edge is bridged wholly, beyond that by half of the distance. A
/// counter is never extrapolated below zero, and its resets are made good.
#[must_use]
pub fn extrapolated(window: Window<'_>, counter: bool, per_second: bool) -> Option<f64> {
    let [first, .., last] = window.samples else { return None };
    let mut change = last.value - first.value;
    if counter {
        change = drops(window.samples).fold(change, |change, (before, _)| change + before.value);
    }
    let covered = seconds(last.at - first.at);
    let distance = covered / (window.samples.len() as f64 - 1.0);
    let edge = |gap: f64| if gap >= distance * BRIDGED { distance / 2.0 } else { gap };
    let mut to_start = edge(seconds(first.at - window.start));
    if counter && change > 0.0 && first.value >= 0.0 {
        to_start = to_start.min(covered * (first.value / change));
    }
    let to_end = edge(seconds(window.end - last.at));
    let mut factor = if covered == 0.0 { 1.0 } else { (covered + to_start + to_end) / covered };
    if per_second {
        factor /= seconds(window.end - window.start);
    }
    Some(change * factor)
}

/// The change between the last two samples; a counter that fell counts from zero.
#[must_use]
pub fn instantaneous(window: Window<'_>, per_second: bool) -> Option<f64> {
    let [.., before, last] = window.samples else { return None };
    let apart = seconds(last.at - before.at);
    if apart == 0.0 {
        return None;
    }
    let change = if per_second && last.value < before.value { last.value } else { last.value - before.value };
    Some(if per_second { change / apart } else { change })
}

/// How often a counter fell.
#[must_use]
pub fn resets(window: Window<'_>) -> f64 {
    drops(window.samples).count() as f64
}

fn drops(samples: &[Sample]) -> impl Iterator<Item = (Sample, Sample)> {
    let pairs = samples.iter().copied().zip(samples.iter().copied().skip(1));
    pairs.filter(|(before, after)| after.value < before.value)
}

/// How often the value changed; NaN equals NaN here.
#[must_use]
pub fn changes(window: Window<'_>) -> f64 {
    let pairs = window.samples.iter().zip(window.samples.iter().skip(1));
    pairs.filter(|(a, b)| a.value != b.value && !(a.value.is_nan() && b.value.is_nan())).count() as f64
}

/// The slope per second and the value at `origin` (ms) of the straight line through the samples, by least squares.
fn line(samples: &[Sample], origin: i64) -> Option<(f64, f64)> {
    let [first, _, ..] = samples else { return None };
    if samples.iter().all(|sample| sample.value == first.value) {
        return Some(if first.value.is_infinite() { (f64::NAN, f64::NAN) } else { (0.0, first.value) });
    }
    let (mut x, mut y, mut xy, mut x2) = (Sum::default(), Sum::default(), Sum::default(), Sum::default());
    for sample in samples {
        let time = (sample.at - origin) as f64 / 1e3;
        x = x.plus(time);
        y = y.plus(sample.value);
        xy = xy.plus(time * sample.value);
        x2 = x2.plus(time * time);
    }
    let count = samples.len() as f64;
    let (x, y, xy, x2) = (x.value + x.carry, y.value + y.carry, xy.value + xy.carry, x2.value + x2.carry);
    let slope = (xy - x * y / count) / (x2 - x * x / count);
    Some((slope, y / count - slope * x / count))
}

/// The slope per second of the straight line through the samples.
#[must_use]
pub fn slope(window: Window<'_>) -> Option<f64> {
    line(window.samples, window.samples.first()?.at).map(|(slope, _)| slope)
}

/// Where the straight line through the samples will be `ahead` seconds after the evaluation.
#[must_use]
pub fn prediction(window: Window<'_>, ahead: f64) -> Option<f64> {
    line(window.samples, window.now).map(|(slope, value)| slope * ahead + value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window_of(samples: &[Sample], start: i64, end: i64) -> Window<'_> {
        Window { samples, start, end, now: end }
    }

    fn every_15_s(values: &[f64], from: i64) -> Vec<Sample> {
        values.iter().enumerate().map(|(i, value)| Sample { at: from + 15_000 * i as i64, value: *value }).collect()
    }

    #[test]
    fn both_edges_are_bridged_when_samples_are_where_they_should_be() {
        // Four samples 5 s after the start: covered 45 s, 5 s before, 10 s after, so 60/45 of an increase of 30.
        let samples = every_15_s(&[100.0, 110.0, 120.0, 130.0], 5_000);
        let window = window_of(&samples, 0, 60_000);
        assert_eq!(extrapolated(window, true, false), Some(40.0));
        assert_eq!(extrapolated(window, true, true), Some(30.0 * (60.0 / 45.0 / 60.0)));
    }

    #[test]
    fn a_series_that_begins_inside_is_extended_by_half_a_distance() {
        // 30 s missing at the start (over 1.1 x 15 s): 7.5 s are added there, 0 at the end: 37.5/30 of 20.
        let samples = every_15_s(&[100.0, 110.0, 120.0], 30_000);
        assert_eq!(extrapolated(window_of(&samples, 0, 60_000), true, false), Some(25.0));
    }

    #[test]
    fn a_counter_is_not_extrapolated_below_zero() {
        // Zero was 30 x (2/20) = 3 s before the first sample; a gauge still takes 7.5 s.
        let samples = every_15_s(&[2.0, 12.0, 22.0], 30_000);
        assert_eq!(extrapolated(window_of(&samples, 0, 60_000), true, false), Some(20.0 * (33.0 / 30.0)));
        assert_eq!(extrapolated(window_of(&samples, 0, 60_000), false, false), Some(25.0));
    }

    #[test]
    fn resets_are_made_good_for_counters_only() {
        let samples = every_15_s(&[100.0, 110.0, 5.0, 15.0], 15_000);
        let window = window_of(&samples, 0, 60_000);
        assert_eq!(extrapolated(window, true, false), Some(25.0 * (60.0 / 45.0)));
        assert_eq!(extrapolated(window, false, false), Some(-85.0 * (60.0 / 45.0)));
        assert_eq!(resets(window), 1.0);
        assert_eq!(changes(window), 3.0);
    }

    #[test]
    fn one_sample_is_no_rate() {
        let samples = every_15_s(&[1.0], 0);
        assert_eq!(extrapolated(window_of(&samples, -1, 60_000), true, true), None);
        assert_eq!(instantaneous(window_of(&samples, -1, 60_000), true), None);
    }

    #[test]
    fn the_last_two_samples_make_the_instantaneous_rate() {
        let samples = every_15_s(&[0.0, 100.0, 130.0], 0);
        assert_eq!(instantaneous(window_of(&samples, -1, 30_000), true), Some(2.0));
        let fallen = every_15_s(&[100.0, 30.0], 0);
        assert_eq!(instantaneous(window_of(&fallen, -1, 30_000), true), Some(2.0));
        assert_eq!(instantaneous(window_of(&fallen, -1, 30_000), false), Some(-70.0));
    }

    #[test]
    fn lines_predict() {
        let samples = every_15_s(&[0.0, 15.0, 30.0], 0);
        let window = window_of(&samples, -1, 30_000);
        assert_eq!(slope(window), Some(1.0));
        assert_eq!(prediction(window, 10.0), Some(40.0));
    }
}
