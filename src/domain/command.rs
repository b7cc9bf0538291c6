//! What people ask, and why they may be refused.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::image::Image;
use super::release::Track;
use super::time::Millis;
use super::weight::Weight;

/// What a person or a pipeline asks of a release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Command {
    /// Begin a rollout.
    Start {
        /// Wanted image by component; a component that is not named takes the version already in its candidate.
        images: BTreeMap<String, Image>,
        /// Why, for the change-cause.
        cause: Option<String>,
    },
    /// Go to the next step now, without waiting for the rest of this one.
    Advance,
    /// Go back to the weight before this one.
    StepBack,
    /// Ask for a weight, up or down, and pause there.
    SetWeight(Weight),
    /// Stop going forward; gates go on.
    Pause,
    /// Go on.
    Resume,
    /// Approve what the rollout waits for.
    Approve,
    /// Take what somebody else changed as what was asked, where that makes sense; the plan goes on from there when resumed.
    AcceptDrift,
    /// Refuse it: end this rollout by rolling back.
    Reject,
    /// Skip the remaining holds and approvals and promote; capacity guards stay.
    Promote,
    /// Take it back, from any state. `abort` is its alias.
    RollBack,
    /// Take the Lease from whoever drives, and drive.
    TakeOver,
    /// Switch the auto-sync of Argo CD's Applications on again that was suspended. It is no business of any run.
    RestoreSync,
    /// Put a Deployment back to a kept revision (0: the one before).
    Undo {
        /// The component; all when not named.
        component: Option<String>,
        /// The revision; 0 is the one before the current.
        revision: u64,
    },
    /// Give one side of a component so many pods, with a run under way or without one. It begins none.
    Scale {
        /// The component; the only one when not named.
        component: Option<String>,
        /// The side.
        track: Track,
        /// Wanted pods: absolute, so that it means the same twice.
        replicas: u32,
    },
}

/// A number of pods as people type it: no more than Kubernetes can count.
pub fn pods(text: &str) -> Option<u32> {
    text.parse::<u32>().ok().filter(|n| i32::try_from(*n).is_ok())
}

/// A component and perhaps a side of it as people type them: `backend`, `backend/candidate`.
///
/// # Errors
/// The word that is no side.
pub fn side(text: &str) -> Result<(&str, Option<Track>), &str> {
    match text.split_once('/') {
        None => Ok((text, None)),
        Some((name, side)) => {
            [Track::Stable, Track::Candidate].into_iter().find(|t| t.to_string() == side).map(|t| (name, Some(t))).ok_or(side)
        }
    }
}

impl Command {
    /// Whether it takes the release back: then it waits for nothing and is bound to no state.
    pub fn goes_back(&self) -> bool {
        matches!(self, Command::RollBack | Command::Reject)
    }

    /// Whether it means the same in whatever state: then it is bound to none.
    pub fn is_for_any_state(&self) -> bool {
        self.goes_back() || matches!(self, Command::TakeOver | Command::RestoreSync)
    }

    /// Whether it may end in more pods than there are.
    pub fn may_raise(&self) -> bool {
        match self {
            Command::Start { .. }
            | Command::Undo { .. }
            | Command::Advance
            | Command::SetWeight(_)
            | Command::Resume
            | Command::AcceptDrift
            | Command::Approve
            | Command::Promote
            | Command::Scale { .. } => true,
            Command::StepBack | Command::Pause | Command::TakeOver | Command::RestoreSync | Command::Reject | Command::RollBack => false,
        }
    }

