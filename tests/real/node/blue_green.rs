//! A blue-green switch through a real Service and kube-proxy: customers ask the Service's address, nothing of the test stands between.

use serde_json::{Value, json};

use super::customers::Customers;
use super::shop::{self, NEW, OLD, RATE, SOON};
use crate::harness::bastion::{Bastion, ended};
use crate::harness::control_plane::User;
use crate::harness::deadline::eventually;
use crate::harness::namespace::TestNamespace;
use crate::harness::node::{Node, on_a_node};
use crate::harness::objects::{self, BACKEND, Component};
use crate::harness::supervised::Supervised;

/// The backend's Deployments are the two colours here.
const COLOURS: Component = BACKEND;

struct Shop {
    namespace: TestNamespace,
    customers: Customers,
    bastion: Bastion,
}

impl Shop {
    /// With how long the colour that served before stays, as the release file says it.
    async fn open(node: &'static Node, prefix: &str, retire: &str) -> Self {
        let namespace = node.plane.namespace(prefix).await;
        shop::image(node, COLOURS, OLD, &[]);
        shop::image(node, COLOURS, NEW, &[]);
        let mut objects = shop::objects(COLOURS, &namespace.name);
        objects.retain(|object| object["kind"] == "Deployment");
        objects.push(service(&namespace.name));
        namespace.apply(&objects).await;
        let client = namespace.harness().await;
        objects::ready(&client, &namespace.name, COLOURS.stable, 3).await;
        objects::ready(&client, &namespace.name, COLOURS.canary, 1).await;
        let service = objects::api(&client, &namespace.name, "", "v1", "Service").get(COLOURS.stable).await.expect("the Service");
        let url = format!("http://{}/", service.data["spec"]["clusterIP"].as_str().expect("an address"));
        eventually("kube-proxy's first answer", SOON, async || reqwest::get(&url).await.map(drop).map_err(|error| format!("{error:?}")))
            .await;
        let customers = Customers::start(&url, &[COLOURS], RATE);
        let bastion = Bastion::new(&release_file(&namespace.name, retire));
        Self { namespace, customers, bastion }
    }

    fn run(&self) -> Supervised {
        self.release(NEW)
    }

    fn release(&self, version: &str) -> Supervised {
        let image = format!("backend={}", COLOURS.image(version));
        self.bastion.cutover(&self.namespace.kubeconfig(User::Operator), "driver", &["run", "--yes", "--image", &image])
    }

    async fn done(&self, command: &str) {
        let (code, text) = self.bastion.done(&self.namespace.kubeconfig(User::Operator), command, &[command]).await;
        assert_eq!(code, 0, "{command}: {text}");
    }

    /// Waits until the last fifty customers were all served by this version; none of the earlier ones may have gone without.
    async fn serves(&self, version: &str, driver: &mut Supervised) {
        eventually(&format!("{version} for everybody"), SOON, async || {
            let answers = self.customers.answers();
            let last: Vec<&str> =
                answers.iter().rev().take(50).map(|answer| answer.came.as_ref().map_or("none", |(version, _)| version)).collect();
            let all = last.len() == 50 && last.iter().all(|seen| *seen == version);
            if all { Ok(()) } else { Err((last.first().map(|seen| (*seen).to_owned()), driver.ended(), driver.read_out())) }
        })
        .await;
        assert_eq!(self.customers.complaints(), Vec::<String>::new(), "a request failed on the way to {version}");
    }

    /// Waits until a colour has no pods, and is asked to have none.
    async fn is_retired(&self, deployment: &str) {
        let client = self.namespace.harness().await;
        eventually(&format!("{deployment} without pods"), SOON, async || {
            let found = objects::api(&client, &self.namespace.name, "apps", "v1", "Deployment").get(deployment).await;
            let found = found.expect("the Deployment").data;
            let gone = found["spec"]["replicas"] == 0 && found["status"].get("replicas").is_none_or(|n| *n == 0);
            if gone { Ok(()) } else { Err(found["status"].to_string()) }
        })
        .await;
    }

    /// Waits until the driver asks for the approval, and gives it.
    async fn approve(&self, driver: &mut Supervised) {
        eventually("an approval that is waited for", SOON, async || {
            let said = driver.read_out();
            if said.contains("approv") { Ok(()) } else { Err((said, driver.ended(), driver.read_err())) }
        })
        .await;
        self.done("approve").await;
    }
}

#[test]
fn a_switch_and_the_way_back_lose_no_request() {
    on_a_node("node::blue_green::a_switch_and_the_way_back_lose_no_request", async |node| {
        let shop = Shop::open(node, "switch", "").await;
        let mut driver = shop.run();
        shop.approve(&mut driver).await;
        shop.serves(NEW, &mut driver).await;
        shop.done("rollback").await;
        let (code, text) = ended(driver).await;
        assert_eq!(code, 3, "rolled back although promotion was asked: {text}");
        let mut driver = shop.run();
        shop.serves(OLD, &mut driver).await;
        shop.approve(&mut driver).await;
        shop.serves(NEW, &mut driver).await;
        let (code, text) = ended(driver).await;
        assert_eq!(code, 0, "{text}");
        assert_eq!(shop.customers.complaints(), Vec::<String>::new());
    });
}

/// The runbooks' `kubectl scale deployment … --replicas=0`, and the next release, which goes the other way round.
#[test]
fn the_old_colour_is_scaled_down_and_the_next_release_goes_onto_it() {
    on_a_node("node::blue_green::the_old_colour_is_scaled_down_and_the_next_release_goes_onto_it", async |node| {
        let shop = Shop::open(node, "retire", ", retire: 3s").await;
        for (version, retired) in [(NEW, COLOURS.stable), (OLD, COLOURS.canary)] {
            let mut driver = shop.release(version);
            shop.approve(&mut driver).await;
            shop.serves(version, &mut driver).await;
            let (code, text) = ended(driver).await;
            assert_eq!(code, 0, "{text}");
            shop.is_retired(retired).await;
        }
        assert_eq!(shop.customers.complaints(), Vec::<String>::new());
    });
}

fn service(namespace: &str) -> Value {
    let labels = json!({ "app": "fusion-electronics", "component": COLOURS.name });
    let selector = json!({ "app": "fusion-electronics", "component": COLOURS.name, "version": "stable" });
    json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": COLOURS.stable, "namespace": namespace, "labels": labels },
        "spec": { "selector": selector, "ports": [{ "name": "http", "port": 80, "targetPort": COLOURS.port }] } })
}

fn release_file(namespace: &str, retire: &str) -> String {
    format!(
        "name: storefront\nnamespace: {namespace}\ncomponents:\n- name: {}\n  stable: {}\n  candidate: {}\n  traffic: {{ service: {{ service: {} }} }}\n\
         strategy:\n  blueGreen: {{ approve: true, hold: 10s{retire} }}\n\
         gates:\n- restarts: {{ atLeast: 2, within: 15m, then: rollback }}\n",
        COLOURS.name, COLOURS.stable, COLOURS.canary, COLOURS.stable
    )
}
