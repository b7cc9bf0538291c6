//! What happens in one run, drawn from a seed before it begins: so it can be repeated exactly, and cut down to what matters.

mod draw;
mod later;
mod shape;

use std::collections::BTreeMap;
use std::fmt;

use cutover::domain::command::Command;
use cutover::domain::release::Track;
use cutover::domain::time::Millis;

pub use draw::TROUBLE;
pub use shape::Shape;

use crate::world::argo::Rights;
use crate::world::{Illness, Nature};

/// One run's script.
#[derive(Clone, Debug)]
pub struct Script {
    pub seed: u64,
    pub shape: Shape,
    pub nature: Nature,
    /// What the two weights of a route sum to.
    pub total: u32,
    /// Somebody approves what waits for it, and resumes what was paused.
    pub approver: bool,
    pub resumer: bool,
    /// A second operator, and somebody who only watches.
    pub second: bool,
    pub watcher: bool,
    /// GitOps puts routes back to what git says, so long after a change.
    pub git: Option<Millis>,
    /// The candidate's share in percent that git asks for: it may be the new version that it holds.
    pub git_holds: u32,
    /// It does so by an Application that can be read, and written to by whoever has the right.
    pub application: Option<Rights>,
    /// How fast each process's clock runs, in parts per million.
    pub skew: [i64; 3],
    /// Whether the monotonic clock stands still while a machine sleeps.
    pub stands_still: bool,
    /// Whether somebody comes in the morning and takes back what still waits for people.
    pub morning: bool,
    pub happenings: Vec<(Millis, Happening)>,
    /// What becomes of requests, by their number.
    pub faults: BTreeMap<u64, Fault>,
}

/// Something that happens at a moment.
#[derive(Clone, Debug, PartialEq)]
pub enum Happening {
    /// Somebody orders something, seeing the screen as it is, or as it was before the last change.
    Order {
        who: usize,
        command: Command,
        stale: bool,
    },
    /// A process dies, and is started again later.
    Kill {
        who: usize,
        for_: Millis,
    },
    /// It is asked to stop (SIGHUP), and is started again later.
    Leave {
        who: usize,
        for_: Millis,
    },
    /// A laptop sleeps.
    Sleep {
        who: usize,
        for_: Millis,
    },
    /// A wall clock jumps, by milliseconds.
    Jump {
        who: usize,
        by: i64,
    },
    /// The local disk takes no line for a while.
    DiskFull {
        who: usize,
        for_: Millis,
    },
    /// Its requests for the Lease are not answered for a while; all others are.
    LeaseDown {
        who: usize,
        for_: Millis,
    },
    /// Somebody else sets a weight.
    Meddle {
        part: usize,
        weight: u32,
    },
    /// Somebody takes the testers' rule away.
    Dismiss {
        part: usize,
    },
    /// Somebody else writes to a route what changes no weight.
    Churn {
        part: usize,
    },
    /// Somebody deletes a route; it is made again later.
    DropRoute {
        part: usize,
    },
    RestoreRoute {
        part: usize,
    },
    /// A route cannot be read for a while; all else can.
    Unseen {
        part: usize,
        for_: Millis,
    },
    /// Somebody sends testers to the candidate by a route of their own, or deletes it.
    Neighbour {
        part: usize,
        stands: bool,
    },
    /// Other routes cannot be listed for a while.
    Unlisted {
        part: usize,
        for_: Millis,
    },
    /// Somebody deletes the candidate.
    DropCandidate {
        part: usize,
    },
    /// Somebody scales.
    Scale {
        part: usize,
        track: Track,
        to: u32,
    },
    /// An autoscaler begins to own the replicas.
    Scaler {
        part: usize,
        track: Track,
    },
    /// Somebody deploys another image.
    Image {
        part: usize,
        track: Track,
    },
    /// Somebody restarts the candidate: the same images in another pod template.
    Restart {
        part: usize,
    },
    /// Somebody unpauses a Deployment.
    Unpause {
        part: usize,
    },
    /// Somebody sets a quota of so many pods, or lifts it.
    Quota(Option<u32>),
    /// Somebody deletes the namespace, and everything in it.
    Namespace,
    /// The stored state is deleted, or damaged.
    DropRecord,
    DamageRecord,
    /// So many pods of each stable Deployment cannot be ready.
    Limp(u32),
    /// So many pods of each candidate cannot be ready.
    Fall(u32),
    /// Prometheus.
    MetricsDown(bool),
    OneArm(bool),
    CountersReset,
    /// What is wrong with the candidate's series, if anything.
    Ill(Option<Illness>),
    /// The new version begins to fail.
    GoesBad,
}

