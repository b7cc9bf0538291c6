//! Which ConfigMaps and Secrets a pod template refers to, and whether they are there. Only their metadata is asked for,
//! one by one and seldom; Secrets are never listed, and what is in them is never read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{Method, Request};
use jiff::Timestamp;

use super::super::call;
use super::super::error::{ClusterError, Subject};
use super::{Look, wire};
use crate::domain::observed::{ComponentObserved, Observed};
use crate::domain::reference::{Checked, Presence, Reference, Referred};
use crate::domain::text::SafeText;

/// How long is waited for an answer: what decides does not depend on it.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long it is good that an object is there or may not be asked about, and that it is not, in milliseconds.
const LASTS: (i64, i64) = (300_000, 20_000);
/// Revisions that are gone back to: the one that runs and the one before it.
const REVISIONS: usize = 2;
/// The answer that has no contents.
const METADATA: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";

/// What was found lately, by path, for all that look.
#[derive(Clone, Debug, Default)]
pub(super) struct Known(Arc<Mutex<BTreeMap<String, (Timestamp, Presence)>>>);

impl Known {
    fn of(&self, path: &str, at: Timestamp) -> Option<Presence> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (when, presence) = known.get(path)?;
        let lasts = if matches!(presence, Presence::Present | Presence::Forbidden) { LASTS.0 } else { LASTS.1 };
        (0..lasts).contains(&(at.as_millisecond() - when.as_millisecond())).then(|| presence.clone())
    }

    fn keep(&self, path: String, at: Timestamp, presence: Presence) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Names with a hash of their contents come and go.
        known.retain(|_, (when, _)| at.as_millisecond() - when.as_millisecond() < LASTS.0);
        known.insert(path, (at, presence));
    }
}

/// Objects without which pods of a template do not start, each once. Optional ones are left out.
pub(super) fn of(spec: &wire::PodSpec) -> Vec<Reference> {
    let containers = || spec.containers.iter().chain(&spec.init_containers);
    let sources = containers()
        .flat_map(|c| c.env.iter().filter_map(|v| v.value_from.as_ref()).chain(&c.env_from))
        .chain(spec.volumes.iter().map(|v| &v.sources))
        .chain(spec.volumes.iter().filter_map(|v| v.projected.as_ref()?.sources.as_ref()).flatten());
    let from = |s: &wire::Sources| [needed(Referred::ConfigMap, s.config_map.as_ref()), needed(Referred::Secret, s.secret.as_ref())];
    let drivers = spec.volumes.iter().filter_map(|v| v.csi.as_ref()?.node_publish_secret_ref.as_ref());
    let secrets = spec.image_pull_secrets.iter().chain(drivers).map(|s| needed(Referred::Secret, Some(s)));
    let all: BTreeSet<Reference> = sources.flat_map(from).chain(secrets).flatten().collect();
    all.into_iter().collect()
}

fn needed(kind: Referred, named: Option<&wire::Named>) -> Option<Reference> {
    let named = named.filter(|n| !n.name.is_empty() && n.optional != Some(true))?;
    Some(Reference { kind, name: named.name.clone() })
}

