//! What of a reply is compared, in words, and what differs between any two worlds and is made equal first.
//!
//! 1. uids, versions, template hashes and names of ReplicaSets are numbered as they appear: who has the same as whom is compared;
//! 2. generations are counted from the first that was seen of an object;
//! 3. times, namespaces, notes for people and the words of refusals are left out;
//! 4. of other people is told that it was not us.

use std::collections::BTreeMap;

use cutover::domain::action::WriteOutcome;
use cutover::domain::beside::Beside;
use cutover::domain::drift::Writer;
use cutover::domain::observed::{ComponentObserved, ContainerImage, Observed, Workload};
use cutover::domain::port::{Fault, LeaseOutcome, StoreOutcome, Stored};
use cutover::domain::route::{Acceptance, RouteEntry, RouteFacts, RouteProblem};
use cutover::driver::core::io::Reply;
use serde_json::{Value, json};

/// Remembers what it has numbered, for one world in one script.
#[derive(Default)]
pub struct Normal {
    numbers: BTreeMap<String, Vec<String>>,
    generations: BTreeMap<String, i64>,
    /// The component that is told of: the compact world counts uids in each anew.
    component: String,
}

impl Normal {
    /// A reply in words; of a look at what has not come to rest, what a write decides and no more.
    pub fn reply(&mut self, reply: &Reply, at_rest: bool) -> Value {
        match reply {
            Reply::Written(outcome) => written(outcome).into(),
            Reply::Stored(outcome) => self.stored(outcome).into(),
            Reply::Leased(outcome) => self.leased(outcome).into(),
            Reply::Loaded(result) => self.loaded(result).into(),
            Reply::Appended(result) => result.as_ref().map_or_else(fault, |()| "left".to_owned()).into(),
            Reply::Observed(Ok(seen)) => self.observed(seen, at_rest),
            Reply::Observed(Err(why)) => fault(why).into(),
            Reply::Sampled(_) | Reply::Journaled(_) => "not asked".into(),
        }
    }

    /// Who has the same as whom: each sort has numbers of its own.
    fn number(&mut self, sort: &str, text: &str) -> String {
        let text = format!("{} {text}", self.component);
        let known = self.numbers.entry(sort.to_owned()).or_default();
        let place = known.iter().position(|other| *other == text).unwrap_or_else(|| {
            known.push(text);
            known.len() - 1
        });
        format!("{sort} {}", place + 1)
    }

    fn stored(&mut self, outcome: &StoreOutcome) -> String {
        match outcome {
            StoreOutcome::Stored { version } => format!("stored as {}", self.number("version", version)),
            StoreOutcome::Conflict => "conflict".into(),
            StoreOutcome::Refused { .. } => "refused".into(),
            StoreOutcome::Unknown { .. } => "unknown".into(),
        }
    }

    fn leased(&mut self, outcome: &LeaseOutcome) -> String {
        match outcome {
            LeaseOutcome::Held { epoch } => format!("held in epoch {epoch}"),
            LeaseOutcome::Free => "free".into(),
            // The version of another life of the same holder is nothing to wait for.
            LeaseOutcome::Taken { holder, epoch, version, .. } if version.is_empty() => format!("taken by {holder} in epoch {epoch}"),
            LeaseOutcome::Taken { holder, epoch, version, .. } => {
                format!("taken by {holder} in epoch {epoch}, {}", self.number("lease", version))
            }
            LeaseOutcome::Refused { .. } => "refused".into(),
            LeaseOutcome::Unknown { .. } => "unknown".into(),
        }
    }

    fn loaded(&mut self, result: &Result<Option<Stored>, Fault>) -> String {
        match result {
            Err(why) => fault(why),
            Ok(None) => "nothing".into(),
            Ok(Some(stored)) => {
                let run = stored.rollout.as_ref().map_or("no run".to_owned(), |r| format!("run {}", r.id));
                let orders: String = stored.orders.iter().map(|o| format!(", order {}", o.id)).collect();
                format!("{run}{orders}, {}", self.number("version", &stored.version))
            }
        }
    }

    fn observed(&mut self, seen: &Observed, at_rest: bool) -> Value {
        let one = |(name, part): (&String, &ComponentObserved)| {
            self.component = name.clone();
            (name.clone(), self.component(part, at_rest))
        };
        seen.components.iter().map(one).collect()
    }

    fn component(&mut self, part: &ComponentObserved, at_rest: bool) -> Value {
        let mut side = |w: &Option<Workload>| match (w, at_rest) {
            (Some(w), true) => self.workload(w),
            (Some(w), false) => decided(w),
            (None, _) => Value::Null,
        };
        let (stable, candidate) = (side(&part.stable), side(&part.candidate));
        let route = match &part.route {
            Ok(facts) => self.route(facts, at_rest),
            Err(problem) => told(problem).into(),
        };
        let mut all = json!({
            "stable": stable, "candidate": candidate, "route": route, "route written by us": ours(&part.route_by), "beside": beside(&part.beside),
        });
        // Only where there is one: elsewhere nobody asks.
        if let (Some(application), Some(all)) = (part.owners.iter().find_map(|o| o.application.as_ref()), all.as_object_mut()) {
            let policy = |text: &Option<String>| text.as_ref().map(|t| serde_json::from_str::<Value>(t).unwrap_or_default());
            let told = json!({
                "automated": policy(&application.automated), "kept": policy(&application.kept),
                "suspended": application.is_suspended(), "overruled": application.is_overruled(),
            });
            all.insert("application".to_owned(), told);
        }
        all
    }

