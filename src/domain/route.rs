//! What is known of a component's route: enough to change it without reading it again.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::mutant::{Mutant, mutant};
use super::object::ObjectRef;
use super::release::Destination;
use super::testers::{TestersMove, TestersRule};
use super::text::SafeText;
use super::weight::{Share, Weight};

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
    /// Whether nobody else holds a share of the rule: then its total is ours to choose, since weights are relative.
    #[serde(default)]
    pub alone: bool,
    /// Which of the two weights (stable's, the candidate's) stand in the object; an absent one cannot be tested by value.
    #[serde(default)]
    pub written: (bool, bool),
    /// Our stamp annotation, where a write of unknown fate or a contested one put it there.
    #[serde(default)]
    pub stamp: Option<String>,
    /// Pod labels by which the route knows the candidate's side, where an object says so and the Deployment is still to be made.
    #[serde(default)]
    pub candidate_labels: BTreeMap<String, String>,
    /// The testers' rule, where the release declares testers.
    #[serde(default)]
    pub testers: Option<Box<TestersRule>>,
}

/// The annotation that switches the others on, after the prefix.
pub const CANARY: &str = "canary";
/// The annotation that holds the candidate's weight.
pub const CANARY_WEIGHT: &str = "canary-weight";
/// The annotation that says what the weight is a part of; 100 without it.
pub const CANARY_WEIGHT_TOTAL: &str = "canary-weight-total";

/// The total that a pair is given where its own is too small for a weight: it expresses every whole percent.
const FINE_TOTAL: u32 = 100;

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
        rounded(self.candidate, self.total())
    }

    /// Whether nothing goes to stable by these weights.
    pub fn is_full(&self) -> bool {
        self.candidate > 0 && self.stable == 0
    }

    /// Whether a weight is more than the candidate has now.
    pub fn rises_to(&self, weight: Weight) -> bool {
        u64::from(self.candidate) * 100 < u64::from(weight.percent()) * u64::from(self.total())
    }

    /// Whether the testers' rule stands.
    pub fn sends_testers(&self) -> bool {
        !super::mutant::mutant(super::mutant::Mutant::TestersKept) && self.testers.as_ref().is_some_and(|rule| rule.stands)
    }

    /// What is to become of the testers' rule.
    pub fn testers_move(&self, wanted: bool) -> TestersMove {
        match &self.testers {
            Some(rule) if rule.stands && !wanted => TestersMove::Remove,
            Some(rule) if !rule.stands && wanted => TestersMove::Add,
            _ => TestersMove::Keep,
        }
    }

    /// Whether the candidate has more now than a weight.
    pub fn rises_from(&self, weight: Weight) -> bool {
        u64::from(self.candidate) * 100 > u64::from(weight.percent()) * u64::from(self.total())
    }

    /// Stable's and the candidate's weights that stand for a share. The total is kept where it can express the share; a
    /// smaller one (1 where an HTTPRoute names no weights) becomes 100 if nobody else has a part in it.
    pub fn parts(&self, weight: Weight) -> (u32, u32) {
        let total = match self.stable.saturating_add(self.candidate) {
            _ if mutant(Mutant::TotalBecomes100) => FINE_TOTAL,
            0 if !self.alone => 0,
            _ if !self.expresses(weight) && self.alone => FINE_TOTAL,
            _ => self.total(),
        };
        let candidate = weight.of_total(total);
        (total.saturating_sub(candidate), candidate)
    }

    /// Whether the object already says what it would say for a share.
    pub fn holds(&self, weight: Weight) -> bool {
        (self.stable, self.candidate) == self.parts(weight) || (self.candidate == 0 && weight == Weight::ZERO)
    }

    /// Whether another component's route is the same weights, or one of them.
    pub fn meets(&self, other: &RouteFacts) -> bool {
        use RouteEntry::{HttpRoute, VirtualService};
        let shared = |(a, b): (usize, usize), (c, d): (usize, usize)| a == c || a == d || b == c || b == d;
        let places = match (&self.entry, &other.entry) {
            (VirtualService { http: a, stable: s, candidate: c, .. }, VirtualService { http: b, stable: t, candidate: d, .. }) => {
                a == b && shared((s.0, c.0), (t.0, d.0))
            }
            (HttpRoute { rule: a, stable: s, candidate: c, .. }, HttpRoute { rule: b, stable: t, candidate: d, .. }) => {
                a == b && shared((s.0, c.0), (t.0, d.0))
            }
            _ => true,
        };
        self.object == other.object && places
    }

    /// Why a share cannot be asked of this route, if it cannot. Nothing and everything always can.
    pub fn cannot_express(&self, weight: Weight) -> Option<String> {
        let shared_out = self.candidate == 0 && self.stable == 0 && weight != Weight::ZERO;
        if self.alone || (self.expresses(weight) && !shared_out) {
            return None;
        }
        let total = self.stable.saturating_add(self.candidate);
        if let RouteEntry::Ingress { prefix, .. } = &self.entry {
            let key = format!("{prefix}/{CANARY_WEIGHT_TOTAL}");
            return Some(format!("{}: {key} is {total}, which cannot express {weight}; set it to 100 and start again", self.object));
        }
        Some(format!(
            "{}: the pair's weights sum to {total}, which cannot express {weight}, and other backends of the rule hold shares that a larger \
             sum would change; multiply all weights of the rule, by 100 say, and start again",
            self.object
        ))
    }

    /// Whether whole numbers of this total come to a share, to the percent.
    fn expresses(&self, weight: Weight) -> bool {
        let by_weights =
            matches!(self.entry, RouteEntry::VirtualService { .. } | RouteEntry::HttpRoute { .. } | RouteEntry::Ingress { .. });
        let total = self.total();
        !by_weights || matches!(weight.percent(), 0 | 100) || rounded(weight.of_total(total), total) == weight.percent()
    }
}

