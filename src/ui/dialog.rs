//! Dialogs: exact objects and fields, before and after, and what a person should know first.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::{Block, Borders, Clear, Widget};

use crate::app::dialog::dry_run::Said;
use crate::app::dialog::{About, Asked, Dialog, Form, Leave, Stage};
use crate::app::field::Field;
use crate::app::words::{Status, coarse};
use crate::domain::action::{Action, WriteOutcome};
use crate::domain::command::Command;
use crate::theme::Role;

use super::row::{Row, middle, wrap};
use super::{Cx, forms, line, picker};

/// The widest dialog.
const WIDTH: u16 = 100;
/// How a value is written that nobody read.
const NOT_READ: &str = "…";

/// Draws a dialog.
pub(super) fn draw(cx: &Cx<'_>, dialog: &Dialog, area: Rect, buf: &mut Buffer) {
    let width = area.width.min(WIDTH);
    let inner = usize::from(width).saturating_sub(4);
    let (mut rows, at) = match (&dialog.about, &dialog.stage) {
        (About::Leave(to), _) => (leaving(cx, dialog, to, inner), 0),
        (About::Command(asked), Stage::Edit(form)) => forms::rows(cx, asked, form, inner),
        (About::Command(asked), Stage::Review { .. }) => (changes(cx, asked, inner), 0),
    };
    let refused = dialog.refusal().or_else(|| dialog.error.clone());
    let mut end: Vec<Row> =
        refused.iter().flat_map(|why| wrap(why, inner.saturating_sub(2))).map(|text| cx.status(Status::Warn, &text)).take(4).collect();
    end.push(Row::default());
    end.push(keys(cx, dialog, inner));
    // What must be pressed stays in sight, and so does the line that is typed into: what does not fit is counted.
    let room = usize::from(area.height).saturating_sub(2 + end.len());
    if rows.len() > room {
        let shown = room.saturating_sub(1);
        let left = rows.len() - shown;
        rows.drain(..(at + 1).saturating_sub(shown));
        rows.truncate(shown);
        rows.push(cx.row(Role::StatusWarn, format!("… and {left} more lines: enlarge the terminal to see them")));
    }
    rows.extend(end);
    boxed(cx, &title(cx, dialog), frame_role(cx, dialog), rows, width, area, buf);
}

/// Draws rows in a frame at the bottom of an area: the figures that the question is about stay in sight above it.
pub(super) fn boxed(cx: &Cx<'_>, title: &str, role: Role, rows: Vec<Row>, width: u16, area: Rect, buf: &mut Buffer) {
    let height = u16::try_from(rows.len() + 2).unwrap_or(u16::MAX).min(area.height);
    let place =
        Rect { x: area.x + (area.width - width.min(area.width)) / 2, y: area.bottom() - height, width: width.min(area.width), height };
    Clear.render(place, buf);
    buf.set_style(place, cx.style(Role::Text));
    Block::new().borders(Borders::ALL).border_style(cx.style(role)).render(place, buf);
    let head = Rect { x: place.x + 1, width: place.width.saturating_sub(2), height: 1.min(place.height), ..place };
    cx.row(role, format!(" {title} ")).draw(buf, head);
    let inside = Rect { x: place.x + 2, y: place.y + 1, width: place.width.saturating_sub(4), height: place.height.saturating_sub(2) };
    for (n, row) in rows.into_iter().enumerate() {
        row.draw(buf, line(inside, n));
    }
}

fn frame_role(cx: &Cx<'_>, dialog: &Dialog) -> Role {
    let production = dialog.asked().is_some_and(|a| cx.model.is_production(&a.release));
    match dialog.is_rollback() {
        true => Role::DialogBack,
        false if production => Role::DialogProduction,
        false => Role::Dialog,
    }
}

fn title(cx: &Cx<'_>, dialog: &Dialog) -> String {
    match &dialog.about {
        About::Leave(_) if cx.model.offers_hand_over(dialog) => "Who drives on?".to_owned(),
        About::Leave(_) => "Nobody will roll back".to_owned(),
        About::Command(asked) => {
            let what = match &asked.command {
                Command::RollBack => "Roll back".to_owned(),
                Command::Start { .. } => "Start a rollout of".to_owned(),
                Command::SetWeight(_) if matches!(dialog.stage, Stage::Edit(_)) => "Set the weight of".to_owned(),
                Command::SetWeight(weight) => format!("Set the weight {weight} of"),
                Command::Undo { .. } => "Undo".to_owned(),
                Command::RestoreSync => "Restore the auto-sync of".to_owned(),
                _ if matches!(dialog.stage, Stage::Edit(Form::Scale(_))) => "Scale".to_owned(),
                Command::Scale { .. } => format!("{} in", capital(&asked.command.to_string())),
                other => capital(&other.to_string()),
            };
            format!("{what} {} · {} / {}", asked.release.name, cx.model.scene.context, asked.release.namespace)
        }
    }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |c| c.to_uppercase().chain(chars).collect())
}