    fn workload(&mut self, w: &Workload) -> Value {
        let uid = self.number("uid", &format!("Deployment {}", w.uid));
        let first = *self.generations.entry(format!("{} {}", self.component, w.uid)).or_insert(w.generation);
        let kept: Vec<Value> = w
            .revisions
            .iter()
            .map(|k| {
                let set = self.number("set", &format!("{} {}", w.uid, k.replica_set));
                json!({ "revision": k.revision, "set": set, "template": self.template(w, &k.template_hash), "images": images(&k.images) })
            })
            .collect();
        let mut all = json!({
            "uid": uid,
            "version": self.number("version", &format!("{} {}", w.uid, w.resource_version)),
            "generation": w.generation - first,
            "newest seen": w.observed_generation >= w.generation,
            "pods": { "all": w.current, "updated": w.updated, "ready": w.ready, "available": w.available, "reached": w.ready_addresses },
            "revision": w.revision,
            "template": w.template_hash.as_ref().map(|hash| self.template(w, hash)),
            "kept": kept,
            "autoscaler": w.hpa.as_ref().map(|h| json!({ "min": h.min, "max": h.max, "current": (w.replicas > 0).then_some(h.current) })),
            "given up": w.stalled.is_some(),
            "problems": w.problems.len(),
        });
        if let (Some(all), Value::Object(rest)) = (all.as_object_mut(), decided(w)) {
            all.extend(rest);
        }
        all
    }

    fn template(&mut self, w: &Workload, hash: &str) -> String {
        self.number("template", &format!("{} {hash}", w.uid))
    }

    fn route(&mut self, facts: &RouteFacts, at_rest: bool) -> Value {
        // Of two Deployments the versions are theirs, and move with their pods.
        let by_ratio = matches!(facts.entry, RouteEntry::Replicas { .. });
        let version = (at_rest && !by_ratio).then(|| self.number("version", &format!("{} {}", facts.uid, facts.resource_version)));
        let uid = at_rest.then(|| self.number("uid", &format!("{} {}", facts.object.kind, facts.uid)));
        let accepted = match facts.accepted {
            Acceptance::Yes => "yes",
            Acceptance::Pending(_) => "pending",
            Acceptance::Refused(_) => "refused",
        };
        json!({
            "object": facts.object.to_string(), "uid": uid, "version": version, "entry": entry(&facts.entry),
            "stable": facts.stable, "candidate": facts.candidate,
            "accepted": (at_rest || !by_ratio).then_some(accepted),
            "bypass": facts.bypass, "testers": facts.testers.as_ref().map(|rule| rule.stands), "alone": facts.alone, "written": facts.written, "stamp": facts.stamp,
        })
    }
}

/// What a write decides at once.
fn decided(w: &Workload) -> Value {
    json!({
        "name": w.name, "replicas": w.replicas, "paused": w.paused, "images": images(&w.containers), "stamp": w.stamp,
        "images written by us": ours(&w.images_by), "replicas written by us": ours(&w.replicas_by),
    })
}

fn images(containers: &[ContainerImage]) -> Vec<String> {
    containers.iter().map(|c| format!("{}={}", c.name, c.image)).collect()
}

fn ours(by: &Option<Writer>) -> bool {
    by.as_ref().is_some_and(Writer::is_us)
}

fn entry(entry: &RouteEntry) -> Value {
    match entry {
        RouteEntry::VirtualService { route, http, stable, candidate } => {
            json!([route, http, stable.0, stable.1.to_string(), candidate.0, candidate.1.to_string()])
        }
        RouteEntry::HttpRoute { name, rule, stable, candidate } => json!([name, rule, stable, candidate]),
        RouteEntry::Ingress { prefix, candidate, canary, weight, annotated } => json!([prefix, candidate, canary, weight, annotated]),
        RouteEntry::Service { key, stable, candidate, current } => json!([key, stable, candidate, current]),
        RouteEntry::Replicas { stable, candidate } => json!([stable.0, candidate.0]),
    }
}

/// What other routes do: who they are is told to people.
fn beside(others: &Beside) -> String {
    match others {
        Beside::Sends(all) => format!("{} send to the candidate", all.len()),
        Beside::Unread(_) => "unread".into(),
        Beside::Forbidden(_) => "forbidden".into(),
    }
}

fn told(problem: &RouteProblem) -> String {
    match problem {
        RouteProblem::Missing(object) => format!("missing: {object}"),
        RouteProblem::Unfit { object, .. } => format!("unfit: {object}"),
        RouteProblem::Unread(_) => "unread".into(),
        RouteProblem::Forbidden(_) => "forbidden".into(),
        RouteProblem::None => "none".into(),
    }
}

fn written(outcome: &WriteOutcome) -> String {
    match outcome {
        WriteOutcome::Landed => "landed".into(),
        WriteOutcome::Conflict { .. } => "conflict".into(),
        WriteOutcome::Refused { code, .. } => format!("refused {code}"),
        WriteOutcome::Unknown { .. } => "unknown".into(),
    }
}

fn fault(why: &Fault) -> String {
    format!("{:?}", why.kind).to_lowercase()
}
