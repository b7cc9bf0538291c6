//! Who else manages an object: told from its labels, annotations, owners and field managers.

use serde_json::Value;

use super::{call, written};
use crate::domain::auto_sync::{AUTO_SYNC, Application};
use crate::domain::object::{Kind, ObjectRef};
use crate::domain::owner::{Owner, Reverts, Tool};
use crate::domain::text::SafeText;

const TRACKING: &str = "argocd.argoproj.io/tracking-id";
const INSTANCE: &str = "app.kubernetes.io/instance";
const KUSTOMIZE: (&str, &str) = ("kustomize.toolkit.fluxcd.io/name", "kustomize.toolkit.fluxcd.io/namespace");
const FLUX_HELM: (&str, &str) = ("helm.toolkit.fluxcd.io/name", "helm.toolkit.fluxcd.io/namespace");
const HELM_RELEASE: &str = "meta.helm.sh/release-name";
const ROLLOUTS: &str = "argo-rollouts.argoproj.io/managed-by-rollouts";
/// Where Argo CD's Applications are, unless they say otherwise.
const ARGO_CD: &str = "argocd";

/// A tool that was told from an object, with where its own object stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The tool.
    pub tool: Tool,
    /// Its object's namespace.
    pub namespace: String,
    /// Its object's name.
    pub name: String,
}

/// Every tool that an object's metadata names.
pub fn of(object: &Value) -> Vec<Found> {
    let text = |map: &str, key: &str| {
        object.pointer(&format!("/metadata/{map}")).and_then(|m| m.get(key)).and_then(Value::as_str).filter(|t| !t.is_empty())
    };
    let label = |key: &str| text("labels", key);
    let annotation = |key: &str| text("annotations", key);
    let own = object.pointer("/metadata/namespace").and_then(Value::as_str).unwrap_or_default();
    let found = |tool, namespace: &str, name: &str| Found { tool, namespace: namespace.to_owned(), name: name.to_owned() };
    let mut all = Vec::new();
    if let Some(app) = argo_application(annotation(TRACKING), label(INSTANCE), written::managers(object)) {
        let (namespace, name) = app.split_once('_').unwrap_or((ARGO_CD, app));
        all.push(found(Tool::ArgoCd, namespace, name));
    }
    for ((name, namespace), tool) in [(KUSTOMIZE, Tool::FluxKustomization), (FLUX_HELM, Tool::FluxHelmRelease)] {
        all.extend(label(name).map(|n| found(tool, label(namespace).unwrap_or(own), n)));
    }
    if label("app.kubernetes.io/managed-by") == Some("Helm")
        && let Some(release) = annotation(HELM_RELEASE)
        && !all.iter().any(|f| f.tool == Tool::FluxHelmRelease)
    {
        all.push(found(Tool::Helm, own, release));
    }
    for owner in object.pointer("/metadata/ownerReferences").and_then(Value::as_array).into_iter().flatten() {
        let of = |key: &str| owner.get(key).and_then(Value::as_str).unwrap_or_default();
        if of("kind") == "Canary" && of("apiVersion").starts_with("flagger.app/") {
            all.push(found(Tool::Flagger, own, of("name")));
        }
    }
    all.extend(annotation(ROLLOUTS).map(|name| found(Tool::ArgoRollouts, own, name)));
    all
}

/// The Application: named by the tracking annotation, or by the instance label where the controller wrote the object.
fn argo_application<'a>(tracking: Option<&'a str>, instance: Option<&'a str>, managers: Vec<&str>) -> Option<&'a str> {
    let tracked = tracking.and_then(|id| id.split(':').next());
    tracked.or_else(|| instance.filter(|_| managers.iter().any(|m| m.starts_with("argocd"))))
}