impl Look<'_> {
    /// Asks for every ConfigMap and Secret that a way back may need.
    pub async fn check_references(&self, observed: &mut Observed) {
        let all: BTreeSet<Reference> = observed.components.values().flat_map(wanted).cloned().collect();
        let asked = all.into_iter().map(|reference| async {
            let presence = self.presence(&reference).await;
            (reference, presence)
        });
        let found: BTreeMap<Reference, Presence> = futures::future::join_all(asked).await.into_iter().collect();
        for component in observed.components.values_mut() {
            let own: BTreeSet<&Reference> = wanted(component).collect();
            let checked = found.iter().filter(|(reference, _)| own.contains(reference));
            component.checked = checked.map(|(r, p)| Checked { reference: r.clone(), presence: p.clone() }).collect();
        }
    }

    async fn presence(&self, reference: &Reference) -> Presence {
        let (namespace, kind, name) = (self.namespace, reference.kind.plural(), &reference.name);
        if !call::is_name(namespace) || !call::is_name(name) {
            return Presence::Unread(SafeText::from("its name cannot be asked for"));
        }
        let path = format!("/api/v1/namespaces/{namespace}/{kind}/{name}");
        if let Some(known) = self.memory.references.of(&path, self.at) {
            return known;
        }
        if self.haste.is_back() {
            return Presence::Unread(SafeText::from("not asked for while a rollback waits"));
        }
        let presence = match self.ask(&path, kind).await {
            Ok(()) => Presence::Present,
            Err(ClusterError::Forbidden { .. }) => Presence::Forbidden,
            Err(e) if e.is_not_found() => Presence::Missing,
            Err(e) => Presence::Unread(SafeText::from(e.to_string())),
        };
        self.memory.references.keep(path, self.at, presence.clone());
        presence
    }

    async fn ask(&self, path: &str, kind: &'static str) -> Result<(), ClusterError> {
        let subject = Subject::global("get", "", kind);
        let request = Request::builder().method(Method::GET).uri(path).header("accept", METADATA).body(Vec::new());
        let request = request.map_err(|e| subject.garbage(e))?;
        call::send(self.client, &subject, request, PATIENCE).await.map(drop)
    }
}

/// What the templates that may serve after a way back refer to.
fn wanted(component: &ComponentObserved) -> impl Iterator<Item = &Reference> {
    let workloads = component.stable.iter().chain(&component.candidate);
    workloads.flat_map(|w| w.references.iter().chain(w.revisions.iter().take(REVISIONS).flat_map(|k| &k.references)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_place_that_a_pod_cannot_start_without_is_found() {
        let spec = json!({
            "imagePullSecrets": [{"name": "pull"}],
            "initContainers": [{"name": "init", "envFrom": [{"configMapRef": {"name": "init"}}]}],
            "containers": [{
                "name": "app",
                "env": [
                    {"name": "A", "value": "plain"},
                    {"name": "B", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}},
                    {"name": "C", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "c"}}},
                    {"name": "D", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                    {"name": "E", "valueFrom": {"secretKeyRef": {"name": "maybe", "key": "e", "optional": true}}},
                ],
                "envFrom": [{"secretRef": {"name": "api"}}, {"prefix": "X", "configMapRef": {"name": "perhaps", "optional": true}}],
            }],
            "volumes": [
                {"name": "empty", "emptyDir": {}},
                {"name": "tls", "secret": {"secretName": "tls", "optional": false}},
                {"name": "conf", "configMap": {"name": "conf"}},
                {"name": "twice", "configMap": {"name": "conf"}},
                {"name": "all", "projected": {"sources": [{"secret": {"name": "p"}}, {"configMap": {"name": "q"}}, {"configMap": {"name": "r", "optional": true}}, {"serviceAccountToken": {"path": "t"}}]}},
                {"name": "vault", "csi": {"driver": "vault", "nodePublishSecretRef": {"name": "vault"}}},
            ],
        });
        let all: Vec<String> = of(&serde_json::from_value(spec).unwrap()).iter().map(ToString::to_string).collect();
        assert_eq!(
            all,
            [
                "ConfigMap conf",
                "ConfigMap init",
                "ConfigMap q",
                "ConfigMap settings",
                "Secret api",
                "Secret db",
                "Secret p",
                "Secret pull",
                "Secret tls",
                "Secret vault"
            ]
        );
    }

    #[test]
    fn what_is_missing_is_asked_for_again_sooner() {
        let at = |s: i64| Timestamp::from_second(1_000 + s).unwrap();
        let known = Known::default();
        known.keep("there".into(), at(0), Presence::Present);
        known.keep("gone".into(), at(0), Presence::Missing);
        let says = |s| ["there", "gone"].map(|path| known.of(path, at(s)).is_some());
        assert_eq!(
            [says(0), says(19), says(20), says(299), says(300), says(-1)],
            [[true, true], [true, true], [true, false], [true, false], [false, false], [false, false]]
        );
    }
}
