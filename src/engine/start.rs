//! A run begins: everything that a rollback needs later is recorded now.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::command::Refusal;
use crate::domain::drift::Known;
use crate::domain::image::Image;
use crate::domain::observed::{ComponentObserved, ContainerImage, KeptRevision, Observed, Workload};
use crate::domain::release::{Component, Destination, Release, Rolling, Router, Strategy, Track};
use crate::domain::rollout::{ComponentTarget, Recorded, Rollout};
use crate::domain::route::RouteFacts;
use crate::domain::step::Step;
use crate::domain::time::Now;
use crate::domain::weight::Weight;

use super::{argo, fits, plan, room};

/// A run that has not begun: ids and names that come from outside.
#[derive(Clone, Copy, Debug)]
pub struct Birth<'a> {
    /// Unique id of the run.
    pub id: &'a str,
    /// Who starts it.
    pub actor: &'a str,
    /// The present.
    pub now: Now,
}

/// Begins a run of the release's strategy.
///
/// # Errors
/// When strategy, routes and objects do not fit, when an image is given for an unknown component, or when nothing would change.
pub fn start(
    release: &Release,
    observed: &Observed,
    images: &BTreeMap<String, Image>,
    cause: Option<&str>,
    birth: Birth<'_>,
) -> Result<Rollout, Refusal> {
    plan::check(release)?;
    if let Some(unknown) = images.keys().find(|name| release.component(name).is_none()) {
        let names: Vec<&str> = release.components.iter().map(|c| c.name.as_str()).collect();
        return Err(Refusal::Unfit {
            what: format!("release {} has no component `{unknown}`; it has: {}", release.name, names.join(", ")),
        });
    }
    uncontested(release, observed)?;
    let mut targets = BTreeMap::new();
    for component in &release.components {
        let seen = observed.components.get(&component.name);
        let target = target(release, component, seen, images.get(&component.name))?;
        targets.insert(component.name.clone(), Arc::new(target));
    }
    fits::apart(&targets)?;
    let same = |t: &ComponentTarget| t.images == t.stable.images;
    if targets.values().all(|t| same(t)) {
        return Err(Refusal::Unchanged);
    }
    let mut rollout = empty(release.clone(), birth);
    rollout.cause = cause.map(str::to_owned);
    rollout.targets = targets;
    adopt(&mut rollout, observed)?;
    for step in &rollout.plan {
        if let Step::Shift(weight) = step {
            expressible(&rollout, observed, *weight)?;
        }
    }
    room::may_start(&rollout, observed)?;
    Ok(rollout)
}

/// Whether nobody else moves the same traffic. Asked of a start only: a rollback is never refused.
fn uncontested(release: &Release, observed: &Observed) -> Result<(), Refusal> {
    let seen = release.components.iter().filter_map(|c| Some((c, observed.components.get(&c.name)?)));
    for (component, seen) in seen {
        if let Some(owner) = seen.owners.iter().find(|o| o.tool.fights()) {
            let what = format!(
                "{}: {owner}, and two controllers would fight over it: release with that one, or take {} away from it first",
                component.name, owner.object
            );
            return Err(Refusal::Unfit { what });
        }
    }
    Ok(())
}

/// Whether every component's route can say a weight: told before the first write, not when it is met.
///
/// # Errors
/// [`Refusal::Weight`] with the component and what would help.
pub(super) fn expressible(rollout: &Rollout, observed: &Observed, weight: Weight) -> Result<(), Refusal> {
    let told = rollout.targets.keys().find_map(|name| Some((name, observed.route(name)?.cannot_express(weight)?)));
    told.map_or(Ok(()), |(name, why)| Err(Refusal::Weight { component: name.clone(), why }))
}

/// A run with nothing recorded yet.
fn empty(release: Release, birth: Birth<'_>) -> Rollout {
    Rollout { plan: plan::compile(&release), ..Rollout::new(release, birth.id, birth.actor, birth.now.wall) }
}

