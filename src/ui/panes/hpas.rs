//! Autoscalers.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::app::pane::Pane;
use crate::app::rows::side_of;
use crate::app::words::Status;
use crate::domain::object::Kind;
use crate::domain::release::Track;
use crate::domain::view::View;
use crate::theme::Role;
use crate::ui::Cx;
use crate::ui::row::middle;

pub(super) fn draw(cx: &Cx<'_>, view: &View, area: Rect, buf: &mut Buffer) -> usize {
    let Some(live) = cx.model.snapshot() else { return 0 };
    let empty = super::nothing(cx, Pane::Hpas, Some(Kind::HorizontalPodAutoscaler), "no autoscaler targets this release");
    super::list(cx, Pane::Hpas, area, buf, empty, |i| {
        let hpa = live.hpas.get(i)?;
        let track = side_of(&view.release, &hpa.target).map(|(_, track)| track);
        let role = if track == Some(Track::Candidate) { Role::TrackCandidate } else { Role::TrackStable };
        let s = &hpa.scale;
        let name = middle(hpa.name.as_str(), 26);
        let mut row = cx.row(role, format!("  {name}")).to(29);
        row = row.and(format!("{} of {}–{}", s.current, s.min, s.max), cx.style(Role::Text));
        if s.desired != s.current {
            row = row.and(format!(" → {}", s.desired), cx.style(Role::StatusProgress));
        }
        let metrics: Vec<&str> = hpa.metrics.iter().map(|m| m.as_str()).collect();
        row = row.and(format!("  {}", metrics.join(", ")), cx.style(Role::Text));
        if s.limited || (s.current >= s.max && s.max > 0) {
            row = row.gap(2).join(cx.status(Status::Warn, "at its ceiling"));
        }
        Some(hpa.conditions.iter().fold(row, |row, c| row.gap(2).join(cx.status(Status::Warn, c.as_str()))))
    })
}
