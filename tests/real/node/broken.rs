//! Versions that never come up, for the two reasons that everybody knows: kubelet's own back-offs, not played ones.

use super::shop::{OLD, Shop, image};
use crate::harness::node::on_a_node;
use crate::harness::objects::{BACKEND, COMPONENTS};

#[test]
fn a_crash_loop_is_told_and_taken_back() {
    on_a_node("node::broken::a_crash_loop_is_told_and_taken_back", async |node| {
        let shop = Shop::open(node, "crash").await;
        image(node, BACKEND, "v1.4.0", &["SHOP_CRASH=1"]);
        let image = format!("backend={}", BACKEND.image("v1.4.0"));
        let (code, text) = shop.done("driver", &["run", "--yes", "--image", &image]).await;
        assert_eq!(code, 3, "rolled back although promotion was asked: {text}");
        let told = |kind: &str, word: &str| text.lines().any(|line| line.contains(kind) && line.contains(word));
        assert!(told("Z pods ", "CrashLoopBackOff") && told("Z rollback ", "restarts"), "the reason is told: {text}");
        untouched(&shop).await;
    });
}

#[test]
fn an_image_that_cannot_be_pulled_is_told_and_nothing_is_sent_to_it() {
    on_a_node("node::broken::an_image_that_cannot_be_pulled_is_told_and_nothing_is_sent_to_it", async |node| {
        let shop = Shop::open(node, "pull").await;
        let image = format!("backend={}", BACKEND.image("v1.5.0"));
        let (code, text) = shop.done("driver", &["run", "--yes", "--image", &image, "--timeout", "40s"]).await;
        assert_eq!(code, 4, "the time ran out: {text}");
        let told = |place: &str| text.lines().any(|line| line.contains(place) && line.contains("ImagePull"));
        assert!(told("Z pods ") && told("timed out: "), "while it happens, and as the reason of the end: {text}");
        let (code, text) = shop.done("rollback", &["rollback"]).await;
        assert_eq!(code, 0, "{text}");
        untouched(&shop).await;
    });
}

/// No customer noticed.
async fn untouched(shop: &Shop) {
    assert_eq!(shop.weights().await, [0, 0]);
    shop.sample(0, 100).await;
    let answers = shop.customers.answers();
    let odd: Vec<_> = answers.iter().filter(|answer| answer.came.as_ref().is_ok_and(|(version, _)| version != OLD)).collect();
    assert!(odd.is_empty(), "{odd:?}");
    assert_eq!(shop.customers.complaints(), Vec::<String>::new());
    let client = shop.namespace.harness().await;
    for component in COMPONENTS {
        crate::harness::objects::ready(&client, &shop.namespace.name, component.stable, 3).await;
    }
}
