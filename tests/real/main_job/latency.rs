//! How soon a rollback is on the server: as a command and by a key, beside `kubectl patch` on the same machine in the same
//! minute. `CUTOVER_BINARY` names another build to measure.

use std::path::Path;
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use kube::api::{DynamicObject, Patch, PatchParams, WatchEvent, WatchParams};
use serde_json::{Value, json};

use super::console::at;
use super::{COMPONENTS, Shop};
use crate::harness::audit::{self, Entry};
use crate::harness::bastion::PATIENT;
use crate::harness::control_plane::{ControlPlane, User};
use crate::harness::namespace::TestNamespace;
use crate::harness::objects::{self, BACKEND, Component};

const ROUNDS: usize = 5;
/// How much longer than one patch by hand the command may take that looks first, writes down what it is about to do, and
/// takes two routes back: in a build that is not optimized, on a machine with other things to do.
const MOST: f64 = 4.0;

impl Shop {
    /// Somebody sends a fifth of the traffic to the canaries, by hand.
    async fn divert(&self) {
        let client = self.namespace.harness().await;
        let hand = PatchParams { field_manager: Some("kubectl-patch".into()), ..PatchParams::default() };
        for component in COMPONENTS {
            let deployments = objects::api(&client, &self.namespace.name, "apps", "v1", "Deployment");
            deployments.patch(component.canary, &hand, &Patch::Merge(json!({ "spec": { "replicas": 1 } }))).await.expect("scaled");
            objects::ready(&client, &self.namespace.name, component.canary, 1).await;
            let routes = objects::virtual_services(&client, &self.namespace.name);
            routes
                .patch(component.stable, &hand, &Patch::<Value>::Json(serde_json::from_value(weights(80, 20)).unwrap()))
                .await
                .expect("diverted");
        }
    }

    /// One route, taken back with `kubectl patch`.
    async fn patched_by_hand(&self) -> Duration {
        let (plane, config, patch) = (self.plane, self.namespace.kubeconfig(User::Operator), weights(100, 0).to_string());
        let kubectl = move || {
            plane.kubectl_as(&config, &["patch", "virtualservice", BACKEND.stable, "--type=json", "-p", &patch]).expect("a patch by hand");
        };
        self.until_back(&[BACKEND], kubectl).await
    }

    /// `cutover rollback`, to its end.
    fn rollback(&self, kubeconfig: &Path, round: usize) -> impl FnOnce() + Send + 'static {
        let (bastion, config) = (self.bastion.clone(), kubeconfig.to_owned());
        let name = format!("rollback-{round}");
        move || {
            let mut running = bastion.cutover(&config, &name, &["rollback"]);
            let code = running.wait(PATIENT);
            assert_eq!(code, 0, "{}{}", running.read_out(), running.read_err());
        }
    }

    /// From the start of a command to the moment that these routes are back on stable.
    async fn until_back(&self, components: &[Component], command: impl FnOnce() + Send + 'static) -> Duration {
        let names: Vec<&str> = components.iter().map(|c| c.stable).collect();
        until(&self.namespace, &names, is_back, async { tokio::task::spawn_blocking(command).await.expect("the command ends") }).await
    }
}

/// From the start of a command to the moment that all of these VirtualServices are as wanted, as one watch sees it.
pub(super) async fn until(
    namespace: &TestNamespace,
    names: &[&str],
    wanted: fn(&DynamicObject) -> bool,
    command: impl Future<Output = ()>,
) -> Duration {
    let client = namespace.harness().await;
    let routes = objects::virtual_services(&client, &namespace.name);
    let version = routes.list(&Default::default()).await.expect("routes").metadata.resource_version.expect("a version");
    let mut events = routes.watch(&WatchParams::default(), &version).await.expect("a watch").boxed();
    let began = Instant::now();
    let mut left = names.to_vec();
    let all = async {
        while let Some(Ok(event)) = events.next().await {
            if let WatchEvent::Modified(route) = event
                && wanted(&route)
            {
                left.retain(|name| Some(*name) != route.metadata.name.as_deref());
            }
            if left.is_empty() {
                return began.elapsed();
            }
        }
        panic!("the watch ended");
    };
    let (took, ()) = tokio::join!(tokio::time::timeout(PATIENT, all), command);
    took.expect("the routes are back")
}

fn weights(stable: u32, candidate: u32) -> Value {
    let set = |n: usize, to: u32| json!({ "op": "replace", "path": format!("/spec/http/1/route/{n}/weight"), "value": to });
    json!([set(0, stable), set(1, candidate)])
}

