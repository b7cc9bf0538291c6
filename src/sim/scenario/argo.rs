//! Argo CD, as far as releases meet it: an Application that is automated with selfHeal puts back what git says within seconds.
//!
//! Git is the scenario's manifests: those that carry the Application's tracking annotation. What is there besides them is
//! nobody's. An Application that is not automated only says what differs.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Value, json};

use super::units::Span;
use crate::sim::kernel::{
    Change, Part, PartId, World,
    object::Fields,
    resource::{self, APPLICATION, Resource},
};

/// The annotation by which Argo CD knows its objects.
const TRACKING: &str = "argocd.argoproj.io/tracking-id";
/// Where Applications are that say no namespace.
const HOME: &str = "argocd";
/// The field managers of its two hands.
const CONTROLLER: &str = "argocd-controller";
const STATUS: &str = "argocd-application-controller";

/// `argoCd: { heals: 3s }`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ArgoCd {
    /// How long after a change it has compared, and put back what it may.
    #[serde(default = "heals")]
    pub heals: Span,
}

fn heals() -> Span {
    Span::seconds(3)
}

/// An Application's namespace and name.
type Key = (String, String);

/// Argo CD as a part of the kernel.
#[derive(Debug)]
pub struct Argo {
    id: PartId,
    heals: u64,
    git: BTreeMap<Key, Vec<(&'static Resource, Value)>>,
    /// Applications that will be compared.
    due: BTreeSet<Key>,
}

impl Argo {
    /// One that holds these manifests for git.
    pub fn new(id: PartId, namespace: &str, settings: &ArgoCd, manifests: &[Value]) -> Self {
        let mut git: BTreeMap<Key, Vec<(&'static Resource, Value)>> = BTreeMap::new();
        for manifest in manifests {
            let resource = resource::of_kind(manifest.text("/apiVersion"), manifest.text("/kind"));
            if let (Some(key), Some(resource)) = (tracked_by(manifest), resource) {
                let mut wanted = manifest.clone();
                wanted.put_default("/metadata/namespace", namespace);
                git.entry(key).or_default().push((resource, wanted));
            }
        }
        Self { id, heals: settings.heals.0, git, due: BTreeSet::new() }
    }

    /// Compares soon, once.
    fn look(&mut self, world: &mut World, key: Key) {
        if self.git.contains_key(&key) && self.due.insert(key.clone()) {
            world.timers.at(world.ms().saturating_add(self.heals), self.id, format!("{}/{}", key.0, key.1));
        }
    }

    fn compare(&self, world: &mut World, key: &Key) {
        let Some(application) = world.store.get(&APPLICATION, &key.0, &key.1).cloned() else { return };
        let wanted = self.git.get(key).map_or(&[][..], Vec::as_slice);
        let differs = |world: &World, (resource, wanted): &(&'static Resource, Value)| {
            let live = world.store.get(resource, wanted.namespace(), wanted.name());
            live.is_none_or(|live| !holds(live.pointer("/spec").unwrap_or(&Value::Null), wanted.pointer("/spec").unwrap_or(&Value::Null)))
        };
        let automated = application.pointer("/spec/syncPolicy/automated").filter(|policy| policy.is_object());
        let heals = automated.is_some_and(|policy| policy.is_true("/selfHeal") && policy.pointer("/enabled") != Some(&json!(false)));
        for one in wanted.iter().filter(|_| heals) {
            if differs(world, one) {
                super::player::apply(world, one.1.namespace(), one.1.clone(), CONTROLLER);
            }
        }
        let word = |yes: bool| if yes { "OutOfSync" } else { "Synced" };
        let resources: Vec<Value> = wanted
            .iter()
            .map(|one| {
                let (resource, object) = one;
                json!({ "group": resource.group, "kind": resource.kind, "namespace": object.namespace(), "name": object.name(), "status": word(differs(world, one)) })
            })
            .collect();
        let any = resources.iter().any(|r| r.text("/status") == "OutOfSync");
        let status = json!({ "sync": { "status": word(any) }, "resources": resources });
        world.modify(&APPLICATION, &key.0, &key.1, STATUS, |stored| stored.put("/status", status)).ok();
    }
}

/// The Application that tracks an object.
fn tracked_by(object: &Value) -> Option<Key> {
    let id = object.annotation(TRACKING).split(':').next().filter(|app| !app.is_empty())?;
    let (namespace, name) = id.split_once('_').unwrap_or((HOME, id));
    Some((namespace.to_owned(), name.to_owned()))
}

/// Whether everything that is wanted stands there; what the server added besides is no difference.
fn holds(live: &Value, wanted: &Value) -> bool {
    match (live, wanted) {
        (Value::Object(live), Value::Object(wanted)) => {
            wanted.iter().all(|(name, value)| holds(live.get(name).unwrap_or(&Value::Null), value))
        }
        (Value::Array(live), Value::Array(wanted)) => live.len() == wanted.len() && live.iter().zip(wanted).all(|(l, w)| holds(l, w)),
        (live, wanted) => live == wanted,
    }
}

impl Part for Argo {
    fn start(&mut self, world: &mut World) {
        for key in self.git.keys().cloned().collect::<Vec<_>>() {
            self.look(world, key);
        }
    }

