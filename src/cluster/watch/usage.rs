//! CPU and memory of pods from `metrics.k8s.io`, where it is served: a list every quarter of a minute.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use serde::Deserialize;

use super::super::quantity::number;
use super::Shared;
use super::wire::Meta;

/// How often usage is read; metrics-server measures no oftener.
const EVERY: Duration = Duration::from_secs(15);
/// How often it is looked for while it is not served.
const LOOK_AGAIN: Duration = Duration::from_secs(120);
/// Deadline of one list.
const DEADLINE: Duration = Duration::from_secs(10);
/// With more pods than this nobody reads the column, and the list is heavy.
const MOST_PODS: usize = 2_000;

#[derive(Deserialize)]
struct List {
    #[serde(default)]
    items: Vec<PodUsage>,
}

#[derive(Deserialize)]
struct PodUsage {
    metadata: Meta,
    #[serde(default)]
    containers: Vec<ContainerUsage>,
}

#[derive(Deserialize)]
struct ContainerUsage {
    #[serde(default)]
    usage: BTreeMap<String, String>,
}

/// Follows usage for ever.
pub(super) async fn follow(shared: Arc<Shared>) {
    loop {
        let few = shared.indexes.lock().unwrap_or_else(std::sync::PoisonError::into_inner).pods() <= MOST_PODS;
        let rest = match if few { read(&shared).await } else { None } {
            Some(usage) => {
                shared.change(|indexes| indexes.usage(&usage));
                EVERY
            }
            None => LOOK_AGAIN,
        };
        tokio::time::sleep(rest).await;
    }
}

/// Millicores and bytes by pod name.
async fn read(shared: &Shared) -> Option<BTreeMap<String, (u64, u64)>> {
    let target = format!("/apis/metrics.k8s.io/v1beta1/namespaces/{}/pods", shared.namespace);
    let request = Request::get(target).body(Vec::new()).ok()?;
    let text = tokio::time::timeout(DEADLINE, shared.client.request_text(request)).await.ok()?.ok()?;
    let list: List = serde_json::from_str(&text).ok()?;
    Some(list.items.into_iter().map(|pod| (pod.metadata.name, sum(&pod.containers))).collect())
}

fn sum(containers: &[ContainerUsage]) -> (u64, u64) {
    let total = |key: &str| -> f64 { containers.iter().filter_map(|c| number(c.usage.get(key)?)).sum() };
    ((total("cpu") * 1000.0).round() as u64, total("memory") as u64)
}
