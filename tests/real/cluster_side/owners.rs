//! Who else manages the objects, told from what Helm, Flux and Flagger leave on a real API server, with the operator's rights.

use cutover::cluster::observe;
use kube::Client;
use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams};
use serde_json::{Value, json};

use super::{SOON, Side};
use crate::harness::control_plane::{ControlPlane, User};
use crate::harness::deadline::eventually;
use crate::harness::objects::{self, BACKEND};

/// A kind of another tool, as far as a server needs to know it.
struct Kind {
    group: &'static str,
    version: &'static str,
    kind: &'static str,
    plural: &'static str,
}

const KUSTOMIZATION: Kind = Kind { group: "kustomize.toolkit.fluxcd.io", version: "v1", kind: "Kustomization", plural: "kustomizations" };
const HELM_RELEASE: Kind = Kind { group: "helm.toolkit.fluxcd.io", version: "v2", kind: "HelmRelease", plural: "helmreleases" };
const CANARY: Kind = Kind { group: "flagger.app", version: "v1beta1", kind: "Canary", plural: "canaries" };

impl Kind {
    fn definition(&self) -> Value {
        let schema = json!({ "openAPIV3Schema": { "type": "object", "x-kubernetes-preserve-unknown-fields": true } });
        let version = json!({ "name": self.version, "served": true, "storage": true, "schema": schema });
        let names = json!({
            "kind": self.kind, "listKind": format!("{}List", self.kind), "plural": self.plural, "singular": self.kind.to_lowercase(),
        });
        json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": { "name": format!("{}.{}", self.plural, self.group) },
            "spec": { "group": self.group, "scope": "Namespaced", "names": names, "versions": [version] },
        })
    }

    /// An object of it, once it is served.
    async fn made(&self, side: &Side, client: &Client, name: &str, spec: Value) -> Api<DynamicObject> {
        let namespace = side.namespace.name.as_str();
        side.namespace.apply(&[self.definition()]).await;
        let api = objects::api(client, namespace, self.group, self.version, self.kind);
        let body = json!({
            "apiVersion": format!("{}/{}", self.group, self.version), "kind": self.kind,
            "metadata": { "name": name, "namespace": namespace }, "spec": spec,
        });
        let object: DynamicObject = serde_json::from_value(body).unwrap();
        eventually("the kind is served", SOON, async || api.create(&Default::default(), &object).await.map_err(|e| e.to_string())).await;
        api
    }
}

async fn told(side: &Side) -> Vec<String> {
    let mut all: Vec<String> = side.backend().await.owners.iter().map(ToString::to_string).filter(|o| !o.contains("Autoscaler")).collect();
    all.sort();
    all
}

