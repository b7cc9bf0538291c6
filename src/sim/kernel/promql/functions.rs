//! Function calls.

use super::eval::{Eval, Outcome, map_values, unwrapped};
use super::number::{larger, smaller};
use super::over_time;
use super::value::{Column, Grid, Value, join_same};
use super::{calendar, relabel};
use crate::sim::kernel::tsdb::{Labels, NAME};
use promql_parser::label::{MatchOp, Matcher};
use promql_parser::parser::{Call, Expr};
use std::cmp::Ordering;

/// Metric names that end so are taken for counters.
const COUNTER_ENDS: [&str; 4] = ["_total", "_sum", "_count", "_bucket"];

impl Eval<'_> {
    /// Evaluates a function call.
    ///
    /// # Errors
    /// Prometheus' execution error, or that the function is not known here.
    pub fn call(&mut self, expr: &Expr, call: &Call, grid: Grid) -> Outcome<Value> {
        let args: Vec<&Expr> = call.args.args.iter().map(|arg| unwrapped(arg)).collect();
        let name = call.func.name;
        if let Some(function) = over_time::function(name) {
            return self.window_call(name, function, &args, grid).map(Value::Vector);
        }
        if let Some(change) = arithmetic(name) {
            let columns = self.vector(arg(&args, 0)?, grid)?;
            return map_values(columns, |_, value| change(value)).map(Value::Vector);
        }
        if let Some(part) = calendar::function(name) {
            return self.date_call(part, &args, grid).map(Value::Vector);
        }
        let columns = match name {
            "time" => return Ok(Value::Scalar(grid.times().map(|at| at as f64 / 1_000.0).collect())),
            "pi" => return Ok(Value::Scalar(vec![std::f64::consts::PI; grid.instants()])),
            "scalar" => return self.only_value(arg(&args, 0)?, grid).map(Value::Scalar),
            "vector" => {
                let values = self.scalar(arg(&args, 0)?, grid)?.into_iter().map(Some).collect();
                vec![Column { labels: Labels::new(), values }]
            }
            "timestamp" => self.timestamp(arg(&args, 0)?, grid)?,
            "absent" => {
                let found = self.vector(arg(&args, 0)?, grid)?;
                absence(arg(&args, 0)?, &found, grid)
            }
            "absent_over_time" => {
                let found = self.ranges(arg(&args, 0)?, grid)?.each(grid, |_, _| Some(1.0));
                absence(arg(&args, 0)?, &found, grid)
            }
            "clamp" | "clamp_min" | "clamp_max" => self.clamp(name, &args, grid)?,
            "round" => self.round(&args, grid)?,
            "sort" | "sort_desc" => self.sort(expr, name == "sort_desc", &args, grid)?,
            "label_replace" => {
                let texts = self.texts(args.get(1..).unwrap_or_default())?;
                relabel::replace(self.vector(arg(&args, 0)?, grid)?, &texts)?
            }
            "label_join" => {
                let texts = self.texts(args.get(1..).unwrap_or_default())?;
                relabel::join(self.vector(arg(&args, 0)?, grid)?, &texts)?
            }
            "histogram_quantile" => self.histogram_quantile(&args, grid)?,
            "histogram_fraction" => self.histogram_fraction(&args, grid)?,
            // These read native histograms, of which there are none; float samples are ignored.
            "histogram_count" | "histogram_sum" | "histogram_avg" | "histogram_stddev" | "histogram_stdvar" => {
                self.vector(arg(&args, 0)?, grid)?;
                Vec::new()
            }
            other => return Err(format!("function {other:?} is not supported by the embedded Prometheus")),
        };
        Ok(Value::Vector(columns))
    }

    /// A function over a range vector, with at most one number beside it.
    fn window_call(&mut self, name: &str, function: over_time::WindowFn, args: &[&Expr], grid: Grid) -> Outcome<Vec<Column>> {
        let is_range = |arg: &&&Expr| matches!(arg, Expr::MatrixSelector(_) | Expr::Subquery(_));
        let range = *args.iter().find(is_range).ok_or_else(|| format!("expected type range vector in call to function {name:?}"))?;
        let parameter = match args.iter().find(|arg| !is_range(arg)) {
            Some(arg) => self.scalar(arg, grid)?,
            None => vec![0.0; grid.instants()],
        };
        let ranges = self.ranges(range, grid)?;
        let found = ranges.each(grid, |i, window| function(window, parameter.get(i).copied().unwrap_or(f64::NAN)));
        if matches!(name, "rate" | "increase") {
            self.doubt_counters(&found, range);
        }
        if name == "quantile_over_time" && !found.is_empty() {
            self.doubt_quantiles(&parameter, arg(args, 0)?);
        }
        if matches!(name, "last_over_time" | "first_over_time") {
            return join_same(found);
        }
        let mut named: Vec<Column> = found;
        named.iter_mut().for_each(|column| {
            column.labels.remove(NAME);
        });
        let mut seen: Vec<&Labels> = named.iter().map(|column| &column.labels).collect();
        seen.sort();
        if seen.windows(2).any(|pair| matches!(pair, [a, b] if a == b)) {
            return Err(super::value::SAME_LABELS.to_owned());
        }
        Ok(named)
    }

    fn doubt_counters(&mut self, found: &[Column], range: &Expr) {
        let position = self.at(range);
        for name in found.iter().filter_map(|column| column.labels.get(NAME)) {
            if !COUNTER_ENDS.iter().any(|end| name.ends_with(end)) {
                let doubt = "metric might not be a counter, name does not end in _total/_sum/_count/_bucket:";
                self.notes.inform(&format!("{doubt} {name:?}"), &position);
            }
        }
    }

    /// Warns of quantiles that are not between 0 and 1.
    pub fn doubt_quantiles(&mut self, quantiles: &[f64], arg: &Expr) {
        let position = self.at(arg);
        for q in quantiles.iter().filter(|q| q.is_nan() || **q < 0.0 || **q > 1.0) {
            let text = format!("quantile value should be between 0 and 1, got {}", super::number::short_text(*q));
            self.notes.warn(&text, &position);
        }
    }

    fn date_call(&mut self, part: calendar::Part, args: &[&Expr], grid: Grid) -> Outcome<Vec<Column>> {
        let Some(arg) = args.first() else {
            let values = grid.times().map(|at| Some(part((at / 1_000) as f64))).collect();
            return Ok(vec![Column { labels: Labels::new(), values }]);
        };
        map_values(self.vector(arg, grid)?, |_, value| part(value))
    }

    /// The value of a vector's only element; NaN when there is none or more than one.
    fn only_value(&mut self, arg: &Expr, grid: Grid) -> Outcome<Vec<f64>> {
        let columns = self.vector(arg, grid)?;
        let only = |i: usize| {
            let mut values = columns.iter().filter_map(|column| column.values.get(i).copied().flatten());
            match (values.next(), values.next()) {
                (Some(value), None) => value,
                _ => f64::NAN,
            }
        };
        Ok((0..grid.instants()).map(only).collect())
    }

    fn timestamp(&mut self, arg: &Expr, grid: Grid) -> Outcome<Vec<Column>> {
        if let Expr::VectorSelector(selector) = arg {
            return map_values(self.sample_times(selector, grid)?, |_, value| value);
        }
        let times: Vec<f64> = grid.times().map(|at| at as f64 / 1_000.0).collect();
        map_values(self.vector(arg, grid)?, |i, _| times.get(i).copied().unwrap_or(f64::NAN))
    }

    fn clamp(&mut self, name: &str, args: &[&Expr], grid: Grid) -> Outcome<Vec<Column>> {
        let columns = self.vector(arg(args, 0)?, grid)?;
        let bound = self.scalar(arg(args, 1)?, grid)?;
        let (lows, highs) = match name {
            "clamp_min" => (bound, vec![f64::INFINITY; grid.instants()]),
            "clamp_max" => (vec![f64::NEG_INFINITY; grid.instants()], bound),
            _ => (bound, self.scalar(arg(args, 2)?, grid)?),
        };
        let at = |bounds: &[f64], i: usize| bounds.get(i).copied().unwrap_or(f64::NAN);
        let mut clamped = map_values(columns, |i, value| larger(at(&lows, i), smaller(at(&highs, i), value)))?;
        for column in &mut clamped {
            for (i, value) in column.values.iter_mut().enumerate() {
                if at(&highs, i) < at(&lows, i) {
                    *value = None;
                }
            }
        }
        clamped.retain(Column::is_live);
        Ok(clamped)
    }

    /// To the nearest multiple, halves upward.
    fn round(&mut self, args: &[&Expr], grid: Grid) -> Outcome<Vec<Column>> {
        let columns = self.vector(arg(args, 0)?, grid)?;
        let nearest = match args.get(1) {
            Some(arg) => self.scalar(arg, grid)?,
            None => vec![1.0; grid.instants()],
        };
        map_values(columns, |i, value| {
            let inverse = 1.0 / nearest.get(i).copied().unwrap_or(1.0);
            (value * inverse + 0.5).floor() / inverse
        })
    }

    fn sort(&mut self, expr: &Expr, descending: bool, args: &[&Expr], grid: Grid) -> Outcome<Vec<Column>> {
        let mut columns = self.vector(arg(args, 0)?, grid)?;
        if !grid.is_instant() {
            let position = self.at(expr);
            self.notes.warn("sort is ineffective for range queries since results are always ordered by labels", &position);
            return Ok(columns);
        }
        let value = |column: &Column| column.values.first().copied().flatten().unwrap_or(f64::NAN);
        columns.sort_by(|a, b| nan_last(value(a), value(b), descending));
        Ok(columns)
    }

    fn texts(&mut self, args: &[&Expr]) -> Outcome<Vec<String>> {
        args.iter().map(|arg| self.text(arg)).collect()
    }
}

