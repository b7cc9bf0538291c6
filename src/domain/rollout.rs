//! One run of a plan: the state that is stored in the cluster.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::action::{Action, Precondition};
use super::argo_rollout::PauseAt;
use super::command::Mark;
use super::drift::{Drift, Known};
use super::journal::Entry;
use super::observed::{ContainerImage, KeptRevision};
use super::opaque::Opaque;
use super::release::{Release, Track};
use super::route::RouteFacts;
use super::step::Step;
use super::time::{Millis, Now};
use super::weight::Weight;

/// How what is waited for begins, where that is a person's word.
pub const FOR_APPROVAL: &str = "waits for approval: ";

/// The version of [`Rollout`] that this program writes; a newer one is refused, never guessed at.
pub const SCHEMA: u32 = 1;
/// How many journal lines travel with the state.
pub const LOG_LINES: usize = 24;
/// How many orders are remembered so that none acts twice.
pub const ORDERS_KEPT: usize = 32;

/// The persisted state of one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rollout {
    /// [`SCHEMA`] of the program that wrote it.
    pub schema: u32,
    /// Unique for this run.
    pub id: String,
    /// The release as it was when the run began.
    pub release: Arc<Release>,
    /// The compiled strategy.
    pub plan: Vec<Step>,
    /// Index into the plan of the step under way.
    pub cursor: usize,
    /// Where the run is.
    pub phase: Phase,
    /// Changes with every step, every accepted command, and whatever of somebody else's is told; see [`Mark`].
    pub turn: u64,
    /// When the current step began.
    pub entered: Timestamp,
    /// How much of the current step's length was covered: time in which every gate passed with fresh data.
    pub covered: Millis,
    /// The most pods of the step under way that were seen updated and ready: it gets on while there are more.
    #[serde(default)]
    pub most: u32,
    /// For how long a candidate has had traffic and no ready pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unserved: Option<Millis>,
    /// When this process last looked for pods that answer: unlike `ticked`, no step that begins forgets it.
    #[serde(skip)]
    pub looked: Option<Now>,
    /// When the clock was last looked at, by the process that drives now; `None` after a restart.
    pub ticked: Option<Now>,
    /// The weight asked of every component.
    pub asked: Weight,
    /// The weight was set by a person, not by the plan: it may rise while the run is paused.
    #[serde(default)]
    pub by_hand: bool,
    /// Holds and approvals are passed over: somebody asked to promote at once.
    pub express: bool,
    /// What was and what is wanted, by component.
    pub targets: BTreeMap<String, Arc<ComponentTarget>>,
    /// Who started it.
    pub started_by: String,
    /// When.
    pub started: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// Why, in the words of whoever started it.
    pub cause: Option<String>,
    /// Steps forward on anything but Healthy, with who took them.
    pub overrides: Vec<String>,
    /// The driver's Lease epoch that wrote this.
    pub epoch: u64,
    /// Number of the last write planned; stamps are `epoch.seq`.
    pub seq: u64,
    /// Writes that were planned and whose outcome is not known yet.
    pub intents: Vec<Intent>,
    /// What people asked a Deployment's replicas to be, and they are not yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scalings: Vec<Scaling>,
    /// Orders taken lately, with what became of them.
    pub orders: VecDeque<Answer>,
    /// The newest journal lines. Shared: a run is copied every turn, and a line never changes.
    pub log: VecDeque<Arc<Entry>>,
    /// Why nothing moves, where something is in the way: for people.
    pub waiting: Option<String>,
    /// What the server said to the last refused write, by component.
    pub trouble: BTreeMap<String, String>,
    /// What somebody else changed and nobody has decided about yet.
    #[serde(default)]
    pub drifts: Vec<Drift>,
    /// How often somebody else gave the candidate traffic again after it was taken back.
    #[serde(default)]
    pub reverts: u32,
    /// What became of suspending the auto-sync of Argo CD's Applications, by `namespace/name`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub suspensions: BTreeMap<String, Suspension>,
    /// When all routes were back on stable, of a rollback that is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub routes_back: Option<Timestamp>,
    /// Error share of the candidate when a rollback began, 0–1.
    pub errors_before: Option<f64>,
    /// When the pods that were kept after a rollback are to go.
    pub clean_up: Option<Timestamp>,
    /// The judge's state, opaque here, so that evidence survives a restart.
    pub judge: Option<Opaque>,
}