    fn reconcile(&mut self, world: &mut World, changes: &[Change]) {
        for change in changes {
            let object = &change.object;
            let key = if *change.resource == APPLICATION {
                // What it says of the comparison is no reason for another one.
                let same = change.previous.as_ref().is_some_and(|before| before.pointer("/spec") == object.pointer("/spec"));
                (!same).then(|| (object.namespace().to_owned(), object.name().to_owned()))
            } else {
                tracked_by(object)
            };
            if let Some(key) = key {
                self.look(world, key);
            }
        }
    }

    fn wake(&mut self, world: &mut World, key: &str) {
        if let Some((namespace, name)) = key.split_once('/') {
            let key = (namespace.to_owned(), name.to_owned());
            self.due.remove(&key);
            self.compare(world, &key);
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::super::Scenario;
    use super::*;
    use crate::sim::kernel::{Kernel, resource::CONFIG_MAP};

    const SHOP: &str = "name: x\ndescription: y\nnamespace: shop\nargoCd: { heals: 2s }\nmanifests:\n\
        - { apiVersion: argoproj.io/v1alpha1, kind: Application, metadata: { name: web, namespace: argocd }, spec: { project: default, syncPolicy: { automated: { selfHeal: true } } } }\n\
        - { apiVersion: v1, kind: Service, metadata: { name: web, annotations: { argocd.argoproj.io/tracking-id: 'web:/Service:shop/web' } }, spec: { selector: { app: web }, ports: [ { port: 80 } ] } }\n\
        - { apiVersion: v1, kind: ConfigMap, metadata: { name: web }, data: { a: '1' } }\n";

    fn shop() -> Kernel {
        let mut kernel = Kernel::new(1, Timestamp::UNIX_EPOCH);
        Scenario::parse(SHOP, "x.yaml").unwrap().install(&mut kernel).unwrap();
        kernel.advance(5_000);
        kernel
    }

    fn selects(kernel: &Kernel) -> String {
        kernel.world.store.get(&resource::SERVICE, "shop", "web").unwrap().text("/spec/selector/app").to_owned()
    }

    fn meddle(kernel: &mut Kernel) {
        kernel.world.modify(&resource::SERVICE, "shop", "web", "kubectl-edit", |s| s.put("/spec/selector/app", "other")).unwrap();
        kernel.settle();
    }

    fn policy(kernel: &mut Kernel, change: impl FnOnce(&mut Value)) {
        kernel.world.modify(&APPLICATION, "argocd", "web", "kubectl-edit", change).unwrap();
        kernel.settle();
    }

    fn says(kernel: &Kernel) -> String {
        kernel.world.store.get(&APPLICATION, "argocd", "web").unwrap().text("/status/sync/status").to_owned()
    }

    #[test]
    fn what_git_does_not_say_is_put_back_within_seconds_while_it_heals_itself_and_only_then() {
        let mut kernel = shop();
        assert_eq!(says(&kernel), "Synced");
        meddle(&mut kernel);
        kernel.advance(6_999);
        assert_eq!(selects(&kernel), "other");
        kernel.advance(7_000);
        assert_eq!((selects(&kernel).as_str(), says(&kernel).as_str()), ("web", "Synced"));
        let service = kernel.world.store.get(&resource::SERVICE, "shop", "web").unwrap();
        assert!(service.pointer("/metadata/managedFields").unwrap().to_string().contains(CONTROLLER));
        for off in [json!({}), json!({ "automated": {} }), json!({ "automated": { "selfHeal": true, "enabled": false } })] {
            policy(&mut kernel, |app| app.put("/spec/syncPolicy", off.clone()));
            meddle(&mut kernel);
            kernel.advance(kernel.ms() + 60_000);
            assert_eq!((selects(&kernel).as_str(), says(&kernel).as_str()), ("other", "OutOfSync"), "{off}");
            policy(&mut kernel, |app| app.put("/spec/syncPolicy", json!({ "automated": { "selfHeal": true } })));
            kernel.advance(kernel.ms() + 2_000);
            assert_eq!(selects(&kernel), "web", "switched on again it heals at once");
        }
    }

    #[test]
    fn what_it_does_not_track_is_nobodys() {
        let mut kernel = shop();
        kernel.world.modify(&CONFIG_MAP, "shop", "web", "kubectl-edit", |c| c.put("/data/a", "2")).unwrap();
        kernel.settle();
        kernel.advance(60_000);
        assert_eq!(kernel.world.store.get(&CONFIG_MAP, "shop", "web").unwrap().text("/data/a"), "2");
    }
}
