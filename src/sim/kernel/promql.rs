//! PromQL: instant and range queries over a [`Tsdb`], with the results, errors, warnings and infos of Prometheus 3.
//!
//! Queries are parsed by the `promql-parser` crate; nothing outside these rooms sees its types. Each node of the tree is
//! evaluated at all instants at once, so matching and grouping of labels is done once per query, not once per step. Classic
//! (float) samples only: there are no native histograms here.

mod aggregate;
mod best;
mod binary;
mod calendar;
mod eval;
mod functions;
mod histogram;
mod lexer;
mod locate;
mod notes;
mod number;
mod over_time;
mod parse;
mod rate;
mod relabel;
mod select;
mod value;

use crate::sim::kernel::tsdb::{Labels, Sample, Series, Tsdb};
use eval::{Eval, runs, unwrapped};
use parse::Query;
use promql_parser::parser::Expr;
use promql_parser::parser::value::ValueType;
use value::Value;

pub use notes::Notes;
pub use number::{plain_text, time_text, value_text};
pub use value::{Answer, Grid};

/// How long an instant selector looks back for a sample unless told otherwise: 5 minutes, in ms.
pub const LOOKBACK: i64 = 300_000;

/// Why a query has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// The query itself is wrong.
    #[error("{0}")]
    Invalid(String),
    /// The query cannot be carried out on these samples.
    #[error("{0}")]
    Execution(String),
}

/// Evaluates a query at one instant, in ms. `lookback` in ms, [`LOOKBACK`] by default.
///
/// # Errors
/// As Prometheus: see [`QueryError`].
pub fn instant(db: &Tsdb, text: &str, at: i64, lookback: i64) -> Result<(Answer, Notes), QueryError> {
    let query = Query::parse(text).map_err(QueryError::Invalid)?;
    let grid = Grid::instant(at);
    let mut eval = Eval { db, lookback, query: grid, positions: &query.positions, notes: Notes::default() };
    let sample = |value: f64| Sample { at, value };
    let answer = match unwrapped(&query.expr) {
        expr @ (Expr::MatrixSelector(_) | Expr::Subquery(_)) => {
            let mut found = eval.matrix(expr, at).map_err(QueryError::Execution)?;
            found.sort_by(|a, b| a.0.cmp(&b.0));
            Answer::Matrix(found)
        }
        expr => match eval.eval(expr, grid).map_err(QueryError::Execution)? {
            Value::Text(text) => Answer::Text(at, text),
            Value::Scalar(values) => Answer::Scalar(sample(values.first().copied().unwrap_or(f64::NAN))),
            Value::Vector(columns) => {
                let element = |column: value::Column| {
                    let value = column.values.first().copied().flatten();
                    value.map(|value| (column.labels, sample(value)))
                };
                Answer::Vector(columns.into_iter().filter_map(element).collect())
            }
        },
    };
    Ok((answer, eval.notes))
}

/// Evaluates a query at each instant of a grid. The answer is always a matrix.
///
/// # Errors
/// As Prometheus: see [`QueryError`].
pub fn range(db: &Tsdb, text: &str, grid: Grid, lookback: i64) -> Result<(Answer, Notes), QueryError> {
    let query = Query::parse(text).map_err(QueryError::Invalid)?;
    let kind = match query.expr.value_type() {
        ValueType::Matrix => Some("range vector"),
        ValueType::String => Some("string"),
        ValueType::Vector | ValueType::Scalar => None,
    };
    if let Some(kind) = kind {
        let text = format!("invalid expression type {kind:?} for range query, must be Scalar or instant Vector");
        return Err(QueryError::Invalid(text));
    }
    let mut eval = Eval { db, lookback, query: grid, positions: &query.positions, notes: Notes::default() };
    let mut found = match eval.eval(&query.expr, grid).map_err(QueryError::Execution)? {
        Value::Vector(columns) => runs(columns, grid),
        Value::Scalar(values) => {
            let samples = grid.times().zip(values).map(|(at, value)| Sample { at, value }).collect();
            vec![(Labels::new(), samples)]
        }
        Value::Text(_) => Vec::new(),
    };
    found.sort_by(|a, b| a.0.cmp(&b.0));
    Ok((Answer::Matrix(found), eval.notes))
}

/// The series that a selector such as `up{job="api"}` picks, in the order in which they were first seen.
///
/// # Errors
/// When it is not a selector, or would pick everything.
pub fn select<'d>(db: &'d Tsdb, text: &str) -> Result<Vec<&'d Series>, QueryError> {
    let selector = parse::selector(text).map_err(QueryError::Invalid)?;
    Ok(select::series(db, &selector))
}

/// Whether a regular expression, as Prometheus and Envoy read them, matches the whole of a text; one that is not valid
/// matches nothing.
#[must_use]
pub fn matches_whole(expression: &str, text: &str) -> bool {
    relabel::Pattern::new(expression).is_some_and(|pattern| pattern.matches(text))
}