impl Rollout {
    /// A run with nothing in it yet: no plan, no targets.
    pub fn new(release: impl Into<Arc<Release>>, id: &str, by: &str, at: Timestamp) -> Rollout {
        Rollout {
            schema: SCHEMA,
            id: id.to_owned(),
            release: release.into(),
            plan: Vec::new(),
            cursor: 0,
            phase: Phase::Progressing,
            turn: 0,
            entered: at,
            covered: Millis::ZERO,
            most: 0,
            unserved: None,
            looked: None,
            ticked: None,
            asked: Weight::ZERO,
            by_hand: false,
            express: false,
            targets: BTreeMap::new(),
            started_by: by.to_owned(),
            started: at,
            ended: None,
            cause: None,
            overrides: Vec::new(),
            epoch: 0,
            seq: 0,
            intents: Vec::new(),
            scalings: Vec::new(),
            orders: VecDeque::new(),
            log: VecDeque::new(),
            waiting: None,
            trouble: BTreeMap::new(),
            drifts: Vec::new(),
            reverts: 0,
            suspensions: BTreeMap::new(),
            routes_back: None,
            errors_before: None,
            clean_up: None,
            judge: None,
        }
    }

    /// The step under way; `None` past the end.
    pub fn step(&self) -> Option<&Step> {
        self.plan.get(self.cursor)
    }

    /// What a command given now refers to.
    pub fn mark(&self) -> Mark {
        Mark { rollout: self.id.clone(), turn: self.turn }
    }

    /// Whether nothing more will be done.
    pub fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Completed | Phase::RolledBack)
    }

    /// Whether it is no run at all: orders were carried out while none was on record, and this keeps them.
    pub fn is_blank(&self) -> bool {
        self.plan.is_empty() && self.targets.is_empty()
    }

    /// What is waited for until a person approves it: a step of ours, or a pause of Argo Rollouts.
    pub fn approval(&self) -> Option<&str> {
        match (self.step()?, &self.phase) {
            (Step::Approve(label), _) => Some(label),
            (Step::Follow, Phase::Progressing) => self.waiting.as_deref()?.strip_prefix(FOR_APPROVAL),
            _ => None,
        }
    }

    /// Whether it is being taken back or was.
    pub fn is_back(&self) -> bool {
        matches!(self.phase, Phase::RollingBack { .. } | Phase::RolledBack)
    }

    /// The largest weight of the plan up to and including the step under way.
    pub fn planned_weight(&self) -> Weight {
        self.plan
            .iter()
            .take(self.cursor.saturating_add(1))
            .filter_map(|s| if let Step::Shift(w) = s { Some(*w) } else { None })
            .next_back()
            .unwrap_or(Weight::ZERO)
    }

    /// Adds a journal line and drops the oldest beyond [`LOG_LINES`].
    pub fn note(&mut self, entry: Entry) {
        self.log.push_back(Arc::new(entry));
        while self.log.len() > LOG_LINES {
            self.log.pop_front();
        }
    }

    /// What became of an order, where it was seen.
    pub fn answer(&self, order: &str) -> Option<&Answer> {
        self.orders.iter().find(|a| a.order == order)
    }
}

