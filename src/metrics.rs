//! Prometheus: transports, presets, raw counters.
//!
//! Counters are read as range selectors with one `time=` for all, so that every sample carries the timestamp it was scraped
//! at (an instant vector reports the time of evaluation). Rates are ours to make: see [`crate::analysis`].

mod decode;
mod preset;
mod sampler;
mod transport;

use thiserror::Error;

pub use preset::{PRESETS, Preset};
pub use sampler::Sampler;
pub use transport::Transport;

/// Why Prometheus could not be asked, or did not answer with what was asked. Texts are sanitized.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MetricsError {
    /// The release names no Prometheus.
    #[error("no Prometheus configured: add `prometheus:` to the release")]
    None,
    /// The address cannot be used.
    #[error("{place}: {why}")]
    Address {
        /// The address.
        place: String,
        /// What is wrong with it.
        why: String,
    },
    /// Nobody answered.
    #[error("{place}: no answer: {why}; is it up, and reachable from here?")]
    Unreachable {
        /// The address.
        place: String,
        /// The innermost cause.
        why: String,
    },
    /// An answer with another status than success.
    #[error("{place}: answered {code}: {said}{hint}")]
    Status {
        /// The address.
        place: String,
        /// HTTP status.
        code: u16,
        /// The beginning of what it said.
        said: String,
        /// What to do.
        hint: &'static str,
    },
    /// An answer that is not Prometheus'.
    #[error("{place}: not a Prometheus answer ({why}): {said}; does the address lead to the API itself, not to a page in front of it?")]
    Garbage {
        /// The address.
        place: String,
        /// What does not fit.
        why: String,
        /// The beginning of what it said.
        said: String,
    },
    /// A proper refusal by Prometheus.
    #[error("{place}: {kind}: {said}")]
    Refused {
        /// The address.
        place: String,
        /// `errorType`.
        kind: String,
        /// `error`.
        said: String,
    },
    /// More than is read.
    #[error("{place}: more than 1 MiB of samples: narrow the release's metrics down with `prometheus.label`")]
    TooLarge {
        /// The address.
        place: String,
    },
    /// None of the known metric families is there.
    #[error("{place}: namespace {namespace} has none of the known metric families ({known}); name one with `prometheus.preset`")]
    NoFamily {
        /// The address.
        place: String,
        /// Where it was looked for.
        namespace: String,
        /// What was looked for.
        known: String,
    },
}
