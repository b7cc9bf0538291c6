//! A release's stored state: ConfigMap `cutover-<release>`, one key for the run, one more for every order left for the driver.

use kube::Client;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use thiserror::Error;

use super::call::{self, MERGE_PATCH, RECORD};
use super::error::{ClusterError, brief};
use crate::domain::command::Order;
use crate::domain::object::{Kind, ObjectRef};
use crate::domain::port::{Fault, FaultKind, StoreOutcome, Stored};
use crate::domain::rollout::{Rollout, SCHEMA};

/// Whose ConfigMaps these are.
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// Which release a ConfigMap or Lease is for.
pub const RELEASE: &str = "cutover.dev/release";
/// The key that holds the run.
const KEY: &str = "rollout";
/// Keys of orders start with it.
const ORDER: &str = "order-";
/// The largest run that is stored, in bytes: a ConfigMap may hold 1 MiB, and orders need room.
const LARGEST: usize = 900 * 1024;

/// Why a stored state is not known.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StateError {
    /// It could not be read.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// A newer program wrote it.
    #[error(
        "ConfigMap {name} in namespace {namespace} holds the state of a newer `cutover` (schema {found}, this one knows {SCHEMA}): use that version"
    )]
    Newer {
        /// Namespace.
        namespace: String,
        /// The ConfigMap.
        name: String,
        /// The schema found.
        found: u64,
    },
    /// It is damaged.
    #[error(
        "ConfigMap {name} in namespace {namespace} is damaged ({why}): look at it with `kubectl -n {namespace} get configmap {name} -o yaml`; \
         if the run is of no use any more, delete it; traffic stays as it is"
    )]
    Damaged {
        /// Namespace.
        namespace: String,
        /// The ConfigMap.
        name: String,
        /// What is wrong with it.
        why: String,
    },
}

impl From<StateError> for Fault {
    fn from(error: StateError) -> Fault {
        match error {
            StateError::Cluster(e) => e.into(),
            other => Fault { kind: FaultKind::Unreadable, text: other.to_string() },
        }
    }
}

/// The object that holds a release's state.
pub fn object(namespace: &str, release: &str) -> ObjectRef {
    ObjectRef::new(Kind::ConfigMap, namespace, format!("cutover-{release}"))
}

#[derive(Deserialize)]
struct ConfigMap {
    metadata: Meta,
    #[serde(default)]
    data: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    name: String,
    namespace: String,
    resource_version: String,
    #[serde(default)]
    labels: Option<BTreeMap<String, String>>,
}

fn read(map: ConfigMap) -> Result<Stored, StateError> {
    let Meta { name, namespace, resource_version: version, .. } = map.metadata;
    let damaged = |why: String| StateError::Damaged { namespace: namespace.clone(), name: name.clone(), why: brief(&why) };
    let data = map.data.unwrap_or_default();
    let rollout = match data.get(KEY) {
        None => None,
        Some(text) => {
            // The schema first: a newer state need not fit our types at all.
            let raw: Value = serde_json::from_str(text).map_err(|e| damaged(format!("key `{KEY}`: {e}")))?;
            let found = raw.get("schema").and_then(Value::as_u64).unwrap_or(0);
            if found > u64::from(SCHEMA) {
                return Err(StateError::Newer { namespace, name, found });
            }
            Some(Arc::new(serde_json::from_value::<Rollout>(raw).map_err(|e| damaged(format!("key `{KEY}`: {e}")))?))
        }
    };
    // An order that cannot be read is left where it is: it must not keep the driver from a rollback.
    let mut orders: Vec<Order> =
        data.iter().filter(|(k, _)| k.starts_with(ORDER)).filter_map(|(_, v)| serde_json::from_str(v).ok()).collect();
    orders.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
    Ok(Stored { rollout, orders, version })
}

/// Reads a release's state, fresh; `None` when nothing is stored.
///
/// # Errors
/// When it cannot be read, is damaged or was written by a newer program.
pub async fn load(client: &Client, namespace: &str, release: &str) -> Result<Option<Stored>, StateError> {
    call::find::<ConfigMap>(client, &object(namespace, release)).await?.map(read).transpose()
}

/// Reads all states of a namespace: by release, each with its own failure.
///
/// # Errors
/// When the list cannot be read.
pub async fn list(client: &Client, namespace: &str) -> Result<BTreeMap<String, Result<Stored, StateError>>, ClusterError> {
    let maps: Vec<ConfigMap> = call::list(client, Kind::ConfigMap, namespace, &format!("{MANAGED_BY}=cutover,{RELEASE}")).await?;
    let named = maps.into_iter().filter_map(|map| {
        let release = map.metadata.name.strip_prefix("cutover-")?.to_owned();
        let labelled = map.metadata.labels.as_ref().and_then(|l| l.get(RELEASE)).is_some();
        labelled.then(|| (release, read(map)))
    });
    Ok(named.collect())
}

