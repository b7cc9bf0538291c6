//! The first runbook's frontend and backend as containers, with customers, a gateway, a Prometheus that finds the pods, and an operator.

mod objects;

use std::time::{Duration, Instant};

use serde_json::Value;

use super::customers::Customers;
use super::gateway::Gateway;
use crate::harness::bastion::Bastion;
use crate::harness::control_plane::User;
use crate::harness::deadline::eventually;
use crate::harness::namespace::TestNamespace;
use crate::harness::node::Node;
use crate::harness::node::image::Image;
use crate::harness::objects::{COMPONENTS, Component, ready};
use crate::harness::prometheus::Prometheus;
use crate::harness::supervised::Supervised;
pub use objects::{of as objects, percent};

/// What stands before the rollout.
pub const OLD: &str = "v1.1.0";
/// What it brings.
pub const NEW: &str = "v1.2.0";
/// Requests a second to each component: what a machine of two cores carries beside everything else.
pub const RATE: u32 = 60;
/// For a thing that follows by itself on a busy machine.
pub const SOON: Duration = Duration::from_secs(90);
/// For a step: its own hold, and the guards before it.
const STEP: Duration = Duration::from_secs(180);

/// Requests that a split is judged by at least.
const FEW: u64 = 100;

/// Customers stay until it is dropped.
pub struct Shop {
    pub namespace: TestNamespace,
    pub gateway: Gateway,
    pub customers: Customers,
    pub prometheus: Prometheus,
    bastion: Bastion,
}

/// Makes the image of a version, behaving as the variables say.
pub fn image(node: &Node, component: Component, version: &str, behaviour: &[&str]) {
    let mut env = vec![format!("SHOP_VERSION={version}"), format!("SHOP_LISTEN=:{}", component.port)];
    env.extend(behaviour.iter().map(|&variable| variable.to_owned()));
    node.load(&Image { name: component.image(version), args: vec![], env }).expect("an image");
}

impl Shop {
    /// Both components at the old version and the images of both, and everybody at work.
    pub async fn open(node: &'static Node, prefix: &str) -> Self {
        let namespace = node.plane.namespace(prefix).await;
        for component in COMPONENTS {
            image(node, component, OLD, &[]);
            image(node, component, NEW, &[]);
        }
        let all: Vec<Value> = COMPONENTS.into_iter().flat_map(|component| self::objects(component, &namespace.name)).collect();
        namespace.apply(&all).await;
        let client = namespace.harness().await;
        for component in COMPONENTS {
            ready(&client, &namespace.name, component.stable, 3).await;
            ready(&client, &namespace.name, component.canary, 1).await;
        }
        let kubeconfig = node.plane.kubeconfig("prometheus", "default", node.plane.port());
        let prometheus = Prometheus::discovering(node.plane.assets(), &kubeconfig, &namespace.name, Duration::from_secs(1)).await;
        let gateway = Gateway::start(&namespace).await;
        eventually("a gateway that knows both routes", SOON, async || {
            let known = COMPONENTS.map(|component| gateway.percent(component));
            if known == [Some(0), Some(0)] { Ok(()) } else { Err(known) }
        })
        .await;
        let customers = Customers::start(&format!("http://127.0.0.1:{}/", gateway.port), &COMPONENTS, RATE);
        let bastion = Bastion::new(&objects::release_file(&namespace.name, &prometheus.url));
        Self { namespace, gateway, customers, prometheus, bastion }
    }

    /// Starts `cutover` as the operator. `name` names what it prints.
    pub fn cutover(&self, name: &str, args: &[&str]) -> Supervised {
        self.bastion.cutover(&self.namespace.kubeconfig(User::Operator), name, args)
    }

    /// Carries a command to its end: exit code, and both outputs as one text.
    pub async fn done(&self, name: &str, args: &[&str]) -> (i32, String) {
        self.bastion.done(&self.namespace.kubeconfig(User::Operator), name, args).await
    }

    /// `cutover run` to the images of this version.
    pub fn run(&self, version: &str) -> Supervised {
        let images: Vec<String> = COMPONENTS.iter().map(|c| format!("{}={}", c.name, c.image(version))).collect();
        let mut args = vec!["run", "--yes"];
        for image in &images {
            args.extend(["--image", image]);
        }
        self.cutover("driver", &args)
    }

    /// The canary's percentages in both routes, as the API server has them.
    pub async fn weights(&self) -> [u64; 2] {
        let client = self.namespace.harness().await;
        let mut weights = [0; 2];
        for (weight, component) in weights.iter_mut().zip(COMPONENTS) {
            *weight = percent(&client, &self.namespace.name, component).await;
        }
        weights
    }

    /// Waits until both routes hold the weight and the gateway goes by it.
    pub async fn holds(&self, percent: u64, driver: &mut Supervised) {
        eventually(&format!("{percent} % on both routes"), STEP, async || {
            if let Some(code) = driver.ended() {
                panic!("the driver ended with {code} before {percent} %:\n{}{}", driver.read_out(), driver.read_err());
            }
            let weights = self.weights().await;
            let sent = COMPONENTS.map(|component| self.gateway.percent(component));
            if weights == [percent; 2] && sent == [Some(percent); 2] { Ok(()) } else { Err((weights, sent, driver.read_out())) }
        })
        .await;
    }

    /// Counts answers of both components while both routes hold the weight from the first to the last of them: so many of each, or on a slow machine
    /// as many as there were before the step was over.
    pub async fn sample(&self, percent: u64, wanted: u64) -> [(u64, u64); 2] {
        let (from, mut before) = (Instant::now(), [(0, 0); 2]);
        eventually(&format!("{wanted} answers of each component at {percent} %"), STEP, async || {
            let to = Instant::now();
            let counts = COMPONENTS.map(|component| self.customers.split(component, from, to));
            if self.weights().await != [percent; 2] {
                assert!(before.iter().all(|(all, _)| *all >= FEW), "the step was over before {FEW} requests of each: {before:?}");
                return Ok(before);
            }
            before = counts;
            if counts.iter().all(|(all, _)| *all >= wanted) { Ok(counts) } else { Err(counts) }
        })
        .await
    }
}

/// Whether so many hits of so many requests are what chance makes of a weight: four and a half standard deviations, which one sample in 150,000 exceeds.
pub fn assert_binomial(what: &str, percent: f64, (all, hits): (u64, u64)) {
    let (share, expected) = (hits as f64 / all as f64, percent / 100.0);
    let deviation = (expected * (1.0 - expected) / all as f64).sqrt();
    assert!((share - expected).abs() <= 4.5 * deviation, "{what}: {hits} of {all} requests are {share:.4}; expected was {expected}");
}
