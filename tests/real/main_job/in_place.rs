//! Releases without a router's object: one Deployment that rolls, pods that are the weight themselves, annotations of an Ingress.

use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use super::{NEW, OLD, SOON};
use crate::harness::audit::{self, Entry};
use crate::harness::bastion::{Bastion, ended};
use crate::harness::control_plane::{ControlPlane, User};
use crate::harness::deadline::eventually;
use crate::harness::namespace::TestNamespace;
use crate::harness::objects;
use crate::harness::supervised::Supervised;

const WEB: &str = "web";
const CANARY: &str = "web-canary";
/// What stands before the slash of an annotation that ingress-nginx reads.
const NGINX: &str = "nginx.ingress.kubernetes.io";
/// Annotations of somebody else's.
const ON_CALL: &str = "shop.example/on-call";
const TEAM: &str = "shop.example/team";
/// What a release notes on an object beside what it changes there, and what Kubernetes counts.
const MARKS: [&str; 3] = ["cutover.dev/stamp", "kubernetes.io/change-cause", "deployment.kubernetes.io/revision"];

fn image(version: &str) -> String {
    format!("registry.io/shop/{WEB}:{version}")
}

fn labels(track: &str) -> Value {
    json!({ "app": WEB, "track": track })
}

fn deployment(name: &str, track: &str, replicas: u32) -> Value {
    let container = json!({ "name": WEB, "image": image(OLD), "ports": [{ "containerPort": 3000 }] });
    let update = json!({ "type": "RollingUpdate", "rollingUpdate": { "maxSurge": 1, "maxUnavailable": 0 } });
    let template = json!({ "metadata": { "labels": labels(track) }, "spec": { "containers": [container] } });
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "name": name, "annotations": { ON_CALL: "ada", TEAM: "checkout" } },
        "spec": { "replicas": replicas, "strategy": update, "selector": { "matchLabels": labels(track) }, "template": template },
    })
}

fn service(name: &str, selector: &Value) -> Value {
    let ports = json!([{ "port": 80, "targetPort": 3000 }]);
    json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": name }, "spec": { "selector": selector, "ports": ports } })
}

/// An Ingress that sends everything to the Service of its name.
fn ingress(name: &str, annotations: &Value) -> Value {
    let path = json!({ "path": "/", "pathType": "Prefix", "backend": { "service": { "name": name, "port": { "number": 80 } } } });
    let spec = json!({ "ingressClassName": "nginx", "rules": [{ "host": "shop.example", "http": { "paths": [path] } }] });
    json!({ "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": { "name": name, "annotations": annotations }, "spec": spec })
}

fn release(component: &str, strategy: &str) -> String {
    format!("name: {WEB}\ncomponents: [{{ name: {WEB}, stable: {WEB}{component} }}]\nstrategy: {{ {strategy} }}\ngates: []\n")
}

/// Objects in a namespace of their own, and where an operator works on them.
struct Desk {
    namespace: TestNamespace,
    bastion: Bastion,
}

impl Desk {
    /// With pods of stable, and none of a candidate.
    async fn open(plane: &'static ControlPlane, prefix: &str, release: &str, mut objects: Vec<Value>) -> Desk {
        let namespace = plane.namespace(prefix).await;
        for object in &mut objects {
            object["metadata"]["namespace"] = json!(namespace.name);
        }
        namespace.apply(&objects).await;
        let desk = Desk { bastion: Bastion::new(release), namespace };
        for object in objects.iter().filter(|o| o["kind"] == "Deployment") {
            let replicas = object["spec"]["replicas"].as_u64().and_then(|n| u32::try_from(n).ok()).expect("replicas");
            desk.has(object["metadata"]["name"].as_str().expect("a name"), replicas).await;
        }
        desk
    }

    /// An object of one of the kinds here, as the API server has it.
    async fn get(&self, kind: &str, name: &str) -> Value {
        let group = if kind == "Ingress" { "networking.k8s.io" } else { "apps" };
        let api = objects::api(&self.namespace.harness().await, &self.namespace.name, group, "v1", kind);
        serde_json::to_value(api.get(name).await.expect("the object")).expect("an object is JSON")
    }

    /// The newest version that the Deployment has pods of.
    async fn version(&self, deployment: &str) -> String {
        let object = self.get("Deployment", deployment).await;
        let image = object["spec"]["template"]["spec"]["containers"][0]["image"].as_str().expect("an image").to_owned();
        image.rsplit(':').next().expect("a tag").to_owned()
    }

    /// Waits until the Deployment wants so many pods, and they are ready and all of its newest version.
    async fn has(&self, deployment: &str, pods: u32) {
        objects::ready(&self.namespace.harness().await, &self.namespace.name, deployment, pods).await;
    }

    /// The same of stable and candidate.
    async fn split(&self, [stable, candidate]: [u32; 2]) {
        self.has(WEB, stable).await;
        self.has(CANARY, candidate).await;
    }

