//! Other routes of the namespace, listed seldom: one of them may send to a candidate past the weights.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::join_all;
use jiff::Timestamp;

use super::super::call;
use super::super::error::ClusterError;
use super::super::traffic::beside::{self, Neighbour};
use super::Look;
use crate::domain::beside::Beside;
use crate::domain::object::Kind;
use crate::domain::port::Haste;
use crate::domain::release::{Component, Release};
use crate::domain::text::SafeText;

/// How long is waited for a list: only pods that are to go depend on it.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a list is good while nothing is under way, and while something is, in milliseconds.
const LASTS: (i64, i64) = (60_000, 10_000);

/// What was listed lately, by path, for all that look.
#[derive(Clone, Debug, Default)]
pub(super) struct Lists(Arc<Mutex<BTreeMap<String, (Timestamp, List)>>>);

/// The routes of a kind, or why they are not known.
type List = Result<Arc<Vec<Neighbour>>, Beside>;

impl Lists {
    fn of(&self, path: &str, at: Timestamp, lasts: i64) -> Option<List> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (when, list) = known.get(path)?;
        (0..lasts).contains(&(at.as_millisecond() - when.as_millisecond())).then(|| list.clone())
    }

    fn keep(&self, path: String, at: Timestamp, list: List) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(path, (at, list));
    }
}

/// What a look found of each kind of route.
pub(super) struct Others(BTreeMap<Kind, List>);

impl Others {
    /// What other routes than its own do for a component.
    pub fn beside(&self, component: &Component, namespace: &str) -> Beside {
        let Some(kind) = beside::kind(component) else { return Beside::default() };
        match self.0.get(&kind) {
            Some(Ok(all)) => Beside::Sends(beside::senders(component, namespace, all)),
            Some(Err(unknown)) => unknown.clone(),
            None => Beside::not_asked(),
        }
    }
}

impl Look<'_> {
    /// Lists the routes of the kinds that a release has, each once. That one cannot be listed never fails a look: only taking
    /// pods away waits for it.
    pub async fn others(&self, release: &Release) -> Others {
        let asked = self.haste != Haste::AtOnce;
        let kinds: BTreeSet<Kind> = release.components.iter().filter_map(beside::kind).filter(|_| asked).collect();
        let lists = kinds.into_iter().map(|kind| async move { (kind, self.routes(kind).await) });
        Others(join_all(lists).await.into_iter().collect())
    }

    async fn routes(&self, kind: Kind) -> List {
        let path = kind.collection_path(Some(self.namespace));
        let lasts = if self.haste == Haste::Calm { LASTS.0 } else { LASTS.1 };
        if let Some(known) = self.memory.routes.of(&path, self.at, lasts) {
            return known;
        }
        let unread = |why: &str| Err(Beside::Unread(SafeText::from(format!("other {}s not read: {why}", kind.name()))));
        let asked = call::list::<Neighbour>(self.client, kind, self.namespace, "");
        let list = match tokio::time::timeout(PATIENCE, asked).await {
            Err(_) => return unread("no answer in time"),
            Ok(Ok(all)) => Ok(Arc::new(all)),
            Ok(Err(e @ ClusterError::Forbidden { .. })) => Err(Beside::Forbidden(SafeText::from(e.to_string()))),
            Ok(Err(e)) if e.is_not_found() => Ok(Arc::default()),
            Ok(Err(e)) => return unread(&e.to_string()),
        };
        self.memory.routes.keep(path, self.at, list.clone());
        list
    }
}
