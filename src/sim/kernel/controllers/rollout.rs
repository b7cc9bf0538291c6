//! Argo Rollouts' controller, as far as releases meet it: a canary by numbers of pods. Steps of routers, analyses and
//! experiments are passed over, and blue-green is not played: its version is replaced as after the last step.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{MANAGER, controller_reference, deployment::template_hash};
use crate::sim::kernel::{
    PartId, World,
    object::{Fields, escape},
    resource::{REPLICA_SET, ROLLOUT},
    store::seconds,
};

mod steps;

use steps::{Pods, State, Turn, Wishes};

/// The field manager of the controller.
const CONTROLLER: &str = "rollouts-controller";
/// Label that keeps the pods of different templates apart.
const HASH_LABEL: &str = "rollouts-pod-template-hash";
/// Annotation: a template's number.
const REVISION: &str = "rollout.argoproj.io/revision";

/// Brings one Rollout a step further. Each write comes back as a change, and with it the next step.
pub fn sync(world: &mut World, namespace: &str, name: &str) {
    let Some(rollout) = world.store.get(&ROLLOUT, namespace, name).cloned() else { return };
    if rollout.is_deleting() || rollout.pointer("/spec/template").is_none() {
        return;
    }
    let hash = template_hash(rollout.pointer("/spec/template").unwrap_or(&Value::Null), 0);
    let revision = number(world, &rollout, &hash);
    let wishes = Wishes {
        replicas: rollout.int("/spec/replicas").unwrap_or(1),
        paused: rollout.is_true("/spec/paused"),
        steps: rollout.items("/spec/strategy/canary/steps").to_vec(),
    };
    let before = state(&rollout);
    let pods = |world: &World, hash: &str| set(world, &rollout, hash).map(|rs| Pods::of(&rs)).unwrap_or_default();
    let both = (pods(world, &hash), pods(world, &before.stable));
    let turn = steps::turn(before, &wishes, &hash, both, whole(world.now()));
    let stable = turn.state.stable.clone();
    for rs in sets(world, &rollout) {
        let wanted = match rs.label(HASH_LABEL) {
            own if own == hash => turn.new,
            own if own == stable => turn.stable,
            _ => 0,
        };
        if rs.int("/spec/replicas") != Some(wanted) {
            world.modify(&REPLICA_SET, namespace, rs.name(), MANAGER, |rs| rs.put("/spec/replicas", wanted)).ok();
        }
    }
    if let Some(wake) = turn.wake {
        let left = u64::try_from(wake.as_millisecond() - world.now().as_millisecond()).unwrap_or(0);
        look_again(world, &rollout, left);
    }
    write(world, &rollout, &wishes, &turn, &revision);
}

impl Pods {
    fn of(rs: &Value) -> Self {
        let status = |key: &str| rs.int(&format!("/status/{key}")).unwrap_or(0);
        Pods { size: rs.int("/spec/replicas").unwrap_or(0), actual: status("replicas"), available: status("availableReplicas") }
    }
}