/// The controllers of a list that move the traffic of a Deployment themselves.
pub fn of_deployment(name: &str, canaries: Option<&Value>, rollouts: Option<&Value>) -> Vec<Found> {
    let lists = [(canaries, "/spec/targetRef", Tool::Flagger), (rollouts, "/spec/workloadRef", Tool::ArgoRollouts)];
    let mut all = Vec::new();
    for (list, reference, tool) in lists {
        let items = list.and_then(|l| l.get("items")).and_then(Value::as_array).into_iter().flatten();
        for item in items {
            let text = |path: &str| item.pointer(path).and_then(Value::as_str).unwrap_or_default();
            let target = text(&format!("{reference}/name"));
            // Flagger serves from a copy of what it is pointed at.
            let is_it = target == name || (tool == Tool::Flagger && name.strip_suffix("-primary") == Some(target));
            if is_it && text(&format!("{reference}/kind")) == "Deployment" {
                all.push(Found { tool, namespace: text("/metadata/namespace").to_owned(), name: text("/metadata/name").to_owned() });
            }
        }
    }
    all
}

impl Found {
    /// Where its own object is read to tell when it puts things back, if that says anything.
    pub fn path(&self) -> Option<String> {
        let (group, plural) = match self.tool {
            Tool::ArgoCd => ("argoproj.io/v1alpha1", "applications"),
            Tool::FluxKustomization => ("kustomize.toolkit.fluxcd.io/v1", "kustomizations"),
            Tool::FluxHelmRelease => ("helm.toolkit.fluxcd.io/v2", "helmreleases"),
            _ => return None,
        };
        let names = [&self.namespace, &self.name];
        names.iter().all(|n| super::call::is_name(n)).then(|| format!("/apis/{group}/namespaces/{}/{plural}/{}", self.namespace, self.name))
    }

    /// As a release is told: `own` is what could be read at [`Found::path`].
    pub fn owner(self, object: ObjectRef, own: Option<&Value>) -> Owner {
        let reverts = reverts(self.tool, own);
        let application = own
            .filter(|own| self.tool == Tool::ArgoCd && own.is_object())
            .map(|own| Box::new(application(&self.namespace, &self.name, own)));
        Owner { tool: self.tool, name: SafeText::from(self.name), object, reverts, application }
    }
}

/// How many objects that differ from git are kept: for people.
const DIFFERS: usize = 6;

/// An Application, as far as its auto-sync goes.
fn application(namespace: &str, name: &str, own: &Value) -> Application {
    let text = |path: &str| own.pointer(path).and_then(Value::as_str);
    let annotations = own.pointer("/metadata/annotations").and_then(Value::as_object);
    let kept = annotations.and_then(|a| a.get(AUTO_SYNC)).and_then(Value::as_str);
    let automated = own.pointer("/spec/syncPolicy/automated").filter(|automated| !automated.is_null());
    let makers = own.pointer("/metadata/ownerReferences").and_then(Value::as_array).into_iter().flatten();
    let maker = |o: &Value| Some(SafeText::from(format!("{} {}", o.get("kind")?.as_str()?, o.get("name")?.as_str()?)));
    // An app of apps leaves its mark as on every object.
    let parent =
        || text("/metadata/annotations/argocd.argoproj.io~1tracking-id")?.split(':').next().map(|app| format!("Application {app}").into());
    let resources = own.pointer("/status/resources").and_then(Value::as_array).into_iter().flatten();
    let differing = resources.filter(|r| r.get("status").and_then(Value::as_str) == Some("OutOfSync"));
    Application {
        object: ObjectRef::new(Kind::Application, namespace, name),
        uid: text("/metadata/uid").unwrap_or_default().to_owned(),
        resource_version: call::version_of(own),
        automated: automated.map(Value::to_string),
        kept: kept.map(str::to_owned),
        since: kept.and_then(|_| written::annotation(own, AUTO_SYNC)?.at),
        annotated: annotations.is_some(),
        has_policy: own.pointer("/spec/syncPolicy").is_some_and(Value::is_object),
        denied: None,
        made_by: makers.filter_map(maker).next().or_else(parent),
        sync: text("/status/sync/status").map(SafeText::from),
        differs: differing.filter_map(maker).take(DIFFERS).collect(),
    }
}

