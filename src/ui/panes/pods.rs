//! Pods by track.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::app::pane::Pane;
use crate::app::rows::pod_side;
use crate::app::words::{coarse, sides};
use crate::domain::live::PodRow;
use crate::domain::object::Kind;
use crate::domain::release::Track;
use crate::domain::view::View;
use crate::theme::Role;
use crate::ui::Cx;
use crate::ui::row::{Row, middle, right};

pub(super) fn summary(cx: &Cx<'_>, view: &View) -> Row {
    let count = |track| {
        let all = view.release.components.iter().filter_map(|c| view.observed.as_ref()?.workload(&c.name, track));
        all.fold(None, |sum: Option<(u32, u32)>, w| {
            let (ready, wanted) = sum.unwrap_or_default();
            Some((ready + w.ready, wanted + w.replicas))
        })
    };
    let (stable, candidate) = sides(view);
    let mut row = Row::default();
    for (name, track, role) in [(stable, Track::Stable, Role::TrackStable), (candidate, Track::Candidate, Role::TrackCandidate)] {
        let Some((ready, wanted)) = count(track) else { continue };
        let role = if ready < wanted { Role::StatusWarn } else { role };
        let gap = if row.is_empty() { "" } else { " · " };
        row = row.and(gap, cx.style(Role::Dim)).and(format!("{name} {ready}/{wanted}"), cx.style(role));
    }
    if row.is_empty() { row } else { row.and(" ready", cx.style(Role::Dim)) }
}

pub(super) fn draw(cx: &Cx<'_>, view: &View, area: Rect, buf: &mut Buffer) -> usize {
    let Some(live) = cx.model.snapshot() else { return 0 };
    let empty = super::nothing(cx, Pane::Pods, Some(Kind::Pod), "no pod");
    super::list(cx, Pane::Pods, area, buf, empty, |i| live.pods.get(i).map(|pod| row(cx, view, pod, area.width)))
}

fn row(cx: &Cx<'_>, view: &View, pod: &PodRow, width: u16) -> Row {
    let (stable, candidate) = sides(view);
    let (side, role) = match pod_side(view, pod).map(|(_, track)| track) {
        Some(Track::Candidate) => (candidate, Role::TrackCandidate),
        _ => (stable, Role::TrackStable),
    };
    let name = match width {
        0..=69 => 14,
        70..=99 => 20,
        _ => 40,
    };
    let status = if pod.is_ready() {
        Role::StatusOk
    } else if matches!(pod.status.as_str(), "Running" | "Pending" | "ContainerCreating" | "PodInitializing") {
        Role::StatusProgress
    } else {
        Role::StatusFail
    };
    let word = middle(pod.status.as_str(), 16);
    let restarts = match pod.restarts {
        0 => String::new(),
        1 => "1 restart".to_owned(),
        n => format!("{n} restarts"),
    };
    let last = pod.last_restart.filter(|_| width >= 100).map_or(String::new(), |at| format!(", {} ago", coarse(cx.model.now.since(at))));
    let last_column = if width >= 100 { 52 } else { 43 } + name;
    let row = cx
        .row(role, format!("  {side:<7}"))
        .and(middle(pod.name.as_str(), name), cx.style(Role::Text))
        .to(10 + name)
        .and(word, cx.style(status))
        .to(27 + name)
        .and(format!("{}/{} ", pod.ready, pod.containers), cx.style(Role::Text))
        .and(format!("{restarts}{last}"), cx.style(Role::StatusWarn))
        .to(last_column);
    match &pod.reason {
        Some(reason) if !pod.is_ready() => row.and(reason.as_str(), cx.style(Role::StatusFail)),
        _ => row.join(usage(cx, pod)),
    }
}

/// `cpu 41m  mem 180Mi  2m`.
fn usage(cx: &Cx<'_>, pod: &PodRow) -> Row {
    let cpu = pod.cpu_milli.map_or("–".to_owned(), |m| format!("{m}m"));
    let memory = pod.memory.map_or("–".to_owned(), bytes);
    let age = pod.created.map_or("–".to_owned(), |at| coarse(cx.model.now.since(at)));
    cx.row(Role::Dim, format!("{} {} {}", right(&cpu, 5), right(&memory, 6), right(&age, 4)))
}

/// `180Mi`, as Kubernetes writes it.
fn bytes(n: u64) -> String {
    match n {
        n if n >= 10 << 30 => format!("{}Gi", n >> 30),
        n if n >= 1 << 20 => format!("{}Mi", n >> 20),
        n => format!("{}Ki", n >> 10),
    }
}
