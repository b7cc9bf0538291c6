//! Stable beside candidate, with the limit, the verdict and what they rest on.

use ratatui::layout::Rect;

use crate::app::in_place;
use crate::app::words::{self, Status, coarse, sides};
use crate::domain::gate::{Gate, Metric, trim};
use crate::domain::release::Component;
use crate::domain::time::Millis;
use crate::domain::verdict::{ArmStats, GateVerdict};
use crate::domain::view::View;
use crate::theme::Role;
use crate::ui::Cx;
use crate::ui::components::{errors, millis, verdict};
use crate::ui::row::Row;
use crate::ui::spark;

/// Column widths of the table for a width of the pane.
#[derive(Clone, Copy)]
struct Columns {
    label: usize,
    side: usize,
    limit: usize,
}

impl Columns {
    fn of(width: u16) -> Columns {
        match width {
            0..=63 => Columns { label: 14, side: 14, limit: 9 },
            64..=79 => Columns { label: 14, side: 15, limit: 13 },
            80..=99 => Columns { label: 15, side: 18, limit: 14 },
            _ => Columns { label: 16, side: 26, limit: 16 },
        }
    }
}

pub(super) fn summary(cx: &Cx<'_>, view: &View) -> Row {
    match view.judgement.outage.as_ref() {
        Some((why, since)) => {
            let age = coarse(view.now.since(*since));
            cx.status(Status::Unknown, &format!("Prometheus has not answered for {age}: {why}"))
        }
        None if view.release.prometheus.is_none() => cx.row(Role::Dim, "no Prometheus: pods are judged, requests are not"),
        None => Row::default(),
    }
}

/// The age of the newest sample.
pub(super) fn age(cx: &Cx<'_>) -> Row {
    let Some(view) = cx.model.view() else { return Row::default() };
    let newest = view.judgement.arms.values().flat_map(|a| a.values()).filter_map(|s| s.at).max();
    let interval = view.release.prometheus.as_ref().map(|p| p.interval);
    match (newest, interval) {
        (Some(at), Some(interval)) => {
            let age = cx.model.now.since(at);
            let role = if age > interval.plus(interval) { Role::BannerStale } else { Role::Dim };
            // Within a scrape it is as new as it can be: no number, nothing to redraw.
            if age <= interval.plus(interval) { cx.row(role, "live") } else { cx.row(role, format!("{} old", coarse(age))) }
        }
        _ => Row::default(),
    }
}

pub(super) fn rows(cx: &Cx<'_>, view: &View, area: Rect) -> Vec<Row> {
    let columns = Columns::of(area.width);
    let tall = usize::from(area.height) > view.release.components.len() * 12;
    view.release.components.iter().flat_map(|c| component(cx, view, c, columns, tall)).collect()
}

fn component(cx: &Cx<'_>, view: &View, c: &Component, w: Columns, tall: bool) -> Vec<Row> {
    let [stable, candidate] = in_place::arms(view, &c.name);
    let (left, right) = sides(view);
    let head = cx
        .row(Role::Strong, format!("  {}", c.name))
        .to(w.label)
        .and(left, cx.style(Role::TrackStable))
        .to(w.label + w.side)
        .and(right, cx.style(Role::TrackCandidate))
        .to(w.label + 2 * w.side)
        .and("limit", cx.style(Role::Dim))
        .to(w.label + 2 * w.side + w.limit)
        .and("verdict", cx.style(Role::Dim));
    let mut rows = vec![head, plain(cx, w, "requests/s", rate(stable), rate(candidate))];
    let verdicts: Vec<&GateVerdict> = view.judgement.gates.iter().filter(|g| g.component == c.name).collect();
    let gates: Vec<&Gate> = view.release.gates.iter().collect();
    if !gates.iter().any(|g| g.metric == Metric::Errors) {
        rows.push(plain(cx, w, "errors", errors(stable), errors(candidate)));
    }
    for gate in &gates {
        let judged = verdicts.iter().find(|v| v.gate == gate.name).copied();
        rows.push(gated(cx, w, gate, judged, stable, candidate));
    }
    for (label, pick) in [("p50", p50 as fn(&ArmStats) -> Option<f64>), ("p95", p95), ("p99", p99)] {
        let judged = gates.iter().any(|g| g.metric.to_string() == label);
        let text = |arm: Option<&ArmStats>| arm.and_then(pick).map_or("–".to_owned(), |ms| format!("{} ms", millis(ms)));
        if !judged && (label == "p95" || tall) {
            rows.push(plain(cx, w, label, text(stable), text(candidate)));
        }
    }
    let interval = view.release.prometheus.as_ref().map_or(Millis::ZERO, |p| p.interval);
    rows.extend(charts(cx, w, [stable, candidate], interval, if tall { 3 } else { 1 }));
    let against = verdicts.iter().filter(|v| v.verdict != crate::domain::verdict::Verdict::Healthy && !v.evidence.is_empty());
    if let Some(deciding) = against.max_by_key(|v| v.verdict.force()) {
        let status = words::verdict_status(&deciding.verdict);
        rows.push(cx.row(Role::Text, "   ").join(cx.status(status, &deciding.evidence)));
    }
    rows
}

