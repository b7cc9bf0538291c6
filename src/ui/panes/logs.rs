//! Log lines, stable beside candidate.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::app::logs::Stream;
use crate::app::words::{Status, sides};
use crate::domain::release::Track;
use crate::domain::time::hms;
use crate::domain::view::View;
use crate::theme::Role;
use crate::ui::row::{Row, middle};
use crate::ui::{Cx, line, take_top};

/// From this width on two logs stand side by side.
const SIDE_BY_SIDE: u16 = 120;

pub(super) fn summary(cx: &Cx<'_>) -> Row {
    let logs = &cx.model.logs;
    match (logs.streams.is_empty(), logs.follow) {
        (true, _) => cx.row(Role::Dim, "l follows the selected pod, L the container before its last restart"),
        (false, true) => cx.row(Role::StatusProgress, "following"),
        (false, false) => cx.row(Role::StatusPaused, format!("{} lines up; f follows again", logs.up)),
    }
}

pub(super) fn draw(cx: &Cx<'_>, view: &View, area: Rect, buf: &mut Buffer) -> usize {
    let streams = &cx.model.logs.streams;
    match streams.as_slice() {
        [] => cx.row(Role::Dim, "  no log is followed").draw(buf, line(area, 0)),
        [one] => stream(cx, view, one, area, buf),
        [one, two, ..] if area.width >= SIDE_BY_SIDE => {
            let left = Rect { width: (area.width - 1) / 2, ..area };
            let right = Rect { x: left.right() + 1, width: area.width - left.width - 1, ..area };
            stream(cx, view, one, left, buf);
            stream(cx, view, two, right, buf);
        }
        [one, two, ..] => {
            let mut rest = area;
            let top = take_top(&mut rest, area.height / 2);
            stream(cx, view, one, top, buf);
            stream(cx, view, two, rest, buf);
        }
    }
    cx.model.logs.up
}

fn stream(cx: &Cx<'_>, view: &View, stream: &Stream, area: Rect, buf: &mut Buffer) {
    let mut rest = area;
    let head = take_top(&mut rest, 1);
    let role = if stream.track == Some(Track::Candidate) { Role::TrackCandidate } else { Role::TrackStable };
    let (stable, candidate) = sides(view);
    let side = stream.track.map_or(String::new(), |t| format!("{} ", if t == Track::Stable { stable } else { candidate }));
    let container = stream.container.as_ref().map_or(String::new(), |c| format!("/{c}"));
    let when = if stream.previous { ", before the last restart" } else { "" };
    let mut title = cx.row(role, format!("  {side}{}{container}{when}", middle(&stream.pod, 40)));
    if stream.dropped > 0 {
        title = title.gap(2).join(cx.status(Status::Warn, &format!("{} lines dropped", stream.dropped)));
    }
    if let Some(why) = &stream.ended {
        title = title.gap(2).join(cx.status(Status::Unknown, why));
    }
    title.draw(buf, head);
    let height = usize::from(rest.height);
    let end = stream.lines.len().saturating_sub(cx.model.logs.up).max(height.min(stream.lines.len()));
    let first = end.saturating_sub(height);
    for (n, log) in stream.lines.iter().skip(first).take(end - first).enumerate() {
        let at = log.at.map_or(String::new(), |at| format!("{} ", hms(at)));
        cx.row(Role::Dim, format!("  {at}")).and(log.text.as_str(), cx.style(Role::Text)).draw(buf, line(rest, n));
    }
    if stream.lines.is_empty() && stream.ended.is_none() {
        cx.row(Role::Dim, "  no line yet").draw(buf, line(rest, 0));
    }
}
