//! Aggregations: `sum by (...)`, `topk` and their kin.

use super::best::Best;
use super::eval::{Builder, Eval, Outcome, at_instant, count_label, unwrapped};
use super::number::{Mean, Sum, quantile, short_text};
use super::value::{Column, Grid, set_label};
use crate::sim::kernel::tsdb::{Labels, NAME};
use promql_parser::parser::token::{
    T_AVG, T_BOTTOMK, T_COUNT, T_COUNT_VALUES, T_GROUP, T_MAX, T_MIN, T_QUANTILE, T_STDDEV, T_STDVAR, T_SUM, T_TOPK,
};
use promql_parser::parser::{AggregateExpr, Expr, LabelModifier};
use std::collections::BTreeMap;

impl Eval<'_> {
    /// Evaluates an aggregation.
    ///
    /// # Errors
    /// Prometheus' execution error.
    pub fn aggregate(&mut self, expr: &Expr, aggregate: &AggregateExpr, grid: Grid) -> Outcome<Vec<Column>> {
        let op = aggregate.op.id();
        let modifier = aggregate.modifier.as_ref();
        let param = aggregate.param.as_deref().map(unwrapped);
        if op == T_COUNT_VALUES {
            let label = self.text(param.unwrap_or(expr))?;
            if label.is_empty() {
                return Err(format!("invalid label name {label:?}"));
            }
            let columns = self.vector(&aggregate.expr, grid)?;
            return Ok(count_values(&columns, &label, modifier, grid));
        }
        let params = match param {
            Some(param) => self.scalar(param, grid)?,
            None => Vec::new(),
        };
        let columns = self.vector(&aggregate.expr, grid)?;
        if columns.is_empty() {
            return Ok(columns);
        }
        let (groups, labels) = grouped(&columns, modifier);
        match op {
            T_TOPK | T_BOTTOMK => {
                let Some(sizes) = sizes(&params, columns.len())? else { return Ok(Vec::new()) };
                Ok(extremes(columns, &groups, labels.len(), &sizes, op == T_TOPK, grid))
            }
            T_QUANTILE => {
                self.doubt_quantiles(&params, param.unwrap_or(expr));
                Ok(reduced(&columns, &groups, &labels, grid, |i, values| {
                    quantile(params.get(i).copied().unwrap_or(f64::NAN), &mut values.to_vec())
                }))
            }
            _ => {
                let reduce = reduction(op).ok_or_else(|| format!("aggregation {} is not supported", aggregate.op))?;
                Ok(reduced(&columns, &groups, &labels, grid, |_, values| reduce(values)))
            }
        }
    }
}

/// The group of each column, and each group's labels.
fn grouped(columns: &[Column], modifier: Option<&LabelModifier>) -> (Vec<usize>, Vec<Labels>) {
    let mut index: BTreeMap<Labels, usize> = BTreeMap::new();
    let mut all = Vec::new();
    let group = |column: &Column| {
        let labels = group_labels(&column.labels, modifier);
        *index.entry(labels).or_insert_with_key(|labels| {
            all.push(labels.clone());
            all.len() - 1
        })
    };
    let groups = columns.iter().map(group).collect();
    (groups, all)
}

