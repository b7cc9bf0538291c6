//! Forms: what is filled in before a command can be shown.

use crate::app::dialog::{Asked, Form, form};
use crate::app::words::{coarse, sides};
use crate::domain::image::short_digest;
use crate::domain::release::Track;
use crate::theme::Role;

use super::row::{Row, middle};
use super::{Cx, dialog, picker};

/// The form, and below it what it would do as filled in now; with the line that is typed into.
pub(super) fn rows(cx: &Cx<'_>, asked: &Asked, form: &Form, inner: usize) -> (Vec<Row>, usize) {
    let (mut rows, at) = match form {
        Form::Start(start) => {
            // So many lines has a component; the cause has the last one.
            let lines = if is_alone(cx, asked) { 3 } else { 4 };
            let at = start.at * lines;
            (starting(cx, asked, start, inner), if start.at < start.rows.len() { at + lines - 1 } else { at })
        }
        Form::Weight { percent } => (weight(cx, asked, percent), 1),
        Form::Undo(undo) => (revisions(cx, undo, inner), undo.at),
        Form::Scale(scale) => (pods(cx, asked, scale), scale.rows.len()),
    };
    // A refusal stands below, beside the keys.
    if asked.preview.as_ref().is_some_and(|p| p.refusal.is_none()) {
        rows.push(Row::default());
        rows.extend(dialog::changes(cx, asked, inner));
    }
    (rows, at)
}

/// Whether one object turns: then there is no other side to show.
fn is_alone(cx: &Cx<'_>, asked: &Asked) -> bool {
    cx.model.view_of(&asked.release).is_some_and(|v| v.release.strategy.is_in_place())
}

fn starting(cx: &Cx<'_>, asked: &Asked, start: &form::Start, inner: usize) -> Vec<Row> {
    let names = cx.model.view_of(&asked.release).map_or(("stable", "candidate"), sides);
    let alone = is_alone(cx, asked);
    let mut rows = Vec::new();
    for (i, row) in start.rows.iter().enumerate() {
        rows.push(cx.row(Role::Strong, &row.component));
        let both = [(Track::Stable, names.0, Role::TrackStable), (Track::Candidate, names.1, Role::TrackCandidate)];
        for (track, name, role) in both.into_iter().take(if alone { 1 } else { 2 }) {
            let label = cx.row(role, format!("  {name:<9}"));
            rows.push(match row.sides.get(&track) {
                Some(side) => label.join(running(cx, side, inner.saturating_sub(12))),
                None if track == Track::Candidate => label.and("– does not exist: it is cloned from the other side", cx.style(Role::Dim)),
                None => label.and("–", cx.style(Role::Dim)),
            });
        }
        rows.push(text(cx, "  wanted   ", &row.wanted, start.at == i, inner));
    }
    rows.push(text(cx, "why        ", &start.cause, start.at == start.rows.len(), inner));
    rows
}

/// Image, digest, age, change-cause.
fn running(cx: &Cx<'_>, side: &form::Side, room: usize) -> Row {
    let digest = side.digest.as_ref().map_or(String::new(), |d| format!("  {}", short_digest(d, 12)));
    let age = side.since.map_or(String::new(), |at| format!("  {} old", coarse(cx.model.now.since(at))));
    let cause = side.cause.as_ref().map_or(String::new(), |c| format!("  “{c}”"));
    let rest = cx.row(Role::Dim, format!("{digest}{age}{cause}"));
    cx.row(Role::Text, middle(&side.image, room.saturating_sub(rest.width().min(room / 2)))).join(rest)
}

fn text(cx: &Cx<'_>, label: &str, field: &crate::app::field::Field, focused: bool, inner: usize) -> Row {
    let room = inner.saturating_sub(label.len() + 2);
    if focused {
        return picker::field(cx, label, field, room);
    }
    cx.row(Role::Dim, label).and(middle(field.text(), room), cx.style(Role::Text))
}

fn weight(cx: &Cx<'_>, asked: &Asked, percent: &crate::app::field::Field) -> Vec<Row> {
    let now = cx.model.view_of(&asked.release).and_then(|v| v.rollout.as_ref()).map_or("–".to_owned(), |r| r.asked.to_string());
    vec![cx.row(Role::Dim, format!("asked now: {now}")), picker::field(cx, "new weight, percent: ", percent, 6)]
}

fn pods(cx: &Cx<'_>, asked: &Asked, scale: &form::Scale) -> Vec<Row> {
    let names = cx.model.view_of(&asked.release).map_or(("stable", "candidate"), sides);
    let side = |(i, r): (usize, &form::ScaleRow)| {
        let (name, role) = if r.track == Track::Stable { (names.0, Role::TrackStable) } else { (names.1, Role::TrackCandidate) };
        let row = cx
            .row(Role::Text, if i == scale.at { "› " } else { "  " })
            .and(&r.component, cx.style(Role::Strong))
            .and(format!(" {name}"), cx.style(role))
            .and(format!("  {}  {}/{} ready", r.deployment, r.pods.0, r.pods.1), cx.style(Role::Text));
        let row = r.scaler.iter().fold(row, |row, hpa| row.and(format!("  by HPA {hpa}"), cx.style(Role::Dim)));
        if i == scale.at { row.over(cx.style(Role::RowSelected)) } else { row }
    };
    let mut rows: Vec<Row> = scale.rows.iter().enumerate().map(side).collect();
    rows.push(picker::field(cx, "new pods: ", &scale.replicas, 8));
    rows
}

fn revisions(cx: &Cx<'_>, undo: &form::Undo, inner: usize) -> Vec<Row> {
    undo.rows
        .iter()
        .enumerate()
        .map(|(i, r)| {
            let label = cx
                .row(Role::Text, if i == undo.at { "› " } else { "  " })
                .and(format!("{} {} revision {}  ", r.component, r.deployment, r.revision), cx.style(Role::Strong));
            let room = inner.saturating_sub(label.width());
            let row = label.join(running(cx, &r.side, room));
            if i == undo.at { row.over(cx.style(Role::RowSelected)) } else { row }
        })
        .collect()
}
