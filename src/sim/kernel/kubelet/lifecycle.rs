//! A container's way: pull, start, run, end, and again.

use serde_json::Value;

use super::{
    Key, Kubelet,
    run::{Ended, State},
    status::FINAL,
};
use crate::sim::kernel::{World, object::Fields, resource::POD};

/// First pause after a failed pull or a second crash, in seconds; it doubles each time.
const BACK_OFF: u64 = 10;
/// Longest pause, in seconds.
const LONGEST_BACK_OFF: u64 = 300;
/// A run this long makes earlier crashes forgotten, in milliseconds.
const FORGIVEN_MS: u64 = 600_000;
/// Time from one state to the kubelet's next look at the pod, in milliseconds.
const LOOK_MS: u64 = 1_000;
/// Time to ask the registry whether a present image is still the right one, in milliseconds.
const ASK_MS: u64 = 300;

impl Kubelet {
    /// The pod's network is up: containers may start.
    pub(super) fn sandbox_ready(&mut self, world: &mut World, key: &Key) {
        let Some(run) = self.runs.get_mut(key) else { return };
        run.sandbox = true;
        self.start_next(world, key);
        self.report(world, key);
    }

    fn start_next(&mut self, world: &mut World, key: &Key) {
        let waiting = self.runs.get(key).map(|run| {
            let waits = |index: &usize| run.containers.get(*index).is_some_and(|c| matches!(c.state, State::Waiting(..)));
            run.startable().into_iter().filter(waits).collect::<Vec<_>>()
        });
        for index in waiting.unwrap_or_default() {
            self.pull(world, key, index);
        }
    }

    /// The image is fetched, unless the node has it.
    pub(super) fn pull(&mut self, world: &mut World, key: &Key, index: usize) {
        let Some(spec) = spec_of(world, key, self.name_of(key, index)) else { return };
        let Some(run) = self.runs.get_mut(key) else { return };
        let node = run.node.clone();
        let Some(container) = run.containers.get_mut(index) else { return };
        container.profile = world.profiles.of(&container.image).clone();
        let (image, pull_ms) = (container.image.clone(), container.profile.pull_ms);
        let present = self.pulled.contains(&(node, image.clone())) && container.profile.pull_error.is_none();
        if present && !always_pulls(&spec, &image) {
            let text = format!("Container image {image:?} already present on machine and can be accessed by the pod");
            self.event(world, key, "Normal", "Pulled", &text);
            return self.begin(world, key, index);
        }
        self.event(world, key, "Normal", "Pulling", &format!("Pulling image {image:?}"));
        self.after(world, key, index, "pulled", if present { ASK_MS } else { pull_ms });
    }

    /// The fetch has ended, well or not.
    pub(super) fn pulled(&mut self, world: &mut World, key: &Key, index: usize) {
        let Some(run) = self.runs.get_mut(key) else { return };
        let node = run.node.clone();
        let Some(container) = run.containers.get_mut(index) else { return };
        let image = container.image.clone();
        if let Some(why) = container.profile.pull_error.clone() {
            container.pulls += 1;
            container.state = State::Waiting("ErrImagePull", why.clone());
            let pause = back_off(container.pulls);
            self.event(world, key, "Warning", "Failed", &format!("Failed to pull image {image:?}: {why}"));
            self.event(world, key, "Warning", "Failed", "Error: ErrImagePull");
            self.after(world, key, index, "hold", LOOK_MS);
            self.after(world, key, index, "pull", pause * 1000);
            return self.report(world, key);
        }
        container.pulls = 0;
        let fresh = self.pulled.insert((node, image.clone()));
        let took = duration(if fresh { container.profile.pull_ms } else { ASK_MS });
        let size = image.bytes().fold(52_428_800u64, |sum, byte| (sum * 31 + u64::from(byte)) % 400_000_000) + 20_000_000;
        let text = format!("Successfully pulled image {image:?} in {took} ({took} including waiting). Image size: {size} bytes.");
        self.event(world, key, "Normal", "Pulled", &text);
        self.begin(world, key, index);
    }

