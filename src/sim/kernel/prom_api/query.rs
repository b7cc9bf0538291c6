//! `/query`, `/query_range`, `/series`, `/labels` and `/label/NAME/values`.

use std::collections::BTreeSet;

use super::super::promql::{self, Answer, Grid, LOOKBACK, Notes, QueryError};
use super::super::tsdb::{Series, Tsdb};
use super::super::wire::Response;
use super::encode::{Refusal, answer, json, list, metric, success};
use super::form::{Form, MAX_TIME, MIN_TIME, duration};

/// The most steps that a range query may have.
const MOST_STEPS: i64 = 11_000;

/// An instant query; `now` (ms) is its time unless it names one.
///
/// # Errors
/// As Prometheus.
pub fn instant(db: &Tsdb, form: &Form, now: i64) -> Result<Response, Refusal> {
    let limit = form.limit()?;
    let at = form.time_or("time", now)?;
    let lookback = options(form)?;
    let (mut result, mut notes) = promql::instant(db, form.text("query"), at, lookback).map_err(|error| Refusal::query(&error))?;
    truncate(&mut result, limit, &mut notes);
    Ok(success(&answer(&result), &notes))
}

/// A range query.
///
/// # Errors
/// As Prometheus.
pub fn range(db: &Tsdb, form: &Form) -> Result<Response, Refusal> {
    let limit = form.limit()?;
    let (start, end) = (form.time("start")?, form.time("end")?);
    if end < start {
        return Err(Refusal::parameter("end", "end timestamp must not be before start time"));
    }
    let step = duration(form.text("step")).map_err(|error| Refusal::parameter("step", &error))?;
    if step <= 0 {
        let reason = "zero or negative query resolution step widths are not accepted. Try a positive integer";
        return Err(Refusal::parameter("step", reason));
    }
    if end.saturating_sub(start) / step > MOST_STEPS {
        let reason = "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)";
        return Err(Refusal::bad_data(reason));
    }
    let lookback = options(form)?;
    let grid = Grid { start, end, step };
    let (mut result, mut notes) = promql::range(db, form.text("query"), grid, lookback).map_err(|error| Refusal::query(&error))?;
    truncate(&mut result, limit, &mut notes);
    Ok(success(&answer(&result), &notes))
}

/// Checks `timeout` and yields the lookback, in ms.
fn options(form: &Form) -> Result<i64, Refusal> {
    if !form.text("timeout").is_empty() {
        duration(form.text("timeout")).map_err(|error| Refusal::parameter("timeout", &error))?;
    }
    match form.text("lookback_delta") {
        "" => Ok(LOOKBACK),
        text => {
            let parsed = duration(text).map_err(|error| Refusal::bad_data(&format!("error parsing lookback delta duration: {error}")))?;
            Ok(if parsed > 0 { parsed } else { LOOKBACK })
        }
    }
}

fn truncate(result: &mut Answer, limit: Option<usize>, notes: &mut Notes) {
    let Some(limit) = limit else { return };
    let cut = match result {
        Answer::Vector(elements) if elements.len() > limit => {
            elements.truncate(limit);
            true
        }
        Answer::Matrix(runs) if runs.len() > limit => {
            runs.truncate(limit);
            true
        }
        _ => false,
    };
    if cut {
        notes.warn_plain(TRUNCATED);
    }
}

const TRUNCATED: &str = "results truncated due to limit";

/// The label sets of the series that any `match[]` selects and that have samples in the time range.
///
/// # Errors
/// As Prometheus.
pub fn series(db: &Tsdb, form: &Form) -> Result<Response, Refusal> {
    if form.texts("match[]").next().is_none() {
        return Err(Refusal::bad_data("no match[] parameter provided"));
    }
    let limit = form.limit()?;
    let (start, end) = (form.time_or("start", MIN_TIME)?, form.time_or("end", MAX_TIME)?);
    let found = matching(db, form).map_err(|error| Refusal::parameter("match[]", &error))?;
    let inside = |series: &&Series| !series.window(start.saturating_sub(1), end).is_empty();
    let mut sets: Vec<_> = found.into_iter().filter(inside).map(Series::labels).collect();
    if form.texts("match[]").count() > 1 {
        sets.sort();
        sets.dedup();
    }
    Ok(limited(sets.into_iter().map(metric).collect(), limit))
}

/// The names of the labels of the series that `match[]` selects, or of all.
///
/// # Errors
/// As Prometheus.
pub fn labels(db: &Tsdb, form: &Form) -> Result<Response, Refusal> {
    let limit = form.limit()?;
    let found = in_range(db, form)?;
    let names: BTreeSet<&String> = found.iter().flat_map(|series| series.labels().keys()).collect();
    Ok(limited(names.into_iter().map(|name| json(name)).collect(), limit))
}

/// The values of a label over the series that `match[]` selects, or all.
///
/// # Errors
/// As Prometheus.
pub fn label_values(db: &Tsdb, name: &str, form: &Form) -> Result<Response, Refusal> {
    if name.is_empty() {
        return Err(Refusal::bad_data(&format!("invalid label name: {name:?}")));
    }
    let limit = form.limit()?;
    let found = in_range(db, form)?;
    let values: BTreeSet<&String> = found.iter().filter_map(|series| series.labels().get(name)).collect();
    Ok(limited(values.into_iter().map(|value| json(value)).collect(), limit))
}

/// The series of `match[]` (all without one), or none when nothing at all was stored in the time range.
fn in_range<'d>(db: &'d Tsdb, form: &Form) -> Result<Vec<&'d Series>, Refusal> {
    let (start, end) = (form.time_or("start", MIN_TIME)?, form.time_or("end", MAX_TIME)?);
    let found = matching(db, form).map_err(|error| Refusal::bad_data(&error))?;
    let inside = |series: &Series| !series.window(start.saturating_sub(1), end).is_empty();
    Ok(if found.iter().any(|series| inside(series)) { found } else { Vec::new() })
}

fn matching<'d>(db: &'d Tsdb, form: &Form) -> Result<Vec<&'d Series>, String> {
    let mut found = Vec::new();
    let mut any = false;
    for selector in form.texts("match[]") {
        any = true;
        found.extend(promql::select(db, selector).map_err(|error| match error {
            QueryError::Invalid(text) if text.contains("at least one non-empty matcher") => {
                "match[] must contain at least one non-empty matcher".to_owned()
            }
            other => other.to_string(),
        })?);
    }
    Ok(if any { found } else { db.select(None, |_| true) })
}

fn limited(mut values: Vec<String>, limit: Option<usize>) -> Response {
    let mut notes = Notes::default();
    if limit.is_some_and(|limit| values.len() > limit) {
        values.truncate(limit.unwrap_or_default());
        notes.warn_plain(TRUNCATED);
    }
    success(&list(values.into_iter()), &notes)
}