    fn cutover(&self, name: &str, args: &[&str]) -> Supervised {
        self.bastion.cutover(&self.namespace.kubeconfig(User::Operator), name, &[&["--yes"], args].concat())
    }

    /// A command that has to end with a code.
    async fn does(&self, code: i32, name: &str, args: &[&str]) -> String {
        let (ended, text) = ended(self.cutover(name, args)).await;
        assert_eq!(ended, code, "{name}: {text}");
        text
    }

    /// An object's annotations but those that only tell who wrote it last, and when.
    async fn annotations(&self, kind: &str, name: &str) -> Value {
        let mut annotations = self.get(kind, name).await["metadata"]["annotations"].take();
        annotations.as_object_mut().expect("annotations").retain(|key, _| !MARKS.contains(&key.as_str()));
        annotations
    }

    fn log(&self) -> Vec<Entry> {
        self.namespace.audit(User::Operator)
    }

    /// The operator's role was enough, and besides the run itself only these were written.
    fn needed_no_more_than(&self, written: &[&str]) {
        let log = self.log();
        // A Prometheus is looked for elsewhere, too.
        let denied = |e: &Entry| e.code == 403 && e.uri.contains(&format!("/namespaces/{}/", self.namespace.name));
        assert_eq!(audit::lines(&log, denied), "", "the operator's role lacks something");
        let others = |e: &Entry| e.writes() && ![&["configmaps", "leases"], written].concat().contains(&e.resource.as_str());
        assert_eq!(audit::lines(&log, others), "", "written although no part of the release");
    }
}

/// A Deployment of which a person sees the pods change one by one: each has to have been ready for some seconds.
fn gradual(name: &str, replicas: u32) -> Value {
    let mut object = deployment(name, "stable", replicas);
    object["spec"]["minReadySeconds"] = json!(5);
    object
}

