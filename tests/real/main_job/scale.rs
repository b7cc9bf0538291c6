//! More pods for stable, as an on-call gives them: beside a run in another process, and with none.

use cutover::domain::step::Step;
use kube::api::DeleteParams;

use super::{BACKEND, SOON, Shop};
use crate::harness::audit;
use crate::harness::control_plane::{ControlPlane, User};
use crate::harness::deadline::eventually;
use crate::harness::objects;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stable_is_given_more_pods_and_a_run_counts_on_them() {
    let Some(plane) = ControlPlane::get("stable_is_given_more_pods_and_a_run_counts_on_them") else { return };
    let shop = Shop::open(plane, "scale").await;
    let scale = async |name: &str, args: &[&str]| shop.done(User::Operator, name, &[&["scale"], args, &["--yes"]].concat()).await;

    // Its autoscaler owns the replicas; without it they are anybody's.
    let (code, text) = scale("owned", &["backend", "4"]).await;
    let owned = format!("HPA {} owns the replicas of Deployment {}", BACKEND.stable, BACKEND.stable);
    assert!(code == 1 && text.contains(&owned) && text.contains("{\"spec\":{\"minReplicas\":4}}"), "{text}");
    let scalers = objects::api(&shop.namespace.harness().await, &shop.namespace.name, "autoscaling", "v2", "HorizontalPodAutoscaler");
    scalers.delete(BACKEND.stable, &DeleteParams::default()).await.expect("the autoscaler");

    let (code, text) = scale("first", &["backend", "4"]).await;
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("4 of 4 pods ready"), "{text}");
    assert_eq!(shop.runs(BACKEND.stable).await.1, 4);
    assert!(!shop.stored().await.orders.is_empty() && shop.stored().await.is_blank(), "no run was begun");

    let mut driver = shop.run("driver");
    shop.holds(50, &mut driver).await;
    // The routes have it a moment before the run has gone on to its hold, and an order is for what was seen.
    eventually("the hold at a half", SOON, async || match shop.stored().await.step() {
        Some(Step::Hold(_)) => Ok(()),
        other => Err(other.cloned()),
    })
    .await;
    let (code, text) = scale("fewer", &["backend", "1"]).await;
    assert!(code == 1 && text.contains("stable bears 50 % of the traffic, which needs 2 of 4 pods"), "{text}");
    let (code, text) = scale("more", &["backend", "6"]).await;
    assert_eq!(code, 0, "{text}");
    assert_eq!(shop.runs(BACKEND.stable).await.1, 6);
    eventually("what six bear, at three quarters", SOON, async || match shop.runs(BACKEND.canary).await.1 {
        5 => Ok(()),
        other => Err((other, driver.read_out())),
    })
    .await;
    let rollout = shop.stored().await;
    assert!(rollout.drifts.is_empty() && rollout.scalings.is_empty(), "{:?}", rollout.drifts);

    let (code, text) = shop.done(User::Operator, "rollback", &["rollback"]).await;
    assert_eq!(code, 0, "{text}");
    assert_eq!((shop.weights().await, shop.runs(BACKEND.stable).await.1), (vec![0, 0], 6), "a way back leaves them");
    let log = shop.namespace.audit(User::Operator);
    assert_eq!(audit::lines(&log, |e| e.code == 403 && e.uri != super::requests::COUNT), "", "the operator's role lacks something");
    assert_eq!(shop.exporter.lost(), 0, "no request met a side without a ready pod");
}