fn is_back(route: &DynamicObject) -> bool {
    route.data["spec"]["http"][1]["route"][1]["weight"].as_u64() == Some(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rollback_is_on_the_server_about_as_soon_as_a_patch_by_hand() {
    let Some(plane) = ControlPlane::get("a_rollback_is_on_the_server_about_as_soon_as_a_patch_by_hand") else { return };
    let shop = Shop::open(plane, "latency").await;
    let kubeconfig = shop.namespace.kubeconfig(User::Operator);
    let (mut by_hand, mut ours) = (vec![], vec![]);
    for round in 0..ROUNDS {
        shop.divert().await;
        by_hand.push(shop.patched_by_hand().await);
        shop.divert().await;
        let before = shop.namespace.audit(User::Operator).len();
        ours.push(shop.until_back(&COMPONENTS, shop.rollback(&kubeconfig, round)).await);
        let asked = shop.namespace.audit(User::Operator).split_off(before);
        println!("round {round}, what was asked:\n{}", audit::timeline(&asked, writes_a_route));
    }
    let (by_hand, ours) = (fastest(&by_hand), fastest(&ours));
    println!("until the routes are back: `kubectl patch` of one {by_hand:?}, `cutover rollback` of two that no run is about {ours:?}");
    assert!(ours.as_secs_f64() <= by_hand.as_secs_f64() * MOST, "{ours:?} where a patch by hand takes {by_hand:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_whose_driver_was_killed_is_taken_back_about_as_soon_as_a_patch_by_hand() {
    let Some(plane) = ControlPlane::get("a_run_whose_driver_was_killed_is_taken_back_about_as_soon_as_a_patch_by_hand") else { return };
    let shop = Shop::open(plane, "killed").await;
    let kubeconfig = shop.namespace.kubeconfig(User::Operator);
    let mut driver = shop.run("driver");
    shop.holds(25, &mut driver).await;
    driver.kill();
    let before = shop.namespace.audit(User::Operator).len();
    let ours = shop.until_back(&COMPONENTS, shop.rollback(&kubeconfig, 0)).await;
    let asked = shop.namespace.audit(User::Operator).split_off(before);
    let mut by_hand = vec![];
    for _ in 0..ROUNDS {
        shop.divert().await;
        by_hand.push(shop.patched_by_hand().await);
    }
    let by_hand = fastest(&by_hand);
    println!("what was asked:\n{}", audit::timeline(&asked, writes_a_route));
    println!("until the routes are back: `kubectl patch` of one {by_hand:?}, `cutover rollback` of two that are under way {ours:?}");
    assert!(ours.as_secs_f64() <= by_hand.as_secs_f64() * MOST, "{ours:?} where a patch by hand takes {by_hand:?}");
}

fn writes_a_route(entry: &Entry) -> bool {
    entry.writes() && entry.resource == "virtualservices"
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_in_the_console_is_on_the_server_about_as_soon_as_a_patch_by_hand() {
    let Some(plane) = ControlPlane::get("a_key_in_the_console_is_on_the_server_about_as_soon_as_a_patch_by_hand") else { return };
    let shop = Shop::open(plane, "key").await;
    let mut by_hand = vec![];
    for _ in 0..ROUNDS {
        shop.divert().await;
        by_hand.push(shop.patched_by_hand().await);
    }
    // Once only: what is sent to the canaries after a rollback is taken back by itself.
    shop.divert().await;
    let (terminal, ()) = at(shop.console(User::Operator, &[]), |terminal| {
        terminal.see("storefront");
        terminal.press_until("\r", "4 Pods");
        terminal.until("the release as it is", |s| s.has("data live") && s.has("20/20"));
        terminal.press("\x12");
        terminal.see("y roll back now");
        // A dialog takes no answer in its first 300 ms.
        std::thread::sleep(Duration::from_millis(500));
    })
    .await;
    let key = move || {
        terminal.press("y");
        terminal.see("is back on stable");
    };
    let (by_hand, ours) = (fastest(&by_hand), shop.until_back(&COMPONENTS, key).await);
    println!("until the routes are back: `kubectl patch` of one {by_hand:?}, the key in the console of two {ours:?}");
    assert!(ours.as_secs_f64() <= by_hand.as_secs_f64() * MOST, "{ours:?} where a patch by hand takes {by_hand:?}");
}

fn fastest(times: &[Duration]) -> Duration {
    *times.iter().min().expect("rounds")
}