/// The run as text, its log shortened and at last its evidence left out until it fits.
fn serialized(rollout: &Rollout) -> Result<String, String> {
    let text = |r: &Rollout| serde_json::to_string(r).map_err(|e| format!("the run cannot be written as JSON: {e}"));
    let whole = text(rollout)?;
    if whole.len() <= LARGEST {
        return Ok(whole);
    }
    let mut smaller = rollout.clone();
    while smaller.log.pop_front().is_some() {
        let whole = text(&smaller)?;
        if whole.len() <= LARGEST {
            return Ok(whole);
        }
    }
    smaller.judge = None;
    let whole = text(&smaller)?;
    if whole.len() <= LARGEST {
        return Ok(whole);
    }
    Err(format!("the run needs {} KiB, a ConfigMap has room for {} KiB: split the release", whole.len() / 1024, LARGEST / 1024))
}

/// Stores a run: creates the object when `expected` is `None`, else replaces what has that version. Orders named in
/// `drop_orders` leave with it; others, also those that arrived meanwhile, make it a conflict, so that none is lost.
pub async fn store(client: &Client, rollout: &Rollout, expected: Option<&str>, drop_orders: &[String]) -> StoreOutcome {
    let object = object(&rollout.release.namespace, &rollout.release.name);
    let text = match serialized(rollout) {
        Ok(text) => text,
        Err(why) => return StoreOutcome::Refused { why },
    };
    let answer = match expected {
        None => call::create(client, &object, &fresh(&object, &rollout.release.name, json!({ KEY: text })), RECORD).await,
        Some(version) => {
            let mut data: Map<String, Value> = drop_orders.iter().map(|id| (format!("{ORDER}{id}"), Value::Null)).collect();
            data.insert(KEY.to_owned(), Value::String(text));
            let labels = labels(&rollout.release.name);
            let body = json!({ "metadata": { "resourceVersion": version, "labels": labels }, "data": data });
            call::patch(client, &object, MERGE_PATCH, &body, RECORD).await
        }
    };
    match answer {
        Ok(stored) => StoreOutcome::Stored { version: call::version_of(&stored) },
        Err(ClusterError::Conflict { .. }) => StoreOutcome::Conflict,
        // Deleted under our feet: read again, and create it anew.
        Err(ClusterError::NotFound { kind: false, .. }) if expected.is_some() => StoreOutcome::Conflict,
        Err(e) if e.is_unknown() || e.is_passing() => StoreOutcome::Unknown { why: e.to_string() },
        Err(e) => StoreOutcome::Refused { why: e.to_string() },
    }
}

/// Leaves an order for the driver, without a version: it must not conflict with the driver's own writes.
///
/// # Errors
/// When it cannot be left.
pub async fn append_order(client: &Client, namespace: &str, release: &str, order: &Order) -> Result<(), ClusterError> {
    let object = object(namespace, release);
    let text = serde_json::to_string(order).unwrap_or_default();
    let data = json!({ format!("{ORDER}{}", order.id): text });
    let added = json!({ "data": data });
    let add = || call::patch(client, &object, MERGE_PATCH, &added, RECORD);
    let left = match add().await {
        Err(ClusterError::NotFound { kind: false, .. }) => {
            match call::create(client, &object, &fresh(&object, release, data), RECORD).await {
                // Somebody was quicker, such as the driver with its first record: it is there to be added to now.
                Err(ClusterError::Conflict { .. }) => add().await,
                other => other,
            }
        }
        other => other,
    };
    left.map(drop)
}

fn labels(release: &str) -> Value {
    json!({ MANAGED_BY: "cutover", RELEASE: release })
}

fn fresh(object: &ObjectRef, release: &str, data: Value) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": { "name": object.name, "namespace": object.namespace, "labels": labels(release) },
        "data": data,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::command::Command;

    fn map(data: Value) -> ConfigMap {
        let meta = json!({ "name": "cutover-shop", "namespace": "ns", "resourceVersion": "7" });
        serde_json::from_value(json!({ "metadata": meta, "data": data })).unwrap()
    }

    #[test]
    fn a_newer_state_is_refused_whatever_it_holds() {
        let error = read(map(json!({ "rollout": r#"{"schema": 99, "steps": []}"# }))).unwrap_err();
        assert!(matches!(error, StateError::Newer { found: 99, .. }), "{error}");
        assert_eq!(Fault::from(error).kind, FaultKind::Unreadable);
    }

    #[test]
    fn a_damaged_state_says_how_to_go_on() {
        for text in ["{", "{\"schema\": 1}", "[]", ""] {
            let error = read(map(json!({ "rollout": text }))).unwrap_err();
            let StateError::Damaged { .. } = error else { panic!("{error}") };
            assert!(error.to_string().contains("kubectl -n ns get configmap cutover-shop -o yaml"), "{error}");
        }
    }

    #[test]
    fn orders_come_oldest_first_and_a_broken_one_hinders_nobody() {
        let order = |id: &str, at: i64| {
            let at = jiff::Timestamp::from_second(at).unwrap();
            serde_json::to_string(&Order { id: id.into(), command: Command::RollBack, actor: "you".into(), at, mark: None }).unwrap()
        };
        let stored = read(map(json!({ "order-b": order("b", 1), "order-a": order("a", 2), "order-c": "?", "note": "mine" }))).unwrap();
        assert_eq!(stored.orders.iter().map(|o| o.id.as_str()).collect::<Vec<_>>(), ["b", "a"]);
        assert_eq!((stored.rollout, stored.version.as_str()), (None, "7"));
        assert!(
            read(serde_json::from_value(json!({ "metadata": { "name": "n", "namespace": "n", "resourceVersion": "1" } })).unwrap()).is_ok()
        );
    }
}
