//! Sends one action as its exact write, with its precondition inside, and says what became of it.

mod copy;

use kube::Client;
use serde::Deserialize;
use serde_json::{Value, json};

use super::call::{self, JSON_PATCH, MERGE_PATCH, Repeat, WriteOptions};
use super::error::ClusterError;
use crate::domain::action::{Action, CHANGE_CAUSE, Precondition, STAMP, Target, WriteOutcome};
use crate::domain::object::{Kind, ObjectRef};
use crate::domain::patch::{Patch, guard, patches, pointer, stamped};

/// What a dry run writes where a stamp belongs.
const NO_STAMP: &str = "0.0";

/// Writes an action. With `dry_run` the server checks everything and changes nothing. An action of several patches stops
/// at the first that does not land. Repeated is what can land only once, and a fence, which means the same twice; any other
/// write whose fate is unknown is the caller's to fence.
pub async fn write(client: &Client, action: &Action, precondition: Precondition, stamp: &str, dry_run: bool) -> WriteOutcome {
    let options = WriteOptions { dry_run, repeat: Repeat::Change };
    match action {
        Action::Clone { .. } => outcome(clone(client, action, stamp, options).await),
        Action::Undo { .. } => match undo(client, action, precondition, stamp).await {
            Ok(patch) => outcome(send(client, &patch, options).await),
            Err(e) => outcome(Err(e)),
        },
        Action::Fence { object, .. } => {
            let body = json!({ "metadata": { "annotations": { STAMP: stamp } } });
            match call::patch(client, object, MERGE_PATCH, &body, options).await {
                // What is gone can no longer be written to.
                Err(ClusterError::NotFound { .. }) => WriteOutcome::Landed,
                other => outcome(other),
            }
        }
        Action::Route { .. }
        | Action::Scale { .. }
        | Action::SetImages { .. }
        | Action::SetPaused { .. }
        | Action::Steer { .. }
        | Action::SuspendSync { .. }
        | Action::RestoreSync { .. } => {
            for patch in patches(action, precondition, stamp) {
                let became = outcome(send(client, &patch, options).await);
                if became != WriteOutcome::Landed {
                    return became;
                }
            }
            WriteOutcome::Landed
        }
    }
}

/// Asks what would become of each of these writes. Nothing is changed, nothing is waited for longer than one write takes.
pub async fn dry_run(client: &Client, writes: &[(Action, Precondition)]) -> Vec<WriteOutcome> {
    let asked = writes.iter().map(|(action, precondition)| write(client, action, *precondition, NO_STAMP, true));
    futures::future::join_all(asked).await
}

async fn send(client: &Client, patch: &Patch, options: WriteOptions) -> Result<Value, ClusterError> {
    let part = patch.subresource.as_deref();
    let repeat = if patch.lands_once() { options.repeat } else { Repeat::Never };
    let options = WriteOptions { repeat, ..options };
    call::patch_part(client, (&patch.object, part), JSON_PATCH, &Value::Array(patch.ops.clone()), options).await
}

fn outcome(answer: Result<Value, ClusterError>) -> WriteOutcome {
    match answer {
        Ok(_) => WriteOutcome::Landed,
        Err(e @ ClusterError::Conflict { .. }) => WriteOutcome::Conflict { why: e.to_string() },
        Err(e) if e.is_unknown() => WriteOutcome::Unknown { why: e.to_string() },
        Err(e) => WriteOutcome::Refused { code: e.code(), why: e.to_string() },
    }
}

/// An object that is read before a write is no longer what the action was planned on.
fn moved(object: &ObjectRef, said: &str) -> ClusterError {
    ClusterError::Conflict { what: format!("{object} in namespace {}", object.namespace), said: said.to_owned() }
}

/// A failure of a read before the write: nothing was sent, so nothing is unknown.
fn unsent(error: ClusterError) -> ClusterError {
    match error {
        ClusterError::NoAnswer { what, said } | ClusterError::Unreachable { what, said, .. } | ClusterError::Garbage { what, said } => {
            ClusterError::Conflict { what, said: format!("{said}; nothing was written") }
        }
        ClusterError::Server { what, said, code } if code >= 500 => {
            ClusterError::Conflict { what, said: format!("{said} ({code}); nothing was written") }
        }
        other => other,
    }
}

