//! What other tools say of themselves: read seldom, and only where an object names them. What cannot be read is not known.

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use jiff::Timestamp;
use kube::Client;
use serde_json::Value;

use super::super::access;
use super::super::call;
use super::super::error::{ClusterError, Subject};
use super::super::owners::Found;
use super::scaler::Scaler;
use super::{Look, Memory};
use crate::domain::object::{Kind, ObjectRef};
use crate::domain::owner::{Owner, Reverts, Tool};
use crate::domain::port::Haste;
use crate::domain::text::SafeText;

/// How long is waited for one: what decides does not depend on it.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long an answer is good, in milliseconds.
const LASTS: i64 = 60_000;
/// How long one is while somebody waits for what follows from it: whether what is written is put back at once may have changed.
const LASTS_WAITED: i64 = 5_000;

/// What stands for an answer where it may not be read.
pub(super) const DENIED: Value = Value::Bool(false);

/// An answer, with when it came.
pub(super) type Answer = (Timestamp, Option<Arc<Value>>);

impl Look<'_> {
    /// What stands at a path, or did a moment ago. A rollback does not wait for it: until it is there it is null.
    pub async fn recall(&self, path: &str) -> Option<Arc<Value>> {
        self.recall_for(path, LASTS).await
    }

    async fn recall_for(&self, path: &str, lasts: i64) -> Option<Arc<Value>> {
        // What is known is better than nothing, however old.
        let lasts = if self.haste.is_back() { i64::MAX } else { lasts };
        if let Some(known) = self.memory.answer(path, self.at, lasts) {
            return known;
        }
        let reading = read(self.client.clone(), self.memory.clone(), path.to_owned(), self.at);
        if !self.haste.is_back() {
            return reading.await;
        }
        // A rollback does not wait for it: it comes beside, for the looks that follow.
        let unread = Some(Arc::new(Value::Null));
        self.memory.keep_answer(path, (self.at, unread.clone()));
        tokio::spawn(reading);
        unread
    }

    /// The objects of a kind of another tool in the release's namespace; `false` where they may not be listed although that tool
    /// is installed. (A server says "not allowed" of what it does not know, too.)
    pub async fn recall_all(&self, (group, version): (&str, &str), plural: &str) -> Option<Arc<Value>> {
        if !call::is_name(self.namespace) {
            return None;
        }
        let all = self.recall(&format!("/apis/{group}/{version}/namespaces/{}/{plural}", self.namespace)).await;
        if all.as_deref() != Some(&DENIED) {
            return all;
        }
        let installed = self.recall(&format!("/apis/{group}")).await;
        installed.filter(|group| group.is_object()).and(all)
    }

    /// Tools that were found on an object, with when they put things back.
    pub async fn owners(&self, object: ObjectRef, found: Vec<Found>) -> Vec<Owner> {
        let lasts = if self.haste == Haste::Calm { LASTS } else { LASTS_WAITED };
        let told = found.into_iter().map(|f| async {
            let own = match f.path() {
                Some(path) => self.recall_for(&path, lasts).await.filter(|own| **own != DENIED),
                None => None,
            };
            let mut owner = f.owner(object.clone(), own.as_deref());
            if let Some(application) = owner.application.as_deref_mut().filter(|a| a.automated.is_some() && a.kept.is_none()) {
                application.denied = self.may_patch(&application.object).await.err();
            }
            owner
        });
        futures::future::join_all(told).await
    }

    /// Whether an object of another tool may be written to: asked as seldom as the object itself. What cannot be asked is
    /// tried; a rollback does not ask.
    async fn may_patch(&self, object: &ObjectRef) -> Result<(), String> {
        let path = format!("{}#patch", object.path());
        let allowed = match self.memory.answer(&path, self.at, if self.haste.is_back() { i64::MAX } else { LASTS }) {
            Some(known) => known,
            None if self.haste.is_back() => return Ok(()),
            None => {
                let asked = access::may_patch(self.client, object);
                let said =
                    tokio::time::timeout(PATIENCE, asked).await.ok().and_then(Result::ok).map(|allowed| Arc::new(Value::Bool(allowed)));
                self.memory.keep_answer(&path, (self.at, said.clone()));
                said
            }
        };
        match allowed.as_deref() {
            Some(Value::Bool(false)) => Err(access::wanted(object)),
            _ => Ok(()),
        }
    }
}

