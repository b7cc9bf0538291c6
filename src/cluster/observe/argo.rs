//! An Argo Rollout's status and steps, trimmed to what decisions use.

use jiff::SignedDuration;
use serde_json::Value;

use crate::domain::argo_rollout::{ArgoPause, ArgoPhase, ArgoRollout, PauseAt};
use crate::domain::text::SafeText;
use crate::domain::time::Millis;

/// What stands in a Rollout, read leniently: what is missing or of another kind is not known.
pub(super) fn told(whole: &Value) -> ArgoRollout {
    let text = |path: &str| whole.pointer(path).and_then(Value::as_str).filter(|t| !t.is_empty());
    let truth = |path: &str| whole.pointer(path).and_then(Value::as_bool).unwrap_or(false);
    let number = |path: &str| whole.pointer(path).and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok());
    let owned = |path: &str| text(path).unwrap_or_default().to_owned();
    let steps = whole.pointer("/spec/strategy/canary/steps").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let step = number("/status/currentStepIndex");
    let now = step.and_then(|n| steps.get(usize::try_from(n).ok()?));
    let pause = pause(whole, step, now);
    let reference = |kind: &str| Some(SafeText::from(format!("{kind} {}", text("/spec/workloadRef/name")?)));
    ArgoRollout {
        phase: match text("/status/phase") {
            Some("Healthy") => ArgoPhase::Healthy,
            Some("Paused") => ArgoPhase::Paused,
            Some("Degraded") => ArgoPhase::Degraded,
            _ => ArgoPhase::Progressing,
        },
        message: text("/status/message").map(SafeText::from),
        steps: steps.iter().map(|step| says(step).unwrap_or_else(|| SafeText::from("?"))).collect(),
        step,
        resuming: truth("/status/controllerPause") && pause.is_none(),
        pause,
        aborted: truth("/status/abort"),
        promoting: truth("/status/promoteFull"),
        weight: number("/status/canary/weights/canary/weight"),
        stable: owned("/status/stableRS"),
        current: owned("/status/currentPodHash"),
        template_of: text("/spec/workloadRef/kind").and_then(reference),
    }
}

fn pause(whole: &Value, step: Option<u32>, says: Option<&Value>) -> Option<ArgoPause> {
    let first = whole.pointer("/status/pauseConditions/0")?;
    let reason = first.get("reason").and_then(Value::as_str)?;
    let lasts = match reason {
        "CanaryPauseStep" => says.and_then(|s| length(s.pointer("/pause/duration")?)),
        "BlueGreenPause" => whole.pointer("/spec/strategy/blueGreen/autoPromotionSeconds").and_then(length),
        _ => None,
    };
    let since = first.get("startTime").and_then(Value::as_str)?.parse().ok()?;
    Some(ArgoPause { reason: SafeText::from(reason), at: PauseAt { since, step }, lasts })
}

/// A step in a few words: its one key, with what matters of its value.
fn says(step: &Value) -> Option<SafeText> {
    let (key, value) = step.as_object()?.iter().find(|(_, value)| !value.is_null())?;
    let more = match key.as_str() {
        "setWeight" => value.as_u64().map(|n| n.to_string()),
        "pause" => value.get("duration").and_then(length).map(|l| l.to_string()),
        _ => None,
    };
    Some(SafeText::from(more.map_or_else(|| key.clone(), |more| format!("{key} {more}"))))
}

/// Seconds as a number or a text, or a text in Go's way: `1h30m`.
fn length(value: &Value) -> Option<Millis> {
    let text = match value {
        Value::String(text) => text.as_str(),
        number => return number.as_u64().map(Millis::secs),
    };
    if let Ok(seconds) = text.parse() {
        return Some(Millis::secs(seconds));
    }
    let all = text.parse::<SignedDuration>().ok()?.as_millis();
    u64::try_from(all).ok().filter(|ms| *ms > 0).map(Millis)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_rollout_in_a_pause_tells_where_it_stands() {
        let whole = json!({
            "spec": { "strategy": { "canary": { "steps": [ { "setWeight": 20 }, { "pause": { "duration": "1h30m" } }, { "pause": {} } ] } } },
            "status": {
                "phase": "Paused", "message": "CanaryPauseStep", "currentStepIndex": 1, "controllerPause": true,
                "pauseConditions": [ { "reason": "CanaryPauseStep", "startTime": "2026-11-29T03:12:00Z" } ],
                "stableRS": "6d8", "currentPodHash": "7f9", "canary": { "weights": { "canary": { "weight": 20 } } },
            },
        });
        let argo = told(&whole);
        assert_eq!((argo.phase, argo.is_midway(), argo.weight, argo.resuming), (ArgoPhase::Paused, true, Some(20), false));
        assert_eq!(argo.place(), "step 2 of 3 (pause 1h30m)");
        assert_eq!(argo.pause.as_ref().unwrap().lasts, Some(Millis::mins(90)));
        assert_eq!(argo.awaited(), None, "it ends by itself");
        let mut endless = whole.clone();
        endless["status"]["currentStepIndex"] = json!(2);
        assert!(told(&endless).awaited().is_some());
        endless["status"].as_object_mut().unwrap().remove("pauseConditions");
        assert!(told(&endless).resuming, "ended, and not gone on yet");
    }

    #[test]
    fn lengths_are_seconds_or_gos_own_texts() {
        let told = |v| length(&v).map(|l| l.0);
        assert_eq!([json!(30), json!("30"), json!("30s"), json!("1m30s")].map(told), [30_000, 30_000, 30_000, 90_000].map(Some));
        assert_eq!([json!("500ms"), json!("1.5h")].map(told), [500, 5_400_000].map(Some));
        assert_eq!([json!("soon"), json!("0s"), json!("-5s"), json!("3d")].map(told), [None; 4]);
    }

    #[test]
    fn an_empty_object_says_nothing() {
        let argo = told(&json!({}));
        assert_eq!((argo.is_midway(), argo.is_done(), argo.place().as_str()), (false, false, "no steps"));
    }
}
