//! The plan on one line: `✓ prepare  ✓ 10 %  ▶ 25 %  · 50 %  · approve  · promote`.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::domain::rollout::Rollout;
use crate::domain::step::Step;
use crate::domain::view::View;
use crate::engine::compile;
use crate::theme::Role;

use super::Cx;
use super::row::Row;

/// Where a step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    Done,
    Now,
    /// Where it ended without getting to its end.
    Ended,
    Later,
}

/// Draws the plan, the present step always in sight.
pub(super) fn draw(cx: &Cx<'_>, view: &View, area: Rect, buf: &mut Buffer) {
    let entries = entries(view);
    let now = entries.iter().position(|(_, turn)| matches!(turn, Turn::Now | Turn::Ended)).unwrap_or(0);
    let room = usize::from(area.width);
    // Steps that are done give way first.
    let from = (0..=now).find(|from| line(cx, &entries, *from).width() <= room).unwrap_or(now.saturating_sub(1));
    line(cx, &entries, from).draw(buf, area);
}

fn line(cx: &Cx<'_>, entries: &[(String, Turn)], from: usize) -> Row {
    let mut row = Row::default().gap(1);
    if from > 0 {
        row = row.and(format!("✓ {from} done  "), cx.style(Role::Dim));
    }
    for (text, turn) in entries.iter().skip(from) {
        let (mark, role) = match turn {
            Turn::Done => ("✓", Role::Dim),
            Turn::Now => ("▶", Role::Strong),
            Turn::Ended => ("✖", Role::StatusFail),
            Turn::Later => ("·", Role::Dim),
        };
        row = row.and(format!("{mark} {text}"), cx.style(role)).gap(2);
    }
    row
}

/// Steps as people count them: a weight and its hold are one.
fn entries(view: &View) -> Vec<(String, Turn)> {
    let running = view.rollout.as_ref();
    let plan = running.map_or_else(|| compile(&view.release), |r| r.plan.clone());
    let mut entries: Vec<(String, Turn)> = Vec::new();
    for (i, step) in plan.iter().enumerate() {
        let turn = running.map_or(Turn::Later, |r| turn(r, i));
        match (step, entries.last_mut()) {
            (Step::Hold(_), Some((_, last))) => {
                *last = match (*last, turn) {
                    (Turn::Done, Turn::Done) => Turn::Done,
                    (Turn::Later, Turn::Later) => Turn::Later,
                    (Turn::Ended, _) | (_, Turn::Ended) => Turn::Ended,
                    _ => Turn::Now,
                };
            }
            _ => entries.push((step.to_string(), turn)),
        }
    }
    entries
}

fn turn(r: &Rollout, step: usize) -> Turn {
    match step.cmp(&r.cursor) {
        std::cmp::Ordering::Less => Turn::Done,
        std::cmp::Ordering::Equal if r.is_back() => Turn::Ended,
        std::cmp::Ordering::Equal if !r.is_over() => Turn::Now,
        _ => Turn::Later,
    }
}
