//! A release's Lease `cutover-<release>`: who drives. Every acquisition raises `leaseTransitions`, the epoch, also by the
//! same holder; whether it ran out is judged by the caller, who saw one version unchanged for its whole duration.

use jiff::Timestamp;
use kube::Client;
use serde::Deserialize;
use serde_json::{Value, json};

use super::call::{self, JSON_PATCH, MERGE_PATCH, RECORD};
use super::error::ClusterError;
use super::state::{MANAGED_BY, RELEASE};
use crate::domain::object::{Kind, ObjectRef};
use crate::domain::port::{LEASE_DURATION, LeaseAsk, LeaseOutcome};

/// The Lease of a release.
pub fn object(namespace: &str, release: &str) -> ObjectRef {
    ObjectRef::new(Kind::Lease, namespace, format!("cutover-{release}"))
}

#[derive(Clone, Debug, Deserialize)]
struct Lease {
    metadata: Meta,
    #[serde(default)]
    spec: Spec,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    resource_version: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    holder_identity: Option<String>,
    lease_transitions: Option<u64>,
    renew_time: Option<Timestamp>,
}

impl Lease {
    fn holder(&self) -> &str {
        self.spec.holder_identity.as_deref().unwrap_or_default()
    }

    fn epoch(&self) -> u64 {
        self.spec.lease_transitions.unwrap_or(0)
    }

    /// As seen by `me`. Our own name without our knowing the epoch is a Lease of an earlier life: it is for taking.
    fn outcome(self, me: &str) -> LeaseOutcome {
        match self.holder() {
            "" => LeaseOutcome::Free,
            holder if holder == me => LeaseOutcome::Held { epoch: self.epoch() },
            holder => LeaseOutcome::Taken {
                holder: crate::domain::text::sanitize(holder).into_owned(),
                epoch: self.epoch(),
                renewed: self.spec.renew_time,
                version: self.metadata.resource_version,
            },
        }
    }
}

/// Carries out what is asked of a release's Lease. `holder` is what we are called.
pub async fn ask(client: &Client, namespace: &str, release: &str, holder: &str, ask: &LeaseAsk) -> LeaseOutcome {
    let room = Room { client, object: object(namespace, release), release, me: holder };
    let answer = match ask {
        LeaseAsk::Read => room.read().await,
        LeaseAsk::Acquire { expired, after } => room.acquire(expired.as_deref(), *after).await,
        LeaseAsk::Renew { epoch } => room.renew(*epoch).await,
        LeaseAsk::Release { epoch } => room.release(*epoch).await,
    };
    answer.unwrap_or_else(|e| {
        let why = e.to_string();
        if e.is_unknown() || e.is_passing() { LeaseOutcome::Unknown { why } } else { LeaseOutcome::Refused { why } }
    })
}

struct Room<'a> {
    client: &'a Client,
    object: ObjectRef,
    release: &'a str,
    me: &'a str,
}

