//! The Kubernetes side over HTTP, against the embedded cluster and against servers that misbehave.

use std::path::PathBuf;
use std::time::Duration;

use cutover::cluster::{ConnectOptions, Connection, connect};
use cutover::domain::release::{BlueGreen, Component, Destination, Release, Router, Source, Strategy};
use cutover::domain::time::Millis;
use cutover::sim::http::{Clock, Options, Server};
use cutover::sim::kernel::Kernel;
use cutover::sim::scenario::Scenario;
use serde_json::Value;
use tempfile::TempDir;

mod auto_sync;
mod connecting;
mod ingress;
mod lease;
mod looking;
mod misbehaving;
mod read_only;
mod state;
mod writing;

/// The namespace of the scenarios.
pub const NAMESPACE: &str = "fusion-ecommerce";

/// An embedded cluster in lock-step with a scenario's objects, long enough for its pods to be ready.
pub struct Bench {
    pub server: Server,
    pub dir: TempDir,
}

impl Bench {
    pub async fn of(scenario: &str) -> Bench {
        Bench::with(scenario, Options { clock: Clock::LockStep, ..Options::default() }).await
    }

    pub async fn with(scenario: &str, options: Options) -> Bench {
        let mut kernel = Kernel::new(1, "2026-11-21T03:00:00Z".parse().unwrap());
        Scenario::built_in(scenario).unwrap().install(&mut kernel).unwrap();
        let server = Server::start(kernel, options).await.unwrap();
        server.handle().advance_to(90_000);
        let dir = tempfile::tempdir().unwrap();
        server.write_kubeconfig(&dir.path().join("kubeconfig"), NAMESPACE).unwrap();
        Bench { server, dir }
    }

    /// Lets virtual time pass.
    pub fn pass(&self, time: Duration) {
        let to = self.server.handle().with(|kernel| kernel.ms()) + u64::try_from(time.as_millis()).unwrap();
        self.server.handle().advance_to(to);
    }

    pub fn kubeconfig(&self) -> PathBuf {
        self.dir.path().join("kubeconfig")
    }

    pub async fn connect(&self, read_only: bool) -> Connection {
        let options = ConnectOptions { kubeconfig: Some(self.kubeconfig()), read_only, ..ConnectOptions::default() };
        connect(&options).await.unwrap()
    }

    /// An object as the API shows it.
    pub async fn object(&self, path: &str) -> Value {
        let connection = self.connect(false).await;
        connection.unary.request(http::Request::get(path).body(vec![]).unwrap()).await.unwrap()
    }

    /// Takes a verb on a resource away from everybody.
    pub fn deny(&self, verb: &str, group: &str, resource: &str) {
        let denial = cutover::sim::kernel::world::Denial {
            verb: verb.into(),
            group: group.into(),
            resource: resource.into(),
            namespace: String::new(),
        };
        self.server.handle().with(|kernel| kernel.world.denied.push(denial));
    }
}

/// The path of an object in the scenarios' namespace.
pub fn path(group_version: &str, plural: &str, name: &str) -> String {
    let root = if group_version == "v1" { "/api/v1".to_owned() } else { format!("/apis/{group_version}") };
    format!("{root}/namespaces/{NAMESPACE}/{plural}/{name}")
}

/// The release of scenario `two-components`, nothing left open.
pub fn storefront() -> Release {
    let to = |subset: &str| Destination { host: "fusion-electronics-backend".into(), subset: Some(subset.into()) };
    let component = |name: &str, router| Component {
        name: name.into(),
        stable: format!("fusion-electronics-{name}"),
        candidate: Some(format!("fusion-electronics-{name}-canary")),
        container: None,
        router,
        testers: None,
    };
    let istio =
        Router::Istio { virtual_service: "fusion-electronics-backend".into(), route: None, stable: to("stable"), candidate: to("canary") };
    let gateway = Router::Gateway {
        http_route: "fusion-electronics-frontend".into(),
        rule: None,
        stable: "fusion-electronics-frontend-stable".into(),
        candidate: "fusion-electronics-frontend-canary".into(),
    };
    Release {
        name: "storefront".into(),
        namespace: NAMESPACE.into(),
        components: vec![component("backend", istio), component("frontend", gateway)],
        strategy: Strategy::BlueGreen(BlueGreen { approve: true, hold: Millis::mins(1), retire: None }),
        prometheus: None,
        gates: vec![],
        watch: None,
        keep: Millis::ZERO,
        contacts: vec![],
        production: false,
        source: Source::Discovered,
    }
}