    /// The kubelet looks again while a pull or a restart has to wait.
    pub(super) fn hold(&mut self, world: &mut World, key: &Key, index: usize) {
        let Some(run) = self.runs.get_mut(key) else { return };
        let uid = run.uid.clone();
        let Some(container) = run.containers.get_mut(index) else { return };
        let (name, image) = (container.name.clone(), container.image.clone());
        match container.state.clone() {
            State::Waiting("ErrImagePull", why) => {
                let text = format!("Back-off pulling image {image:?}");
                container.state = State::Waiting("ImagePullBackOff", format!("{text}: ErrImagePull: {why}"));
                self.event(world, key, "Normal", "BackOff", &text);
                self.event(world, key, "Warning", "Failed", "Error: ImagePullBackOff");
            }
            State::Ended(end) => {
                let pause = back_off(container.crashes.saturating_sub(1));
                let pod = format!("{}_{}({uid})", key.1, key.0);
                let text = format!("back-off {} restarting failed container={name} pod={pod}", duration(pause * 1000));
                container.state = State::Waiting("CrashLoopBackOff", text);
                container.last = Some(end);
                self.event(world, key, "Warning", "BackOff", &format!("Back-off restarting failed container {name} in pod {pod}"));
                self.after(world, key, index, "restart", (pause * 1000).saturating_sub(LOOK_MS));
            }
            _ => return,
        }
        self.report(world, key);
    }

    /// The process starts.
    fn begin(&mut self, world: &mut World, key: &Key, index: usize) {
        let (ms, now) = (world.ms(), world.now());
        let Some(run) = self.runs.get_mut(key) else { return };
        let Some(container) = run.containers.get_mut(index) else { return };
        container.token += 1;
        container.state = State::Running(ms, now);
        container.ready = container.probe.is_none() && !container.init;
        (container.streak, container.failing_until) = (0, 0);
        let (profile, init, restarts) = (container.profile.clone(), container.init, container.restarts);
        let probe = container.probe.as_ref().map(|probe| probe.delay);
        let name = container.name.clone();
        self.event(world, key, "Normal", "Created", "Container created");
        self.event(world, key, "Normal", "Started", "Container started");
        for line in profile.start_lines.iter().cloned().chain(profile.start_lines.is_empty().then(|| format!("starting {name}"))) {
            world.logs.write(&key.0, &key.1, &name, now, line);
        }
        if init {
            self.after(world, key, index, "exit", profile.start_ms);
        } else {
            self.after(world, key, index, "listening", profile.start_ms);
            if let Some(crash) = profile.crash.as_ref().filter(|crash| crash.times.is_none_or(|times| restarts < times)) {
                self.after(world, key, index, "exit", crash.after_ms);
            }
            match probe {
                Some(delay) => {
                    let jitter = world.rng.fork(&format!("{}/probe/{restarts}", key.1)).below(1000);
                    self.after(world, key, index, "probe", delay + jitter);
                }
                None => self.expect_flap(world, key, index),
            }
        }
        self.report(world, key);
    }

    /// The process answers requests from now on.
    pub(super) fn listening(&mut self, world: &mut World, key: &Key, index: usize) {
        let now = world.now();
        let Some(container) = self.runs.get(key).and_then(|run| run.containers.get(index)) else { return };
        if container.profile.start_lines.is_empty() {
            let port = container.probe.as_ref().and_then(|probe| probe.url.as_ref()).map(|(port, _)| *port);
            let line = port.map_or("ready to serve".into(), |port| format!("listening on :{port}"));
            world.logs.write(&key.0, &key.1, &container.name, now, line);
        }
    }