fn p50(a: &ArmStats) -> Option<f64> {
    a.p50
}
fn p95(a: &ArmStats) -> Option<f64> {
    a.p95
}
fn p99(a: &ArmStats) -> Option<f64> {
    a.p99
}

fn latency(arm: &ArmStats, quantile: f64) -> Option<f64> {
    match (quantile * 100.0).round() as u8 {
        50 => arm.p50,
        95 => arm.p95,
        99 => arm.p99,
        _ => None,
    }
}

fn rate(arm: Option<&ArmStats>) -> String {
    arm.and_then(|a| a.rps).map_or("–".to_owned(), |r| if r >= 10.0 { format!("{r:.0}") } else { format!("{r:.1}") })
}

fn plain(cx: &Cx<'_>, w: Columns, label: &str, stable: String, candidate: String) -> Row {
    cx.row(Role::Dim, format!("   {label}"))
        .to(w.label)
        .and(stable, cx.style(Role::Text))
        .to(w.label + w.side)
        .and(candidate, cx.style(Role::Text))
}

fn gated(
    cx: &Cx<'_>,
    w: Columns,
    gate: &Gate,
    judged: Option<&GateVerdict>,
    stable: Option<&ArmStats>,
    candidate: Option<&ArmStats>,
) -> Row {
    let side = |value: Option<f64>, arm: Option<&ArmStats>| match &gate.metric {
        Metric::Errors => errors(arm),
        // What the gate did not judge is still known of the last minute.
        Metric::Latency { quantile } => {
            value.or_else(|| latency(arm?, *quantile)).map_or("–".to_owned(), |v| format!("{} ms", millis(v)))
        }
        Metric::Restarts { .. } | Metric::Query { .. } => value.map_or("–".to_owned(), trim),
    };
    let (a, b) = (judged.and_then(|v| v.stable), judged.and_then(|v| v.candidate));
    let lasting = if gate.lasting.0 > 0 && w.limit > 9 { format!(" · {}", gate.lasting) } else { String::new() };
    let row = plain(cx, w, &gate.metric.to_string(), side(a, stable), side(b, candidate))
        .to(w.label + 2 * w.side)
        .and(format!("{}{lasting}", gate.limit_text()), cx.style(Role::Dim))
        .to(w.label + 2 * w.side + w.limit);
    match judged {
        Some(v) => {
            let broken = if v.broken_for.0 > 0 { format!(" for {}", coarse(v.broken_for)) } else { String::new() };
            row.join(verdict(cx, &v.verdict)).and(broken, cx.style(Role::Dim))
        }
        None => row.join(cx.status(Status::Unknown, "not judged")),
    }
}

/// Error share and p95 over the last scrapes, both sides on one scale.
fn charts(cx: &Cx<'_>, w: Columns, arms: [Option<&ArmStats>; 2], interval: Millis, height: usize) -> Vec<Row> {
    let width = w.side.saturating_sub(3);
    let mut rows = Vec::new();
    type History = fn(&ArmStats) -> &std::collections::VecDeque<Option<f64>>;
    type Unit = fn(f64) -> String;
    let both: [(&str, History, Unit); 2] =
        [("errors", |a| &a.error_history, crate::ui::components::percent), ("p95", |a| &a.p95_history, |v| format!("{} ms", millis(v)))];
    for (label, history, unit) in both {
        let arms = arms.map(|arm| arm.map(history));
        let longest = arms.iter().flatten().map(|h| h.len()).max().unwrap_or(0);
        if longest < 2 {
            continue;
        }
        let top = spark::top(arms.iter().flatten().flat_map(|h| h.iter()));
        let [left, right] = arms.map(|h| spark::bars(h.into_iter().flatten(), top, width, height));
        for (n, (a, b)) in left.into_iter().zip(right).enumerate() {
            let name = if n + 1 == height {
                format!("   {label} {}", coarse(Millis(interval.0.saturating_mul(longest.min(width) as u64))))
            } else {
                String::new()
            };
            let scale = if n == 0 { format!("up to {}", unit(top)) } else { String::new() };
            rows.push(
                cx.row(Role::Dim, name)
                    .to(w.label)
                    .and(a, cx.style(Role::TrackStable))
                    .to(w.label + w.side)
                    .and(b, cx.style(Role::TrackCandidate))
                    .to(w.label + 2 * w.side)
                    .and(scale, cx.style(Role::Dim)),
            );
        }
    }
    rows
}
