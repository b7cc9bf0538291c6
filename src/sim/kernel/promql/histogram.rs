//! Classic histograms: `histogram_quantile` and `histogram_fraction` over cumulative buckets.

use super::eval::{Builder, Eval, Outcome, at_instant};
use super::functions::arg;
use super::notes::Forced;
use super::value::{Column, Grid};
use crate::sim::kernel::tsdb::{Labels, NAME};
use promql_parser::parser::Expr;
use std::collections::BTreeMap;

/// The label that holds a bucket's upper edge.
const EDGE: &str = "le";

/// Relative differences below this between neighbouring buckets are rounding, not counts.
const ROUNDING: f64 = 1e-12;

/// A cumulative bucket.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bucket {
    /// The upper edge, inclusive.
    pub edge: f64,
    /// Observations up to it.
    pub count: f64,
}

/// Where counts fell from one bucket to the next: the lowest and highest edge, and the largest fall.
pub type Falls = Option<(f64, f64, f64)>;

/// The `q` quantile, by a straight line within its bucket.
///
/// A quantile in the last bucket is the last finite edge. The first bucket begins at 0 if its edge is above. NaN without
/// observations, with fewer than two buckets, or when the last edge is not +Inf.
#[must_use]
pub fn bucket_quantile(q: f64, buckets: &mut Vec<Bucket>) -> (f64, Falls) {
    if q.is_nan() {
        return (f64::NAN, None);
    }
    if q < 0.0 {
        return (f64::NEG_INFINITY, None);
    }
    if q > 1.0 {
        return (f64::INFINITY, None);
    }
    if !prepare(buckets) {
        return (f64::NAN, None);
    }
    let falls = force_monotonic(buckets);
    (interpolate(q, buckets).unwrap_or(f64::NAN), falls)
}

fn interpolate(q: f64, buckets: &[Bucket]) -> Option<f64> {
    let [finite @ .., last] = buckets else { return None };
    let highest = finite.last()?;
    if last.count == 0.0 {
        return None;
    }
    let rank = q * last.count;
    // As Prometheus' binary search: the first bucket that reaches the rank, if the counts are monotonic.
    let found = finite.partition_point(|bucket| bucket.count < rank);
    let Some(bucket) = finite.get(found) else { return Some(highest.edge) };
    let below = found.checked_sub(1).and_then(|i| finite.get(i));
    match below {
        None if bucket.edge <= 0.0 => Some(bucket.edge),
        None => Some(bucket.edge * (rank / bucket.count)),
        Some(below) => Some(below.edge + (bucket.edge - below.edge) * ((rank - below.count) / (bucket.count - below.count))),
    }
}

/// Orders buckets, joins those of one edge; `false` when the last is not +Inf.
fn prepare(buckets: &mut Vec<Bucket>) -> bool {
    buckets.sort_by(|a, b| a.edge.partial_cmp(&b.edge).unwrap_or(std::cmp::Ordering::Equal));
    buckets.dedup_by(|next, kept| {
        let same = next.edge == kept.edge;
        if same {
            kept.count += next.count;
        }
        same
    });
    buckets.last().is_some_and(|last| last.edge == f64::INFINITY)
}

/// Levels rounding differences silently and raises counts that fall, which it reports.
fn force_monotonic(buckets: &mut [Bucket]) -> Falls {
    let mut falls: Falls = None;
    let mut before = buckets.first().map(|bucket| bucket.count)?;
    for bucket in buckets.iter_mut().skip(1) {
        if bucket.count == before {
            continue;
        }
        if nearly_equal(before, bucket.count) {
            bucket.count = before;
        } else if bucket.count < before {
            let fall = before - bucket.count;
            falls = Some(match falls {
                None => (bucket.edge, bucket.edge, fall),
                Some((low, high, most)) => (low.min(bucket.edge), high.max(bucket.edge), most.max(fall)),
            });
            bucket.count = before;
        } else {
            before = bucket.count;
        }
    }
    falls
}

fn nearly_equal(a: f64, b: f64) -> bool {
    if a.is_nan() && b.is_nan() {
        return true;
    }
    let (sum, difference) = (a.abs() + b.abs(), (a - b).abs());
    if a == 0.0 || b == 0.0 || sum < f64::MIN_POSITIVE {
        return difference < ROUNDING * f64::MIN_POSITIVE;
    }
    difference / sum.min(f64::MAX) < ROUNDING
}

