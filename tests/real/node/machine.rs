//! The node itself: that it is what the other suites take it for.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::Api;

use super::shop::{OLD, Shop};
use crate::harness::control_plane::User;
use crate::harness::deadline::eventually;
use crate::harness::node::on_a_node;
use crate::harness::objects::{self, BACKEND};

#[test]
fn containers_answer_are_scraped_and_tell_their_log() {
    on_a_node("node::machine::containers_answer_are_scraped_and_tell_their_log", async |node| {
        let shop = Shop::open(node, "machine").await;
        let client = shop.namespace.client(User::Watcher).await;
        let service = objects::api(&client, &shop.namespace.name, "", "v1", "Service").get(BACKEND.stable).await.expect("the Service");
        let address = service.data["spec"]["clusterIP"].as_str().expect("an address").to_owned();
        let answer = eventually("an answer on the Service's address", Duration::from_secs(30), async || {
            let answer = reqwest::get(format!("http://{address}/")).await.map_err(|error| format!("{error:?}"))?;
            answer.text().await.map_err(|error| error.to_string())
        })
        .await;
        let (version, pod) = answer.trim().split_once(' ').expect("version and pod");
        assert_eq!(version, OLD);
        let log = Api::<Pod>::namespaced(client, &shop.namespace.name).logs(pod, &Default::default()).await.expect("kubelet gives the log");
        assert!(log.contains("listening on :5000"), "{log}");

        let query =
            format!("sum(rate(http_requests_total{{namespace=\"{}\",container=\"backend\",code=\"200\"}}[10s]))", shop.namespace.name);
        eventually("the customers' rate in Prometheus", Duration::from_secs(60), async || match shop.prometheus.number(&query).await {
            // A machine that stalls asks less.
            Ok(rate) if rate > 20.0 && rate < 70.0 => Ok(()),
            other => Err(format!("{other:?}")),
        })
        .await;
    });
}
