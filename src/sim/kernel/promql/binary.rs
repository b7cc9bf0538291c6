//! Binary operators: scalars, vectors with scalars, vectors with vectors.

use super::eval::{Builder, Eval, Outcome, at_instant, map_values};
use super::value::{Column, Grid, SAME_LABELS, Value, join_same, labels_text, nameless};
use crate::sim::kernel::tsdb::{Labels, NAME};
use promql_parser::parser::token::{
    T_ADD, T_ATAN2, T_DIV, T_EQLC, T_GTE, T_GTR, T_LAND, T_LOR, T_LSS, T_LTE, T_LUNLESS, T_MOD, T_MUL, T_NEQ, T_POW, T_SUB,
};
use promql_parser::parser::{BinModifier, BinaryExpr, LabelModifier, VectorMatchCardinality};
use std::collections::{BTreeMap, BTreeSet};

/// What an operator makes of two numbers: the value, and for comparisons whether it is kept.
fn operate(op: u16, a: f64, b: f64) -> (f64, bool) {
    match op {
        T_ADD => (a + b, true),
        T_SUB => (a - b, true),
        T_MUL => (a * b, true),
        T_DIV => (a / b, true),
        T_MOD => (a % b, true),
        T_POW => (a.powf(b), true),
        T_ATAN2 => (a.atan2(b), true),
        T_EQLC => (a, a == b),
        T_NEQ => (a, a != b),
        T_GTR => (a, a > b),
        T_LSS => (a, a < b),
        T_GTE => (a, a >= b),
        T_LTE => (a, a <= b),
        _ => (f64::NAN, false),
    }
}

fn is_comparison(op: u16) -> bool {
    matches!(op, T_EQLC | T_NEQ | T_GTR | T_LSS | T_GTE | T_LTE)
}

fn truth(value: bool) -> f64 {
    if value { 1.0 } else { 0.0 }
}

impl Eval<'_> {
    /// Evaluates a binary expression.
    ///
    /// # Errors
    /// Prometheus' execution error.
    pub fn binary(&mut self, binary: &BinaryExpr, grid: Grid) -> Outcome<Value> {
        let op = binary.op.id();
        let (left, right) = (self.eval(&binary.lhs, grid)?, self.eval(&binary.rhs, grid)?);
        let default = BinModifier::default();
        let modifier = binary.modifier.as_ref().unwrap_or(&default);
        match (left, right) {
            (Value::Scalar(left), Value::Scalar(right)) => {
                let value = |(a, b): (f64, f64)| {
                    let (value, kept) = operate(op, a, b);
                    if is_comparison(op) { truth(kept) } else { value }
                };
                Ok(Value::Scalar(left.into_iter().zip(right).map(value).collect()))
            }
            (Value::Vector(columns), Value::Scalar(numbers)) => with_scalar(op, columns, &numbers, false, modifier.return_bool),
            (Value::Scalar(numbers), Value::Vector(columns)) => with_scalar(op, columns, &numbers, true, modifier.return_bool),
            (Value::Vector(left), Value::Vector(right)) => {
                let sides = Sides::of(&left, &right, modifier);
                match op {
                    T_LAND => Ok(Value::Vector(filtered(left, &sides.left, &right, &sides.right, sides.groups, true))),
                    T_LUNLESS => Ok(Value::Vector(filtered(left, &sides.left, &right, &sides.right, sides.groups, false))),
                    T_LOR => {
                        let rest = filtered(right, &sides.right, &left, &sides.left, sides.groups, false);
                        join_same(left.into_iter().chain(rest).collect()).map(Value::Vector)
                    }
                    _ => matched(op, &left, &right, &sides, modifier, grid).map(Value::Vector),
                }
            }
            _ => Err("binary expression must contain only scalar and instant vector types".to_owned()),
        }
    }
}

fn with_scalar(op: u16, columns: Vec<Column>, numbers: &[f64], swapped: bool, return_bool: bool) -> Outcome<Value> {
    let number = |i: usize| numbers.get(i).copied().unwrap_or(f64::NAN);
    let pair = |i: usize, value: f64| if swapped { (number(i), value) } else { (value, number(i)) };
    let kept = |i: usize, value: f64| {
        let (a, b) = pair(i, value);
        operate(op, a, b).1
    };
    if return_bool {
        return map_values(columns, |i, value| truth(kept(i, value))).map(Value::Vector);
    }
    if !is_comparison(op) {
        let result = |i: usize, value: f64| {
            let (a, b) = pair(i, value);
            operate(op, a, b).0
        };
        return map_values(columns, result).map(Value::Vector);
    }
    let keep = |mut column: Column| {
        for (i, slot) in column.values.iter_mut().enumerate() {
            *slot = slot.filter(|value| kept(i, *value));
        }
        column
    };
    Ok(Value::Vector(columns.into_iter().map(keep).filter(Column::is_live).collect()))
}

/// Which match group each column belongs to.
struct Sides {
    left: Vec<usize>,
    right: Vec<usize>,
    groups: usize,
}

impl Sides {
    fn of(left: &[Column], right: &[Column], modifier: &BinModifier) -> Self {
        let mut index: BTreeMap<Labels, usize> = BTreeMap::new();
        let mut groups = |columns: &[Column]| -> Vec<usize> {
            let mut group = |column: &Column| {
                let next = index.len();
                *index.entry(match_labels(&column.labels, modifier)).or_insert(next)
            };
            columns.iter().map(&mut group).collect()
        };
        let (left, right) = (groups(left), groups(right));
        Self { left, right, groups: index.len() }
    }
}