impl Desk {
    /// Waits until the Deployment is paused, or is not, with so many pods of the newest version.
    async fn rolls(&self, paused: bool, pods: std::ops::Range<u64>) {
        eventually(&format!("paused {paused}, {pods:?} pods updated"), SOON, async || {
            let object = self.get("Deployment", WEB).await;
            let updated = object["status"]["updatedReplicas"].as_u64().unwrap_or_default();
            let stands = object["spec"]["paused"].as_bool().unwrap_or_default();
            if stands == paused && pods.contains(&updated) { Ok(()) } else { Err((stands, object["status"].to_string())) }
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deployment_that_rolls_is_paused_goes_on_and_is_undone() {
    let Some(plane) = ControlPlane::get("a_deployment_that_rolls_is_paused_goes_on_and_is_undone") else { return };
    let objects = vec![gradual(WEB, 4), service(WEB, &labels("stable"))];
    let desk = Desk::open(plane, "rolling", &release("", "rolling: {}"), objects).await;
    let before = desk.get("Deployment", WEB).await["spec"].take();

    let driver = desk.cutover("driver", &["run", "-i", &image(NEW)]);
    desk.rolls(false, 2..4).await;
    desk.does(0, "pause", &["pause"]).await;
    desk.rolls(true, 2..4).await;
    let told = desk.does(0, "status", &["status"]).await;
    assert!(told.contains("paused"), "{told}");
    desk.does(0, "resume", &["resume"]).await;
    let (code, text) = ended(driver).await;
    assert_eq!(code, 0, "{text}");
    desk.has(WEB, 4).await;
    assert_eq!(desk.version(WEB).await, NEW);

    // The ReplicaSet that keeps the old version keeps its annotations, too; `kubectl rollout undo` would bring them back.
    let deployments = objects::api(&desk.namespace.harness().await, &desk.namespace.name, "apps", "v1", "Deployment");
    let change = Patch::Merge(json!({ "metadata": { "annotations": { ON_CALL: "grace" } } }));
    deployments.patch(WEB, &PatchParams::default(), &change).await.expect("an annotation");
    desk.does(0, "undo", &["undo"]).await;
    desk.has(WEB, 4).await;
    assert_eq!(desk.get("Deployment", WEB).await["spec"], before, "the former version, and nothing else is another");
    assert_eq!(desk.annotations("Deployment", WEB).await, json!({ ON_CALL: "grace", TEAM: "checkout" }));
    desk.needed_no_more_than(&["deployments"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deployment_that_rolls_stands_still_at_its_share_until_that_is_approved() {
    let Some(plane) = ControlPlane::get("a_deployment_that_rolls_stands_still_at_its_share_until_that_is_approved") else { return };
    let quarter = release("", "rolling: { steps: [{ weight: 25 }, { approve: first pod }, { weight: 100 }] }");
    let desk = Desk::open(plane, "share", &quarter, vec![gradual(WEB, 4), service(WEB, &labels("stable"))]).await;

    desk.does(6, "run", &["run", "--no-wait", "--timeout", "60s", "-i", &image(NEW)]).await;
    // Nobody drives now, and Kubernetes alone would go on.
    desk.rolls(true, 1..2).await;
    let written = audit::lines(&desk.log(), |e| e.writes() && e.resource == "deployments");
    assert_eq!(written.lines().count(), 2, "the image, and the stop:\n{written}");
    desk.does(0, "approve", &["approve"]).await;
    desk.has(WEB, 4).await;
    assert_eq!(desk.version(WEB).await, NEW);
    desk.needed_no_more_than(&["deployments"]);
}

/// How many pods each side was told to have, write by write, from what it began with.
fn told(log: &[Entry], mut pods: [u64; 2]) -> Vec<[u64; 2]> {
    let mut all = Vec::new();
    for entry in log.iter().filter(|e| e.writes() && e.code < 300 && e.resource.starts_with("deployments")) {
        let replicas = entry.body.as_array().into_iter().flatten().find(|op| op["path"] == "/spec/replicas" && op["op"] != "test");
        if let Some(wanted) = replicas.and_then(|op| op["value"].as_u64()) {
            pods[usize::from(entry.name == CANARY)] = wanted;
            all.push(pods);
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pods_that_are_the_weight_are_walked_and_taken_back() {
    let Some(plane) = ControlPlane::get("pods_that_are_the_weight_are_walked_and_taken_back") else { return };
    let steps = "canary: { steps: [{ weight: 30 }, { approve: some }, { weight: 50 }, { approve: half }, { weight: 100 }] }";
    let ratio = release(&format!(", candidate: {CANARY}, traffic: {{ replicas: {{}} }}"), steps);
    let both = json!({ "app": WEB });
    let objects = vec![deployment(WEB, "stable", 5), deployment(CANARY, "canary", 0), service(WEB, &both)];
    let desk = Desk::open(plane, "ratio", &ratio, objects).await;

    // 1.5 of five pods are two, 2.5 are three.
    desk.does(6, "run", &["run", "--no-wait", "-i", &image(NEW)]).await;
    desk.split([3, 2]).await;
    desk.does(0, "approve", &["approve"]).await;
    desk.does(6, "there", &["run", "--no-wait"]).await;
    desk.split([2, 3]).await;
    assert_eq!((desk.version(WEB).await.as_str(), desk.version(CANARY).await.as_str()), (OLD, NEW));
    // The side that grows comes first: nobody serves with fewer pods than before.
    assert_eq!(told(&desk.log(), [5, 0]), [[5, 2], [3, 2], [3, 3], [2, 3]]);

    desk.does(0, "rollback", &["rollback"]).await;
    desk.split([5, 0]).await;
    assert_eq!(desk.version(WEB).await, OLD);
    desk.needed_no_more_than(&["deployments"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn canary_annotations_are_stepped_and_taken_back_and_others_stay() {
    let Some(plane) = ControlPlane::get("canary_annotations_are_stepped_and_taken_back_and_others_stay") else { return };
    let steps = "canary: { steps: [{ weight: 25 }, { approve: quarter }, { weight: 75 }, { approve: most }, { weight: 100 }] }";
    let annotated = release(&format!(", candidate: {CANARY}, traffic: {{ nginx: {{ ingress: {CANARY} }} }}"), steps);
    let body_size = format!("{NGINX}/proxy-body-size");
    let at = |weight: &str| {
        let (canary, key) = (format!("{NGINX}/canary"), format!("{NGINX}/canary-weight"));
        json!({ canary: "true", key: weight, &body_size: "8m", TEAM: "checkout" })
    };
    let main = ingress(WEB, &json!({ &body_size: "8m", TEAM: "checkout" }));
    let pods = [deployment(WEB, "stable", 4), deployment(CANARY, "canary", 0)];
    let services = [service(WEB, &labels("stable")), service(CANARY, &labels("canary"))];
    let objects = pods.into_iter().chain(services).chain([main, ingress(CANARY, &at("0"))]).collect();
    let desk = Desk::open(plane, "annotated", &annotated, objects).await;
    let annotations = async || desk.annotations("Ingress", CANARY).await;
    let (untouched, spec) = (desk.get("Ingress", WEB).await, desk.get("Ingress", CANARY).await["spec"].take());

    desk.does(6, "run", &["run", "--no-wait", "-i", &image(NEW)]).await;
    assert_eq!(annotations().await, at("25"));
    desk.split([4, 1]).await;
    desk.does(0, "approve", &["approve"]).await;
    assert_eq!(annotations().await, at("75"));
    desk.split([4, 3]).await;
    assert_eq!((desk.version(WEB).await.as_str(), desk.version(CANARY).await.as_str()), (OLD, NEW));
    desk.does(0, "back", &["step", "--back"]).await;
    assert_eq!(annotations().await, at("25"));

    desk.does(0, "rollback", &["rollback"]).await;
    assert_eq!(annotations().await, at("0"));
    assert_eq!(desk.get("Ingress", CANARY).await["spec"], spec);
    assert_eq!(desk.get("Ingress", WEB).await, untouched, "nobody wrote to the main Ingress");
    desk.has(WEB, 4).await;
    assert_eq!(desk.version(WEB).await, OLD);
    desk.needed_no_more_than(&["deployments", "ingresses"]);
}
