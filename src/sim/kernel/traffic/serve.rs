//! What becomes of requests that have arrived: answers by pods, refusals by routers, and both counted.

use super::super::World;
use super::super::rng::Rng;
use super::chance::binomial;
use super::family::{self, Ended};
use super::latency::{Edges, Latency, Observed};
use super::server::Server;
use super::{Place, Traffic};

/// Median of the time in which a router refuses, in ms.
const REFUSAL_MS: f64 = 2.0;

/// Requests of one kind for one pod, or for none. All but `count` are places in the traffic's plans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batch {
    /// The flow.
    pub flow: usize,
    /// The kind of request.
    pub kind: usize,
    /// The destination.
    pub place: usize,
    /// The pod of that destination; none when it has none.
    pub pod: Option<usize>,
    /// How many requests, above 0.
    pub count: u64,
}

impl Traffic {
    /// Lets all requests of a tick end, in order.
    pub(super) fn serve(&mut self, world: &mut World, batches: Vec<Batch>) {
        let edges = family::edges(self.family);
        for batch in batches {
            let Some(flow) = self.flows.get(batch.flow) else { continue };
            let Some(plan) = self.plans.get(batch.flow).and_then(|plans| plans.get(batch.kind)) else { continue };
            let (Some(place), Some(rng)) = (plan.places.get(batch.place), self.rngs.get_mut(batch.flow)) else { continue };
            let (backend, pod) = match place {
                Place::Pods(backend, pods) => (Some((backend, batch.place)), batch.pod.and_then(|pod| pods.get(pod))),
                Place::Refused(_) => (None, None),
            };
            let mut server = pod.and_then(|name| self.servers.get_mut(name));
            let endings = match (&server, place) {
                (_, Place::Refused(status)) => refused(rng, *status, batch.count, edges),
                (Some(server), _) => answered(rng, world, server, batch.count, edges),
                (None, _) => refused(rng, 503, batch.count, edges),
            };
            for ending in endings {
                let class = &plan.class;
                let ended = Ended { class, place: (batch.flow, batch.kind), backend, status: ending.status, observed: &ending.observed };
                let by_pod = ending.by_pod;
                self.routers.record(self.family, &mut world.exporters, &flow.name, ended, server.as_deref().filter(|_| by_pod));
                if let (true, Some(server), Some((namespace, name))) = (by_pod, server.as_deref_mut(), pod) {
                    family::record(self.family, &mut world.exporters, (namespace, name), server, ended);
                }
            }
        }
    }
}

/// Some requests that ended in the same way.
struct Ending {
    status: u16,
    observed: Observed,
    /// Whether a pod answered, rather than the router.
    by_pod: bool,
}

fn refused(rng: &mut Rng, status: u16, count: u64, edges: Edges) -> Vec<Ending> {
    let observed = Latency::new(REFUSAL_MS, 0.4, edges).observe(rng, count);
    vec![Ending { status, observed, by_pod: false }]
}

/// Of the requests that reach a pod some fail, some are turned away when it has too many; where no process listens, the router
/// answers 503.
fn answered(rng: &mut Rng, world: &World, server: &Server, count: u64, edges: Edges) -> Vec<Ending> {
    let profile = world.profiles.of(&server.image);
    if !server.listens(profile, world.ms()) {
        return refused(rng, 503, count, edges);
    }
    let (serving, surplus) = server.answers(profile, world.ms());
    let turned_away = binomial(rng, count, surplus);
    let failed = binomial(rng, count - turned_away, serving.error_share);
    let latency = Latency::new(serving.latency_ms, serving.latency_sigma, edges);
    let ends = [(200, count - turned_away - failed), (500, failed), (503, turned_away)];
    let ending = |(status, count): (u16, u64)| Ending { status, observed: latency.observe(rng, count), by_pod: true };
    ends.into_iter().filter(|(_, count)| *count > 0).map(ending).collect()
}
