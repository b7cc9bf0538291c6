//! Selectors: which series, and which of their samples.

use super::eval::{Eval, Outcome, runs, unwrapped};
use super::value::{Column, Grid};
use crate::sim::kernel::tsdb::{Labels, NAME, Sample, Series, Tsdb, is_stale, window};
use promql_parser::label::{MatchOp, Matcher};
use promql_parser::parser::{AtModifier, Expr, Offset, SubqueryExpr, VectorSelector};
use std::borrow::Cow;
use std::time::Duration;

/// The step of a subquery that names none: Prometheus' evaluation interval, in ms.
const SUBQUERY_STEP: i64 = 60_000;

/// A range vector before its windows are cut.
#[derive(Debug)]
pub struct Ranges<'a> {
    /// All samples of each series, oldest first, staleness markers included.
    pub runs: Vec<(Labels, Cow<'a, [Sample]>)>,
    /// The length of a window, in ms.
    pub range: i64,
    shift: Shift,
}

/// The samples of one series in one window, staleness markers left out.
#[derive(Debug, Clone, Copy)]
pub struct Window<'a> {
    /// At least one sample, oldest first.
    pub samples: &'a [Sample],
    /// The window begins after this, in ms.
    pub start: i64,
    /// The window ends with this, in ms.
    pub end: i64,
    /// The instant of evaluation, in ms.
    pub now: i64,
}

impl Ranges<'_> {
    /// The window's bounds (left open) at an instant.
    #[must_use]
    pub fn bounds(&self, now: i64) -> (i64, i64) {
        let end = self.shift.apply(now);
        (end.saturating_sub(self.range), end)
    }

    /// Applies `f` to each series' window at each instant; empty windows yield nothing.
    pub fn each(&self, grid: Grid, mut f: impl FnMut(usize, Window<'_>) -> Option<f64>) -> Vec<Column> {
        let mut buffer = Vec::new();
        let mut columns = Vec::with_capacity(self.runs.len());
        for (labels, samples) in &self.runs {
            let mut values = Vec::with_capacity(grid.instants());
            for (i, now) in grid.times().enumerate() {
                let (start, end) = self.bounds(now);
                buffer.clear();
                buffer.extend(window(samples, start, end).iter().filter(|sample| !is_stale(sample.value)));
                let value = if buffer.is_empty() { None } else { f(i, Window { samples: &buffer, start, end, now }) };
                values.push(value);
            }
            let column = Column { labels: labels.clone(), values };
            if column.is_live() {
                columns.push(column);
            }
        }
        columns
    }
}

/// How `offset` and `@` move the time that a selector looks at.
#[derive(Debug, Clone, Copy)]
struct Shift {
    at: Option<i64>,
    offset: i64,
}

impl Shift {
    fn of(offset: Option<&Offset>, at: Option<&AtModifier>, query: Grid) -> Outcome<Self> {
        let offset = match offset {
            None => 0,
            Some(Offset::Pos(duration)) => millis(*duration),
            Some(Offset::Neg(duration)) => -millis(*duration),
        };
        let at = match at {
            None => None,
            Some(AtModifier::Start) => Some(query.start),
            Some(AtModifier::End) => Some(query.end),
            Some(AtModifier::At(time)) => {
                let time = jiff::Timestamp::try_from(*time).map_err(|error| format!("timestamp of @ modifier: {error}"))?;
                Some(time.as_millisecond())
            }
        };
        Ok(Self { at, offset })
    }

    fn apply(self, now: i64) -> i64 {
        self.at.unwrap_or(now).saturating_sub(self.offset)
    }
}

/// A duration in milliseconds.
#[must_use]
pub fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// Whether a series' labels satisfy all matchers; an absent label is an empty one.
#[must_use]
pub fn accepts(matchers: &[Matcher], labels: &Labels) -> bool {
    matchers.iter().all(|matcher| matcher.is_match(labels.get(&matcher.name).map_or("", String::as_str)))
}

