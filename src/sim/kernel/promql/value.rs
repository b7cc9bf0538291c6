//! What expressions evaluate to.

use crate::sim::kernel::tsdb::{Labels, NAME, Sample};
use std::collections::BTreeMap;

/// The instants at which an expression is evaluated, in milliseconds: one for an instant query, a ladder for a range query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    /// The first instant.
    pub start: i64,
    /// No instant is later than this.
    pub end: i64,
    /// The distance between two instants, at least 1.
    pub step: i64,
}

impl Grid {
    /// A single instant.
    #[must_use]
    pub fn instant(at: i64) -> Self {
        Self { start: at, end: at, step: 1 }
    }

    /// How many instants there are.
    #[must_use]
    pub fn instants(&self) -> usize {
        if self.end < self.start { 0 } else { usize::try_from((self.end - self.start) / self.step.max(1)).unwrap_or(0) + 1 }
    }

    /// All instants in order.
    pub fn times(&self) -> impl Iterator<Item = i64> + use<> {
        let (start, step) = (self.start, self.step.max(1));
        (0..self.instants()).map(move |i| start + step * i64::try_from(i).unwrap_or(0))
    }

    /// Whether the result's order is the operator's own (sort, topk) rather than that of the labels.
    #[must_use]
    pub fn is_instant(&self) -> bool {
        self.start == self.end
    }
}

/// One element of an instant vector over a whole [`Grid`]: a value, or none, for each instant.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// The element's labels.
    pub labels: Labels,
    /// One entry per instant of the grid.
    pub values: Vec<Option<f64>>,
}

impl Column {
    /// Whether there is a value at any instant.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.values.iter().any(Option::is_some)
    }
}

/// What an expression evaluates to, over a whole grid.
#[derive(Debug, Clone)]
pub enum Value {
    /// One number per instant.
    Scalar(Vec<f64>),
    /// A set of labelled values per instant.
    Vector(Vec<Column>),
    /// A string literal.
    Text(String),
}

/// The answer to a query, as Prometheus' `resultType` names them.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// A number and when it was evaluated.
    Scalar(Sample),
    /// A string literal and when it was evaluated.
    Text(i64, String),
    /// Labelled values at the evaluation time.
    Vector(Vec<(Labels, Sample)>),
    /// Labelled runs of values.
    Matrix(Vec<(Labels, Vec<Sample>)>),
}

/// The labels without the metric name.
#[must_use]
pub fn nameless(labels: &Labels) -> Labels {
    labels.iter().filter(|(name, _)| *name != NAME).map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Sets a label, or removes it when the value is empty.
pub fn set_label(labels: &mut Labels, name: &str, value: &str) {
    if value.is_empty() {
        labels.remove(name);
    } else {
        labels.insert(name.to_owned(), value.to_owned());
    }
}

/// The text of a label set in messages: `{__name__="up", pod="a"}`.
#[must_use]
pub fn labels_text(labels: &Labels) -> String {
    let pairs: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={}", quoted(value))).collect();
    format!("{{{}}}", pairs.join(", "))
}

/// A Go-quoted string.
#[must_use]
pub fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Joins columns of the same labels, which may not both have a value at one instant.
///
/// # Errors
/// When they do: a vector cannot hold the same labels twice.
pub fn join_same(columns: Vec<Column>) -> Result<Vec<Column>, String> {
    let mut joined: Vec<Column> = Vec::with_capacity(columns.len());
    let mut index: BTreeMap<Labels, usize> = BTreeMap::new();
    for column in columns {
        let Some(present) = index.get(&column.labels).and_then(|i| joined.get_mut(*i)) else {
            index.insert(column.labels.clone(), joined.len());
            joined.push(column);
            continue;
        };
        for (slot, value) in present.values.iter_mut().zip(column.values) {
            match (&slot, value) {
                (Some(_), Some(_)) => return Err(SAME_LABELS.to_owned()),
                (None, Some(_)) => *slot = value,
                _ => {}
            }
        }
    }
    Ok(joined)
}

/// What a query that would yield one label set twice is refused with.
pub const SAME_LABELS: &str = "vector cannot contain metrics with the same labelset";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grid_ends_at_its_last_whole_step() {
        let grid = Grid { start: 1_000, end: 3_999, step: 1_000 };
        assert_eq!(grid.times().collect::<Vec<_>>(), vec![1_000, 2_000, 3_000]);
        assert_eq!(Grid::instant(5).times().collect::<Vec<_>>(), vec![5]);
        assert_eq!(Grid { start: 2, end: 1, step: 1 }.instants(), 0);
    }

    #[test]
    fn columns_of_the_same_labels_join_unless_they_overlap() {
        let labels: Labels = [("a".to_owned(), "1".to_owned())].into();
        let column = |values: &[Option<f64>]| Column { labels: labels.clone(), values: values.to_vec() };
        let joined = join_same(vec![column(&[Some(1.0), None]), column(&[None, Some(2.0)])]).unwrap();
        assert_eq!(joined, vec![column(&[Some(1.0), Some(2.0)])]);
        assert!(join_same(vec![column(&[Some(1.0)]), column(&[Some(1.0)])]).is_err());
    }

    #[test]
    fn labels_in_messages_are_quoted() {
        let labels: Labels = [("a".to_owned(), "x\"y".to_owned()), (NAME.to_owned(), "up".to_owned())].into();
        assert_eq!(labels_text(&labels), r#"{__name__="up", a="x\"y"}"#);
    }
}