    /// The command's name as typed: `advance`, `set-weight`.
    pub fn word(&self) -> &'static str {
        match self {
            Command::Start { .. } => "start",
            Command::Advance => "advance",
            Command::StepBack => "step back",
            Command::SetWeight(_) => "set weight",
            Command::Pause => "pause",
            Command::Resume => "resume",
            Command::Approve => "approve",
            Command::AcceptDrift => "accept what stands",
            Command::Reject => "reject",
            Command::Promote => "promote",
            Command::RollBack => "roll back",
            Command::TakeOver => "take over",
            Command::RestoreSync => "restore auto-sync",
            Command::Undo { .. } => "undo",
            Command::Scale { .. } => "scale",
        }
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Command::SetWeight(w) => write!(f, "set weight {w}"),
            Command::Undo { revision: 0, .. } => f.write_str("undo to the revision before"),
            Command::Undo { revision, .. } => write!(f, "undo to revision {revision}"),
            Command::Scale { component, track, replicas } => match (component, track) {
                (Some(component), Track::Stable) => write!(f, "scale {component} to {replicas}"),
                (Some(component), Track::Candidate) => write!(f, "scale {component}/candidate to {replicas}"),
                (None, Track::Stable) => write!(f, "scale to {replicas}"),
                (None, Track::Candidate) => write!(f, "scale the candidate to {replicas}"),
            },
            Command::Start { images, .. } => {
                f.write_str("start")?;
                images.iter().try_for_each(|(c, i)| write!(f, " {c}={i}"))
            }
            other => f.write_str(other.word()),
        }
    }
}

/// The state that a command was given in. A command given in another state than the present one is refused, so that a
/// double press cannot skip a step. Rollback is never bound to a state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The rollout; empty when there was none.
    pub rollout: String,
    /// Changes with every step and every accepted command.
    pub turn: u64,
}

/// A command with who gave it, when, and in which state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Unique: the same order delivered twice acts once.
    pub id: String,
    /// What is asked.
    pub command: Command,
    /// Who asks: `you@bastion1`.
    pub actor: String,
    /// When.
    pub at: Timestamp,
    /// The state it was given in; `None` is "whatever the state".
    pub mark: Option<Mark>,
}

/// Why a command is not taken.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Refusal {
    /// Nothing runs.
    #[error("no rollout is under way: start one with `s`, or `cutover run --image COMPONENT=REPOSITORY:TAG`")]
    NoRollout,
    /// Something runs already.
    #[error("rollout {id} is under way ({phase}): finish it or roll it back first")]
    AlreadyRunning {
        /// The rollout.
        id: String,
        /// Its phase.
        phase: String,
    },
    /// The state changed since the key was pressed.
    #[error("the rollout has moved on since this was asked: {now}")]
    Moved {
        /// Where it is now.
        now: String,
    },
    /// It does not mean anything in this state.
    #[error("{what}")]
    NotNow {
        /// Why, and what would work.
        what: String,
    },
    /// It is being taken back, and that is not undone.
    #[error("the rollout is being rolled back; nothing goes forward until a new one is started")]
    RollingBack,
    /// The receiving side cannot hold the traffic.
    #[error("{component}: {why}; the highest safe weight is {safe}")]
    CannotHold {
        /// The component.
        component: String,
        /// The numbers.
        why: String,
        /// The highest weight that would be safe.
        safe: Weight,
    },
    /// What is asked runs already.
    #[error("nothing would change: every component already runs these images; name a new one, as REPOSITORY:TAG")]
    Unchanged,
    /// The release as declared and the objects do not fit.
    #[error("{what}")]
    Unfit {
        /// What does not fit, and what to do.
        what: String,
    },
    /// The router cannot express the weight.
    #[error("{component}: {why}")]
    Weight {
        /// The component.
        component: String,
        /// Why.
        why: String,
    },
    /// The candidate's Deployment is missing and cannot be cloned.
    #[error("{component}: Deployment {name} does not exist; apply it first:\n{manifest}")]
    NoCandidate {
        /// The component.
        component: String,
        /// The missing Deployment.
        name: String,
        /// A manifest to apply.
        manifest: String,
    },
    /// What was read is too old to act on.
    #[error("the cluster was last read {age} ago: reconnect first")]
    TooOld {
        /// Its age.
        age: Millis,
    },
}