/// A release that somebody began by hand goes on from where it is: the plan's first weight that is not lower.
fn adopt(rollout: &mut Rollout, observed: &Observed) -> Result<(), Refusal> {
    let percent = |name: &str| observed.route(name).map_or(0, |r| r.percent());
    let Some(most) = rollout.targets.keys().map(|name| percent(name)).max().filter(|p| *p > 0) else { return Ok(()) };
    for (name, target) in &rollout.targets {
        let running = target.candidate.as_ref().map(|c| &c.images);
        if percent(name) > 0 && running != Some(&target.images) {
            let what =
                format!("{name}: the candidate already gets {} % of the traffic and runs another image: roll back first", percent(name));
            return Err(Refusal::Unfit { what });
        }
    }
    rollout.asked = Weight::capped(most);
    let shift = rollout.plan.iter().position(|s| matches!(s, Step::Shift(w) if w.percent() >= most));
    if let Some(cursor) = shift {
        rollout.cursor = cursor;
        if let Some(Step::Shift(w)) = rollout.plan.get(cursor) {
            rollout.asked = *w;
        }
    }
    Ok(())
}

/// What is recorded and wanted of one component.
fn target(
    release: &Release,
    component: &Component,
    seen: Option<&ComponentObserved>,
    image: Option<&Image>,
) -> Result<ComponentTarget, Refusal> {
    let Some(seen) = seen else { return Err(Refusal::Unfit { what: format!("{}: not read yet, try again", component.name) }) };
    let Some(stable) = &seen.stable else {
        let what = format!("{}: Deployment {} does not exist in namespace {}", component.name, component.stable, release.namespace);
        return Err(Refusal::Unfit { what });
    };
    argo::fits(release, &component.name, stable)?;
    let rolling = release.strategy.is_in_place();
    if let (false, Err(problem)) = (rolling, &seen.route) {
        return Err(Refusal::Unfit { what: format!("{}: {problem}", component.name) });
    }
    if let Some(rule) = seen.route.as_ref().ok().filter(|f| f.sends_testers()).and_then(|f| f.testers.as_ref()) {
        let what = format!(
            "{}: {} goes to the candidate already, by somebody's rule or one that was left: roll back first, take the rule away, or leave `testers` out",
            component.name, rule.testers
        );
        return Err(Refusal::Unfit { what });
    }
    let images = match (image, &seen.candidate) {
        (Some(image), _) => wanted(component, stable, image)?,
        (None, Some(candidate)) if !rolling => common(stable, candidate),
        (None, _) if rolling => stable.containers.clone(),
        (None, _) => {
            let what = format!(
                "{}: no image named and no candidate to take one from: add --image {}=REPOSITORY:TAG",
                component.name, component.name
            );
            return Err(Refusal::Unfit { what });
        }
    };
    if seen.candidate.is_none() && !rolling {
        clonable(release, component, stable, &images)?;
    }
    let target = ComponentTarget {
        stable: whole(component, stable, seen.candidate.as_ref()),
        candidate: seen.candidate.as_ref().map(recorded),
        images,
        route: seen.route.as_ref().ok().cloned(),
        held: None,
        overruled: None,
        admitted: false,
        sized: None,
        known: known(stable, seen.candidate.as_ref()),
        cloned: seen.candidate.is_none() && !rolling,
        undo: None,
        passed: None,
    };
    argo::may_start(&component.name, &target, stable)?;
    fits::by_number((release, component), stable, seen.candidate.as_ref(), target.stable.replicas)?;
    fits::reached(component, seen.candidate.as_ref())?;
    Ok(target)
}

/// The wanted image of the released container; the others stay as stable's.
fn wanted(component: &Component, stable: &Workload, image: &Image) -> Result<Vec<ContainerImage>, Refusal> {
    let Some(container) = stable.image(component.container.as_deref()) else {
        let names: Vec<&str> = stable.containers.iter().map(|c| c.name.as_str()).collect();
        let what = format!(
            "{}: Deployment {} has no container `{}`; it has: {}",
            component.name,
            stable.name,
            component.container.as_deref().unwrap_or(""),
            names.join(", ")
        );
        return Err(Refusal::Unfit { what });
    };
    let name = container.name.clone();
    Ok(stable
        .containers
        .iter()
        .map(|c| if c.name == name { ContainerImage { name: c.name.clone(), image: image.to_string() } } else { c.clone() })
        .collect())
}

