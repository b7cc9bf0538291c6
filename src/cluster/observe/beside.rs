//! Other routes of the namespace, listed seldom: one of them may send to a candidate past the weights.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

use super::super::call;
use super::super::error::ClusterError;
use super::super::traffic::beside::{self, Neighbour};
use super::Look;
use crate::domain::beside::Beside;
use crate::domain::object::Kind;
use crate::domain::port::Haste;
use crate::domain::release::Component;
use crate::domain::text::SafeText;

/// How long a list is good while nothing is under way, and while something is, in milliseconds.
const LASTS: (i64, i64) = (60_000, 10_000);

/// What was listed lately, by path, for all that look.
#[derive(Clone, Debug, Default)]
pub(super) struct Lists(Arc<Mutex<BTreeMap<String, (Timestamp, List)>>>);

/// The routes of a kind, or that they may not be listed.
type List = Result<Arc<Vec<Neighbour>>, SafeText>;

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

impl Look<'_> {
    /// What other routes do. That they cannot be read never fails a look: only taking pods away waits for it.
    pub async fn beside(&self, component: &Component) -> Beside {
        let Some(kind) = beside::kind(component) else { return Beside::default() };
        if self.haste == Haste::AtOnce {
            return Beside::not_asked();
        }
        match self.routes(kind).await {
            Ok(Ok(all)) => Beside::Sends(beside::senders(component, self.namespace, &all)),
            Ok(Err(forbidden)) => Beside::Forbidden(forbidden),
            Err(why) => Beside::Unread(SafeText::from(format!("other {}s not read: {why}", kind.name()))),
        }
    }

    async fn routes(&self, kind: Kind) -> Result<List, ClusterError> {
        let path = kind.collection_path(Some(self.namespace));
        let lasts = if self.haste == Haste::Calm { LASTS.0 } else { LASTS.1 };
        if let Some(known) = self.memory.routes.of(&path, self.at, lasts) {
            return Ok(known);
        }
        let list = match call::list::<Neighbour>(self.client, kind, self.namespace, "").await {
            Ok(all) => Ok(Arc::new(all)),
            Err(e @ ClusterError::Forbidden { .. }) => Err(SafeText::from(e.to_string())),
            Err(e) if e.is_not_found() => Ok(Arc::default()),
            Err(e) => return Err(e),
        };
        self.memory.routes.keep(path, self.at, list.clone());
        Ok(list)
    }
}
