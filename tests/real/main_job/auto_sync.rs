//! An Application that heals itself, on a real API server: a rollback is put back until it may suspend it, and then stays.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use kube::Client;
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use serde_json::{Value, json};
use tokio::task::AbortHandle;

use super::requests::foreign_fields;
use super::{BACKEND, SOON, Shop};
use crate::harness::audit;
use crate::harness::control_plane::{ControlPlane, User};
use crate::harness::deadline::eventually;
use crate::harness::objects::{self, virtual_services};

/// Where Argo CD is.
const ARGO_CD: &str = "argocd";
const KEPT: &str = "cutover.dev/auto-sync";
const POLICY: &str = r#"{"prune":true,"selfHeal":true}"#;
/// What git sends to the canary.
const GIT: u64 = 25;

/// Puts the backend's route back to what git says, three times a second, while its Application heals itself.
struct Healer {
    healed: Arc<AtomicU64>,
    task: AbortHandle,
}

impl Healer {
    fn start(applications: Api<DynamicObject>, routes: Api<DynamicObject>, application: String) -> Healer {
        let healed = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&healed);
        let task = tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_millis(300)).await;
                let (Ok(app), Ok(route)) = (applications.get(&application).await, routes.get(BACKEND.stable).await) else { continue };
                let split = &route.data["spec"]["http"][1]["route"];
                let heals = app.data["spec"]["syncPolicy"]["automated"]["selfHeal"] == true;
                if !heals || split[1]["weight"] == GIT {
                    continue;
                }
                let mut spec = route.data["spec"].clone();
                let split = &mut spec["http"][1]["route"];
                (split[0]["weight"], split[1]["weight"]) = ((100 - GIT).into(), GIT.into());
                let as_argo = PatchParams { field_manager: Some("argocd-controller".to_owned()), ..PatchParams::default() };
                if routes.patch(BACKEND.stable, &as_argo, &Patch::Merge(json!({ "spec": spec }))).await.is_ok() {
                    count.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        Healer { healed, task: task.abort_handle() }
    }

    fn healed(&self) -> u64 {
        self.healed.load(Ordering::Relaxed)
    }
}

impl Drop for Healer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Argo CD's kind, its namespace, and an Application of this name.
async fn install(shop: &Shop, name: &str) -> Api<DynamicObject> {
    let version = json!({
        "name": "v1alpha1", "served": true, "storage": true,
        "schema": { "openAPIV3Schema": { "type": "object", "x-kubernetes-preserve-unknown-fields": true } },
    });
    let names = json!({ "kind": "Application", "listKind": "ApplicationList", "plural": "applications", "singular": "application", "shortNames": ["app"] });
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": { "name": "applications.argoproj.io" },
        "spec": { "group": "argoproj.io", "scope": "Namespaced", "names": names, "versions": [version] },
    });
    let space = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": ARGO_CD } });
    shop.namespace.apply(&[definition, space]).await;
    let api = objects::api(&shop.namespace.harness().await, ARGO_CD, "argoproj.io", "v1alpha1", "Application");
    let application: DynamicObject = serde_json::from_value(json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": { "name": name, "namespace": ARGO_CD },
        "spec": { "project": "default", "syncPolicy": { "automated": serde_json::from_str::<Value>(POLICY).unwrap(), "syncOptions": ["CreateNamespace=false"] } },
    }))
    .unwrap();
    eventually("the kind is served", SOON, async || api.create(&Default::default(), &application).await.map_err(|e| e.to_string())).await;
    api
}

/// The role that is shipped, for the operator of this test.
async fn allow(shop: &Shop) {
    let text = include_str!("../../../assets/rbac/auto-sync.yaml");
    let mut role: Value = serde_saphyr::from_str(text).unwrap();
    role["metadata"]["namespace"] = json!(ARGO_CD);
    let operator = shop.namespace.user(User::Operator);
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": { "name": operator, "namespace": ARGO_CD },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": role["metadata"]["name"] },
        "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": operator }],
    });
    shop.namespace.apply(&[role, binding]).await;
}

