//! How a version of the software behaves: what a scenario says about an image.

use std::collections::BTreeMap;

/// The behaviour of one image. The kubelet reads how it starts and fails, the traffic how it answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// Milliseconds to pull the image.
    pub pull_ms: u64,
    /// Pulling fails (`ErrImagePull`, `ImagePullBackOff`).
    pub pull_fails: bool,
    /// Milliseconds from container start to its first passing readiness probe.
    pub ready_ms: u64,
    /// The container ends with this exit code...
    pub crash_code: Option<i32>,
    /// ...this many milliseconds after its start.
    pub crash_ms: u64,
    /// It crashes by exceeding its memory limit (`OOMKilled`, 137).
    pub out_of_memory: bool,
    /// The readiness probe never passes.
    pub never_ready: bool,
    /// Share of requests answered 5xx, 0 to 1.
    pub error_share: f64,
    /// Median latency in milliseconds.
    pub latency_ms: f64,
    /// Spread of the latency: sigma of its logarithm.
    pub latency_sigma: f64,
    /// CPU milliseconds per request.
    pub cpu_ms: f64,
    /// Memory in use, in bytes.
    pub memory: u64,
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            pull_ms: 2_000,
            pull_fails: false,
            ready_ms: 3_000,
            crash_code: None,
            crash_ms: 0,
            out_of_memory: false,
            never_ready: false,
            error_share: 0.001,
            latency_ms: 40.0,
            latency_sigma: 0.6,
            cpu_ms: 4.0,
            memory: 96 << 20,
        }
    }
}

/// Profiles by image, as written in the pod's template.
#[derive(Debug, Default)]
pub struct Profiles {
    by_image: BTreeMap<String, Profile>,
    fallback: Profile,
}

impl Profiles {
    /// The profile of an image; images nobody spoke of behave well.
    pub fn of(&self, image: &str) -> &Profile {
        self.by_image.get(image).unwrap_or(&self.fallback)
    }

    /// Sets (or, in the middle of a scenario, changes) how an image behaves from now on.
    pub fn set(&mut self, image: impl Into<String>, profile: Profile) {
        self.by_image.insert(image.into(), profile);
    }
}
