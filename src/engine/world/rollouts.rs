//! Argo Rollouts' controller in the compact world: a tick a step.

use jiff::Timestamp;

use crate::domain::action::WriteOutcome;
use crate::domain::argo_rollout::{ArgoPause, ArgoPhase, ArgoRollout, PauseAt, Steer};
use crate::domain::observed::Workload;
use crate::domain::text::SafeText;
use crate::domain::time::Millis;

/// What each step says, in order: an endless pause, and one with a length.
const STEPS: [&str; 4] = ["setWeight 25", "pause", "setWeight 50", "pause 30s"];
const LAST: u32 = 4;
const LENGTH: Millis = Millis::secs(30);

fn steps() -> Vec<SafeText> {
    STEPS.map(SafeText::from).into()
}

/// At rest with what runs now.
pub(super) fn at_rest(w: &Workload) -> ArgoRollout {
    let hash = w.template_hash.clone().unwrap();
    ArgoRollout {
        phase: ArgoPhase::Healthy,
        steps: steps(),
        step: Some(LAST),
        stable: hash.clone(),
        current: hash,
        ..ArgoRollout::default()
    }
}

/// One look of the controller.
pub(super) fn walk(w: &mut Workload, now: Timestamp) {
    let (hash, held) = (w.template_hash.clone().unwrap(), w.paused);
    let Some(argo) = w.argo.as_deref_mut() else { return };
    if argo.current != hash {
        let step = if argo.stable == hash { LAST } else { 0 };
        *argo = ArgoRollout { steps: steps(), step: Some(step), stable: argo.stable.clone(), current: hash, ..ArgoRollout::default() };
    } else if argo.is_midway() && !argo.aborted && !held {
        go_on(argo, now);
    }
    argo.message = argo.aborted.then(|| "metric \"errors\" assessed Failed".into());
    argo.phase = match argo {
        ArgoRollout { aborted: true, .. } => ArgoPhase::Degraded,
        ArgoRollout { pause: Some(_), .. } => ArgoPhase::Paused,
        _ if held => ArgoPhase::Paused,
        _ if argo.is_midway() => ArgoPhase::Progressing,
        _ => ArgoPhase::Healthy,
    };
}

fn go_on(argo: &mut ArgoRollout, now: Timestamp) {
    // Kept as a Kubernetes time, in whole seconds.
    let since = Timestamp::from_second(now.as_second()).unwrap();
    let pause = |step, lasts| Some(ArgoPause { reason: "CanaryPauseStep".into(), at: PauseAt { since, step: Some(step) }, lasts });
    let step = if argo.promoting { LAST } else { argo.step.unwrap() };
    let over = |p: &ArgoPause| p.lasts.is_some_and(|l| now.as_millisecond() - p.at.since.as_millisecond() >= l.0 as i64);
    match step {
        0 | 2 => (argo.step, argo.pause) = (Some(step + 1), pause(step + 1, (step == 2).then_some(LENGTH))),
        1 | 3 if argo.resuming || argo.pause.as_ref().is_some_and(over) => {
            (argo.step, argo.pause, argo.resuming) = (Some(step + 1), None, false);
        }
        1 | 3 => {}
        _ => {
            (argo.step, argo.pause, argo.promoting) = (Some(LAST), None, false);
            argo.stable.clone_from(&argo.current);
        }
    }
}

/// Carries out what its status is asked to become.
pub(super) fn steer(w: &mut Workload, how: &Steer) -> WriteOutcome {
    let argo = w.argo.as_deref_mut().unwrap();
    match how {
        Steer::GoOn { pause } if argo.pause.as_ref() != Some(pause) => {
            return WriteOutcome::Conflict { why: "another pause".into() };
        }
        Steer::PromoteFull { current } if argo.current != *current => return WriteOutcome::Conflict { why: "another version".into() },
        Steer::Abort { stable } if argo.stable != *stable => return WriteOutcome::Conflict { why: "it serves already".into() },
        Steer::GoOn { .. } => (argo.pause, argo.resuming) = (None, true),
        Steer::PromoteFull { .. } => argo.promoting = true,
        Steer::Abort { .. } => (argo.aborted, argo.pause) = (true, None),
    }
    WriteOutcome::Landed
}
