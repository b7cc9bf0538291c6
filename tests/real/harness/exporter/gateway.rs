//! The mesh: where requests go, asked anew at every tick.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use kube::api::{Api, DynamicObject, ListParams};
use kube::{Client, ResourceExt};
use serde_json::Value;
use tokio::time::MissedTickBehavior;

use super::{EDGES, HEALTHY, State};
use crate::harness::dice::Dice;
use crate::harness::objects::{Component, api, virtual_services};

const TICKS_PER_SECOND: u32 = 5;

/// Sends one component's requests.
pub struct Gateway {
    routes: Api<DynamicObject>,
    rules: Api<DynamicObject>,
    services: Api<DynamicObject>,
    pods: Api<DynamicObject>,
    component: Component,
    per_tick: u32,
    dice: Dice,
}

/// A pod that takes requests.
struct Backend {
    pod: String,
    track: String,
    image: String,
}

impl Gateway {
    pub fn new(client: Client, namespace: &str, component: Component, rate: u32, seed: u64) -> Self {
        Self {
            routes: virtual_services(&client, namespace),
            rules: api(&client, namespace, "networking.istio.io", "v1", "DestinationRule"),
            services: api(&client, namespace, "", "v1", "Service"),
            pods: api(&client, namespace, "", "v1", "Pod"),
            component,
            per_tick: rate.div_ceil(TICKS_PER_SECOND),
            dice: Dice(seed),
        }
    }

    pub async fn run(mut self, state: Arc<Mutex<State>>) {
        let mut tick = tokio::time::interval(Duration::from_secs(1) / TICKS_PER_SECOND);
        // A machine that stalls sends less, not everything at once afterwards.
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            // An API server that does not answer for a moment: as in a mesh, the last configuration would hold; nothing is sent instead.
            if let Ok((ways, pods)) = self.look().await {
                self.send(&ways, &pods, &mut state.lock().expect("no panic inside"));
            }
        }
    }

    /// The weighted ways of the live route, each with the ready pods behind it, and the names of all pods of the component.
    async fn look(&self) -> kube::Result<(Vec<(u64, Vec<Backend>)>, Vec<String>)> {
        let route = self.routes.get(self.component.stable).await?;
        let labels = format!("component={}", self.component.name);
        let pods = self.pods.list(&ListParams::default().labels(&labels)).await?.items;
        let mut ways = Vec::new();
        for destination in last_route(&route.data) {
            let selector = self.selector(&destination["destination"]).await?;
            let weight = destination["weight"].as_u64().unwrap_or(if destination["weight"].is_null() { 100 } else { 0 });
            let behind = pods.iter().filter(|pod| matches(&selector, pod) && is_ready(pod)).map(backend).collect();
            ways.push((weight, behind));
        }
        Ok((ways, pods.iter().map(ResourceExt::name_any).collect()))
    }

    /// Labels of the pods behind a destination: the Service's selector, narrowed by the subset.
    async fn selector(&self, destination: &Value) -> kube::Result<Vec<(String, String)>> {
        let host = destination["host"].as_str().unwrap_or_default();
        let Some(service) = self.services.get_opt(host).await? else { return Ok(vec![("no such".to_owned(), "service".to_owned())]) };
        let mut selector = pairs(&service.data["spec"]["selector"]);
        if let Some(subset) = destination["subset"].as_str() {
            let rule = self.rules.get_opt(host).await?.map(|rule| rule.data).unwrap_or_default();
            let known = rule["spec"]["subsets"].as_array().and_then(|all| all.iter().find(|known| known["name"] == subset));
            selector.extend(known.map_or_else(|| vec![("no such".to_owned(), "subset".to_owned())], |known| pairs(&known["labels"])));
        }
        Ok(selector)
    }

    fn send(&mut self, ways: &[(u64, Vec<Backend>)], pods: &[String], state: &mut State) {
        let component = self.component.name;
        // What is gone is no longer scraped.
        state.pods.retain(|pod, counters| counters.component != component || pods.contains(pod));
        let total: u64 = ways.iter().map(|(weight, _)| weight).sum();
        for _ in 0..self.per_tick {
            let mut drawn = self.dice.below(total);
            let way = ways.iter().find(|(weight, _)| {
                let here = drawn < *weight;
                drawn = drawn.saturating_sub(*weight);
                here
            });
            let Some((_, behind)) = way.filter(|(_, behind)| !behind.is_empty()) else {
                state.lost += 1;
                continue;
            };
            let backend = &behind[usize::try_from(self.dice.below(behind.len() as u64)).expect("an index")];
            self.answer(backend, state);
        }
    }

    fn answer(&mut self, backend: &Backend, state: &mut State) {
        let behaviour = state.behaviours.get(&backend.image).copied().unwrap_or(HEALTHY);
        let code = if self.dice.unit() < behaviour.errors { 500 } else { 200 };
        let seconds = behaviour.latency.as_secs_f64() * (0.5 + self.dice.unit());
        let counters = state.pods.entry(backend.pod.clone()).or_default();
        counters.component = self.component.name;
        counters.track.clone_from(&backend.track);
        *counters.by_code.entry(code).or_default() += 1;
        counters.seconds += seconds;
        for (edge, count) in EDGES.iter().zip(&mut counters.buckets) {
            *count += u64::from(seconds <= *edge);
        }
        *state.served.entry((self.component.name, backend.track.clone())).or_default() += 1;
    }
}

/// The routes that people write above the split match paths or headers; plain requests fall through to the last one.
fn last_route(data: &Value) -> Vec<Value> {
    let routes = data["spec"]["http"].as_array();
    routes.and_then(|all| all.last()).and_then(|route| route["route"].as_array()).cloned().unwrap_or_default()
}

fn pairs(labels: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    labels.as_object().map(|all| all.iter().map(|(key, value)| (key.clone(), text(value))).collect()).unwrap_or_default()
}

fn matches(selector: &[(String, String)], pod: &DynamicObject) -> bool {
    selector.iter().all(|(key, value)| pod.labels().get(key) == Some(value))
}

fn is_ready(pod: &DynamicObject) -> bool {
    let conditions = pod.data["status"]["conditions"].as_array();
    let ready = conditions.is_some_and(|all| all.iter().any(|condition| condition["type"] == "Ready" && condition["status"] == "True"));
    ready && pod.metadata.deletion_timestamp.is_none()
}

fn backend(pod: &DynamicObject) -> Backend {
    Backend {
        pod: pod.name_any(),
        track: pod.labels().get("version").cloned().unwrap_or_default(),
        image: pod.data["spec"]["containers"][0]["image"].as_str().unwrap_or_default().to_owned(),
    }
}
