//! How a version of the software behaves: what a scenario says about an image.

use std::sync::Arc;

/// The behaviour of one image. The kubelet reads how it starts and fails, the traffic how it answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// Milliseconds to pull the image.
    pub pull_ms: u64,
    /// Pulling fails with this text (`ErrImagePull`, `ImagePullBackOff`).
    pub pull_error: Option<String>,
    /// Milliseconds from container start to the process listening.
    pub start_ms: u64,
    /// Further milliseconds until the readiness probe passes.
    pub ready_ms: u64,
    /// The readiness probe never passes.
    pub never_ready: bool,
    /// The container ends by itself.
    pub crash: Option<Crash>,
    /// The readiness probe fails again and again.
    pub flap: Option<Flap>,
    /// Share of requests answered 5xx, 0 to 1.
    pub errors: Ramp,
    /// Median latency in milliseconds.
    pub p50_ms: Ramp,
    /// 95th percentile of the latency in milliseconds.
    pub p95_ms: Ramp,
    /// CPU without requests, in millicores.
    pub cpu_idle_milli: u64,
    /// CPU milliseconds per request.
    pub cpu_ms: f64,
    /// Requests per second that a pod serves before it gets slow; `None`: as many as its CPU limit allows.
    pub capacity: Option<f64>,
    /// Memory in use, in bytes.
    pub memory: u64,
    /// Lines written at container start; empty: the usual ones.
    pub start_lines: Vec<String>,
    /// Lines written before a crash; empty: the usual ones.
    pub crash_lines: Vec<String>,
}

/// How a container ends by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crash {
    /// Milliseconds from container start.
    pub after_ms: u64,
    /// Exit code.
    pub exit_code: i32,
    /// `Error`, `OOMKilled` or `Completed`.
    pub reason: String,
    /// Only the first N runs of a pod crash; `None`: all.
    pub times: Option<u32>,
}

/// A readiness probe that fails again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flap {
    /// Milliseconds ready before each failure.
    pub every_ms: u64,
    /// Milliseconds of failure.
    pub for_ms: u64,
}

/// A value that may change while a pod is live: `from` for `after_ms`, then linearly to `to` over `over_ms`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ramp {
    /// The value at first.
    pub from: f64,
    /// The value in the end.
    pub to: f64,
    /// Milliseconds at `from`.
    pub after_ms: u64,
    /// Milliseconds from there to `to`.
    pub over_ms: u64,
}

impl Ramp {
    /// A value that does not change.
    pub const fn constant(value: f64) -> Self {
        Self { from: value, to: value, after_ms: 0, over_ms: 0 }
    }

    /// The value `live_ms` after the pod got ready.
    pub fn at(&self, live_ms: u64) -> f64 {
        let since = live_ms.saturating_sub(self.after_ms);
        if live_ms < self.after_ms {
            self.from
        } else if since >= self.over_ms {
            self.to
        } else {
            self.from + (self.to - self.from) * since as f64 / self.over_ms as f64
        }
    }
}

/// How a pod answers at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Serving {
    /// Share of requests answered 5xx, 0 to 1.
    pub error_share: f64,
    /// Median latency in milliseconds.
    pub latency_ms: f64,
    /// Spread of the latency: sigma of its logarithm.
    pub latency_sigma: f64,
}

/// The 95 % quantile of the standard normal distribution.
const Z95: f64 = 1.644_853_626_951_472_2;

impl Profile {
    /// How a pod of this image answers `live_ms` milliseconds after it got ready.
    pub fn serving(&self, live_ms: u64) -> Serving {
        let (p50, p95) = (self.p50_ms.at(live_ms).max(0.001), self.p95_ms.at(live_ms));
        Serving { error_share: self.errors.at(live_ms), latency_ms: p50, latency_sigma: ((p95 / p50).ln() / Z95).max(0.0) }
    }
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            pull_ms: 2_000,
            pull_error: None,
            start_ms: 1_000,
            ready_ms: 2_000,
            never_ready: false,
            crash: None,
            flap: None,
            errors: Ramp::constant(0.001),
            p50_ms: Ramp::constant(40.0),
            p95_ms: Ramp::constant(110.0),
            cpu_idle_milli: 20,
            cpu_ms: 4.0,
            capacity: None,
            memory: 96 << 20,
            start_lines: Vec::new(),
            crash_lines: Vec::new(),
        }
    }
}

/// Profiles by pattern of the image reference; the one set last counts.
#[derive(Debug, Default)]
pub struct Profiles {
    rules: Vec<(String, Arc<Profile>)>,
    fallback: Arc<Profile>,
}

impl Profiles {
    /// The profile of an image, as written in the pod's template; images nobody spoke of behave well.
    pub fn of(&self, image: &str) -> &Arc<Profile> {
        self.rules.iter().rev().find(|(pattern, _)| matches(pattern, image)).map_or(&self.fallback, |(_, profile)| profile)
    }

    /// The profile of images nobody spoke of.
    pub fn fallback(&self) -> &Arc<Profile> {
        &self.fallback
    }

    /// Sets (or, in the middle of a scenario, changes) how matching images behave from now on. In the pattern, `*`
    /// stands for any text.
    pub fn set(&mut self, pattern: impl Into<String>, profile: Profile) {
        let pattern = pattern.into();
        self.rules.retain(|(known, _)| *known != pattern);
        self.rules.push((pattern, Arc::new(profile)));
    }
}

/// Whether a pattern with `*` covers the whole text.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((head, tail)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(rest) = text.strip_prefix(head) else {
        return false;
    };
    tail.is_empty()
        || rest.char_indices().map(|(at, _)| at).chain([rest.len()]).any(|at| rest.get(at..).is_some_and(|rest| matches(tail, rest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_cover_whole_references() {
        assert!(matches("*/backend:v1.1.*", "registry.io/fusion/backend:v1.1.0"));
        assert!(matches("*", ""));
        assert!(matches("a*b*c", "a--b--b-c"));
        assert!(!matches("*/backend:v1.1.*", "registry.io/backend:v1.10"));
        assert!(!matches("backend", "backend:v1"));
    }

    #[test]
    fn the_rule_set_last_counts() {
        let mut profiles = Profiles::default();
        profiles.set("*:v2", Profile { memory: 1, ..Profile::default() });
        profiles.set("app:*", Profile { memory: 2, ..Profile::default() });
        assert_eq!(profiles.of("app:v2").memory, 2);
        profiles.set("*:v2", Profile { memory: 3, ..Profile::default() });
        assert_eq!(profiles.of("app:v2").memory, 3);
        assert_eq!(profiles.of("other:v1"), &Arc::new(Profile::default()));
    }

    #[test]
    fn ramps_hold_then_climb_then_stay() {
        let ramp = Ramp { from: 1.0, to: 3.0, after_ms: 100, over_ms: 200 };
        assert_eq!([0, 99, 100, 200, 300, 9000].map(|t| ramp.at(t)), [1.0, 1.0, 1.0, 2.0, 3.0, 3.0]);
        assert_eq!(Ramp { over_ms: 0, ..ramp }.at(100), 3.0);
    }

    #[test]
    fn latency_is_log_normal_through_its_two_quantiles() {
        let serving = Profile { p50_ms: Ramp::constant(50.0), p95_ms: Ramp::constant(200.0), ..Profile::default() }.serving(0);
        assert!((serving.latency_ms * (serving.latency_sigma * Z95).exp() - 200.0).abs() < 1e-9);
    }
}
