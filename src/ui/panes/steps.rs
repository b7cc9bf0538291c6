//! The plan, step by step.

use crate::app::words::{self, Status, coarse};
use crate::domain::rollout::{Phase, Rollout};
use crate::domain::view::View;
use crate::engine::compile;
use crate::theme::Role;
use crate::ui::Cx;
use crate::ui::row::Row;

pub(super) fn summary(cx: &Cx<'_>, view: &View) -> Row {
    let Some(r) = &view.rollout else { return cx.row(Role::Dim, "the plan of the next rollout") };
    let at = (r.cursor + 1).min(r.plan.len());
    cx.row(Role::Dim, format!("{at} of {}, started by {} {} ago", r.plan.len(), r.started_by, coarse(view.now.since(r.started))))
}

pub(super) fn rows(cx: &Cx<'_>, view: &View) -> Vec<Row> {
    let mut rows = Vec::new();
    let Some(r) = &view.rollout else {
        rows.extend(compile(&view.release).iter().map(|step| cx.row(Role::Dim, format!("  · {step}"))));
        return rows;
    };
    match &r.phase {
        Phase::Paused { why, by } => rows.push(cx.row(Role::Text, "  ").join(cx.status(Status::Paused, &format!("paused by {by}: {why}")))),
        Phase::RollingBack { cause, by, .. } => {
            rows.push(cx.row(Role::Text, "  ").join(cx.status(Status::Fail, &format!("rolling back, by {by}: {cause}"))));
        }
        Phase::RolledBack => {
            let why = words::rollback_cause(view).unwrap_or("no reason is kept");
            rows.push(cx.row(Role::Text, "  ").join(cx.status(Status::Warn, &format!("rolled back: {why}"))));
        }
        Phase::Progressing | Phase::Completed => {}
    }
    for (i, step) in r.plan.iter().enumerate() {
        let row = match i.cmp(&r.cursor) {
            std::cmp::Ordering::Less => cx.row(Role::Dim, format!("  ✓ {step}")),
            std::cmp::Ordering::Equal if r.is_back() => cx.row(Role::StatusFail, format!("  ✖ {step}  ended here")),
            std::cmp::Ordering::Equal if !r.is_over() => present(cx, view, r, &step.to_string()),
            _ => cx.row(Role::Text, format!("  · {step}")),
        };
        rows.push(row);
    }
    rows.extend(r.overrides.iter().map(|text| cx.row(Role::StatusWarn, format!("  ⚠ override: {text}"))));
    rows
}

/// The row of the step under way.
pub(super) fn present_row(view: &View) -> usize {
    view.rollout.as_ref().map_or(0, |r| r.cursor + usize::from(!matches!(r.phase, Phase::Progressing)))
}

/// The step under way, with what was covered and what is in the way.
fn present(cx: &Cx<'_>, view: &View, r: &Rollout, step: &str) -> Row {
    let row = cx.row(Role::Strong, format!("  ▶ {step}"));
    let row = match r.step().and_then(|s| s.length()) {
        Some(length) => row.and(format!("  {} of {} covered", r.covered.min(length).clock(), length.clock()), cx.style(Role::Text)),
        None => row.and(format!("  for {}", coarse(view.now.since(r.entered))), cx.style(Role::Text)),
    };
    match &r.waiting {
        Some(why) => row.and(format!("  {why}"), cx.style(Role::StatusPaused)),
        None => row,
    }
}
