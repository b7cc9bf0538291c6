//! A cluster behind HTTP, embedded or real, asked through the product's own cluster side.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use cutover::cluster::{ConnectOptions, connect, traffic};
use cutover::domain::object::{Kind, ObjectRef};
use cutover::domain::observed::Observed;
use cutover::domain::release::Track;
use cutover::driver::core::io::{Call, Reply};
use cutover::driver::shell::{SystemClock, World};
use cutover::driver::world::Kubernetes;
use cutover::journal::Journal;
use cutover::sim::http::{Clock, Options, Server};
use cutover::sim::kernel::{Kernel, resource::NODE};
use cutover::sim::scenario::Nodes;
use kube::Client;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::hand::Hand;
use super::layout::Layout;
use super::objects;
use super::plan::Told;
use super::run::{Side, rest};
use crate::world::OLD;

/// How often a script may wait a moment.
const PATIENCE: u32 = 900;
/// A moment of a real cluster.
const MOMENT: Duration = Duration::from_millis(200);

/// What makes time pass.
enum Time {
    /// We do.
    Embedded {
        server: Server,
        _dir: TempDir,
    },
    Real,
}

pub struct Cluster {
    world: Kubernetes,
    client: Client,
    layout: Layout,
    namespace: String,
    time: Time,
    waited: u32,
}

/// A cluster that takes requests: who other people are in it.
const SOMEBODY: &str = "fieldManager=kubectl-edit";

impl Cluster {
    /// An embedded cluster of its own, with the layout's objects.
    pub async fn embedded(layout: Layout, namespace: &str) -> Result<Cluster, String> {
        let now = "2026-01-01T00:00:00Z".parse().unwrap();
        let mut kernel = Kernel::new(1, now);
        for node in (Nodes { count: 2, ..Nodes::default() }).objects(&now.to_string()) {
            kernel.world.create(&NODE, node, "kubelet").map_err(|e| format!("{e:?}"))?;
        }
        kernel.world.measured.metrics_server = false;
        let options = Options { clock: Clock::LockStep, prometheus: None, ..Options::default() };
        let server = Server::start(kernel, options).await.map_err(|e| e.to_string())?;
        let dir = tempfile::tempdir().unwrap();
        let kubeconfig = dir.path().join("kubeconfig");
        server.write_kubeconfig(&kubeconfig, namespace).map_err(|e| e.to_string())?;
        Cluster::new(layout, namespace, kubeconfig, Time::Embedded { server, _dir: dir }).await
    }

    /// A namespace of its own on a real control plane, with the layout's objects.
    pub async fn real(layout: Layout, namespace: &str, kubeconfig: PathBuf) -> Result<Cluster, String> {
        Cluster::new(layout, namespace, kubeconfig, Time::Real).await
    }

    async fn new(layout: Layout, namespace: &str, kubeconfig: PathBuf, time: Time) -> Result<Cluster, String> {
        let options = ConnectOptions { kubeconfig: Some(kubeconfig), ..ConnectOptions::default() };
        let client = connect(&options).await.map_err(|e| e.to_string())?.unary;
        let world = fresh(&client);
        let mut cluster = Cluster { world, client, layout, namespace: namespace.to_owned(), time, waited: 0 };
        let made = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": namespace } });
        cluster.send("POST", "/api/v1/namespaces", &made).await?;
        if layout != Layout::Bare {
            cluster.lay_out().await?;
        }
        Ok(cluster)
    }

    /// Two revisions of everything.
    async fn lay_out(&mut self) -> Result<(), String> {
        let release = self.layout.release(&self.namespace);
        if self.layout == Layout::Gateway && matches!(self.time, Time::Embedded { .. }) {
            self.create(&objects::gateway(&self.namespace)).await?;
        }
        if self.layout == Layout::Gateway {
            // A share of the route is another's.
            let other = json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": "elsewhere" }, "spec": { "ports": [{ "port": 80 }] } });
            self.create(&other).await?;
        }
        for c in &release.components {
            for object in objects::component(self.layout, &c.name).iter().chain(&objects::route(self.layout, &c.name)) {
                self.create(object).await?;
            }
        }
        if self.layout == Layout::Application {
            self.lay_out_application().await?;
        }
        let told = Told::new(self.layout, release.clone());
        rest(&told, self).await?;
        for name in release.components.iter().flat_map(|c| std::iter::once(&c.stable).chain(&c.candidate)) {
            let ops = json!([{ "op": "replace", "path": "/spec/template/spec/containers/0/image", "value": OLD }]);
            self.patch(&self.object(Kind::Deployment, name), &ops).await?;
        }
        rest(&told, self).await.map(drop)
    }