/// Every write: component, object, fields.
pub(super) fn changes(cx: &Cx<'_>, asked: &Asked, inner: usize) -> Vec<Row> {
    let mut rows = Vec::new();
    let Some(preview) = &asked.preview else {
        rows.push(cx.row(Role::StatusUnknown, "the release has not been read yet: the order is given all the same"));
        return rows;
    };
    for action in &preview.actions {
        let mut own = action_rows(cx, action, inner);
        mark(cx, asked, action, inner, &mut own);
        rows.extend(own);
    }
    if preview.actions.is_empty() && preview.refusal.is_none() {
        let text = format!("no object changes now; ConfigMap cutover-{} keeps the new state", asked.release.name);
        rows.push(cx.row(Role::Text, text));
    }
    if matches!(asked.command, Command::RollBack | Command::Reject)
        && let Some(why) = &preview.refusal
    {
        rows.extend(wrap(&why.to_string(), inner.saturating_sub(2)).iter().map(|text| cx.status(Status::Warn, text)));
    }
    for remark in &preview.remarks {
        for (n, text) in wrap(remark, inner.saturating_sub(2)).iter().enumerate() {
            rows.push(cx.row(Role::Dim, if n == 0 { "· " } else { "  " }).and(text, cx.style(Role::Text)));
        }
    }
    if let Some(age) = cx.model.stale(&asked.release) {
        rows.push(cx.row(Role::BannerStale, format!("from memory: the cluster was last read {} ago", coarse(age))));
    }
    rows
}

/// What the server said to a write, behind its first line; a no is told whole, below it.
fn mark(cx: &Cx<'_>, asked: &Asked, action: &Action, inner: usize, rows: &mut Vec<Row>) {
    let said = asked.dry_run.as_ref().map_or(Said::NotAsked, |d| d.of(action));
    let (status, text) = match said {
        Said::NotAsked => return,
        Said::Waiting => (Status::Progress, "dry run: asking".to_owned()),
        Said::Answer(WriteOutcome::Landed) => (Status::Ok, "dry run".to_owned()),
        Said::Answer(WriteOutcome::Conflict { why }) => (Status::Warn, format!("dry run: changed meanwhile: {why}")),
        Said::Answer(WriteOutcome::Refused { why, .. }) => (Status::Fail, format!("dry run: refused: {why}")),
        Said::Answer(WriteOutcome::Unknown { why }) => (Status::Unknown, format!("dry run: no answer: {why}")),
    };
    let short = cx.status(status, &text);
    let first = rows.first().map_or(0, Row::width);
    if let (true, Some(row)) = (first + short.width() + 2 <= inner, rows.first_mut()) {
        *row = std::mem::take(row).to(inner - short.width()).join(short);
        return;
    }
    let lines = wrap(&text, inner.saturating_sub(18));
    rows.extend(lines.iter().map(|l| Row::default().gap(16).join(cx.status(status, l))));
}

fn action_rows(cx: &Cx<'_>, action: &Action, inner: usize) -> Vec<Row> {
    let changes = action.changes();
    let component = cx.row(Role::Strong, middle(action.component(), 12)).to(13).gap(1);
    let object = component.and(action.object().to_string(), cx.style(Role::Text));
    let fields: Vec<Row> = changes
        .iter()
        .map(|c| {
            cx.row(Role::Dim, format!("{} ", c.field))
                .and(&c.before, cx.style(Role::DiffBefore))
                .and(" → ", cx.style(Role::Dim))
                .and(&c.after, cx.style(Role::DiffAfter))
        })
        .collect();
    let one_line: usize = fields.iter().map(|f| f.width() + 3).sum();
    if object.width() + one_line <= inner {
        return vec![fields.into_iter().fold(object, |row, field| row.gap(3).join(field))];
    }
    let mut rows = vec![object];
    for (change, field) in changes.iter().zip(fields) {
        // What was there before was not read, and does not matter: only what is written is shown.
        if change.before == NOT_READ {
            let lines = wrap(&format!("{} → {}", change.field, change.after), inner.saturating_sub(18));
            rows.extend(lines.iter().map(|l| Row::default().gap(16).and(l, cx.style(Role::Dim))));
            continue;
        }
        if field.width() + 16 <= inner {
            rows.push(Row::default().gap(16).join(field));
            continue;
        }
        // Too long for a line: before and after below each other, whole.
        rows.push(Row::default().gap(16).and(format!("{} ", change.field), cx.style(Role::Dim)));
        for (mark, text, role) in [("- ", &change.before, Role::DiffBefore), ("+ ", &change.after, Role::DiffAfter)] {
            let lines = wrap(text, inner.saturating_sub(18));
            rows.extend(lines.iter().map(|l| Row::default().gap(16).and(format!("{mark}{l}"), cx.style(role))));
        }
    }
    rows
}

