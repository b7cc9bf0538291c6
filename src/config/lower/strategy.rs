//! Strategies.

use crate::domain::declared::{HOLD, default_canary};
use crate::domain::release::{BlueGreen, Canary, Rolling, Stage, Strategy};
use crate::domain::time::Millis;
use crate::domain::weight::Weight;

use crate::config::check::Check;
use crate::config::file::{StepsFile, StrategyFile};
use crate::config::stage::StageFile;

pub(super) fn lower(check: &mut Check<'_>, file: &StrategyFile) -> Option<Strategy> {
    let keys = [
        ("canary", file.canary.is_some()),
        ("blueGreen", file.blue_green.is_some()),
        ("rolling", file.rolling.is_some()),
        ("argoRollout", file.argo_rollout.is_some()),
    ];
    check.one_of("strategy", &keys)?;
    if file.argo_rollout.is_some() {
        return Some(Strategy::ArgoRollout);
    }
    if let Some(canary) = &file.canary {
        let steps = steps(check, "strategy.canary.steps", canary);
        if canary.steps.is_some() && !steps.iter().any(|s| matches!(s, Stage::Weight { .. })) {
            check.fault("strategy.canary.steps", "a canary needs at least one weight, such as {weight: 10, hold: 10m}");
        }
        return Some(Strategy::Canary(if canary.steps.is_some() { Canary { steps } } else { default_canary() }));
    }
    if let Some(rolling) = &file.rolling {
        return Some(Strategy::Rolling(Rolling { steps: steps(check, "strategy.rolling.steps", rolling) }));
    }
    let bg = file.blue_green.as_ref()?;
    Some(Strategy::BlueGreen(BlueGreen {
        approve: bg.approve.unwrap_or(true),
        hold: bg.hold.map_or(HOLD, |s| s.0),
        retire: bg.retire.map(|s| s.0),
    }))
}

/// Weights rise from step to step.
fn steps(check: &mut Check<'_>, path: &str, file: &StepsFile) -> Vec<Stage> {
    let mut last = Weight::ZERO;
    let mut stages = Vec::new();
    for (n, stage) in file.steps.iter().flatten().enumerate() {
        stages.push(match stage {
            StageFile::Approve(label) => Stage::Approve { label: label.clone().unwrap_or_else(|| "approve".to_owned()) },
            StageFile::Weight { weight, hold } => {
                let weight = weight.0;
                if weight <= last {
                    let why = if weight == Weight::ZERO {
                        "a weight of 0 moves nothing; begin above it".to_owned()
                    } else {
                        format!("weights must rise: {weight} comes after {last}")
                    };
                    check.fault(format!("{path}[{n}].weight"), why);
                }
                last = last.max(weight);
                Stage::Weight { weight, hold: hold.map_or(Millis::ZERO, |s| s.0) }
            }
        });
    }
    stages
}
