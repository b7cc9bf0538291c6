//! `images:` how versions of the software behave.

use serde::Deserialize;

use super::units::{Bytes, Millicores, Share, Span};
use crate::sim::kernel::profile::{Crash, Flap, Profile, Ramp};

/// How every image behaves whose reference matches a pattern. The first matching entry of the list counts; images
/// nobody speaks of behave well.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Image {
    /// Image reference; `*` stands for anything: `*/fusion-electronics-backend:v1.1.*`.
    #[serde(rename = "match")]
    pub pattern: String,
    /// Time to pull it onto a node that does not have it. Default `2s`.
    pub pull: Option<Span>,
    /// Pulling fails with this text (`ErrImagePull`, then `ImagePullBackOff`).
    pub pull_error: Option<String>,
    /// Time from container start to the process listening. Default `1s`.
    pub startup: Option<Span>,
    /// Further time until the readiness probe passes. Default `2s`.
    pub ready_after: Option<Span>,
    /// The readiness probe never passes.
    #[serde(default)]
    pub never_ready: bool,
    /// The container ends by itself.
    pub crash: Option<CrashRule>,
    /// The readiness probe fails again and again.
    pub flap: Option<FlapRule>,
    /// Share of requests answered with 5xx. Default `0.1%`.
    pub errors: Option<Share>,
    /// Latency of requests, log-normal. Default `{ p50: 40ms, p95: 110ms }`.
    pub latency: Option<LatencyRule>,
    /// The image begins otherwise and turns into what is said above.
    pub ramp: Option<RampRule>,
    /// CPU it needs. Default `{ idle: 20m, perRequest: 4ms }`.
    pub cpu: Option<CpuRule>,
    /// Requests per second that a pod serves; near it latency grows, beyond it the surplus is answered 503. Default: what the
    /// container's CPU limit allows at `cpu.perRequest`; without a limit, any number.
    pub capacity: Option<f64>,
    /// Memory in use. Default `96Mi`.
    pub memory: Option<Bytes>,
    /// What it writes.
    #[serde(default)]
    pub log: LogRule,
}

/// `crash: { after: 20s, exitCode: 1 }`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct CrashRule {
    /// Time from container start to its end.
    pub after: Span,
    /// Exit code. Default 1; 137 with `reason: OOMKilled`.
    pub exit_code: Option<i32>,
    /// `Error` (default), `OOMKilled` or `Completed`.
    pub reason: Option<String>,
    /// Only the first N runs of each pod crash; default: all.
    pub times: Option<u32>,
}

/// `flap: { every: 60s, for: 15s }`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct FlapRule {
    /// Ready time before each failure.
    pub every: Span,
    /// How long the probe then fails.
    #[serde(rename = "for")]
    pub lasting: Span,
}

/// `latency: { p50: 40ms, p95: 110ms }`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct LatencyRule {
    /// Median.
    pub p50: Span,
    /// 95th percentile.
    pub p95: Span,
}

/// `ramp: { after: 60s, over: 2m, from: { errors: 0.3% } }`: counted from when a pod got ready.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct RampRule {
    /// Time at the `from` values. Default 0.
    #[serde(default)]
    pub after: Span,
    /// Time the change then takes, linear. Default 0: at once.
    #[serde(default)]
    pub over: Span,
    /// The values at first.
    pub from: RampFrom,
}

/// The values at the beginning of a ramp; what is not named does not change.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct RampFrom {
    /// Share of errors at first.
    pub errors: Option<Share>,
    /// Latency at first.
    pub latency: Option<LatencyRule>,
}

/// `cpu: { idle: 20m, perRequest: 4ms }`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct CpuRule {
    /// Without any request.
    pub idle: Millicores,
    /// CPU time per request.
    pub per_request: Span,
}

/// `log: { start: [..], crash: [..] }`; access lines come by themselves.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct LogRule {
    /// Lines at container start.
    #[serde(default)]
    pub start: Vec<String>,
    /// Last lines before it crashes.
    #[serde(default)]
    pub crash: Vec<String>,
}

impl Image {
    /// What the kernel makes of it.
    pub fn profile(&self) -> Profile {
        let base = Profile::default();
        let ramp = |from: Option<f64>, to: f64| match (&self.ramp, from) {
            (Some(rule), Some(from)) => Ramp { from, to, after_ms: rule.after.0, over_ms: rule.over.0 },
            _ => Ramp::constant(to),
        };
        let from = self.ramp.as_ref().map(|rule| &rule.from);
        let errors = self.errors.map_or(base.errors.to, |share| share.0);
        let (p50, p95) = self.latency.as_ref().map_or((base.p50_ms.to, base.p95_ms.to), |rule| (rule.p50.0 as f64, rule.p95.0 as f64));
        let first_latency = from.and_then(|from| from.latency.as_ref());
        Profile {
            pull_ms: self.pull.map_or(base.pull_ms, |span| span.0),
            pull_error: self.pull_error.clone(),
            start_ms: self.startup.map_or(base.start_ms, |span| span.0),
            ready_ms: self.ready_after.map_or(base.ready_ms, |span| span.0),
            never_ready: self.never_ready,
            crash: self.crash.as_ref().map(CrashRule::crash),
            flap: self.flap.as_ref().map(|rule| Flap { every_ms: rule.every.0, for_ms: rule.lasting.0 }),
            errors: ramp(from.and_then(|from| from.errors).map(|share| share.0), errors),
            p50_ms: ramp(first_latency.map(|rule| rule.p50.0 as f64), p50),
            p95_ms: ramp(first_latency.map(|rule| rule.p95.0 as f64), p95),
            cpu_idle_milli: self.cpu.as_ref().map_or(base.cpu_idle_milli, |rule| rule.idle.0),
            cpu_ms: self.cpu.as_ref().map_or(base.cpu_ms, |rule| rule.per_request.0 as f64),
            capacity: self.capacity,
            memory: self.memory.map_or(base.memory, |bytes| bytes.0),
            start_lines: self.log.start.clone(),
            crash_lines: self.log.crash.clone(),
        }
    }

    /// What is wrong with it, if anything.
    pub(super) fn fault(&self) -> Option<String> {
        let latencies = [self.latency.as_ref(), self.ramp.as_ref().and_then(|ramp| ramp.from.latency.as_ref())];
        if latencies.into_iter().flatten().any(|rule| rule.p95 < rule.p50 || rule.p50.0 == 0) {
            return Some(format!("images, match {}: latency needs 0 < p50 <= p95", self.pattern));
        }
        if self.capacity.is_some_and(|capacity| !(capacity.is_finite() && capacity > 0.0)) {
            return Some(format!("images, match {}: capacity is a number of requests per second above 0", self.pattern));
        }
        if self.flap.as_ref().is_some_and(|rule| rule.every.0 == 0 || rule.lasting.0 == 0) {
            return Some(format!("images, match {}: flap needs every and for above 0s", self.pattern));
        }
        let reason = self.crash.as_ref().and_then(|crash| crash.reason.as_deref()).unwrap_or("Error");
        if !matches!(reason, "Error" | "OOMKilled" | "Completed") {
            return Some(format!("images, match {}: crash.reason is Error, OOMKilled or Completed, not {reason}", self.pattern));
        }
        None
    }
}

impl CrashRule {
    fn crash(&self) -> Crash {
        let reason = self.reason.clone().unwrap_or_else(|| "Error".into());
        let usual = match reason.as_str() {
            "OOMKilled" => 137,
            "Completed" => 0,
            _ => 1,
        };
        Crash { after_ms: self.after.0, exit_code: self.exit_code.unwrap_or(usual), reason, times: self.times }
    }
}
