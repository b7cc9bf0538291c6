//! Functions over a window that need no order of its samples, and the table of all window functions.

use super::number::{Mean, Sum, quantile};
use super::rate;
use super::select::Window;

/// A function from a window, and a number where it takes one, to a value.
pub type WindowFn = fn(Window<'_>, f64) -> Option<f64>;

/// The function of this name. The metric name stays on the result of `last_over_time` and `first_over_time` only.
#[must_use]
pub fn function(name: &str) -> Option<WindowFn> {
    Some(match name {
        "rate" => |window, _| rate::extrapolated(window, true, true),
        "increase" => |window, _| rate::extrapolated(window, true, false),
        "delta" => |window, _| rate::extrapolated(window, false, false),
        "irate" => |window, _| rate::instantaneous(window, true),
        "idelta" => |window, _| rate::instantaneous(window, false),
        "resets" => |window, _| Some(rate::resets(window)),
        "changes" => |window, _| Some(rate::changes(window)),
        "deriv" => |window, _| rate::slope(window),
        "predict_linear" => rate::prediction,
        "avg_over_time" => |window, _| mean(window),
        "sum_over_time" => |window, _| Some(values(window).fold(Sum::default(), Sum::plus).total()),
        "count_over_time" => |window, _| Some(window.samples.len() as f64),
        "min_over_time" => |window, _| extreme(window, |value, best| value < best),
        "max_over_time" => |window, _| extreme(window, |value, best| value > best),
        "first_over_time" => |window, _| window.samples.first().map(|sample| sample.value),
        "last_over_time" => |window, _| window.samples.last().map(|sample| sample.value),
        "present_over_time" => |_, _| Some(1.0),
        "stdvar_over_time" => |window, _| Some(variance(window)),
        "stddev_over_time" => |window, _| Some(variance(window).sqrt()),
        "quantile_over_time" => |window, q| Some(quantile(q, &mut values(window).collect::<Vec<_>>())),
        _ => return None,
    })
}

fn values(window: Window<'_>) -> impl Iterator<Item = f64> {
    window.samples.iter().map(|sample| sample.value)
}

fn mean(window: Window<'_>) -> Option<f64> {
    let mut values = values(window);
    let mut mean = Mean::of(values.next()?);
    values.for_each(|value| mean.add(value));
    Some(mean.value())
}

/// The value that beats all others; any value beats NaN.
fn extreme(window: Window<'_>, beats: impl Fn(f64, f64) -> bool) -> Option<f64> {
    values(window).reduce(|best, value| if beats(value, best) || best.is_nan() { value } else { best })
}

fn variance(window: Window<'_>) -> f64 {
    let (mut mean, mut squares, mut count) = (Sum::default(), Sum::default(), 0.0);
    for value in values(window) {
        count += 1.0;
        let off = value - (mean.value + mean.carry);
        mean = mean.plus(off / count);
        squares = squares.plus(off * (value - (mean.value + mean.carry)));
    }
    (squares.value + squares.carry) / count
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::kernel::tsdb::Sample;

    fn over(name: &str, numbers: &[f64], parameter: f64) -> Option<f64> {
        let samples: Vec<Sample> = numbers.iter().enumerate().map(|(i, v)| Sample { at: i as i64 * 1_000, value: *v }).collect();
        function(name).unwrap()(Window { samples: &samples, start: -1, end: 10_000, now: 10_000 }, parameter)
    }

    #[test]
    fn each_function_reduces_its_window() {
        let numbers = [4.0, f64::NAN, 1.0, 3.0];
        assert_eq!(over("max_over_time", &numbers, 0.0), Some(4.0));
        assert_eq!(over("min_over_time", &numbers, 0.0), Some(1.0));
        assert_eq!(over("min_over_time", &[f64::NAN, 2.0], 0.0), Some(2.0));
        assert_eq!(over("count_over_time", &numbers, 0.0), Some(4.0));
        assert_eq!(over("first_over_time", &numbers, 0.0), Some(4.0));
        assert_eq!(over("last_over_time", &numbers, 0.0), Some(3.0));
        assert_eq!(over("avg_over_time", &[1.0, 2.0, 6.0], 0.0), Some(3.0));
        assert_eq!(over("sum_over_time", &[1e100, 1.0, -1e100], 0.0), Some(1.0));
        assert_eq!(over("stdvar_over_time", &[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0], 0.0), Some(4.0));
        assert_eq!(over("stddev_over_time", &[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0], 0.0), Some(2.0));
        assert_eq!(over("quantile_over_time", &[0.0, 1.0, 2.0], 0.25), Some(0.5));
    }
}