/// Reads what stands at a path, and remembers it.
async fn read(client: Client, memory: Memory, path: String, at: Timestamp) -> Option<Arc<Value>> {
    let subject = Subject::global("get", "", "objects of other tools");
    let answer = async {
        let request = call::request(&subject, Method::GET, &path, None).ok()?;
        match call::send(&client, &subject, request, PATIENCE).await {
            Ok(body) => serde_json::from_slice(&body).ok().map(Arc::new),
            Err(ClusterError::Forbidden { .. }) => Some(Arc::new(DENIED)),
            Err(_) => None,
        }
    };
    let answer = answer.await;
    memory.keep_answer(&path, (at, answer.clone()));
    answer
}

/// Whoever scales a Deployment.
pub(super) fn scaler(namespace: &str, deployment: &str, autoscalers: &[Scaler]) -> Option<Owner> {
    let h = autoscalers.iter().find(|h| h.scales(deployment))?;
    let keda = h.metadata.owner_references.iter().find(|o| o.kind == "ScaledObject").map(|o| o.name.as_str());
    let name = keda.or_else(|| h.metadata.name.strip_prefix("keda-hpa-"));
    Some(Owner {
        tool: if name.is_some() { Tool::Keda } else { Tool::Autoscaler },
        name: SafeText::from(name.unwrap_or(&h.metadata.name)),
        object: ObjectRef::new(Kind::Deployment, namespace, deployment),
        reverts: Reverts::Replicas,
        application: None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn autoscaler(metadata: Value, target: &str) -> Scaler {
        let reference = json!({ "apiVersion": "apps/v1", "kind": "Deployment", "name": target });
        serde_json::from_value(json!({ "metadata": metadata, "spec": { "scaleTargetRef": reference, "maxReplicas": 8 } })).unwrap()
    }

    fn told(metadata: Value) -> String {
        scaler("shop", "web", &[autoscaler(metadata, "web")]).unwrap().to_string()
    }

    fn made_by(api_version: &str, kind: &str, name: &str) -> Value {
        json!([{ "apiVersion": api_version, "kind": kind, "name": name, "uid": "u", "controller": true, "blockOwnerDeletion": true }])
    }

    #[test]
    fn an_autoscaler_that_keda_made_is_told_by_the_scaled_object_it_belongs_to() {
        let queue = "Deployment web: KEDA ScaledObject web-queue sets its replicas";
        let owned = |name: &str| json!({ "name": name, "ownerReferences": made_by("keda.sh/v1alpha1", "ScaledObject", "web-queue") });
        // Its name may be anything: the ScaledObject chooses it.
        assert_eq!([told(owned("keda-hpa-other")), told(owned("web"))], [queue, queue]);
        assert_eq!(told(json!({ "name": "keda-hpa-web-queue" })), queue, "by its name, where its owner is not told");
    }

    #[test]
    fn an_autoscaler_of_anybody_else_is_told_by_its_own_name() {
        let plain = "Deployment web: HorizontalPodAutoscaler web-hpa sets its replicas";
        assert_eq!(told(json!({ "name": "web-hpa" })), plain);
        let chart = json!({ "name": "web-hpa", "ownerReferences": made_by("shop.example/v1", "Shop", "web") });
        assert_eq!(told(chart), plain);
    }

    #[test]
    fn of_several_autoscalers_the_one_that_scales_the_deployment_is_told() {
        let owned = json!({ "name": "keda-hpa-queue", "ownerReferences": made_by("keda.sh/v1alpha1", "ScaledObject", "queue") });
        let all = [autoscaler(json!({ "name": "api" }), "api"), autoscaler(owned, "web")];
        let owner = scaler("shop", "web", &all).unwrap();
        assert_eq!((owner.tool, owner.name.as_str(), owner.reverts), (Tool::Keda, "queue", Reverts::Replicas));
        assert_eq!(owner.object, ObjectRef::new(Kind::Deployment, "shop", "web"));
        assert_eq!(scaler("shop", "api", &all).unwrap().tool, Tool::Autoscaler);
        assert_eq!(scaler("shop", "web-canary", &all), None);
    }
}