/// Where a run is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Phase {
    /// Steps are being taken.
    Progressing,
    /// Nothing goes forward until a person says so; gates go on.
    Paused {
        /// Why.
        why: String,
        /// Who or what paused it.
        by: String,
    },
    /// Traffic goes back, then the rest. Never left but to [`Phase::RolledBack`].
    RollingBack {
        /// Why.
        cause: String,
        /// Who or what asked.
        by: String,
        /// Since when.
        since: Timestamp,
        /// When every route was first seen back on stable.
        routes_held: Option<Timestamp>,
    },
    /// The new version serves alone.
    Completed,
    /// The old version serves alone.
    RolledBack,
}

impl Phase {
    /// One word for it.
    pub fn word(&self) -> &'static str {
        match self {
            Phase::Progressing => "progressing",
            Phase::Paused { .. } => "paused",
            Phase::RollingBack { .. } => "rolling back",
            Phase::Completed => "completed",
            Phase::RolledBack => "rolled back",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Phase::Paused { why, .. } => write!(f, "paused: {why}"),
            Phase::RollingBack { cause, .. } => write!(f, "rolling back: {cause}"),
            other => f.write_str(other.word()),
        }
    }
}

/// What was and what is wanted of one component.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ComponentTarget {
    /// Stable as it was at the start: the rollback's target, never derived again. Its replicas are what all of the traffic
    /// needs, and rise when a person gives stable more.
    pub stable: Recorded,
    /// Stable's replicas at the start, where a person asked for others since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sized: Option<u32>,
    /// The candidate as it was at the start; `None` when there was none.
    pub candidate: Option<Recorded>,
    /// Wanted images of the candidate, by container.
    pub images: Vec<ContainerImage>,
    /// The route as last read; enough to take it back without reading.
    pub route: Option<RouteFacts>,
    /// The weight that the route was last seen to hold for us; when it is another later, somebody else wrote.
    pub held: Option<Weight>,
    /// What somebody else made of the route and a person said to write over: this value, and no other that comes later.
    #[serde(default)]
    pub overruled: Option<Drift>,
    /// Whether the testers' rule was seen to stand, or was put there: without it somebody else took it away.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub admitted: bool,
    /// What each side was last known to be; when it is another later, somebody else wrote.
    #[serde(default)]
    pub known: BTreeMap<Track, Known>,
    /// The candidate's Deployment is made by this run.
    pub cloned: bool,
    /// Set when the run puts a Deployment back to a kept revision.
    pub undo: Option<KeptRevision>,
    /// The pause of Argo Rollouts that a person said to end: this one, and none that comes later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passed: Option<PauseAt>,
}

/// A workload as recorded at the start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// The Deployment.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// Its replicas.
    pub replicas: u32,
    /// Its images.
    pub images: Vec<ContainerImage>,
    /// Its revision.
    pub revision: Option<u64>,
    /// Its pod template's hash.
    pub template_hash: Option<String>,
}

/// A planned write.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Intent {
    /// Its number within the run.
    pub seq: u64,
    /// What is to change.
    pub action: Action,
    /// What must still be true.
    pub precondition: Precondition,
}

/// What became of suspending an Application's auto-sync.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Suspension {
    /// It was tried so often, and met a changed Application or no answer.
    Tried {
        /// How often.
        times: u8,
    },
    /// It is suspended.
    Landed {
        /// Since when.
        at: Timestamp,
        /// How much of a rollback must be covered before a sync that had begun can no longer land.
        settles: Millis,
    },
    /// It cannot be.
    Refused {
        /// Why.
        why: String,
    },
    /// It was, and somebody else switched it on again.
    Overruled,
}

/// Replicas that a person asked for: written until the Deployment has them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scaling {
    /// The order's id; it is answered once the Deployment has them, or the server refused.
    pub order: String,
    /// The component.
    pub component: String,
    /// The Deployment: sides may have changed places since.
    pub deployment: String,
    /// Wanted replicas.
    pub to: u32,
}

/// What became of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The order's id.
    pub order: String,
    /// Set when it was refused: why.
    pub refused: Option<String>,
}
