//! Readiness: one probe after the other until it is settled, and again while a pod flaps.

use super::{Key, Kubelet, run::State};
use crate::sim::kernel::World;

impl Kubelet {
    /// One probe.
    pub(super) fn probe(&mut self, world: &mut World, key: &Key, index: usize) {
        let now = world.ms();
        let Some(run) = self.runs.get_mut(key) else { return };
        let ip = run.ip.clone();
        let Some(container) = run.containers.get_mut(index) else { return };
        if !matches!(container.state, State::Running(..)) {
            return;
        }
        let (period, failures, passes) = container.probe.as_ref().map_or((10_000, 3, 1), |p| (p.period, p.failures, p.passes));
        let was = container.ready;
        let passed = container.would_pass(now);
        container.streak = match (passed, container.streak) {
            (true, streak) => streak.max(0) + 1,
            (false, streak) => streak.min(0) - 1,
        };
        if container.streak >= passes {
            container.ready = true;
        } else if container.streak <= -failures {
            container.ready = false;
        }
        let (ready, failing) = (container.ready, now < container.failing_until);
        let failure = (!passed).then(|| container.probe_failure(now, &ip));
        if let Some(text) = failure {
            self.event(world, key, "Warning", "Unhealthy", &text);
        }
        if ready && passed && !failing {
            self.expect_flap(world, key, index);
        } else {
            self.after(world, key, index, "probe", period);
        }
        if ready != was {
            self.report(world, key);
        }
    }

    /// Ready, and of an image that does not stay so: sets the timer of its next bad time.
    pub(super) fn expect_flap(&mut self, world: &mut World, key: &Key, index: usize) {
        let container = self.runs.get(key).and_then(|run| run.containers.get(index));
        if let Some(flap) = container.and_then(|container| container.profile.flap) {
            self.after(world, key, index, "flap", flap.every_ms);
        }
    }

    /// The bad time begins.
    pub(super) fn flap(&mut self, world: &mut World, key: &Key, index: usize) {
        let now = world.ms();
        let Some(container) = self.runs.get_mut(key).and_then(|run| run.containers.get_mut(index)) else { return };
        let Some(flap) = container.profile.flap else { return };
        container.failing_until = now + flap.for_ms;
        container.streak = 0;
        self.probe(world, key, index);
    }
}
