//! What goes into the core and what comes out of it: plain data, so that it can be recorded and replayed.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::domain::action::{Action, Precondition, WriteOutcome};
use crate::domain::command::Order;
use crate::domain::journal::Entry;
use crate::domain::observed::Observed;
use crate::domain::port::{Fault, Haste, LeaseAsk, LeaseOutcome, StoreOutcome, Stored};
use crate::domain::release::Release;
use crate::domain::rollout::Rollout;
use crate::domain::sample::Scrape;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(clippy::large_enum_variant)] // one lives at a time
pub enum Input {
    /// Time has passed.
    Tick,
    /// A watch saw something change: look sooner.
    Changed,
    /// Somebody thinks of giving the candidate more: look what room there is for its pods.
    Weigh,
    /// The stored state, read before the driver was started: what is known from memory without asking again.
    Restored(Box<Stored>),
    /// Somebody asks for something.
    Order(Order),
    /// Finish what is in flight, let go of the Lease, stop.
    Detach,
    /// A request was answered.
    Reply {
        /// Its number.
        id: u64,
        /// The answer.
        reply: Reply,
    },
}

/// A numbered request to the world.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// Its number.
    pub id: u64,
    /// What is asked.
    pub call: Call,
}

/// What the core asks of the world.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Call {
    /// Read the stored state.
    Load {
        /// Namespace.
        namespace: String,
        /// Release name.
        release: String,
    },
    /// Read all objects of the release, fresh.
    Observe {
        /// The release.
        release: Arc<Release>,
        /// How it is waited for.
        haste: Haste,
    },
    /// Read the counters.
    Sample {
        /// The release.
        release: Arc<Release>,
    },
    /// Store the state by compare-and-swap.
    Store {
        /// The state.
        rollout: Arc<Rollout>,
        /// The version it descends from; `None` creates it.
        expect: Option<String>,
        /// Orders to drop from the object, done with.
        spent: Vec<String>,
    },
    /// Ask for, keep or leave the Lease.
    Lease {
        /// Namespace.
        namespace: String,
        /// Release name.
        release: String,
        /// What we are called.
        holder: String,
        /// What is asked.
        ask: LeaseAsk,
    },
    /// Leave an order for the driver.
    Append {
        /// Namespace.
        namespace: String,
        /// Release name.
        release: String,
        /// The order.
        order: Order,
    },
    /// Change one object.
    Write {
        /// The change.
        action: Box<Action>,
        /// What must still be true.
        precondition: Precondition,
        /// Our stamp, `epoch.seq`.
        stamp: String,
    },
    /// Append to the local journal.
    Journal {
        /// The line.
        entry: Entry,
        /// On disk before anything after it is sent.
        durable: bool,
    },
}

/// What the world answers, one kind a call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, clippy::large_enum_variant)] // each answers the call of its name
pub enum Reply {
    Loaded(Result<Option<Stored>, Fault>),
    Observed(Result<Arc<Observed>, Fault>),
    Sampled(Result<Scrape, String>),
    Stored(StoreOutcome),
    Leased(LeaseOutcome),
    Appended(Result<(), Fault>),
    Written(WriteOutcome),
    Journaled(Result<(), String>),
}
