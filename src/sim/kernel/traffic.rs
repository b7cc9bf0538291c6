//! Requests that flow by what the routing objects say at that moment, and the counters that result.
//!
//! Once a virtual second the [`Traffic`] draws how many requests each [`Flow`] sends (Poisson), deals them out over kinds,
//! routes, and ready pods (multinomial), and lets each pod answer as its image does (binomial errors, log-normal latencies).
//! All chance comes from the kernel's seed. Nothing is approximated: every request goes to exactly one place, so counts are
//! conserved and a weight of 25 is 25 % within the noise of a fair draw.
//!
//! Who routes: Istio VirtualServices and DestinationRules, Gateway API HTTPRoutes, Services by their EndpointSlices, Ingresses
//! with nginx's canary annotations. Where no pod is ready, the router answers 503: people see it, no pod counts it.

use std::collections::BTreeMap;

use super::resource::{DESTINATION_RULE, ENDPOINT_SLICE, HTTP_ROUTE, INGRESS, POD, SERVICE, VIRTUAL_SERVICE};
use super::rng::Rng;
use super::usage::Load;
use super::{Change, ChangeKind, Part, PartId, World, object::Fields};

mod chance;
mod cluster_pages;
mod endpoints;
mod family;
mod flow;
mod ingress;
mod latency;
mod matching;
mod pages;
mod route;
mod serve;
mod server;

pub use flow::{Entry, Family, Flow, Header, Path, Wobble};

use chance::{deal, poisson};
use cluster_pages::ClusterPages;
use family::Routers;
use flow::Class;
use route::{Backend, Destination};
use serve::Batch;
use server::Server;

/// Milliseconds between two draws.
const TICK_MS: u64 = 1_000;

/// The traffic of all scenarios' services.
#[derive(Debug, Default)]
pub struct Traffic {
    /// Who sends requests. Set before the start.
    pub flows: Vec<Flow>,
    /// What is exposed to Prometheus. Set before the start.
    pub family: Family,
    rngs: Vec<Rng>,
    servers: BTreeMap<PodName, Server>,
    plans: Vec<Vec<Plan>>,
    stale: bool,
    routers: Routers,
    cluster: ClusterPages,
}

/// Namespace and name.
type PodName = (String, String);

/// Where the requests of one kind go, until an object changes.
#[derive(Debug)]
struct Plan {
    class: Class,
    weights: Vec<f64>,
    places: Vec<Place>,
}

/// One of those places.
#[derive(Debug)]
enum Place {
    /// Ready pods; without any, 503.
    Pods(Backend, Vec<PodName>),
    /// The router answers by itself.
    Refused(u16),
}

impl Traffic {
    /// Reads the routing objects anew.
    fn plan(&mut self, world: &World) {
        let store = &world.store;
        let place = |to: Destination| match to {
            Destination::Refused(status) => Place::Refused(status),
            Destination::Backend(backend) => {
                let pods = endpoints::pods(store, &backend).into_iter().map(|pod| (backend.namespace.clone(), pod)).collect();
                Place::Pods(backend, pods)
            }
        };
        let plan = |flow: &Flow| -> Vec<Plan> {
            let planned = |class: Class| {
                let (weights, places) = route::route(store, flow, &class).into_iter().map(|share| (share.weight, place(share.to))).unzip();
                Plan { class, weights, places }
            };
            flow.classes().into_iter().map(planned).collect()
        };
        self.plans = self.flows.iter().map(plan).collect();
        self.stale = false;
    }

