//! The access lines of a pod, written when somebody reads its log: a pod nobody looks at costs nothing.

use std::sync::Arc;

use crate::sim::kernel::{PartId, World, object::Fields, profile::Profile, resource::POD, rng::Rng};

/// The timer of the next look at followed logs.
pub(super) const TIMER: &str = "follow";
/// Milliseconds between two looks at followed logs.
const PERIOD_MS: u64 = 1_000;

/// Lines written at most when a log is read after a long time.
const CATCH_UP: u64 = 200;
/// Paths in the lines, where the scenario names none.
const PATHS: [&str; 4] = ["/", "/api/products", "/api/search?q=phone", "/health"];

/// Sets the timer of the next look.
pub(super) fn arm(world: &mut World) {
    let at = world.ms() + PERIOD_MS;
    world.timers.at(at, PartId::Kubelet, TIMER);
}

/// Brings the logs that somebody follows up to the present.
pub(super) fn follow(world: &mut World) {
    arm(world);
    for (namespace, pod, container) in world.streams.followed() {
        catch_up(world, &namespace, &pod, &container);
    }
}

/// Brings a container's log up to the present: the lines that its requests since the last time have left.
pub fn catch_up(world: &mut World, namespace: &str, name: &str, container: &str) {
    let key = (namespace.to_owned(), name.to_owned());
    let now = world.ms();
    let rate = world.measured.load.get(&key).map_or(0.0, |load| load.per_second);
    let Some(pod) = world.store.get(&POD, namespace, name).cloned() else { return };
    let containers = pod.items("/status/containerStatuses").iter();
    let running = containers.clone().find(|c| c.text("/name") == container).is_some_and(|c| c.pointer("/state/running").is_some());
    let since = world.logs.access_until(namespace, name, container, now);
    if !running || rate <= 0.0 || now <= since {
        return;
    }
    let image = pod.items("/spec/containers").iter().find(|c| c.text("/name") == container).map(|c| c.text("/image").to_owned());
    let profile = world.profiles.of(&image.unwrap_or_default()).clone();
    let live = live_ms(world, &pod);
    let mut rng = world.rng.fork(&format!("{}/access/{since}", pod.uid()));
    let span = now - since;
    let count = ((span as f64 * rate / 1000.0 + rng.unit()) as u64).min(CATCH_UP);
    // After a long time only its end is written: the last lines, at their true distance.
    let window = if count == CATCH_UP { ((CATCH_UP as f64 / rate * 1000.0) as u64).min(span) } else { span };
    for n in 0..count {
        let at = now - window + window * (n + 1) / (count + 1);
        let line = line(&mut rng, &profile, live.saturating_sub(now - at));
        let at = world.at(at);
        world.logs.write(namespace, name, container, at, line);
    }
}

/// Milliseconds since the pod got ready.
fn live_ms(world: &World, pod: &serde_json::Value) -> u64 {
    let ready = pod.items("/status/conditions").iter().find(|c| c.text("/type") == "Ready" && c.text("/status") == "True");
    let since = ready.and_then(|c| c.text("/lastTransitionTime").parse::<jiff::Timestamp>().ok());
    since.map_or(0, |since| u64::try_from(world.now().as_millisecond() - since.as_millisecond()).unwrap_or(0))
}

fn line(rng: &mut Rng, profile: &Arc<Profile>, live: u64) -> String {
    let serving = profile.serving(live);
    let failed = rng.unit() < serving.error_share;
    // Box and Muller: one normal number from two uniform ones.
    let normal = (-2.0 * (1.0 - rng.unit()).ln()).sqrt() * (std::f64::consts::TAU * rng.unit()).cos();
    let took = serving.latency_ms * (serving.latency_sigma * normal).exp();
    let path = usize::try_from(rng.below(PATHS.len() as u64)).ok().and_then(|n| PATHS.get(n)).copied().unwrap_or("/");
    let status = if failed { 500 } else { 200 };
    format!("10.0.{}.{} \"GET {path} HTTP/1.1\" {status} {took:.1}ms", rng.below(256), 1 + rng.below(254))
}