/// A part of a total in whole percent.
fn rounded(part: u32, total: u32) -> u8 {
    u8::try_from((u64::from(part) * 200 + u64::from(total)) / (u64::from(total.max(1)) * 2)).unwrap_or(100)
}

/// Where in an object the two sides stand. Indexes are those of the version that was read; every write tests that the
/// same names still stand there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RouteEntry {
    /// `spec.http[http].route[i]` of a VirtualService.
    VirtualService {
        /// The route's name, where it has one.
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
        /// The rule's name, where it has one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// Index in `spec.rules`.
        rule: usize,
        /// Index and Service of stable.
        stable: (usize, String),
        /// Index and Service of the candidate.
        candidate: (usize, String),
    },
    /// Canary annotations of an Ingress. Their total stands in the object: it is never ours to choose.
    Ingress {
        /// What stands before the annotations' slash.
        prefix: String,
        /// Where in the object the candidate's Service is named, as a JSON pointer, and the Service.
        candidate: (String, String),
        /// `canary` as written.
        canary: Option<String>,
        /// `canary-weight` as written.
        weight: Option<String>,
        /// Whether the object has any annotation: without one, the map itself is to be made.
        annotated: bool,
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
        /// Whether the candidate is named in it all the same, and so may get something by it.
        #[serde(default)]
        sends: bool,
    },
    /// It could not be read.
    Unread(SafeText),
    /// It may not be read: the right that is missing.
    Forbidden(SafeText),
    /// The component has no route (a rolling update).
    None,
}

impl RouteProblem {
    /// Whether the candidate may get traffic by it, for all that is known.
    pub fn may_send(&self) -> bool {
        match self {
            RouteProblem::Unread(_) | RouteProblem::Forbidden(_) => !mutant(Mutant::UnseenIsBack),
            RouteProblem::Unfit { sends, .. } => *sends,
            RouteProblem::Missing(_) | RouteProblem::None => false,
        }
    }
}

impl fmt::Display for RouteProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RouteProblem::Missing(object) => write!(f, "{object} does not exist in namespace {}", object.namespace),
            RouteProblem::Unfit { object, why, .. } => write!(f, "{object}: {why}"),
            RouteProblem::Unread(why) | RouteProblem::Forbidden(why) => write!(f, "route not read: {why}"),
            RouteProblem::None => f.write_str("no route"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::object::Kind;
    use super::*;

    fn pair(stable: u32, candidate: u32, alone: bool) -> RouteFacts {
        RouteFacts {
            object: ObjectRef::new(Kind::HttpRoute, "shop", "web"),
            uid: "u".into(),
            resource_version: "1".into(),
            entry: RouteEntry::HttpRoute { name: None, rule: 0, stable: (0, "web".into()), candidate: (1, "web-canary".into()) },
            stable,
            candidate,
            accepted: Acceptance::Yes,
            bypass: false,
            notes: vec![],
            alone,
            written: (true, true),
            stamp: None,
            candidate_labels: BTreeMap::new(),
            testers: None,
        }
    }

    #[test]
    fn a_total_too_small_for_a_share_is_raised_where_nobody_else_has_a_part() {
        let parts = |total, weight| pair(total, 0, true).parts(Weight::capped(weight));
        assert_eq!([parts(1, 10), parts(2, 25), parts(10, 25), parts(3, 50)], [(90, 10), (75, 25), (75, 25), (50, 50)]);
        assert_eq!([parts(2, 50), parts(10, 10), parts(1000, 25), parts(128, 10)], [(1, 1), (9, 1), (750, 250), (115, 13)], "kept");
        assert_eq!([parts(1, 0), parts(1, 100), parts(7, 0)], [(1, 0), (0, 1), (7, 0)], "nothing and everything need no more");
    }

    #[test]
    fn what_was_written_is_seen_to_hold_and_nothing_else_is() {
        for total in [1, 2, 3, 7, 10, 64, 100, 101, 1000, 1_000_000] {
            for percent in 0..=100 {
                let weight = Weight::capped(percent);
                let (stable, candidate) = pair(total, 0, true).parts(weight);
                let after = pair(stable, candidate, true);
                assert!(after.holds(weight), "{total} {weight}");
                assert_eq!(after.percent(), percent, "{total}");
                assert_eq!(pair(total, 0, true).holds(weight), percent == 0, "{total} {weight}");
            }
        }
    }

    #[test]
    fn a_small_total_shared_with_others_is_said_to_be_too_small() {
        let shared = pair(1, 0, false);
        assert!(shared.cannot_express(Weight::capped(10)).is_some_and(|why| why.contains("sum to 1")));
        assert!(pair(0, 0, false).cannot_express(Weight::FULL).is_some());
        for (facts, weight) in [(shared.clone(), 0), (shared, 100), (pair(2, 0, false), 50), (pair(1, 0, true), 10), (pair(0, 0, false), 0)]
        {
            assert_eq!(facts.cannot_express(Weight::capped(weight)), None, "{facts:?} {weight}");
        }
        assert_eq!(pair(0, 0, false).parts(Weight::ZERO), (0, 0), "other backends keep what they have");
    }
}
