//! Two lines a component, always in sight: versions and weights; both sides' errors and p95 with what they rest on.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::app::apart::apart;
use crate::app::in_place;
use crate::app::words::{self, Status};
use crate::domain::image::{Image, short_digest};
use crate::domain::observed::Workload;
use crate::domain::release::{Component, Router, Track};
use crate::domain::route::Acceptance;
use crate::domain::text::sanitize;
use crate::domain::verdict::{ArmStats, Verdict};
use crate::domain::view::View;
use crate::theme::Role;

use super::row::{Row, middle};
use super::{Cx, line};

/// How many components are shown at most where there is little room.
const FEW: usize = 2;
/// Below this width words are left out.
const NARROW: u16 = 72;

/// Lines that the components want in a body of so many rows.
pub(super) fn height(view: &View, body: u16) -> u16 {
    let all = view.release.components.len();
    let shown = if body >= 30 { all.min(6) } else { all.min(FEW) };
    u16::try_from(shown * 2 + usize::from(shown < all)).unwrap_or(0)
}

/// Draws the components, those that need eyes first when not all fit.
pub(super) fn draw(cx: &Cx<'_>, view: &View, area: Rect, buf: &mut Buffer) {
    let mut components: Vec<&Component> = view.release.components.iter().collect();
    let room = usize::from(area.height) / 2;
    if components.len() > room {
        components.sort_by_key(|c| std::cmp::Reverse(strongest(view, &c.name).map_or(0, |v| v.force())));
    }
    let name_width = components.iter().map(|c| sanitize(&c.name).chars().count()).max().unwrap_or(0).clamp(4, 12);
    for (i, c) in components.iter().take(room.max(1)).enumerate() {
        versions(cx, view, c, name_width, line(area, i * 2), buf);
        figures(cx, view, c, line(area, i * 2 + 1), buf);
    }
    if components.len() > room {
        let text = format!(" and {} more components, all on pane 2", components.len() - room);
        cx.row(Role::Dim, text).draw(buf, line(area, room * 2));
    }
}

/// A verdict as it may be believed now: what was judged on data that is old by now is not healthy, it was.
pub(super) fn verdict(cx: &Cx<'_>, verdict: &Verdict) -> Row {
    if cx.model.release().is_some_and(|key| cx.model.stale(key).is_some()) {
        return cx.status(Status::Unknown, &format!("was {verdict}"));
    }
    cx.status(words::verdict_status(verdict), &verdict.to_string())
}

/// The strongest verdict about a component.
pub(super) fn strongest(view: &View, component: &str) -> Option<Verdict> {
    let gates = view.judgement.gates.iter().filter(|g| g.component == component);
    gates.map(|g| g.verdict.clone()).reduce(Verdict::stronger)
}

/// `backend  v2.3.1 a41f ━━━━━━╌╌ v2.4.0 9c02   25/25/24.6 %`.
fn versions(cx: &Cx<'_>, view: &View, c: &Component, name_width: usize, area: Rect, buf: &mut Buffer) {
    let observed = |track| view.observed.as_ref().and_then(|o| o.workload(&c.name, track));
    let side = |track, role| {
        let (tag, digest) = version(view, c, observed(track), track);
        cx.row(role, middle(&tag, 16)).and(if digest.is_empty() { String::new() } else { format!(" {digest}") }, cx.style(Role::Dim))
    };
    let weights = weights(cx, view, c);
    let left = cx
        .row(Role::Strong, format!(" {}", middle(&c.name, name_width)))
        .to(name_width + 2)
        .join(side(Track::Stable, Role::TrackStable))
        .gap(1);
    let candidate = side(Track::Candidate, Role::TrackCandidate);
    let used = left.width() + candidate.width() + weights.width() + 4;
    let room = usize::from(area.width).saturating_sub(used);
    // Where the weights differ, why they do is worth more than a picture of them.
    let bar = match apart(view, c) {
        _ if room < 8 => cx.row(Role::Dim, "→"),
        Some((status, why)) => cx.status(status, &why).cut(room),
        None => bar(cx, view, c, room.min(40)),
    };
    left.join(bar).gap(1).join(candidate).draw_with(weights.gap(1), buf, area);
}

/// A side's version and the first digits of its digest.
pub(super) fn version(view: &View, c: &Component, workload: Option<&Workload>, track: Track) -> (String, String) {
    let turning = in_place::turning(view).is_some();
    // What turns says which version it is to have, not which one serves.
    let running = workload.filter(|_| !turning).and_then(|w| w.image(c.container.as_deref())).map(|i| i.image.clone());
    let target = view.rollout.as_ref().and_then(|r| r.targets.get(&c.name));
    let target = target.filter(|_| turning || !view.release.strategy.is_in_place());
    let recorded = target.and_then(|t| match track {
        Track::Stable => t.stable.images.first(),
        Track::Candidate => t.images.first(),
    });
    let Some(text) = running.or_else(|| recorded.map(|i| i.image.clone())) else { return ("–".to_owned(), String::new()) };
    let image = Image::parse(&text).ok();
    let digest = workload.filter(|_| !turning).and_then(|w| w.digest.clone()).or_else(|| image.as_ref().and_then(|i| i.digest.clone()));
    (image.map_or(text, |i| i.version()), digest.map_or_else(String::new, |d| short_digest(&d, 4)))
}

