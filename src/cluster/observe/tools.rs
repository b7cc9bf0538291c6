//! What other tools say of themselves: read seldom, and only where an object names them. What cannot be read is not known.

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use jiff::Timestamp;
use serde_json::Value;

use super::super::call;
use super::super::error::Subject;
use super::super::owners::Found;
use super::Look;
use super::scaler::Scaler;
use crate::domain::object::{Kind, ObjectRef};
use crate::domain::owner::{Owner, Reverts, Tool};
use crate::domain::port::Haste;
use crate::domain::text::SafeText;

/// How long is waited for one: what decides does not depend on it.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long an answer is good, in milliseconds.
const LASTS: i64 = 60_000;

/// An answer, with when it came.
pub(super) type Answer = (Timestamp, Option<Arc<Value>>);

impl Look<'_> {
    /// What stands at a path, or did a moment ago. A rollback does not wait for it.
    pub async fn recall(&self, path: &str) -> Option<Arc<Value>> {
        if let Some(known) = self.memory.answer(path, self.at, LASTS) {
            return known;
        }
        if self.haste == Haste::Back {
            return None;
        }
        let subject = Subject::global("get", "", "objects of other tools");
        let answer = async {
            let request = call::request(&subject, Method::GET, path, None).ok()?;
            let body = call::send(self.client, &subject, request, PATIENCE).await.ok()?;
            serde_json::from_slice(&body).ok().map(Arc::new)
        };
        let answer = answer.await;
        self.memory.keep_answer(path, (self.at, answer.clone()));
        answer
    }

    /// The objects of a kind of another tool in the release's namespace.
    pub async fn recall_all(&self, group_version: &str, plural: &str) -> Option<Arc<Value>> {
        if !call::is_name(self.namespace) {
            return None;
        }
        self.recall(&format!("/apis/{group_version}/namespaces/{}/{plural}", self.namespace)).await
    }

    /// Tools that were found on an object, with when they put things back.
    pub async fn owners(&self, object: ObjectRef, found: Vec<Found>) -> Vec<Owner> {
        let told = found.into_iter().map(|f| async {
            let own = match f.path() {
                Some(path) => self.recall(&path).await,
                None => None,
            };
            f.owner(object.clone(), own.as_deref())
        });
        futures::future::join_all(told).await
    }
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
    })
}
