//! A rollback as people follow it: one line for each thing that must come true, with its deadline and the command that does
//! it by hand.

use crate::domain::checklist::{Checklist, Line, LineState};
use crate::domain::journal::EntryKind;
use crate::domain::observed::Observed;
use crate::domain::patch;
use crate::domain::release::{Strategy, Track};
use crate::domain::rollout::{ComponentTarget, Phase, Recorded, Rollout};
use crate::domain::route::{RouteEntry, RouteFacts};
use crate::domain::time::{Millis, Now};
use crate::domain::verdict::Judgement;

use super::decide::SELF;
use super::leftovers::kept_for;
use super::needs::image_changes;
use super::rollback::{PODS_DEADLINE, ROUTE_DEADLINE, STABLE_DEADLINE, back, is_back};

/// A rollback as people follow it.
pub fn checklist(r: &Rollout, observed: Option<&Observed>, judgement: &Judgement, now: Now) -> Option<Checklist> {
    let (since, by, held) = match &r.phase {
        Phase::RollingBack { since, by, routes_held, .. } => (*since, by.clone(), *routes_held),
        Phase::RolledBack => {
            let begun = r.log.iter().rev().find(|e| e.kind == EntryKind::Decision && e.text.starts_with("rollback:"));
            (begun.map_or(r.started, |e| e.at), begun.map_or_else(|| SELF.to_owned(), |e| e.actor.clone()), r.routes_back.or(r.ended))
        }
        _ => return None,
    };
    let elapsed = now.since(since);
    let over = r.is_over();
    let took = |at: jiff::Timestamp| Millis(u64::try_from(at.as_millisecond() - since.as_millisecond()).unwrap_or(0));
    let state = |done: bool, trouble: Option<&String>, deadline: Millis| match (done || over, trouble) {
        (true, _) => LineState::Done { after: r.ended.or(held).map_or(elapsed, took) },
        (false, Some(why)) => LineState::Stuck { elapsed, why: why.clone() },
        (false, None) if elapsed > deadline => {
            LineState::Stuck { elapsed, why: r.waiting.clone().unwrap_or_else(|| "no answer".to_owned()) }
        }
        (false, None) => LineState::Running { elapsed },
    };
    // The traffic is back before all else is done.
    let routed = |done: bool, trouble: Option<&String>| match (state(done, trouble, ROUTE_DEADLINE), held) {
        (LineState::Done { .. }, Some(at)) => LineState::Done { after: took(at) },
        (other, _) => other,
    };
    let mut lines = Vec::new();
    for (name, target) in &r.targets {
        let facts = observed.and_then(|o| o.route(name)).or(target.route.as_ref());
        if let Some(facts) = facts {
            let by_hand = route_by_hand(r, name, target, facts);
            let done = observed.is_some_and(|o| is_back(name, o));
            lines.push(Line {
                subject: name.clone(),
                text: format!("{}: all traffic to stable", facts.object),
                state: routed(done, r.trouble.get(name)),
                deadline: ROUTE_DEADLINE,
                by_hand: Some(by_hand),
            });
        }
        if r.release.strategy == Strategy::ArgoRollout {
            lines.push(Line {
                subject: name.clone(),
                text: format!("Rollout {}: all traffic to stable", target.stable.name),
                state: routed(observed.is_some_and(|o| is_back(name, o)), r.trouble.get(name)),
                deadline: ROUTE_DEADLINE,
                by_hand: Some(undo_by_hand(r, &target.stable)),
            });
        }
        let restored = observed
            .and_then(|o| o.workload(name, Track::Stable))
            .is_some_and(|w| image_changes(w, &target.stable.images).is_empty() && w.ready > 0 && !w.paused);
        let images: Vec<&str> = target.stable.images.iter().map(|i| i.image.as_str()).collect();
        let by_hand = undo_by_hand(r, &target.stable);
        lines.push(Line {
            subject: name.clone(),
            text: format!("{} runs {}", target.stable.name, images.join(", ")),
            state: state(restored, None, STABLE_DEADLINE),
            deadline: STABLE_DEADLINE,
            by_hand: Some(by_hand),
        });
    }
    if matches!(r.release.strategy, Strategy::Canary(_)) {
        let kept = observed.and_then(|o| kept_for(r, o).next());
        let text = match (r.clean_up, kept) {
            (Some(at), _) => format!("candidate kept until {}", crate::domain::time::hms(at)),
            (None, Some((name, past))) => format!("{name}: candidate kept, {past} sends to it"),
            (None, None) => "candidate scaled to 0".to_owned(),
        };
        lines.push(Line {
            subject: "pods".to_owned(),
            text,
            state: if held.is_some() || over { state(false, None, PODS_DEADLINE) } else { LineState::Waiting },
            deadline: PODS_DEADLINE,
            by_hand: None,
        });
    }
    let errors = r.errors_before.zip(errors_now(judgement));
    Some(Checklist { release: r.release.name.clone(), by, since, lines, errors })
}

/// The command that takes one component's traffic back.
fn route_by_hand(r: &Rollout, name: &str, target: &ComponentTarget, facts: &RouteFacts) -> String {
    let RouteEntry::Replicas { candidate, .. } = &facts.entry else {
        let (action, precondition) = back(name, facts);
        return patch::patches(&action, precondition, "").iter().map(patch::Patch::kubectl).collect::<Vec<_>>().join(" && ");
    };
    let scale = |name: &str, to: u32| format!("kubectl -n {} scale deployment/{name} --replicas={to}", r.release.namespace);
    format!("{} && {}", scale(&target.stable.name, target.stable.replicas), scale(&candidate.0, 0))
}

fn undo_by_hand(r: &Rollout, stable: &Recorded) -> String {
    let images: Vec<String> = stable.images.iter().map(|i| format!("{}={}", i.name, i.image)).collect();
    if r.release.strategy == Strategy::ArgoRollout {
        let (namespace, name) = (&r.release.namespace, &stable.name);
        let abort = format!(
            "kubectl -n {namespace} patch rollout.argoproj.io {name} --subresource status --type merge -p '{{\"status\":{{\"abort\":true}}}}'"
        );
        return format!("{abort} && kubectl argo rollouts -n {namespace} set image {name} {}", images.join(" "));
    }
    format!("kubectl -n {} set image deployment/{} {}", r.release.namespace, stable.name, images.join(" "))
}

/// The error share that people meet now: the worst of any side that has traffic.
fn errors_now(judgement: &Judgement) -> Option<f64> {
    judgement.arms.values().flat_map(|a| a.values()).filter(|s| s.requests > 0).filter_map(|s| s.errors).reduce(f64::max)
}
