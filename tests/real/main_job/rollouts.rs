//! Argo Rollouts' own controller, told by `cutover` what the runbook tells it with its plugin; its router is Istio's.

use kube::api::DynamicObject;
use serde_json::{Value, json};

use super::SOON;
use super::latency::until;
use crate::harness::audit;
use crate::harness::bastion::Bastion;
use crate::harness::control_plane::{ControlPlane, User};
use crate::harness::deadline::eventually;
use crate::harness::namespace::TestNamespace;
use crate::harness::objects;
use crate::harness::ports;
use crate::harness::supervised::{Supervised, temporary_folder};

const USERS: &str = "user-service";
const RELEASE: &str = "name: users\ncomponents: [{ name: users, stable: user-service }]\nstrategy: { argoRollout: {} }\ngates: []\n";

fn image(tag: &str) -> String {
    format!("ghcr.io/company/{USERS}:{tag}")
}

/// The user service, and the controller that carries it out, for as long as this lives.
struct Users {
    plane: &'static ControlPlane,
    namespace: TestNamespace,
    bastion: Bastion,
    _controller: Supervised,
}

impl Users {
    async fn open(plane: &'static ControlPlane, prefix: &str) -> Users {
        let namespace = plane.namespace(prefix).await;
        namespace.apply(&[json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "argo-rollouts" } })]).await;
        let _controller = controller(plane, &namespace.name);
        namespace.apply(&manifests(&namespace.name)).await;
        let users = Users { plane, bastion: Bastion::new(RELEASE), namespace, _controller };
        users.stands("Healthy").await;
        users
    }

    async fn object(&self) -> DynamicObject {
        let client = self.namespace.harness().await;
        let rollouts = objects::api(&client, &self.namespace.name, "argoproj.io", "v1alpha1", "Rollout");
        rollouts.get(USERS).await.expect("the Rollout")
    }

    /// Waits until Argo Rollouts says so of the newest spec.
    async fn stands(&self, phase: &str) {
        eventually(&format!("{USERS} {phase}"), SOON, async || {
            let object = self.object().await;
            let status = &object.data["status"];
            let seen = status["observedGeneration"].as_str() == object.metadata.generation.map(|g| g.to_string()).as_deref();
            if seen && status["phase"] == phase { Ok(()) } else { Err(status.to_string()) }
        })
        .await;
    }

    async fn version(&self) -> String {
        let object = self.object().await;
        let image = object.data["spec"]["template"]["spec"]["containers"][0]["image"].as_str().expect("an image").to_owned();
        image.rsplit(':').next().expect("a tag").to_owned()
    }

    /// The share of the new version, as the VirtualService has it.
    async fn weight(&self) -> u64 {
        let client = self.namespace.harness().await;
        weight(&objects::virtual_services(&client, &self.namespace.name).get(USERS).await.expect("the route"))
    }

    /// A command that has to end with a code.
    async fn does(&self, code: i32, name: &str, args: &[&str]) -> String {
        let kubeconfig = self.namespace.kubeconfig(User::Operator);
        let (ended, text) = self.bastion.done(&kubeconfig, name, &[&["--yes"], args].concat()).await;
        assert_eq!(ended, code, "{name}: {text}");
        text
    }

    /// Argo's own plugin.
    async fn plugin(&self, args: &[&str]) {
        let config = self.namespace.kubeconfig(User::Admin);
        let mut command = tokio::process::Command::new(self.plane.assets().path("kubectl-argo-rollouts"));
        command.args(["--kubeconfig"]).arg(config).args(["--namespace", &self.namespace.name]).args(args);
        let output = command.output().await.expect("starting the plugin");
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

fn weight(route: &DynamicObject) -> u64 {
    route.data["spec"]["http"][0]["route"][1]["weight"].as_u64().expect("a weight")
}

fn controller(plane: &'static ControlPlane, namespace: &str) -> Supervised {
    let dir = temporary_folder("cutover-rollouts-").expect("a temporary folder");
    let kubeconfig = plane.kubeconfig("harness", "default", plane.port());
    let args = [
        format!("--kubeconfig={}", kubeconfig.display()),
        format!("--namespace={namespace}"),
        "--namespaced".to_owned(),
        "--leader-elect=false".to_owned(),
        "--istio-api-version=v1".to_owned(),
        format!("--metricsPort={}", ports::free()),
        format!("--healthzPort={}", ports::free()),
    ];
    Supervised::server(&plane.assets().path("rollouts-controller"), &args, &dir.join("rollouts.log")).expect("starting Argo Rollouts")
}

fn manifests(namespace: &str) -> Vec<Value> {
    let meta = |name: &str| json!({ "name": name, "namespace": namespace });
    let labels = json!({ "app": USERS });
    let service = |name: &str| {
        let ports = json!([{ "port": 80, "targetPort": 3001 }]);
        json!({ "apiVersion": "v1", "kind": "Service", "metadata": meta(name), "spec": { "selector": labels, "ports": ports } })
    };
    let canary = format!("{USERS}-canary");
    let to = |host: &str, weight: u32| json!({ "destination": { "host": host }, "weight": weight });
    let steps = json!([{ "setWeight": 20 }, { "pause": {} }, { "setWeight": 60 }, { "pause": { "duration": "3s" } }]);
    let router = json!({ "istio": { "virtualService": { "name": USERS, "routes": ["primary"] } } });
    let strategy = json!({ "canary": { "stableService": USERS, "canaryService": canary, "trafficRouting": router, "steps": steps } });
    let container = json!({ "name": USERS, "image": image("v1.2.3"), "ports": [{ "containerPort": 3001 }] });
    let template = json!({ "metadata": { "labels": labels }, "spec": { "containers": [container] } });
    let http = json!([{ "name": "primary", "route": [to(USERS, 100), to(&canary, 0)] }]);
    vec![
        service(USERS),
        service(&canary),
        json!({ "apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": meta(USERS), "spec": { "hosts": [USERS], "http": http } }),
        json!({ "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "metadata": meta(USERS), "spec": {
            "replicas": 5, "selector": { "matchLabels": labels }, "strategy": strategy, "template": template } }),
    ]
}

