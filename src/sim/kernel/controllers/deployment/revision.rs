//! The ReplicaSet of the current template: found or created, numbered in the history.

use serde_json::{Value, json};

use super::{
    Job, annotate,
    hash::template_hash,
    rolling,
    spec::{DESIRED_REPLICAS, HASH_LABEL, MAX_REPLICAS, REVISION, REVISION_HISTORY, Sets, same_template},
    status,
};
use crate::sim::kernel::{
    Feature, World,
    controllers::{MANAGER, controller_reference},
    object::{Fields, escape},
    resource::{DEPLOYMENT, REPLICA_SET},
};

/// Annotations that belong to the Deployment itself and are not handed down.
const NOT_COPIED: [&str; 6] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION,
    REVISION_HISTORY,
    DESIRED_REPLICAS,
    MAX_REPLICAS,
    "deprecated.deployment.rollback.to",
];

/// The history annotation is kept below this many characters.
const HISTORY_LENGTH: usize = 2000;

/// Brings revision numbers and copied annotations up to date; creates the current template's ReplicaSet when asked to.
pub(super) fn sync(world: &mut World, job: &Job<'_>, create: bool) {
    let sets = job.sets(world);
    let newest = sets.old.iter().map(|set| set.revision).max().unwrap_or(0);
    let revision = if world.has(Feature::Revisions) { newest + 1 } else { 1 };
    match &sets.new {
        Some(new) => renumber(world, job, &new.name, new.revision.max(revision)),
        None if create => create_set(world, job, &sets, revision),
        None => {}
    }
}

/// The template's ReplicaSet exists: it becomes the newest revision.
fn renumber(world: &mut World, job: &Job<'_>, name: &str, revision: i64) {
    let Some(deployment) = job.deployment(world) else { return };
    let min_ready = deployment.int("/spec/minReadySeconds");
    let copies = world.has(Feature::CopiedAnnotations);
    world
        .modify(&REPLICA_SET, job.namespace, name, MANAGER, |rs| {
            if copies {
                copy_annotations(&deployment, rs);
            }
            let before = rs.annotation(REVISION).to_owned();
            if before.parse::<i64>().unwrap_or(0) < revision {
                if !before.is_empty() {
                    let history = extended(rs.annotation(REVISION_HISTORY), &before);
                    annotate(rs, REVISION_HISTORY, &history);
                }
                annotate(rs, REVISION, &revision.to_string());
            }
            match min_ready {
                Some(seconds) if seconds > 0 => rs.put("/spec/minReadySeconds", seconds),
                _ => drop(rs.cut("/spec/minReadySeconds")),
            }
        })
        .ok();
    set_revision(world, job, revision);
    status::found(world, job, name);
}

/// `1,3` and `5` make `1,3,5`, without the first ones where it gets too long.
fn extended(history: &str, revision: &str) -> String {
    let mut entries: Vec<&str> = history.split(',').filter(|entry| !entry.is_empty()).collect();
    entries.push(revision);
    while entries.iter().map(|entry| entry.len() + 1).sum::<usize>() > HISTORY_LENGTH && entries.len() > 1 {
        entries.remove(0);
    }
    entries.join(",")
}

fn set_revision(world: &mut World, job: &Job<'_>, revision: i64) {
    let text = revision.to_string();
    if job.deployment(world).is_some_and(|d| d.annotation(REVISION) != text) {
        world.modify_status(&DEPLOYMENT, job.namespace, job.name, MANAGER, |d| annotate(d, REVISION, &text)).ok();
    }
}

fn copy_annotations(deployment: &Value, rs: &mut Value) {
    for (key, value) in deployment.map("/metadata/annotations") {
        if !NOT_COPIED.contains(&key.as_str()) {
            rs.put(&format!("/metadata/annotations/{}", escape(key)), value.clone());
        }
    }
}

fn create_set(world: &mut World, job: &Job<'_>, sets: &Sets, revision: i64) {
    let Some(deployment) = job.deployment(world) else { return };
    let template = deployment.pointer("/spec/template").cloned().unwrap_or_default();
    let hash = match world.has(Feature::TemplateHash) {
        true => template_hash(&template, deployment.int("/status/collisionCount").unwrap_or(0)),
        false => revision.to_string(),
    };
    let name = format!("{}-{hash}", job.name);
    if let Some(taken) = world.store.get(&REPLICA_SET, job.namespace, &name) {
        let ours = taken.controller().is_some_and(|owner| owner.text("/uid") == deployment.uid());
        if !(ours && taken.pointer("/spec/template").is_some_and(|t| same_template(t, &template))) {
            status::count_collision(world, job);
        }
        return;
    }
    let size = rolling::new_size(&job.wishes, 0, sets.sum(|set| set.size));
    let rs = replica_set(&deployment, template, &name, &hash, (size, job.wishes.replicas, job.wishes.ceiling()), revision);
    match world.create(&REPLICA_SET, rs, MANAGER) {
        Ok(_) => {
            if size > 0 {
                job.event(world, "ScalingReplicaSet", &format!("Scaled up replica set {name} from 0 to {size}"));
            }
            set_revision(world, job, revision);
            status::created(world, job, &name);
        }
        Err(why) => status::create_failed(world, job, &name, &why.to_string()),
    }
}

fn replica_set(deployment: &Value, mut template: Value, name: &str, hash: &str, sizes: (i64, i64, i64), revision: i64) -> Value {
    let (size, desired, ceiling) = sizes;
    let mut selector = deployment.pointer("/spec/selector").cloned().unwrap_or_default();
    selector.put(&format!("/matchLabels/{HASH_LABEL}"), hash);
    template.put(&format!("/metadata/labels/{HASH_LABEL}"), hash);
    let mut rs = json!({
        "metadata": {
            "name": name, "namespace": deployment.namespace(), "labels": template.map("/metadata/labels"),
            "ownerReferences": [controller_reference(deployment)],
        },
        "spec": {"replicas": size, "selector": selector, "template": template},
    });
    if let Some(seconds) = deployment.int("/spec/minReadySeconds").filter(|seconds| *seconds > 0) {
        rs.put("/spec/minReadySeconds", seconds);
    }
    copy_annotations(deployment, &mut rs);
    annotate(&mut rs, REVISION, &revision.to_string());
    annotate(&mut rs, DESIRED_REPLICAS, &desired.to_string());
    annotate(&mut rs, MAX_REPLICAS, &ceiling.to_string());
    rs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn history_grows_at_the_end_and_is_cut_at_the_front() {
        assert_eq!(extended("", "1"), "1");
        assert_eq!(extended("1,3", "5"), "1,3,5");
        let long = vec!["12345"; 400].join(",");
        let next = extended(&long, "99999");
        assert!(next.len() <= HISTORY_LENGTH && next.ends_with(",99999"), "{}", next.len());
    }
}