async fn backend(client: &Client, shop: &Shop) -> u64 {
    objects::weights(client, &shop.namespace.name, BACKEND).await.expect("the route").1
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rollback_is_put_back_until_it_may_suspend_what_heals_itself() {
    let Some(plane) = ControlPlane::get("a_rollback_is_put_back_until_it_may_suspend_what_heals_itself") else { return };
    let shop = Shop::open(plane, "argo").await;
    let name = shop.namespace.name.clone();
    let client = shop.namespace.harness().await;
    let (applications, routes) = (install(&shop, &name).await, virtual_services(&client, &name));
    let tracking = format!("{name}:networking.istio.io/VirtualService:{name}/{}", BACKEND.stable);
    let tracked = json!({ "metadata": { "annotations": { "argocd.argoproj.io/tracking-id": tracking } } });
    routes.patch(BACKEND.stable, &PatchParams::default(), &Patch::Merge(tracked)).await.unwrap();
    let healer = Healer::start(applications.clone(), routes, name.clone());
    eventually("what git says", SOON, async || if backend(&client, &shop).await == GIT { Ok(()) } else { Err(()) }).await;

    // Without the right nothing of it can even be read.
    let before = healer.healed();
    let (code, text) = shop.done(User::Operator, "put-back", &["rollback"]).await;
    assert!(matches!(code, 0 | 4), "{code}: {text}");
    eventually("it is put back", SOON, async || if healer.healed() > before { Ok(()) } else { Err(healer.healed()) }).await;
    eventually("and stands as git says", SOON, async || if backend(&client, &shop).await == GIT { Ok(()) } else { Err(()) }).await;
    let was: Value = applications.get(&name).await.unwrap().data["spec"].clone();

    allow(&shop).await;
    let asked_before = shop.namespace.audit(User::Operator).len();
    let (code, text) = shop.done(User::Operator, "stays", &["rollback"]).await;
    assert_eq!(code, 0, "{text}");
    assert!(text.contains(&format!("Argo CD app {name}: auto-sync stays off: take the change back in git")), "{text}");
    let suspended = applications.get(&name).await.unwrap();
    assert_eq!(suspended.data["spec"]["syncPolicy"], json!({ "syncOptions": ["CreateNamespace=false"] }), "only its auto-sync went");
    assert_eq!(suspended.metadata.annotations.unwrap_or_default().get(KEPT).map(String::as_str), Some(POLICY));
    let (healed, looks) = (healer.healed(), Arc::new(AtomicU64::new(0)));
    eventually("ten looks of the healer", SOON, async || {
        assert_eq!((backend(&client, &shop).await, healer.healed()), (0, healed), "it stays");
        if looks.fetch_add(1, Ordering::Relaxed) >= 30 { Ok(()) } else { Err(()) }
    })
    .await;
    eprintln!("put back {healed} times, then it stayed");

    let log = shop.namespace.audit(User::Operator).split_off(asked_before);
    let writes: Vec<&audit::Entry> = log.iter().filter(|e| e.writes() && e.resource != "configmaps" && e.resource != "leases").collect();
    let at = |resource: &str| writes.iter().position(|e| e.resource == resource && e.code == 200);
    assert!(at("virtualservices") < at("applications") && at("applications").is_some(), "{}", audit::lines(&log, audit::Entry::writes));
    let foreign: Vec<String> = log.iter().filter(|e| e.writes()).flat_map(foreign_fields).collect();
    assert_eq!(foreign, Vec::<String>::new(), "written although it is not ours");

    let (code, text) = shop.done(User::Operator, "status", &["status"]).await;
    assert!(code == 0 && text.contains(&format!("Argo CD app {name}: auto-sync off since ")), "{text}");
    let (code, text) = shop.done(User::Operator, "restore", &["restore-sync", "--yes"]).await;
    assert_eq!(code, 0, "{text}");
    let restored = applications.get(&name).await.unwrap();
    assert_eq!(restored.data["spec"], was, "as it was");
    assert!(!restored.metadata.annotations.unwrap_or_default().contains_key(KEPT));
    eventually("and git's weights stand again", SOON, async || if backend(&client, &shop).await == GIT { Ok(()) } else { Err(()) }).await;
}
