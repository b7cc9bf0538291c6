//! The main job with the real binary, on real servers: the first runbook's frontend and backend, walked, killed, taken back.

mod auto_sync;
mod churn;
mod console;
mod in_place;
mod latency;
mod read_only;
mod requests;
mod rollouts;
mod scale;
mod versions;
mod walk;

use std::time::Duration;

use cutover::cluster::state;
use cutover::domain::rollout::Rollout;

use crate::harness::bastion::{Bastion, PATIENT};
use crate::harness::control_plane::{ControlPlane, User};
use crate::harness::deadline::eventually;
use crate::harness::exporter::Exporter;
use crate::harness::namespace::TestNamespace;
use crate::harness::objects::{self, BACKEND, COMPONENTS, Component};
use crate::harness::prometheus::Prometheus;
use crate::harness::supervised::Supervised;

/// What stands before the rollout, and what it brings.
const OLD: &str = "v1.1.0";
const NEW: &str = "v1.2.0";
/// For a thing that follows by itself on a busy machine.
const SOON: Duration = Duration::from_secs(90);

/// The shop with traffic on it, and a bastion to work from.
struct Shop {
    plane: &'static ControlPlane,
    namespace: TestNamespace,
    exporter: Exporter,
    /// Scrapes the exporter until it is dropped.
    _prometheus: Prometheus,
    bastion: Bastion,
    /// Where the API server is reached from there.
    port: u16,
}

impl Shop {
    /// The shop, with steps of which each is held for a few seconds. Nothing of it was ever driven by `cutover`.
    async fn open(plane: &'static ControlPlane, prefix: &str) -> Self {
        let namespace = plane.namespace(prefix).await;
        objects::deploy(&namespace, OLD, 1).await;
        let exporter = Exporter::start(&namespace, 200).await;
        let prometheus = Prometheus::start(plane.assets(), &[exporter.port], Duration::from_secs(1)).await;
        let bastion = Bastion::new(&release_file(&namespace.name, &prometheus.url));
        Self { plane, namespace, exporter, _prometheus: prometheus, bastion, port: plane.port() }
    }

    /// Starts `cutover` on the bastion. `name` names what it prints.
    fn cutover(&self, user: User, name: &str, args: &[&str]) -> Supervised {
        self.bastion.cutover(&self.namespace.kubeconfig_through(user, self.port), name, args)
    }

    fn environment(&self, user: User) -> Vec<(&'static str, String)> {
        self.bastion.environment(&self.namespace.kubeconfig_through(user, self.port))
    }

    /// Carries a command to its end: exit code, and both outputs as one text.
    async fn done(&self, user: User, name: &str, args: &[&str]) -> (i32, String) {
        self.bastion.done(&self.namespace.kubeconfig_through(user, self.port), name, args).await
    }

    /// `cutover run` to the new images.
    fn run(&self, name: &str) -> Supervised {
        let images: Vec<String> = COMPONENTS.iter().map(|c| format!("{}={}", c.name, c.image(NEW))).collect();
        let mut args = vec!["run", "--yes"];
        for image in &images {
            args.extend(["--image", image]);
        }
        self.cutover(User::Operator, name, &args)
    }

    /// Candidate weights of both components, as the API server has them.
    async fn weights(&self) -> Vec<u64> {
        let client = self.namespace.harness().await;
        let mut weights = Vec::new();
        for component in COMPONENTS {
            let (stable, candidate) = objects::weights(&client, &self.namespace.name, component).await.expect("the route");
            assert_eq!(stable + candidate, 100, "{}: the pair's sum never changes", component.name);
            weights.push(candidate);
        }
        weights
    }

    /// Waits until both routes hold the weight.
    async fn holds(&self, percent: u64, driver: &mut Supervised) {
        eventually(&format!("{percent} % on both routes"), PATIENT, async || {
            if let Some(code) = driver.ended() {
                panic!("the driver ended with {code} before {percent} %:\n{}{}", driver.read_out(), driver.read_err());
            }
            let weights = self.weights().await;
            if weights == [percent, percent] { Ok(()) } else { Err((weights, driver.read_out())) }
        })
        .await;
    }

    /// The stored state.
    async fn stored(&self) -> Rollout {
        let client = self.namespace.harness().await;
        let stored = state::load(&client, &self.namespace.name, "storefront").await.expect("a state that can be read");
        std::sync::Arc::unwrap_or_clone(stored.and_then(|s| s.rollout).expect("a stored run"))
    }

    /// Image and replicas of a Deployment.
    async fn runs(&self, deployment: &str) -> (String, u64) {
        let api = objects::api(&self.namespace.harness().await, &self.namespace.name, "apps", "v1", "Deployment");
        let object = api.get(deployment).await.expect("the Deployment");
        let image = object.data["spec"]["template"]["spec"]["containers"][0]["image"].as_str().unwrap_or_default().to_owned();
        (image, object.data["spec"]["replicas"].as_u64().unwrap_or_default())
    }

    /// Whether stable is as it was before anything began.
    async fn assert_is_back(&self) {
        assert_eq!(self.weights().await, [0, 0]);
        for component in COMPONENTS {
            assert_eq!(self.runs(component.stable).await, (component.image(OLD), 3));
        }
        let rollout = self.stored().await;
        assert!(rollout.is_over() && rollout.is_back(), "{:?}", rollout.phase);
    }

    /// Share of the component's requests that its canary answered since `before`, and how many there were.
    fn split(&self, component: Component, before: (u64, u64)) -> (f64, u64) {
        let (stable, canary) = self.served(component);
        let (stable, canary) = (stable - before.0, canary - before.1);
        (canary as f64 / (stable + canary).max(1) as f64, stable + canary)
    }

    fn served(&self, component: Component) -> (u64, u64) {
        (self.exporter.served(component, "stable"), self.exporter.served(component, "canary"))
    }
}

/// Frontend and backend, 10 to 100 in the runbook's steps, the holds cut to seconds.
fn release_file(namespace: &str, prometheus: &str) -> String {
    let component = |c: &Component| {
        format!(
            "- name: {}\n  stable: {}\n  candidate: {}\n  traffic: {{ istio: {{ virtualService: {} }} }}\n",
            c.name, c.stable, c.canary, c.stable
        )
    };
    let components: String = COMPONENTS.iter().map(component).collect();
    format!(
        "name: storefront\nnamespace: {namespace}\ncomponents:\n{components}\
         strategy:\n  canary:\n    steps: [ {{weight: 10, hold: 4s}}, {{weight: 25, hold: 4s}}, {{weight: 50, hold: 15s}}, {{weight: 75, hold: 4s}}, {{weight: 100}}, approve ]\n\
         prometheus: {{ url: \"{prometheus}\", interval: 1s }}\n\
         gates:\n- errors: {{ above: 5%, for: 10s, then: rollback, minRequests: 20 }}\n- latency: {{ quantile: 0.95, above: 500ms, for: 10s, then: rollback, minRequests: 20 }}\n"
    )
}