/// The share of observations between two values, by straight lines within buckets.
#[must_use]
pub fn bucket_fraction(lower: f64, upper: f64, buckets: &mut Vec<Bucket>) -> f64 {
    let complete = prepare(buckets);
    let count = buckets.last().map_or(0.0, |last| last.count);
    if !complete || count == 0.0 || lower.is_nan() || upper.is_nan() {
        return f64::NAN;
    }
    if lower >= upper {
        return 0.0;
    }
    (rank_of(upper, buckets, count) - rank_of(lower, buckets, count)) / count
}

/// How many observations lie below a value.
fn rank_of(value: f64, buckets: &[Bucket], count: f64) -> f64 {
    let first = buckets.first().map_or(0.0, |bucket| bucket.edge);
    let mut low = if first <= 0.0 { f64::NEG_INFINITY } else { 0.0 };
    let mut rank = 0.0;
    for bucket in buckets {
        if low >= value {
            return f64::min(rank, count);
        }
        if bucket.edge > value {
            let within =
                if low == f64::NEG_INFINITY { bucket.count } else { rank + (bucket.count - rank) * (value - low) / (bucket.edge - low) };
            return f64::min(within, count);
        }
        rank = bucket.count;
        low = bucket.edge;
    }
    count
}

/// The buckets of one histogram: the result's labels, and the column and edge of each.
type Histogram = (Labels, Vec<(usize, f64)>);