/// The API's times have whole seconds.
fn whole(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

fn look_again(world: &mut World, rollout: &Value, in_ms: u64) {
    let at = world.ms() + in_ms.max(1);
    world.timers.at(at, PartId::Controllers, format!("rollout/{}/{}", rollout.namespace(), rollout.name()));
}

fn state(rollout: &Value) -> State {
    State {
        current: rollout.text("/status/currentPodHash").to_owned(),
        stable: rollout.text("/status/stableRS").to_owned(),
        step: rollout.int("/status/currentStepIndex").unwrap_or(0),
        holds: rollout.is_true("/status/controllerPause"),
        pause: rollout.text("/status/pauseConditions/0/startTime").parse().ok(),
        abort: rollout.is_true("/status/abort"),
        full: rollout.is_true("/status/promoteFull"),
    }
}

fn sets(world: &World, rollout: &Value) -> Vec<Arc<Value>> {
    world.store.owned_by(rollout.uid()).into_iter().filter(|(kind, _)| **kind == REPLICA_SET).map(|(_, rs)| rs).collect()
}

fn set(world: &World, rollout: &Value, hash: &str) -> Option<Arc<Value>> {
    sets(world, rollout).into_iter().find(|rs| rs.label(HASH_LABEL) == hash)
}

/// The template's ReplicaSet exists and is the newest revision; answers its number.
fn number(world: &mut World, rollout: &Value, hash: &str) -> String {
    let numbers: Vec<(String, i64)> =
        sets(world, rollout).iter().map(|rs| (rs.label(HASH_LABEL).to_owned(), rs.annotation(REVISION).parse().unwrap_or(0))).collect();
    let newest = numbers.iter().map(|(_, n)| *n).max().unwrap_or(0);
    let own = numbers.iter().find(|(own, _)| own == hash).map(|(_, n)| *n);
    let revision = if own == Some(newest) && newest > 0 { newest } else { newest + 1 };
    let (namespace, key) = (rollout.namespace(), format!("/metadata/annotations/{}", escape(REVISION)));
    match own {
        Some(n) if n == revision => {}
        Some(_) => {
            let name = format!("{}-{hash}", rollout.name());
            world.modify(&REPLICA_SET, namespace, &name, MANAGER, |rs| rs.put(&key, revision.to_string())).ok();
        }
        None => drop(world.create(&REPLICA_SET, replica_set(rollout, hash, revision), MANAGER)),
    }
    if rollout.annotation(REVISION) != revision.to_string() {
        world.modify(&ROLLOUT, namespace, rollout.name(), CONTROLLER, |r| r.put(&key, revision.to_string())).ok();
    }
    revision.to_string()
}

fn replica_set(rollout: &Value, hash: &str, revision: i64) -> Value {
    let mut template = rollout.pointer("/spec/template").cloned().unwrap_or_default();
    let mut selector = rollout.pointer("/spec/selector").cloned().unwrap_or_default();
    selector.put(&format!("/matchLabels/{HASH_LABEL}"), hash);
    template.put(&format!("/metadata/labels/{HASH_LABEL}"), hash);
    let mut rs = json!({
        "metadata": {
            "name": format!("{}-{hash}", rollout.name()), "namespace": rollout.namespace(), "labels": template.map("/metadata/labels"),
            "annotations": { REVISION: revision.to_string() }, "ownerReferences": [controller_reference(rollout)],
        },
        "spec": {"replicas": 0, "selector": selector, "template": template},
    });
    if let Some(cause) = rollout.pointer("/metadata/annotations/kubernetes.io~1change-cause") {
        rs.put("/metadata/annotations/kubernetes.io~1change-cause", cause.clone());
    }
    rs
}

/// Writes the status that follows, with what it means in a word.
fn write(world: &mut World, rollout: &Value, wishes: &Wishes, turn: &Turn, revision: &str) {
    let all = sets(world, rollout);
    let sum = |key: &str| all.iter().map(|rs| rs.int(&format!("/status/{key}")).unwrap_or(0)).sum::<i64>();
    let new = all.iter().find(|rs| rs.label(HASH_LABEL) == turn.state.current).map(|rs| Pods::of(rs)).unwrap_or_default();
    let (total, available, state) = (sum("replicas"), sum("availableReplicas"), &turn.state);
    let now = seconds(world.now());
    let known = rollout.items("/status/conditions").iter().find(|c| c.text("/type") == "Progressing").cloned();
    let moved =
        [("/status/updatedReplicas", new.actual), ("/status/availableReplicas", available), ("/status/currentStepIndex", state.step)];
    let moved = moved.iter().any(|(path, value)| rollout.int(path).unwrap_or(0) != *value)
        || rollout.text("/status/currentPodHash") != state.current;
    let (phase, message) = phase(wishes, turn, new, total, revision);
    let since = match &known {
        Some(c) if phase == "Progressing" && !moved => c.text("/lastUpdateTime").to_owned(),
        _ => now.clone(),
    };
    let deadline = rollout.int("/spec/progressDeadlineSeconds").unwrap_or(600);
    let late = since.parse::<Timestamp>().map_or(0, |at| world.now().as_second() - at.as_second()) >= deadline;
    let timed_out = phase == "Progressing" && late;
    if phase == "Progressing" && !late {
        look_again(world, rollout, u64::try_from(deadline).unwrap_or(0) * 1_000);
    }
    let about = format!("ReplicaSet \"{}-{}\" has timed out progressing.", rollout.name(), state.current);
    let condition = match timed_out {
        true => {
            json!({"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": about, "lastUpdateTime": since})
        }
        false => {
            json!({"type": "Progressing", "status": "True", "reason": "ReplicaSetUpdated", "message": message, "lastUpdateTime": since})
        }
    };
    let (phase, message) = if timed_out { ("Degraded", format!("ProgressDeadlineExceeded: {about}")) } else { (phase, message) };
    let mut status = json!({
        "phase": phase, "currentPodHash": state.current, "currentStepIndex": state.step, "observedGeneration": generation(world, rollout),
        "replicas": total, "updatedReplicas": new.actual, "readyReplicas": sum("readyReplicas"), "availableReplicas": available,
        "conditions": [condition], "canary": {},
    });
    let texts = [("/message", message.as_str()), ("/stableRS", state.stable.as_str())];
    texts.into_iter().filter(|(_, text)| !text.is_empty()).for_each(|(path, text)| status.put(path, text));
    let flags = [("/abort", state.abort), ("/promoteFull", state.full), ("/controllerPause", state.holds)];
    flags.into_iter().filter(|(_, set)| *set).for_each(|(path, set)| status.put(path, set));
    if let Some(since) = state.pause {
        status.put("/pauseConditions", json!([{"reason": "CanaryPauseStep", "startTime": since.to_string()}]));
    }
    world.modify_status(&ROLLOUT, rollout.namespace(), rollout.name(), CONTROLLER, |r| r.put("/status", status)).ok();
}

/// The generation that the look was about, as the text that it is here: annotations of ours do not raise it.
fn generation(world: &World, rollout: &Value) -> String {
    let now = world.store.get(&ROLLOUT, rollout.namespace(), rollout.name());
    now.and_then(|r| r.int("/metadata/generation")).unwrap_or(0).to_string()
}

/// `status.phase` and `status.message`.
fn phase(wishes: &Wishes, turn: &Turn, new: Pods, total: i64, revision: &str) -> (&'static str, String) {
    let state = &turn.state;
    let midway = state.current != state.stable;
    if state.abort && midway {
        return ("Degraded", format!("RolloutAborted: Rollout aborted update to revision {revision}"));
    }
    if wishes.paused {
        return ("Paused", "manually paused".to_owned());
    }
    if state.pause.is_some() {
        return ("Paused", "CanaryPauseStep".to_owned());
    }
    let waits = match () {
        () if new.actual < turn.new => "more replicas need to be updated",
        () if new.available < turn.new => "updated replicas are still becoming available",
        () if midway && state.step < i64::try_from(wishes.steps.len()).unwrap_or(i64::MAX) => "more replicas need to be updated",
        () if midway || total > wishes.replicas => "old replicas are pending termination",
        () => return ("Healthy", String::new()),
    };
    ("Progressing", waits.to_owned())
}

#[cfg(test)]
mod tests;