    fn tick(&mut self, world: &mut World) {
        if self.stale {
            self.plan(world);
        }
        let seconds = TICK_MS as f64 / 1_000.0;
        let mut asked: BTreeMap<PodName, u64> = BTreeMap::new();
        let mut batches = Vec::new();
        for (place, (flow, rng)) in self.flows.iter().zip(&mut self.rngs).enumerate() {
            let average = world.measured.demand.get(&flow.name).copied().unwrap_or(flow.rate);
            let sent = poisson(rng, flow.rate_at(world.ms(), average) * seconds);
            let plans = self.plans.get(place).map(Vec::as_slice).unwrap_or_default();
            let shares: Vec<f64> = plans.iter().map(|plan| plan.class.share).collect();
            for (kind, (plan, count)) in plans.iter().zip(deal(rng, sent, &shares)).enumerate() {
                for (there, (to, count)) in plan.places.iter().zip(deal(rng, count, &plan.weights)).enumerate() {
                    spread(rng, Batch { flow: place, kind, place: there, pod: None, count }, to, &mut batches, &mut asked);
                }
            }
        }
        for (name, server) in &mut self.servers {
            server.count(asked.get(name).copied().unwrap_or(0), seconds);
            let load = Load { per_second: server.per_second };
            match world.measured.load.get_mut(name) {
                Some(known) => *known = load,
                None => drop(world.measured.load.insert(name.clone(), load)),
            }
        }
        self.serve(world, batches);
        self.listen(world);
        self.cluster.tick(world, seconds);
    }

    /// Pages answer while their processes do.
    fn listen(&self, world: &mut World) {
        for ((namespace, pod), server) in &self.servers {
            let listens = server.listens(world.profiles.of(&server.image), world.ms());
            if let Some(exporter) = world.exporters.get_mut(&server::page_name(namespace, pod)) {
                exporter.up = listens;
            }
        }
    }

    /// Follows the pods that changed.
    fn follow(&mut self, world: &mut World, changes: &[Change]) {
        for change in changes.iter().filter(|change| *change.resource == POD) {
            let pod = &change.object;
            let name = (pod.namespace().to_owned(), pod.name().to_owned());
            if change.kind == ChangeKind::Deleted {
                self.servers.remove(&name);
                world.exporters.remove(&server::page_name(&name.0, &name.1));
                world.measured.load.remove(&name);
            } else {
                self.meet(world, pod, name);
            }
        }
    }

    fn meet(&mut self, world: &mut World, pod: &serde_json::Value, name: PodName) {
        let now = world.ms();
        let page = server::page_name(&name.0, &name.1);
        // Where requests enter, pods are scraped unless they say no; elsewhere only if they say yes.
        let scraped = match pod.annotation("prometheus.io/scrape") {
            "" => self.flows.iter().any(|flow| flow.namespace == name.0),
            answer => answer == "true",
        };
        let server = self.servers.entry(name).or_insert_with(|| Server::new(pod));
        if scraped && matches!(self.family, Family::Http | Family::Spring | Family::Istio) {
            server::expose(&mut world.exporters, pod, server.container());
        }
        server.follow(pod, now, world.exporters.get_mut(&page));
    }
}

/// Deals the requests for one place out over its pods.
fn spread(rng: &mut Rng, batch: Batch, to: &Place, batches: &mut Vec<Batch>, asked: &mut BTreeMap<PodName, u64>) {
    match to {
        _ if batch.count == 0 => {}
        Place::Pods(_, pods) if !pods.is_empty() => {
            for (pod, (name, count)) in pods.iter().zip(deal(rng, batch.count, &vec![1.0; pods.len()])).enumerate() {
                if count > 0 {
                    *asked.entry(name.clone()).or_default() += count;
                    batches.push(Batch { pod: Some(pod), count, ..batch });
                }
            }
        }
        Place::Pods(..) | Place::Refused(_) => batches.push(batch),
    }
}

impl Part for Traffic {
    fn start(&mut self, world: &mut World) {
        let root = world.rng.fork("traffic");
        self.rngs = self.flows.iter().map(|flow| root.fork(&flow.name)).collect();
        self.stale = true;
        if !self.flows.is_empty() {
            Routers::expose(self.family, &mut world.exporters);
            world.timers.at(world.ms() + TICK_MS, PartId::Traffic, "tick");
        }
    }

    fn reconcile(&mut self, world: &mut World, changes: &[Change]) {
        let routing = [&SERVICE, &ENDPOINT_SLICE, &POD, &VIRTUAL_SERVICE, &DESTINATION_RULE, &HTTP_ROUTE, &INGRESS];
        self.stale |= changes.iter().any(|change| routing.contains(&change.resource));
        self.follow(world, changes);
    }

    fn wake(&mut self, world: &mut World, _key: &str) {
        self.tick(world);
        world.timers.at(world.ms() + TICK_MS, PartId::Traffic, "tick");
    }
}

#[cfg(test)]
mod tests;
