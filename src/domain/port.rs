//! What the driver asks of the world and what comes back, as data. The cluster's rooms answer in these words.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::command::Order;
use super::rollout::Rollout;
use super::time::Millis;

/// How long a Lease holds without being renewed.
pub const LEASE_DURATION: Millis = Millis::secs(15);

/// A release's state as stored: ConfigMap `cutover-<release>`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stored {
    /// The run; `None` when the object holds orders only.
    pub rollout: Option<Arc<Rollout>>,
    /// Orders that others left for the driver.
    pub orders: Vec<Order>,
    /// The object's version, for compare-and-swap.
    pub version: String,
}

/// How a look at all objects is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Haste {
    /// Nothing is under way.
    Calm,
    /// A run is under way, or an order waits.
    Waited,
    /// More pods are about to be asked for, or somebody weighs it: what room there is for them is told with the look.
    Rising,
    /// A rollback waits: what it does not rest on is told from memory, or not at all.
    Back,
    /// A rollback waits, no run is known, and every weight stands in a route: routes and Deployments are told and nothing else.
    /// What they say of ready pods counts as addresses; kept revisions, pods, autoscalers and owners are unknown.
    AtOnce,
}

impl Haste {
    /// Whether a rollback waits.
    pub fn is_back(self) -> bool {
        matches!(self, Haste::Back | Haste::AtOnce)
    }
}

/// What became of storing a state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum StoreOutcome {
    /// Stored, with the new version.
    Stored {
        /// The object's version now.
        version: String,
    },
    /// Somebody else stored since: read again.
    Conflict,
    /// The server said no, or the state cannot be stored.
    Refused {
        /// Why, and what to do.
        why: String,
    },
    /// No answer.
    Unknown {
        /// What happened instead.
        why: String,
    },
}

/// What is asked of a release's Lease `cutover-<release>`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LeaseAsk {
    /// Look who holds it.
    Read,
    /// Take it, if it is free, or if it is still as it was seen long enough ago.
    Acquire {
        /// The version that was seen unchanged for the Lease's duration; `None` takes only a free one.
        expired: Option<String>,
        /// The epoch that is on record: the new one is higher, also where somebody deleted the Lease.
        #[serde(default)]
        after: u64,
    },
    /// Keep it.
    Renew {
        /// The epoch it was taken with.
        epoch: u64,
    },
    /// Let it go.
    Release {
        /// The epoch it was taken with.
        epoch: u64,
    },
}

/// How a Lease is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LeaseOutcome {
    /// We hold it.
    Held {
        /// `leaseTransitions`: raised by every acquisition.
        epoch: u64,
    },
    /// Nobody holds it.
    Free,
    /// Somebody else holds it.
    Taken {
        /// Who.
        holder: String,
        /// Their epoch.
        epoch: u64,
        /// When they last renewed, by their clock.
        renewed: Option<Timestamp>,
        /// The object's version: unchanged for the duration means that the holder is gone.
        version: String,
    },
    /// The server said no.
    Refused {
        /// Why, and what to do.
        why: String,
    },
    /// No answer.
    Unknown {
        /// What happened instead.
        why: String,
    },
}

/// Why something could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// What sort of failure it is.
    pub kind: FaultKind,
    /// What failed, on which object, and what to do.
    pub text: String,
}

/// Sorts of failure that call for different behaviour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FaultKind {
    /// No answer from the server: try again for ever.
    Unreachable,
    /// The credentials are not taken (401).
    Unauthorized,
    /// The rights do not suffice (403).
    Forbidden,
    /// What is stored cannot be read: written by a newer program, or damaged.
    Unreadable,
    /// Anything else.
    Other,
}