/// Stable's share as a thick line, the candidate's as a thin one.
fn bar(cx: &Cx<'_>, view: &View, c: &Component, columns: usize) -> Row {
    let turned = || in_place::share(view, &c.name).map(|percent| f64::from(percent) / 100.0);
    let share = view.observed.as_ref().and_then(|o| o.route(&c.name)).map(|f| f.share().0).or_else(turned);
    let share = share.or(view.release.strategy.is_in_place().then_some(0.0));
    let Some(share) = share else { return cx.row(Role::Dim, "╌".repeat(columns)) };
    let mut candidate = (share * columns as f64).round() as usize;
    if share > 0.0 {
        candidate = candidate.max(1);
    }
    let candidate = candidate.min(columns);
    cx.row(Role::TrackStable, "━".repeat(columns - candidate)).and("╌".repeat(candidate), cx.style(Role::TrackCandidate))
}

/// Asked, accepted, observed. What differs is told by its status.
fn weights(cx: &Cx<'_>, view: &View, c: &Component) -> Row {
    if c.router == Router::None {
        let w = view.observed.as_ref().and_then(|o| o.workload(&c.name, Track::Stable));
        return w.map_or_else(
            || cx.row(Role::Dim, "–"),
            |w| {
                let routed = w.argo.as_ref().and_then(|a| a.routed());
                let routed = routed.map_or_else(String::new, |weight| format!("{weight} %, "));
                cx.row(Role::Strong, format!("{routed}{}/{} new, {} ready", w.updated, w.replicas, w.ready))
            },
        );
    }
    let asked = view.rollout.as_ref().filter(|r| !r.is_over()).map(|r| r.asked.percent());
    let route = view.observed.as_ref().and_then(|o| o.route(&c.name));
    let observed = view.judgement.observed.get(&c.name);
    let text = |n: Option<u8>| n.map_or("–".to_owned(), |n| n.to_string());
    let accepted = route.map(|f| f.percent());
    let role = match route.map(|f| &f.accepted) {
        Some(Acceptance::Refused(_)) => Role::StatusFail,
        Some(Acceptance::Pending(_)) => Role::StatusProgress,
        _ if asked.is_some() && accepted != asked => Role::StatusProgress,
        _ => Role::Strong,
    };
    let mark = match route.map(|f| &f.accepted) {
        Some(Acceptance::Refused(_)) => "✖",
        Some(Acceptance::Pending(_)) => "…",
        _ => "",
    };
    let measured = observed.map_or("–".to_owned(), |s| s.percent());
    cx.row(role, format!("{}/{}{mark}/{measured} %", text(asked), text(accepted)))
}

/// `errors 0.31 % of 1.2M → 0.34 % of 41k   p95 212 → 221 ms   ✔ healthy`.
fn figures(cx: &Cx<'_>, view: &View, c: &Component, area: Rect, buf: &mut Buffer) {
    let [stable, candidate] = in_place::arms(view, &c.name);
    let text = cx.style(Role::Text);
    let narrow = area.width < NARROW;
    let share = |arm| {
        let text = errors(arm);
        if narrow { text.replace(" % of ", "%/") } else { text }
    };
    let arrow = if narrow { "→" } else { " → " };
    let row = cx
        .row(Role::Dim, if narrow { "  err " } else { "   errors " })
        .and(share(stable), cx.style(Role::TrackStable))
        .and(arrow, text)
        .and(share(candidate), cx.style(Role::TrackCandidate))
        .and("  p95 ", cx.style(Role::Dim))
        .and(latency(stable), cx.style(Role::TrackStable))
        .and(arrow, text)
        .and(format!("{} ms", latency(candidate)), cx.style(Role::TrackCandidate));
    let verdict = match strongest(view, &c.name) {
        Some(v) => verdict(cx, &v),
        None if view.release.gates.is_empty() => cx.row(Role::Dim, "no gates"),
        None => cx.status(Status::Unknown, "not judged"),
    };
    row.draw_with(verdict.cut(30).gap(1), buf, area);
}

/// `0.31 % of 1.2M`: a share never stands without what it rests on.
pub(super) fn errors(arm: Option<&ArmStats>) -> String {
    match arm.and_then(|a| Some((a.errors?, a.requests))) {
        Some((share, requests)) => format!("{} of {}", percent(share), count(requests)),
        None => "–".to_owned(),
    }
}

/// The 95th percentile in whole milliseconds.
fn latency(arm: Option<&ArmStats>) -> String {
    arm.and_then(|a| a.p95).map_or("–".to_owned(), millis)
}

/// A share 0–1 in percent, with as many decimals as say something.
pub(super) fn percent(share: f64) -> String {
    let p = share * 100.0;
    match p {
        p if !p.is_finite() => "–".to_owned(),
        p if p >= 99.95 || p == 0.0 => format!("{p:.0} %"),
        p if p >= 10.0 => format!("{p:.1} %"),
        p => format!("{p:.2} %"),
    }
}

/// Milliseconds: whole ones from ten on.
pub(super) fn millis(ms: f64) -> String {
    match ms {
        ms if !ms.is_finite() => "–".to_owned(),
        ms if ms >= 10.0 => format!("{ms:.0}"),
        ms => format!("{ms:.1}"),
    }
}

/// A count in at most four digits: `812`, `41k`, `1.2M`.
pub(super) fn count(n: u64) -> String {
    match n {
        0..=9_999 => n.to_string(),
        10_000..=999_999 => format!("{}k", n / 1_000),
        1_000_000..=9_999_999 => format!("{:.1}M", n as f64 / 1e6),
        _ => format!("{}M", n / 1_000_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_as_people_say_them() {
        assert_eq!([0.0, 0.0031, 0.123, 1.0, f64::NAN].map(percent), ["0 %", "0.31 %", "12.3 %", "100 %", "–"]);
        assert_eq!([812, 9_999, 41_200, 1_240_000, 25_000_000].map(count), ["812", "9999", "41k", "1.2M", "25M"]);
        assert_eq!([3.21, 212.4, f64::INFINITY].map(millis), ["3.2", "212", "–"]);
    }
}
