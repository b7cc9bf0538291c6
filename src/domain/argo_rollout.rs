//! An Argo Rollout as its controller tells it: of such a release that controller is the engine, and this is what it says of itself.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::patch::{replace, set, test};
use super::text::SafeText;
use super::time::Millis;

/// What the controller says in an Argo Rollout's status, and what it is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ArgoRollout {
    /// `status.phase`. Only to be believed once the controller has seen the newest spec.
    pub phase: ArgoPhase,
    /// `status.message`: why.
    pub message: Option<SafeText>,
    /// The steps of its canary in a few words each: `setWeight 20`, `pause`; none for blue-green.
    pub steps: Vec<SafeText>,
    /// Which of them is under way, from 0; as many as there are when all are done.
    pub step: Option<u32>,
    /// What it waits with, where it waits.
    pub pause: Option<ArgoPause>,
    /// A pause was ended, and the controller has not gone on yet. Ending one now would skip a step.
    pub resuming: bool,
    /// `status.abort`.
    pub aborted: bool,
    /// `status.promoteFull`: it skips what is left of its steps.
    pub promoting: bool,
    /// Share of the traffic that its router gives the new version, percent; `None` where pods are the weight.
    pub weight: Option<u32>,
    /// Hash of the pod template that serves.
    pub stable: String,
    /// Hash of the pod template that is wanted.
    pub current: String,
    /// `spec.workloadRef`: its pod template is another object's.
    pub template_of: Option<SafeText>,
}

/// `status.phase` of an Argo Rollout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)] // the words are the controller's own
pub enum ArgoPhase {
    Healthy,
    #[default]
    Progressing,
    Paused,
    Degraded,
}

/// Why the controller waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ArgoPause {
    /// `CanaryPauseStep`, `BlueGreenPause`, `InconclusiveAnalysisRun` or `InconclusiveExperiment`.
    pub reason: SafeText,
    /// Which one it is.
    pub at: PauseAt,
    /// How long the step says; `None` waits for a person.
    pub lasts: Option<Millis>,
}

/// What tells one pause from the next. Its beginning alone does not: the API keeps whole seconds, and within one a pause can be
/// ended, the next weight be set and the next pause begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PauseAt {
    /// When it began.
    pub since: Timestamp,
    /// The step it stands at, from 0; `None` where there are no steps.
    pub step: Option<u32>,
}

/// What its status is asked to become.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Steer {
    /// End this pause, and no other.
    GoOn {
        /// The pause.
        pause: ArgoPause,
    },
    /// Skip all steps, pauses and analyses that are left.
    PromoteFull {
        /// Hash of the pod template that is promoted: this one, and none that somebody sets meanwhile.
        current: String,
    },
    /// Give the traffic back to stable at once.
    Abort {
        /// Hash of the pod template that serves: once it is another, there is nothing to abort.
        stable: String,
    },
}

impl ArgoRollout {
    /// Whether another pod template than the one that serves is wanted, or was until it was aborted.
    pub fn is_midway(&self) -> bool {
        !self.current.is_empty() && !self.stable.is_empty() && self.current != self.stable
    }

    /// Whether the wanted pod template serves alone and the controller has nothing left to do.
    pub fn is_done(&self) -> bool {
        self.phase == ArgoPhase::Healthy && !self.is_midway()
    }

    /// Whether it was told to go on, by the pause of `passed`, and has not done so yet.
    pub fn has_yet_to_go_on(&self, passed: Option<PauseAt>) -> bool {
        self.resuming || self.pause.as_ref().is_some_and(|p| passed == Some(p.at))
    }

    /// Share of the traffic, percent, that its router gives a version that is on its way.
    pub fn routed(&self) -> Option<u32> {
        self.weight.filter(|_| self.is_midway())
    }

    /// The pause that ends only when a person says so.
    pub fn awaited(&self) -> Option<&ArgoPause> {
        self.pause.as_ref().filter(|p| p.lasts.is_none())
    }

    /// `step 2 of 5 (setWeight 20)`.
    pub fn place(&self) -> String {
        let all = self.steps.len();
        let under_way = self.step.and_then(|n| usize::try_from(n).ok()).and_then(|n| Some((n, self.steps.get(n)?)));
        match (under_way, self.step) {
            (Some((n, says)), _) => format!("step {} of {all} ({says})", n + 1),
            (None, Some(_)) if all > 0 => format!("all {all} steps done"),
            _ if self.pause.is_some() => "before the switch".to_owned(),
            _ => "no steps".to_owned(),
        }
    }