/// Images of the candidate's containers, in stable's order; containers that only stable has stay as they are.
pub(super) fn common(stable: &Workload, candidate: &Workload) -> Vec<ContainerImage> {
    let image = |c: &ContainerImage| candidate.containers.iter().find(|k| k.name == c.name).unwrap_or(c).clone();
    stable.containers.iter().map(image).collect()
}

/// A clone only gets traffic of its own where a label tells it from stable and a Service or subset selects that label.
fn clonable(release: &Release, component: &Component, stable: &Workload, images: &[ContainerImage]) -> Result<(), Refusal> {
    let Some(name) = &component.candidate else { return Err(Refusal::Unfit { what: format!("{}: names no candidate", component.name) }) };
    if matches!(component.router, Router::Service { .. } | Router::Replicas { .. })
        || name.strip_suffix("-canary").is_some()
        || name.strip_suffix("-candidate").is_some()
    {
        return Ok(());
    }
    let image = images.first().map_or("", |i| i.image.as_str());
    let manifest = format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}\n  namespace: {}\n  # the rest as in Deployment {}, with labels that only the candidate has\nspec:\n  replicas: {}\n  template:\n    spec:\n      containers:\n      - name: {}\n        image: {image}\n",
        release.namespace,
        stable.name,
        stable.replicas.max(1),
        images.first().map_or("", |i| i.name.as_str()),
    );
    Err(Refusal::NoCandidate { component: component.name.clone(), name: name.clone(), manifest })
}

/// Labels that tell a clone's pods from stable's: those the route's own objects name, else what is customary.
pub(super) fn track_labels(component: &Component, route: Option<&RouteFacts>) -> BTreeMap<String, String> {
    let canary = || BTreeMap::from([("track".to_owned(), "canary".to_owned())]);
    if let Some(told) = route.map(|r| &r.candidate_labels).filter(|l| !l.is_empty()) {
        return canary().into_iter().chain(told.clone()).collect();
    }
    match &component.router {
        Router::Service { key, candidate, .. } => BTreeMap::from([(key.clone(), candidate.clone())]),
        Router::Istio { candidate: Destination { subset: Some(subset), .. }, .. } => {
            canary().into_iter().chain([("version".to_owned(), subset.clone())]).collect()
        }
        _ => canary(),
    }
}

/// A workload as it is now.
pub(super) fn recorded(w: &Workload) -> Recorded {
    Recorded {
        name: w.name.clone(),
        uid: w.uid.clone(),
        replicas: w.replicas,
        images: w.containers.clone(),
        revision: w.revision,
        template_hash: w.template_hash.clone(),
    }
}

/// What both sides are when the run begins: what is neither this nor what the run asks for was written by somebody else.
fn known(stable: &Workload, candidate: Option<&Workload>) -> BTreeMap<Track, Known> {
    [(Track::Stable, Some(stable)), (Track::Candidate, candidate)].into_iter().filter_map(|(t, w)| Some((t, Known::of(w?)))).collect()
}

/// Stable as it was before anything was moved: where pods are the weight, the candidate's were stable's; where stable was
/// scaled away, the candidate shows how many pods the traffic needs.
fn whole(component: &Component, stable: &Workload, candidate: Option<&Workload>) -> Recorded {
    let taken_over = matches!(component.router, Router::Replicas { .. }) || stable.replicas == 0;
    let moved = candidate.filter(|_| taken_over).map_or(0, |c| c.replicas);
    Recorded { replicas: stable.replicas.saturating_add(moved), ..argo::serving(stable) }
}

