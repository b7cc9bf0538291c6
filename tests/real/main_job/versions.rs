//! The main job on older API servers: the console's first screen, a walk, a rollback, a promotion, an undo.

use super::console::walked_and_taken_back;
use super::walk::promoted_and_undone;
use super::{COMPONENTS, OLD, Shop};
use crate::harness::control_plane::{ControlPlane, Version};

/// The same bodies as on the newest one.
async fn main_job(version: Version, test: &str) {
    let Some(plane) = ControlPlane::of(version, test) else { return };
    let spoken = plane.kubectl(&["get", "--raw", "/version"]).expect("the server's version");
    assert!(spoken.contains(&format!("\"gitVersion\": \"{}.", version.minor())), "{spoken}");
    let shop = Shop::open(plane, "older").await;
    walked_and_taken_back(&shop).await;
    promoted_and_undone(&shop).await;
    for component in COMPONENTS.into_iter().filter(|component| component.name != "backend") {
        assert_ne!(shop.runs(component.stable).await.0, component.image(OLD), "only the backend was undone");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_main_job_on_1_30() {
    main_job(Version::V1_30, "the_main_job_on_1_30").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_main_job_on_1_33() {
    main_job(Version::V1_33, "the_main_job_on_1_33").await;
}
