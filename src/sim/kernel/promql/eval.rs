//! The evaluator: one pass over the tree, each node yielding its values at all instants at once.

use super::locate::Positions;
use super::notes::Notes;
use super::number::plain_text;
use super::value::{Column, Grid, Value, join_same, nameless};
use crate::sim::kernel::tsdb::{Labels, Sample, Tsdb};
use promql_parser::parser::Expr;
use std::collections::BTreeMap;

/// A result, or the text of Prometheus' execution error.
pub type Outcome<T> = Result<T, String>;

/// What evaluation needs to know, and what it leaves behind beside the values.
#[derive(Debug)]
pub struct Eval<'a> {
    /// The samples.
    pub db: &'a Tsdb,
    /// How old a sample may be that an instant selector takes, in ms.
    pub lookback: i64,
    /// The instants of the whole query, which `@ start()` and `@ end()` mean.
    pub query: Grid,
    /// Where expressions stand in the text.
    pub positions: &'a Positions,
    /// Warnings and infos so far.
    pub notes: Notes,
}

impl<'a> Eval<'a> {
    /// Evaluates an expression at each instant of `grid`.
    ///
    /// # Errors
    /// Prometheus' execution error.
    pub fn eval(&mut self, expr: &Expr, grid: Grid) -> Outcome<Value> {
        match expr {
            Expr::NumberLiteral(number) => Ok(Value::Scalar(vec![number.val; grid.instants()])),
            Expr::StringLiteral(text) => Ok(Value::Text(text.val.clone())),
            Expr::Paren(paren) => self.eval(&paren.expr, grid),
            Expr::Unary(unary) => Ok(match self.eval(&unary.expr, grid)? {
                Value::Scalar(values) => Value::Scalar(values.into_iter().map(|value| -value).collect()),
                Value::Vector(columns) => Value::Vector(map_values(columns, |_, value| -value)?),
                Value::Text(_) => return Err("cannot negate a string".to_owned()),
            }),
            Expr::VectorSelector(selector) => Ok(Value::Vector(self.instant_vector(selector, grid)?)),
            Expr::MatrixSelector(_) | Expr::Subquery(_) => Err("cannot do range evaluation of matrix selector".to_owned()),
            Expr::Binary(binary) => self.binary(binary, grid),
            Expr::Aggregate(aggregate) => self.aggregate(expr, aggregate, grid).map(Value::Vector),
            Expr::Call(call) => self.call(expr, call, grid),
            Expr::Extension(_) => Err("this expression is not part of PromQL".to_owned()),
        }
    }

    /// Evaluates an expression that yields a vector.
    ///
    /// # Errors
    /// Prometheus' execution error.
    pub fn vector(&mut self, expr: &Expr, grid: Grid) -> Outcome<Vec<Column>> {
        match self.eval(expr, grid)? {
            Value::Vector(columns) => Ok(columns),
            Value::Scalar(_) => Err("expected type instant vector, got scalar".to_owned()),
            Value::Text(_) => Err("expected type instant vector, got string".to_owned()),
        }
    }

    /// Evaluates an expression that yields a scalar.
    ///
    /// # Errors
    /// Prometheus' execution error.
    pub fn scalar(&mut self, expr: &Expr, grid: Grid) -> Outcome<Vec<f64>> {
        match self.eval(expr, grid)? {
            Value::Scalar(values) => Ok(values),
            Value::Vector(_) => Err("expected type scalar, got instant vector".to_owned()),
            Value::Text(_) => Err("expected type scalar, got string".to_owned()),
        }
    }

    /// Evaluates a string literal.
    ///
    /// # Errors
    /// When it is something else.
    pub fn text(&mut self, expr: &Expr) -> Outcome<String> {
        match unwrapped(expr) {
            Expr::StringLiteral(text) => Ok(text.val.clone()),
            _ => Err("expected type string".to_owned()),
        }
    }

    /// The position of an expression, `line:column`.
    #[must_use]
    pub fn at(&self, expr: &Expr) -> String {
        self.positions.at(expr)
    }
}

/// The expression inside any parentheses.
#[must_use]
pub fn unwrapped(expr: &Expr) -> &Expr {
    match expr {
        Expr::Paren(paren) => unwrapped(&paren.expr),
        other => other,
    }
}

/// Each value through `change` (given the instant's index), the metric name dropped.
///
/// # Errors
/// When two elements then have the same labels.
pub fn map_values(columns: Vec<Column>, change: impl Fn(usize, f64) -> f64) -> Outcome<Vec<Column>> {
    let changed = columns.into_iter().map(|column| Column {
        labels: nameless(&column.labels),
        values: column.values.into_iter().enumerate().map(|(i, value)| value.map(|value| change(i, value))).collect(),
    });
    join_same(changed.collect())
}

/// The values at instant `i` of a vector, each with its column's index.
pub fn at_instant(columns: &[Column], i: usize) -> impl Iterator<Item = (usize, f64)> {
    columns.iter().enumerate().filter_map(move |(index, column)| column.values.get(i).copied().flatten().map(|value| (index, value)))
}

/// Builds result columns value by value, one column per label set.
#[derive(Debug)]
pub struct Builder {
    instants: usize,
    columns: Vec<Column>,
    index: BTreeMap<Labels, usize>,
}

impl Builder {
    /// No columns yet, over `instants` instants.
    #[must_use]
    pub fn new(instants: usize) -> Self {
        Self { instants, columns: Vec::new(), index: BTreeMap::new() }
    }

    /// The column of these labels, created when there is none.
    pub fn column(&mut self, labels: &Labels) -> usize {
        if let Some(index) = self.index.get(labels) {
            return *index;
        }
        let index = self.columns.len();
        self.columns.push(Column { labels: labels.clone(), values: vec![None; self.instants] });
        self.index.insert(labels.clone(), index);
        index
    }

    /// Sets a value; `false` when there was one already.
    pub fn set(&mut self, column: usize, i: usize, value: f64) -> bool {
        match self.columns.get_mut(column).and_then(|column| column.values.get_mut(i)) {
            Some(slot) if slot.is_none() => {
                *slot = Some(value);
                true
            }
            _ => false,
        }
    }

    /// The columns that have a value anywhere, in the order of their making.
    #[must_use]
    pub fn finish(self) -> Vec<Column> {
        self.columns.into_iter().filter(Column::is_live).collect()
    }
}

/// The label set and the values of each column as runs of samples, those without any left out.
#[must_use]
pub fn runs(columns: Vec<Column>, grid: Grid) -> Vec<(Labels, Vec<Sample>)> {
    let run = |column: Column| {
        let samples = grid.times().zip(&column.values).filter_map(|(at, value)| value.map(|value| Sample { at, value }));
        (samples.collect::<Vec<_>>(), column.labels)
    };
    columns.into_iter().map(run).filter(|(samples, _)| !samples.is_empty()).map(|(samples, labels)| (labels, samples)).collect()
}

/// The label value under which `count_values` counts a number.
#[must_use]
pub fn count_label(value: f64) -> String {
    plain_text(value)
}