impl Eval<'_> {
    /// `histogram_quantile(scalar, vector)`.
    ///
    /// # Errors
    /// Prometheus' execution error.
    pub fn histogram_quantile(&mut self, args: &[&Expr], grid: Grid) -> Outcome<Vec<Column>> {
        let quantiles = self.scalar(arg(args, 0)?, grid)?;
        let columns = self.vector(arg(args, 1)?, grid)?;
        self.doubt_quantiles(&quantiles, arg(args, 0)?);
        let position = self.at(arg(args, 1)?);
        let times: Vec<i64> = grid.times().collect();
        let mut forced = Vec::new();
        let found = self.per_histogram(&columns, arg(args, 1)?, grid, |i, buckets| {
            let (value, falls) = bucket_quantile(quantiles.get(i).copied().unwrap_or(f64::NAN), buckets);
            if let (Some((lowest, highest, difference)), Some(at)) = (falls, times.get(i)) {
                forced.push(Forced { from: *at, to: *at, lowest, highest, difference, samples: 1 });
            }
            value
        })?;
        forced.into_iter().for_each(|forced| self.notes.force(&position, forced));
        Ok(found)
    }

    /// `histogram_fraction(scalar, scalar, vector)`.
    ///
    /// # Errors
    /// Prometheus' execution error.
    pub fn histogram_fraction(&mut self, args: &[&Expr], grid: Grid) -> Outcome<Vec<Column>> {
        let (lower, upper) = (self.scalar(arg(args, 0)?, grid)?, self.scalar(arg(args, 1)?, grid)?);
        let columns = self.vector(arg(args, 2)?, grid)?;
        let at = |bounds: &[f64], i: usize| bounds.get(i).copied().unwrap_or(f64::NAN);
        self.per_histogram(&columns, arg(args, 2)?, grid, |i, buckets| bucket_fraction(at(&lower, i), at(&upper, i), buckets))
    }

    /// Applies `f` to the buckets of each histogram at each instant.
    fn per_histogram(
        &mut self,
        columns: &[Column],
        arg: &Expr,
        grid: Grid,
        mut f: impl FnMut(usize, &mut Vec<Bucket>) -> f64,
    ) -> Outcome<Vec<Column>> {
        let histograms = self.histograms(columns, arg);
        let mut result = Builder::new(grid.instants());
        let mut present: Vec<Option<f64>> = Vec::new();
        for i in 0..grid.instants() {
            present.clear();
            present.resize(columns.len(), None);
            for (column, value) in at_instant(columns, i) {
                if let Some(slot) = present.get_mut(column) {
                    *slot = Some(value);
                }
            }
            for (labels, edges) in &histograms {
                let bucket =
                    |(column, edge): &(usize, f64)| present.get(*column).copied().flatten().map(|count| Bucket { edge: *edge, count });
                let mut buckets: Vec<Bucket> = edges.iter().filter_map(bucket).collect();
                if buckets.is_empty() {
                    continue;
                }
                let column = result.column(labels);
                if !result.set(column, i, f(i, &mut buckets)) {
                    return Err(super::value::SAME_LABELS.to_owned());
                }
            }
        }
        Ok(result.finish())
    }

    /// Groups bucket columns by all labels but their edge; those without a proper edge are left out with a warning.
    fn histograms(&mut self, columns: &[Column], arg: &Expr) -> Vec<Histogram> {
        let mut found: Vec<Histogram> = Vec::new();
        let mut index: BTreeMap<Labels, usize> = BTreeMap::new();
        for (i, column) in columns.iter().enumerate() {
            let edge = column.labels.get(EDGE).map_or("", String::as_str);
            let Ok(value) = edge.parse::<f64>() else {
                let position = self.at(arg);
                self.notes.warn(&format!("bucket label \"le\" is missing or has a malformed value of {edge:?}"), &position);
                continue;
            };
            let mut group = column.labels.clone();
            group.remove(EDGE);
            let at = *index.entry(group).or_insert_with_key(|group| {
                let mut labels = group.clone();
                labels.remove(NAME);
                found.push((labels, Vec::new()));
                found.len() - 1
            });
            if let Some((_, edges)) = found.get_mut(at) {
                edges.push((i, value));
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buckets(pairs: &[(f64, f64)]) -> Vec<Bucket> {
        pairs.iter().map(|(edge, count)| Bucket { edge: *edge, count: *count }).collect()
    }

    const INF: f64 = f64::INFINITY;

    #[test]
    fn quantiles_lie_on_a_line_within_their_bucket() {
        let of = |q| bucket_quantile(q, &mut buckets(&[(0.1, 50.0), (0.5, 90.0), (INF, 100.0)])).0;
        assert_eq!(of(0.25), 0.05);
        assert_eq!(of(0.5), 0.1);
        assert_eq!(of(0.7), 0.1 + (0.5 - 0.1) * (20.0 / 40.0));
        assert_eq!(of(0.95), 0.5);
        assert_eq!(of(0.0), 0.0);
        assert_eq!(of(1.0), 0.5);
        assert_eq!(of(-1.0), -INF);
        assert_eq!(of(2.0), INF);
        assert!(of(f64::NAN).is_nan());
    }

    #[test]
    fn incomplete_histograms_have_no_quantile() {
        assert!(bucket_quantile(0.5, &mut buckets(&[(0.1, 1.0), (0.5, 2.0)])).0.is_nan());
        assert!(bucket_quantile(0.5, &mut buckets(&[(INF, 2.0)])).0.is_nan());
        assert!(bucket_quantile(0.5, &mut buckets(&[(0.1, 0.0), (INF, 0.0)])).0.is_nan());
    }

    #[test]
    fn a_first_edge_below_zero_is_the_answer_itself() {
        assert_eq!(bucket_quantile(0.1, &mut buckets(&[(-1.0, 5.0), (INF, 10.0)])).0, -1.0);
    }

    #[test]
    fn falling_counts_are_raised_and_reported() {
        let mut falling = buckets(&[(0.1, 10.0), (0.5, 8.0), (1.0, 9.0), (INF, 20.0)]);
        let (value, falls) = bucket_quantile(0.75, &mut falling);
        assert_eq!(falls, Some((0.5, 1.0, 2.0)));
        assert_eq!(value, 1.0);
        let mut rounding = buckets(&[(0.1, 10.0), (0.5, 10.0 - 1e-13), (INF, 20.0)]);
        assert_eq!(bucket_quantile(0.5, &mut rounding), (0.1, None));
    }

    #[test]
    fn buckets_of_one_edge_are_added() {
        let mut twice = buckets(&[(1.0, 4.0), (INF, 5.0), (1.0, 4.0), (INF, 5.0)]);
        assert_eq!(bucket_quantile(0.4, &mut twice).0, 0.5);
    }

    #[test]
    fn fractions_count_between_two_values() {
        let of = |low, high| bucket_fraction(low, high, &mut buckets(&[(0.1, 50.0), (0.5, 90.0), (INF, 100.0)]));
        assert_eq!(of(0.0, 0.1), 0.5);
        assert_eq!(of(0.1, 0.3), 0.2);
        assert_eq!(of(-INF, 0.5), 0.9);
        assert_eq!(of(0.5, INF), 0.1);
        assert_eq!(of(1.0, 0.5), 0.0);
    }
}