/// The labels that two elements must share to match.
fn match_labels(labels: &Labels, modifier: &BinModifier) -> Labels {
    let kept = |name: &str| match &modifier.matching {
        Some(LabelModifier::Include(on)) => on.labels.iter().any(|label| label == name),
        Some(LabelModifier::Exclude(ignoring)) => name != NAME && !ignoring.labels.iter().any(|label| label == name),
        None => name != NAME,
    };
    labels.iter().filter(|(name, _)| kept(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// The values of `columns` whose match group is present (or absent) among `others` at that instant.
fn filtered(columns: Vec<Column>, groups: &[usize], others: &[Column], other_groups: &[usize], count: usize, present: bool) -> Vec<Column> {
    let instants = columns.first().map_or(0, |column| column.values.len());
    let mut columns = columns;
    for i in 0..instants {
        let mut found = vec![false; count];
        for (other, _) in at_instant(others, i) {
            if let Some(slot) = other_groups.get(other).and_then(|group| found.get_mut(*group)) {
                *slot = true;
            }
        }
        for (column, group) in columns.iter_mut().zip(groups) {
            let matches = found.get(*group).copied().unwrap_or(false);
            if let Some(slot) = column.values.get_mut(i).filter(|_| matches != present) {
                *slot = None;
            }
        }
    }
    columns.retain(Column::is_live);
    columns
}

/// One-to-one, many-to-one or one-to-many matching with an arithmetic or comparison operator.
fn matched(op: u16, left: &[Column], right: &[Column], sides: &Sides, modifier: &BinModifier, grid: Grid) -> Outcome<Vec<Column>> {
    let swapped = matches!(modifier.card, VectorMatchCardinality::OneToMany(_));
    let one_to_one = matches!(modifier.card, VectorMatchCardinality::OneToOne);
    // From here on the "one" side is the right one.
    let (many, many_groups, one, one_groups) =
        if swapped { (right, &sides.right, left, &sides.left) } else { (left, &sides.left, right, &sides.right) };
    let mut result = Builder::new(grid.instants());
    let mut known: BTreeMap<(usize, usize), usize> = BTreeMap::new();
    for i in 0..grid.instants() {
        let Some(partners) = partners(one, one_groups, sides.groups, i, modifier, swapped)? else { continue };
        let mut taken: BTreeSet<(usize, usize)> = BTreeSet::new();
        for (m, value) in at_instant(many, i) {
            let Some(group) = many_groups.get(m).copied() else { continue };
            let Some((o, other)) = partners.get(group).copied().flatten() else { continue };
            let (a, b) = if swapped { (other, value) } else { (value, other) };
            let (number, kept) = operate(op, a, b);
            let column = *known.entry((m, o)).or_insert_with(|| {
                let labels = many.get(m).zip(one.get(o)).map(|(m, o)| result_labels(op, &m.labels, &o.labels, modifier));
                result.column(&labels.unwrap_or_default())
            });
            if !taken.insert((group, if one_to_one { 0 } else { column })) {
                return Err(if one_to_one {
                    "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)".to_owned()
                } else {
                    "multiple matches for labels: grouping labels must ensure unique matches".to_owned()
                });
            }
            let value = if modifier.return_bool { truth(kept) } else { number };
            if (kept || modifier.return_bool) && !result.set(column, i, value) {
                return Err(SAME_LABELS.to_owned());
            }
        }
    }
    Ok(result.finish())
}

/// The element of the "one" side of each match group at an instant: its column and value.
type Partners = Vec<Option<(usize, f64)>>;

/// The "one" side's elements by match group; nothing when there are none.
fn partners(one: &[Column], groups: &[usize], count: usize, i: usize, modifier: &BinModifier, swapped: bool) -> Outcome<Option<Partners>> {
    let mut found: Partners = vec![None; count];
    let mut any = false;
    for (column, value) in at_instant(one, i) {
        let Some(slot) = groups.get(column).and_then(|group| found.get_mut(*group)) else { continue };
        if let Some((first, _)) = *slot {
            let labels = |index: usize| one.get(index).map(|column| column.labels.clone()).unwrap_or_default();
            let group = labels_text(&match_labels(&labels(column), modifier));
            let mut both = [labels_text(&labels(first)), labels_text(&labels(column))];
            both.sort();
            let side = if swapped { "left" } else { "right" };
            return Err(format!(
                "found duplicate series for the match group {group} on the {side} hand-side of the operation: [{}]\
                 ;many-to-many matching not allowed: matching labels must be unique on one side",
                both.join(", ")
            ));
        }
        *slot = Some((column, value));
        any = true;
    }
    Ok(any.then_some(found))
}

/// The labels of a result: the "many" side's, less what the operator and the matching take away, plus what `group_*` brings.
fn result_labels(op: u16, many: &Labels, one: &Labels, modifier: &BinModifier) -> Labels {
    let mut labels = if !is_comparison(op) || modifier.return_bool { nameless(many) } else { many.clone() };
    if matches!(modifier.card, VectorMatchCardinality::OneToOne) {
        match &modifier.matching {
            Some(LabelModifier::Include(on)) => labels.retain(|name, _| on.labels.contains(name)),
            Some(LabelModifier::Exclude(ignoring)) => labels.retain(|name, _| !ignoring.labels.contains(name)),
            None => {}
        }
    }
    for name in modifier.card.labels().map(|labels| labels.labels.as_slice()).unwrap_or_default() {
        super::value::set_label(&mut labels, name, one.get(name).map_or("", String::as_str));
    }
    labels
}