/// `set image`, `promote`, once more the other way round, and both ways back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn argo_rollouts_carries_out_what_is_approved_promoted_and_taken_back() {
    let Some(plane) = ControlPlane::get("argo_rollouts_carries_out_what_is_approved_promoted_and_taken_back") else { return };
    let users = Users::open(plane, "users").await;

    let told = users.does(6, "run", &["run", "--no-wait", "-i", &image("v1.3.0")]).await;
    assert!(told.contains("step 2 of 4 (pause)"), "{told}");
    assert_eq!(users.weight().await, 20);
    let told = users.does(0, "status", &["status"]).await;
    assert!(told.contains("argo-rollout 20 %") && told.contains("waits for approval"), "{told}");
    users.does(0, "approve", &["approve"]).await;
    users.does(0, "end", &["run"]).await;
    users.stands("Healthy").await;
    assert_eq!((users.version().await.as_str(), users.weight().await), ("v1.3.0", 0), "stable is the new one");

    // The runbook's gradual rollback: the version before, promoted by a person before its steps are over.
    users.does(6, "again", &["run", "--no-wait", "-i", &image("v1.2.3")]).await;
    users.does(0, "promote", &["promote"]).await;
    users.stands("Healthy").await;
    assert_eq!(users.version().await, "v1.2.3");

    // In the middle the traffic comes first.
    users.does(6, "bad", &["run", "--no-wait", "-i", &image("v6.6.6")]).await;
    // Paused it is looked at first: Argo Rollouts does nothing while its Rollout is.
    users.does(0, "hold", &["pause"]).await;
    assert_eq!((users.weight().await, users.object().await.data["spec"]["paused"].as_bool()), (20, Some(true)));
    users.does(0, "back", &["rollback"]).await;
    assert_eq!((users.version().await.as_str(), users.weight().await), ("v1.2.3", 0));
    users.stands("Healthy").await;

    // From the end, without walking the steps once more.
    users.does(6, "next", &["run", "--no-wait", "-i", &image("v1.4.0")]).await;
    users.does(0, "all", &["promote"]).await;
    users.does(0, "undone", &["rollback"]).await;
    users.stands("Healthy").await;
    assert_eq!((users.version().await.as_str(), users.weight().await), ("v1.2.3", 0));
    let log = users.namespace.audit(User::Operator);
    // A Prometheus is looked for elsewhere, too.
    let denied = |e: &audit::Entry| e.code == 403 && e.uri.contains(&format!("/namespaces/{}/", users.namespace.name));
    assert_eq!(audit::lines(&log, denied), "", "the operator's role lacks something");
    let others = |e: &audit::Entry| e.writes() && !["rollouts", "rollouts/status", "configmaps", "leases"].contains(&e.resource.as_str());
    assert_eq!(audit::lines(&log, others), "", "the controller's own objects are its own");
}

/// What somebody began with the plugin is taken back, and about as soon as its own abort does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_begun_with_argos_plugin_is_taken_back() {
    let Some(plane) = ControlPlane::get("what_was_begun_with_argos_plugin_is_taken_back") else { return };
    let users = Users::open(plane, "plugin").await;
    let begin = async |tag: &str| {
        users.plugin(&["set", "image", USERS, &format!("{USERS}={}", image(tag))]).await;
        users.stands("Paused").await;
        assert_eq!(users.weight().await, 20);
    };
    let back = |route: &DynamicObject| weight(route) == 0;
    begin("v6.6.6").await;
    let ours = until(&users.namespace, &[USERS], back, async { drop(users.does(0, "back", &["rollback"]).await) }).await;
    users.stands("Healthy").await;
    assert_eq!(users.version().await, "v1.2.3");

    begin("v6.6.7").await;
    let theirs = until(&users.namespace, &[USERS], back, users.plugin(&["abort", USERS])).await;
    users.stands("Degraded").await;
    println!("until the traffic is back: `kubectl argo rollouts abort` {theirs:?}, `cutover rollback` {ours:?}");
    // Aborted by somebody, it still wants the version that nobody wants.
    users.does(0, "finish", &["rollback"]).await;
    users.stands("Healthy").await;
    assert_eq!(users.version().await, "v1.2.3");
}