    async fn lay_out_application(&mut self) -> Result<(), String> {
        if matches!(self.time, Time::Real) {
            // Whoever comes second finds it there.
            let _ = self.send("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", &objects::application_kind()).await;
        }
        while let Err(why) = self.create(&objects::application()).await {
            if !self.pass().await {
                return Err(why);
            }
        }
        self.patch(&self.route("backend")?, &objects::tracked(&self.namespace)).await.map(drop)
    }

    /// Gives back what a script used.
    pub async fn clear(self) {
        let _ = self.send("DELETE", &self.namespace_path(), &Value::Null).await;
    }

    fn namespace_path(&self) -> String {
        format!("/api/v1/namespaces/{}", self.namespace)
    }

    /// Deletes the namespace, and waits until the last of it is gone.
    async fn drop_namespace(&mut self) -> Result<(), String> {
        let path = self.namespace_path();
        self.send("DELETE", &path, &Value::Null).await?;
        while self.send("GET", &path, &Value::Null).await.is_ok() {
            if !self.pass().await {
                return Err("the namespace stays".into());
            }
        }
        Ok(())
    }

    fn object(&self, kind: Kind, name: &str) -> ObjectRef {
        ObjectRef::new(kind, self.namespace.clone(), name)
    }

    async fn create(&self, body: &Value) -> Result<Value, String> {
        let kind = body["kind"].as_str().unwrap_or_default();
        let path = match Kind::ALL.into_iter().find(|k| k.name() == kind) {
            Some(kind) => kind.collection_path(Some(&self.namespace)),
            None => format!("/apis/gateway.networking.k8s.io/v1/namespaces/{}/gateways", self.namespace),
        };
        self.send("POST", &path, body).await
    }

    async fn patch(&self, object: &ObjectRef, body: &Value) -> Result<Value, String> {
        self.send("PATCH", &object.path(), body).await
    }

    async fn delete(&self, object: &ObjectRef) -> Result<(), String> {
        self.send("DELETE", &object.path(), &Value::Null).await.map(drop)
    }

    /// A list is a JSON patch, anything else that is patched a merge patch.
    async fn send(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        let media = match (method, body) {
            ("PATCH", Value::Array(_)) => "application/json-patch+json",
            ("PATCH", _) => "application/merge-patch+json",
            _ => "application/json",
        };
        let query = if method == "DELETE" || method == "GET" { String::new() } else { format!("?{SOMEBODY}") };
        let bytes = if body.is_null() { vec![] } else { body.to_string().into_bytes() };
        let request = http::Request::builder().method(method).uri(format!("{path}{query}")).header("content-type", media).body(bytes);
        self.client.request(request.unwrap()).await.map_err(|e| format!("{method} {path}: {e}"))
    }

    fn deployment(&self, component: &str, track: Track) -> Result<ObjectRef, String> {
        let release = self.layout.release(&self.namespace);
        let declared = release.components.iter().find(|c| c.name == component).ok_or("no such component")?;
        let name = if track == Track::Stable { Some(&declared.stable) } else { declared.candidate.as_ref() };
        Ok(self.object(Kind::Deployment, name.ok_or("it has no candidate")?))
    }

    fn route(&self, component: &str) -> Result<ObjectRef, String> {
        let release = self.layout.release(&self.namespace);
        let declared = release.components.iter().find(|c| c.name == component).ok_or("no such component")?;
        traffic::object(declared, &self.namespace).ok_or_else(|| "there is no route".into())
    }

    /// No gateway runs beside a real API server: we take the route over in its place.
    async fn play_gateway(&self) -> Result<(), String> {
        let path = self.route("backend")?.path();
        let Ok(route) = self.send("GET", &path, &Value::Null).await else { return Ok(()) };
        let generation = &route["metadata"]["generation"];
        if &route["status"]["parents"][0]["conditions"][1]["observedGeneration"] == generation {
            return Ok(());
        }
        let condition = |kind: &str| json!({ "type": kind, "status": "True", "reason": kind, "message": "", "observedGeneration": generation, "lastTransitionTime": "2026-01-01T00:00:00Z" });
        let parent = json!({ "parentRef": { "name": "public" }, "controllerName": "example.com/played", "conditions": [condition("Accepted"), condition("ResolvedRefs")] });
        self.send("PATCH", &format!("{path}/status"), &json!({ "status": { "parents": [parent] } })).await.map(drop)
    }