/// The argument at `index`; the parser has checked their number.
///
/// # Errors
/// When there are fewer.
pub fn arg<'e>(args: &[&'e Expr], index: usize) -> Outcome<&'e Expr> {
    args.get(index).copied().ok_or_else(|| format!("expected at least {} arguments", index + 1))
}

/// Orders values, NaN at the end either way.
#[must_use]
pub fn nan_last(a: f64, b: f64, descending: bool) -> Ordering {
    let order = a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()));
    if descending && !a.is_nan() && !b.is_nan() { order.reverse() } else { order }
}

/// 1 where no column has a value, with the labels that the expression says an element would have.
fn absence(arg: &Expr, found: &[Column], grid: Grid) -> Vec<Column> {
    let matchers: &[Matcher] = match arg {
        Expr::VectorSelector(selector) => &selector.matchers.matchers,
        Expr::MatrixSelector(matrix) => &matrix.vs.matchers.matchers,
        _ => &[],
    };
    let mut labels = Labels::new();
    for matcher in matchers.iter().filter(|matcher| matcher.name != NAME) {
        let twice = matchers.iter().filter(|other| other.name == matcher.name).count() > 1;
        if matcher.op == MatchOp::Equal && !twice {
            super::value::set_label(&mut labels, &matcher.name, &matcher.value);
        }
    }
    let missing = |i: usize| !found.iter().any(|column| column.values.get(i).copied().flatten().is_some());
    let column = Column { labels, values: (0..grid.instants()).map(|i| missing(i).then_some(1.0)).collect() };
    if column.is_live() { vec![column] } else { Vec::new() }
}

/// Functions of one value.
fn arithmetic(name: &str) -> Option<fn(f64) -> f64> {
    Some(match name {
        "abs" => f64::abs,
        "ceil" => f64::ceil,
        "floor" => f64::floor,
        "exp" => f64::exp,
        "sqrt" => f64::sqrt,
        "ln" => f64::ln,
        "log2" => f64::log2,
        "log10" => f64::log10,
        "sin" => f64::sin,
        "cos" => f64::cos,
        "tan" => f64::tan,
        "asin" => f64::asin,
        "acos" => f64::acos,
        "atan" => f64::atan,
        "sinh" => f64::sinh,
        "cosh" => f64::cosh,
        "tanh" => f64::tanh,
        "asinh" => f64::asinh,
        "acosh" => f64::acosh,
        "atanh" => f64::atanh,
        "rad" => |value| value * std::f64::consts::PI / 180.0,
        "deg" => |value| value * 180.0 / std::f64::consts::PI,
        "sgn" => |value| {
            if value < 0.0 {
                -1.0
            } else if value > 0.0 {
                1.0
            } else {
                value
            }
        },
        _ => return None,
    })
}
