//! What is known of a component's route: enough to change it without reading it again.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::object::ObjectRef;
use super::release::Destination;
use super::text::SafeText;
use super::weight::Share;

/// A route as last read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RouteFacts {
    /// The object that holds it (replica ratio: stable's Deployment).
    pub object: ObjectRef,
    /// The object's uid.
    pub uid: String,
    /// The object's version as read.
    pub resource_version: String,
    /// Where in the object the two sides stand.
    pub entry: RouteEntry,
    /// Stable's weight in the route's own unit.
    pub stable: u32,
    /// The candidate's weight in the route's own unit.
    pub candidate: u32,
    /// Whether those who carry the traffic took it over.
    pub accepted: Acceptance,
    /// Whether another rule of the same object also sends to the candidate, whatever the weights say.
    pub bypass: bool,
    /// What else sends traffic past these weights: `header route x-canary also sends to the candidate`.
    pub notes: Vec<SafeText>,
}

impl RouteFacts {
    /// The sum of the two weights; 100 when both are nothing.
    pub fn total(&self) -> u32 {
        match self.stable.saturating_add(self.candidate) {
            0 => 100,
            n => n,
        }
    }

    /// The candidate's share of the pair, as the object says.
    pub fn share(&self) -> Share {
        Share(f64::from(self.candidate) / f64::from(self.total()))
    }

    /// The candidate's share in whole percent, rounded.
    pub fn percent(&self) -> u8 {
        u8::try_from((u64::from(self.candidate) * 200 + u64::from(self.total())) / (u64::from(self.total()) * 2)).unwrap_or(100)
    }
}

/// Where in an object the two sides stand. Indexes are those of the version that was read; every write tests that the
/// same names still stand there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RouteEntry {
    /// `spec.http[http].route[i]` of a VirtualService.
    VirtualService {
        /// The route's name, for people.
        route: Option<String>,
        /// Index in `spec.http`.
        http: usize,
        /// Index and destination of stable.
        stable: (usize, Destination),
        /// Index and destination of the candidate.
        candidate: (usize, Destination),
    },
    /// `spec.rules[rule].backendRefs[i]` of an HTTPRoute.
    HttpRoute {
        /// Index in `spec.rules`.
        rule: usize,
        /// Index and Service of stable.
        stable: (usize, String),
        /// Index and Service of the candidate.
        candidate: (usize, String),
    },
    /// One key of `spec.selector` of a Service.
    Service {
        /// The key.
        key: String,
        /// Its value while stable serves.
        stable: String,
        /// Its value while the candidate serves.
        candidate: String,
        /// Its value as read.
        current: String,
    },
    /// `spec.replicas` of two Deployments.
    Replicas {
        /// Stable's Deployment and its uid.
        stable: (String, String),
        /// The candidate's Deployment and its uid.
        candidate: (String, String),
    },
}

/// Whether those who carry the traffic took a route over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Acceptance {
    /// Taken over, or nobody reports it for this kind (then the spec is what counts).
    Yes,
    /// Not yet: what is waited for.
    Pending(SafeText),
    /// Refused, with the reason.
    Refused(SafeText),
}

/// Why a component's route cannot be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RouteProblem {
    /// The object does not exist.
    Missing(ObjectRef),
    /// It exists and does not hold what the release says.
    Unfit {
        /// The object.
        object: ObjectRef,
        /// What is wrong and what would be right.
        why: SafeText,
    },
    /// It could not be read.
    Unread(SafeText),
    /// The component has no route (a rolling update).
    None,
}

impl fmt::Display for RouteProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RouteProblem::Missing(object) => write!(f, "{object} does not exist in namespace {}", object.namespace),
            RouteProblem::Unfit { object, why } => write!(f, "{object}: {why}"),
            RouteProblem::Unread(why) => write!(f, "route not read: {why}"),
            RouteProblem::None => f.write_str("no route"),
        }
    }
}