async fn clone(client: &Client, action: &Action, stamp: &str, options: WriteOptions) -> Result<Value, ClusterError> {
    let Action::Clone { from, name, labels, images, replicas, cause, .. } = action else { return Ok(Value::Null) };
    let source: Value = call::get(client, &from.object).await.map_err(unsent)?;
    if source.pointer("/metadata/uid").and_then(Value::as_str) != Some(&from.uid) {
        return Err(moved(&from.object, "it was deleted and made again"));
    }
    let wanted = copy::Wanted { name, labels, images, replicas: *replicas, cause: cause.as_deref(), stamp };
    let body = copy::deployment(source, &wanted).map_err(|said| moved(&from.object, &said))?;
    call::create(client, &action.object(), &body, options).await
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kept {
    metadata: KeptMeta,
    spec: KeptSpec,
}

#[derive(Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[derive(Default)]
struct KeptMeta {
    annotations: std::collections::BTreeMap<String, String>,
    owner_references: Vec<Owner>,
}

#[derive(Deserialize)]
struct Owner {
    uid: String,
}

#[derive(Deserialize)]
struct KeptSpec {
    template: Value,
}

/// The patch that puts a Deployment back to what a ReplicaSet keeps: its pod template and the change-cause, nothing else.
async fn undo(client: &Client, action: &Action, precondition: Precondition, stamp: &str) -> Result<Patch, ClusterError> {
    let Action::Undo { target, revision, replica_set, cause, .. } = action else {
        return Err(moved(&action.object(), "not an undo"));
    };
    let object = ObjectRef::new(Kind::ReplicaSet, target.object.namespace.clone(), replica_set.clone());
    let kept: Kept = call::get(client, &object).await.map_err(unsent)?;
    if !kept.metadata.owner_references.iter().any(|o| o.uid == target.uid) {
        return Err(moved(&object, &format!("it does not belong to {}", target.object)));
    }
    // Undoing to a revision gives it a new number.
    if super::revision_of(&kept.metadata.annotations) != Some(*revision) {
        return Err(moved(&object, &format!("it no longer keeps revision {revision}")));
    }
    Ok(undo_patch(target, kept.spec.template, cause.as_deref(), precondition, stamp))
}

fn undo_patch(target: &Target, mut template: Value, cause: Option<&str>, precondition: Precondition, stamp: &str) -> Patch {
    if let Some(labels) = template.pointer_mut("/metadata/labels").and_then(Value::as_object_mut) {
        super::TEMPLATE_HASHES.iter().for_each(|key| drop(labels.remove(*key)));
    }
    let mut ops = guard(target, precondition);
    ops.push(json!({ "op": "replace", "path": "/spec/template", "value": template }));
    let mut patch = stamped(target, ops, stamp);
    let path = format!("/metadata/annotations/{}", pointer(CHANGE_CAUSE));
    patch.ops.extend(cause.map(|c| json!({ "op": "add", "path": path, "value": c })));
    patch
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::release::Track;

    #[test]
    fn undo_sets_the_template_and_the_cause_and_nothing_else() {
        let object = ObjectRef::new(Kind::Deployment, "shop", "web");
        let target = Target { track: Track::Stable, object, uid: "u1".into(), stamp: Some("1.2".into()), resource_version: None };
        let template = json!({ "metadata": { "labels": { "app": "web", "pod-template-hash": "7f9c" } }, "spec": { "containers": [] } });
        let patch = undo_patch(&target, template, Some("undo to revision 3"), Precondition::Value, "2.1");
        let paths: Vec<String> = patch.ops.iter().map(|o| format!("{} {}", o["op"], o["path"]).replace('"', "")).collect();
        assert_eq!(
            paths,
            [
                "test /metadata/uid",
                "test /metadata/annotations/cutover.dev~1stamp",
                "replace /spec/template",
                "add /metadata/annotations/cutover.dev~1stamp",
                "add /metadata/annotations/kubernetes.io~1change-cause"
            ]
        );
        assert_eq!(patch.ops[2]["value"]["metadata"]["labels"], json!({ "app": "web" }));
    }

    #[test]
    fn a_failed_read_before_a_write_leaves_nothing_unknown() {
        let e = unsent(ClusterError::NoAnswer { what: "get Deployment web".into(), said: "nothing within 5 s".into() });
        let WriteOutcome::Conflict { why } = outcome(Err(e)) else { panic!() };
        assert!(why.contains("nothing was written"), "{why}");
    }
}
