//! One look at a release: the stored run, the objects, the counters, the driver. Nothing is written.

use std::sync::Arc;

use crate::analysis::Judge;
use crate::domain::observed::Observed;
use crate::domain::port::{Fault, Haste, LeaseAsk, LeaseOutcome};
use crate::domain::release::Release;
use crate::domain::rollout::Rollout;
use crate::domain::time::{Millis, Now};
use crate::domain::verdict::Judgement;
use crate::driver::core::io::{Call, Reply};
use crate::driver::shell::World;

/// What one look found.
#[derive(Debug)]
pub struct Look {
    /// As declared or found; the run's own copy where one is under way.
    pub release: Release,
    /// The last run, over or not.
    pub rollout: Option<Rollout>,
    /// Why the stored run cannot be told, if so.
    pub unreadable: Option<Fault>,
    /// The objects, or why they cannot be read.
    pub observed: Result<Observed, Fault>,
    /// What the gates say.
    pub judgement: Judgement,
    /// Who drives, and how long ago they last said so.
    pub driver: Option<(String, Option<Millis>)>,
    /// When it was taken.
    pub now: Now,
}

/// Takes one look.
pub async fn look(world: &dyn World, declared: &Release, holder: &str, now: Now) -> Look {
    look_for(Haste::Waited, world, declared, holder, now).await
}

/// The same, with what room there is for more pods.
pub async fn weigh(world: &dyn World, declared: &Release, now: Now) -> Look {
    look_for(Haste::Rising, world, declared, "", now).await
}

async fn look_for(haste: Haste, world: &dyn World, declared: &Release, holder: &str, now: Now) -> Look {
    let (namespace, release) = (declared.namespace.clone(), declared.name.clone());
    let loaded = world.execute(Call::Load { namespace: namespace.clone(), release: release.clone() });
    let leased = world.execute(Call::Lease { namespace, release, holder: holder.to_owned(), ask: LeaseAsk::Read });
    let (loaded, leased) = futures::future::join(loaded, leased).await;
    let (rollout, unreadable) = match loaded {
        Reply::Loaded(Ok(stored)) => (stored.and_then(|s| s.rollout).map(Arc::unwrap_or_clone), None),
        Reply::Loaded(Err(fault)) => (None, Some(fault)),
        _ => (None, None),
    };
    let running = rollout.as_ref().filter(|r| !r.is_over());
    let release = running.map_or(declared, |r| &r.release).clone();
    let observing = world.execute(Call::Observe { release: Arc::new(release.clone()), haste });
    let sampling = async {
        match release.prometheus {
            Some(_) => Some(world.execute(Call::Sample { release: Arc::new(release.clone()) }).await),
            None => None,
        }
    };
    let (observed, sampled) = futures::future::join(observing, sampling).await;
    let observed = match observed {
        Reply::Observed(result) => result.map(Arc::unwrap_or_clone),
        _ => Err(Fault { kind: crate::domain::port::FaultKind::Other, text: "the answer did not fit".to_owned() }),
    };
    let mut judge = running.and_then(|r| r.judge.as_ref()?.read()).unwrap_or_else(|| Judge::new(&release));
    match sampled {
        Some(Reply::Sampled(Ok(scrape))) => judge.feed(&release, &scrape),
        Some(Reply::Sampled(Err(why))) => judge.outage(&why, now.wall),
        _ => {}
    }
    let judgement = observed.as_ref().map(|o| judge.judge(&release, o, now)).unwrap_or_default();
    Look { release, rollout, unreadable, observed, judgement, driver: driver(leased, now), now }
}

fn driver(reply: Reply, now: Now) -> Option<(String, Option<Millis>)> {
    match reply {
        Reply::Leased(LeaseOutcome::Taken { holder, renewed, .. }) => Some((holder, renewed.map(|at| now.since(at)))),
        _ => None,
    }
}

/// Who else manages the objects, a line each.
pub fn managers(observed: &Observed) -> Vec<String> {
    let mut all: Vec<String> = observed.components.values().flat_map(|c| &c.owners).map(ToString::to_string).collect();
    all.sort();
    all.dedup();
    all.extend(observed.unlisted.iter().map(ToString::to_string));
    all
}
