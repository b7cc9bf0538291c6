//! Taking back what no record tells of: it was begun by hand, or its record is lost.

use crate::domain::argo_rollout::ArgoRollout;
use crate::domain::command::Refusal;
use crate::domain::observed::Observed;
use crate::domain::release::{Release, Strategy};
use crate::domain::rollout::Rollout;

use super::super::argo::told;
use super::super::orient;
use super::super::start::{self, Birth};
use super::begin;

/// The route of which it cannot be told whether there is anything to take back.
fn unseen(release: &Release, observed: &Observed) -> Option<String> {
    release.components.iter().find_map(|c| {
        let problem = observed.components.get(&c.name)?.route.as_ref().err().filter(|p| p.may_send())?;
        Some(format!("{}: {problem}; whether it sends anything to a candidate cannot be told", c.name))
    })
}

fn nothing_to_take_back(strategy: &Strategy) -> String {
    let other = match strategy {
        Strategy::BlueGreen(_) => "to give the other colour the traffic start a rollout of what it runs (s, or `cutover run`)",
        _ => "to put a Deployment back to an earlier revision use undo (U)",
    };
    format!("no rollout is under way and no route sends anything to a candidate; {other}")
}

/// Said where stable runs what was rolled out: a promotion was under way of which no record tells, and traffic alone brings no
/// earlier version back.
pub fn same_version(r: &Rollout) -> Option<String> {
    let (name, target) = r.targets.iter().find(|(_, t)| {
        let both = t.candidate.as_ref().is_some_and(|c| c.images == t.images);
        both && t.stable.images == t.images && matches!(r.release.strategy, Strategy::Canary(_))
    })?;
    let image = target.stable.images.first().map_or("", |i| i.image.as_str());
    Some(format!(
        "{name}: {} runs {image} as the candidate does; an earlier version comes back with `cutover undo --component {name}`",
        target.stable.name
    ))
}

/// A rollback of a release that nobody declared a run of: it was started by hand.
///
/// # Errors
/// When stable does not exist or nothing could be taken back.
pub fn undeclared(release: &Release, observed: &Observed, birth: Birth<'_>) -> Result<Rollout, Refusal> {
    let named = orient::as_named(release, observed);
    let (release, observed) = named.as_ref().map_or((release, observed), |(r, o)| (r, o));
    let moved = release.components.iter().any(|c| {
        observed.route(&c.name).is_some_and(|f| f.candidate > 0 || f.sends_testers())
            || told(observed, &c.name).is_some_and(ArgoRollout::is_midway)
    });
    if !moved {
        return Err(Refusal::NotNow { what: unseen(release, observed).unwrap_or_else(|| nothing_to_take_back(&release.strategy)) });
    }
    let mut r = start::by_hand(release, observed, birth)?;
    begin(&mut r, &format!("asked by {}", birth.actor), birth.actor, birth.now)?;
    Ok(r)
}