/// The series of a selector, in the order in which they were first seen.
#[must_use]
pub fn series<'d>(db: &'d Tsdb, selector: &VectorSelector) -> Vec<&'d Series> {
    let matchers = &selector.matchers.matchers;
    let by_matcher = || matchers.iter().find(|matcher| matcher.name == NAME && matcher.op == MatchOp::Equal);
    let name = selector.name.as_deref().or_else(|| by_matcher().map(|matcher| matcher.value.as_str()));
    db.select(name, |labels| accepts(matchers, labels))
}

impl<'a> Eval<'a> {
    /// The newest fresh value of each series at each instant.
    ///
    /// # Errors
    /// When `@` names a time out of bounds.
    pub fn instant_vector(&self, selector: &VectorSelector, grid: Grid) -> Outcome<Vec<Column>> {
        self.newest(selector, grid, |sample| sample.value)
    }

    /// The time, in seconds, of the sample that an instant selector takes.
    ///
    /// # Errors
    /// When `@` names a time out of bounds.
    pub fn sample_times(&self, selector: &VectorSelector, grid: Grid) -> Outcome<Vec<Column>> {
        self.newest(selector, grid, |sample| sample.at as f64 / 1_000.0)
    }

    fn newest(&self, selector: &VectorSelector, grid: Grid, pick: impl Fn(Sample) -> f64) -> Outcome<Vec<Column>> {
        let shift = Shift::of(selector.offset.as_ref(), selector.at.as_ref(), self.query)?;
        let column = |series: &Series| Column {
            labels: series.labels().clone(),
            values: grid.times().map(|now| series.latest(shift.apply(now), self.lookback).map(&pick)).collect(),
        };
        Ok(series(self.db, selector).into_iter().map(column).filter(Column::is_live).collect())
    }

    /// The series of a range selector or subquery.
    ///
    /// # Errors
    /// When it is neither, and what evaluating a subquery may yield.
    pub fn ranges(&mut self, expr: &Expr, grid: Grid) -> Outcome<Ranges<'a>> {
        match unwrapped(expr) {
            Expr::MatrixSelector(matrix) => {
                let shift = Shift::of(matrix.vs.offset.as_ref(), matrix.vs.at.as_ref(), self.query)?;
                let found = series(self.db, &matrix.vs);
                let runs = found.into_iter().map(|series| (series.labels().clone(), Cow::Borrowed(series.samples()))).collect();
                Ok(Ranges { runs, range: millis(matrix.range), shift })
            }
            Expr::Subquery(subquery) => {
                let shift = Shift::of(subquery.offset.as_ref(), subquery.at.as_ref(), self.query)?;
                let runs = self.subquery(subquery, shift, grid)?;
                Ok(Ranges { runs, range: millis(subquery.range), shift })
            }
            _ => Err("expected type range vector".to_owned()),
        }
    }

    /// The inner expression at the multiples of the subquery's step that any window of `grid` covers.
    fn subquery(&mut self, subquery: &SubqueryExpr, shift: Shift, grid: Grid) -> Outcome<Vec<(Labels, Cow<'a, [Sample]>)>> {
        let step = subquery.step.map_or(SUBQUERY_STEP, millis).max(1);
        let last = grid.times().last().unwrap_or(grid.start);
        let (first, end) = (shift.apply(grid.start).saturating_sub(millis(subquery.range)), shift.apply(last));
        let aligned = step * (first / step);
        let start = if aligned <= first { aligned + step } else { aligned };
        let inner = Grid { start, end, step };
        let columns = self.vector(&subquery.expr, inner)?;
        Ok(runs(columns, inner).into_iter().map(|(labels, samples)| (labels, Cow::Owned(samples))).collect())
    }

    /// The samples themselves of a range selector at the top of an instant query, with the times at which they were taken.
    ///
    /// # Errors
    /// As [`Eval::ranges`].
    pub fn matrix(&mut self, expr: &Expr, at: i64) -> Outcome<Vec<(Labels, Vec<Sample>)>> {
        let ranges = self.ranges(expr, Grid::instant(at))?;
        let (start, end) = ranges.bounds(at);
        let cut = |samples: &[Sample]| window(samples, start, end).iter().copied().filter(|s| !is_stale(s.value)).collect::<Vec<_>>();
        let found = ranges.runs.iter().map(|(labels, samples)| (labels.clone(), cut(samples)));
        Ok(found.filter(|(_, samples)| !samples.is_empty()).collect())
    }
}