fn leaving(cx: &Cx<'_>, dialog: &Dialog, to: &Leave, inner: usize) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for (key, view) in cx.model.driving() {
        let Some(r) = &view.rollout else { continue };
        rows.push(
            cx.row(Role::Strong, format!("{key}"))
                .and(format!("  {} at {}, {}", view.release.strategy.word(), r.asked, r.phase), cx.style(Role::Text)),
        );
    }
    if cx.model.offers_hand_over(dialog) {
        let text = "Only this console drives it. A driver in the background on this host can drive on: it judges the gates and rolls back by itself, and a console that is opened again finds it. Without one nobody will roll back until somebody drives again.";
        rows.extend(wrap(text, inner).iter().map(|l| cx.row(Role::StatusWarn, l)));
        return rows;
    }
    let then = match to {
        Leave::Quit => "when this console quits".to_owned(),
        Leave::Context(name) => format!("when this console changes to context {name}"),
        Leave::Namespace(Some(name)) => format!("when this console changes to namespace {name}"),
        Leave::Namespace(None) => "when this console looks at all namespaces".to_owned(),
    };
    let text = format!(
        "Only this console drives it. {}, gates are no longer judged and nobody will roll back by itself until somebody drives again: cutover, or cutover run.",
        capital(&then)
    );
    rows.extend(wrap(&text, inner).iter().map(|l| cx.row(Role::StatusWarn, l)));
    rows
}

/// The last line: what can be pressed.
fn keys(cx: &Cx<'_>, dialog: &Dialog, inner: usize) -> Row {
    let key = |name: &str, what: &str| cx.row(Role::Key, name).and(format!(" {what}"), cx.style(Role::Text)).gap(4);
    match &dialog.stage {
        Stage::Edit(_) => key("Enter", "show what it would do").join(key("Tab", "next")).join(key("Esc", "leave")),
        Stage::Review { name: Some(field) } => named(cx, dialog, field, inner).join(key("Enter", "")).join(key("Esc", "leave")),
        Stage::Review { name: None } => {
            let what = match &dialog.about {
                About::Leave(_) if cx.model.offers_hand_over(dialog) => "hand over".to_owned(),
                About::Leave(Leave::Quit) => "quit all the same".to_owned(),
                About::Leave(_) => "go all the same".to_owned(),
                About::Command(asked) => match &asked.command {
                    Command::RollBack => "roll back now".to_owned(),
                    other => other.word().to_owned(),
                },
            };
            // Grey while a key may still have been meant for what was there before.
            let ready = !dialog.is_fresh(cx.model.now) && dialog.refusal().is_none();
            let yes = cx.row(if ready { Role::KeyBack } else { Role::KeyOff }, format!(" y {what} ")).gap(4);
            let yes = if dialog.early { yes.and("…", cx.style(Role::Strong)).gap(2) } else { yes };
            let has_writes = dialog.asked().and_then(|a| a.preview.as_ref()).is_some_and(|p| !p.actions.is_empty());
            let again = if dialog.asked().is_some_and(|a| a.dry_run.is_some()) { "dry run again" } else { "dry run" };
            let dry = if has_writes { key("d", again) } else { Row::default() };
            if cx.model.offers_hand_over(dialog) {
                return yes.join(key("n", "quit without a driver")).join(key("Esc", "stay"));
            }
            yes.join(dry).join(key("Esc", "leave"))
        }
    }
}

fn named(cx: &Cx<'_>, dialog: &Dialog, field: &Field, inner: usize) -> Row {
    let wanted = dialog.asked().map_or("", |a| a.release.name.as_str());
    let label = format!("type {wanted} to confirm: ");
    let room = inner.saturating_sub(label.len() + 24);
    picker::field(cx, &label, field, room).gap(2)
}