#[tokio::test]
async fn what_helm_and_flux_leave_on_objects_is_told_with_when_they_put_things_back() {
    let Some(plane) = ControlPlane::get("what_helm_and_flux_leave_on_objects") else { return };
    let side = Side::new(plane, "owners").await;
    let (client, namespace) = (side.namespace.harness().await, side.namespace.name.clone());
    let of = |group: &str, version: &str, kind: &str| objects::api(&client, &namespace, group, version, kind);
    let by = |manager: &str| PatchParams { field_manager: Some(manager.to_owned()), ..PatchParams::default() };
    let helm = json!({ "metadata": {
        "labels": { "app.kubernetes.io/managed-by": "Helm" },
        "annotations": { "meta.helm.sh/release-name": "shop", "meta.helm.sh/release-namespace": namespace },
    } });
    of("apps", "v1", "Deployment").patch(BACKEND.stable, &by("helm"), &Patch::Merge(helm)).await.unwrap();
    let labels = |tool: &str, name: &str| json!({ "metadata": { "labels": { format!("{tool}.toolkit.fluxcd.io/name"): name, format!("{tool}.toolkit.fluxcd.io/namespace"): namespace } } });
    let kustomize = by("kustomize-controller");
    let routes = of("networking.istio.io", "v1", "VirtualService");
    routes.patch(BACKEND.stable, &kustomize, &Patch::Merge(labels("kustomize", "apps"))).await.unwrap();
    of("apps", "v1", "Deployment").patch(BACKEND.canary, &by("helm-controller"), &Patch::Merge(labels("helm", "canary"))).await.unwrap();
    let (stable, canary) = (BACKEND.stable, BACKEND.canary);
    let unread = [
        format!("Deployment {canary}: Flux HelmRelease canary may put it back at its interval (it cannot be read)"),
        format!("Deployment {stable}: Helm release shop puts it back with its next change"),
        format!("VirtualService {stable}: Flux Kustomization apps may put it back at its interval (it cannot be read)"),
    ];
    assert_eq!(told(&side).await, unread, "no controller's kind is served yet");

    let apps = KUSTOMIZATION.made(&side, &client, "apps", json!({ "interval": "10m", "prune": true })).await;
    let watching = json!({ "interval": "5m", "driftDetection": { "mode": "enabled" } });
    HELM_RELEASE.made(&side, &client, "canary", watching).await;
    let read = [
        format!("Deployment {canary}: Flux HelmRelease canary puts it back every 5m"),
        format!("Deployment {stable}: Helm release shop puts it back with its next change"),
        format!("VirtualService {stable}: Flux Kustomization apps puts it back every 10m"),
    ];
    assert_eq!(told(&side).await, read);
    apps.patch("apps", &by("flux"), &Patch::Merge(json!({ "spec": { "suspend": true } }))).await.unwrap();
    assert_eq!(told(&side).await[2], format!("VirtualService {stable}: Flux Kustomization apps puts it back when somebody syncs it"));
}

#[tokio::test]
async fn flagger_is_told_where_its_canaries_can_be_listed_and_where_they_cannot() {
    let Some(plane) = ControlPlane::get("flagger_is_told_where_its_canaries_can_be_listed") else { return };
    let side = Side::new(plane, "flagger").await;
    let (client, namespace) = (side.namespace.harness().await, side.namespace.name.clone());
    let target = json!({ "targetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": BACKEND.stable } });
    CANARY.made(&side, &client, "shop", target).await;
    assert_eq!(told(&side).await, [format!("Deployment {}: Flagger Canary shop moves this traffic itself", BACKEND.stable)]);

    // The same role without the rule for Flagger.
    let role: Value = serde_saphyr::from_str(&std::fs::read_to_string("assets/rbac/operator.yaml").unwrap()).unwrap();
    let others = role["rules"].as_array().unwrap().iter().filter(|rule| rule["apiGroups"] != json!(["flagger.app"]));
    let group = "rbac.authorization.k8s.io";
    let meta = json!({ "name": "less", "namespace": namespace });
    let user = json!({ "apiGroup": group, "kind": "User", "name": side.namespace.user(User::Operator) });
    side.namespace
        .apply(&[
            json!({ "apiVersion": format!("{group}/v1"), "kind": "Role", "metadata": meta, "rules": others.collect::<Vec<_>>() }),
            json!({
                "apiVersion": format!("{group}/v1"), "kind": "RoleBinding", "metadata": meta, "subjects": [user],
                "roleRef": { "apiGroup": group, "kind": "Role", "name": "less" },
            }),
        ])
        .await;
    let bindings = objects::api(&client, &namespace, group, "v1", "RoleBinding");
    bindings.delete("cutover-operator", &DeleteParams::default()).await.unwrap();
    let unlisted = eventually("the right is gone", SOON, async || {
        let seen = observe::observe(&side.connection.unary, &side.release, jiff::Timestamp::now()).await.map_err(|e| e.to_string())?;
        if seen.unlisted.is_empty() { Err(format!("{:?}", seen.components.len())) } else { Ok(seen.unlisted) }
    })
    .await;
    let [one] = unlisted.as_slice() else { panic!("{unlisted:?}") };
    assert!(one.as_str().starts_with("Flagger is installed and its canaries may not be listed"), "{one}");
    assert!(one.as_str().ends_with(r#"{apiGroups: ["flagger.app"], resources: ["canaries"], verbs: ["list"]}"#), "{one}");
    assert_eq!(told(&side).await, Vec::<String>::new(), "and is no owner that anybody knows of");
}
