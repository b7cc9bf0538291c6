//! Deleting: preconditions, grace periods, finalizers, propagation.

use std::sync::Arc;

use serde_json::Value;

use super::{Stamp, Store, write::seconds};
use crate::sim::kernel::{
    Feature, Resource, Status,
    object::Fields,
    resource::{NAMESPACE, POD},
};

/// What happens to the objects owned by the one that is deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Propagation {
    /// They are deleted afterwards.
    #[default]
    Background,
    /// They are deleted first; the owner stays, marked, until they are gone.
    Foreground,
    /// They stay, without owner.
    Orphan,
}

/// What must be true of the stored object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Preconditions {
    /// Its uid.
    pub uid: Option<String>,
    /// Its resource version.
    pub resource_version: Option<String>,
}

/// Options of a deletion.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeleteOptions {
    /// Seconds a pod gets to end; `None`: what the pod says. 0 removes at once.
    pub grace: Option<i64>,
    /// What happens to owned objects.
    pub propagation: Propagation,
    /// What must be true.
    pub preconditions: Preconditions,
}

impl Store {
    /// Deletes an object, or marks it for deletion when pods need grace or finalizers hold it. Returns its last state and
    /// whether it is gone.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` when a precondition fails.
    pub fn delete(
        &mut self,
        stamp: Stamp<'_>,
        resource: &'static Resource,
        namespace: &str,
        name: &str,
        options: &DeleteOptions,
    ) -> Result<(Arc<Value>, bool), Status> {
        let old = self.find(resource, namespace, name)?.clone();
        if self.features.has(Feature::Preconditions) {
            check(resource, &old, &options.preconditions)?;
        }
        let mut new = Value::clone(&old);
        let grace = if *resource == POD { pod_grace(&old, options.grace) } else { 0 };
        let finalizer = match options.propagation {
            // The collector finishes these, also when there is nothing to wait for.
            Propagation::Foreground => Some("foregroundDeletion"),
            Propagation::Orphan if self.features.has(Feature::Orphaning) => Some("orphan"),
            Propagation::Orphan | Propagation::Background => None,
        };
        if let Some(finalizer) = finalizer
            && let Some(list) = new.items_mut("/metadata/finalizers")
            && !list.iter().any(|f| f == finalizer)
        {
            list.push(finalizer.into());
        }
        let held = *resource == NAMESPACE && !new.items("/spec/finalizers").is_empty();
        let held = held || !new.items("/metadata/finalizers").is_empty() && self.features.has(Feature::Finalizers);
        if grace == 0 && !held {
            let last = self.remove(resource, namespace, name).ok_or_else(|| Status::not_found(resource, name))?;
            if *resource != POD || old.is_deleting() {
                return Ok((last, true));
            }
            // A pod that needs no grace still answers as if it had been marked first.
            let mut marked = Value::clone(&last);
            self.mark(stamp, resource, &old, &mut marked, 0);
            return Ok((Arc::new(marked), true));
        }
        self.mark(stamp, resource, &old, &mut new, grace);
        let stored = if new == *old { old } else { self.put(resource, new) };
        Ok((stored, false))
    }

    fn mark(&self, stamp: Stamp<'_>, resource: &Resource, old: &Value, new: &mut Value, grace: i64) {
        let earlier = old.int("/metadata/deletionGracePeriodSeconds");
        if old.is_deleting() && earlier.is_none_or(|earlier| earlier <= grace) {
            return;
        }
        if !old.is_deleting()
            && let Some(generation) = old.int("/metadata/generation")
        {
            new.put("/metadata/generation", generation + 1);
        }
        let end = stamp.at.checked_add(jiff::SignedDuration::from_secs(grace)).unwrap_or(stamp.at);
        new.put("/metadata/deletionTimestamp", seconds(end));
        if *resource == NAMESPACE {
            new.put("/status/phase", "Terminating");
        } else {
            new.put("/metadata/deletionGracePeriodSeconds", grace);
        }
    }
}

/// A pod that runs nowhere or has ended needs no grace.
fn pod_grace(pod: &Value, asked: Option<i64>) -> i64 {
    let ended = matches!(pod.text("/status/phase"), "Succeeded" | "Failed");
    if pod.text("/spec/nodeName").is_empty() || ended {
        return 0;
    }
    asked.or_else(|| pod.int("/spec/terminationGracePeriodSeconds")).unwrap_or(30).max(0)
}

fn check(resource: &Resource, object: &Value, preconditions: &Preconditions) -> Result<(), Status> {
    let version = object.text("/metadata/resourceVersion");
    let pairs = [("UID", &preconditions.uid, object.uid()), ("ResourceVersion", &preconditions.resource_version, version)];
    for (what, wanted, actual) in pairs {
        if let Some(wanted) = wanted
            && wanted != actual
        {
            let hint = if what == "UID" { "deleted and then recreated" } else { "modified" };
            let why = format!(
                "the {what} in the precondition ({wanted}) does not match the {what} in record ({actual}). The object might have been {hint}"
            );
            return Err(Status::precondition(resource, object.name(), &why));
        }
    }
    Ok(())
}