    async fn act(&mut self, hand: &Hand, component: &str, seen: Option<&Observed>) -> Result<(), String> {
        let touched = json!({ "metadata": { "labels": { "touched": format!("at-{}", self.waited) } } });
        let record = self.object(Kind::ConfigMap, "cutover-shop");
        match hand {
            Hand::Weighs(n) => self.patch(&self.route(component)?, &objects::weighs(self.layout, *n)).await,
            Hand::TouchesRoute => self.patch(&self.route(component)?, &touched).await,
            Hand::DropsRoute => return self.delete(&self.route(component)?).await,
            Hand::MakesRoute => self.create(&objects::route(self.layout, component).ok_or("there is no route")?).await,
            Hand::Neighbours(stands) => {
                // A list of routes is good for seconds; here it is asked anew.
                self.world = fresh(&self.client);
                let body = objects::neighbour(self.layout, component).ok_or("there is no such route")?;
                if *stands {
                    self.create(&body).await
                } else {
                    let kind = self.route(component)?.kind;
                    return self.delete(&self.object(kind, body["metadata"]["name"].as_str().unwrap_or_default())).await;
                }
            }
            Hand::Touches(on) => self.patch(&self.deployment(component, *on)?, &touched).await,
            Hand::Scales(on, n) => self.patch(&self.deployment(component, *on)?, &json!({ "spec": { "replicas": n } })).await,
            Hand::Sets(on, image) => {
                let ops = json!([{ "op": "replace", "path": "/spec/template/spec/containers/0/image", "value": image }]);
                self.patch(&self.deployment(component, *on)?, &ops).await
            }
            Hand::Pauses(on, paused) => self.patch(&self.deployment(component, *on)?, &json!({ "spec": { "paused": paused } })).await,
            Hand::Drops(on) => return self.delete(&self.deployment(component, *on)?).await,
            Hand::Bounds(on, min, max) => self.create(&objects::autoscaler(&self.deployment(component, *on)?.name, *min, *max)).await,
            Hand::Forgets(on, revision) => {
                let workload = seen.and_then(|seen| seen.workload(component, *on)).ok_or("nobody has looked")?;
                let kept = workload.revisions.iter().find(|k| k.revision == *revision).ok_or("it keeps no such revision")?;
                return self.delete(&self.object(Kind::ReplicaSet, &kept.replica_set)).await;
            }
            Hand::DropsRecord => return self.delete(&record).await,
            Hand::DamagesRecord => self.patch(&record, &json!({ "data": { "rollout": "{" } })).await,
            Hand::Switches(on) => {
                let application = self.object(Kind::Application, "shop");
                self.patch(&application, &json!({ "spec": { "syncPolicy": objects::automated(*on) } })).await
            }
            Hand::DropsLease => return self.delete(&self.object(Kind::Lease, "cutover-shop")).await,
            Hand::DropsNamespace => return self.drop_namespace().await,
        }
        .map(drop)
    }
}

/// One that remembers nothing yet.
fn fresh(client: &Client) -> Kubernetes {
    Kubernetes::new(client.clone(), Arc::new(SystemClock::default()), Journal::in_memory())
}

impl Side for Cluster {
    async fn ask(&mut self, call: Call) -> Reply {
        if self.layout == Layout::Application && matches!(call, Call::Observe { .. }) {
            // What Applications say is remembered for seconds; here it is asked anew each time.
            return fresh(&self.client).execute(call).await;
        }
        self.world.execute(call).await
    }

    async fn hand(&mut self, hand: &Hand, component: &str, seen: Option<&Observed>) -> Result<(), String> {
        self.waited += 1;
        self.act(hand, component, seen).await
    }

    async fn pass(&mut self) -> bool {
        self.waited += 1;
        match &self.time {
            Time::Embedded { server, .. } => {
                let now = server.handle().with(|kernel| kernel.ms());
                server.handle().advance_to(now + 1_000);
            }
            Time::Real => {
                if self.layout == Layout::Gateway {
                    let _ = self.play_gateway().await;
                }
                tokio::time::sleep(MOMENT).await;
            }
        }
        self.waited < PATIENCE
    }
}
