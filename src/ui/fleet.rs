//! The release list: what needs a person first, then what moves, then the rest.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::app::model::{Link, ReleaseKey, Seen};
use crate::app::rows::{Need, need, readiness};
use crate::app::words::{self, Status};
use crate::domain::release::Track;
use crate::domain::time::Millis;
use crate::domain::view::View;
use crate::theme::Role;

use super::row::{Row, middle, wrap};
use super::{Cx, components, line, take_top};

/// Draws the list.
pub(super) fn draw(cx: &Cx<'_>, area: Rect, buf: &mut Buffer) {
    let mut rest = area;
    let model = cx.model;
    let mut title = cx.row(Role::BorderFocus, "─ ").and("Releases ", cx.style(Role::TitleFocus));
    if !model.fleet.filter.text().is_empty() {
        let text = format!("{}/{} match {} ", model.fleet.rows.len(), model.fleet.total, model.fleet.filter.text());
        title = title.and(text, cx.style(Role::Match));
        title = title.join(hidden(cx));
    }
    let fill = usize::from(area.width).saturating_sub(title.width());
    title.and("─".repeat(fill), cx.style(Role::BorderFocus)).draw(buf, take_top(&mut rest, 1));
    if model.fleet.rows.is_empty() {
        empty(cx, rest, buf);
        return;
    }
    let first = first_in_sight(model.fleet.rows.len(), model.fleet.at, usize::from(rest.height));
    for (n, index) in model.fleet.rows.iter().skip(first).take(usize::from(rest.height)).enumerate() {
        let Some((key, seen)) = model.fleet_order.get(*index).and_then(|key| Some((key, model.releases.get(key)?))) else { continue };
        let (left, right) = row(cx, key, seen, rest.width);
        let place = line(rest, n);
        if first + n == model.fleet.at {
            let style = cx.style(Role::RowSelected);
            buf.set_style(place, style);
            left.over(style).draw_with(right.over(style), buf, place);
        } else {
            left.draw_with(right, buf, place);
        }
    }
}

/// What the filter hides although somebody should look at it.
fn hidden(cx: &Cx<'_>) -> Row {
    let model = cx.model;
    let shown = |i: usize| model.fleet.rows.contains(&i);
    let hidden = model.fleet_order.iter().enumerate().filter(|(i, key)| {
        !shown(*i) && model.view_of(key).is_some_and(|v| need(v) == Need::Person || words::verdict(v, Millis::ZERO).0 == Status::Fail)
    });
    match hidden.count() {
        0 => Row::default(),
        n => cx.status(Status::Warn, &format!("{n} hidden wait for a person ")),
    }
}

fn empty(cx: &Cx<'_>, area: Rect, buf: &mut Buffer) {
    let model = cx.model;
    let place = model.scene.namespace.as_ref().map_or("any namespace".to_owned(), |ns| format!("namespace {ns}"));
    let lines = match (&model.link.0, model.listed, model.fleet.total) {
        (_, _, 1..) => vec!["the filter hides every release; Esc takes it away".to_owned()],
        (Link::Connecting { to }, ..) => vec![format!("connecting to {to}")],
        (Link::Lost { why }, ..) => vec!["the cluster does not answer; it is asked again for ever".to_owned(), why.clone()],
        (Link::Barred { why }, ..) => vec!["not connected; c chooses a context".to_owned(), why.clone()],
        (Link::Up, false, _) => vec![format!("looking for releases in {place}")],
        (Link::Up, true, _) => vec![
            format!("no release in {place}"),
            "a release is found by pairs of Deployments that differ in a track label or suffix (-canary, -blue, version: …)".to_owned(),
            "n changes the namespace, c the context; or declare one with --config FILE".to_owned(),
        ],
    };
    let room = usize::from(area.width).saturating_sub(4);
    let lines = lines.iter().enumerate().flat_map(|(n, text)| wrap(text, room).into_iter().map(move |text| (n, text)));
    for (at, (n, text)) in lines.enumerate() {
        let role = if n == 0 { Role::Strong } else { Role::Dim };
        cx.row(role, format!("  {text}")).draw(buf, line(area, at + 1));
    }
}

fn row(cx: &Cx<'_>, key: &ReleaseKey, seen: &Seen, width: u16) -> (Row, Row) {
    let view = &seen.view;
    let age = cx.model.now.elapsed(seen.at);
    let (good, verdict) = super::header::believed(cx, key, words::verdict(view, age));
    let (moving, phase) = at_rest(cx, key, view).unwrap_or_else(|| words::phase(view));
    let status = if need(view) == Need::Rest { Status::Ok.max(moving) } else { good.max(moving) };
    let (name, namespace) = if width >= 100 { (28, 22) } else { (16, 0) };
    let asked = words::asked(view).filter(|_| need(view) != Need::Rest).map_or("–".to_owned(), |w| w.to_string());
    let versions = view.release.components.first().map_or(String::new(), |c| {
        let version = |track| components::version(view, c, view.observed.as_ref().and_then(|o| o.workload(&c.name, track)), track).0;
        let (old, new) = (version(Track::Stable), version(Track::Candidate));
        if new == "–" || new == old || need(view) == Need::Rest { old } else { format!("{old} → {new}") }
    });
    let glyph = super::glyph(status);
    let mut left =
        cx.row(super::status_role(status), format!(" {glyph} ")).and(middle(&key.name, name), cx.style(Role::Strong)).to(4 + name);
    if namespace > 0 {
        left = left.and(middle(&key.namespace, namespace), cx.style(Role::Dim)).to(5 + name + namespace);
    }
    let left = left
        .and(format!("{:<11}", view.release.strategy.word()), cx.style(Role::Dim))
        .and(format!("{asked:>5}  "), cx.style(Role::Strong))
        .and(middle(&versions, 24), cx.style(Role::Text));
    let right = cx.row(super::status_role(moving), phase);
    let both = if need(view) == Need::Moving { right.clone().gap(2).join(cx.status(good, &verdict)) } else { right.clone() };
    // The versions stay whole: a verdict that is good gives way to its glyph.
    let room = usize::from(width).saturating_sub(left.width() + 3);
    let right = if both.width() <= room || good != Status::Ok {
        both
    } else {
        right.gap(2).and(super::glyph(good), cx.style(super::status_role(good)))
    };
    (left, right.cut(usize::from(width) / 2).gap(1))
}

/// What a release that is still being read is known to be like.
fn at_rest(cx: &Cx<'_>, key: &ReleaseKey, view: &View) -> Option<(Status, String)> {
    if view.observed.is_some() || view.rollout.is_some() {
        return None;
    }
    let (ready, wanted) = readiness(view, cx.model.live.get(&key.namespace)?)?;
    Some((if ready < wanted { Status::Warn } else { Status::Ok }, format!("{ready}/{wanted} ready")))
}

/// The first row in sight so that the cursor is, as near to the middle as the ends allow.
pub(super) fn first_in_sight(len: usize, at: usize, height: usize) -> usize {
    at.saturating_sub(height / 2).min(len.saturating_sub(height))
}
