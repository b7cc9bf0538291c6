//! Asked, accepted and observed weights, component by component, and what else sends traffic.

use crate::app::words::{self, Status};
use crate::domain::release::{Component, Track};
use crate::domain::route::{Acceptance, RouteEntry, RouteFacts};
use crate::domain::view::View;
use crate::theme::Role;
use crate::ui::Cx;
use crate::ui::row::Row;

pub(super) fn summary(cx: &Cx<'_>, view: &View) -> Row {
    let routers: std::collections::BTreeSet<&str> = view.release.components.iter().map(|c| c.router.word()).collect();
    cx.row(Role::Dim, routers.into_iter().collect::<Vec<_>>().join(", "))
}

pub(super) fn rows(cx: &Cx<'_>, view: &View) -> Vec<Row> {
    let way = view.way_back();
    let mut rows = Vec::new();
    for c in &view.release.components {
        rows.extend(component(cx, view, c));
        if let Some(back) = way.as_ref().and_then(|w| w.components.get(&c.name)) {
            rows.push(cx.row(Role::Text, "    ").join(cx.status(words::stand(&back.stand), &back.to_string())));
        }
    }
    rows.extend(view.release.notices().into_iter().map(|text| cx.row(Role::Text, "  ").join(cx.status(Status::Warn, text))));
    rows
}

fn component(cx: &Cx<'_>, view: &View, c: &Component) -> Vec<Row> {
    let mut rows = Vec::new();
    let name = cx.row(Role::Strong, format!("  {}", c.name));
    let Some(observed) = view.observed.as_ref().and_then(|o| o.components.get(&c.name)) else {
        return vec![name.and("  not read yet", cx.style(Role::Dim))];
    };
    match &observed.route {
        Err(problem) => rows.push(name.gap(2).join(cx.status(Status::Unknown, &problem.to_string()))),
        Ok(facts) => {
            rows.push(name.and(format!("  {}{}", facts.object, entry(facts)), cx.style(Role::Text)));
            let asked = view.rollout.as_ref().filter(|r| !r.is_over()).map_or("–".to_owned(), |r| r.asked.to_string());
            let measured = view.judgement.observed.get(&c.name).map_or("–".to_owned(), |s| format!("{} %", s.percent()));
            let dim = cx.style(Role::Dim);
            let strong = cx.style(Role::Strong);
            rows.push(
                cx.row(Role::Dim, "    asked ")
                    .and(asked, strong)
                    .and("   accepted ", dim)
                    .and(format!("{} % ({} : {})", facts.percent(), facts.stable, facts.candidate), strong)
                    .and("   observed ", dim)
                    .and(measured, strong),
            );
            match &facts.accepted {
                Acceptance::Yes => {}
                Acceptance::Pending(why) => {
                    rows.push(cx.row(Role::Text, "    ").join(cx.status(Status::Progress, &format!("waiting: {why}"))))
                }
                Acceptance::Refused(why) => rows.push(cx.row(Role::Text, "    ").join(cx.status(Status::Fail, &format!("refused: {why}")))),
            }
            rows.extend(observed.notes().map(|note| cx.row(Role::Text, "    ").join(cx.status(Status::Warn, note.as_str()))));
        }
    }
    for track in [Track::Stable, Track::Candidate] {
        let Some(w) = view.observed.as_ref().and_then(|o| o.workload(&c.name, track)) else { continue };
        let role = if track == Track::Stable { Role::TrackStable } else { Role::TrackCandidate };
        let (stable, candidate) = crate::app::words::sides(view);
        let side = if track == Track::Stable { stable } else { candidate };
        let text = format!("  {}: {} of {} ready, {} ready addresses", w.name, w.ready, w.replicas, w.ready_addresses);
        rows.push(cx.row(role, format!("    {side:<7}")).and(text, cx.style(Role::Text)));
        if let Some(why) = &w.stalled {
            rows.push(cx.row(Role::Text, "      ").join(cx.status(Status::Fail, why.as_str())));
        }
    }
    rows
}

/// Where in the object the two sides stand.
fn entry(facts: &RouteFacts) -> String {
    match &facts.entry {
        RouteEntry::VirtualService { route, http, stable, candidate } => {
            let route = route.clone().unwrap_or_else(|| format!("http[{http}]"));
            format!(", {route}: {} and {}", stable.1, candidate.1)
        }
        RouteEntry::HttpRoute { name, rule, stable, candidate } => {
            let rule = name.clone().unwrap_or_else(|| rule.to_string());
            format!(", rule {rule}: {} and {}", stable.1, candidate.1)
        }
        RouteEntry::Ingress { prefix, candidate, .. } => format!(", {prefix}: canary to {}", candidate.1),
        RouteEntry::Service { key, stable, candidate, current } => format!(", selector {key}={current} ({stable} or {candidate})"),
        RouteEntry::Replicas { stable, candidate } => format!(": ready pods of {} and {}", stable.0, candidate.0),
    }
}