impl Room<'_> {
    async fn find(&self) -> Result<Option<Lease>, ClusterError> {
        call::find(self.client, &self.object).await
    }

    async fn read(&self) -> Result<LeaseOutcome, ClusterError> {
        Ok(self.find().await?.map_or(LeaseOutcome::Free, |lease| lease.outcome(self.me)))
    }

    async fn acquire(&self, expired: Option<&str>, after: u64) -> Result<LeaseOutcome, ClusterError> {
        let found = self.find().await?;
        let stood = found.is_some();
        let taken = match found {
            None => self.create(after.saturating_add(1)).await,
            Some(lease) => {
                let ours = lease.holder().is_empty() || lease.holder() == self.me;
                if !ours && expired != Some(lease.metadata.resource_version.as_str()) {
                    return Ok(lease.outcome(self.me));
                }
                self.take(&lease, after).await
            }
        };
        match taken {
            Err(ClusterError::Conflict { .. }) => self.quicker().await,
            // Where none stood it is the namespace that is not there, and the server says so.
            Err(ClusterError::NotFound { kind: false, .. }) if stood => self.quicker().await,
            other => other,
        }
    }

    /// Somebody was quicker: tells who.
    async fn quicker(&self) -> Result<LeaseOutcome, ClusterError> {
        match self.read().await? {
            // Our own name, by a second process that calls itself as we do: not ours.
            LeaseOutcome::Held { .. } => Ok(LeaseOutcome::Unknown { why: "the Lease changed while it was being taken".to_owned() }),
            other => Ok(other),
        }
    }

    async fn create(&self, epoch: u64) -> Result<LeaseOutcome, ClusterError> {
        let body = json!({
            "apiVersion": self.object.kind.api_version(),
            "kind": self.object.kind.name(),
            "metadata": {
                "name": self.object.name,
                "namespace": self.object.namespace,
                "labels": { MANAGED_BY: "cutover", RELEASE: self.release },
            },
            "spec": spec(self.me, epoch),
        });
        call::create(self.client, &self.object, &body, RECORD).await?;
        Ok(LeaseOutcome::Held { epoch })
    }

    async fn take(&self, lease: &Lease, after: u64) -> Result<LeaseOutcome, ClusterError> {
        let epoch = lease.epoch().max(after).saturating_add(1);
        let body = json!({ "metadata": { "resourceVersion": lease.metadata.resource_version }, "spec": spec(self.me, epoch) });
        call::patch(self.client, &self.object, MERGE_PATCH, &body, RECORD).await?;
        Ok(LeaseOutcome::Held { epoch })
    }

    async fn renew(&self, epoch: u64) -> Result<LeaseOutcome, ClusterError> {
        self.change(epoch, &json!([{ "op": "replace", "path": "/spec/renewTime", "value": micro(Timestamp::now()) }])).await
    }

    async fn release(&self, epoch: u64) -> Result<LeaseOutcome, ClusterError> {
        match self.change(epoch, &json!([{ "op": "replace", "path": "/spec/holderIdentity", "value": "" }])).await? {
            LeaseOutcome::Held { .. } => Ok(LeaseOutcome::Free),
            other => Ok(other),
        }
    }

    /// Changes the Lease only while it is ours, in our epoch.
    async fn change(&self, epoch: u64, ops: &Value) -> Result<LeaseOutcome, ClusterError> {
        let mut all = vec![
            json!({ "op": "test", "path": "/spec/holderIdentity", "value": self.me }),
            json!({ "op": "test", "path": "/spec/leaseTransitions", "value": epoch }),
        ];
        all.extend(ops.as_array().into_iter().flatten().cloned());
        match call::patch(self.client, &self.object, JSON_PATCH, &Value::Array(all), RECORD).await {
            Ok(_) => Ok(LeaseOutcome::Held { epoch }),
            Err(ClusterError::Conflict { said, .. }) => match self.read().await? {
                // Still ours: a foreign write came between. Not renewed, and not lost.
                LeaseOutcome::Held { epoch: found } if found == epoch => Ok(LeaseOutcome::Unknown { why: said }),
                // Our name in another epoch is another life of ours.
                LeaseOutcome::Held { epoch } => {
                    Ok(LeaseOutcome::Taken { holder: self.me.to_owned(), epoch, renewed: None, version: String::new() })
                }
                other => Ok(other),
            },
            Err(ClusterError::NotFound { kind: false, .. }) => Ok(LeaseOutcome::Free),
            Err(e) => Err(e),
        }
    }
}

fn spec(holder: &str, epoch: u64) -> Value {
    let now = micro(Timestamp::now());
    json!({
        "holderIdentity": holder,
        "leaseDurationSeconds": LEASE_DURATION.as_secs(),
        "acquireTime": now,
        "renewTime": now,
        "leaseTransitions": epoch,
    })
}

/// `metav1.MicroTime`: exactly six decimals.
fn micro(at: Timestamp) -> String {
    format!("{at:.6}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(holder: &str) -> Lease {
        let spec = json!({ "metadata": { "resourceVersion": "7" }, "spec": { "holderIdentity": holder, "leaseTransitions": 3 } });
        serde_json::from_value(spec).unwrap()
    }

    #[test]
    fn who_holds_it() {
        assert_eq!(lease("").outcome("me"), LeaseOutcome::Free);
        assert_eq!(lease("me").outcome("me"), LeaseOutcome::Held { epoch: 3 });
        let LeaseOutcome::Taken { holder, epoch: 3, version, .. } = lease("you\u{1b}").outcome("me") else { panic!() };
        assert_eq!((holder.as_str(), version.as_str()), ("you<U+001B>", "7"));
    }

    #[test]
    fn times_have_six_decimals() {
        assert_eq!(micro(Timestamp::UNIX_EPOCH), "1970-01-01T00:00:00.000000Z");
    }
}