fn group_labels(labels: &Labels, modifier: Option<&LabelModifier>) -> Labels {
    let kept = |name: &str| match modifier {
        None => false,
        Some(LabelModifier::Include(by)) => by.labels.iter().any(|label| label == name),
        Some(LabelModifier::Exclude(without)) => name != NAME && !without.labels.iter().any(|label| label == name),
    };
    labels.iter().filter(|(name, _)| kept(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// One value per group and instant, from the group's values in the columns' order.
fn reduced(columns: &[Column], groups: &[usize], labels: &[Labels], grid: Grid, reduce: impl Fn(usize, &[f64]) -> f64) -> Vec<Column> {
    let mut result: Vec<Column> =
        labels.iter().map(|labels| Column { labels: labels.clone(), values: Vec::with_capacity(grid.instants()) }).collect();
    let mut values: Vec<Vec<f64>> = vec![Vec::new(); labels.len()];
    for i in 0..grid.instants() {
        values.iter_mut().for_each(Vec::clear);
        for (column, value) in at_instant(columns, i) {
            if let Some(group) = groups.get(column).and_then(|group| values.get_mut(*group)) {
                group.push(value);
            }
        }
        for (column, values) in result.iter_mut().zip(&values) {
            column.values.push(if values.is_empty() { None } else { Some(reduce(i, values)) });
        }
    }
    result.retain(Column::is_live);
    result
}

/// The aggregations of a set of at least one value.
fn reduction(op: u16) -> Option<fn(&[f64]) -> f64> {
    Some(match op {
        T_SUM => |values| {
            let sum = in_order(values, |first| Sum { value: first, carry: 0.0 }, |sum, value| *sum = sum.plus(value));
            sum.map_or(f64::NAN, |sum| sum.value + sum.carry)
        },
        T_AVG => |values| in_order(values, Mean::of, |mean, value| mean.add(value)).map_or(f64::NAN, Mean::value),
        T_MIN => |values| extreme(values, |value, best| value < best),
        T_MAX => |values| extreme(values, |value, best| value > best),
        T_COUNT => |values| values.len() as f64,
        T_GROUP => |_| 1.0,
        T_STDVAR => variance,
        T_STDDEV => |values| variance(values).sqrt(),
        _ => return None,
    })
}

fn in_order<T>(values: &[f64], first: impl Fn(f64) -> T, next: impl Fn(&mut T, f64)) -> Option<T> {
    let (head, tail) = values.split_first()?;
    let mut state = first(*head);
    tail.iter().for_each(|value| next(&mut state, *value));
    Some(state)
}

fn extreme(values: &[f64], beats: impl Fn(f64, f64) -> bool) -> f64 {
    let better = |best: f64, value: f64| if beats(value, best) || best.is_nan() { value } else { best };
    values.iter().copied().reduce(better).unwrap_or(f64::NAN)
}

/// The population variance, by Welford's method; not a number once the first value is not finite.
fn variance(values: &[f64]) -> f64 {
    let Some((first, rest)) = values.split_first() else { return f64::NAN };
    let (mut mean, mut count) = (*first, 1.0);
    let mut squares = if first.is_finite() { 0.0 } else { f64::NAN };
    for value in rest {
        count += 1.0;
        let off = value - mean;
        mean += off / count;
        squares += off * (value - mean);
    }
    squares / count
}

/// How many elements to keep at each instant; nothing when none ever.
fn sizes(params: &[f64], columns: usize) -> Outcome<Option<Vec<usize>>> {
    let most = params.iter().copied().fold(f64::MIN, super::number::larger);
    let least = params.iter().copied().fold(f64::MAX, super::number::smaller);
    if most < 1.0 {
        return Ok(None);
    }
    if params.iter().any(|param| param.is_nan()) {
        return Err("Parameter value is NaN".to_owned());
    }
    if least <= i64::MIN as f64 {
        return Err(format!("Scalar value {} underflows int64", short_text(least)));
    }
    if most >= i64::MAX as f64 {
        return Err(format!("Scalar value {} overflows int64", short_text(most)));
    }
    Ok(Some(params.iter().map(|param| if *param < 1.0 { 0 } else { (*param as usize).min(columns) }).collect()))
}

/// The elements with the largest (or smallest) values of each group at each instant, best first at a single instant.
fn extremes(columns: Vec<Column>, groups: &[usize], count: usize, sizes: &[usize], largest: bool, grid: Grid) -> Vec<Column> {
    let mut kept: Vec<Column> =
        columns.iter().map(|column| Column { labels: column.labels.clone(), values: vec![None; grid.instants()] }).collect();
    let mut order = Vec::new();
    for i in 0..grid.instants() {
        let size = sizes.get(i).copied().unwrap_or(0);
        let mut best: Vec<Best> = (0..count).map(|_| Best::new(size, largest)).collect();
        for (column, value) in at_instant(&columns, i) {
            if let Some(best) = groups.get(column).and_then(|group| best.get_mut(*group)) {
                best.offer(column, value);
            }
        }
        for (column, value) in best.into_iter().flat_map(Best::sorted) {
            if let Some(slot) = kept.get_mut(column).and_then(|column| column.values.get_mut(i)) {
                *slot = Some(value);
            }
            order.push(column);
        }
    }
    if grid.is_instant() {
        return order.into_iter().filter_map(|column| kept.get(column).cloned()).collect();
    }
    kept.retain(Column::is_live);
    kept
}

/// How many elements have each value, by group and value.
fn count_values(columns: &[Column], label: &str, modifier: Option<&LabelModifier>, grid: Grid) -> Vec<Column> {
    let mut result = Builder::new(grid.instants());
    for i in 0..grid.instants() {
        let mut counts: BTreeMap<usize, f64> = BTreeMap::new();
        for (column, value) in at_instant(columns, i) {
            let Some(column) = columns.get(column) else { continue };
            let mut labels = column.labels.clone();
            set_label(&mut labels, label, &count_label(value));
            let mut group = group_labels(&labels, modifier);
            if !matches!(modifier, Some(LabelModifier::Exclude(_))) {
                set_label(&mut group, label, &count_label(value));
            }
            *counts.entry(result.column(&group)).or_default() += 1.0;
        }
        for (column, count) in counts {
            result.set(column, i, count);
        }
    }
    result.finish()
}
