//! What bounds more pods: read only when more of them are about to be asked for, never for a rollback. Whatever cannot be
//! read (no right, no such kind, too much of it) is said, and stands in nobody's way.

mod budget;
mod demand;
mod nodes;
mod quota;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::join3;
use http::{Method, Request};
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::super::call;
use super::super::error::{ClusterError, Subject};
use super::{Look, wire};
use crate::domain::room::Room;
use crate::domain::text::SafeText;

use budget::Disruption;
use demand::Demand;
use nodes::{Bound, Free, Node};
use quota::Quota;

/// How long is waited for it all: a step that needs pods waits for it, and a look must not grow old over it.
const PATIENCE: Duration = Duration::from_secs(4);
/// How long what is free on the nodes is good, in milliseconds.
const LASTS: i64 = 20_000;
/// Adding up what more pods than these ask for is too much to read.
const MOST_PODS: u64 = 3_000;
/// The answer that has no contents.
const METADATA: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

/// A pod template of a Deployment of the release.
pub(super) struct Template<'a> {
    /// The Deployment's name.
    name: &'a str,
    labels: &'a wire::Map,
    spec: &'a wire::PodSpec,
    demand: Demand,
}

impl<'a> Template<'a> {
    /// A Deployment's.
    pub fn new(name: &'a str, template: &'a wire::Template) -> Template<'a> {
        Template { name, labels: &template.metadata.labels, spec: &template.spec, demand: Demand::of(&template.spec) }
    }
}

type Left = Result<Vec<Free>, SafeText>;

/// What was free on the nodes lately, for all that look.
#[derive(Clone, Debug, Default)]
pub(super) struct Lately(Arc<Mutex<Option<(Timestamp, Left)>>>);

impl Lately {
    fn of(&self, at: Timestamp) -> Option<Left> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (when, free) = kept.as_ref()?;
        (0..LASTS).contains(&(at.as_millisecond() - when.as_millisecond())).then(|| free.clone())
    }

    fn keep(&self, at: Timestamp, free: &Left) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((at, free.clone()));
    }
}

/// What was read, before it is held against templates.
pub(super) struct Bounds {
    quotas: Result<Vec<Quota>, SafeText>,
    budgets: Result<Vec<Disruption>, SafeText>,
    free: Left,
}

impl Bounds {
    /// What they mean for these templates.
    pub fn room(&self, templates: &[Template<'_>]) -> Room {
        let known = |why: &SafeText| why.clone();
        Room {
            quotas: self.quotas.as_ref().map(|all| all.iter().flat_map(|q| q.limits(templates)).collect()).map_err(known),
            nodes: self.free.as_ref().map(|free| nodes::fit(free, templates)).map_err(known),
            budgets: self.budgets.as_ref().map(|all| all.iter().filter_map(|b| b.budget(templates)).collect()).map_err(known),
        }
    }
}

impl Look<'_> {
    /// Reads what bounds more pods in the namespace.
    pub async fn bounds(&self) -> Bounds {
        let quotas = self.list::<Quota>(("", "v1"), "resourcequotas");
        let budgets = self.list::<Disruption>(("policy", "v1"), "poddisruptionbudgets");
        let (quotas, budgets, free) = join3(quotas, budgets, self.free()).await;
        Bounds { quotas, budgets, free }
    }

    /// The objects of a kind in the namespace; a kind that is not served has none.
    async fn list<T: DeserializeOwned>(&self, (group, version): (&'static str, &str), plural: &'static str) -> Result<Vec<T>, SafeText> {
        if !call::is_name(self.namespace) {
            return Err(SafeText::from("the namespace cannot be asked for"));
        }
        let namespace = Some(self.namespace.to_owned());
        let subject = Subject { verb: "list", group, resource: plural, namespace, label: plural.to_owned() };
        let root = if group.is_empty() { format!("/api/{version}") } else { format!("/apis/{group}/{version}") };
        let path = format!("{root}/namespaces/{}/{plural}", self.namespace);
        within(&subject, call::list_at(self.client, &subject, &path, "")).await
    }

    /// What is free on each node, read now or a moment ago.
    async fn free(&self) -> Left {
        if let Some(known) = self.memory.nodes.of(self.at) {
            return known;
        }
        let late = |_| Err(SafeText::from(format!("the nodes and their pods were not told within {} s", PATIENCE.as_secs())));
        let free = tokio::time::timeout(PATIENCE, self.read_free()).await.unwrap_or_else(late);
        self.memory.nodes.keep(self.at, &free);
        free
    }

    async fn read_free(&self) -> Left {
        let pods = Subject::global("list", "", "pods");
        let count = within(&pods, self.count(&pods)).await?;
        if count > MOST_PODS {
            return Err(SafeText::from(format!("{count} pods are too many to add up")));
        }
        let nodes = Subject::global("list", "", "nodes");
        let all = within(&nodes, call::list_at::<Node>(self.client, &nodes, "/api/v1/nodes", "")).await?;
        let bound = within(&pods, call::pages(self.client, &pods, "/api/v1/pods", "", Bound::trimmed)).await?;
        Ok(nodes::free(all, &bound.into_iter().flatten().collect::<Vec<_>>()))
    }

    /// How many pods there are in all namespaces, from a list of one without contents.
    async fn count(&self, subject: &Subject) -> Result<u64, ClusterError> {
        let request = Request::builder().method(Method::GET).uri("/api/v1/pods?limit=1").header("accept", METADATA).body(Vec::new());
        let body = call::send(self.client, subject, request.map_err(|e| subject.garbage(e))?, PATIENCE).await?;
        let list: Count = serde_json::from_slice(&body).map_err(|e| subject.garbage(e))?;
        Ok(list.metadata.remaining_item_count.saturating_add(1))
    }
}

#[derive(Deserialize)]
struct Count {
    metadata: CountMeta,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct CountMeta {
    remaining_item_count: u64,
}

/// An answer in time; why there is none, in a few words.
async fn within<T: Default>(subject: &Subject, answer: impl Future<Output = Result<T, ClusterError>>) -> Result<T, SafeText> {
    match tokio::time::timeout(PATIENCE, answer).await {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(e)) if e.is_not_found() => Ok(T::default()),
        Ok(Err(ClusterError::Forbidden { place, .. })) => Err(SafeText::from(format!("no right to list {} in {place}", subject.resource))),
        Ok(Err(e)) => Err(SafeText::from(e.to_string())),
        Err(_) => Err(SafeText::from(subject.late(PATIENCE).to_string())),
    }
}