fn reverts(tool: Tool, own: Option<&Value>) -> Reverts {
    let at = |path: &str| own.and_then(|o| o.pointer(path));
    let suspended = at("/spec/suspend").and_then(Value::as_bool).unwrap_or(false);
    let interval = at("/spec/interval").and_then(Value::as_str);
    match tool {
        Tool::Flagger | Tool::ArgoRollouts => Reverts::Fights,
        Tool::Autoscaler | Tool::Keda => Reverts::Replicas,
        Tool::Helm => Reverts::NextChange,
        _ if own.is_some_and(Value::is_null) => Reverts::Unread,
        _ if own.is_none() => Reverts::Unknown,
        Tool::ArgoCd => match at("/spec/syncPolicy/automated") {
            None | Some(Value::Null) => Reverts::ByHand,
            Some(automated) if automated.get("enabled").and_then(Value::as_bool) == Some(false) => Reverts::ByHand,
            Some(automated) if automated.get("selfHeal").and_then(Value::as_bool) == Some(true) => Reverts::AtOnce,
            Some(_) => Reverts::NextChange,
        },
        Tool::FluxKustomization | Tool::FluxHelmRelease if suspended => Reverts::ByHand,
        Tool::FluxKustomization => interval.map_or(Reverts::Unknown, |i| Reverts::Every(SafeText::from(i))),
        // A HelmRelease looks for what others changed only when it is told to.
        Tool::FluxHelmRelease => match (at("/spec/driftDetection/mode").and_then(Value::as_str), interval) {
            (Some("enabled"), Some(interval)) => Reverts::Every(SafeText::from(interval)),
            _ => Reverts::NextChange,
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(metadata: Value) -> Vec<(Tool, String, String)> {
        of(&json!({ "metadata": metadata })).into_iter().map(|f| (f.tool, f.namespace, f.name)).collect()
    }

    #[test]
    fn tools_are_told_from_what_they_leave_on_objects() {
        let tracked = json!({ "namespace": "shop", "annotations": { TRACKING: "shop-prod:networking.istio.io/VirtualService:shop/web" } });
        assert_eq!(told(tracked), [(Tool::ArgoCd, "argocd".into(), "shop-prod".into())]);
        let elsewhere = json!({ "namespace": "shop", "annotations": { TRACKING: "team-a_shop:apps/Deployment:shop/web" } });
        assert_eq!(told(elsewhere), [(Tool::ArgoCd, "team-a".into(), "shop".into())]);
        let by_label = |manager: &str| json!({ "labels": { INSTANCE: "shop" }, "managedFields": [{ "manager": manager }] });
        assert_eq!(told(by_label("argocd-controller")).len(), 1);
        assert_eq!(told(by_label("helm")), [], "everybody uses that label");
        let flux = json!({ "namespace": "shop", "labels": { KUSTOMIZE.0: "apps", KUSTOMIZE.1: "flux-system" } });
        assert_eq!(told(flux), [(Tool::FluxKustomization, "flux-system".into(), "apps".into())]);
        let helm =
            json!({ "namespace": "shop", "labels": { "app.kubernetes.io/managed-by": "Helm" }, "annotations": { HELM_RELEASE: "web" } });
        assert_eq!(told(helm), [(Tool::Helm, "shop".into(), "web".into())]);
        let canary =
            json!({ "namespace": "shop", "ownerReferences": [{ "apiVersion": "flagger.app/v1beta1", "kind": "Canary", "name": "web" }] });
        assert_eq!(told(canary), [(Tool::Flagger, "shop".into(), "web".into())]);
        assert_eq!(told(json!({ "labels": { "app": "web" } })), []);
    }

    #[test]
    fn controllers_that_point_to_a_deployment_are_found() {
        let list = |reference: &str, name: &str| json!({ "items": [{ "metadata": { "name": "c", "namespace": "shop" }, "spec": { reference: { "kind": "Deployment", "name": name } } }] });
        let (canaries, rollouts) = (list("targetRef", "web"), list("workloadRef", "api"));
        let tools = |name: &str| of_deployment(name, Some(&canaries), Some(&rollouts)).iter().map(|f| f.tool).collect::<Vec<_>>();
        assert_eq!([tools("web"), tools("web-primary"), tools("api")], [[Tool::Flagger], [Tool::Flagger], [Tool::ArgoRollouts]]);
        assert_eq!(tools("web-canary"), []);
    }

    #[test]
    fn of_an_application_is_kept_what_its_auto_sync_was_and_is() {
        let own = json!({
            "metadata": {
                "uid": "u", "resourceVersion": "7", "annotations": { AUTO_SYNC: "{\"selfHeal\":true}" },
                "managedFields": [{ "manager": "cutover", "time": "2026-01-01T14:02:07Z", "fieldsV1": { "f:metadata": { "f:annotations": { format!("f:{AUTO_SYNC}"): {} } } } }],
                "ownerReferences": [{ "kind": "ApplicationSet", "name": "shops" }],
            },
            "spec": { "syncPolicy": { "automated": null } },
            "status": { "sync": { "status": "OutOfSync" }, "resources": [
                { "kind": "Service", "name": "web", "status": "Synced" },
                { "kind": "VirtualService", "name": "web", "status": "OutOfSync" },
            ] },
        });
        let told = |own: &Value| {
            let found = Found { tool: Tool::ArgoCd, namespace: "argocd".into(), name: "shop".into() };
            found.owner(ObjectRef::new(Kind::VirtualService, "shop", "web"), Some(own))
        };
        let owner = told(&own);
        let app = owner.application.unwrap();
        assert_eq!(
            (owner.reverts, app.is_suspended(), app.since.unwrap().to_string().as_str()),
            (Reverts::ByHand, true, "2026-01-01T14:02:07Z")
        );
        assert_eq!(
            (app.sync, app.differs, app.made_by),
            (Some("OutOfSync".into()), vec!["VirtualService web".into()], Some("ApplicationSet shops".into()))
        );
        let healing = told(&json!({ "metadata": {}, "spec": { "syncPolicy": { "automated": { "selfHeal": true } } } }));
        let app = healing.application.unwrap();
        assert_eq!((healing.reverts, app.automated.as_deref(), app.annotated), (Reverts::AtOnce, Some(r#"{"selfHeal":true}"#), false));
        let unread = told(&Value::Null);
        assert_eq!((unread.reverts, unread.application), (Reverts::Unread, None), "it is being read");
    }

    #[test]
    fn how_soon_a_write_is_put_back_is_what_the_tool_says() {
        let policy = |automated: Value| reverts(Tool::ArgoCd, Some(&json!({ "spec": { "syncPolicy": { "automated": automated } } })));
        assert_eq!(policy(json!({ "selfHeal": true })), Reverts::AtOnce);
        assert_eq!([policy(json!({})), policy(Value::Null)], [Reverts::NextChange, Reverts::ByHand]);
        assert_eq!(policy(json!({ "enabled": false, "selfHeal": true })), Reverts::ByHand);
        let flux = |spec: Value| reverts(Tool::FluxKustomization, Some(&json!({ "spec": spec })));
        assert_eq!(flux(json!({ "interval": "10m" })), Reverts::Every("10m".into()));
        assert_eq!(flux(json!({ "interval": "10m", "suspend": true })), Reverts::ByHand);
        assert_eq!(reverts(Tool::FluxHelmRelease, Some(&json!({ "spec": { "interval": "10m" } }))), Reverts::NextChange);
        assert_eq!(reverts(Tool::ArgoCd, None), Reverts::Unknown);
    }
}