    /// All of its steps in a line: `setWeight 20 → pause`; `None` where it has none.
    pub fn walk(&self) -> Option<String> {
        let all: Vec<&str> = self.steps.iter().map(SafeText::as_str).collect();
        (!all.is_empty()).then(|| all.join(" → "))
    }
}

impl Steer {
    /// The field it changes and what it becomes, for people.
    pub fn change(&self) -> (&'static str, String, String) {
        match self {
            Steer::GoOn { pause, .. } => ("pause", pause.to_string(), "ended".to_owned()),
            Steer::PromoteFull { .. } => ("promoteFull", "false".to_owned(), "true".to_owned()),
            Steer::Abort { .. } => ("abort", "false".to_owned(), "true".to_owned()),
        }
    }

    /// The operations on its status (what Argo's own plugin sends, with preconditions that it lacks: a press that comes twice
    /// finds another pause, or none, and changes nothing).
    pub(super) fn ops(&self) -> Vec<Value> {
        match self {
            Steer::GoOn { pause } => {
                let PauseAt { since, step } = pause.at;
                let mut ops = vec![test("/status/pauseConditions/0/startTime", since.to_string())];
                ops.extend(step.map(|n| test("/status/currentStepIndex", n)));
                // Of an analysis that came to nothing the step itself is over, too: it would stop there again.
                let skips = pause.reason.as_str().starts_with("Inconclusive");
                if let Some(n) = step.filter(|_| skips) {
                    ops.push(set("/status/controllerPause", false));
                    ops.push(replace("/status/currentStepIndex", n + 1));
                }
                ops.push(json!({ "op": "remove", "path": "/status/pauseConditions" }));
                ops
            }
            Steer::PromoteFull { current } => vec![test("/status/currentPodHash", current.as_str()), set("/status/promoteFull", true)],
            Steer::Abort { stable } => vec![test("/status/stableRS", stable.as_str()), set("/status/abort", true)],
        }
    }
}

/// `CanaryPauseStep since 03:12:00Z`.
impl fmt::Display for ArgoPause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} since {}", self.reason, super::time::hms(self.at.since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pause(reason: &str) -> ArgoPause {
        let at = PauseAt { since: "2026-11-29T03:12:00Z".parse().unwrap(), step: Some(1) };
        ArgoPause { reason: reason.into(), at, lasts: None }
    }

    #[test]
    fn a_share_is_that_of_a_version_on_its_way() {
        let told = |current: &str| ArgoRollout { weight: Some(20), stable: "6d8".into(), current: current.into(), ..Default::default() };
        assert_eq!([told("7f9").routed(), told("6d8").routed()], [Some(20), None]);
    }

    #[test]
    fn a_pause_is_ended_only_where_it_is_the_one_that_was_seen() {
        let go_on = Steer::GoOn { pause: pause("CanaryPauseStep") };
        assert_eq!(
            go_on.ops(),
            [
                json!({"op": "test", "path": "/status/pauseConditions/0/startTime", "value": "2026-11-29T03:12:00Z"}),
                json!({"op": "test", "path": "/status/currentStepIndex", "value": 1}),
                json!({"op": "remove", "path": "/status/pauseConditions"}),
            ]
        );
        let (current, stable) = ("7f9".to_owned(), "6d8".to_owned());
        assert_eq!(Steer::PromoteFull { current }.ops()[0], json!({"op": "test", "path": "/status/currentPodHash", "value": "7f9"}));
        assert_eq!(Steer::Abort { stable }.ops()[0], json!({"op": "test", "path": "/status/stableRS", "value": "6d8"}));
        let skipping = Steer::GoOn { pause: pause("InconclusiveAnalysisRun") }.ops();
        assert!(skipping.contains(&json!({"op": "replace", "path": "/status/currentStepIndex", "value": 2})), "{skipping:?}");
    }

    #[test]
    fn where_it_stands_is_told_from_one() {
        let steps = ["setWeight 20", "pause"].map(SafeText::from).into();
        let mut argo = ArgoRollout { steps, step: Some(1), ..ArgoRollout::default() };
        assert_eq!((argo.place().as_str(), argo.walk().as_deref()), ("step 2 of 2 (pause)", Some("setWeight 20 → pause")));
        argo.step = Some(2);
        assert_eq!(argo.place(), "all 2 steps done");
        let blue_green = ArgoRollout { pause: Some(pause("BlueGreenPause")), ..ArgoRollout::default() };
        assert_eq!((blue_green.place().as_str(), blue_green.walk()), ("before the switch", None));
    }
}