/// A run that somebody began without us, as far as it can be told: the candidate's images are what was wanted.
///
/// # Errors
/// When a component's stable Deployment does not exist.
pub fn by_hand(release: &Release, observed: &Observed, birth: Birth<'_>) -> Result<Rollout, Refusal> {
    let mut rollout = empty(release.clone(), birth);
    for c in &release.components {
        let Some((seen, stable)) = observed.components.get(&c.name).and_then(|o| Some((o, o.stable.as_ref()?))) else {
            return Err(Refusal::Unfit {
                what: format!("{}: Deployment {} does not exist in namespace {}", c.name, c.stable, release.namespace),
            });
        };
        let images = seen.candidate.as_ref().map_or_else(|| stable.containers.clone(), |k| common(stable, k));
        let target = ComponentTarget {
            stable: whole(c, stable, seen.candidate.as_ref()),
            candidate: seen.candidate.as_ref().map(recorded),
            images,
            route: seen.route.as_ref().ok().cloned(),
            held: None,
            overruled: None,
            admitted: false,
            sized: None,
            known: known(stable, seen.candidate.as_ref()),
            cloned: false,
            undo: None,
            passed: None,
        };
        rollout.targets.insert(c.name.clone(), Arc::new(target));
    }
    rollout.asked = Weight::capped(observed.components.keys().filter_map(|n| observed.route(n)).map(|f| f.percent()).max().unwrap_or(0));
    Ok(rollout)
}

/// Begins a run that puts Deployments back to a kept revision.
///
/// # Errors
/// When the component, the Deployment or the revision does not exist, or the revision runs already.
pub fn undo(release: &Release, observed: &Observed, component: Option<&str>, revision: u64, birth: Birth<'_>) -> Result<Rollout, Refusal> {
    let unfit = |what: String| Refusal::Unfit { what };
    let chosen: Vec<&Component> = release.components.iter().filter(|c| component.is_none_or(|name| c.name == name)).collect();
    if chosen.is_empty() {
        return Err(unfit(format!("release {} has no component `{}`", release.name, component.unwrap_or(""))));
    }
    let strategy = match release.strategy {
        Strategy::ArgoRollout => Strategy::ArgoRollout,
        _ => Strategy::Rolling(Rolling { steps: Vec::new() }),
    };
    let mut scoped = Release { strategy, watch: None, ..release.clone() };
    scoped.components = chosen.iter().map(|c| Component { router: Router::None, candidate: None, ..(*c).clone() }).collect();
    let mut rollout = empty(scoped, birth);
    for c in chosen {
        let stable = observed
            .components
            .get(&c.name)
            .and_then(|o| o.stable.as_ref())
            .ok_or_else(|| unfit(format!("{}: Deployment {} does not exist", c.name, c.stable)))?;
        let kept = kept(c, stable, revision)?;
        rollout.targets.insert(
            c.name.clone(),
            Arc::new(ComponentTarget {
                stable: argo::serving(stable),
                candidate: None,
                images: kept.images.clone(),
                route: None,
                held: None,
                overruled: None,
                admitted: false,
                sized: None,
                known: known(stable, None),
                cloned: false,
                undo: Some(kept),
                passed: None,
            }),
        );
    }
    rollout.cause = Some(match revision {
        0 => "undo to the revision before".to_owned(),
        n => format!("undo to revision {n}"),
    });
    Ok(rollout)
}

/// The kept revision that is meant; 0 is the second highest, as for kubectl.
fn kept(component: &Component, stable: &Workload, revision: u64) -> Result<KeptRevision, Refusal> {
    let mut all = stable.revisions.clone();
    all.sort_by_key(|k| std::cmp::Reverse(k.revision));
    let found = if revision == 0 { all.get(1) } else { all.iter().find(|k| k.revision == revision) };
    let Some(found) = found else {
        let have: Vec<String> = all.iter().map(|k| k.revision.to_string()).collect();
        let what = format!("{}: Deployment {} keeps no such revision; it keeps: {}", component.name, stable.name, have.join(", "));
        return Err(Refusal::Unfit { what });
    };
    if stable.template_hash.as_ref() == Some(&found.template_hash) {
        return Err(Refusal::Unfit { what: format!("{}: revision {} is what runs already", component.name, found.revision) });
    }
    Ok(found.clone())
}