    /// The process ends by itself.
    pub(super) fn exit(&mut self, world: &mut World, key: &Key, index: usize) {
        let (ms, now) = (world.ms(), world.now());
        let policy = world.store.get(&POD, &key.0, &key.1).map(|pod| pod.text("/spec/restartPolicy").to_owned());
        let Some(container) = self.runs.get_mut(key).and_then(|run| run.containers.get_mut(index)) else { return };
        let State::Running(since, started) = container.state else { return };
        let crash = container.profile.crash.as_ref().filter(|_| !container.init);
        let (code, reason) = crash.map_or((0, "Completed".into()), |crash| (crash.exit_code, crash.reason.clone()));
        container.state = State::Ended(Ended { code, reason, started, finished: now, restarts: container.restarts });
        container.ready = false;
        container.token += 1;
        container.crashes = if ms - since >= FORGIVEN_MS { 1 } else { container.crashes + 1 };
        let (crashes, name, lines) = (container.crashes, container.name.clone(), container.profile.crash_lines.clone());
        if container.init {
            self.start_next(world, key);
            return self.report(world, key);
        }
        for line in lines.iter().cloned().chain(lines.is_empty().then(|| format!("fatal: {name} exits with code {code}"))) {
            world.logs.write(&key.0, &key.1, &name, now, line);
        }
        world.measured.pods.remove(key);
        let restarts = match policy.as_deref() {
            Some("Never") => false,
            Some("OnFailure") => code != 0,
            _ => true,
        };
        match (restarts, crashes) {
            (false, _) => container.token = FINAL,
            (true, 0 | 1) => self.after(world, key, index, "restart", LOOK_MS),
            (true, _) => self.after(world, key, index, "hold", LOOK_MS),
        }
        self.report(world, key);
    }

    /// The process is started again.
    pub(super) fn restart(&mut self, world: &mut World, key: &Key, index: usize) {
        let Some(container) = self.runs.get_mut(key).and_then(|run| run.containers.get_mut(index)) else { return };
        if let State::Ended(end) = &container.state {
            container.last = Some(end.clone());
        }
        container.restarts += 1;
        world.logs.restart(&key.0, &key.1, &container.name);
        self.pull(world, key, index);
    }

    fn name_of(&self, key: &Key, index: usize) -> &str {
        self.runs.get(key).and_then(|run| run.containers.get(index)).map_or("", |container| &container.name)
    }
}

/// What the pod says of a container.
fn spec_of(world: &World, key: &Key, name: &str) -> Option<Value> {
    let pod = world.store.get(&POD, &key.0, &key.1)?;
    let all = pod.items("/spec/initContainers").iter().chain(pod.items("/spec/containers"));
    all.clone().find(|container| container.text("/name") == name).cloned()
}

/// Whether the registry is asked at each start.
fn always_pulls(spec: &Value, image: &str) -> bool {
    match spec.text("/imagePullPolicy") {
        "" => {
            let name = image.rsplit('/').next().unwrap_or(image);
            !image.contains('@') && (!name.contains(':') || name.ends_with(":latest"))
        }
        policy => policy == "Always",
    }
}

/// The pause after the n-th failure, in seconds: 10, 20, 40, … 300.
fn back_off(failures: u32) -> u64 {
    let doubled = BACK_OFF << failures.saturating_sub(1).min(8);
    doubled.min(LONGEST_BACK_OFF)
}

/// As Go prints a duration: `412ms`, `1.5s`, `1m20s`, `5m0s`.
fn duration(ms: u64) -> String {
    match ms {
        0..1000 => format!("{ms}ms"),
        1000..60_000 => format!("{}s", ms as f64 / 1000.0),
        _ => format!("{}m{}s", ms / 60_000, (ms % 60_000) as f64 / 1000.0),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn pauses_double_up_to_five_minutes_and_print_as_go_does() {
        let pauses: Vec<String> = (0..8).map(|n| duration(back_off(n) * 1000)).collect();
        assert_eq!(pauses, ["10s", "10s", "20s", "40s", "1m20s", "2m40s", "5m0s", "5m0s"]);
        assert_eq!((duration(412), duration(2500)), ("412ms".into(), "2.5s".into()));
    }

    #[test]
    fn only_moving_tags_are_asked_for_each_time() {
        let by_default = |image: &str| always_pulls(&json!({}), image);
        assert!(by_default("nginx") && by_default("r.io:5000/nginx") && by_default("r.io/nginx:latest"));
        assert!(!by_default("nginx:1.2") && !by_default("nginx@sha256:00"));
        assert!(always_pulls(&json!({"imagePullPolicy": "Always"}), "nginx:1.2"));
    }
}