/// What becomes of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// Answered with a status code, and nothing done.
    Refused(u16),
    /// Nothing done, nothing answered.
    Never,
    /// Done, and the answer lost.
    Lost,
    /// Nothing answered, and done later.
    Late(Millis),
    /// Done twice, the second time later.
    Twice(Millis),
    /// Done and answered, but slowly.
    Slow(Millis),
    /// The process dies before it is sent.
    KilledBefore,
    /// The process dies when it was done, before the answer.
    KilledAfter,
}

impl Fault {
    /// A word for its class, for the coverage table.
    pub fn class(&self) -> &'static str {
        match self {
            Fault::Refused(409 | 422) => "conflict",
            Fault::Refused(429) => "too many requests",
            Fault::Refused(401 | 403) => "forbidden",
            Fault::Refused(_) => "server error",
            Fault::Never => "no answer, not done",
            Fault::Lost => "answer lost",
            Fault::Late(_) => "late landing",
            Fault::Twice(_) => "done twice",
            Fault::Slow(_) => "slow",
            Fault::KilledBefore | Fault::KilledAfter => "killed at a request",
        }
    }
}

impl Happening {
    pub fn class(&self) -> &'static str {
        match self {
            Happening::Order { .. } => "order",
            Happening::Kill { .. } => "kill",
            Happening::Leave { .. } => "leave",
            Happening::Sleep { .. } => "sleep",
            Happening::Jump { .. } => "clock jump",
            Happening::DiskFull { .. } => "disk full",
            Happening::LeaseDown { .. } => "lease down",
            Happening::Meddle { .. } | Happening::Dismiss { .. } | Happening::Churn { .. } => "foreign route write",
            Happening::DropRoute { .. } | Happening::RestoreRoute { .. } | Happening::DropCandidate { .. } => "objects deleted",
            Happening::Unseen { .. } => "route unread",
            Happening::Neighbour { .. } | Happening::Unlisted { .. } => "other routes",
            Happening::Scale { .. } | Happening::Scaler { .. } => "foreign scaling",
            Happening::Image { .. } | Happening::Restart { .. } | Happening::Unpause { .. } => "foreign deployment",
            Happening::DropRecord | Happening::DamageRecord => "state lost",
            Happening::Quota(_) => "quota",
            Happening::Namespace => "namespace deleted",
            Happening::Limp(_) => "pods down",
            Happening::Fall(_) => "candidate's pods down",
            Happening::MetricsDown(_) | Happening::OneArm(_) | Happening::CountersReset | Happening::Ill(_) => "metrics",
            Happening::GoesBad => "goes bad",
        }
    }
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}: {:?}, {:?}", self.seed, self.shape, self.nature)?;
        let people = [("approver", self.approver), ("resumer", self.resumer), ("second operator", self.second), ("watcher", self.watcher)];
        let people: Vec<&str> = people.iter().filter(|p| p.1).map(|p| p.0).collect();
        writeln!(f, "  with {}", if people.is_empty() { "nobody else".to_owned() } else { people.join(", ") })?;
        if let Some(after) = self.git {
            writeln!(f, "  git puts routes back to {} % after {after}", self.git_holds)?;
        }
        if let Some(rights) = self.application {
            writeln!(f, "  by an application; may the operators write to it? {rights:?}")?;
        }
        if self.skew.iter().any(|s| *s != 0) {
            writeln!(f, "  clocks run {:?} ppm fast", self.skew)?;
        }
        if self.morning {
            writeln!(f, "  in the morning somebody takes back what waits")?;
        }
        for (at, what) in &self.happenings {
            writeln!(f, "  {:>7.1} s  {what:?}", at.0 as f64 / 1000.0)?;
        }
        for (number, fault) in &self.faults {
            writeln!(f, "  request {number}: {fault:?}")?;
        }
        Ok(())
    }
}
